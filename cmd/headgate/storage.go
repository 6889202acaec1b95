package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"golang.org/x/sync/errgroup"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/auth/signin"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/rules"
)

// StorageConfig says where is kept what must outlive the process.
type StorageConfig struct {
	URL        string         `yaml:"url"`         // sqlite://path or postgres://…
	KeepEvents model.Duration `yaml:"keep_events"` // older ones are deleted; 0: none
}

// DefaultStorageConfig is what an absent section means.
func DefaultStorageConfig() StorageConfig {
	return StorageConfig{URL: "sqlite://data/headgate.db", KeepEvents: model.Duration(90 * 24 * time.Hour)}
}

// Validate returns all that is wrong with c.
func (c StorageConfig) Validate() error {
	var errs []error
	if err := store.Check(c.URL); err != nil {
		errs = append(errs, fmt.Errorf("url: %w", err))
	}
	if k := time.Duration(c.KeepEvents); k != 0 && k < time.Hour {
		errs = append(errs, fmt.Errorf("keep_events: %s is less than an hour; write 90d, or 0 to keep all", c.KeepEvents))
	}
	return errors.Join(errs...)
}

const sqliteScheme = "sqlite://"

// resolve makes a relative path start at dir.
func (c *StorageConfig) resolve(dir string) {
	if path, ok := strings.CutPrefix(c.URL, sqliteScheme); ok {
		c.URL = sqliteScheme + config.JoinDir(dir, path)
	}
}

const (
	// openTimeout is how long start waits for the store. Ingest does not need it.
	openTimeout = 10 * time.Second

	// reopenEvery is how often a store that could not be opened is tried again.
	reopenEvery = 30 * time.Second

	// sweepEvery is how often old events are deleted, sweepBatch how many at once.
	sweepEvery = time.Hour
	sweepBatch = 1000
)

// A keeping is the store, as long as there is one. Samples pass without it.
type keeping struct {
	config StorageConfig
	log    *slog.Logger
	db     atomic.Pointer[store.DB]
	ledger atomic.Pointer[store.Ledger] // in db
}

// keep opens the store. One that cannot be opened is tried again by run; what only
// another program can solve is an error.
func keep(c StorageConfig, log *slog.Logger) (*keeping, error) {
	k := &keeping{config: c, log: log}
	err := k.open(context.Background())
	if errors.Is(err, store.ErrNewer) {
		return nil, err
	}
	if err != nil {
		log.Error("store cannot be opened: samples pass, but what should be kept waits in memory", slog.Any("err", err))
	}
	return k, nil
}

func (k *keeping) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	db, err := store.Open(ctx, k.config.URL, k.log)
	if err != nil {
		return err
	}
	k.db.Store(db)
	k.ledger.Store(db.Ledger(store.Sketches, time.Now))
	return nil
}

// close closes the store, where it is open.
func (k *keeping) close() {
	if db := k.db.Load(); db != nil {
		if err := db.Close(); err != nil {
			k.log.Warn("store was not closed well", slog.Any("err", err))
		}
	}
}

// limits returns the store for limits, or nil while it is not open.
func (k *keeping) limits() control.LimitStore {
	if db := k.db.Load(); db != nil {
		return db
	}
	return nil // an interface that holds a nil pointer would not be nil
}

// policies returns the store for owners, prices and budgets, likewise.
func (k *keeping) policies() control.PolicyStore {
	if db := k.db.Load(); db != nil {
		return db
	}
	return nil
}

// tokens returns the store for API tokens, or nil while it is not open.
func (k *keeping) tokens() auth.TokenStore {
	if db := k.db.Load(); db != nil {
		return db
	}
	return nil
}

// rules returns the store for rules, likewise.
func (k *keeping) rules() control.RuleStore {
	if db := k.db.Load(); db != nil {
		return db
	}
	return nil
}

// sessions returns the store for sessions, or nil while it is not open.
func (k *keeping) sessions() signin.SessionStore {
	if db := k.db.Load(); db != nil {
		return db
	}
	return nil
}

// audits returns the store for the record of changes, likewise.
func (k *keeping) audits() control.AuditStore {
	if db := k.db.Load(); db != nil {
		return db
	}
	return nil
}

// breaks returns the store for what was told to break, likewise.
func (k *keeping) breaks() control.BreakStore {
	if db := k.db.Load(); db != nil {
		return db
	}
	return nil
}

// history returns the store for the history of series, likewise.
func (k *keeping) history() control.SeriesStore {
	if db := k.db.Load(); db != nil {
		return db
	}
	return nil
}

// openRules returns the rules in force: those of files, and those that are stored.
func openRules(e *rules.Engine, files []*rules.Rule, kept *keeping, events *control.Events, log *slog.Logger) (*control.RuleBook, error) {
	b, err := control.NewRuleBook(e, files, kept.rules, events, log)
	if err == nil {
		b.Refresh(context.Background()) // before the first sample
	}
	return b, err
}

// run stores events until ctx is done.
func (k *keeping) run(ctx context.Context, events *control.Events) error {
	for k.db.Load() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reopenEvery):
		}
		if err := k.open(ctx); err != nil {
			k.log.Warn("store still cannot be opened", slog.Any("err", err))
		} else {
			k.log.Info("store is open now")
		}
	}
	db := k.db.Load()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return k.sweep(ctx, db) })
	group.Go(func() error { return events.Run(ctx, db) })
	return group.Wait()
}

// sweep deletes what is older than it is kept, until ctx is done.
func (k *keeping) sweep(ctx context.Context, db *store.DB) error {
	if k.config.KeepEvents == 0 {
		return nil
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		for {
			n, err := db.DeleteEventsBefore(ctx, time.Now().Add(-time.Duration(k.config.KeepEvents)), sweepBatch)
			if err != nil && ctx.Err() == nil {
				k.log.Warn("old events are not deleted", slog.Any("err", err))
			}
			if err != nil || n < sweepBatch {
				break
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
