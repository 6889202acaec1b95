package store_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
)

// A set is a sketch that is exact.
type set map[uint64]struct{}

func (s set) Insert(hash uint64) { s[hash] = struct{}{} }
func (s set) Estimate() uint64   { return uint64(len(s)) }

func (s set) Union(o attribution.Sketch) error {
	maps.Copy(s, o.(set))
	return nil
}

func (s set) AppendBinary(b []byte) ([]byte, error) {
	for _, h := range slices.Sorted(maps.Keys(s)) {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	return b, nil
}

var sets = attribution.Sketching{
	New: func() attribution.Sketch { return set{} },
	Read: func(b []byte) (attribution.Sketch, error) {
		if len(b)%8 != 0 {
			return nil, errors.New("the set is torn")
		}
		s := set{}
		for ; len(b) > 0; b = b[8:] {
			s.Insert(binary.BigEndian.Uint64(b))
		}
		return s, nil
	},
}

// series returns a sketch of the hashes.
func series(hashes ...uint64) []byte {
	s := set{}
	for _, h := range hashes {
		s.Insert(h)
	}
	b, _ := s.AppendBinary(nil)
	return b
}

// noonHour is the hour that the ledger's clock shows.
var noonHour = attribution.HourOf(noon)

func ledger(db *store.DB) *store.Ledger {
	return db.Ledger(sets, func() time.Time { return noon })
}

func key(h attribution.Hour, names ...string) attribution.Key {
	return attribution.Key{Hour: h, Tenant: tenant.ID(names[0]), Team: names[1], Metric: names[2]}
}

func batch(writer string, sequence uint64, deltas ...attribution.Delta) *attribution.Batch {
	return &attribution.Batch{Writer: writer, Sequence: sequence, Deltas: deltas}
}

func commit(t testing.TB, l *store.Ledger, batches ...*attribution.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := l.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

// whole asks for every cell by every name.
func whole() attribution.Query {
	return attribution.Query{From: 0, To: noonHour + 1000,
		By: []attribution.Column{attribution.ByService, attribution.ByMetric, attribution.ByRule}}
}

// cells returns what q covers, a line each, sorted.
func cells(t testing.TB, l *store.Ledger, q attribution.Query, changes ...attribution.Hour) string {
	t.Helper()
	var lines []string
	last := attribution.Hour(0)
	for c, err := range l.Cells(t.Context(), q, changes) {
		if err != nil {
			t.Fatal(err)
		}
		if c.Hour < last {
			t.Errorf("hour %s comes after %s", c.Hour, last)
		}
		last = c.Hour
		line := fmt.Sprintf("%+d %s/%s/%s/%s %d %d", c.Hour-noonHour, c.Tenant, c.Team, c.Service, c.Metric, c.Samples, c.SeriesHours)
		slices.SortFunc(c.Rules, func(a, b attribution.RuleCount) int { return cmp.Compare(a.Rule, b.Rule) })
		for _, r := range c.Rules {
			line += fmt.Sprintf(" %s:%d,%d,%d", r.Rule, r.Dropped, r.Downsampled, r.SeriesHours)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func expect(t testing.TB, what, want, got string) {
	t.Helper()
	if diff := gocmp.Diff(strings.TrimSpace(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// example is a batch of two metrics of one team, and of one of nobody's.
func example(h attribution.Hour) []attribution.Delta {
	return []attribution.Delta{
		{Key: key(h, "shop", "checkout", "go_gc"), Samples: attribution.Counts{10, 5, 3, 1, 0, 2}, Series: series(1, 2),
			Rules: []attribution.RuleDelta{{Rule: "drop", Dropped: 5, Series: series(8, 9)}, {Rule: "thin", Downsampled: 3}}},
		{Key: key(h, "shop", "checkout", "up"), Samples: attribution.Counts{1}, Series: series(3)},
		{Key: key(h, "shop", attribution.Unowned, "up"), Samples: attribution.Counts{7}},
	}
}

func TestABatchIsStoredOnceHoweverOftenItIsSent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		l := ledger(db)
		b := batch("a", 1, example(noonHour)...)
		commit(t, l, b, b)
		commit(t, ledger(open(t, url)), b) // by a process that knows nothing
		want := `
+0 shop/checkout//go_gc [10 5 3 1 0 2] 2 drop:5,0,2 thin:0,3,0
+0 shop/checkout//up [1 0 0 0 0 0] 1
+0 shop/unowned//up [7 0 0 0 0 0] 0`
		q := whole()
		q.To = noonHour + 1
		q.From = noonHour
		expect(t, "after one batch", want, cells(t, l, q))
		commit(t, l, batch("a", 2, example(noonHour)...), b, batch("b", 1, example(noonHour)...))
		expect(t, "after three", `
+0 shop/checkout//go_gc [30 15 9 3 0 6] 2 drop:15,0,2 thin:0,9,0
+0 shop/checkout//up [3 0 0 0 0 0] 1
+0 shop/unowned//up [21 0 0 0 0 0] 0`, cells(t, l, q))
	})
}

func TestABatchSentManyTimesAtOnceIsStoredOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		ls := []*store.Ledger{ledger(open(t, url)), ledger(open(t, url))}
		for sequence := uint64(1); sequence <= 3; sequence++ {
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() {
					if err := ls[i%2].Commit(t.Context(), batch("a", sequence, example(noonHour)...)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		}
		q := attribution.Query{From: noonHour, To: noonHour + 1, Metric: "up"}
		expect(t, "three batches", `
+0 shop/checkout//up [3 0 0 0 0 0] 1
+0 shop/unowned//up [21 0 0 0 0 0] 0`, cells(t, ls[0], q))
	})
}

// tear makes every statement that stores sketches fail, until it is mended.
func tear(t testing.TB, db *store.DB) (mend func()) {
	t.Helper()
	exec := func(statement string) {
		t.Helper()
		if _, err := db.Writer().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("ALTER TABLE ledger_sketches RENAME TO ledger_torn")
	return func() { t.Helper(); exec("ALTER TABLE ledger_torn RENAME TO ledger_sketches") }
}

func TestABatchIsStoredWholeOrNotAtAll(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		l := ledger(db)
		commit(t, l, batch("a", 1, example(noonHour)...))
		before := cells(t, l, whole())
		mend := tear(t, db)
		b := batch("a", 2, example(noonHour)...)
		if err := l.Commit(t.Context(), b); err == nil {
			t.Fatal("a batch was stored without its sketches")
		}
		mend()
		expect(t, "after a batch that failed in its midst", before, cells(t, l, whole()))
		commit(t, l, b)
		if after := cells(t, l, whole()); after == before || !strings.Contains(after, "[20 10 6 2 0 4] 2 drop:10,0,2 thin:0,6,0") {
			t.Errorf("the same batch again gives\n%s", after)
		}
	})
}

func TestSketchesOfManyWritersMergeUntilTheHourIsSettled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		ls := []*store.Ledger{ledger(open(t, url)), ledger(open(t, url))}
		post := func(h attribution.Hour, sequence uint64, from uint64) {
			t.Helper()
			var all sync.WaitGroup
			for w, l := range ls {
				all.Go(func() {
					from := from + 2*uint64(w)
					k := key(h, "shop", "checkout", "up")
					b := batch(fmt.Sprint("w", w), sequence, attribution.Delta{Key: k, Samples: attribution.Counts{1, 1}, Series: series(from, from+1, from+2),
						Rules: []attribution.RuleDelta{{Rule: "r", Dropped: 1, Series: series(from + 100)}}})
					if err := l.Commit(t.Context(), b); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		}
		for i := range uint64(4) {
			post(noonHour, 1+i, 10*i)
		}
		q := whole()
		expect(t, "before it is settled", "+0 shop/checkout//up [8 8 0 0 0 0] 20 r:8,0,8", cells(t, ls[0], q))
		for range 2 {
			if err := ls[0].Settle(t.Context(), noonHour+1); err != nil {
				t.Fatal(err)
			}
			expect(t, "settled", "+0 shop/checkout//up [8 8 0 0 0 0] 20 r:8,0,8", cells(t, ls[1], q))
		}
		if n := count(t, open(t, url), "ledger_sketches"); n != 0 {
			t.Errorf("%d sketches are left", n)
		}
		post(noonHour, 5, 1000)
		post(noonHour+1, 6, 1000)
		if err := ls[0].Settle(t.Context(), noonHour+1); err != nil {
			t.Fatal(err)
		}
		q.From = noonHour
		expect(t, "samples that come later", "+0 shop/checkout//up [12 12 0 0 0 0] 25 r:12,0,10", cells(t, ls[0], q))

		// A cell that was not there is not settled, whatever its hour.
		commit(t, ls[0], batch("w0", 7, attribution.Delta{Key: key(noonHour-5, "shop", "checkout", "late"), Samples: attribution.Counts{1}, Series: series(1, 2)}))
		for range 2 {
			q = attribution.Query{From: noonHour - 5, To: noonHour + 1, Metric: "late"}
			expect(t, "a late cell", "-5 shop/checkout//late [1 0 0 0 0 0] 2", cells(t, ls[0], q))
			if err := ls[0].Settle(t.Context(), noonHour); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func count(t testing.TB, db *store.DB, table string) int {
	t.Helper()
	var n int
	if err := db.Writer().QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSettlingGoesOnWhileOthersStore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		const writers, batches, metrics = 3, 6, 20
		db := open(t, url)
		ctx, stop := context.WithCancel(t.Context())
		var settling, all sync.WaitGroup
		settling.Go(func() {
			for l := ledger(db); ctx.Err() == nil; {
				if err := l.Settle(t.Context(), noonHour); err != nil {
					t.Error(err)
					return
				}
			}
		})
		for w := range writers {
			all.Go(func() {
				l := ledger(db)
				for i := range batches {
					var deltas []attribution.Delta
					for m := range metrics {
						// Each cell's series come in one batch alone, of all the same.
						h := noonHour - 1 - attribution.Hour(i)
						deltas = append(deltas, attribution.Delta{Key: key(h, "shop", "checkout", fmt.Sprintf("m%02d", m)), Samples: attribution.Counts{1}, Series: series(1, 2, 3)})
					}
					if err := l.Commit(t.Context(), batch(fmt.Sprint("w", w), uint64(i+1), deltas...)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		stop()
		settling.Wait()
		q := attribution.Query{From: noonHour - batches, To: noonHour}
		want := fmt.Sprintf("-%d shop/checkout// [%d 0 0 0 0 0] %d", batches, writers*batches*metrics, batches*metrics*3)
		expect(t, "the sum", want, cells(t, ledger(db), q))
	})
}

func TestADamagedSketchStopsNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		l := ledger(db)
		one := func(h attribution.Hour, metric string, sketch []byte) attribution.Delta {
			return attribution.Delta{Key: key(h, "shop", "a", metric), Samples: attribution.Counts{1}, Series: sketch}
		}
		commit(t, l, batch("a", 1, one(noonHour, "m", []byte("torn")), one(noonHour, "n", []byte("torn")), one(noonHour, "o", series(1))))
		commit(t, l, batch("a", 2, one(noonHour, "m", series(1, 2)), one(noonHour, "n", []byte("frayed")), one(noonHour, "o", []byte("torn"))))
		want := `
+0 shop/a//m [2 0 0 0 0 0] 2
+0 shop/a//n [2 0 0 0 0 0] 0
+0 shop/a//o [2 0 0 0 0 0] 1`
		expect(t, "unsettled", want, cells(t, l, whole()))
		err := l.Settle(t.Context(), noonHour+1)
		if err == nil || !strings.Contains(err.Error(), ": 1 sketches of series cannot be read") || !strings.Contains(err.Error(), "the set is torn") {
			t.Errorf("error %v, want it to say that one cannot be read", err)
		}
		expect(t, "settled", want, cells(t, l, whole()))
		if err := l.Settle(t.Context(), noonHour+1); err != nil {
			t.Errorf("again: %v", err)
		}
	})
}

func TestNamesThatADatabaseWouldRefuseAreTidied(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		l := ledger(open(t, url))
		long := strings.Repeat("ä\"'%$1", 2000)
		var deltas []attribution.Delta
		for _, metric := range []string{"a\x00b", "a\xffb", long + "1", long + "2"} {
			k := attribution.Key{Hour: noonHour, Tenant: tenant.ID(long), Team: long, Service: long, Metric: metric}
			deltas = append(deltas, attribution.Delta{Key: k, Samples: attribution.Counts{1}, Series: series(uint64(len(deltas))),
				Rules: []attribution.RuleDelta{{Rule: long + "1", Dropped: 1, Series: series(1)}, {Rule: long + "2", Dropped: 1, Series: series(2)}}})
		}
		commit(t, l, batch("a", 1, deltas...), batch("a", 2, deltas...))
		for _, metric := range []string{"", "a\x00b", long + "3"} {
			var samples, hours, removed uint64
			for c, err := range l.Cells(t.Context(), attribution.Query{From: noonHour, To: noonHour + 1, Metric: metric}, nil) {
				if err != nil {
					t.Fatal(err)
				}
				samples += c.Samples[attribution.Forwarded]
				hours += c.SeriesHours
				removed += c.Rules[0].Dropped
			}
			want := uint64(4)
			if metric == "" {
				want = 8
			}
			if samples != want || hours != want/2 || removed != 2*want {
				t.Errorf("of %.5q there are %d samples, %d series-hours and %d dropped; want %d, %d, %d", metric, samples, hours, removed, want, want/2, 2*want)
			}
		}
	})
}
