package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
)

// A Flow is what became of samples between two times.
type Flow struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Counts
	Rows []FlowRow `json:"rows,omitzero" doc:"Only where by was asked; most received first."`
}

// Counts are samples. received is the sum of the others.
type Counts struct {
	Received    uint64 `json:"received"`
	Forwarded   uint64 `json:"forwarded"`
	Dropped     uint64 `json:"dropped"`
	Downsampled uint64 `json:"downsampled"`
	Shed        uint64 `json:"shed"`
	Rejected    uint64 `json:"rejected"`
	Failed      uint64 `json:"failed"`
}

// A FlowRow is the part of one metric, team or rule; one of the three is there.
type FlowRow struct {
	Metric *string `json:"metric,omitempty"`
	Team   *string `json:"team,omitempty"`
	Rule   *string `json:"rule,omitempty" doc:"Empty for samples that no rule decided."`
	Counts
	WouldRemove *uint64 `json:"would_remove,omitempty" doc:"Of a rule in shadow mode: samples that it would have removed."`
}

type flowInput struct {
	Tenant string    `query:"tenant" doc:"All tenants where absent."`
	Team   string    `query:"team" doc:"With from: all teams where absent. By rule, it says what was removed of a team's samples, and by which rule."`
	By     string    `query:"by" enum:"metric,team,rule"`
	From   time.Time `query:"from" doc:"Where it is there, the ledger answers, in full hours: the answer's from and to say which. Else what was received since the process started."`
	To     time.Time `query:"to" doc:"With from; now where absent."`
}

type flowOutput struct{ Body Flow }

func registerFlow(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/flow", "get-flow", "What became of the samples received"),
		func(ctx context.Context, in *flowInput) (*flowOutput, error) {
			q := control.FlowQuery{Tenant: in.Tenant, Team: in.Team, By: in.By, From: in.From, To: in.To}
			ask := func() (control.Flow, error) { return c.As(actor(ctx)).Flow(q) }
			if !in.From.IsZero() || !in.To.IsZero() {
				ask = func() (control.Flow, error) { return c.As(actor(ctx)).LedgerFlow(ctx, q) }
			}
			f, err := ask()
			if err != nil {
				return nil, problem(err)
			}
			return &flowOutput{newFlow(f, in.By)}, nil
		})
}

func newFlow(f control.Flow, by string) Flow {
	out := Flow{From: f.From.UTC(), To: f.To.UTC(), Counts: Counts(f.Counts)}
	for _, r := range f.Rows {
		row := FlowRow{Counts: Counts(r.Counts)}
		switch by {
		case "metric":
			row.Metric = &r.Key
		case "team":
			row.Team = &r.Key
		case "rule":
			row.Rule = &r.Key
			if r.Shadow {
				row.WouldRemove = &r.WouldRemove
			}
		}
		out.Rows = append(out.Rows, row)
	}
	if by != "" && out.Rows == nil {
		out.Rows = []FlowRow{}
	}
	return out
}
