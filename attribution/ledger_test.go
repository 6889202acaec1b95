package attribution

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/tenant"
)

// A set is a Sketch that is exact.
type set map[uint64]struct{}

func (s set) Insert(hash uint64) { s[hash] = struct{}{} }
func (s set) Estimate() uint64   { return uint64(len(s)) }

func (s set) Union(o Sketch) error {
	maps.Copy(s, o.(set))
	return nil
}

func (s set) AppendBinary(b []byte) ([]byte, error) {
	for _, h := range slices.Sorted(maps.Keys(s)) {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	return b, nil
}

var sets = Sketching{
	New: func() Sketch { return set{} },
	Read: func(b []byte) (Sketch, error) {
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

// A modelStore is a Committer that does what its contract says.
type modelStore struct {
	mu      sync.Mutex
	cells   map[Key]*cell
	newest  map[string]uint64
	fail    func() (before, after error) // of the next commit; nil never fails
	commits int
	tb      rapid.TB
}

func newModelStore(tb rapid.TB) *modelStore {
	return &modelStore{cells: map[Key]*cell{}, newest: map[string]uint64{}, tb: tb}
}

func (m *modelStore) Commit(_ context.Context, b *Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var before, after error
	if m.fail != nil {
		before, after = m.fail()
	}
	if before != nil {
		return before
	}
	if b.Sequence <= m.newest[b.Writer] {
		return after
	}
	if b.Sequence != m.newest[b.Writer]+1 {
		m.tb.Errorf("batch %d of %s after %d", b.Sequence, b.Writer, m.newest[b.Writer])
	}
	m.newest[b.Writer] = b.Sequence
	m.commits++
	if !slices.IsSortedFunc(b.Deltas, inOrder) {
		m.tb.Errorf("batch %d is not sorted", b.Sequence)
	}
	for i := range b.Deltas {
		d := &b.Deltas[i]
		if i > 0 && d.Key == b.Deltas[i-1].Key {
			m.tb.Errorf("%s is there twice", d.Key)
		}
		c := m.cells[d.Key]
		if c == nil {
			c = &cell{}
			m.cells[d.Key] = c
		}
		o := &cell{samples: d.Samples, series: m.read(d.Series)}
		for _, r := range d.Rules {
			o.rules = append(o.rules, ruleCell{r.Rule, r.Dropped, r.Downsampled, m.read(r.Series)})
		}
		c.merge(o)
	}
	return after
}

func (m *modelStore) read(b []byte) Sketch {
	if b == nil {
		return nil
	}
	s, err := sets.Read(b)
	if err != nil {
		m.tb.Fatal(err)
	}
	return s
}

// totals returns what is stored, by hour, tenant, outcome and rule: sums that no
// overflow changes.
func (m *modelStore) totals() map[string]uint64 {
	t := map[string]uint64{}
	for k, c := range m.cells {
		addTotals(t, k.Hour, k.Tenant, c)
	}
	return t
}

func addTotals(t map[string]uint64, h Hour, id tenant.ID, c *cell) {
	for o, n := range c.samples {
		if n > 0 {
			t[fmt.Sprint(int(h), id, " ", Outcome(o))] += n
		}
	}
	for _, r := range c.rules {
		if n := r.dropped + r.downsampled; n > 0 {
			t[fmt.Sprint(int(h), id, " ", r.rule)] += n
		}
	}
}

func smallLedger() LedgerConfig {
	c := defaultLedger()
	c.MaxCells, c.MaxTeams, c.MaxBufferedCells = 8, 3, 12
	return c
}

// flushed returns what the store holds after one flush of entries.
func flushed(t *testing.T, c LedgerConfig, now time.Time, post func(l *Ledger)) *modelStore {
	t.Helper()
	l, m := NewLedger(c, "w", sets), newModelStore(t)
	post(l)
	if err := l.Flush(t.Context(), m, now); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWhatIsPostedIsStored(t *testing.T) {
	now := Hour(1000).Time().Add(20 * time.Minute)
	m := flushed(t, defaultLedger(), now, func(l *Ledger) {
		for range 3 {
			l.Post("shop", 1000, []Entry{
				{Team: "a", Metric: "up", Samples: Counts{Forwarded: 10, Dropped: 5}, Series: []uint64{1, 2, 2},
					Rules: []RuleEntry{{Rule: "r", Dropped: 3, Series: []uint64{9}}, {Rule: "q", Dropped: 2}}},
				{Team: "b", Metric: "up", Samples: Counts{Failed: 1}},
			})
		}
		l.Post("shop", 1001, []Entry{{Team: "a", Metric: "up", Samples: Counts{Forwarded: 1}}})
	})
	got := map[string]string{}
	for k, c := range m.cells {
		text := fmt.Sprint(c.samples)
		if c.series != nil {
			text += fmt.Sprintf(" %d series", c.series.Estimate())
		}
		for _, r := range c.rules {
			text += fmt.Sprintf(" %s %d", r.rule, r.dropped)
			if r.series != nil {
				text += fmt.Sprintf(" of %d series", r.series.Estimate())
			}
		}
		got[k.String()] = text
	}
	want := map[string]string{
		"1970-02-11T16:00:00Z shop/a//up": "[30 15 0 0 0 0] 2 series q 6 r 9 of 1 series",
		"1970-02-11T16:00:00Z shop/b//up": "[0 0 0 0 0 3]",
		"1970-02-11T17:00:00Z shop/a//up": "[1 0 0 0 0 0]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
}

func TestABatchOfUncertainFateIsRepeated(t *testing.T) {
	l, m := NewLedger(defaultLedger(), "w", sets), newModelStore(t)
	lost := errors.New("connection lost")
	m.fail = func() (error, error) { return nil, lost } // stored, but nobody hears of it
	one := []Entry{{Team: "a", Metric: "up", Samples: Counts{Forwarded: 1}}}
	begin := Hour(1000).Time()
	l.Post("shop", 1000, one)
	for i := range 3 {
		if err := l.Flush(t.Context(), m, begin.Add(time.Duration(i)*time.Second)); !errors.Is(err, lost) {
			t.Fatalf("flush %d: %v", i, err)
		}
		l.Post("shop", 1000, one)
	}
	if s := l.Status(); s.Attempts != 3 || s.Waiting != 4 || s.Cells != 2 || !s.Stored.IsZero() || !errors.Is(s.Err, lost) {
		t.Errorf("while the store is gone the status is %+v", s)
	}
	m.fail = nil
	if err := l.Flush(t.Context(), m, begin.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := m.totals()["1000shop forwarded"]; got != 4 || m.commits != 2 {
		t.Errorf("%d samples in %d commits, want 4 in 2", got, m.commits)
	}
	if s := l.Status(); s.Attempts != 0 || s.Waiting != 0 || s.Cells != 0 || !s.Stored.Equal(begin.Add(time.Minute)) || s.Err != nil || s.Sequence != 2 {
		t.Errorf("afterwards the status is %+v", s)
	}
}

func TestTheLedgerConservesSamplesThroughFailuresAndCrashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModelStore(t)
		m.fail = func() (before, after error) {
			switch rapid.IntRange(0, 3).Draw(t, "fate") {
			case 0:
				return errors.New("locked"), nil
			case 1:
				return nil, errors.New("connection lost")
			}
			return nil, nil
		}
		run := 0
		start := func() *Ledger { run++; return NewLedger(smallLedger(), fmt.Sprint("w", run), sets) }
		l := start()
		posted, waiting := map[string]uint64{}, map[string]uint64{} // in all; of this run, since its last flush that succeeded
		lost := map[string]uint64{}
		now := Hour(1000).Time()
		t.Repeat(map[string]func(*rapid.T){
			"post": func(t *rapid.T) {
				id := tenant.ID(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "tenant"))
				h := HourOf(now) - Hour(rapid.IntRange(0, 1).Draw(t, "late"))
				for range rapid.IntRange(1, 5).Draw(t, "entries") {
					e := Entry{
						Team:   rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "team"),
						Metric: fmt.Sprint("m", rapid.IntRange(0, 20).Draw(t, "metric")),
						Series: []uint64{rapid.Uint64Range(0, 50).Draw(t, "series")},
					}
					e.Samples[rapid.IntRange(0, int(Outcomes)-1).Draw(t, "outcome")] = rapid.Uint64Range(0, 100).Draw(t, "samples")
					if n := e.Samples[Dropped]; n > 0 {
						e.Rules = []RuleEntry{{Rule: rapid.SampledFrom([]string{"r", "q"}).Draw(t, "rule"), Dropped: n}}
					}
					l.Post(id, h, []Entry{e})
					c := &cell{}
					l.post(c, &e)
					addTotals(posted, h, id, c)
					addTotals(waiting, h, id, c)
				}
				if s := l.Status(); s.Cells > 2*smallLedger().MaxBufferedCells+4*2 {
					t.Fatalf("%d cells wait", s.Cells)
				}
			},
			"flush": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "minutes")) * time.Minute)
				if l.Flush(context.Background(), m, now) == nil {
					clear(waiting)
				}
			},
			"crash": func(*rapid.T) {
				stored := m.totals()
				for k, n := range waiting {
					// Of what waited, some may be stored: the ledger did not hear of it.
					missing := posted[k] - lost[k] - stored[k]
					if missing > n {
						t.Fatalf("%s: %d are missing of %d that waited", k, missing, n)
					}
					lost[k] += missing
				}
				clear(waiting)
				l = start()
			},
			"": func(t *rapid.T) {
				stored := m.totals()
				for k, n := range posted {
					if stored[k]+lost[k] > n || stored[k]+lost[k]+waiting[k] < n {
						t.Fatalf("%s: %d posted, %d stored, %d lost by crashes, %d wait", k, n, stored[k], lost[k], waiting[k])
					}
				}
				var missing, most uint64
				for k, n := range posted {
					if !strings.HasSuffix(k, " r") && !strings.HasSuffix(k, " q") {
						missing += n - lost[k] - stored[k]
						most += waiting[k]
					}
				}
				if s := l.Status(); s.Waiting < missing || s.Waiting > most {
					t.Fatalf("the status says that %d samples wait; %d are not stored, %d are not known to be", s.Waiting, missing, most)
				}
			},
		})
		m.fail = nil
		if err := l.Flush(context.Background(), m, now); err != nil {
			t.Fatal(err)
		}
		clear(waiting)
		want := maps.Clone(posted)
		for k, n := range lost {
			if want[k] -= n; want[k] == 0 {
				delete(want, k)
			}
		}
		if diff := cmp.Diff(want, m.totals()); diff != "" {
			t.Fatalf("in the end (-want +got):\n%s", diff)
		}
		perHour := map[bookKey]int{}
		for k := range m.cells {
			if k.Metric != Overflow {
				perHour[bookKey{k.Hour, k.Tenant}]++
			}
		}
		for k, n := range perHour {
			if n > run*smallLedger().MaxCells { // a new run does not know the names of the last
				t.Fatalf("%s %s has %d cells by name", k.hour, k.tenant, n)
			}
		}
	})
}

func TestTheLargestKeepTheirNames(t *testing.T) {
	c := defaultLedger()
	c.MaxCells = 80
	l, m := NewLedger(c, "w", sets), newModelStore(t)
	// 200 metrics come in three flushes an hour, the smallest first; metric i has
	// i+1 samples a flush. From the second hour on there are 10 000 new ones, too.
	for hour := Hour(1000); hour < 1004; hour++ {
		for i := range 3 {
			var entries []Entry
			for metric := range 200 {
				if metric%3 == i || hour > 1000 {
					entries = append(entries, Entry{Team: "a", Metric: fmt.Sprint("m", metric), Samples: Counts{Forwarded: uint64(metric + 1)}})
				}
			}
			if hour > 1000 {
				for junk := range 10_000 {
					entries = append(entries, Entry{Team: "a", Metric: fmt.Sprint("junk", hour, junk), Samples: Counts{Forwarded: 50}})
				}
			}
			l.Post("x", hour, entries)
			if err := l.Flush(t.Context(), m, hour.Time().Add(time.Duration(i+1)*5*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for hour := Hour(1001); hour < 1004; hour++ {
		for metric := 200 - 70; metric < 200; metric++ { // seven eighths of 80
			k := Key{Hour: hour, Tenant: "x", Team: "a", Metric: fmt.Sprint("m", metric)}
			if hour == 1001 && metric < 200-60 {
				continue // in the first hour the names go to the first who come
			}
			if c := m.cells[k]; c == nil || c.samples[Forwarded] != 3*uint64(metric+1) {
				t.Errorf("%s has no name of its own, or not all of its samples", k)
			}
		}
		if c := m.cells[Key{Hour: hour, Tenant: "x", Team: "a", Metric: Overflow}]; c == nil {
			t.Errorf("hour %s has no overflow", hour)
		}
	}
}

func TestTeamsOverflowToo(t *testing.T) {
	c := smallLedger()
	c.MaxBufferedCells = 1000
	m := flushed(t, c, Hour(1000).Time().Add(time.Hour), func(l *Ledger) {
		for i := range 100 {
			l.Post("x", 1000, []Entry{{Team: fmt.Sprint("t", i%10), Metric: fmt.Sprint("m", i), Samples: Counts{Forwarded: uint64(i + 1)}}})
		}
	})
	var named, overflowed []string
	var sum uint64
	for k, c := range m.cells {
		sum += c.samples[Forwarded]
		if k.Metric == Overflow {
			overflowed = append(overflowed, k.Team)
		} else {
			named = append(named, k.Metric)
		}
	}
	slices.Sort(named)
	slices.Sort(overflowed)
	if diff := cmp.Diff([]string{"m92", "m93", "m94", "m95", "m96", "m97", "m98", "m99"}, named); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{Overflow, "t0", "t1", "t9"}, overflowed); diff != "" {
		t.Errorf("teams that overflowed (-want +got):\n%s", diff)
	}
	if sum != 5050 {
		t.Errorf("%d samples, want 5050", sum)
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	c := defaultLedger()
	c.MaxBufferedCells = 1000
	l, m := NewLedger(c, "w", sets), newModelStore(t)
	m.fail = func() (error, error) { return errors.New("gone"), nil }
	var posted uint64
	now := Hour(1000).Time()
	for i := range 50_000 {
		h := 1000 + Hour(i/5000)
		l.Post("x", h, []Entry{{Team: fmt.Sprint("t", i%2000), Metric: fmt.Sprint("m", i), Samples: Counts{Forwarded: uint64(i%7 + 1)}, Series: []uint64{uint64(i)}}})
		posted += uint64(i%7 + 1)
		if i%1000 == 0 {
			_ = l.Flush(t.Context(), m, now)
		}
	}
	s := l.Status()
	if s.Cells > 2*1000+10 || s.Waiting != posted || s.Folded == 0 {
		t.Errorf("after an outage the status is %+v of %d samples", s, posted)
	}
	m.fail = nil
	if err := l.Flush(t.Context(), m, now); err != nil {
		t.Fatal(err)
	}
	var sum uint64
	for _, n := range m.totals() {
		sum += n
	}
	if sum != posted {
		t.Errorf("%d samples are stored of %d", sum, posted)
	}
	var series uint64
	for _, c := range m.cells {
		series += c.series.Estimate()
	}
	if series != 50_000 {
		t.Errorf("%d series are stored of 50000", series)
	}
}

func TestTenantsAreBounded(t *testing.T) {
	m := flushed(t, defaultLedger(), Hour(1).Time(), func(l *Ledger) {
		for i := range maxBooks + 7 {
			l.Post(tenant.ID(fmt.Sprint("t", i)), 1, []Entry{{Metric: "up", Samples: Counts{Forwarded: 1}}})
		}
	})
	if got := m.cells[Key{Hour: 1, Tenant: OverflowTenant, Metric: "up"}]; len(m.cells) != maxBooks+1 || got.samples[Forwarded] != 7 {
		t.Errorf("%d cells, of those too many %+v", len(m.cells), got)
	}
}

func TestRunFlushesAtEveryIntervalAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, m := NewLedger(defaultLedger(), "w", sets), newModelStore(t)
		ctx, stop := context.WithCancel(t.Context())
		var reported []error
		done := make(chan error)
		go func() {
			done <- l.Run(ctx, m, time.Second, func() {}, func(err error) { reported = append(reported, err) })
		}()
		one := []Entry{{Metric: "up", Samples: Counts{Forwarded: 1}}}
		for range 3 {
			l.Post("x", 1, one)
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		if m.commits != 3 {
			t.Errorf("%d commits in 15 seconds, want 3", m.commits)
		}
		m.mu.Lock()
		m.fail = func() (error, error) { return errors.New("gone"), nil }
		m.mu.Unlock()
		l.Post("x", 1, one)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		m.mu.Lock()
		m.fail = nil
		m.mu.Unlock()
		l.Post("x", 1, one)
		stop()
		if err := <-done; err != nil {
			t.Errorf("the last flush: %v", err)
		}
		if got := m.totals()["1x forwarded"]; got != 5 || len(reported) != 2 {
			t.Errorf("%d samples stored, want 5; errors %v, want 2", got, reported)
		}
	})
}

func TestPostMayComeFromAnywhere(t *testing.T) {
	l, m := NewLedger(smallLedger(), "w", sets), newModelStore(t)
	tries := 0
	m.fail = func() (before, after error) {
		if tries++; tries%3 > 0 {
			before = errors.New("locked")
		}
		return before, nil
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				l.Post("x", Hour(i/100), []Entry{{Team: fmt.Sprint(g), Metric: fmt.Sprint(i), Samples: Counts{Forwarded: 1}}})
			}
		})
	}
	for range 50 {
		_ = l.Flush(t.Context(), m, Hour(1).Time())
	}
	wg.Wait()
	for l.Flush(t.Context(), m, Hour(2).Time()) != nil {
	}
	var sum uint64
	for _, n := range m.totals() {
		sum += n
	}
	if sum != 2000 {
		t.Errorf("%d samples are stored of 2000", sum)
	}
}

func TestPostToKnownCellsDoesNotAllocate(t *testing.T) {
	l := NewLedger(defaultLedger(), "w", sets)
	entries := []Entry{{Team: "a", Metric: "up", Samples: Counts{Forwarded: 1}, Rules: []RuleEntry{{Rule: "r", Dropped: 1}}}, {Team: "b", Metric: "up"}}
	l.Post("x", 1, entries)
	if n := testing.AllocsPerRun(100, func() { l.Post("x", 1, entries) }); n != 0 {
		t.Errorf("Post allocates %v times, want 0", n)
	}
}

func TestLedgerConfigIsChecked(t *testing.T) {
	if err := defaultLedger().Validate(); err != nil {
		t.Error(err)
	}
	err := LedgerConfig{FlushInterval: model.Duration(time.Hour), Retention: model.Duration(time.Hour)}.Validate()
	for _, want := range []string{"flush_interval: 1h", "max_cells: 0", "max_teams: 0", "max_buffered_cells: 0", "retention: 1h"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
}

func BenchmarkPost(b *testing.B) {
	// Requests of 500 samples of 100 metrics.
	l := NewLedger(defaultLedger(), "w", sets)
	entries := make([]Entry, 100)
	for i := range entries {
		entries[i] = Entry{Team: fmt.Sprint("team-", i%10), Metric: fmt.Sprint("http_request_duration_seconds_", i), Samples: Counts{Forwarded: 5}}
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Post("x", 1, entries)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/entry")
}

func BenchmarkFlush(b *testing.B) {
	for _, names := range []int{20_000, 100_000} { // the ledger keeps 50 000
		b.Run(fmt.Sprint(names), func(b *testing.B) {
			l := NewLedger(defaultLedger(), "w", sets)
			entries := make([]Entry, names)
			for i := range entries {
				entries[i] = Entry{Team: fmt.Sprint("team-", i%200), Metric: fmt.Sprint("metric_", i), Samples: Counts{Forwarded: 5}}
			}
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				l.Post("x", 1, entries)
				b.StartTimer()
				if err := l.cutOff(Hour(1).Time()); err != nil {
					b.Fatal(err)
				}
				l.pending = nil
			}
		})
	}
}
