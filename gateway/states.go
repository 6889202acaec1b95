package gateway

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
)

// maxTenants is how many tenants are known at once. Beyond it, who was silent
// longest is forgotten: their series are understood again when they return.
const maxTenants = 10_000

// states are the tenants that the gateway knows.
type states struct {
	hasher  hasher
	began   time.Time
	clock   profiler.Clock
	budget  budget // of the tables, bytes
	classes budget
	spill   *spillCache

	mu       sync.RWMutex
	byTenant map[tenant.ID]*state

	forgotten Counts // of tenants that were forgotten; guarded by mu
	owed      []owed // of them; likewise
}

func (ss *states) init(c Config, clock profiler.Clock) {
	ss.hasher, ss.began, ss.clock = newHasher(), time.Now(), clock
	ss.budget.give(c.SeriesTableBytes)
	ss.classes.give(maxClasses)
	ss.spill = &spillCache{bytes: c.OverflowCacheBytes}
	ss.byTenant = map[tenant.ID]*state{}
}

// enter returns the state of t, with a request under way in it.
func (ss *states) enter(t tenant.ID, now time.Time) *state {
	ss.mu.RLock()
	s := ss.byTenant[t]
	if s != nil {
		s.active.Add(1)
		s.used.Store(now.UnixNano())
	}
	ss.mu.RUnlock()
	if s != nil {
		return s
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s = ss.byTenant[t]
	if s == nil {
		if len(ss.byTenant) >= maxTenants {
			ss.forgetSilent()
		}
		s = &state{tenant: t, hasher: ss.hasher.of(t), spill: ss.spill.forTenant(), began: now}
		s.table.budget, s.classes.budget = &ss.budget, &ss.classes
		ss.byTenant[t] = s
	}
	s.active.Add(1)
	s.used.Store(now.UnixNano())
	return s
}

// find returns the state of t, or nil.
func (ss *states) find(t tenant.ID) *state {
	ss.mu.RLock()
	defer ss.mu.RUnlock()
	return ss.byTenant[t]
}

// all returns the states in order of their tenants.
func (ss *states) all() []*state {
	ss.mu.RLock()
	list := make([]*state, 0, len(ss.byTenant))
	for _, s := range ss.byTenant {
		list = append(list, s)
	}
	ss.mu.RUnlock()
	slices.SortFunc(list, func(a, b *state) int { return cmp.Compare(a.tenant, b.tenant) })
	return list
}

// tidy forgets tenants that were silent for a whole window.
func (ss *states) tidy(now time.Time) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for _, s := range ss.byTenant {
		if now.UnixNano()-s.used.Load() > int64(ss.clock.Window()) && s.active.Load() == 0 {
			ss.forget(s)
		}
	}
}

// forgetSilent forgets the tenant that was silent longest.
func (ss *states) forgetSilent() {
	var silent *state
	for _, s := range ss.byTenant {
		if s.active.Load() == 0 && (silent == nil || s.used.Load() < silent.used.Load()) {
			silent = s
		}
	}
	if silent != nil {
		ss.forget(silent)
	}
}

// forget is called with the lock held and no request under way in s.
func (ss *states) forget(s *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table.release()
	ss.classes.give(s.classes.taken)
	ss.forgotten.Add(&s.counts)
	if pages := s.dues.take(); len(pages) > 0 {
		ss.owed = append(ss.owed, owed{s.tenant, pages})
	}
	delete(ss.byTenant, s.tenant)
}

// takeOwed returns what is due of tenants that were forgotten, once.
func (ss *states) takeOwed() []owed {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	list := ss.owed
	ss.owed = nil
	return list
}
