package control

import (
	"context"
	"log/slog"
	"time"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
)

// An Event is something that an operator should know of.
type Event = store.Event

// Events are what happened. They wait for the store, and are read from it and from
// memory alike. They may be used from any goroutine; their Run stores them.
type Events struct{ *store.Journal }

// NewEvents returns Events of which nothing has happened.
func NewEvents(log *slog.Logger) *Events { return &Events{store.NewJournal(log)} }

// Tell takes an event of the gateway. It never blocks.
func (es *Events) Tell(e gateway.Event) {
	es.Add(Event{At: e.At, Kind: e.Kind, Tenant: e.Tenant, Team: e.Team, Who: e.Who, Text: e.Text})
}

// An EventQuery says which events are meant. What is zero restricts nothing.
type EventQuery struct {
	Kind     string
	Tenant   string
	Team     string    // whose series, rule or budget they are about
	Who      string    // made them happen
	From, To time.Time // From belongs to the events meant, To does not
	Limit    int       // 100 where it is 0, 1000 at most
	Cursor   string    // the Next of the page before
}

// An EventPage is one page of events, newest first.
type EventPage = store.EventPage

// Events returns what happened.
func (c *Control) Events(ctx context.Context, q EventQuery) (EventPage, error) {
	t, err := c.tenantOrAll(auth.ReadEvents, q.Tenant)
	if err != nil {
		return EventPage{}, err
	}
	page, err := c.parts.Events.Events(ctx, store.EventQuery{
		Kind: q.Kind, Tenant: t, Team: q.Team, Who: q.Who, From: q.From, To: q.To, Limit: q.Limit, Before: q.Cursor,
	})
	if err != nil { // there is no other error
		return EventPage{}, &Invalid{"cursor", "it is none that a page before gave; leave it out to begin anew"}
	}
	return page, nil
}
