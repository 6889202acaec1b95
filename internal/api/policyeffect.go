package api

import (
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler/inventory"
)

// OwnersAnswer are all clauses, and where they were only tried what they would do.
type OwnersAnswer struct {
	OwnersSettings
	Effect *OwnersEffect `json:"effect,omitempty" doc:"Of a dry run."`
}

// OwnersEffect is what a change of owners would do.
type OwnersEffect struct {
	Change  string         `json:"change" doc:"In words."`
	Figures *OwnersFigures `json:"figures" doc:"Null where nothing is profiled."`
	Notes   []string       `json:"notes" doc:"Sentences to be read with the figures."`
}

// OwnersFigures are of the series received lately that no rule drops, of all tenants.
type OwnersFigures struct {
	Exact         bool        `json:"exact" doc:"Every series is known: nothing is estimated."`
	Series        int64       `json:"series"`
	SeriesError   float64     `json:"series_error" doc:"The truth is within that of series in 95 of 100 cases; so are all errors. 0 where it is exact."`
	UnownedBefore UnownedPart `json:"unowned_before"`
	UnownedAfter  UnownedPart `json:"unowned_after"`
	Moved         MovedPart   `json:"moved" doc:"Series whose team would be another one."`
	Moves         []TeamMove  `json:"moves" doc:"Most series first, 100 at most."`
	MovesRest     int         `json:"moves_rest" doc:"How many have no row."`
}

// An UnownedPart are series that nobody owns.
type UnownedPart struct {
	Series      int64   `json:"series"`
	SeriesError float64 `json:"series_error"`
	Share       float64 `json:"share" doc:"Of all series."`
}

// A MovedPart are series that change their team.
type MovedPart struct {
	Series       int64   `json:"series"`
	SeriesError  float64 `json:"series_error"`
	Samples      float64 `json:"samples_per_second" doc:"That pass by rules."`
	SamplesError float64 `json:"samples_per_second_error"`
}

// A TeamMove are the series that go from one team to another.
type TeamMove struct {
	From string `json:"from"`
	To   string `json:"to"`
	MovedPart
}

// PricesAnswer are all prices, and where they were only tried what they would do.
type PricesAnswer struct {
	PricesSettings
	Effect *PricesEffect `json:"effect,omitempty" doc:"Of a dry run."`
}

// PricesEffect is what a change of prices would do.
type PricesEffect struct {
	Change  string         `json:"change" doc:"In words."`
	Figures *PricesFigures `json:"figures" doc:"Null where the ledger is not open."`
	Notes   []string       `json:"notes" doc:"Sentences to be read with the figures."`
}

// PricesFigures are this month by the prices in force, and by those that would be.
type PricesFigures struct {
	Before MonthCost `json:"before"`
	After  MonthCost `json:"after"`
}

// A MonthCost is what this month comes to by some prices. Money is in millionths of
// the currency.
type MonthCost struct {
	Currency string   `json:"currency" doc:"Empty where nothing has a price."`
	Total    int64    `json:"total_micro" doc:"Of the month up to now."`
	Forecast Forecast `json:"forecast" doc:"As if the prices of now had been those of the past weeks, and were those of the rest of the month."`
}

// BudgetsAnswer are all budgets, and where they were only tried what they would do.
type BudgetsAnswer struct {
	BudgetsSettings
	Effect *BudgetsEffect `json:"effect,omitempty" doc:"Of a dry run."`
}

// BudgetsEffect is what a change of budgets would do.
type BudgetsEffect struct {
	Change  string          `json:"change" doc:"In words."`
	Figures *BudgetsFigures `json:"figures" doc:"Null where the ledger is not open, or nothing has a price."`
	Notes   []string        `json:"notes" doc:"Sentences to be read with the figures."`
}

// BudgetsFigures are this month against the budgets that would be.
type BudgetsFigures struct {
	Currency string           `json:"currency"`
	Pressed  []BudgetStanding `json:"pressed" doc:"Budgets that would be spent, over or near, the most used first, 100 at most."`
	Rest     int              `json:"pressed_rest" doc:"How many more there are."`
	Calm     int              `json:"calm" doc:"How many budgets would be nothing of that."`
}

// A BudgetStanding is how this month stands against a budget that would be.
type BudgetStanding struct {
	Key      string   `json:"key" doc:"As in budgets."`
	Is       string   `json:"is" enum:"spent,over,near" doc:"spent: all of it. over: the month is expected to end over it. near: 80 per cent are spent."`
	Was      string   `json:"was" enum:"spent,over,near,calm,missing" doc:"By the budget in force; missing where there is none."`
	Total    int64    `json:"total_micro" doc:"Of the month up to now."`
	Forecast Forecast `json:"forecast"`
	BudgetState
}

func newOwnersEffect(e control.OwnersEffect) *OwnersEffect {
	out := &OwnersEffect{Change: e.Change, Notes: append([]string{}, e.Notes...)}
	if !e.Known {
		return out
	}
	unowned := func(n inventory.Estimate) UnownedPart {
		return UnownedPart{whole(n.Value), errorDigits(n.Error), rateDigits(n.Value / max(1, e.Series.Value))}
	}
	f := &OwnersFigures{
		Exact: e.Exact, Series: whole(e.Series.Value), SeriesError: errorDigits(e.Series.Error),
		UnownedBefore: unowned(e.UnownedBefore), UnownedAfter: unowned(e.UnownedAfter),
		Moved: newMovedPart(e.Moved, e.MovedPerSecond), Moves: []TeamMove{}, MovesRest: e.More,
	}
	for _, m := range e.Moves {
		f.Moves = append(f.Moves, TeamMove{m.From, m.To, newMovedPart(m.Series, m.PerSecond)})
	}
	out.Figures = f
	return out
}

func newMovedPart(series, perSecond inventory.Estimate) MovedPart {
	return MovedPart{whole(series.Value), errorDigits(series.Error), rateDigits(perSecond.Value), errorDigits(perSecond.Error)}
}

func newPricesEffect(e control.PricesEffect) *PricesEffect {
	out := &PricesEffect{Change: e.Change, Notes: append([]string{}, e.Notes...)}
	if e.Known {
		out.Figures = &PricesFigures{newMonthCost(e.Before), newMonthCost(e.After)}
	}
	return out
}

func newMonthCost(m control.MonthCost) MonthCost {
	return MonthCost{m.Currency, int64(m.Forecast.ToDate), withoutDays(newForecast(m.Forecast))}
}

// withoutDays leaves out of a forecast what it says of each day.
func withoutDays(f Forecast) Forecast {
	f.Days = nil
	return f
}

func newBudgetsEffect(e control.BudgetsEffect) *BudgetsEffect {
	out := &BudgetsEffect{Change: e.Change, Notes: append([]string{}, e.Notes...)}
	if !e.Known {
		return out
	}
	f := &BudgetsFigures{Currency: e.Currency, Pressed: []BudgetStanding{}, Rest: e.More, Calm: e.Calm}
	for _, b := range e.Budgets {
		f.Pressed = append(f.Pressed, BudgetStanding{
			Key: b.Key(), Is: b.Is, Was: b.Was, Total: int64(b.Forecast.ToDate),
			Forecast: withoutDays(newForecast(b.Forecast)), BudgetState: *newBudgetState(&b.BudgetState),
		})
	}
	out.Figures = f
	return out
}
