package gateway

import (
	"cmp"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/limiter"
)

// LimitCollector returns the metrics of the tenants that have a limit, read from l
// when they are scraped.
//
// At most maxTenantMetrics tenants have any: first those that the policy names,
// then those that are over their limit, then the others by name. Those beyond are
// left out: most of what is told here cannot be added up.
func LimitCollector(l *limiter.Limiter) prometheus.Collector { return limitCollector{l} }

type limitCollector struct{ limiter *limiter.Limiter }

var (
	limitDesc = prometheus.NewDesc("headgate_limit_samples_per_second",
		"Limit of a tenant's samples per second.", []string{"tenant"}, nil)
	limitDemandDesc = prometheus.NewDesc("headgate_limit_demand_samples_per_second",
		"What a limited tenant demands: samples that pass the rules of all times, over the last minute.", []string{"tenant"}, nil)
	limitOverDesc = prometheus.NewDesc("headgate_limit_over",
		"1 while a tenant is over its limit of samples per second, in mode shadow too.", []string{"tenant"}, nil)
	limitShedDesc = prometheus.NewDesc("headgate_limit_shed_samples_per_second",
		"What a limit sheds (mode enforce), or would shed (mode shadow), over the last minute.", []string{"tenant", "pool", "priority", "mode"}, nil)
	limitSeriesDesc = prometheus.NewDesc("headgate_limit_active_series",
		"Active series that count against a tenant's limits of them.", []string{"tenant"}, nil)
	limitSeriesLimitDesc = prometheus.NewDesc("headgate_limit_active_series_limit",
		"Limit of a tenant's active series; absent where only pools have one.", []string{"tenant"}, nil)
	limitRefusedDesc = prometheus.NewDesc("headgate_limit_refused_series_total",
		"Sightings of new series that were refused because of a limit of active series.", []string{"tenant", "priority"}, nil)
	limitHardDesc = prometheus.NewDesc("headgate_limit_hard_refusals_total",
		"Requests that were refused with 429 because of a hard limit.", []string{"tenant"}, nil)
)

// Describe implements prometheus.Collector.
func (limitCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		limitDesc, limitDemandDesc, limitOverDesc, limitShedDesc, limitSeriesDesc, limitSeriesLimitDesc, limitRefusedDesc, limitHardDesc,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c limitCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range limited(c.limiter.Statuses(time.Now())) {
		collectLimit(ch, &s)
	}
}

// limited returns the statuses that are shown: of those that have a limit, the most
// worth knowing.
func limited(list []limiter.Status) []limiter.Status {
	list = slices.DeleteFunc(list, func(s limiter.Status) bool { return !s.Limit.Limits() })
	slices.SortStableFunc(list, func(a, b limiter.Status) int {
		return cmp.Or(first(a.Named, b.Named), first(a.Over, b.Over))
	})
	return list[:min(len(list), maxTenantMetrics)]
}

// first says whether a or b goes first: what is true does.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// levelsBelow are the priorities that a limit may shed or refuse.
var levelsBelow = []series.Priority{series.High, series.Default, series.Low}

func collectLimit(ch chan<- prometheus.Metric, s *limiter.Status) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, kind, v, append([]string{string(s.Tenant)}, labels...)...)
	}
	if s.Limit.SamplesPerSecond > 0 {
		over := 0.0
		if s.Over {
			over = 1
		}
		send(limitDesc, prometheus.GaugeValue, float64(s.Limit.SamplesPerSecond))
		send(limitDemandDesc, prometheus.GaugeValue, s.Demand)
		send(limitOverDesc, prometheus.GaugeValue, over)
		for labels, perSecond := range shedOf(s) {
			send(limitShedDesc, prometheus.GaugeValue, perSecond, labels.pool, labels.priority.String(), mode(s))
		}
	}
	if s.Limit.HardSamplesPerSecond > 0 {
		send(limitHardDesc, prometheus.CounterValue, float64(s.HardRefusals))
	}
	if !limitsSeries(&s.Limit) {
		return
	}
	send(limitSeriesDesc, prometheus.GaugeValue, float64(s.ActiveSeries))
	if s.Limit.ActiveSeries > 0 {
		send(limitSeriesLimitDesc, prometheus.GaugeValue, float64(s.Limit.ActiveSeries))
	}
	refused := map[series.Priority]uint64{}
	for _, r := range s.Refused {
		refused[r.Priority] = r.Series
	}
	for _, p := range levelsBelow {
		send(limitRefusedDesc, prometheus.CounterValue, float64(refused[p]), p.String())
	}
}

type shedKey struct {
	pool     string
	priority series.Priority
}

// shedOf returns what is shed. Of a tenant that the policy names it has every pool
// and priority, 0 where nothing is, so that an alert sees it come; of others, who
// may be many, only what is.
func shedOf(s *limiter.Status) map[shedKey]float64 {
	shed := map[shedKey]float64{}
	if s.Named {
		for _, pool := range s.Pools {
			for _, p := range levelsBelow {
				shed[shedKey{pool.Name, p}] = 0
			}
		}
	}
	for _, x := range s.Shed {
		shed[shedKey{x.Pool, x.Priority}] = x.SamplesPerSecond
	}
	return shed
}

func limitsSeries(l *limiter.Limit) bool {
	return l.ActiveSeries > 0 || slices.ContainsFunc(l.Pools, func(p limiter.PoolConfig) bool { return p.ActiveSeries > 0 })
}

func mode(s *limiter.Status) string {
	if s.Shadow {
		return limiter.Shadow
	}
	return limiter.Enforce
}
