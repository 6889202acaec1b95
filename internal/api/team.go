package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
)

// A Team is who owns series and pays for them. Money is in millionths of the
// currency.
type Team struct {
	Team     string   `json:"team" doc:"unowned stands for what nobody owns."`
	Title    string   `json:"title" doc:"For people; empty where no catalog has one."`
	Members  []string `json:"members" doc:"Of the catalogs' groups."`
	Entities []string `json:"entities" doc:"That the team owns, by the catalogs."`
	MonthState
}

// Teams are all that are known.
type Teams struct {
	Teams      []Team    `json:"teams" doc:"The dearest first."`
	Currency   string    `json:"currency" doc:"Empty where nothing has a price."`
	From       time.Time `json:"from" doc:"When the month began."`
	To         time.Time `json:"to"`
	BeforeFrom time.Time `json:"before_from" doc:"Of the time that before_micro is of."`
	BeforeTo   time.Time `json:"before_to"`
	Total      int64     `json:"total_micro" doc:"Of all teams, on this page or not."`
	TotalTeams int       `json:"total_teams"`
	Coverage   float64   `json:"coverage" doc:"The part of the cost that somebody owns."`
	Notes      []string  `json:"notes" doc:"Sentences to be read with the figures."`
	NextCursor string    `json:"next_cursor" doc:"Of the next page; empty where there is none."`
}

// A TeamDetail is a team with what makes its cost.
type TeamDetail struct {
	Team
	Currency string       `json:"currency"`
	From     time.Time    `json:"from"`
	To       time.Time    `json:"to"`
	Metrics  []CostPart   `json:"metrics" doc:"Of the team's own use this month, the dearest first."`
	Services []CostPart   `json:"services" doc:"Likewise; empty where the ledger knows no services."`
	Drivers  []CostDriver `json:"drivers" doc:"Of change, the greatest first; the one with an empty metric is the team's share of what nobody owns."`
	Rest     CostDriver   `json:"rest"`
	Savings  []Saving     `json:"savings" doc:"By rule, the greatest first."`
	Days     []DayCost    `json:"days"`
	Findings []Finding    `json:"findings" doc:"What would save most; estimates of what was received lately. None where there is no price."`
	Notes    []string     `json:"notes"`
}

// A CostPart is one metric's or service's part of a team's cost.
type CostPart struct {
	Name        string `json:"name"`
	Samples     uint64 `json:"samples" doc:"Forwarded."`
	SeriesHours uint64 `json:"series_hours"`
	Cost        int64  `json:"cost_micro"`
}

// A Finding is what a team could change, and what that would save.
type Finding struct {
	Kind         string `json:"kind" enum:"label,rate" doc:"label: one makes most of the series; a change at the source. rate: there are more samples than one a minute; a rule."`
	Tenant       string `json:"tenant"`
	Metric       string `json:"metric"`
	Label        string `json:"label,omitempty"`
	Series       int64  `json:"series"`
	SeriesAfter  int64  `json:"series_after"`
	CostPerMonth int64  `json:"cost_per_month_micro"`
	Saving       int64  `json:"saving_per_month_micro"`
	Text         string `json:"text" doc:"What to do."`
}

type teamsInput struct {
	Tenant string `query:"tenant" doc:"Whose cost is counted; all tenants where absent. With it there are no budgets, which are for all of them."`
	Month  string `query:"month" maxLength:"64" doc:"This one where absent." example:"2026-11"`
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" default:"1000"`
	Cursor string `query:"cursor" maxLength:"512" doc:"next_cursor of the page before: the name of its last team. Figures move between pages."`
}

type teamsOutput struct{ Body Teams }

type teamInput struct {
	Team   string `path:"team" maxLength:"1024"`
	Tenant string `query:"tenant" doc:"Whose cost is counted; all tenants where absent."`
	Month  string `query:"month" maxLength:"64" doc:"This one where absent." example:"2026-11"`
}

type teamOutput struct{ Body TeamDetail }

func registerTeams(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/teams", "list-teams", "The teams: who they are, and how their month stands"),
		func(ctx context.Context, in *teamsInput) (*teamsOutput, error) {
			list, err := c.As(actor(ctx)).Teams(ctx, control.TeamsQuery{Tenant: in.Tenant, Month: in.Month})
			if err != nil {
				return nil, problem(err)
			}
			out, err := newTeams(list, in.Limit, in.Cursor)
			if err != nil {
				return nil, problem(err)
			}
			return &teamsOutput{out}, nil
		})
	huma.Register(a, operation(http.MethodGet, "/teams/{team}", "get-team", "One team: what makes its cost, what changed, and what would save most"),
		func(ctx context.Context, in *teamInput) (*teamOutput, error) {
			t, err := c.As(actor(ctx)).Team(ctx, in.Team, control.TeamsQuery{Tenant: in.Tenant, Month: in.Month})
			if err != nil {
				return nil, problem(err)
			}
			return &teamOutput{newTeamDetail(t)}, nil
		})
}

func newTeams(list control.Teams, limit int, cursor string) (Teams, error) {
	out := Teams{
		Teams: []Team{}, Currency: list.Currency, From: list.Query.From.Time(), To: list.Query.To.Time(),
		BeforeFrom: list.Before.From.Time(), BeforeTo: list.Before.To.Time(),
		Total: int64(list.Total), TotalTeams: len(list.Teams), Coverage: list.Coverage, Notes: append([]string{}, list.Notes...),
	}
	rest := list.Teams
	for cursor != "" {
		if len(rest) == 0 {
			return out, &control.Invalid{Field: "cursor", Text: "this is no cursor that a page before gave; leave it out to begin anew"}
		}
		if rest[0].Name == cursor {
			cursor = ""
		}
		rest = rest[1:]
	}
	for i := range rest {
		if i == limit {
			out.NextCursor = rest[i-1].Name
			break
		}
		t := newTeam(&rest[i])
		t.Forecast.Days = nil
		out.Teams = append(out.Teams, t)
	}
	return out, nil
}

func newTeam(t *control.Team) Team {
	return Team{
		t.Name, t.Title, append([]string{}, t.Members...), append([]string{}, t.Entities...),
		MonthState{int64(t.Cost), int64(t.Before), int64(t.Saved), newForecast(t.Forecast), newBudgetState(t.Budget)},
	}
}

func newTeamDetail(t control.TeamDetail) TeamDetail {
	s := newCostSummary(t.Summary)
	out := TeamDetail{
		Team: newTeam(&t.Team), Currency: s.Currency, From: s.From, To: s.To, Metrics: newCostParts(t.Metrics), Services: newCostParts(t.Services),
		Drivers: s.Drivers, Rest: s.Rest, Savings: s.Savings, Days: s.Days, Findings: []Finding{}, Notes: s.Notes,
	}
	for _, f := range t.Findings {
		out.Findings = append(out.Findings, Finding{
			f.Kind, string(f.Tenant), f.Metric, f.Label, whole(f.Series), whole(f.SeriesAfter), int64(f.CostPerMonth), int64(f.Saving), f.Text,
		})
	}
	return out
}

func newCostParts(list []control.CostPart) []CostPart {
	out := []CostPart{}
	for _, p := range list {
		out = append(out, CostPart{p.Name, p.Samples, p.SeriesHours, int64(p.Cost)})
	}
	return out
}
