package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
)

// A reloader puts a part of what was loaded in force, all of it or nothing.
type reloader struct {
	name  string
	apply func(*loaded) error
}

// A reloading reads the configuration again and puts it in force. It may be used
// from any goroutine.
type reloading struct {
	load      func() (*loaded, error)
	reloaders []reloader // in order; what can fail stands first
	notify    func(gateway.Event)
	log       *slog.Logger

	mu     sync.Mutex // one at a time
	config *Config    // in force
	stamp  uint64     // of its catalogs' files, as they were looked at last
	first  *loaded    // at start
	shown  atomic.Pointer[control.Configuration]

	successful prometheus.Gauge
	timestamp  prometheus.Gauge
	hash       prometheus.Gauge
}

func newReloading(first *loaded, load func() (*loaded, error), rs []reloader, notify func(gateway.Event), log *slog.Logger, reg prometheus.Registerer) *reloading {
	f := promauto.With(reg)
	r := &reloading{
		load: load, reloaders: rs, notify: notify, log: log, first: first, config: first.config, stamp: first.stamp,
		successful: f.NewGauge(prometheus.GaugeOpts{
			Name: "headgate_config_last_reload_successful",
			Help: "1 where the configuration was read without a mistake the last time.",
		}),
		timestamp: f.NewGauge(prometheus.GaugeOpts{
			Name: "headgate_config_last_reload_success_timestamp_seconds",
			Help: "When the configuration was read without a mistake.",
		}),
		hash: f.NewGauge(prometheus.GaugeOpts{
			Name: "headgate_config_hash",
			Help: "A number that changes with the configuration in force, rules included.",
		}),
	}
	r.succeeded(first)
	r.sayWhatIsSkipped(first)
	return r
}

func (r *reloading) succeeded(l *loaded) {
	r.successful.Set(1)
	r.timestamp.SetToCurrentTime()
	r.hash.Set(float64(l.hash))
	r.shown.Store(r.inForce(l))
}

// reload reads everything, and only where all of it is right puts it in force.
func (r *reloading) reload(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	l, err := r.load()
	for _, part := range r.reloaders {
		if err != nil {
			break
		}
		if err = part.apply(l); err != nil {
			err = fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if err != nil {
		r.successful.Set(0)
		failed := *r.shown.Load()
		failed.Failure, failed.FailedAt = err.Error(), time.Now()
		r.shown.Store(&failed)
		r.log.Error("configuration was not reloaded: the old one stays in force", slog.Any("err", err))
		r.notify(gateway.Event{At: time.Now(), Kind: "reload", Text: "failed, the old configuration stays in force: " + err.Error()})
		return err
	}
	r.succeeded(l)
	r.config, r.stamp = l.config, l.stamp
	r.sayWhatIsSkipped(l)
	r.log.Info("configuration is reloaded", slog.Int("rules", len(l.rules)))
	r.notify(gateway.Event{At: time.Now(), Kind: "reload", Text: fmt.Sprintf("the configuration is in force, with %d rules", len(l.rules))})
	r.sayWhatStays(l)
	return nil
}

// sayWhatStays logs what changed in the file and needs a restart.
func (r *reloading) sayWhatStays(l *loaded) {
	for _, key := range r.waiting(l) {
		r.log.Warn("this setting keeps the value it had at start; restart to change it", slog.String("setting", key))
	}
}

// waiting returns what l changes and only a restart puts in force.
func (r *reloading) waiting(l *loaded) (keys []string) {
	now, then := l.settings.Config, r.first.settings.Config
	for _, fixed := range []struct {
		key     string
		changed bool
	}{
		{"gateway.series_table_bytes", now.SeriesTableBytes != then.SeriesTableBytes},
		{"gateway.overflow_cache_bytes", now.OverflowCacheBytes != then.OverflowCacheBytes},
		{"profiler", l.config.Profiler != r.first.config.Profiler},
		{"limits.file", l.config.Limits.File != r.first.config.Limits.File},
		{"attribution.ledger", withoutService(l.config.Attribution.Ledger) != withoutService(r.first.config.Attribution.Ledger)},
		{"storage", l.config.Storage != r.first.config.Storage},
	} {
		if fixed.changed {
			keys = append(keys, fixed.key)
		}
	}
	return keys
}

// withoutService returns what of c needs a restart to change.
func withoutService(c attribution.LedgerConfig) attribution.LedgerConfig {
	c.ServiceLabel = ""
	return c
}

// sayWhatIsSkipped tells of the entries of catalogs that cannot be used.
func (r *reloading) sayWhatIsSkipped(l *loaded) {
	if len(l.skipped) == 0 {
		return
	}
	const named = 10
	for _, p := range l.skipped[:min(named, len(l.skipped))] {
		r.log.Warn("entry of a catalog is skipped", slog.String("entry", p.String()))
	}
	r.notify(gateway.Event{At: time.Now(), Kind: "catalog", Text: fmt.Sprintf("%d entries are skipped; the first: %s", len(l.skipped), l.skipped[0])})
}

// catalogsEvery is how often the files of catalogs are looked at.
const catalogsEvery = 30 * time.Second

// watchCatalogs reloads when a file of a catalog has changed, until ctx is done.
func (r *reloading) watchCatalogs(ctx context.Context) error {
	tick := time.NewTicker(catalogsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if r.catalogsChanged() {
			_ = r.reload(ctx) // it says so itself
		}
	}
}

// catalogsChanged reports whether a file of a catalog changed since it was looked
// at last.
func (r *reloading) catalogsChanged() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.stamp
	r.stamp = attribution.CatalogStamp(r.config.Attribution.Catalogs, r.config.dir)
	return r.stamp != before
}

// onSignal reloads whenever hup is received, until ctx is done.
func (r *reloading) onSignal(ctx context.Context, hup <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hup:
			_ = r.reload(ctx) // it says so itself
		}
	}
}

// asError returns problems as one error of a line each, or nil.
func asError(problems []rules.Problem) error {
	if len(problems) == 0 {
		return nil
	}
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	return errors.New(strings.Join(lines, "\n"))
}
