// Package control is what a person or a script may ask of a running gateway. The
// API and the pages are two ways to ask it; neither reaches past it.
package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage/querylog"
)

// A Control answers questions about one running gateway, and changes it, for one
// actor, as far as that may. What the actor may not do is an [ErrForbidden]; lists
// leave out what it may not see. Its methods may be called from any goroutine.
type Control struct {
	parts   Parts
	actor   auth.Actor
	rates   *rates
	flows   *flows
	writes  *writes
	reports chan struct{} // holds one for each that is being made
	unread  *unreading

	previews chan struct{} // holds one for each that runs

	kept   *kept
	recent bool // kept answers will do
}

// Parts are what a Control asks.
type Parts struct {
	Gateway  *gateway.Gateway
	Rules    *rules.Engine
	RuleBook *RuleBook          // what Rules has; nil where only files have rules
	Profiler *profiler.Profiler // nil where nothing is profiled
	Limits   *Limits
	Audits   *Audits // nil where nothing is recorded
	Policies *Policies
	Events   *Events
	Tokens   *auth.Tokens             // nil where there are none
	Usage    *Usage                   // nil where nothing is known of queries
	Asked    *querylog.Evidence       // what queries asked for; nil where that is not watched
	Book     *attribution.Ledger      // what waits for the store; nil where nothing is recorded
	Ledger   func() attribution.Store // nil while the store is not open
	History  func() SeriesStore       // likewise; nil where no history of series is kept
	Reload   func(context.Context) error

	Configuration func() Configuration // nil where there is none to show

	Now func() time.Time // what costs are as of; nil: time.Now
}

// New returns a Control for the program itself, which may do everything.
func New(p Parts) *Control {
	return &Control{
		parts: p, actor: auth.Actor{Name: "headgate", Role: auth.Admin}, rates: new(rates), flows: new(flows), writes: newWrites(),
		reports: make(chan struct{}, reportsAtOnce), unread: &unreading{told: map[string]bool{}}, previews: make(chan struct{}, maxPreviews), kept: new(kept),
	}
}

// now returns the time that costs are as of.
func (c *Control) now() time.Time {
	if c.parts.Now != nil {
		return c.parts.Now()
	}
	return time.Now()
}

// As returns the Control for somebody else.
func (c *Control) As(a auth.Actor) *Control {
	other := *c
	other.actor = a
	return &other
}

// Recently returns the Control whose answers, where they take long to find, may be a
// little older than the question: those of pages, which say how old they are.
func (c *Control) Recently() *Control {
	other := *c
	other.recent = true
	return &other
}

// Run keeps the rates of rules and the history of flows up to date until ctx is
// done.
func (c *Control) Run(ctx context.Context) error {
	tick := time.NewTicker(rateStep)
	defer tick.Stop()
	for now := time.Now(); ; {
		if err := c.Measure(now); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case now = <-tick.C:
		}
	}
}

// Measure notes what became of samples by now. Run does so every ten seconds.
func (c *Control) Measure(now time.Time) error {
	f, err := c.parts.Gateway.Flow("", gateway.ByRule)
	if err != nil {
		return fmt.Errorf("read the flow of rules: %w", err)
	}
	c.rates.add(now, f.Rows)
	if err := c.readFlows(now); err != nil {
		return fmt.Errorf("read the flow of tenants: %w", err)
	}
	return nil
}

// Reload reads the configuration again and puts it in force, or says what is
// wrong with it and leaves everything as it was.
func (c *Control) Reload(ctx context.Context) error {
	if err := c.mayAll(auth.Reload); err != nil {
		return err
	}
	return c.parts.Reload(ctx)
}

// ErrNotFound is the error where what is asked for does not exist.
var ErrNotFound = errors.New("not found")

// missing says what is not there and what to do; it is an ErrNotFound.
type missing struct{ text string }

func (m *missing) Error() string        { return m.text }
func (m *missing) Is(target error) bool { return target == ErrNotFound }

// Why a change is not made, besides what is wrong with it.
var (
	ErrLocked      = errors.New("locked") // what is to be changed is in a file
	ErrRevision    = errors.New("a change needs to say what it changes: send the ETag of what was read as If-Match")
	ErrConflict    = errors.New("it was changed since it was read: read it again, and send the new ETag as If-Match")
	ErrExists      = errors.New("there is one of this name")
	ErrUnavailable = errors.New("the store cannot be reached, and what cannot be kept is not changed: try again; the log says why")
)

// errUnread is the ErrUnavailable where nothing was to be changed.
var errUnread error = &unavailable{"the store cannot be reached: try again; the log says why"}

// unavailable says what cannot be done, and what to do; it is an ErrUnavailable.
type unavailable struct{ text string }

func (u *unavailable) Error() string        { return u.text }
func (u *unavailable) Is(target error) bool { return target == ErrUnavailable }

// conflict says who changed what; it is an ErrConflict.
type conflict struct{ text string }

func (c *conflict) Error() string        { return c.text }
func (c *conflict) Is(target error) bool { return target == ErrConflict }

// exists says what has the name; it is an ErrExists.
type exists struct{ text string }

func (e *exists) Error() string        { return e.text }
func (e *exists) Is(target error) bool { return target == ErrExists }

// locked says which file, and what to do; it is an ErrLocked.
type locked struct{ text string }

func (l *locked) Error() string        { return l.text }
func (l *locked) Is(target error) bool { return target == ErrLocked }

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
