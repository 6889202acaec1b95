package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
)

// Unowned is what nobody owns of a tenant's forwarded series. Money is in millionths
// of the currency.
type Unowned struct {
	Groups   []UnownedGroup `json:"unowned" doc:"Most series first."`
	By       []string       `json:"by"`
	Rest     int            `json:"rest_groups" doc:"Groups beyond limit."`
	Series   int64          `json:"series" doc:"Of all groups."`
	Error    float64        `json:"series_error" doc:"Standard error of series, in series; 0 where it is exact."`
	Cost     int64          `json:"cost_per_month_micro" doc:"Of all groups: an estimate at the price of now. Series that rules thin count in full."`
	Currency string         `json:"currency" doc:"Empty where there is no price."`
	Month    *int64         `json:"month_micro" doc:"What nobody owned of the month up to now, by the ledger; null where it cannot be read."`
	Coverage *float64       `json:"coverage" doc:"The part of that month's cost that somebody owns; likewise."`
}

// An UnownedGroup are the series that nobody owns with the same values of labels.
type UnownedGroup struct {
	Labels           map[string]string `json:"labels" doc:"An empty value stands for series without the label."`
	Series           int64             `json:"series"`
	SeriesError      float64           `json:"series_error" doc:"Standard error of series, in series; 0 where it is exact."`
	SamplesPerSecond float64           `json:"samples_per_second"`
	Cost             int64             `json:"cost_per_month_micro"`
	Suggested        *SuggestedOwner   `json:"suggested" doc:"Null where no team owns most of the series that have a label in common with these."`
}

// A SuggestedOwner is the team that owns most series with one of a group's labels.
type SuggestedOwner struct {
	Team   string  `json:"team"`
	Label  string  `json:"label"`
	Value  string  `json:"value"`
	Share  float64 `json:"share" doc:"Of the owned series that have the value: the team's."`
	Series int     `json:"series" doc:"How many these are, among those that are kept as a sample."`
	Match  string  `json:"match" doc:"With team, a clause for owners that would decide."`
}

type unownedInput struct {
	Tenant string `query:"tenant" doc:"The tenant of senders that name none, where absent."`
	By     string `query:"by" maxLength:"1024" default:"namespace,job,service" doc:"Labels by whose values to group: up to four, with commas between."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"Of groups."`
}

type unownedOutput struct{ Body Unowned }

func registerUnowned(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/unowned", "list-unowned", "The series that nobody owns, what they cost, and whose they may be"),
		func(ctx context.Context, in *unownedInput) (*unownedOutput, error) {
			u, err := c.As(actor(ctx)).Unowned(ctx, control.UnownedQuery{Tenant: in.Tenant, By: strings.Split(in.By, ","), Limit: in.Limit})
			if err != nil {
				return nil, problem(err)
			}
			return &unownedOutput{newUnowned(u)}, nil
		})
}

func newUnowned(u control.Unowned) Unowned {
	out := Unowned{
		Groups: []UnownedGroup{}, By: u.By, Rest: u.Rest, Series: whole(u.Series.Value), Error: errorDigits(u.Series.Error / normal95), Cost: int64(u.Cost), Currency: u.Currency,
	}
	if u.Recorded {
		month, coverage := int64(u.Month), rateDigits(u.Coverage)
		out.Month, out.Coverage = &month, &coverage
	}
	for _, g := range u.Groups {
		of := UnownedGroup{
			Labels: map[string]string{}, Series: whole(g.Series.Value), SeriesError: errorDigits(g.Series.Error / normal95),
			SamplesPerSecond: rateDigits(g.PerSecond.Value), Cost: int64(g.Cost),
		}
		for i, name := range u.By {
			of.Labels[name] = g.Values[i]
		}
		if o := g.Owner; o != nil {
			of.Suggested = &SuggestedOwner{o.Team, o.Label, o.Value, rateDigits(o.Share), o.Series, o.Clause.Match}
		}
		out.Groups = append(out.Groups, of)
	}
	return out
}
