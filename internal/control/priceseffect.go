package control

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
)

// A PricesEffect is what a change of prices does to the cost of this month.
type PricesEffect struct {
	Change string // of the prices, in words
	Known  bool   // the ledger is open; else there are no figures

	Before, After MonthCost // by the prices in force, and by those that would be
	Notes         []string
}

// A MonthCost is what a month has come to and will come to, by some prices.
type MonthCost struct {
	Currency string // "" where nothing has a price
	Forecast attribution.Forecast
}

// TryPrices checks what SetPrices would, and says what would be and what that does.
// Nothing is changed.
func (c *Control) TryPrices(ctx context.Context, entries []PriceEntry, by Change) (Prices, PricesEffect, error) {
	if err := c.mayAll(auth.WritePrices); err != nil {
		return Prices{}, PricesEffect{}, err
	}
	closed, err := c.closedCurrency(ctx)
	if err != nil {
		return Prices{}, PricesEffect{}, err
	}
	trial, err := c.tryPolicy(ctx, store.PricesPolicy, by, draftPrices(entries, closed))
	if err != nil {
		return Prices{}, PricesEffect{}, err
	}
	now := c.now()
	e := PricesEffect{Change: trial.change}
	e.Known, err = c.tryReading(ctx, &e.Notes, func(ctx context.Context, r *ledgerReader) error {
		if e.Before, err = r.monthCost(ctx, trial.was.prices, now); err != nil {
			return err
		}
		e.After, err = r.monthCost(ctx, trial.is.prices, now)
		return err
	})
	if err != nil {
		return Prices{}, PricesEffect{}, err
	}
	e.Notes = append(e.Notes, pricesNotes(trial.was.prices, trial.is.prices, now)...)
	return c.pricesOf(trial.is), e, nil
}

// tryReading calls f where there is a ledger to read, and otherwise adds to notes that
// there are no figures.
func (c *Control) tryReading(ctx context.Context, notes *[]string, f func(context.Context, *ledgerReader) error) (known bool, err error) {
	if c.parts.Ledger == nil || c.parts.Ledger() == nil {
		*notes = append(*notes, "The ledger is not open, so it is not known what this costs.")
		return false, nil
	}
	return true, c.read(ctx, f)
}

// monthCost returns what the month of now comes to by prices. Its hours have the
// price of their time. The forecast takes past weeks and the rest of the month to have
// the prices of now, so that a price that begins now shows in it.
func (r *ledgerReader) monthCost(ctx context.Context, prices attribution.Prices, now time.Time) (MonthCost, error) {
	tariff, err := attribution.NewTariff(prices)
	if err != nil {
		return MonthCost{}, err
	}
	m := MonthCost{Currency: tariff.Currency()}
	hour := attribution.HourOf(now)
	byDay := []attribution.Column{attribution.ByDay}
	month := attribution.Query{From: hour.Month().From(), To: hour + 1, Shared: attribution.Keep, By: byDay}
	of := &ledgerReader{r.store, tariff}
	actual, err := of.report(ctx, month)
	if err != nil {
		return m, err
	}
	if of.tariff, err = attribution.NewTariff(pricesAt(prices, hour)); err != nil {
		return m, err
	}
	past, days := trailing(month, attribution.ByDay)
	all := month
	all.From = past.From
	steady, err := of.together(ctx, all, past, days)
	if err != nil {
		return m, err
	}
	m.Forecast = forecast(steady[1].Days(), steady[2].Days(), now)
	// What is to come is added to what the month has come to.
	more := actual.Total - m.Forecast.ToDate
	m.Forecast.ToDate += more
	m.Forecast.Expected += more
	m.Forecast.Low += more
	m.Forecast.High += more
	for i := range m.Forecast.Days {
		d := &m.Forecast.Days[i]
		d.ToDate, d.Low, d.High = d.ToDate+more, d.Low+more, d.High+more
	}
	return m, nil
}

// pricesAt returns the prices of an hour, as if they had always been.
func pricesAt(prices attribution.Prices, h attribution.Hour) attribution.Prices {
	latest := map[tenant.ID]attribution.Price{}
	for _, p := range prices {
		if was, ok := latest[p.Tenant]; p.ValidFrom <= h && (!ok || was.ValidFrom < p.ValidFrom) {
			latest[p.Tenant] = p
		}
	}
	var at attribution.Prices
	for _, t := range slices.Sorted(maps.Keys(latest)) {
		p := latest[t]
		p.ValidFrom = 0
		at = append(at, p)
	}
	return at
}

// pricesNotes says what is to be known of figures by the prices that were and are.
func pricesNotes(was, is attribution.Prices, now time.Time) []string {
	hour := attribution.HourOf(now)
	month := hour.Month()
	notes := []string{"Each hour costs the price of its time, and months that are closed keep theirs."}
	earliest, changed := attribution.Hour(0), false
	for _, p := range slices.Concat(was, is) {
		if slices.Contains(was, p) && slices.Contains(is, p) {
			continue
		}
		if !changed || p.ValidFrom < earliest {
			earliest, changed = p.ValidFrom, true
		}
	}
	switch {
	case changed && earliest <= hour && earliest == 0:
		notes = append(notes, "A price without valid_from holds for hours that are over, too, of this month and of others that are not closed; give it a valid_from, and let the price of before stand beside it, to leave them as they are.")
	case changed && earliest <= hour:
		notes = append(notes, fmt.Sprintf("What changes changes the cost of hours that are over, from %s on.", earliest))
	}
	for _, p := range is {
		if p.ValidFrom > hour && p.ValidFrom < month.To() {
			notes = append(notes, fmt.Sprintf("Prices that begin later this month, the first of %s from %s on, are not in the forecast.", priceOf(p), p.ValidFrom))
			break
		}
	}
	if changed && earliest >= month.To() {
		notes = append(notes, fmt.Sprintf("What changes begins on %s, and changes nothing this month.", earliest))
	}
	return notes
}
