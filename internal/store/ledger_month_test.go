package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

var (
	october  = attribution.Month{Year: 2026, Month: time.October}
	november = october.Next()
)

func prices(t testing.TB, perMillion string, from attribution.Hour) attribution.Price {
	t.Helper()
	d, err := attribution.ParseDecimal(perMillion)
	if err != nil {
		t.Fatal(err)
	}
	return attribution.Price{Currency: "USD", PerMillionSamples: d, PerThousandSeriesMonth: d, ValidFrom: from}
}

func TestAClosedMonthDoesNotChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		l := ledger(open(t, url))
		end := october.To() - 1
		commit(t, l, batch("a", 1, example(end)...))
		dear := prices(t, "2", october.From()+100)
		closing := attribution.Closing{Month: october, At: noon, Prices: []attribution.Price{prices(t, "0.125", 0), dear}}
		again := attribution.Closing{Month: october, At: noon.Add(time.Hour), Prices: []attribution.Price{dear}}
		earlier := attribution.Closing{Month: october.Previous(), At: noon}
		for _, c := range []attribution.Closing{closing, again, earlier} {
			if err := l.Close(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		got, err := l.Closings(t.Context())
		if diff := gocmp.Diff([]attribution.Closing{earlier, closing}, got); diff != "" || err != nil {
			t.Errorf("closed months: %v (-want +got):\n%s", err, diff)
		}

		before := cells(t, l, whole())
		late := func(h attribution.Hour, team string, samples uint64) attribution.Delta {
			return attribution.Delta{Key: key(h, "shop", team, "up"), Samples: attribution.Counts{samples, 1}, Series: series(77), Rules: []attribution.RuleDelta{{Rule: "r", Dropped: 1, Series: series(1)}}}
		}
		b := batch("a", 2,
			late(october.From(), "checkout", 1_000_000), // at the first price
			late(end, "checkout", 3_000_000),
			late(end, "search", 1), // 2 micro-units
			late(noonHour, "checkout", 5),
		)
		commit(t, l, b, b)
		october := whole()
		october.To = november.From()
		expect(t, "the closed month", before, cells(t, l, october))
		expect(t, "this month", "+0 shop/checkout//up [5 1 0 0 0 0] 1 r:1,0,1", cells(t, l, attribution.Query{From: noonHour, To: noonHour + 1, By: whole().By}))

		as, err := l.Adjustments(t.Context(), noonHour, noonHour+1)
		if err != nil {
			t.Fatal(err)
		}
		want := []attribution.Adjustment{
			{At: noonHour, Of: closing.Month, Tenant: "shop", Team: "checkout", Amount: 6_125_000, Reason: "4000000 samples of 2026-10 were stored after it was closed"},
			{At: noonHour, Of: closing.Month, Tenant: "shop", Team: "search", Amount: 2, Reason: "1 samples of 2026-10 were stored after it was closed"},
		}
		if diff := gocmp.Diff(want, as); diff != "" {
			t.Errorf("adjustments (-want +got):\n%s", diff)
		}
		if as, err := l.Adjustments(t.Context(), noonHour+1, noonHour+1000); len(as) != 0 || err != nil {
			t.Errorf("of later hours there are the adjustments %v, %v", as, err)
		}
	})
}

func TestACorrectionStandsInAnOpenMonth(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		l := ledger(open(t, url))
		a := attribution.Adjustment{At: noonHour, Of: october, Tenant: "shop", Team: "checkout", Amount: -400_001, Reason: "credit note 7"}
		if err := l.Adjust(t.Context(), "7", a); !errors.Is(err, store.ErrConflict) {
			t.Errorf("of an open month: error %v, want ErrConflict", err)
		}
		if err := l.Close(t.Context(), attribution.Closing{Month: october, At: noon}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := l.Adjust(t.Context(), "7", a); err != nil {
				t.Fatal(err)
			}
		}
		inClosed := a
		inClosed.At = october.From()
		if err := l.Adjust(t.Context(), "8", inClosed); !errors.Is(err, store.ErrConflict) {
			t.Errorf("in a closed month: error %v, want ErrConflict", err)
		}
		got, err := l.Adjustments(t.Context(), noonHour, noonHour+1)
		if diff := gocmp.Diff([]attribution.Adjustment{a}, got); diff != "" || err != nil {
			t.Errorf("adjustments: %v (-want +got):\n%s", err, diff)
		}
	})
}

func TestCellsAreSummedAsFarAsTheQueryAllows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		l := ledger(open(t, url))
		day := noonHour.Day()
		sequence := uint64(0)
		for _, h := range []attribution.Hour{day - 24, day - 1, day, day + 1} {
			sequence++
			deltas := example(h)
			for i := range deltas {
				deltas[i].Service = "web"
			}
			deltas = append(deltas, attribution.Delta{Key: key(h, "wiki", "checkout", "up"), Samples: attribution.Counts{100}})
			commit(t, l, batch("a", sequence, deltas...))
		}
		if err := l.Settle(t.Context(), day); err != nil {
			t.Fatal(err)
		}
		type query = attribution.Query
		all := query{From: 0, To: noonHour + 1000}
		with := func(change func(q *query)) query { q := all; change(&q); return q }
		tests := []struct {
			name    string
			query   query
			changes []attribution.Hour
			want    string
		}{
			{"by day, tenant and team", all, nil, `
-12 shop/checkout// [22 10 6 2 0 4] 6 :10,6,4
-12 shop/unowned// [14 0 0 0 0 0] 0
-12 wiki/checkout// [200 0 0 0 0 0] 0
-36 shop/checkout// [22 10 6 2 0 4] 6 :10,6,4
-36 shop/unowned// [14 0 0 0 0 0] 0
-36 wiki/checkout// [200 0 0 0 0 0] 0`},
			{"apart where a price changes", with(func(q *query) { q.Tenant = "wiki" }), []attribution.Hour{day - 24, day - 23, day + 1}, `
-11 wiki/checkout// [100 0 0 0 0 0] 0
-12 wiki/checkout// [100 0 0 0 0 0] 0
-35 wiki/checkout// [100 0 0 0 0 0] 0
-36 wiki/checkout// [100 0 0 0 0 0] 0`},
			{"by service, of some hours", with(func(q *query) {
				q.By, q.From, q.To = []attribution.Column{attribution.ByService}, day, day+1
			}), nil, `
-12 shop/checkout/web/ [11 5 3 1 0 2] 3 :5,3,2
-12 shop/unowned/web/ [7 0 0 0 0 0] 0
-12 wiki/checkout// [100 0 0 0 0 0] 0`},
			{"by rule, of a team and tenant", with(func(q *query) {
				q.By, q.Tenant, q.Team, q.To = []attribution.Column{attribution.ByRule}, "shop", "checkout", day
			}), nil, `-36 shop/checkout// [22 10 6 2 0 4] 6 drop:10,0,4 thin:0,6,0`},
			{"of one metric", with(func(q *query) { q.Metric, q.From = "up", day }), nil, `
-12 shop/checkout//up [2 0 0 0 0 0] 2
-12 shop/unowned//up [14 0 0 0 0 0] 0
-12 wiki/checkout//up [200 0 0 0 0 0] 0`},
			{"of one team, which shares what nobody owns", with(func(q *query) {
				q.Team, q.Shared, q.From, q.Service = "checkout", attribution.Even, day, "web"
			}), nil, `
-12 shop/checkout/web/ [22 10 6 2 0 4] 6 :10,6,4
-12 shop/unowned/web/ [14 0 0 0 0 0] 0`},
			{"of what nobody owns", with(func(q *query) { q.Team, q.Shared, q.From = attribution.Unowned, attribution.Even, day }), nil,
				`-12 shop/unowned// [14 0 0 0 0 0] 0`},
			{"of nothing", with(func(q *query) { q.Tenant = "x' OR '1'='1" }), nil, ""},
			{"of no time", with(func(q *query) { q.From, q.To = day, day }), nil, ""},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				expect(t, "cells", tt.want, cells(t, l, tt.query, tt.changes...))
			})
		}
	})
}

func TestCellsStopWhereTheReaderDoes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		l := ledger(open(t, url))
		if got := cells(t, l, whole()); got != "" {
			t.Errorf("of an empty ledger there are the cells %q", got)
		}
		commit(t, l, batch("a", 1, example(noonHour)...), batch("a", 2, example(noonHour+48)...))
		byDay := whole()
		byDay.By = append(byDay.By, attribution.ByDay)
		for most := 1; most <= 6; most++ {
			n := 0
			for _, err := range l.Cells(t.Context(), byDay, nil) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == most {
					break
				}
			}
			if n != most {
				t.Errorf("%d cells, want %d", n, most)
			}
		}
	})
}

func TestRetentionDeletesWhatIsOld(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		now := noon.Add(-100 * 24 * time.Hour)
		l := db.Ledger(sets, func() time.Time { return now })
		old := batch("old", 1, example(attribution.HourOf(now))...)
		old.Deltas = append(old.Deltas, attribution.Delta{Key: key(attribution.HourOf(now), "wiki", "a", "gone"), Samples: attribution.Counts{1}})
		commit(t, l, old)
		now = noon
		commit(t, l, batch("new", 1, example(noonHour)...))
		want := cells(t, l, attribution.Query{From: noonHour, To: noonHour + 1, By: whole().By})

		n, err := db.DeleteLedgerBefore(t.Context(), noon.Add(-62*24*time.Hour), 2)
		if err != nil || n != 4+2+3+1+1+3+2 { // cells, rules, sketches, a writer, a key that is used no more, sums by team and by rule
			t.Errorf("%d rows deleted, %v; want 16", n, err)
		}
		expect(t, "left", want, cells(t, l, whole()))
		if keys := count(t, db, "ledger_keys"); keys != 3 {
			t.Errorf("%d keys are left, want 3", keys)
		}
		commit(t, l, batch("new", 1, example(noonHour)...))
		expect(t, "after the newest batch came again", want, cells(t, l, whole()))
		// A name that comes back finds a key.
		commit(t, db.Ledger(sets, func() time.Time { return now }), batch("new", 2, attribution.Delta{Key: key(noonHour, "wiki", "a", "gone"), Samples: attribution.Counts{1}}))
		expect(t, "a name that comes back", "+0 wiki/a//gone [1 0 0 0 0 0] 0", cells(t, l, attribution.Query{From: 0, To: noonHour + 1, Metric: "gone"}))
	})
}

func TestAKeyInUseIsNotDeleted(t *testing.T) {
	db := open(t, storetest.SQLite(t))
	now := noon
	l := db.Ledger(sets, func() time.Time { return now })
	for day := range 70 { // from one process, which remembers its keys
		now = noon.Add(time.Duration(day) * 25 * time.Hour)
		commit(t, l, batch("a", uint64(day+1), example(attribution.HourOf(now))...))
	}
	if _, err := db.DeleteLedgerBefore(t.Context(), now.Add(-62*24*time.Hour), 100); err != nil {
		t.Fatal(err)
	}
	if keys := count(t, db, "ledger_keys"); keys != 3 {
		t.Errorf("%d keys are left, want 3", keys)
	}
}

func TestRollingUpChangesNoSum(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		l := ledger(db)
		change := october.From() + 24 + 5 // within the second day
		for i := range 72 {
			commit(t, l, batch("a", uint64(i+1), example(october.From()+attribution.Hour(i))...))
		}
		commit(t, l, batch("b", 1, example(noonHour)...))
		rollUp := func() {
			t.Helper()
			if err := l.RollUp(t.Context(), october.From()+48); err != nil {
				t.Fatal(err)
			}
		}
		byDay := whole()
		byDay.By = append(byDay.By, attribution.ByDay)
		before := cells(t, l, byDay, change)
		rollUp() // nothing is closed
		if err := l.Close(t.Context(), attribution.Closing{Month: october, At: noon, Prices: []attribution.Price{prices(t, "1", 0), prices(t, "2", change)}}); err != nil {
			t.Fatal(err)
		}
		rollUp() // nothing is settled
		if n := count(t, db, "ledger_cells"); n != 73*3 {
			t.Errorf("%d cells, want %d", n, 73*3)
		}
		if err := l.Settle(t.Context(), november.From()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			rollUp()
			expect(t, "rolled up", before, cells(t, l, byDay, change))
			if n := count(t, db, "ledger_cells"); n != (3+24+1)*3 { // a day, a day in two parts, and a day by hours
				t.Errorf("%d cells, want %d", n, (3+24+1)*3)
			}
		}
	})
}

func TestALedgerWhoseStoreIsGoneSaysSo(t *testing.T) {
	server := storetest.New(t)
	l := ledger(open(t, server.Database(t)))
	commit(t, l, batch("a", 1, example(noonHour)...))
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	b := batch("a", 2, example(noonHour)...)
	err := l.Commit(t.Context(), b)
	if err == nil || !strings.Contains(err.Error(), "batch 2 of a: ") {
		t.Errorf("error %v, want it to say which batch", err)
	}
	// Which of the two, hangs on how long the connection was not used.
	if err != nil && !strings.Contains(err.Error(), "closed the connection: see ") && !strings.Contains(err.Error(), "cannot be reached: see ") {
		t.Errorf("error %v, want it to say what to do", err)
	}
	var got error
	for _, err := range l.Cells(t.Context(), whole(), nil) {
		got = err
	}
	if got == nil || !strings.Contains(got.Error(), "read the ledger") {
		t.Errorf("cells: error %v", got)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	commit(t, l, b)
	expect(t, "afterwards", "+0 shop/unowned//up [14 0 0 0 0 0] 0", cells(t, l, attribution.Query{From: noonHour, To: noonHour + 1, Team: attribution.Unowned, Metric: "up"}))
}

// What is over of a month has a row for each metric and team, however many days there
// are; what comes late is in it, and a query that cuts the month has its days.
func TestAMonthByMetricIsARowOfEach(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		now := october.From().Time().Add(10*24*time.Hour + 90*time.Minute)
		l := db.Ledger(sets, func() time.Time { return now })
		hour := attribution.HourOf(now)
		for i, h := 0, october.From(); h <= hour; i, h = i+1, h+5 {
			commit(t, l, batch("a", uint64(i+1), example(h)...))
		}
		commit(t, l, batch("now", 1, example(hour)...))
		rows := func(q attribution.Query, changes ...attribution.Hour) (n int, forwarded uint64) {
			t.Helper()
			for c, err := range l.Cells(t.Context(), q, changes) {
				if err != nil {
					t.Fatal(err)
				}
				n, forwarded = n+1, forwarded+c.Samples[attribution.Forwarded]
			}
			return n, forwarded
		}
		month := attribution.Query{From: october.From(), To: hour + 1, By: []attribution.Column{attribution.ByMetric}}
		byHours, all := rows(month)
		if err := l.Settle(t.Context(), hour-6); err != nil {
			t.Fatal(err)
		}
		if n, sum := rows(month); n != 3 || sum != all {
			t.Errorf("%d rows of %d samples, want 3 of %d: before the sums there were %d", n, sum, all, byHours)
		}
		commit(t, l, batch("late", 1, example(october.From()+7)...))
		one := uint64(10 + 1 + 7)
		if n, sum := rows(month); n != 3 || sum != all+one {
			t.Errorf("with late ones %d rows of %d samples, want 3 of %d", n, sum, all+one)
		}
		if n, sum := rows(month, october.From()+48); n != 3+3 || sum != all+one {
			t.Errorf("cut by a price there are %d rows of %d samples", n, sum)
		}
		part := month
		part.To = october.From() + 72
		if n, sum := rows(part); n != 3 || sum >= all {
			t.Errorf("of three days there are %d rows of %d samples", n, sum)
		}
	})
}
