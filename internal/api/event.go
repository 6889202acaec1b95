package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
)

// An Event is something that an operator should know of.
type Event struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Kind   string    `json:"kind" doc:"A stable word, such as upstream, bypass, reload, explosion, limit, policy, budget or config."`
	Tenant string    `json:"tenant,omitempty"`
	Team   string    `json:"team,omitempty" doc:"Whose series, rule or budget it is about."`
	Who    string    `json:"who,omitempty" doc:"Made it happen."`
	Text   string    `json:"text"`
}

type eventsInput struct {
	Kind   string    `query:"kind"`
	Tenant string    `query:"tenant" doc:"Events that concern the whole installation belong to none."`
	Team   string    `query:"team" maxLength:"512"`
	Who    string    `query:"who" maxLength:"512"`
	From   time.Time `query:"from" doc:"Belongs to the events meant."`
	To     time.Time `query:"to" doc:"Does not belong to them."`
	Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string    `query:"cursor" doc:"The next_cursor of the page before."`
}

type eventsOutput struct {
	Body struct {
		Events     []Event `json:"events" doc:"Newest first."`
		NextCursor string  `json:"next_cursor,omitempty"`
		FromMemory bool    `json:"from_memory,omitempty" doc:"The store did not answer: these are the events that the process remembers."`
	}
}

func registerEvents(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/events", "list-events", "What happened, newest first"),
		func(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
			page, err := c.As(actor(ctx)).Events(ctx, control.EventQuery{
				Kind: in.Kind, Tenant: in.Tenant, Team: in.Team, Who: in.Who, From: in.From, To: in.To, Limit: in.Limit, Cursor: in.Cursor,
			})
			if err != nil {
				return nil, problem(err)
			}
			out := &eventsOutput{}
			out.Body.Events, out.Body.NextCursor, out.Body.FromMemory = []Event{}, page.Next, page.FromMemory
			for _, e := range page.Events {
				out.Body.Events = append(out.Body.Events, Event{e.ID, e.At.UTC(), e.Kind, string(e.Tenant), e.Team, e.Who, e.Text})
			}
			return out, nil
		})
}
