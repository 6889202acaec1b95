package control

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
)

const (
	// budgetsEvery is how often budgets are looked at.
	budgetsEvery = 5 * time.Minute

	// budgetsTimeout is how long that may take.
	budgetsTimeout = 2 * time.Minute

	// budgetsTrail is how far before the month the ledger is read for a forecast,
	// which knows the weekdays by eight weeks.
	budgetsTrail = attribution.Hour(8 * 7 * 24)
)

// WatchBudgets tells, as events, when a budget is spent to 50, 80 and 100 percent,
// and when its month is expected to end over it, until ctx is done. Of several
// processes that share a store one tells each.
func (c *Control) WatchBudgets(ctx context.Context) error {
	tick := time.NewTicker(budgetsEvery)
	defer tick.Stop()
	failing := false
	for {
		err := c.checkBudgets(ctx, time.Now())
		if err != nil && !failing && ctx.Err() == nil {
			c.parts.Policies.log.Error("budgets are not watched: the ledger is not read", slog.Any("err", err))
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// checkBudgets tells what is to be told of budgets at now.
func (c *Control) checkBudgets(ctx context.Context, now time.Time) error {
	budgets := c.parts.Policies.Budgets()
	if len(budgets) == 0 || c.parts.Ledger == nil {
		return nil
	}
	s, ledger := c.parts.Policies.store(), c.parts.Ledger()
	if s == nil || ledger == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, budgetsTimeout)
	defer cancel()
	month := attribution.HourOf(now).Month()
	told, err := s.Told(ctx, month)
	if err != nil {
		return err
	}
	spent, err := readSpending(ctx, ledger, c.parts.Policies.Prices(), c.parts.Policies.Shared(), now)
	if err != nil || spent.currency == "" {
		return err
	}
	for _, b := range budgets {
		days := spent.of(b)
		before, ok := told[b]
		if !ok {
			before = attribution.Told{Month: month}
		}
		events, after := b.State(attribution.NewForecast(days, now), days).Events(before, spent.currency)
		if after == before {
			continue
		}
		var list []Event
		for _, e := range events {
			list = append(list, c.parts.Events.Numbered(Event{At: now, Kind: "budget", Tenant: b.Tenant, Team: b.Team, Text: e.Text}))
		}
		switch err := s.Tell(ctx, b, before, after, list...); {
		case errors.Is(err, store.ErrConflict):
			continue // another process tells it
		case err != nil:
			return err
		}
		for _, e := range list {
			c.parts.Policies.log.Warn("budget", slog.String("what", e.Text))
			c.parts.Events.Add(e) // it is in the store by now, and stays there once
		}
	}
	return nil
}

// A spending is what teams and tenants spent on each day.
type spending struct {
	currency string
	days     int              // how many there are
	from     attribution.Hour // when the first begins
	byTeam   map[string][]attribution.DayTotal
	byTenant map[tenant.ID][]attribution.DayTotal
}

// readSpending reads the days that a forecast at now looks back to, up to now's
// own, in one pass over the ledger. The month by itself is a report of its own:
// who pays for what nobody owns in it depends on no other month.
func readSpending(ctx context.Context, ledger attribution.Store, prices attribution.Prices, shared attribution.Sharing, now time.Time) (*spending, error) {
	closings, err := ledger.Closings(ctx)
	if err != nil {
		return nil, err
	}
	tariff, err := attribution.NewTariff(prices, closings...)
	if err != nil {
		return nil, err
	}
	today := attribution.HourOf(now).Day()
	month := today.Month().From()
	s := &spending{
		currency: tariff.Currency(), from: month - budgetsTrail,
		byTeam: map[string][]attribution.DayTotal{}, byTenant: map[tenant.ID][]attribution.DayTotal{},
	}
	s.days = int(today-s.from)/24 + 1
	if s.currency == "" {
		return s, nil
	}
	byTeam := []attribution.Column{attribution.ByDay, attribution.ByTeam}
	all := attribution.Query{From: s.from, To: today + 24, By: []attribution.Column{attribution.ByDay, attribution.ByTenant, attribution.ByTeam}}
	builders := []*attribution.Builder{
		attribution.NewBuilder(attribution.Query{From: s.from, To: month, By: byTeam, Shared: shared}, tariff),
		attribution.NewBuilder(attribution.Query{From: month, To: all.To, By: byTeam, Shared: shared}, tariff),
		attribution.NewBuilder(attribution.Query{From: s.from, To: all.To, By: []attribution.Column{attribution.ByDay, attribution.ByTenant}}, tariff),
	}
	for cell, err := range ledger.Cells(ctx, all, tariff.Changes(all.From, all.To)) {
		if err != nil {
			return nil, err
		}
		for _, b := range builders {
			b.Add(&cell)
		}
	}
	adjustments, err := ledger.Adjustments(ctx, all.From, all.To)
	if err != nil {
		return nil, err
	}
	for i, b := range builders {
		for _, a := range adjustments {
			b.Adjust(a)
		}
		r, err := b.Report()
		if err != nil {
			return nil, err
		}
		for _, row := range r.Rows {
			day := attribution.DayTotal{Day: row.Day, Total: row.Cost}
			if i < 2 {
				s.byTeam[row.Team] = append(s.byTeam[row.Team], day)
			} else {
				s.byTenant[row.Tenant] = append(s.byTenant[row.Tenant], day)
			}
		}
	}
	return s, nil
}

// of returns the totals of every day that count for a budget.
func (s *spending) of(b attribution.Budget) []attribution.DayTotal {
	rows := s.byTeam[b.Team]
	if b.Tenant != "" {
		rows = s.byTenant[b.Tenant]
	}
	days := make([]attribution.DayTotal, s.days)
	for i := range days {
		days[i].Day = s.from + attribution.Hour(24*i)
	}
	for _, row := range rows {
		days[(row.Day-s.from)/24].Total += row.Total
	}
	return days
}
