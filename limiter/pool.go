package limiter

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/headgate/headgate/internal/series"
)

// defaultPool is the name of pool 0: all series that are in no other pool.
const defaultPool = "default"

// A Pool is the number of a pool among its tenant's [Pools]. Pool 0 is default.
type Pool uint8

// Pools say which series are in which pool. They never change: where a tenant's
// pools do, it gets others, and who keeps a Pool beside a series asks again. Any
// number of goroutines may use them.
type Pools struct {
	config   []PoolConfig
	series   bool // the tenant's active series are limited
	priority series.Priority

	names  []string
	shares []float64 // of the limit; they add up to 1
	limits []int64   // of active series; 0: none

	byTeam  map[string]Pool
	clauses []poolClause
}

type poolClause struct {
	match *series.Selector
	pool  Pool
}

// newPools returns the pools of l, or those of before where nothing that they say
// has changed. l must be valid.
func newPools(l *Limit, before *Pools) (*Pools, error) {
	p := &Pools{config: l.Pools, series: l.LimitsSeries(), byTeam: map[string]Pool{}}
	if l.DefaultPriority != "" {
		priority, err := series.ParsePriority(l.DefaultPriority)
		if err != nil {
			return nil, err
		}
		p.priority = priority
	}
	if before != nil && before.series == p.series && before.priority == p.priority && reflect.DeepEqual(before.config, p.config) {
		return before, nil
	}
	rest := 1.0
	p.names, p.shares, p.limits = []string{defaultPool}, []float64{1}, []int64{0}
	for i, c := range l.Pools {
		n := Pool(i + 1)
		rest -= c.Share
		p.names, p.shares, p.limits = append(p.names, c.Name), append(p.shares, c.Share), append(p.limits, c.ActiveSeries)
		for _, team := range c.Teams {
			p.byTeam[team] = n
		}
		for _, m := range c.Match {
			sel, err := series.ParseSelector(m)
			if err != nil {
				return nil, fmt.Errorf("pool %q: %w", c.Name, err)
			}
			p.clauses = append(p.clauses, poolClause{sel, n})
		}
	}
	if rest < shareSlack {
		rest = 0
	}
	p.shares[0] = rest
	return p, nil
}

// divides reports whether o holds the same series in pools of the same names.
func (p *Pools) divides(o *Pools) bool {
	return p == o || slices.EqualFunc(p.config, o.config, func(a, b PoolConfig) bool {
		return a.Name == b.Name && slices.Equal(a.Teams, b.Teams) && slices.Equal(a.Match, b.Match)
	})
}

// Of returns the pool of a series with these labels and this team: the first that
// has the team or matches the labels.
func (p *Pools) Of(ls series.Labels, team string) Pool {
	n, ok := p.byTeam[team]
	for i := range p.clauses {
		c := &p.clauses[i]
		if ok && n <= c.pool {
			break
		}
		if c.match.Matches(ls) {
			return c.pool
		}
	}
	return n
}

// Priority returns the priority of a series: what a rule gave it, or else the
// tenant's default_priority.
func (p *Pools) Priority(given series.Priority, byRule bool) series.Priority {
	if byRule {
		return given
	}
	return p.priority
}

// Name returns the name of pool n.
func (p *Pools) Name(n Pool) string {
	if int(n) >= len(p.names) {
		return defaultPool
	}
	return p.names[n]
}

// Len returns how many pools there are, default included.
func (p *Pools) Len() int { return len(p.names) }

// LimitsSeries reports whether series have to be admitted with AdmitSeries.
func (p *Pools) LimitsSeries() bool { return p.series }

// find returns the pool called name; unknown names are in default.
func (p *Pools) find(name string) (Pool, bool) {
	for i, n := range p.names {
		if n == name {
			return Pool(i), true
		}
	}
	return 0, false
}

// levels is how many priorities there are. A level is a priority as an index,
// the most important first.
const levels = int(series.Critical-series.Low) + 1

func levelOf(p series.Priority) int {
	return int(series.Critical - min(max(p, series.Low), series.Critical))
}

func priorityOf(level int) series.Priority { return series.Critical - series.Priority(level) }
