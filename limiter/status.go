package limiter

import (
	"math"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// A Status is a tenant's limit and what has come of it, for people. Rates are
// those of the last minute, or of a window of thinning if that is longer.
type Status struct {
	Tenant tenant.ID
	Limit  Limit
	Named  bool // the configuration names the tenant

	Demand       float64 // samples per second, before rules with when: over_limit
	Used         float64 // of that, what passed
	Tokens       float64 // samples that fit at once; a debt is negative
	ActiveSeries int64   // where they are limited

	Over   bool // in a shadow, too
	Shadow bool
	Since  time.Time

	Pools   []PoolStatus // default first
	Shed    []Shed       // most important first
	Refused []Refused    // because of active_series

	HardRefusals uint64 // requests, since the tenant is known
	Moves        uint64 // of cuts

	// Until when new series are admitted without a check, and why.
	Suspended time.Time
	Why       string

	Suggestion Suggestion
}

// A PoolStatus is what has come of a pool, in samples per second.
type PoolStatus struct {
	Name         string
	Share        float64 // of the limit
	Guaranteed   float64
	Demand       float64
	Used         float64
	Over         bool   // rules with when: over_limit apply
	Passes       string // what of it does, in words
	ActiveSeries int64
}

// A Shed is what does not pass of one pool and priority.
type Shed struct {
	Pool             string
	Priority         series.Priority
	SamplesPerSecond float64
	SeriesFraction   float64 // of its families
}

// Refused is how many sightings of new series were refused, since the tenant is known.
type Refused struct {
	Priority series.Priority
	Series   uint64
}

// Statuses returns the status of every tenant that has a limit or is named, in
// order of their names.
func (l *Limiter) Statuses(now time.Time) []Status {
	var list []Status
	for _, t := range l.all() {
		if s := t.Status(now); s.Named || s.Limit.Limits() {
			list = append(list, s)
		}
	}
	return list
}

// Find returns the tenant called id, or nil. Unlike For it makes none.
func (l *Limiter) Find(id tenant.ID) *Tenant {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if id == Overflow {
		return l.overflow
	}
	return l.tenants[id]
}

// LimitOf returns the limit of a tenant, known or not, and whether the
// configuration names it.
func (l *Limiter) LimitOf(id tenant.ID) (Limit, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.config.limitOf(id)
}

// Status returns what has come of the tenant's limit.
func (t *Tenant) Status(now time.Time) Status {
	t.mu.Lock()
	c := &t.control
	s := Status{
		Tenant: t.id, Limit: t.limit, Named: t.named,
		Over: c.exceeded, Shadow: t.limit.shadow(), Since: c.since,
		HardRefusals: t.refusals, Moves: t.moves, Suggestion: t.week.suggest(now),
	}
	s.Limit.Burst = Duration(t.limit.burst())
	for p := range t.pools.Len() {
		s.Pools = append(s.Pools, PoolStatus{
			Name: t.pools.names[p], Share: t.pools.shares[p],
			Guaranteed: t.pools.shares[p] * float64(t.limit.SamplesPerSecond), Passes: everything.String(),
		})
	}
	if t.limit.SamplesPerSecond > 0 {
		s.Tokens = t.soft.tokens(now)
		t.rates(&s, t.clock(now))
	}
	t.mu.Unlock()
	t.families.status(&s)
	return s
}

// read returns the rates of the last whole window.
func (t *Tenant) read(now time.Duration) reading {
	c, r := &t.control, newReading(t.pools.Len())
	t.meter.at(now)
	sums := make([]cellSum, t.meter.cells)
	last := t.meter.last - 1
	first := max(t.meter.first, last-t.meter.slots(c.window())+1)
	if last < first { // in its first second there is only that
		last = first
	}
	t.meter.sum(first, last, sums)
	plain := t.meter.begins(last+1) - t.meter.begins(first)
	r.read(sums, spans{plain, c.always, c.overLimit})
	return r
}

// rates adds the rates of the last whole window to s.
func (t *Tenant) rates(s *Status, now time.Duration) {
	c, r := &t.control, t.read(now)
	for p := range s.Pools {
		pool := &s.Pools[p]
		pool.Demand = r.pool(p)
		for _, g := range r.granted[p] {
			pool.Used += g
		}
		s.Demand += pool.Demand
		s.Used += pool.Used
		if !c.exceeded {
			continue
		}
		pool.Over, pool.Passes = c.pools[p].over, c.pools[p].cut.String()
		for l := 1; l < levels; l++ {
			shed := Shed{
				pool.Name, priorityOf(l),
				max(0, r.remains[p][l]-r.granted[p][l]), 1 - c.pools[p].cut.fraction(l),
			}
			if shed.SeriesFraction > 0 && r.remains[p][l] > 0 {
				s.Shed = append(s.Shed, shed)
			}
		}
	}
}

func (f *families) status(s *Status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.ActiveSeries, s.Suspended, s.Why = f.series, f.open, f.why
	for p := range s.Pools {
		s.Pools[p].ActiveSeries = f.byPool[p]
	}
	for l := levels - 1; l >= 0; l-- {
		if f.refused[l] > 0 {
			s.Refused = append(s.Refused, Refused{priorityOf(l), f.refused[l]})
		}
	}
}

// History returns the last n seconds before now, at most an hour, oldest first.
// Seconds are recorded of tenants that the configuration names and of those that
// are over their limit; others are zero.
func (t *Tenant) History(now time.Time, n int) []Second {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.history.last(t.clock(now), min(max(n, 0), historyMinutes*60))
}

// Usage returns which part of its limit a tenant demands; 0: it has none.
func (s *Status) Usage() float64 {
	if s.Limit.SamplesPerSecond == 0 {
		return 0
	}
	return math.Max(0, s.Demand/float64(s.Limit.SamplesPerSecond))
}
