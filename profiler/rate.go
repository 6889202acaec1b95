package profiler

import (
	"math"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// MetricSamples is how many samples of a metric were received since it was told
// last.
type MetricSamples struct {
	Metric  string
	Samples uint64
}

// rateMemory is how fast a rate forgets: it is an exponentially weighted mean.
const rateMemory = time.Minute

// Count notes what a tenant's metrics received over the last span of time. Metrics
// that are not in the list received nothing.
func (p *Profiler) Count(t tenant.ID, list []MetricSamples, span time.Duration) {
	f := p.profile(t)
	if f == nil || span <= 0 {
		return
	}
	for len(list) > 0 {
		n := min(chunk, len(list))
		f.walk()
		for _, c := range list[:n] {
			m := f.metrics[c.Metric]
			if m == nil {
				m = f.overflow
			}
			if m != nil {
				m.pending += c.Samples
			}
		}
		f.rest()
		list = list[n:]
	}
	keep := float32(math.Exp(-span.Seconds() / rateMemory.Seconds()))
	f.each(func(m *metric) {
		now := float32(float64(m.pending) / span.Seconds())
		if m.samples == 0 {
			m.perSecond = now
		} else {
			m.perSecond = keep*m.perSecond + (1-keep)*now
		}
		m.samples += m.pending
		m.pending = 0
	})
}
