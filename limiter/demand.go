package limiter

import (
	"slices"
	"time"

	"github.com/headgate/headgate/internal/series"
)

// A Demand is what a tenant sends, in samples per second by pool and priority, as a
// limit can be tried on it.
type Demand struct {
	pools *Pools
	rates reading
	state *control // that of the tenant, while it is over its limit
}

// Demand returns the tenant's demand of the last minute, or of a window of thinning
// if that is longer. ok is false where it is not measured: the tenant has no limit of
// samples per second.
func (t *Tenant) Demand(now time.Time) (d *Demand, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limit.SamplesPerSecond == 0 {
		return nil, false
	}
	d = &Demand{pools: t.pools, rates: t.read(t.clock(now))}
	// In a tenant's first window demand is spread over it, and what remains is not yet.
	for p := range d.rates.remains {
		for l, demand := range d.rates.demand[p] {
			d.rates.remains[p][l] = min(d.rates.remains[p][l], demand)
		}
	}
	if t.control.exceeded {
		c := t.control
		c.pools = slices.Clone(c.pools)
		c.now, c.before, c.short, c.grants, c.sums = reading{}, reading{}, reading{}, nil, nil
		d.state = &c
	}
	return d, true
}

// NewDemand returns a Demand of nothing, divided as l divides it.
func NewDemand(l Limit) (*Demand, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	pools, err := newPools(&l, nil)
	if err != nil {
		return nil, err
	}
	return &Demand{pools: pools, rates: newReading(pools.Len())}, nil
}

// Pools says which series are in which pool, and which priority they have where no
// rule gives one.
func (d *Demand) Pools() *Pools { return d.pools }

// Add adds samples per second of a pool and priority.
func (d *Demand) Add(n Pool, p series.Priority, perSecond float64) {
	if int(n) >= d.pools.Len() {
		n = 0
	}
	d.rates.demand[n][levelOf(p)] += perSecond
	d.rates.remains[n][levelOf(p)] += perSecond
}

// Of returns the samples per second of a pool and priority.
func (d *Demand) Of(n Pool, p series.Priority) float64 {
	if int(n) >= d.pools.Len() {
		return 0
	}
	return d.rates.demand[n][levelOf(p)]
}

// PerSecond returns the samples per second of all pools and priorities.
func (d *Demand) PerSecond() float64 { return d.rates.total() }

// ByPriority returns the samples per second of each priority, the most important
// first.
func (d *Demand) ByPriority() (sums [levels]float64) {
	for _, pool := range d.rates.demand {
		for l, perSecond := range pool {
			sums[l] += perSecond
		}
	}
	return sums
}

// Times returns the demand where each priority has so many samples per second, the
// most important first. Their parts of the pools are as in d; what d has nothing of is
// in the pool default. It is the demand of a tenant that is not over its limit yet.
func (d *Demand) Times(perSecond [levels]float64) *Demand {
	n := &Demand{pools: d.pools, rates: newReading(d.pools.Len())}
	sums := d.ByPriority()
	for l, want := range perSecond {
		if sums[l] == 0 {
			n.rates.demand[0][l], n.rates.remains[0][l] = want, want
			continue
		}
		for p := range d.rates.demand {
			n.rates.demand[p][l] = d.rates.demand[p][l] * want / sums[l]
			n.rates.remains[p][l] = d.rates.remains[p][l] * want / sums[l]
		}
	}
	return n
}

// Fits reports whether l divides series as d does. The shares of its pools may be
// others.
func (d *Demand) Fits(l Limit) bool {
	pools, err := newPools(&l, d.pools)
	return err == nil && pools.priority == d.pools.priority && pools.divides(d.pools)
}

// A Peak is the minute of a history with the most demand.
type Peak struct {
	Second     int             // of the history, in which it began
	ByPriority [levels]float64 // samples per second, the most important first
}

// PerSecond returns the samples per second of all priorities.
func (p *Peak) PerSecond() float64 {
	return p.ByPriority[0] + p.ByPriority[1] + p.ByPriority[2] + p.ByPriority[3]
}

// PeakOf returns the peak of a history. Over a whole minute demand is what a limit is
// held against; within it a burst passes. ok is false where nothing was recorded.
func PeakOf(history []Second) (most Peak, ok bool) {
	const width = int(minWindow / time.Second)
	var sums [levels]uint64
	best, at := uint64(0), 0
	for i := range history {
		total := uint64(0)
		for l := range sums {
			sums[l] += uint64(history[i].Demand[l])
			if i >= width {
				sums[l] -= uint64(history[i-width].Demand[l])
			}
			total += sums[l]
		}
		if total > best {
			best, at = total, max(0, i-width+1)
			for l := range sums {
				most.ByPriority[l] = float64(sums[l]) / float64(width)
			}
		}
	}
	most.Second = at
	return most, best > 0
}
