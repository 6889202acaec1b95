package limiter

import (
	"math"

	"github.com/headgate/headgate/internal/series"
)

// A Trial is what a limit would make of a demand that goes on: what its control loop
// decides, once who demands more than the limit has gone over it.
type Trial struct {
	Limit Limit
	Over  bool // in a shadow, too

	Demand  float64 // samples per second
	Thinned float64 // of it, what rules with when: over_limit take
	Passes  float64 // of it, what is neither thinned nor shed
	Refused float64 // of that, what is past the hard limit: whole requests, with all that is in them

	Pools []PoolStatus // default first; Used is what passes
	Shed  []Shed       // most important first, in each pool

	pools *Pools
	cuts  []cut // by pool, where it is over
}

// Try returns what l would make of the demand, were it the tenant's limit from now
// on. Nothing is changed. l must divide series as d does: [Demand.Fits].
//
// Where the tenant is over a limit now, cuts are placed as [Limiter.Reload] places
// them: where l is the limit in force they stay, with a higher limit none is tightened
// and with a lower one none is loosened. So of two limits with the same shares the
// higher one never passes less.
func (d *Demand) Try(l Limit) (*Trial, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	pools, err := newPools(&l, d.pools)
	if err != nil {
		return nil, err
	}
	t := &Trial{Limit: l, Demand: d.rates.total(), pools: pools}
	c := d.control(float64(l.SamplesPerSecond), pools.shares)
	t.Over = c.exceeded
	c.share()
	for p := range pools.Len() {
		t.addPool(c, d.state, p)
	}
	if hard := float64(l.HardSamplesPerSecond); hard > 0 {
		t.Refused = max(0, t.Passes-hard)
	}
	return t, nil
}

// control returns the control loop of a limit that the demand meets, with what it
// read.
func (d *Demand) control(perSecond float64, shares []float64) *control {
	c := &control{perSecond: perSecond, shares: shares, now: newReading(len(shares)), grants: make([][levels]float64, len(shares))}
	copy(c.now.demand, d.rates.demand)
	switch order := d.order(perSecond, shares); {
	case perSecond == 0:
	case d.state == nil:
		c.exceeded = c.now.total() > perSecond
	default:
		c.exceeded = order == same || order == lowered || !c.low()
	}
	c.pools = make([]poolState, len(shares))
	for p := range c.pools {
		s, demand := &c.pools[p], c.now.pool(p)
		if d.state != nil {
			*s = d.state.pools[p]
		}
		s.over = c.exceeded && (c.overShare(p, demand) || s.over && demand >= leaveUnder*shares[p]*perSecond)
		c.now.remains[p] = d.rates.demand[p]
		if s.over {
			c.now.remains[p] = d.rates.remains[p]
		}
	}
	return c
}

// order returns how a limit stands to that which the tenant is over.
func (d *Demand) order(perSecond float64, shares []float64) order {
	if d.state == nil {
		return apart
	}
	return orderOf(d.state.perSecond, d.state.shares, perSecond, shares)
}

// addPool adds what passes of a pool.
func (t *Trial) addPool(c, was *control, p int) {
	s := &c.pools[p]
	s.grant, s.pays = c.granted(p)
	v := view{c.now.remains[p], s.grant, everything, even, slack}
	to := everything
	if c.exceeded {
		if was != nil {
			v.cut, v.spread = s.cut, s.spread
		}
		to = v.fit()
		if was != nil {
			to = orderOf(was.perSecond, was.shares, c.perSecond, c.shares).refit(s.cut, to)
		}
	}
	status := PoolStatus{
		Name: t.pools.names[p], Share: c.shares[p], Guaranteed: c.shares[p] * c.perSecond,
		Demand: c.now.pool(p), Over: s.over, Passes: to.String(),
	}
	status.Used = v.demand[0]
	for l := range levels {
		t.Thinned += max(0, c.now.demand[p][l]-c.now.remains[p][l])
		if l == 0 {
			continue
		}
		passes := v.demand[l] * v.part(to, l)
		status.Used += passes
		if fraction := 1 - to.fraction(l); fraction > 0 && v.demand[l] > 0 {
			t.Shed = append(t.Shed, Shed{status.Name, priorityOf(l), max(0, v.demand[l]-passes), fraction})
		}
	}
	t.Passes += status.Used
	t.Pools, t.cuts = append(t.Pools, status), append(t.cuts, to)
}

// Sheds returns the samples per second that are shed.
func (t *Trial) Sheds() (sum float64) {
	for _, s := range t.Shed {
		sum += s.SamplesPerSecond
	}
	return sum
}

// Shadow reports whether what is shed is only counted.
func (t *Trial) Shadow() bool { return t.Limit.shadow() }

// Removes returns the samples per second that do not pass.
func (t *Trial) Removes() float64 { return t.Thinned + t.Sheds() }

// Admits reports whether the series of a family pass.
func (t *Trial) Admits(n Pool, p series.Priority, family uint64) bool {
	return t.cuts[t.at(n)].passes(levelOf(p), place(family))
}

// OverLimit reports whether rules with when: over_limit apply to the series of a pool.
func (t *Trial) OverLimit(n Pool) bool { return t.Pools[t.at(n)].Over }

func (t *Trial) at(n Pool) Pool {
	if int(n) >= len(t.cuts) {
		return 0
	}
	return n
}

// Room returns how many new series of a priority a limit of active series still
// admits where so many are active. bounded is false where it admits all of them.
func Room(limit, active int64, p series.Priority) (n int64, bounded bool) {
	l := levelOf(p)
	if limit <= 0 || l == 0 {
		return 0, false
	}
	return max(0, int64(math.Ceil(room[l]*float64(limit)))-active), true
}

// RefusedFrom returns from how many active series on a limit refuses new ones of a
// priority; 0: it never does.
func RefusedFrom(limit int64, p series.Priority) int64 {
	n, _ := Room(limit, 0, p)
	return n
}
