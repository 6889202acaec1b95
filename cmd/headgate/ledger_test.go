package main

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
)

// The hours that are over for long are settled, months are closed 48 hours after
// their end, one after the other, and not before there is a price.
func TestMonthsAreClosedOnceThereIsAPrice(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "a.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	at := func(text string) time.Time {
		when, err := time.Parse(time.DateTime, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	now := at("2026-09-10 12:00:00")
	l := db.Ledger(store.Sketches, func() time.Time { return now })
	s := store.Sketches.New()
	s.Insert(1)
	sketch, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	err = l.Commit(t.Context(), &attribution.Batch{Writer: "w", Sequence: 1, Deltas: []attribution.Delta{{
		Key: attribution.Key{Hour: attribution.HourOf(now), Tenant: "default", Team: "search", Metric: "up"}, Samples: attribution.Counts{5}, Series: sketch,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	price := attribution.Prices{{Currency: "USD", PerMillionSamples: 1e12}}
	for _, step := range []struct {
		at     string
		prices attribution.Prices
		closed int
	}{
		{"2026-10-02 23:59:00", price, 0},
		{"2026-10-03 00:00:00", nil, 0},
		{"2026-10-03 00:00:00", price, 1},
		{"2026-10-04 00:00:00", price, 1},
		{"2026-12-20 00:00:00", price, 3},
	} {
		now = at(step.at)
		if err := tidyLedger(t.Context(), l, step.prices, now); err != nil {
			t.Fatal(err)
		}
		closings, err := l.Closings(t.Context())
		if err != nil || len(closings) != step.closed {
			t.Errorf("at %s with %d prices: %d months are closed (%v), want %d", step.at, len(step.prices), len(closings), err, step.closed)
		}
	}
	q := attribution.Query{From: attribution.HourOf(at("2026-09-01 00:00:00")), To: attribution.HourOf(at("2026-10-01 00:00:00"))}
	for c, err := range l.Cells(t.Context(), q, nil) {
		if err != nil || c.SeriesHours != 1 || c.Samples[attribution.Forwarded] != 5 {
			t.Errorf("the closed month holds %+v (%v), want 5 samples of 1 series", c, err)
		}
	}
}
