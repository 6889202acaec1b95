// Package controltest gives tests a real control.Control: over a gateway with all
// its engines, which forwards to a server in this process.
package controltest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/prompb"
	"golang.org/x/sync/errgroup"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
)

// A Config says what a Headgate is made of.
type Config struct {
	Rules    string // a file of rules
	Limits   limiter.Config
	Owners   []attribution.OwnerConfig
	Prices   attribution.Prices
	Budgets  attribution.Budgets
	Catalogs []*attribution.Catalog
	Unknowns bool      // nothing is profiled
	Ledger   bool      // costs are recorded
	Now      time.Time // what the clock of costs shows; zero for the real one
	Stored   bool      // changes are kept, in a SQLite file; else there is no store
	Alerts   string    // a file of Prometheus' alerts; "" for none
}

// A Headgate is a running gateway with its Control.
type Headgate struct {
	*control.Control
	Gateway  *gateway.Gateway
	Profiler *profiler.Profiler // nil where nothing is profiled
	Limiter  *limiter.Limiter
	Events   *control.Events
	Ledger   *store.Ledger // nil where nothing is recorded

	broken atomic.Bool
	began  time.Time // of the timestamps of samples
	begun  time.Time // of the latest measurement
	trades int
	rules  *control.RuleBook
	limits *control.Limits

	policies *control.Policies

	counted map[seriesOf]uint64 // samples that the profiler was told of
}

// New returns a Headgate that ends with the test.
func New(t testing.TB, c Config) *Headgate {
	t.Helper()
	h := &Headgate{Events: control.NewEvents(slog.New(slog.DiscardHandler)), began: time.Now().Add(-time.Hour), begun: time.Now(), counted: map[seriesOf]uint64{}}
	upstream := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if h.broken.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		rw.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(upstream.Close)
	if c.Ledger {
		h.Ledger = newLedger(t, c.clock())
	}
	var db *store.DB
	if c.Stored {
		var err error
		if db, err = store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "headgate.db"), slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
	}
	dir := t.TempDir()
	if c.Alerts != "" {
		if err := os.WriteFile(filepath.Join(dir, "alerts.yml"), []byte(c.Alerts), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.build(c, upstream.URL, dir, db); err != nil {
		t.Fatal(err)
	}
	if c.Stored {
		h.rules.Refresh(t.Context())
		h.limits.Refresh(t.Context())
		h.policies.Refresh(t.Context())
	}
	return h
}

// build makes the parts. The files of alerts are in dir; db is nil where nothing is
// stored.
func (h *Headgate) build(c Config, upstream, dir string, db *store.DB) error {
	log := slog.New(slog.DiscardHandler)
	list, problems := rules.ParseFile("rules/shop.yml", []byte(c.Rules))
	if len(problems) > 0 {
		return problems[0]
	}
	engine := rules.NewEngine()
	if err := engine.Load(list); err != nil {
		return err
	}
	var err error
	h.Limiter, err = limiter.New(c.Limits, h.begun, func(e limiter.Event) {
		h.Events.Tell(gateway.Event{At: e.At, Kind: "limit", Tenant: e.Tenant, Text: string(e.Change) + ": " + e.Text})
	})
	if err != nil {
		return err
	}
	if !c.Unknowns {
		profile := profiler.DefaultConfig()
		profile.File = "" // nothing is left behind
		h.Profiler, err = profiler.New(profile, h.begun, func(x profiler.Explosion) {
			h.Events.Tell(gateway.Event{At: time.Now(), Kind: "explosion", Tenant: x.Tenant, Team: x.Team, Text: x.String()})
		}, log)
		if err != nil {
			return err
		}
	}
	file := control.PolicyFile{Name: "headgate.yml", Config: attribution.DefaultConfig()}
	file.Config.Owners, file.Config.Prices, file.Config.Budgets = c.Owners, c.Prices, c.Budgets
	file.Catalogs = c.Catalogs
	h.policies, err = control.NewPolicies(file, func() control.PolicyStore {
		if db == nil {
			return nil
		}
		return db
	}, log)
	if err != nil {
		return err
	}
	settings := gateway.Settings{Config: gateway.DefaultConfig()}
	settings.Config.Upstream.URL = upstream
	h.Gateway, err = gateway.New(settings, gateway.Engines{Profiler: h.Profiler, Rules: engine, Limiter: h.Limiter, Owners: h.policies.Owners}, h.Events.Tell, log, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	h.rules, err = control.NewRuleBook(engine, list, func() control.RuleStore {
		if db == nil {
			return nil
		}
		return db
	}, h.Events, log)
	if err != nil {
		return err
	}
	h.limits = control.NewLimits(h.Limiter, c.Limits, "headgate.yml", func() control.LimitStore {
		if db == nil {
			return nil
		}
		return db
	}, log)
	var queries *control.Usage
	if c.Alerts != "" {
		of := usage.Config{RuleFiles: []string{"*.yml"}}
		queries = control.NewUsage(of, dir, usage.Load(of, dir), engine, h.Events, func() control.BreakStore {
			if db == nil {
				return nil
			}
			return db
		}, log)
	}
	h.Control = control.New(control.Parts{
		Gateway: h.Gateway, Rules: engine, RuleBook: h.rules, Profiler: h.Profiler, Policies: h.policies, Events: h.Events, Limits: h.limits,
		Ledger: h.ledger, Now: c.clock(), Usage: queries, Audits: control.NewAudits(func() control.AuditStore {
			if db == nil {
				return nil
			}
			return db
		}, log),
		Tokens: auth.NewTokens(func() auth.TokenStore {
			if db == nil {
				return nil
			}
			return db
		}, log),
	})
	return nil
}

// Run keeps the house of all parts until the test is over, as a process does.
func (h *Headgate) Run(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return h.Gateway.Run(ctx) })
	group.Go(func() error { return h.Control.Run(ctx) })
	if h.Profiler != nil {
		group.Go(func() error { return h.Profiler.Run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// Break makes the upstream fail, or lets it work again.
func (h *Headgate) Break(broken bool) { h.broken.Store(broken) }

// Send writes a sample of each series for a tenant, "" for none, as of at, and
// returns the answer's status.
func (h *Headgate) Send(t testing.TB, name tenant.ID, at time.Time, list ...series.Labels) int {
	t.Helper()
	req := &prompb.WriteRequest{}
	for _, ls := range list {
		ls.Sort()
		ts := prompb.TimeSeries{Samples: []prompb.Sample{{Timestamp: at.UnixMilli()}}}
		for _, l := range ls {
			ts.Labels = append(ts.Labels, prompb.Label{Name: l.Name, Value: l.Value})
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	body, err := req.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/api/v1/write", bytes.NewReader(snappy.Encode(nil, body)))
	if name != "" {
		r.Header.Set("X-Scope-OrgID", string(name))
	}
	rec := httptest.NewRecorder()
	h.Gateway.ServeHTTP(rec, r)
	return rec.Code
}

// Series parses series as PromQL writes them.
func Series(t testing.TB, texts ...string) (list []series.Labels) {
	t.Helper()
	for _, text := range texts {
		ls, err := control.ParseSeries(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, ls)
	}
	return list
}

// Measure makes what was sent since the last call that of the last minute.
func (h *Headgate) Measure(t testing.TB) {
	t.Helper()
	h.begun = h.begun.Add(time.Minute)
	if err := h.Control.Measure(h.begun); err != nil {
		t.Fatal(err)
	}
	if h.Profiler != nil {
		h.count(t)
		h.Profiler.Recount(h.Profiler.Clock().At(time.Now()))
	}
	h.Limiter.Tick(time.Now())
}

// count tells the profiler what metrics received since the last call.
func (h *Headgate) count(t testing.TB) {
	t.Helper()
	for _, name := range h.Gateway.Tenants() {
		f, err := h.Gateway.Flow(name, gateway.ByMetric)
		if err != nil {
			t.Fatal(err)
		}
		var list []profiler.MetricSamples
		for _, row := range f.Rows {
			of := seriesOf{name, row.Key}
			list = append(list, profiler.MetricSamples{Metric: row.Key, Samples: row.Counts.Received() - h.counted[of]})
			h.counted[of] = row.Counts.Received()
		}
		h.Profiler.Count(name, list, time.Minute)
	}
}

// seriesOf names a metric of a tenant.
type seriesOf struct {
	tenant tenant.ID
	metric string
}
