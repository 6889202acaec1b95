package gateway

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/tenant"
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

	policy  *rules.Policy
	owners  *attribution.Owners
	gen     uint16 // of policy and owners together; never 0
	history []generation

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

// adopt makes p and o what the tenant is judged by. The lock is held.
func (s *state) adopt(p *rules.Policy, o *attribution.Owners) {
	if p == s.policy && o == s.owners {
		return
	}
	if s.gen++; s.gen == 0 {
		s.forgetVerdicts()
		s.gen = 1
	}
	switch {
	case s.policy == nil || o != s.owners:
		s.history = nil // every series may belong to another team now
	default:
		h := append(slices.Clone(s.history), generation{gen: s.gen - 1, of: s.policy})
		h = h[max(0, len(h)-maxHistory):]
		for i := range h {
			h[i].delta = p.Since(h[i].of)
		}
		s.history = h // requests under way keep the slice they began with
	}
	s.policy, s.owners = p, o
}

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
