// Package profiler tells what a tenant's series are made of: how many each metric
// has, which labels make them, and how many would remain if a label went away.
//
// Everything is learned from the samples that pass. A metric is exact while all
// its label sets are kept as rows of an [inventory.Inventory]. One that is too
// large for that is counted by [sketch.Window]s, HyperLogLog sketches over a
// sliding window, and its rows become a sample by families. What memory does not
// allow is let go of in an order that relief.go states, and reported.
package profiler

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// maxTenants is how many tenants are profiled at once. Beyond it, who was silent
// longest is forgotten.
const maxTenants = 10_000

// A Profiler profiles the series of all tenants. Its methods may be called from
// any goroutine. New starts nothing; Run keeps its house.
type Profiler struct {
	cfg    Config
	clock  Clock
	log    *slog.Logger
	notify func(Explosion)

	used  atomic.Int64  // bytes that the profiles of all tenants hold
	saved atomic.Int64  // unix seconds of the last Save that succeeded
	heavy chan struct{} // more than the limit is used

	mu       sync.RWMutex
	byTenant map[tenant.ID]*profile

	scratches sync.Pool
}

// New returns a Profiler that knows nothing yet. notify is told of explosions; it
// must not block.
func New(cfg Config, now time.Time, notify func(Explosion), log *slog.Logger) (*Profiler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p := &Profiler{
		cfg: cfg, clock: NewClock(time.Duration(cfg.Window), now), log: log, notify: notify,
		byTenant: map[tenant.ID]*profile{}, heavy: make(chan struct{}, 1),
	}
	p.scratches.New = func() any { return new(scratch) }
	return p, nil
}

// Clock returns the clock by which the window turns.
func (p *Profiler) Clock() Clock { return p.clock }

// Bytes returns how much memory all profiles hold.
func (p *Profiler) Bytes() int64 { return p.used.Load() }

// profile returns the profile of t, or nil where nothing was seen of it.
func (p *Profiler) profile(t tenant.ID) *profile {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.byTenant[t]
}

// obtain returns the profile of t, made where there was none.
func (p *Profiler) obtain(t tenant.ID) *profile {
	if f := p.profile(t); f != nil {
		return f
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.byTenant[t]
	if f == nil {
		if len(p.byTenant) >= maxTenants {
			p.forgetSilent()
		}
		f = newProfile(t, &p.cfg, &p.used)
		p.byTenant[t] = f
	}
	return f
}

// forgetSilent forgets the tenant that was silent longest. p.mu is held.
func (p *Profiler) forgetSilent() {
	var silent *profile
	for _, f := range p.byTenant {
		if silent == nil || f.latest.Load() < silent.latest.Load() {
			silent = f
		}
	}
	p.forget(silent)
}

// forget forgets a tenant. p.mu is held. Whoever still holds its profile fills
// what nobody reads any more.
func (p *Profiler) forget(f *profile) {
	delete(p.byTenant, f.tenant)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgotten = true
	p.used.Add(-f.reported.Swap(0))
}

// profiles returns the profiles of all tenants, in no order.
func (p *Profiler) profiles() []*profile {
	p.mu.RLock()
	defer p.mu.RUnlock()
	list := make([]*profile, 0, len(p.byTenant))
	for _, f := range p.byTenant {
		list = append(list, f)
	}
	return list
}
