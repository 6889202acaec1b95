package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// The steps of a request, as the stage label names them.
const (
	stageAdmit = iota
	stageDecode
	stageIdentify
	stageProfile
	stageDecide
	stageLimit
	stageForward
	stageAccount
	stages
)

var stageNames = [stages]string{"admit", "decode", "identify", "profile", "decide", "limit", "forward", "account"}

// metrics are the gateway's own.
type metrics struct {
	requests         *prometheus.CounterVec
	upstreamRequests *prometheus.CounterVec
	stage            [stages]prometheus.Observer
	panics           prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	m := &metrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "headgate_write_requests_total",
			Help: "Remote-write requests by the status they were answered with.",
		}, []string{"code"}),
		upstreamRequests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "headgate_upstream_requests_total",
			Help: "Requests to upstreams by the status of their answer; none where there was no answer.",
		}, []string{"code"}),
		panics: f.NewCounter(prometheus.CounterOpts{
			Name: "headgate_panics_total",
			Help: "Requests that ended in a fault of Headgate's own. Any is a bug.",
		}),
	}
	stage := f.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "headgate_write_stage_duration_seconds",
		Help:    "Time one request spent in a step; forward includes the upstream.",
		Buckets: prometheus.ExponentialBuckets(25e-6, 4, 10), // 25 µs to 6.6 s
	}, []string{"stage"})
	for i, name := range stageNames {
		m.stage[i] = stage.WithLabelValues(name)
	}
	return m
}

func (w *work) start(now time.Time) { w.begun, w.lap = now, now }

// lap ends a step of a request.
func (g *Gateway) lap(w *work, stage int) {
	now := time.Now()
	g.metrics.stage[stage].Observe(now.Sub(w.lap).Seconds())
	w.lap = now
}

// maxTenantMetrics is how many tenants have metrics of their own; the others are
// counted together, as tenant __overflow__.
const maxTenantMetrics = 1000

// A collector reads the counts that the states keep when it is scraped, so that
// requests need not write them twice.
type collector struct{ g *Gateway }

var (
	samplesDesc = prometheus.NewDesc("headgate_samples_total",
		"Samples received, by what became of them.", []string{"outcome"}, nil)
	tenantSamplesDesc = prometheus.NewDesc("headgate_tenant_samples_total",
		"Samples received of a tenant, by what became of them.", []string{"tenant", "outcome"}, nil)
	ruleSamplesDesc = prometheus.NewDesc("headgate_rule_samples_total",
		"Samples that a rule removed (mode enforce), or would have removed (mode shadow).", []string{"tenant", "rule", "mode"}, nil)
	markersDesc = prometheus.NewDesc("headgate_stale_markers_total",
		"Stale markers: made for series that a rule began to drop (made), and of senders, of series that had nothing to end (discarded).", []string{"kind"}, nil)
	activeDesc = prometheus.NewDesc("headgate_active_series",
		"Series of a tenant that were received within the last hour and have a record in the series table.", []string{"tenant"}, nil)
	tableDesc = prometheus.NewDesc("headgate_series_table_free_bytes",
		"Bytes of gateway.series_table_bytes that are not in use.", nil, nil)
	inflightDesc = prometheus.NewDesc("headgate_inflight_bytes",
		"Bytes that requests under way are charged (limit: gateway.max_inflight_bytes).", nil, nil)
	bypassDesc = prometheus.NewDesc("headgate_bypass_active",
		"1 while a bypass keeps every rule and limit off.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{samplesDesc, tenantSamplesDesc, ruleSamplesDesc, markersDesc, activeDesc, tableDesc, inflightDesc, bypassDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	totals := c.g.scrape()
	for o := range outcomes {
		counter(samplesDesc, totals.counts[o], o.String())
	}
	counter(markersDesc, totals.markers, "made")
	counter(markersDesc, totals.stales, "discarded")
	for _, t := range totals.tenants {
		for o := range outcomes {
			counter(tenantSamplesDesc, t.counts[o], t.name, o.String())
		}
		gauge(activeDesc, float64(t.active), t.name)
		for name, r := range t.rules {
			if removed := r.counts[Dropped] + r.counts[Downsampled]; removed > 0 {
				counter(ruleSamplesDesc, removed, t.name, name, "enforce")
			}
			if r.would > 0 {
				counter(ruleSamplesDesc, r.would, t.name, name, "shadow")
			}
		}
	}
	gauge(tableDesc, float64(c.g.states.budget.left.Load()))
	gauge(inflightDesc, float64(c.g.inflight.bytes()))
	on := 0.0
	if c.g.bypassed(time.Now()) {
		on = 1
	}
	gauge(bypassDesc, on)
}

// totals are the counts of all tenants at one time.
type totals struct {
	counts          Counts
	markers, stales uint64
	tenants         []tenantTotal
}

type tenantTotal struct {
	name   string
	counts Counts
	active int
	rules  map[string]ruleTotal // by name, without that of no rule
}

// scrape reads the totals. Counters never fall: a tenant beyond the bound, or one
// that was forgotten, is part of the overflow.
func (g *Gateway) scrape() totals {
	var all totals
	rest := tenantTotal{name: overflow, rules: map[string]ruleTotal{}}
	g.states.mu.RLock()
	rest.counts = g.states.forgotten
	g.states.mu.RUnlock()
	for _, s := range g.states.all() {
		s.mu.Lock()
		t := tenantTotal{name: string(s.tenant), counts: s.counts, active: s.table.active(), rules: map[string]ruleTotal{}}
		for name, r := range s.classes.totals {
			if name != "" {
				t.rules[name] = *r
			}
		}
		all.markers += s.markers
		all.stales += s.stales
		s.mu.Unlock()
		all.counts.Add(&t.counts)
		if len(all.tenants) < maxTenantMetrics {
			all.tenants = append(all.tenants, t)
			continue
		}
		rest.counts.Add(&t.counts)
		rest.active += t.active
	}
	all.counts.Add(&g.states.forgotten)
	if rest.counts.Received() > 0 {
		all.tenants = append(all.tenants, rest)
	}
	return all
}
