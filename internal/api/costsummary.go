package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
)

// A CostSummary is how a month stands. Money is in millionths of the currency.
type CostSummary struct {
	Currency string    `json:"currency" doc:"Empty where nothing has a price."`
	Month    string    `json:"month"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Tenant   string    `json:"tenant,omitempty"`
	Team     string    `json:"team,omitempty"`
	Shared   string    `json:"shared" doc:"Who pays for what nobody owns."`
	MonthState
	Coverage   float64      `json:"coverage" doc:"The part of the cost that somebody owns: of all teams, where no tenant is named, of all tenants."`
	BeforeFrom time.Time    `json:"before_from" doc:"Of the time that the month is compared with."`
	BeforeTo   time.Time    `json:"before_to"`
	Drivers    []CostDriver `json:"drivers" doc:"Of change, the greatest first: teams, or metrics of one team. Together with rest they are the change."`
	Rest       CostDriver   `json:"rest"`
	Savings    []Saving     `json:"savings" doc:"By rule, the greatest first."`
	Days       []DayCost    `json:"days" doc:"Of the month up to now."`
	Notes      []string     `json:"notes" doc:"Sentences to be read with the figures."`
}

// A MonthState is how somebody's month stands.
type MonthState struct {
	Total    int64        `json:"total_micro" doc:"Of the month up to now."`
	Before   int64        `json:"before_micro" doc:"In the same days of the month before."`
	Saved    int64        `json:"saved_micro" doc:"What rules removed, at its price."`
	Forecast Forecast     `json:"forecast"`
	Budget   *BudgetState `json:"budget" doc:"Null where there is none."`
}

// A Forecast is what a month will come to.
type Forecast struct {
	Expected   int64         `json:"expected_micro"`
	Low        int64         `json:"low_micro"`
	High       int64         `json:"high_micro"`
	Confidence float64       `json:"confidence" doc:"How often a month ends between low and high."`
	Basis      string        `json:"basis" doc:"What it rests on."`
	Days       []DayForecast `json:"days,omitempty" doc:"Those that are not over."`
}

// A DayForecast is what the month will have come to by the end of a day.
type DayForecast struct {
	Day      string `json:"day"`
	Expected int64  `json:"expected_micro"`
	Low      int64  `json:"low_micro"`
	High     int64  `json:"high_micro"`
}

// A DayCost is what a day came to.
type DayCost struct {
	Day  string `json:"day"`
	Cost int64  `json:"cost_micro"`
}

// A BudgetState is how a month stands against its budget.
type BudgetState struct {
	Budget    int64   `json:"budget_micro"`
	Used      float64 `json:"used" doc:"The part that is spent."`
	Threshold int     `json:"threshold" doc:"The highest of 50, 80 and 100 per cent that is reached; 0 for none."`
	Over      bool    `json:"over" doc:"The month is expected to end over it."`
	Exhausted *string `json:"exhausted" doc:"The day on which it is, or is expected to be, used up; null for none in this month."`
	DaysLeft  *int    `json:"days_left" doc:"Until then; null for none in this month."`
}

// A CostDriver is what one team or metric changed.
type CostDriver struct {
	Team   *string `json:"team,omitempty"`
	Metric *string `json:"metric,omitempty" doc:"Empty for the team's share of what nobody owns, and corrections."`
	Before int64   `json:"before_micro"`
	After  int64   `json:"after_micro"`
	Change int64   `json:"change_micro"`
}

// A Saving is what a rule removed and what that would have cost.
type Saving struct {
	Rule        string `json:"rule"`
	Dropped     uint64 `json:"dropped" doc:"Samples."`
	Downsampled uint64 `json:"downsampled" doc:"Samples."`
	Saved       int64  `json:"saved_micro"`
}

type summaryInput struct {
	Tenant string `query:"tenant" doc:"All tenants where absent."`
	Team   string `query:"team" doc:"All teams where absent."`
	Month  string `query:"month" maxLength:"64" doc:"This one where absent." example:"2026-11"`
}

type summaryOutput struct{ Body CostSummary }

func registerCostSummary(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/costs/summary", "get-cost-summary", "How a month stands: cost, forecast, budget, what changed and what rules saved"),
		func(ctx context.Context, in *summaryInput) (*summaryOutput, error) {
			s, err := c.As(actor(ctx)).CostSummary(ctx, control.SummaryQuery{Month: in.Month, Tenant: in.Tenant, Team: in.Team})
			if err != nil {
				return nil, problem(err)
			}
			return &summaryOutput{newCostSummary(s)}, nil
		})
}

func newCostSummary(s control.CostSummary) CostSummary {
	out := CostSummary{
		Currency: s.Currency, Month: s.Forecast.Month.String(), From: s.Query.From.Time(), To: s.Query.To.Time(),
		Tenant: string(s.Query.Tenant), Team: s.Query.Team, Shared: string(s.Query.Shared), Coverage: s.Coverage,
		MonthState: MonthState{int64(s.Total), int64(s.TotalBefore), int64(s.Saved), newForecast(s.Forecast), newBudgetState(s.Budget)},
		BeforeFrom: s.Before.From.Time(), BeforeTo: s.Before.To.Time(),
		Drivers: newDrivers(s.Drivers, s.Query.Team), Rest: newDriver(s.Rest),
		Savings: []Saving{}, Days: []DayCost{}, Notes: append([]string{}, s.Notes...),
	}
	for i := range s.Savings {
		r := &s.Savings[i]
		out.Savings = append(out.Savings, Saving{r.Rule, r.Samples[attribution.Dropped], r.Samples[attribution.Downsampled], int64(r.Saved)})
	}
	for _, d := range s.Days {
		out.Days = append(out.Days, DayCost{d.Day.String(), int64(d.Total)})
	}
	return out
}

func newForecast(f attribution.Forecast) Forecast {
	out := Forecast{Expected: int64(f.Expected), Low: int64(f.Low), High: int64(f.High), Confidence: attribution.Confidence, Basis: f.Basis}
	for _, d := range f.Days {
		out.Days = append(out.Days, DayForecast{d.Day.String(), int64(d.ToDate), int64(d.Low), int64(d.High)})
	}
	return out
}

func newBudgetState(s *attribution.BudgetState) *BudgetState {
	if s == nil {
		return nil
	}
	out := &BudgetState{Budget: int64(s.Month), Used: rateDigits(s.Used), Threshold: s.Threshold, Over: s.Over}
	if s.DaysLeft >= 0 {
		day := s.Exhausted.String()
		out.Exhausted, out.DaysLeft = &day, &s.DaysLeft
	}
	return out
}

// newDrivers writes drivers, which are a team's metrics or, where none is meant,
// teams.
func newDrivers(list []attribution.Driver, team string) []CostDriver {
	out := []CostDriver{}
	for _, d := range list {
		of := newDriver(d)
		if team == "" {
			of.Team = &d.Team
		} else {
			of.Metric = &d.Metric
		}
		out = append(out, of)
	}
	return out
}

func newDriver(d attribution.Driver) CostDriver {
	return CostDriver{Before: int64(d.Before), After: int64(d.After), Change: int64(d.Change)}
}
