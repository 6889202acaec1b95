package limiter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// ask sends one request of n samples in pool default, of which the upstream takes
// all that passes.
func ask(t *Tenant, now time.Time, n uint32) *Plan {
	p := t.Plan(now)
	var u Usage
	u.Add(0, series.Default, Count{Demand: n, Steady: n, Granted: n})
	t.Settle(now, p, &u)
	return p
}

func TestARequestThatIsNotTakenChangesNothing(t *testing.T) {
	l, _ := newLimiter(t, Limit{SamplesPerSecond: 100, Burst: Duration(10 * time.Second)})
	tn := l.For(payments, start)
	first := tn.Plan(start)
	for i := range 100 { // the upstream takes none of them
		if p := tn.Plan(start.Add(time.Duration(i) * time.Millisecond)); p != first {
			t.Fatalf("retry %d meets another plan", i)
		}
	}
	ask(tn, start, 100_000)
	if p := tn.Plan(start.Add(time.Second)); !p.Over() {
		t.Error("a debt does not count")
	}
}

func TestARequestLargerThanTheBurstPassesAFullBucket(t *testing.T) {
	l, _ := newLimiter(t, Limit{SamplesPerSecond: 100, Burst: Duration(time.Second)})
	tn := l.For(payments, start)
	if ask(tn, start, 1000).Over() {
		t.Error("the first is over the limit")
	}
	if !tn.Plan(start.Add(5 * time.Second)).Over() {
		t.Error("the second is not, before the debt is paid")
	}
}

func TestTheHardLimit(t *testing.T) {
	l, _ := newLimiter(t, Limit{HardSamplesPerSecond: 100, Burst: Duration(10 * time.Second)})
	tn := l.For(payments, start)
	if _, ok := tn.Take(start, 1000); !ok {
		t.Error("its burst is refused")
	}
	for range 20 {
		if after, ok := tn.Take(start, 500); ok || after < 5*time.Second || after > 7*time.Second || after%time.Second != 0 {
			t.Errorf("past it: %v, %v; want false and some 5 to 7 whole seconds", after, ok)
		}
	}
	if after, ok := tn.Take(start.Add(-time.Hour), 1_000_000); ok || after > 30*time.Second {
		t.Errorf("far past it: %v, %v; want at most 30s", after, ok)
	}
	tn.Refund(start, 1000)
	if _, ok := tn.Take(start, 5000); !ok {
		t.Error("what was given back is not there")
	}
	if got := tn.Status(start).HardRefusals; got != 21 {
		t.Errorf("%d requests were refused, want 21", got)
	}
}

func TestAShadowOnlyCounts(t *testing.T) {
	l := limitOf(1000, 10*time.Second)
	l.Mode, l.HardSamplesPerSecond = Shadow, 1000
	tr := newTraffic(t, l, source{pool: "default", rate: constant(3000), families: 100})
	tr.run(120)
	p := tr.tenant().Plan(tr.now())
	if p.Over() || p.OverLimit(0) || !p.Exceeded() || !p.Shadow() {
		t.Error("a shadow is over its limit")
	}
	s := tr.tenant().Status(tr.now())
	if len(s.Shed) != 1 || s.Shed[0].SamplesPerSecond < 1800 || s.Shed[0].SeriesFraction < 0.6 {
		t.Errorf("shed %+v, want some 2000 samples/s", s.Shed)
	}
	if _, ok := tr.tenant().Take(tr.now(), 1_000_000); !ok {
		t.Error("a shadow refuses")
	}
	if d := p.Explain(0, series.Low, 1); d.Admitted || !strings.HasSuffix(d.Reason, "so it passes nevertheless") {
		t.Errorf("explained as %q", d.Reason)
	}
}

func TestReload(t *testing.T) {
	l := limitOf(1000, 10*time.Second)
	tr := newTraffic(t, l, source{pool: "default", rate: constant(3000), families: 100})
	tr.run(60)
	reload := func(l Limit) {
		t.Helper()
		c := tr.limiter.config
		c.Tenants = map[tenant.ID]Limit{payments: l}
		if err := tr.limiter.Reload(c, tr.now()); err != nil {
			t.Fatal(err)
		}
	}
	before := tr.tenant().Plan(tr.now())
	l.Pools = nil
	reload(l)
	if after := tr.tenant().Plan(tr.now()); after.Pools() != before.Pools() || !after.Over() || after.cuts[0].cut != before.cuts[0].cut {
		t.Error("a reload that changes nothing changes something")
	}
	l.SamplesPerSecond = 2000
	reload(l)
	raised := tr.tenant().Plan(tr.now()).cuts[0].cut.fraction(2)
	if raised < 0.6 || raised > 0.72 {
		t.Errorf("a limit that is doubled lets %.2f pass at once, want two thirds", raised)
	}
	l.Pools = []PoolConfig{pool("a", 0.5)}
	raisedCut := tr.tenant().Plan(tr.now()).cuts[0].cut
	reload(l)
	if p := tr.tenant().Plan(tr.now()); p.Pools().Len() != 2 || !p.Over() || p.cuts[0].cut != raisedCut {
		t.Error("a new pool changes what passes of default")
	}
	l.SamplesPerSecond = 10_000
	reload(l)
	tr.run(2) // in which its debt is paid
	if tr.tenant().Plan(tr.now()).Over() || tr.counts[Left] != 1 {
		t.Errorf("a limit far above demand is still exceeded: %s", tr.story())
	}
	if err := tr.limiter.Reload(Config{Default: Limit{SamplesPerSecond: -1}}, tr.now()); err == nil {
		t.Error("an invalid limit was taken")
	}
	reload(Limit{})
	if tr.tenant().Plan(tr.now()).Limited() {
		t.Error("a limit that was removed is there")
	}
}

func TestAMillionTenantNames(t *testing.T) {
	var events []Event
	l, err := New(Config{Default: Limit{SamplesPerSecond: 100, ActiveSeries: 10}}, start, func(e Event) { events = append(events, e) })
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1_000_000 {
		l.For(tenant.ID(fmt.Sprintf("t%d", i)), start)
	}
	if n := len(l.all()); n != maxTenants+1 || len(events) != 1 || events[0].Change != Overflowed {
		t.Errorf("%d tenants and %d events, want %d and 1", n, len(events), maxTenants+1)
	}
	if l.For("t5", start).ID() != "t5" || l.For("another", start).ID() != Overflow {
		t.Error("who came first has no place of its own, or who came last has")
	}
	l.Tick(start.Add(idleAfter + time.Minute))
	if n := len(l.all()); n != 0 || l.blocks.Load() != maxBlocks || l.bytes.Load() != setBytes {
		t.Errorf("%d tenants after an hour of silence", n)
	}
}

func TestHistoryHasTheLastHour(t *testing.T) {
	tr := newTraffic(t, limitOf(1000, 10*time.Second), source{pool: "default", priority: series.Low, rate: constant(3000), families: 100})
	tr.run(100)
	h := tr.tenant().History(tr.now(), 7200)
	last := h[len(h)-1]
	if len(h) != 3600 || last.Demand[3] != 3000 || last.Granted[3]+last.Shed[3] != 3000 || last.Shed[3] < 1500 {
		t.Errorf("%d seconds, the last is %+v", len(h), last)
	}
	if first := h[3600-100]; first.Granted[3] != 3000 || h[3600-101].Demand[3] != 0 {
		t.Errorf("the first second is %+v", first)
	}
	tr.limiter.Tick(tr.now().Add(2 * time.Hour))
	if got := tr.limiter.blocks.Load(); got != maxBlocks {
		t.Errorf("%d minutes are kept after two hours", maxBlocks-got)
	}
}

func TestSuggestion(t *testing.T) {
	l, _ := newLimiter(t, Limit{})
	tn := l.For(payments, start)
	now := start
	for minute := range 3 * 24 * 60 {
		n := uint32(60 * 1000)
		if minute%200 == 0 { // less than one in a hundred
			n *= 50
		}
		ask(tn, now, n)
		now = now.Add(time.Minute)
	}
	s := tn.Status(now).Suggestion
	if s.P99 < 1000 || s.P99 > 1100 || s.SamplesPerSecond < 1200 || s.SamplesPerSecond > 1400 {
		t.Errorf("suggested are %d for a 99th percentile of %.0f, want 1200 to 1400 for 1000", s.SamplesPerSecond, s.P99)
	}
	if later := tn.Status(now.Add(8 * 24 * time.Hour)).Suggestion; later.Minutes != 0 {
		t.Errorf("after a week of silence %+v is suggested", later)
	}
}

func TestExplain(t *testing.T) {
	tr := newTraffic(t, limitOf(1000, 10*time.Second, pool("a", 0.4)),
		source{pool: "a", priority: series.Low, rate: constant(1000), families: 100},
		source{pool: "default", priority: series.High, rate: constant(400), families: 100},
		source{pool: "default", priority: series.Low, rate: constant(400), families: 100})
	within := tr.tenant().Plan(tr.now()).Explain(0, series.Low, 1)
	if want := "the tenant is within its limit of 1000 samples/s"; !within.Admitted || within.Reason != want {
		t.Errorf("%+v, want %q", within, want)
	}
	tr.run(100)
	p := tr.tenant().Plan(tr.now())
	for _, tt := range []struct {
		pool     Pool
		priority series.Priority
		want     string
	}{
		{1, series.Critical, "the tenant is over its limit of 1000 samples/s; pool a is guaranteed 400, and critical is never shed below the hard limit"},
		{0, series.High, "the tenant is over its limit of 1000 samples/s; pool default is guaranteed 600, and all of priority high fits"},
	} {
		if got := p.Explain(tt.pool, tt.priority, 1); got.Reason != tt.want || !got.Admitted || got.Since.IsZero() {
			t.Errorf("got  %s\nwant %s", got.Reason, tt.want)
		}
	}
	for f := range 100 {
		d := p.Explain(1, series.Low, hashOf(0, f))
		if d.Admitted != p.Admits(1, series.Low, hashOf(0, f)) || d.Admitted != (d.Place < d.Threshold) || !strings.Contains(d.Reason, "of the families of priority low fit; this one, at ") {
			t.Errorf("%+v contradicts the plan", d)
		}
	}
}

// Who only asks about tenants makes none.
func TestLookRemembersNothing(t *testing.T) {
	c := DefaultConfig()
	c.Default = Limit{SamplesPerSecond: 10, ActiveSeries: 100}
	now := time.Unix(1000, 0)
	l, err := New(c, now, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		x := l.Look(tenant.ID(fmt.Sprintf("t%d", i)), now)
		if !x.Plan(now).Limited() || x.Status(now).Limit.SamplesPerSecond != 10 {
			t.Fatalf("an unknown tenant has the limit %+v, want that of default", x.Status(now).Limit)
		}
	}
	if n := len(l.all()); n != 0 {
		t.Errorf("%d tenants were made", n)
	}
	known := l.For("known", now)
	if l.Look("known", now) != known {
		t.Error("a known tenant is shown as another one")
	}
}
