package limiter

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// stepped is a rate that is high from one second to another.
func stepped(low, high float64, from, to int) func(int) float64 {
	return func(second int) float64 {
		if from <= second && second < to {
			return high
		}
		return low
	}
}

// jittered is a rate that varies evenly by a part of its mean, up and down.
func jittered(mean, by float64, seed uint64) func(int) float64 {
	return func(second int) float64 {
		return mean * (1 + by*(2*rand.New(rand.NewPCG(seed, uint64(second))).Float64()-1))
	}
}

func limitOf(perSecond int64, burst time.Duration, pools ...PoolConfig) Limit {
	return Limit{SamplesPerSecond: perSecond, Burst: Duration(burst), Pools: pools}
}

func pool(name string, share float64) PoolConfig {
	return PoolConfig{Name: name, Share: share, Teams: []string{name}}
}

func TestWithinTheLimitEverythingPasses(t *testing.T) {
	tr := newTraffic(t, limitOf(1000, 10*time.Second), source{pool: "default", priority: series.Low, rate: constant(1000), families: 50, scrape: 10})
	tr.run(600)
	if tr.counts[Entered] > 0 || tr.total() != tr.demand[cell{"default", series.Low}] {
		t.Errorf("at the very limit: %v", tr.events)
	}
}

func TestABurstIsHonoured(t *testing.T) {
	tr := newTraffic(t, limitOf(1000, time.Minute), source{pool: "default", rate: stepped(500, 2000, 100, 155), families: 50})
	tr.run(600)
	if tr.counts[Entered] > 0 {
		t.Errorf("twice the limit for less than what the burst allows: %v", tr.events)
	}
}

func TestOverTheLimitTheLeastImportantGoFirst(t *testing.T) {
	var sources []source
	for p := series.Low; p <= series.Critical; p++ {
		sources = append(sources, source{pool: "default", priority: p, rate: stepped(150, 750, 60, 360), families: 400, scrape: 15})
	}
	tr := newTraffic(t, limitOf(1000, 10*time.Second), sources...)
	tr.run(120)
	done := tr.mark()
	tr.run(240)
	demand, granted := done()
	for _, tt := range []struct {
		priority series.Priority
		from, to float64 // part that passes
	}{
		{series.Critical, 1, 1}, {series.High, 0.28, 0.36}, {series.Default, 0, 0}, {series.Low, 0, 0},
	} {
		k := cell{"default", tt.priority}
		if got := granted[k] / demand[k]; got < tt.from || got > tt.to {
			t.Errorf("%.3f of priority %s passes, want %.2f to %.2f\n%s", got, tt.priority, tt.from, tt.to, tr.story())
		}
	}
	if tr.counts[Left] > 0 {
		t.Errorf("left under load: %v", tr.events)
	}
	tr.run(55)
	if tr.counts[Left] > 0 {
		t.Errorf("left before a minute had passed: %v", tr.events)
	}
	tr.run(20)
	if tr.counts[Left] != 1 || tr.tenant().Plan(tr.now()).Over() {
		t.Errorf("not left after more than a minute: %v", tr.events)
	}
}

// The bound of README.md, over every span of time at once.
func TestWhatPassesIsBounded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const perSecond = 1000
		burst := time.Duration(rapid.SampledFrom([]int{1, 10, 60}).Draw(rt, "burst")) * time.Second
		sources := drawSources(rt, perSecond)
		tr := newTraffic(t, limitOf(perSecond, burst, pool("a", 0.5), pool("b", 0.2)), sources...)
		lowest, most := 0.0, map[string]float64{}
		for range 300 {
			done := tr.mark()
			tr.run(1)
			demand, _ := done()
			ofPool := map[string]float64{}
			for k, n := range demand {
				ofPool[k.pool] += n
			}
			bound := perSecond * (burst.Seconds() + 4*minWindow.Seconds())
			for name, n := range ofPool {
				most[name] = max(most[name], n)
				bound += 2 * most[name] // on entering, and in a period of control
			}
			// What passed beyond the rate since any moment.
			beyond := tr.total() - perSecond*float64(tr.second)
			if beyond-lowest > bound {
				rt.Fatalf("after %d s %v passed beyond the rate, the bound is %v\n%s", tr.second, beyond-lowest, bound, tr.story())
			}
			lowest = min(lowest, beyond)
		}
	})
}

// drawSources draws traffic that changes every so often.
func drawSources(t *rapid.T, perSecond float64) []source {
	var sources []source
	for _, name := range []string{"default", "a", "b"} {
		for _, p := range []series.Priority{series.Critical, series.Default, series.Low} {
			times := rapid.SliceOfN(rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 1), rapid.Float64Range(0, 20)), 1, 5).Draw(t, "times")
			every := rapid.IntRange(5, 120).Draw(t, "every")
			sources = append(sources, source{
				pool: name, priority: p, families: rapid.IntRange(1, 12).Draw(t, "families"),
				scrape: rapid.SampledFrom([]int{1, 15}).Draw(t, "scrape"),
				rate:   func(second int) float64 { return perSecond * times[second/every%len(times)] / 2 },
			})
		}
	}
	return sources
}

func TestEachPoolGetsItsShare(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const perSecond = 100_000
		shares := map[string]float64{"default": 0.3, "a": 0.5, "b": 0.2}
		var sources []source
		for _, name := range []string{"default", "a", "b"} {
			for _, p := range []series.Priority{series.High, series.Low} {
				rate := perSecond * rapid.Float64Range(0, 1.5).Draw(rt, name)
				sources = append(sources, source{pool: name, priority: p, rate: constant(rate), families: 100})
			}
		}
		tr := newTraffic(t, limitOf(perSecond, 10*time.Second, pool("a", 0.5), pool("b", 0.2)), sources...)
		tr.run(300)
		done := tr.mark()
		tr.run(60)
		demand, granted := done()
		for name := range shares {
			want := (demand[cell{name, series.High}] + demand[cell{name, series.Low}]) / 60
			got := (granted[cell{name, series.High}] + granted[cell{name, series.Low}]) / 60
			family := max(demand[cell{name, series.High}], demand[cell{name, series.Low}]) / 60 / 100
			if least := min(want, shares[name]*perSecond); got < 0.9*least-5*family {
				rt.Errorf("pool %s demands %.0f and gets %.0f, its guaranteed share is %.0f\n%s", name, want, got, least, tr.story())
			}
		}
	})
}

// Jitter here is of what each family sends, from one scrape to the next: with few
// families the demand of whole minutes jitters, too.
func TestNoFlapping(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		times := rapid.Float64Range(0.3, 5).Draw(rt, "times the limit")
		jitter := rapid.SampledFrom([]float64{0, 0.2, 0.5}).Draw(rt, "jitter")
		scrape := rapid.SampledFrom([]int{1, 15, 60}).Draw(rt, "scrape")
		families := rapid.IntRange(6, 60).Draw(rt, "families")
		var sources []source
		for p := series.Low; p <= series.High; p++ {
			sources = append(sources, source{
				pool: "default", priority: p, families: families, scrape: scrape,
				rate: jittered(20_000*times, jitter, rapid.Uint64().Draw(rt, "seed")),
			})
		}
		tr := newTraffic(t, limitOf(60_000, time.Minute), sources...)
		tr.run(180)
		clear(tr.out)
		tr.run(900)
		worst := 0
		for _, n := range tr.out {
			worst = max(worst, n)
		}
		if most := map[float64]int{0: 2, 0.2: 2, 0.5: 4}[jitter]; worst > most {
			rt.Errorf("in a quarter of an hour some family was shed %d times anew, want at most %d:\n%s", worst, most, tr.story())
		}
		if tr.counts[Left] > 0 && jitter < 0.5 {
			rt.Errorf("the state flaps:\n%s", tr.story())
		}
	})
}

func TestSameInputSameFamilies(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sources := drawSources(rt, 1000)
		l := limitOf(1000, 10*time.Second, pool("a", 0.5), pool("b", 0.2))
		one, other := newTraffic(t, l, sources...), newTraffic(t, l, sources...)
		one.run(200)
		other.run(200)
		if !slices.Equal(one.events, other.events) {
			rt.Errorf("two runs of one input differ:\n%s\n%s", one.events, other.events)
		}
		for h, in := range one.in {
			if other.in[h] != in {
				rt.Errorf("family %x: %v in one run, %v in the other", h, in, other.in[h])
			}
		}
	})
}

func TestRaisingALimitShedsNobody(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := limitOf(1000, 10*time.Second, pool("a", 0.5), pool("b", 0.2))
		tr := newTraffic(t, l, drawSources(rt, 1000)...)
		tr.run(rapid.IntRange(20, 200).Draw(rt, "seconds"))
		before := tr.tenant().Plan(tr.now())
		l.SamplesPerSecond = int64(1000 * rapid.Float64Range(1, 10).Draw(rt, "factor"))
		c := tr.limiter.config
		c.Tenants = map[tenant.ID]Limit{payments: l}
		if err := tr.limiter.Reload(c, tr.now()); err != nil {
			rt.Fatal(err)
		}
		after := tr.tenant().Plan(tr.now())
		for i, s := range tr.sources {
			for f := range s.families {
				p, _ := before.Pools().find(s.pool)
				h := hashOf(i, f)
				if before.Admits(p, s.priority, h) && !after.Admits(p, s.priority, h) {
					rt.Errorf("a family of pool %s and priority %s passed %d samples/s, and does not pass %d", s.pool, s.priority, 1000, l.SamplesPerSecond)
				}
			}
		}
	})
}

func TestTheCommonGridOfThinnedSeriesIsNoBurst(t *testing.T) {
	for _, scrape := range []int{1, 15} {
		tr := newTraffic(t, limitOf(1000, time.Second), source{pool: "default", rate: constant(950), families: 60, scrape: scrape, always: 60})
		tr.run(900)
		if tr.counts[Entered] > 0 {
			t.Errorf("95 %% of the limit, once a minute: %v", tr.events)
		}
	}
}

func TestWhatThinningMakesFitIsNotShed(t *testing.T) {
	tr := newTraffic(t, limitOf(1000, 20*time.Second),
		source{pool: "default", priority: series.Default, rate: constant(600), families: 60, scrape: 15},
		source{pool: "default", priority: series.Low, rate: stepped(300, 1200, 60, 900), families: 60, scrape: 15, thinned: 60})
	tr.run(800)
	if tr.counts[Entered] != 1 || tr.counts[Moved] != 0 || tr.flips != 0 {
		t.Errorf("thinning alone brings demand under the limit: %d families changed sides\n%s", tr.flips, tr.story())
	}
}

func TestRulesForTheLimitSpareAPoolWithinItsShare(t *testing.T) {
	tr := newTraffic(t, limitOf(1000, 10*time.Second, pool("a", 0.5), pool("b", 0.2)),
		source{pool: "a", rate: constant(400), families: 20}, source{pool: "default", rate: constant(900), families: 20})
	tr.run(120)
	plan := tr.tenant().Plan(tr.now())
	if a, _ := plan.Pools().find("a"); !plan.Over() || plan.OverLimit(a) || !plan.OverLimit(0) {
		t.Errorf("over %v, rules apply to a %v and to default %v; want true, false, true", plan.Over(), plan.OverLimit(a), plan.OverLimit(0))
	}
}
