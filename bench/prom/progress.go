package prom

import (
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// progress compares what was appended to a Sender with what its remote-write
// queue says of itself. It is safe for concurrent use.
type progress struct {
	gatherer                       prometheus.Gatherer
	samples, histograms, exemplars atomic.Int64 // appended
}

// kinds are the words by which the queue's metrics tell items apart.
var kinds = []string{"samples", "histograms", "exemplars"}

const queuePrefix = "prometheus_remote_storage_"

// queue returns the queue's own metrics by name, without prefix, and false if
// they could not be read.
func (p *progress) queue() (map[string]float64, bool) {
	families, err := p.gatherer.Gather()
	if err != nil {
		return nil, false
	}
	values := make(map[string]float64)
	for _, f := range families {
		if name, ok := strings.CutPrefix(f.GetName(), queuePrefix); ok {
			values[name] = sum(f)
		}
	}
	return values, true
}

// sum adds up the counters and gauges of one family.
func sum(f *dto.MetricFamily) float64 {
	total := 0.0
	for _, m := range f.GetMetric() {
		total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return total
}

func (p *progress) appended() int {
	return int(p.samples.Load() + p.histograms.Load() + p.exemplars.Load())
}

// total adds the metric of every kind, such as samples_pending.
func total(values map[string]float64, suffix string) int {
	n := 0.0
	for _, kind := range kinds {
		n += values[kind+suffix]
	}
	return int(n)
}

// backlog counts attempts without repeats: an attempt is counted when it
// begins, a repeat just before.
func (p *progress) backlog() int {
	values, ok := p.queue()
	if !ok {
		return p.appended()
	}
	return p.appended() - (total(values, "_total") - total(values, "_retried_total"))
}

func (p *progress) settled() bool {
	values, ok := p.queue()
	return ok && p.appended() == total(values, "_total")-total(values, "_retried_total") && total(values, "_pending") == 0
}

func (p *progress) refused() int {
	values, _ := p.queue()
	return total(values, "_failed_total") + total(values, "_dropped_total")
}

func (p *progress) retried() int {
	values, _ := p.queue()
	return total(values, "_retried_total")
}
