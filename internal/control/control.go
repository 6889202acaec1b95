// Package control is what a person or a script may ask of a running gateway. The
// API and the pages are two ways to ask it; neither reaches past it.
package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/rules"
)

// A Control answers questions about one running gateway, and changes it. Its
// methods may be called from any goroutine.
type Control struct {
	gateway *gateway.Gateway
	rules   *rules.Engine
	events  *Events
	reload  func(context.Context) error
	rates   rates
}

// New returns a Control. reload reads the configuration again; its error is what
// is wrong with it.
func New(g *gateway.Gateway, e *rules.Engine, events *Events, reload func(context.Context) error) *Control {
	return &Control{gateway: g, rules: e, events: events, reload: reload}
}

// Run keeps the rates of rules up to date until ctx is done.
func (c *Control) Run(ctx context.Context) error {
	tick := time.NewTicker(rateStep)
	defer tick.Stop()
	for now := time.Now(); ; {
		f, err := c.gateway.Flow("", gateway.ByRule)
		if err != nil {
			return fmt.Errorf("read the flow of rules: %w", err)
		}
		c.rates.add(now, f.Rows)
		select {
		case <-ctx.Done():
			return nil
		case now = <-tick.C:
		}
	}
}

// Reload reads the configuration again and puts it in force, or says what is
// wrong with it and leaves everything as it was.
func (c *Control) Reload(ctx context.Context) error { return c.reload(ctx) }

// Events returns what happened, newest first, as far as it is remembered.
func (c *Control) Events(q EventQuery) []Event { return c.events.list(q) }

// ErrNotFound is the error where what is asked for does not exist.
var ErrNotFound = errors.New("not found")

// An Invalid is what is wrong with a question or a change.
type Invalid struct {
	Field string // the parameter that is meant
	Text  string // what, and what to do
}

// Error returns the text under the field's name.
func (e *Invalid) Error() string { return e.Field + ": " + e.Text }

// tenantOf parses a tenant's name; "" is no tenant.
func tenantOf(name string) (tenant.ID, error) {
	if name == "" {
		return "", nil
	}
	t, err := tenant.Parse(name)
	if err != nil {
		return "", &Invalid{"tenant", err.Error()}
	}
	return t, nil
}
