package control

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
)

// A LimitStore keeps the limits that somebody set. [store.DB] is one.
type LimitStore interface {
	PolicyRevision(context.Context) (int64, error)
	Limits(context.Context) ([]store.Limit, error)
	PutLimit(ctx context.Context, l store.Limit, expected int64) (store.Limit, error)
	DeleteLimit(ctx context.Context, t tenant.ID, expected int64) error
}

const (
	// refreshEvery is how often the store is asked whether another process changed
	// a limit: such a change is in force within a second.
	refreshEvery = time.Second

	// storeTimeout is how long a question to the store may take.
	storeTimeout = 5 * time.Second

	// maxStoredLimits bounds what somebody can make every process hold in memory.
	maxStoredLimits = 10_000
)

// Limits are the limits in force: those of the configuration file and, beside
// them, those in the store. Its methods may be called from any goroutine.
type Limits struct {
	parts   LimitParts
	limiter *limiter.Limiter
	store   func() LimitStore
	log     *slog.Logger

	mu      sync.Mutex // serialises what follows, but for reading current
	current atomic.Pointer[limitPolicy]
	seen    int64              // the store's revision that current holds; -1: none
	late    bool               // the store was not there at the first Refresh
	failing bool               // the last Refresh failed, and that was logged
	told    map[tenant.ID]bool // of whose limit of series it was told that it is not kept
}

// LimitParts are what Limits are made of.
type LimitParts struct {
	Limiter *limiter.Limiter
	Config  limiter.Config      // of the configuration file; Limiter has it already
	File    string              // its name; "": there is none
	Window  time.Duration       // for how long the profiler counts a series as active; 0: nothing is profiled
	Store   func() LimitStore   // nil while the store is not open
	Tell    func(gateway.Event) // nil: nobody is told
	Log     *slog.Logger
}

// A limitPolicy is who is limited by what, and where it comes from. It is
// immutable.
type limitPolicy struct {
	config limiter.Config // of the configuration file
	file   string         // its name; "": there is none
	window time.Duration  // of the profiler; 0: there is none
	stored map[tenant.ID]storedLimit
}

// A storedLimit is a limit of the store.
type storedLimit struct {
	limiter.Limit
	revision int64
	at       time.Time
	by       string
}

// NewLimits returns Limits that begin with those of the configuration file.
func NewLimits(p LimitParts) *Limits {
	ls := &Limits{parts: p, limiter: p.Limiter, store: p.Store, log: p.Log, seen: -1, told: map[tenant.ID]bool{}}
	ls.current.Store(&limitPolicy{config: p.Config, file: fileName(p.File), window: p.Window})
	return ls
}

// fileName is what people are told: the file's place is known to whoever may
// change it.
func fileName(file string) string {
	if file == "" {
		return ""
	}
	return filepath.Base(file)
}

// merged returns the limits in force. What the configuration file names wins.
func (p *limitPolicy) merged() limiter.Config {
	c := p.config
	c.Default = p.kept(c.Default)
	c.Tenants = make(map[tenant.ID]limiter.Limit, len(p.stored)+len(p.config.Tenants))
	for t, s := range p.stored {
		c.Tenants[t] = p.kept(s.Limit)
	}
	for t, l := range p.config.Tenants {
		c.Tenants[t] = p.kept(l)
	}
	return c
}

// with returns p with another stored limit of one tenant; nil for none.
func (p *limitPolicy) with(t tenant.ID, l *storedLimit) *limitPolicy {
	n := *p
	n.stored = maps.Clone(p.stored)
	delete(n.stored, t)
	if l != nil {
		if n.stored == nil {
			n.stored = map[tenant.ID]storedLimit{}
		}
		n.stored[t] = *l
	}
	return &n
}

// locked returns an error where the configuration file names the tenant.
func (p *limitPolicy) locked(t tenant.ID) error {
	if _, named := p.config.Tenants[t]; !named {
		return nil
	}
	return &locked{fmt.Sprintf("the limit of tenant %s is in %s, under limits.tenants: change it there and reload, or remove it there to set it here", t, p.file)}
}

// put puts a policy in force, or leaves what was. The lock is held.
func (ls *Limits) put(p *limitPolicy) error {
	if err := ls.limiter.Reload(p.merged(), time.Now()); err != nil {
		return err
	}
	ls.current.Store(p)
	ls.tellUnkept(p)
	return nil
}

// Reload puts other limits of the configuration file in force, or leaves those
// that were. Limits of the store stay, but for tenants that the file now names.
func (ls *Limits) Reload(c limiter.Config, file string) error {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	p := &limitPolicy{config: c, file: fileName(file), window: ls.parts.Window, stored: ls.current.Load().stored}
	if err := ls.put(p); err != nil {
		return err
	}
	for t := range p.stored {
		if p.locked(t) != nil {
			ls.log.Warn("a limit that was set by API is not in force: the configuration file names the tenant", slog.String("tenant", string(t)))
		}
	}
	return nil
}

// Run puts in force what other processes store, until ctx is done.
func (ls *Limits) Run(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			ls.Refresh(ctx)
		}
	}
}

// Refresh puts in force what is in the store. Where the store does not answer,
// what was in force stays; that is logged, once.
func (ls *Limits) Refresh(ctx context.Context) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	s := ls.store()
	if s == nil {
		ls.late = true
		return
	}
	err := ls.refresh(ctx, s)
	if err != nil && !ls.failing && ctx.Err() == nil {
		ls.log.Error("limits are not read from the store: those that are known stay in force", slog.Any("err", err))
	}
	ls.failing = err != nil
}

// refresh reads the store, if anything in it has changed. The lock is held.
func (ls *Limits) refresh(ctx context.Context, s LimitStore) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	// The revision first: a change after it is found the next time.
	revision, err := s.PolicyRevision(ctx)
	if err != nil || revision == ls.seen {
		return err
	}
	list, err := s.Limits(ctx)
	if err != nil {
		return err
	}
	stored := make(map[tenant.ID]storedLimit, len(list))
	for _, l := range list {
		limit, err := parseStored(l)
		if err != nil {
			ls.log.Error("a limit in the store cannot be used: the tenant has that of default", slog.String("tenant", string(l.Tenant)), slog.Any("err", err))
			continue
		}
		stored[l.Tenant] = limit
	}
	p := *ls.current.Load()
	p.stored = stored
	if err := ls.put(&p); err != nil {
		return err
	}
	if ls.seen < 0 && ls.late {
		ls.suspend(stored)
	}
	ls.seen = revision
	return nil
}

// suspend admits all new series for a window where limits of active series came
// after what had been saved for them was loaded, and was let go of.
func (ls *Limits) suspend(stored map[tenant.ID]storedLimit) {
	for _, l := range stored {
		if l.LimitsSeries() {
			ls.limiter.Suspend(time.Now(), "limits came from the store later than at start, and which families were admitted before is not known")
			return
		}
	}
}

// parseStored returns a limit of the store, if this version understands all of it.
func parseStored(l store.Limit) (storedLimit, error) {
	s := storedLimit{revision: l.Revision, at: l.UpdatedAt, by: l.UpdatedBy}
	if _, err := tenant.Parse(string(l.Tenant)); err != nil {
		return s, err
	}
	if err := strictJSON(l.Document, &s.Limit); err != nil {
		return s, err
	}
	return s, s.Validate()
}
