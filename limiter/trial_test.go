package limiter

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// demandOf returns the demand of the tenant, which is measured.
func (tr *traffic) demandOf() *Demand {
	tr.t.Helper()
	d, ok := tr.tenant().Demand(tr.now())
	if !ok {
		tr.t.Fatal("demand is not measured")
	}
	return d
}

func try(t testing.TB, d *Demand, l Limit) *Trial {
	t.Helper()
	trial, err := d.Try(l)
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

func TestTheLimitInForceShedsInATrialWhatItSheds(t *testing.T) {
	tr := simTraffic(t)
	tr.run(simFrom + 110)
	s := tr.tenant().Status(tr.now())
	trial := try(t, tr.demandOf(), s.Limit)
	if !s.Over || !trial.Over || len(s.Shed) < 3 {
		t.Fatalf("over: %t, in the trial %t, sheds %+v: want much shed", s.Over, trial.Over, s.Shed)
	}
	near := cmpopts.EquateApprox(0.02, 1)
	if diff := cmp.Diff(s.Shed, trial.Shed, near); diff != "" {
		t.Errorf("shed (- now, + in the trial):\n%s", diff)
	}
	for i := range s.Pools {
		s.Pools[i].ActiveSeries = 0
	}
	if diff := cmp.Diff(s.Pools, trial.Pools, near); diff != "" {
		t.Errorf("pools (- now, + in the trial):\n%s", diff)
	}
	if math.Abs(trial.Demand-trial.Passes-trial.Sheds()) > 1e-6 {
		t.Errorf("%v of %v pass and %v are shed: they do not add up", trial.Passes, trial.Demand, trial.Sheds())
	}
}

func TestATrialDoesWhatTheReloadThenDoes(t *testing.T) {
	for name, change := range map[string]func(*Limit){
		"raised":          func(l *Limit) { l.SamplesPerSecond = 2 * simLimit },
		"lowered":         func(l *Limit) { l.SamplesPerSecond = simLimit / 2 },
		"raised a little": func(l *Limit) { l.SamplesPerSecond += 7 },
		"shared anew":     func(l *Limit) { l.Pools = []PoolConfig{pool("checkout", 0.1), pool("batch", 0.6)} },
		"far above":       func(l *Limit) { l.SamplesPerSecond = 100 * simLimit },
	} {
		t.Run(name, func(t *testing.T) {
			tr := simTraffic(t)
			tr.run(simFrom + 60)
			l := tr.tenant().Status(tr.now()).Limit
			change(&l)
			d := tr.demandOf()
			if !d.Fits(l) {
				t.Fatal("the demand is said to be divided otherwise")
			}
			trial := try(t, d, l)
			c := tr.limiter.config
			c.Tenants = map[tenant.ID]Limit{payments: l}
			if err := tr.limiter.Reload(c, tr.now()); err != nil {
				t.Fatal(err)
			}
			p := tr.tenant().Plan(tr.now())
			for i := range trial.cuts {
				for level := range levels {
					is, want := 1.0, trial.cuts[i].fraction(level)
					if p.Exceeded() {
						is = p.cuts[i].cut.fraction(level)
					}
					if math.Abs(is-want) > 0.05 {
						t.Errorf("of pool %d and level %d %.3f pass, in the trial %.3f did", i, level, is, want)
					}
				}
			}
		})
	}
}

func TestAHigherLimitNeverPassesLess(t *testing.T) {
	over := simTraffic(t)
	over.run(simFrom + 70)
	demands := map[string]*Demand{"that is over its limit": over.demandOf()}
	within := simTraffic(t)
	within.run(30)
	demands["that is within it"] = within.demandOf()
	thinned := newTraffic(t, limitOf(1000, 10*time.Second, pool("a", 0.4)),
		source{pool: "a", rate: constant(900), families: 60, scrape: 15, thinned: 60}, source{pool: "default", rate: constant(900), families: 60, scrape: 15})
	thinned.run(200)
	demands["of which some is thinned"] = thinned.demandOf()
	for name, d := range demands {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			l := Limit{SamplesPerSecond: rapid.Int64Range(1, 50_000).Draw(t, "limit"), Pools: d.pools.config}
			low, err := d.Try(l)
			if err != nil {
				t.Fatal(err)
			}
			l.SamplesPerSecond += rapid.Int64Range(0, 20_000).Draw(t, "more")
			high, err := d.Try(l)
			if err != nil {
				t.Fatal(err)
			}
			if high.Removes() > low.Removes()*(1+1e-9)+1e-6 {
				t.Errorf("the higher limit %d removes %v, the lower one %v", l.SamplesPerSecond, high.Removes(), low.Removes())
			}
			if high.Over && !low.Over {
				t.Error("the higher limit is exceeded and the lower one is not")
			}
		}))
	}
}

func TestADrawnDemandIsTried(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSharing(t)
		l := Limit{SamplesPerSecond: max(1, int64(s.rate))}
		for p, share := range s.shares[1:] {
			l.Pools = append(l.Pools, PoolConfig{Name: "p" + string(rune('a'+p)), Share: 0.99*share + 1e-6, Teams: []string{string(rune('a' + p))}})
		}
		d, err := NewDemand(l)
		if err != nil {
			t.Fatal(err)
		}
		critical := 0.0
		for p := range s.demand {
			for level, n := range s.demand[p] {
				d.Add(Pool(p), priorityOf(level), n)
			}
			critical += s.demand[p][0]
		}
		trial, err := d.Try(l)
		if err != nil {
			t.Fatal(err)
		}
		limit := float64(l.SamplesPerSecond)
		if slack := 1e-6 * (limit + d.PerSecond()); trial.Passes > max(limit, critical)+critical+slack || trial.Passes < min(d.PerSecond(), limit)-slack {
			t.Errorf("%v of %v pass a limit of %v, %v of it critical", trial.Passes, d.PerSecond(), limit, critical)
		}
		for _, x := range trial.Shed {
			if x.Priority == series.Critical {
				t.Errorf("critical is shed: %+v", x)
			}
		}
		if diff := cmp.Diff(d.ByPriority(), d.Times(d.ByPriority()).ByPriority(), cmpopts.EquateApprox(1e-9, 1e-9)); diff != "" {
			t.Errorf("a demand at its own height is another:\n%s", diff)
		}
	})
}

func TestPeakOf(t *testing.T) {
	if _, ok := PeakOf(make([]Second, 100)); ok {
		t.Error("nothing has a peak")
	}
	history := make([]Second, 300)
	for i := range history {
		history[i].Demand = [levels]uint32{1, 0, 2, 3}
	}
	history[10].Demand[2] = 500 // one second is a burst
	for i := 100; i < 170; i++ {
		history[i].Demand[3] = 40
	}
	p, ok := PeakOf(history)
	if !ok || p.Second != 100 || p.PerSecond() != 43 || p.ByPriority != [levels]float64{1, 0, 2, 40} {
		t.Errorf("the peak is %+v, want the minute from 100 on, with 43", p)
	}
	if p, _ := PeakOf(history[:10]); p.PerSecond() != 1 {
		t.Errorf("ten seconds of 6 are %v over a minute, want 1", p.PerSecond())
	}
}

func TestRoomIsWhatIsAdmitted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit, active := rapid.Int64Range(1, 5000).Draw(t, "limit"), rapid.Int64Range(0, 6000).Draw(t, "active")
		p := rapid.SampledFrom([]series.Priority{series.Low, series.Default, series.High}).Draw(t, "priority")
		n, bounded := Room(limit, active, p)
		if !bounded || !over(active+n, limit, levelOf(p)) || n > 0 && over(active+n-1, limit, levelOf(p)) {
			t.Errorf("of %s %d more fit a limit of %d with %d active: the limiter says otherwise", p, n, limit, active)
		}
		if _, bounded := Room(limit, active, series.Critical); bounded {
			t.Error("critical series are said to be refused")
		}
	})
	for p, want := range map[series.Priority]int64{series.Low: 80, series.Default: 90, series.High: 100, series.Critical: 0} {
		if got := RefusedFrom(100, p); got != want {
			t.Errorf("%s is refused from %d on, want %d", p, got, want)
		}
	}
}

func TestDemandIsMeasuredOfTheLimited(t *testing.T) {
	tr := newTraffic(t, limitOf(100, time.Minute, pool("a", 0.5)), source{pool: "a", rate: constant(30), families: 3})
	tr.run(70)
	d := tr.demandOf()
	if got := d.PerSecond(); math.Abs(got-30) > 1 {
		t.Errorf("demand is %v, want 30", got)
	}
	other := limitOf(100, time.Minute, pool("b", 0.5))
	if d.Fits(other) || !d.Fits(limitOf(7, time.Second, pool("a", 0.7))) {
		t.Error("a demand fits limits whose pools hold the same series, whatever their shares, and no others")
	}
	tr.limiter.config.Tenants = nil
	if err := tr.limiter.Reload(Config{}, tr.now()); err != nil {
		t.Fatal(err)
	}
	if _, ok := tr.tenant().Demand(tr.now()); ok {
		t.Error("the demand of a tenant without a limit is said to be measured")
	}
}
