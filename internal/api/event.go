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
	At     time.Time `json:"at"`
	Kind   string    `json:"kind" doc:"A stable word, such as upstream, bypass, reload or config."`
	Tenant string    `json:"tenant,omitempty"`
	Text   string    `json:"text"`
}

type eventsInput struct {
	Kind string    `query:"kind"`
	From time.Time `query:"from" doc:"Belongs to the events meant."`
	To   time.Time `query:"to" doc:"Does not belong to them."`
}

type eventsOutput struct {
	Body struct {
		Events []Event `json:"events" doc:"Newest first; the latest thousand are remembered."`
	}
}

func registerEvents(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/events", "list-events", "What happened, newest first"),
		func(_ context.Context, in *eventsInput) (*eventsOutput, error) {
			out := &eventsOutput{}
			out.Body.Events = []Event{}
			for _, e := range c.Events(control.EventQuery{Kind: in.Kind, From: in.From, To: in.To}) {
				out.Body.Events = append(out.Body.Events, Event{e.At.UTC(), e.Kind, string(e.Tenant), e.Text})
			}
			return out, nil
		})
}
