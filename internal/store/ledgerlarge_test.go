package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// readError returns with what reading the cells of q ends.
func readError(t testing.TB, l *store.Ledger, q attribution.Query) error {
	t.Helper()
	for _, err := range l.Cells(t.Context(), q, nil) {
		if err != nil {
			return err
		}
	}
	return nil
}

// byMetric asks for all metrics of the days from that of h on.
func byMetric(h attribution.Hour) attribution.Query {
	return attribution.Query{From: h.Day(), To: noonHour + 1, By: []attribution.Column{attribution.ByMetric}}
}

// A day whose sums do not fit is packed as far as they do, and keeps no other day from
// being packed.
func TestADayWhoseSumsDoNotFitStopsNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		l := ledger(db)
		day := noonHour.Day() - 48
		for i, h := range []attribution.Hour{day - 24, day, day + 1, day + 2, day + 3} {
			commit(t, l, batch("w", uint64(i+1), attribution.Delta{Key: key(h, "shop", "a", "m"), Samples: attribution.Counts{1}}))
		}
		store.Exec(t, db, fmt.Sprintf("UPDATE ledger_cells SET forwarded = 9223372036854775807 WHERE hour >= %d", day))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for range 2 {
			if err := l.Settle(ctx, noonHour); err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, db, "ledger_packs"); n != 2 {
			t.Errorf("%d days are packed, want 2", n)
		}
		if err := readError(t, l, byMetric(day)); err == nil {
			t.Error("the day is read without an error")
		}
		q := byMetric(day)
		q.To = day + 2
		if got := cells(t, l, q); got == "" {
			t.Errorf("the hours that fit are not read")
		}
	})
}

// SQLite makes a real number of integers that overflow.
func TestACellThatOverflowedIsNotReadAsNone(t *testing.T) {
	db := open(t, storetest.SQLite(t))
	l := ledger(db)
	for i := range 2 {
		commit(t, l, batch("w", uint64(i+1), attribution.Delta{Key: key(noonHour, "shop", "a", "m"), Samples: attribution.Counts{1<<63 - 1}}))
	}
	if err := readError(t, l, byMetric(noonHour)); !errors.Is(err, attribution.ErrTooMuch) {
		t.Errorf("it is read with %v, want %v", err, attribution.ErrTooMuch)
	}
}
