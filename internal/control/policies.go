package control

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
)

// A PolicyStore keeps the owners, prices and budgets that somebody set, and what
// was told of budgets. [store.DB] is one.
type PolicyStore interface {
	PolicyRevision(context.Context) (int64, error)
	Policies(context.Context) ([]store.Policy, error)
	PutPolicy(ctx context.Context, p store.Policy, expected int64) (store.Policy, error)
	Told(context.Context, attribution.Month) (map[attribution.Budget]attribution.Told, error)
	Tell(ctx context.Context, b attribution.Budget, before, after attribution.Told, events ...store.Event) error
}

// A PolicyFile is what the configuration file says of owners, prices and budgets,
// and the catalogs that it names.
type PolicyFile struct {
	Name     string // of the file; "": there is none
	Config   attribution.Config
	Catalogs []*attribution.Catalog
	Skipped  []attribution.Problem // entries of catalogs that cannot be used
}

// Policies are owners, prices and budgets in force: those of the configuration
// file and, beside them, those in the store. Their methods may be called from any
// goroutine.
type Policies struct {
	store func() PolicyStore // nil while the store is not open
	log   *slog.Logger

	mu      sync.Mutex // serialises what follows, but for reading current
	current atomic.Pointer[policySet]
	seen    int64 // the store's revision that current holds; -1: none
	failing bool  // the last Refresh failed, and that was logged
}

// NewPolicies returns the policies that the configuration file and its catalogs
// hold. open returns the store, or nil while there is none.
func NewPolicies(f PolicyFile, open func() PolicyStore, log *slog.Logger) (*Policies, error) {
	ps := &Policies{store: open, log: log, seen: -1}
	return ps, ps.Reload(f)
}

// Owners returns who owns series. They are the same ones until something about
// them changes.
func (ps *Policies) Owners() *attribution.Owners { return ps.current.Load().owners }

// Catalogs returns what owners look names up in.
func (ps *Policies) Catalogs() []*attribution.Catalog { return ps.current.Load().file.Catalogs }

// Prices returns what the upstream costs.
func (ps *Policies) Prices() attribution.Prices { return ps.current.Load().prices }

// Shared returns who pays for what nobody owns.
func (ps *Policies) Shared() attribution.Sharing { return ps.current.Load().file.Config.Shared }

// Budgets returns what teams and tenants may spend.
func (ps *Policies) Budgets() []attribution.Budget { return ps.current.Load().budgets }

// Known reports whether what the store holds was read once: until then the file
// may not be all there is.
func (ps *Policies) Known() bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.seen >= 0
}

// Reload puts what the configuration file holds now in force, or leaves what was.
// What is in the store stays, but for what the file now names.
func (ps *Policies) Reload(f PolicyFile) error {
	f.Name = fileName(f.Name)
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var stored storedPolicies
	if before := ps.current.Load(); before != nil {
		stored = before.stored
	}
	return ps.put(f, stored)
}

// put puts in force what the file and the store hold, or leaves what was. The
// lock is held.
func (ps *Policies) put(f PolicyFile, stored storedPolicies) error {
	before := ps.current.Load()
	set, err := newPolicySet(f, stored, before)
	if err != nil {
		return err
	}
	ps.current.Store(set)
	if before == nil || !slices.Equal(set.unused, before.unused) {
		const named = 10
		for _, what := range set.unused[:min(named, len(set.unused))] {
			ps.log.Warn("what was set by API is not in force", slog.String("what", what), slog.Int("all", len(set.unused)))
		}
	}
	return nil
}

// Run puts in force what other processes store, until ctx is done.
func (ps *Policies) Run(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			ps.Refresh(ctx)
		}
	}
}

// Refresh puts in force what is in the store. Where the store does not answer,
// what was in force stays; that is logged, once.
func (ps *Policies) Refresh(ctx context.Context) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	s := ps.store()
	if s == nil {
		return
	}
	err := ps.refresh(ctx, s)
	if err != nil && !ps.failing && ctx.Err() == nil {
		ps.log.Error("owners, prices and budgets are not read from the store: those that are known stay in force", slog.Any("err", err))
	}
	ps.failing = err != nil
}

// refresh reads the store, if anything in it has changed. The lock is held.
func (ps *Policies) refresh(ctx context.Context, s PolicyStore) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	// The revision first: a change after it is found the next time.
	revision, err := s.PolicyRevision(ctx)
	if err != nil || revision == ps.seen {
		return err
	}
	list, err := s.Policies(ctx)
	if err != nil {
		return err
	}
	var stored storedPolicies
	for _, p := range list {
		next, err := stored.with(p)
		if err != nil {
			ps.log.Error("what is in the store cannot be used, and is not in force", slog.String("policy", string(p.Kind)), slog.Any("err", err))
		}
		stored = next
	}
	if err := ps.put(ps.current.Load().file, stored); err != nil {
		return err
	}
	ps.seen = revision
	return nil
}
