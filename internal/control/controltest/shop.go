package controltest

import (
	"fmt"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/explosion"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage/querylog"
)

const shopRules = `rules:
  - {name: drop-debug, match: '{__name__=~"debug_.*"}', action: drop, reason: "INC-123: debug histograms left on"}
  - {name: thin-disks, match: '{__name__=~"node_disk_.*"}', action: downsample, interval: 2m, team: platform}
  - {name: try-sessions, match: '{session!=""}', action: drop, mode: shadow, reason: "what would it save?"}
  - {name: slo-first, match: 'http_requests_total{job="checkout"}', action: prioritize, priority: critical}
  - {name: old-canary, match: '{job="canary"}', action: drop, expires: 2025-01-01T00:00:00Z}
  - {name: payments-batch, tenant: payments, match: ['{job="batch"}', '{job="nightly"}'], action: drop, when: over_limit}
`

// shopAlerts are what wakes somebody in the shop.
const shopAlerts = `groups:
  - name: shop
    rules:
      - {alert: TooManyErrors, expr: 'sum by (job) (rate(http_requests_total{code="500"}[5m])) > 1'}
      - {alert: TargetDown, expr: 'up == 0'}
      - {record: 'job:http_requests:rate5m', expr: 'sum by (job) (rate(http_requests_total[5m]))'}
`

// shopPanels are what the shop looks at.
const shopPanels = `{"title": "Shop", "uid": "shop", "panels": [
  {"id": 2, "title": "Requests by path", "targets": [{"expr": "sum by (path) (rate(http_requests_total{job=\"$job\"}[$__rate_interval]))"}]},
  {"id": 3, "title": "Latency", "targets": [{"expr": "histogram_quantile(0.99, sum by (le, job) (rate(http_request_duration_seconds_bucket[5m])))"}]}
]}`

// shopAsked are the queries of twelve days.
func shopAsked() *querylog.Evidence {
	e, now := new(querylog.Evidence), time.Now()
	e.Watch(now.Add(-12*24*time.Hour - time.Hour))
	for i, expr := range []string{
		`sum by (pod, code) (rate(http_requests_total{job="checkout"}[1m]))`, `topk(5, sum by (path) (increase(http_requests_total[1h])))`, `up{job="search"}`,
		`rate(http_requests_total{namespace="search-prod"}[5m]) default 0`,
	} {
		at := now.Add(-time.Duration(1+i*i*7) * time.Hour)
		e.Note(expr, at, uint64(40/(i+1)), querylog.Source{Log: true, By: fmt.Sprintf("10.0.3.%d", 17+i), Step: time.Duration(i%2) * 15 * time.Second})
	}
	return e
}

// Shop returns a Headgate that governs what a shop sends: for the tenant default
// some metrics, one of which has as many sessions as are asked for, and for the
// tenant payments more than its limit allows.
func Shop(t testing.TB, sessions int) *Headgate {
	t.Helper()
	limits := limiter.DefaultConfig()
	limits.Tenants = map[tenant.ID]limiter.Limit{
		"default":  {SamplesPerSecond: 50_000, ActiveSeries: 500_000},
		"payments": {SamplesPerSecond: 40, Burst: limiter.Duration(time.Second), Pools: []limiter.PoolConfig{{Name: "checkout", Share: 0.4, Teams: []string{"checkout"}}}},
	}
	h := New(t, Config{Rules: shopRules, Alerts: shopAlerts, Panels: shopPanels, Asked: shopAsked(), Stored: true, Ledger: true, Limits: limits, Owners: []attribution.OwnerConfig{
		{Match: `{job=~"checkout|payments"}`, Team: "checkout"}, {Match: `{__name__=~"node_.*"}`, Team: "platform"}, {Label: "team"},
	}, Prices: prices(t)})
	for range 3 {
		h.Trade(t, sessions)
		h.Measure(t)
	}
	h.saveRules(t)
	h.Remember(t, "default", "checkout_session_events_total")
	h.Remember(t, "payments")
	return h
}

// saveRules makes a rule in the store, and changes it.
func (h *Headgate) saveRules(t testing.TB) {
	t.Helper()
	s := rules.Spec{Name: "drop-sessions", Tenant: "default", Match: rules.Selectors{`checkout_session_events_total{event="open"}`}, Action: "drop", Mode: "shadow", Reason: "INC-7: sessions in a label"}
	r, err := h.CreateRule(t.Context(), s, control.RuleChange{})
	if err != nil {
		t.Fatal(err)
	}
	s.Match, s.Team = rules.Selectors{"checkout_session_events_total"}, "checkout"
	if _, err := h.SaveRule(t.Context(), s, control.RuleChange{Change: control.Change{Revision: r.Revision}, Reason: "all of them"}); err != nil {
		t.Fatal(err)
	}
}

// prices are what the shop pays.
func prices(t testing.TB) attribution.Prices {
	t.Helper()
	var c struct{ Prices attribution.Prices }
	if err := yaml.Unmarshal([]byte("prices: {currency: EUR, per_million_samples: 0.10, per_thousand_series_month: 5.00}"), &c); err != nil {
		t.Fatal(err)
	}
	return c.Prices
}

// Trade sends a sample of everything that the shop has.
func (h *Headgate) Trade(t testing.TB, sessions int) {
	t.Helper()
	h.trades++
	at := h.began.Add(time.Duration(h.trades) * 15 * time.Second)
	h.Send(t, "", at, shopSeries(sessions)...)
	h.Send(t, "payments", at, Many("payment_attempts_total", 300, series.Label{Name: "job", Value: "payments"})...)
	h.Send(t, "payments", at, Many("payment_batch_rows", 200, series.Label{Name: "job", Value: "batch"})...)
}

// shopSeries are the series of the tenant default.
func shopSeries(sessions int) (list []series.Labels) {
	add := func(metric string, labels ...series.Label) {
		list = append(list, append(series.Labels{{Name: series.MetricName, Value: metric}}, labels...))
	}
	label := func(name, format string, args ...any) series.Label {
		return series.Label{Name: name, Value: fmt.Sprintf(format, args...)}
	}
	for pod := range 12 {
		job := []string{"checkout", "catalog", "search"}[pod%3]
		own := []series.Label{label("job", "%s", job), label("pod", "%s-7d9f8b6c5-%05x", job, pod*7919), label("namespace", "%s-prod", job)}
		of := func(more ...series.Label) []series.Label { return append(own[:len(own):len(own)], more...) }
		for _, code := range []string{"200", "404", "500"} {
			for path := range 8 {
				add("http_requests_total", of(label("code", "%s", code), label("path", "/api/v%d", path))...)
			}
		}
		for le := range 12 {
			add("http_request_duration_seconds_bucket", of(label("le", "%g", 0.005*float64(int(1)<<le)), label("path", "/api/v%d", le%3))...)
			add("debug_render_seconds_bucket", of(label("le", "%g", 0.001*float64(int(1)<<le)))...)
		}
		for _, m := range []string{"up", "process_cpu_seconds_total", "process_resident_memory_bytes", "go_goroutines", "go_gc_duration_seconds_count"} {
			add(m, own...)
		}
	}
	for node := range 6 {
		instance := label("instance", "10.0.0.%d:9100", node)
		for disk := range 4 {
			add("node_disk_io_time_seconds_total", instance, label("device", "nvme%dn1", disk))
			add("node_disk_read_bytes_total", instance, label("device", "nvme%dn1", disk))
		}
		for cpu := range 8 {
			add("node_cpu_seconds_total", instance, label("cpu", "%d", cpu), label("mode", "idle"))
		}
	}
	for i := range sessions {
		add("checkout_session_events_total", label("job", "checkout"), label("session", "%08x", uint32(i)*2654435761), label("event", "%s", []string{"open", "pay"}[i%2]))
	}
	return list
}

// Many are n series of one metric that differ in the label pod.
func Many(metric string, n int, more ...series.Label) (list []series.Labels) {
	for i := range n {
		ls := series.Labels{{Name: series.MetricName, Value: metric}, {Name: "pod", Value: fmt.Sprintf("pod-%05d", i)}}
		list = append(list, append(ls, more...))
	}
	return list
}

// Metrics are n metrics of one series each.
func Metrics(n int) (list []series.Labels) {
	for i := range n {
		list = append(list, series.Labels{{Name: series.MetricName, Value: fmt.Sprintf("generated_metric_%06d", i)}, {Name: "job", Value: "generator"}})
	}
	return list
}

// Explode tells of a metric of the tenant default that it makes too many series, by
// the values of a label.
func (h *Headgate) Explode(metric, label string, values ...string) {
	now := time.Now().Unix() / 60
	h.Events.Exploded(profiler.Explosion{
		Explosion: explosion.Explosion{State: explosion.Began, From: 96, To: 3000, Since: now - 5, At: now},
		Tenant:    "default", Metric: metric, Team: "checkout", Samples: values,
		Culprits: []explosion.Culprit{{Label: label, From: 12, To: 3000, Explains: 1}},
		Sender:   profiler.Sender{Agent: "Prometheus/3.15.0", Address: "10.1.2.3"}, Share: 1,
	})
}
