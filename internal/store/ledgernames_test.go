package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// Names that take more than may be remembered for all are read once for a report,
// however many days it tells apart, and the report says the same.
func TestNamesThatTakeTooMuchAreReadOnceForAReport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		l := ledger(db)
		var deltas []attribution.Delta
		for i := range 100 {
			k := key(noonHour-attribution.Hour(99-i), "shop", fmt.Sprint("t", i%2), strings.Repeat("m", 1000)+fmt.Sprint(i))
			deltas = append(deltas, attribution.Delta{Key: k, Samples: attribution.Counts{uint64(i)}})
		}
		commit(t, l, batch("w", 1, deltas[:50]...))
		q := whole()
		q.By = append(q.By, attribution.ByDay)
		read := func(l *store.Ledger) (lines string, keys int) {
			lines = cells(t, l, q)
			return lines, store.NamesLearnt(l)
		}
		if _, n := read(l); n != 50 {
			t.Errorf("%d names are remembered, want 50", n)
		}
		store.RememberNames(l, 60_000)
		commit(t, l, batch("w", 2, deltas[50:]...))
		want := cells(t, ledger(db), q)
		for i := range 3 {
			got, n := read(l)
			expect(t, fmt.Sprint("read ", i), want, got)
			if n != 0 {
				t.Errorf("%d names are remembered beyond what they may take", n)
			}
		}
		of := q
		of.Team = "t1"
		expect(t, "of a team", cells(t, ledger(db), of), cells(t, l, of))
		n := 0
		for c, err := range l.Cells(t.Context(), q, nil) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 1 {
				store.Exec(t, db, "UPDATE ledger_keys SET metric = 'renamed' || id")
			}
			if strings.HasPrefix(c.Metric, "renamed") {
				t.Fatal("names are read again for another day")
			}
		}
	})
}
