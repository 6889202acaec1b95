package gateway

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/rules"
)

// maxHistory is how many older policies are kept to tell what changed since.
const maxHistory = 8

// state is what the gateway keeps of one tenant: the series it knows, the classes
// they fall into, and the counts. One lock guards it; it is held for some tens of
// nanoseconds per entry, never while labels are read or the upstream is awaited.
type state struct {
	tenant tenant.ID
	hasher hasher
	used   atomic.Int64 // unix nanoseconds of the latest request
	active atomic.Int32 // requests under way

	mu      sync.Mutex
	table   table
	classes classes
	spill   *spill // records that do not fit the table
	spilled bool   // it has some

	policy   *rules.Policy
	owners   *attribution.Owners
	pools    *limiter.Pools
	limited  bool   // the tenant has a limit: records hold the places of families
	asks     bool   // and one of active series
	gen      uint16 // of all these together; never 0
	asksFrom uint16 // generation since which asks is set
	history  []generation

	dues    dues
	counts  Counts
	markers uint64    // stale markers made
	stales  uint64    // stale markers of senders that had nothing to end
	repeats uint64    // exact duplicates of samples forwarded once
	began   time.Time // of counts
}

// A generation is an older policy, and what has changed from it to the current.
type generation struct {
	gen   uint16
	delta *rules.Delta
	of    *rules.Policy
}

// adopt makes p, o and the pools of a plan what the tenant is judged by. The lock
// is held.
func (s *state) adopt(p *rules.Policy, o *attribution.Owners, plan *limiter.Plan) {
	pools, limited := plan.Pools(), plan.Limited()
	others := o != s.owners || pools != s.pools || limited != s.limited
	if p == s.policy && !others {
		return
	}
	if s.gen++; s.gen == 0 {
		s.forgetVerdicts()
		s.gen, s.asksFrom = 1, 1
	}
	switch {
	case s.policy == nil || others:
		s.history = nil // every series may belong to another team or pool now
	default:
		h := append(slices.Clone(s.history), generation{gen: s.gen - 1, of: s.policy})
		h = h[max(0, len(h)-maxHistory):]
		for i := range h {
			h[i].delta = p.Since(h[i].of)
		}
		s.history = h // requests under way keep the slice they began with
	}
	s.policy, s.owners = p, o
	if !s.asks {
		s.asksFrom = s.gen
	}
	s.pools, s.limited, s.asks = pools, limited, pools.LimitsSeries()
}

// before reports whether generation a is older than b. A record of generation 0 is
// older than any.
func (s *state) before(a, b uint16) bool { return a == 0 || s.gen-a > s.gen-b }

// since returns what changed since generation gen, or nil where that is unknown
// and everything has to be evaluated again.
func since(h []generation, gen uint16) *rules.Delta {
	for i := range h {
		if h[i].gen == gen {
			return h[i].delta
		}
	}
	return nil
}

// forgetVerdicts makes every record one of no generation, when generation
// numbers begin again. Records outside the table are let go.
func (s *state) forgetVerdicts() {
	for _, p := range s.table.pages {
		for i := range p {
			p[i].gen = 0
		}
	}
	s.history = nil
	s.spill.renew()
}

// record returns a request's record by its number.
func (s *state) record(w *work, rec uint32) *record {
	if rec >= looseRecord {
		return &w.loose[rec-looseRecord]
	}
	return s.table.at(rec)
}

// leave ends a request that states.enter began.
func (s *state) leave() { s.active.Add(-1) }
