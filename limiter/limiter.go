package limiter

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

const (
	// maxTenants is how many tenants are known at once, besides those that the
	// configuration names. Further ones share a limit until others are forgotten.
	maxTenants = 10_000

	// idleAfter is after which silence a tenant is forgotten that the configuration
	// does not name. Its bucket is full again by then and its series are not active.
	idleAfter = time.Hour

	// Overflow is the tenant that stands for those that there is no room for.
	Overflow tenant.ID = "__overflow__"
)

// A Limiter holds the limits of all tenants. Its methods may be called from any
// goroutine.
type Limiter struct {
	began  time.Time
	tell   func(Event)
	blocks atomic.Int64 // of history that may still be made
	bytes  atomic.Int64 // of admitted sets that may still be made

	reload sync.Mutex // serialises Reload

	mu       sync.RWMutex
	config   Config
	tenants  map[tenant.ID]*Tenant
	unnamed  int     // of tenants
	overflow *Tenant // of those without a place; nil until there is one
	minute   int64   // of the last housekeeping
}

// New returns a Limiter that begins now. It calls notify for each event, from the
// goroutine that caused it and with no lock held; notify may be nil. It starts
// nothing: somebody has to call Tick once a second.
func New(c Config, now time.Time, notify func(Event)) (*Limiter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	l := &Limiter{began: now, tell: notify, config: c, tenants: map[tenant.ID]*Tenant{}}
	l.blocks.Store(maxBlocks)
	l.bytes.Store(setBytes)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l, l.addNamed(now)
}

func (l *Limiter) notify(e Event) {
	if l.tell != nil {
		l.tell(e)
	}
}

// Reload replaces all limits, or leaves them as they were on error. Tokens, what
// was measured, and who is over its limit stay.
func (l *Limiter) Reload(c Config, now time.Time) error {
	if err := c.Validate(); err != nil {
		return err
	}
	l.reload.Lock()
	defer l.reload.Unlock()
	l.mu.Lock()
	l.config = c
	err := l.addNamed(now)
	l.unnamed = 0
	for id := range l.tenants {
		if _, named := c.Tenants[id]; !named {
			l.unnamed++
		}
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	for _, t := range l.all() {
		limit, named := c.limitOf(t.id)
		if err := t.apply(now, limit, named); err != nil {
			return err
		}
	}
	return nil
}

// addNamed makes the tenants that the configuration names. The lock is held.
func (l *Limiter) addNamed(now time.Time) error {
	for id := range l.config.Tenants {
		if l.tenants[id] == nil {
			t, err := l.make(id, now)
			if err != nil {
				return err
			}
			l.tenants[id] = t
		}
	}
	return nil
}

// limitOf returns the limit of a tenant, and whether c names it.
func (c *Config) limitOf(id tenant.ID) (Limit, bool) {
	if limit, ok := c.Tenants[id]; ok {
		return limit, true
	}
	return c.Default, false
}

// make makes a tenant. The lock is held.
func (l *Limiter) make(id tenant.ID, now time.Time) (*Tenant, error) {
	t := &Tenant{id: tenant.ID(strings.Clone(string(id))), limiter: l}
	t.used.Store(int64(now.Sub(l.began)))
	t.families.set.budget, t.families.worst = &l.bytes, levels
	limit, named := l.config.limitOf(id)
	return t, t.apply(now, limit, named)
}

// For returns the tenant called id. It does not allocate for one that is known.
func (l *Limiter) For(id tenant.ID, now time.Time) *Tenant {
	l.mu.RLock()
	t := l.tenants[id]
	l.mu.RUnlock()
	if t == nil {
		t = l.add(id, now)
	}
	if at := int64(now.Sub(l.began)); at-t.used.Load() > int64(time.Second) {
		t.used.Store(at)
	}
	return t
}

// add returns a tenant that was not known, or who stands for all that there is no
// room for.
func (l *Limiter) add(id tenant.ID, now time.Time) *Tenant {
	l.mu.Lock()
	t, overflowed := l.addLocked(id, now)
	l.mu.Unlock()
	if overflowed {
		l.notify(Event{At: now, Tenant: Overflow, Change: Overflowed,
			Text: "there are too many tenants: new ones share one limit, that of default, until others were silent for an hour"})
	}
	return t
}

func (l *Limiter) addLocked(id tenant.ID, now time.Time) (t *Tenant, overflowed bool) {
	if t := l.tenants[id]; t != nil {
		return t, false
	}
	if l.unnamed < maxTenants {
		t, _ := l.make(id, now) // its limit was validated with the configuration
		l.tenants[t.id] = t
		l.unnamed++
		return t, false
	}
	if l.overflow == nil {
		l.overflow, _ = l.make(Overflow, now)
		overflowed = true
	}
	return l.overflow, overflowed
}

// Look is For for who only asks: it remembers nothing. A tenant that is not known is
// shown as it would begin.
func (l *Limiter) Look(id tenant.ID, now time.Time) *Tenant {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if t := l.tenants[id]; t != nil {
		return t
	}
	if l.unnamed >= maxTenants && l.overflow != nil {
		return l.overflow
	}
	t, _ := l.make(id, now) // its limit was validated with the configuration
	return t
}

// all returns the tenants in order of their names.
func (l *Limiter) all() []*Tenant {
	l.mu.RLock()
	list := make([]*Tenant, 0, len(l.tenants)+1)
	for _, t := range l.tenants {
		list = append(list, t)
	}
	if l.overflow != nil {
		list = append(list, l.overflow)
	}
	l.mu.RUnlock()
	slices.SortFunc(list, func(a, b *Tenant) int { return cmp.Compare(a.id, b.id) })
	return list
}

// Tick keeps the limiter's house. It wants to be called once a second.
func (l *Limiter) Tick(now time.Time) {
	at := now.Sub(l.began)
	minutely := false
	l.mu.Lock()
	if minute := int64(at / time.Minute); minute != l.minute {
		l.minute, minutely = minute, true
		l.forgetIdle(at)
	}
	l.mu.Unlock()
	for _, t := range l.all() {
		t.tick(now, minutely)
	}
}

// forgetIdle forgets who was silent for too long. The lock is held.
func (l *Limiter) forgetIdle(at time.Duration) {
	idle := func(t *Tenant) bool { return int64(at)-t.used.Load() >= int64(idleAfter) }
	for id, t := range l.tenants {
		if _, named := l.config.Tenants[id]; !named && idle(t) {
			t.close(at)
			delete(l.tenants, id)
			l.unnamed--
		}
	}
	if l.overflow != nil && idle(l.overflow) {
		l.overflow.close(at)
		l.overflow = nil
	}
}

// close gives back what a tenant holds of the limiter's budgets.
func (t *Tenant) close(at time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.history.expire(at, true, &t.limiter.blocks)
	t.families.mu.Lock()
	defer t.families.mu.Unlock()
	t.families.in.Store(false)
	t.families.drop()
}
