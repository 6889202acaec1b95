package limiter

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
)

// arrivals are one series each of the families from to to, both included.
func arrivals(p series.Priority, from, to int) []Arrival {
	var as []Arrival
	for i := from; i <= to; i++ {
		as = append(as, Arrival{Family: hashOf(99, i), Priority: p})
	}
	return as
}

// arrive says for each family whether it is refused (r) or not (-).
func arrive(t *Tenant, now time.Time, p series.Priority, from, to int) string {
	as := arrivals(p, from, to)
	t.AdmitSeries(now, as)
	return fates(as)
}

func fates(as []Arrival) string {
	var b strings.Builder
	for _, a := range as {
		b.WriteByte("-r"[b2i(a.Refused)])
	}
	return b.String()
}

// commit makes n families of one series active.
func commit(t testing.TB, tn *Tenant, now time.Time, p series.Priority, n int) {
	t.Helper()
	as := arrivals(p, 1, n)
	tn.AdmitSeries(now, as)
	tn.CommitSeries(now, as)
}

func TestNewSeriesAreRefusedByPriority(t *testing.T) {
	l, events := newLimiter(t, Limit{ActiveSeries: 100})
	tn := l.For(payments, start)
	for _, tt := range []struct {
		active                       int
		low, standard, high, highest string
	}{
		{79, "-", "-", "-", "-"}, {80, "r", "-", "-", "-"}, {90, "r", "r", "-", "-"}, {100, "r", "r", "r", "-"}, {150, "r", "r", "r", "-"},
	} {
		commit(t, tn, start, series.Critical, tt.active)
		tn.families.set.clear()
		tn.families.series, tn.families.byPool = 0, [MaxPools + 1]int64{}
		commit(t, tn, start, series.Critical, tt.active)
		got := arrive(tn, start, series.Low, 500, 500) + arrive(tn, start, series.Default, 501, 501) +
			arrive(tn, start, series.High, 502, 502) + arrive(tn, start, series.Critical, 503, 503)
		if want := tt.low + tt.standard + tt.high + tt.highest; got != want {
			t.Errorf("with %d active low, default, high, critical: %s, want %s", tt.active, got, want)
		}
		if got := arrive(tn, start, series.Low, 1, 3); got != "---" {
			t.Errorf("with %d active, families that are: %s", tt.active, got)
		}
	}
	if len(*events) != 3 {
		t.Errorf("events %v, want one for each priority", *events)
	}
}

func TestDecisionsChangeNothingUntilTheyAreCommitted(t *testing.T) {
	l, _ := newLimiter(t, Limit{ActiveSeries: 10})
	tn := l.For(payments, start)
	first := arrive(tn, start, series.High, 1, 15)
	if want := "----------rrrrr"; first != want {
		t.Errorf("15 families: %s, want %s", first, want)
	}
	if again := arrive(tn, start, series.High, 1, 15); again != first {
		t.Errorf("the same again: %s, want %s", again, first)
	}
}

func TestAFamilySharesOneFate(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, _ := newLimiter(t, Limit{ActiveSeries: 20, Pools: []PoolConfig{{Name: "a", Share: 0.5, Teams: []string{"a"}, ActiveSeries: 5}}})
		tn := l.For(payments, start)
		now := start
		for range rapid.IntRange(1, 8).Draw(rt, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 900).Draw(rt, "seconds")) * time.Second)
			var as []Arrival
			for range rapid.IntRange(1, 30).Draw(rt, "series") {
				f := rapid.IntRange(1, 12).Draw(rt, "family")
				as = append(as, Arrival{Family: hashOf(7, f), Pool: Pool(f % 2), Priority: series.Priority(f%4 - 1)})
			}
			tn.AdmitSeries(now, as)
			fate := map[uint64]bool{}
			for _, a := range as {
				if before, met := fate[a.Family]; met && before != a.Refused {
					rt.Fatalf("family %x is both in and out", a.Family)
				}
				fate[a.Family] = a.Refused
				if a.Refused && a.Priority == series.Critical {
					rt.Errorf("critical is refused")
				}
			}
			tn.CommitSeries(now, as)
			for range setShards {
				tn.families.tick(now)
			}
			checkCounts(rt, &tn.families)
		}
	})
}

// checkCounts compares the counters with what they count.
func checkCounts(t *rapid.T, f *families) {
	var total int64
	var byPool [MaxPools + 1]int64
	size := 0
	if f.set.shards != nil {
		for i := range f.set.shards {
			h := &f.set.shards[i]
			for j, k := range h.keys {
				if k != 0 {
					size++
					total += h.marks[j].series()
					byPool[h.marks[j].pool] += h.marks[j].series()
				}
			}
		}
	}
	if total != f.series || byPool != f.byPool || size != f.set.size {
		t.Errorf("%d series of %d families, counted were %d and %d", total, size, f.series, f.set.size)
	}
}

func TestSeriesAreCountedOnceInEachPart(t *testing.T) {
	l, _ := newLimiter(t, Limit{ActiveSeries: 1000})
	tn := l.For(payments, start)
	family := func(n int) []Arrival {
		var as []Arrival
		for range n {
			as = append(as, Arrival{Family: 42})
		}
		return as
	}
	now := start
	for _, tt := range []struct {
		name string
		seen int
		want int64
	}{
		{"twelve series", 12, 12},
		{"twelve of them in the next part", 12, 12},
		{"four of them in the one after that: the others may still come", 4, 12},
		{"four again: they did not", 4, 4},
	} {
		tn.CommitSeries(now, family(tt.seen))
		if got := tn.Status(now).ActiveSeries; got != tt.want {
			t.Errorf("%s: %d are active, want %d", tt.name, got, tt.want)
		}
		now = now.Add(Window / windowParts)
	}
}

func TestFamiliesLeaveWithTheWindow(t *testing.T) {
	l, events := newLimiter(t, Limit{ActiveSeries: 100})
	commit(t, l.For(payments, start), start, series.Critical, 120)
	if got := arrive(l.For(payments, start), start, series.High, 500, 500); got != "r" {
		t.Fatalf("over the limit: %s", got)
	}
	now := start
	for now.Sub(start) < Window-time.Second {
		now = now.Add(time.Second)
		l.Tick(now)
	}
	if got := l.For(payments, now).Status(now).ActiveSeries; got != 120 {
		t.Errorf("%d are active within the hour, want 120", got)
	}
	for now.Sub(start) < Window+2*time.Minute {
		now = now.Add(time.Second)
		l.Tick(now)
	}
	s := l.For(payments, now).Status(now)
	if s.ActiveSeries != 0 || l.bytes.Load() != setBytes {
		t.Errorf("%d are active after the hour, and %d bytes are in use", s.ActiveSeries, setBytes-l.bytes.Load())
	}
	if n := len(*events); n != 2 || (*events)[1].Change != Accepting {
		t.Errorf("events %v, want refusing and accepting", *events)
	}
}

func TestAFullSetAdmitsEverythingForAWindow(t *testing.T) {
	l, events := newLimiter(t, Limit{ActiveSeries: 1_000_000})
	l.bytes.Store(setShards * minShardSlots * slotBytes)
	tn := l.For(payments, start)
	commit(t, tn, start, series.Low, 5000)
	if len(*events) != 1 || (*events)[0].Change != Suspended {
		t.Fatalf("events %v, want one that says so", *events)
	}
	if s := tn.Status(start); s.Suspended.Sub(start) != Window || s.Why == "" {
		t.Errorf("suspended until %v: %q", s.Suspended, s.Why)
	}
}

func TestALimitThatBeginsActsAtOnce(t *testing.T) {
	l, _ := newLimiter(t, Limit{})
	tn := l.For(payments, start)
	if before := tn.Plan(start).Pools(); before.LimitsSeries() {
		t.Error("series are limited without a limit")
	}
	c := l.config
	c.Tenants[payments] = Limit{ActiveSeries: 5}
	if err := l.Reload(c, start); err != nil {
		t.Fatal(err)
	}
	if !tn.Plan(start).Pools().LimitsSeries() {
		t.Error("series are not limited with a limit")
	}
	if got := arrive(tn, start, series.High, 1, 7); got != "-----rr" {
		t.Errorf("seven families: %s", got)
	}
}

func TestExplainSeries(t *testing.T) {
	l, _ := newLimiter(t, Limit{ActiveSeries: 10, Pools: []PoolConfig{{Name: "a", Share: 0.5, Teams: []string{"a"}, ActiveSeries: 2}}})
	tn := l.For(payments, start)
	as := arrivals(series.High, 1, 8)
	as[0].Pool, as[1].Pool = 1, 1
	tn.CommitSeries(start, as)
	for _, tt := range []struct {
		family   int
		pool     Pool
		priority series.Priority
		want     string
	}{
		{1, 0, series.Low, "its family is active, and what is active is never refused"},
		{20, 0, series.Low, "8 series are active, and from 80.0 % of 10 on new ones of priority low are refused"},
		{20, 0, series.Default, "8 series are active, which leaves room under the limit of 10"},
		{20, 1, series.High, "2 series of pool a are active, and from 100.0 % of 2 on new ones of priority high are refused"},
		{20, 1, series.Critical, "critical series are never refused"},
	} {
		if got := tn.ExplainSeries(start, tt.pool, tt.priority, hashOf(99, tt.family)).Reason; got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}
