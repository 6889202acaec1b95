package control

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
)

// A SummaryQuery says whose month is meant.
type SummaryQuery struct {
	Month        string // as in 2026-11; "" for this one
	Tenant, Team string // "" for all
}

// A CostSummary is how a month stands.
type CostSummary struct {
	At       time.Time // when it was found
	Currency string
	Query    attribution.Query // of the month up to now
	Before   attribution.Query // of the time it is compared with

	Total, TotalBefore attribution.Micro
	Coverage           float64 // of all teams
	Forecast           attribution.Forecast
	Budget             *attribution.BudgetState // nil where there is none
	Days               []attribution.DayTotal   // of the month up to now

	Drivers []attribution.Driver // by team, or of one team by metric: greatest change first; without a metric, its share of what nobody owns
	Rest    attribution.Driver   // all the others
	Saved   attribution.Micro
	Savings []attribution.Row // by rule
	Notes   []string
}

const (
	// trailingDays is how far back a forecast looks.
	trailingDays = 8 * 7

	// maxDrivers is how many drivers of change are shown.
	maxDrivers = 5
)

// CostSummary returns how a month stands: what it cost so far, what it will come to
// and what changed.
func (c *Control) CostSummary(ctx context.Context, q SummaryQuery) (CostSummary, error) {
	now := c.now()
	m, err := parseMonth(q.Month, now)
	if err != nil {
		return CostSummary{}, err
	}
	t, err := c.tenantOrAll(auth.ReadCosts, q.Tenant)
	if err != nil {
		return CostSummary{}, err
	}
	month := attribution.Query{From: m.From(), To: min(m.To(), soon(now)), Shared: c.parts.Policies.Shared(), Tenant: t, Team: q.Team}
	return recently(ctx, c, "summary", month, t, few, func() (CostSummary, error) { return c.summary(ctx, month, now) })
}

func (c *Control) summary(ctx context.Context, month attribution.Query, now time.Time) (CostSummary, error) {
	s := CostSummary{At: time.Now(), Query: month, Before: month.Before()}
	err := c.read(ctx, func(ctx context.Context, r *ledgerReader) error { return s.fill(ctx, r, now) })
	if err != nil {
		return CostSummary{}, err
	}
	for _, b := range c.parts.Policies.Budgets() {
		if b.Team == month.Team && b.Tenant == month.Tenant {
			state := b.State(s.Forecast, s.Days)
			s.Budget = &state
		}
	}
	return s, nil
}

// fill reads the ledger. Sums by team are enough for all but the drivers of one
// team's change, for which the others' metrics need not be read.
func (s *CostSummary) fill(ctx context.Context, r *ledgerReader, now time.Time) error {
	all := s.Query
	all.From -= trailingDays * 24
	all.By = []attribution.Column{attribution.ByRule}
	past, month := trailing(s.Query, attribution.ByDay)
	after, before, savings := s.Query, s.Before, s.Query
	if s.Query.Team == "" {
		after.By = []attribution.Column{attribution.ByTeam}
		before.By = after.By
	}
	savings.By, savings.Shared = all.By, attribution.Keep
	reports, err := r.within(ctx, all, past, month, after, before, savings)
	if err != nil {
		return err
	}
	before56, days := reports[0], reports[1]
	s.Currency, s.Total, s.Coverage, s.Notes = days.Currency, days.Total, days.Coverage, notes(days)
	s.Days = days.Days()
	s.Forecast = forecast(before56.Days(), s.Days, now)
	s.TotalBefore = reports[3].Total
	for _, row := range reports[4].Rows {
		if row.Rule != "" {
			s.Savings = append(s.Savings, row)
		}
	}
	slices.SortStableFunc(s.Savings, func(a, b attribution.Row) int { return cmp.Compare(b.Saved, a.Saved) })
	s.Saved = reports[4].Saved
	if s.Query.Team == "" {
		drivers, _ := attribution.Drivers(reports[3], reports[2], maxReportRows)
		s.Drivers, s.Rest = foremost(drivers)
		return nil
	}
	return s.byMetric(ctx, r)
}

// byMetric finds the metrics that drive a team's change. What of it is not their
// own is the team's share of what nobody owns, and corrections.
func (s *CostSummary) byMetric(ctx context.Context, r *ledgerReader) error {
	own, before := s.Query, s.Before
	own.Shared, own.By = attribution.Keep, []attribution.Column{attribution.ByMetric}
	before.Shared, before.By = own.Shared, own.By
	all := own
	all.From = before.From
	reports, err := r.within(ctx, all, own, before)
	if err != nil {
		return err
	}
	drivers, _ := attribution.Drivers(reports[1], reports[0], maxReportRows)
	share := attribution.Driver{Before: s.TotalBefore - reports[1].Total, After: s.Total - reports[0].Total}
	if i := slices.IndexFunc(drivers, func(d attribution.Driver) bool { return d.Metric == "" }); i >= 0 {
		share.Before, share.After = share.Before+drivers[i].Before, share.After+drivers[i].After
		drivers = slices.Delete(drivers, i, i+1)
	}
	if share.Change = share.After - share.Before; share.Before != 0 || share.After != 0 {
		drivers = append(drivers, share)
	}
	slices.SortStableFunc(drivers, func(a, b attribution.Driver) int {
		return cmp.Compare(max(b.Change, -b.Change), max(a.Change, -a.Change))
	})
	s.Drivers, s.Rest = foremost(drivers)
	return nil
}

// foremost returns the first drivers, as far as anything changed, and the rest as
// one.
func foremost(drivers []attribution.Driver) (top []attribution.Driver, rest attribution.Driver) {
	n := slices.IndexFunc(drivers, func(d attribution.Driver) bool { return d.Change == 0 })
	if n < 0 {
		n = len(drivers)
	}
	n = min(n, maxDrivers)
	for _, d := range drivers[n:] {
		rest.Before += d.Before
		rest.After += d.After
		rest.Change += d.Change
	}
	return drivers[:n], rest
}

// trailing returns the query for the days before a month that a forecast rests on,
// and for those of the month. Apart, the latter add up to the month's own total.
func trailing(month attribution.Query, by ...attribution.Column) (before, of attribution.Query) {
	month.By = by
	before = month
	before.From, before.To = month.From-trailingDays*24, month.From
	return before, month
}

// MonthOver is the basis of the forecast of a month that is over.
const MonthOver = "the month is over"

// forecast returns the forecast of the month that days are of; before are the days
// before it.
func forecast(before, days []attribution.DayTotal, now time.Time) attribution.Forecast {
	m := days[0].Day.Month()
	if m == attribution.HourOf(now).Month() {
		return attribution.NewForecast(slices.Concat(before, days), now)
	}
	f := attribution.Forecast{Month: m, Basis: MonthOver}
	for _, d := range days {
		f.ToDate += d.Total
	}
	f.Expected, f.Low, f.High = f.ToDate, f.ToDate, f.ToDate
	return f
}
