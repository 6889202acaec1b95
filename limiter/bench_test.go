package limiter

import (
	"testing"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// within is what a request costs a tenant that is within its limit.
func within(t testing.TB, l Limit) (tn *Tenant, request func(i int)) {
	lim, _ := newLimiter(t, l)
	u := new(Usage)
	return lim.For(payments, start), func(i int) {
		now := start.Add(time.Duration(i) * time.Microsecond)
		tn := lim.For(payments, now)
		p := tn.Plan(now)
		if p.Over() {
			t.Fatal("over the limit")
		}
		u.Reset()
		u.Add(0, series.High, Count{Demand: 500, Steady: 500, Granted: 500})
		u.Add(0, series.Default, Count{Demand: 1500, Steady: 1500, Granted: 1500})
		tn.Settle(now, p, u)
	}
}

var farAway = Limit{SamplesPerSecond: MaxSamplesPerSecond, Burst: Duration(time.Hour)}

func TestWithinTheLimitNothingIsAllocated(t *testing.T) {
	_, request := within(t, farAway)
	request(0)
	i := 1
	if n := testing.AllocsPerRun(1000, func() { request(i); i++ }); n != 0 {
		t.Errorf("a request allocates %v times, want 0", n)
	}
}

func TestOverTheLimitNothingIsAllocated(t *testing.T) {
	tr := newTraffic(t, limitOf(1000, time.Second), source{pool: "default", rate: constant(3000), families: 10})
	tr.run(30)
	now := tr.now()
	as := arrivals(series.Low, 1, 100)
	l, _ := newLimiter(t, Limit{ActiveSeries: 50})
	sn := l.For(payments, now)
	sn.AdmitSeries(now, as)
	sn.CommitSeries(now, as)
	u := new(Usage)
	n := testing.AllocsPerRun(1000, func() {
		tn := tr.limiter.For(payments, now)
		p := tn.Plan(now)
		u.Reset()
		for f := range uint64(10) {
			if p.Admits(0, series.Default, f) {
				u.Add(0, series.Default, Count{Demand: 1, Steady: 1, Granted: 1})
			}
		}
		tn.Settle(now, p, u)
		sn.AdmitSeries(now, as)
		sn.CommitSeries(now, as)
	})
	if n != 0 {
		t.Errorf("a request allocates %v times, want 0", n)
	}
}

func BenchmarkWithin(b *testing.B) {
	for _, bb := range []struct {
		name  string
		limit Limit
	}{{"unlimited", Limit{}}, {"limited", farAway}} {
		b.Run(bb.name, func(b *testing.B) {
			_, request := within(b, bb.limit)
			for i := 0; b.Loop(); i++ {
				request(i)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/request")
		})
	}
}

func BenchmarkPlan(b *testing.B) {
	tn, _ := within(b, farAway)
	for b.Loop() {
		tn.Plan(start)
	}
}

func BenchmarkAdmits(b *testing.B) {
	tr := newTraffic(b, limitOf(1000, time.Second), source{pool: "default", rate: constant(3000), families: 10})
	tr.run(30)
	p := tr.tenant().Plan(tr.now())
	for i := uint64(0); b.Loop(); i++ {
		p.Admits(0, series.Default, i)
	}
}

func BenchmarkAdmitSeries(b *testing.B) {
	l, _ := newLimiter(b, Limit{ActiveSeries: 1_000_000})
	tn := l.For(payments, start)
	commit(b, tn, start, series.Critical, 500_000)
	as := arrivals(series.Low, 499_001, 500_000)
	for b.Loop() {
		tn.AdmitSeries(start, as)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/series")
	b.ReportMetric(float64(setBytes-l.bytes.Load())/500_000, "B/family")
}

// BenchmarkTick is what a second costs with ten thousand tenants, of which one in a
// hundred is over its limit.
func BenchmarkTick(b *testing.B) {
	l, err := New(Config{Default: limitOf(1000, time.Second)}, start, nil)
	if err != nil {
		b.Fatal(err)
	}
	now := start
	names := make([]string, maxTenants)
	for i := range names {
		names[i] = "t" + string(rune('a'+i%26)) + time.Duration(i).String()
		ask(l.For(tenant.ID(names[i]), now), now, 100+uint32(b2i(i%100 == 0))*100_000)
	}
	now = now.Add(time.Second)
	for _, name := range names {
		l.For(tenant.ID(name), now).Plan(now)
	}
	for b.Loop() {
		now = now.Add(time.Second)
		l.Tick(now)
	}
}
