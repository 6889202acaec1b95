package profiler

import (
	"runtime"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
)

// maxMatched is how many selectors the rows of a metric are matched by under the
// lock. Where more may match its name, all its rows are drawn.
const maxMatched = 32

// Draw draws the rows of one metric after the other, of those that selectors may
// match by name, and calls visit for each, without the tenant's lock, until visit
// returns false. Rows that do not match may be among them. No selector means all.
func (p *Profiler) Draw(t tenant.ID, selectors []*series.Selector, d *inventory.Draw, visit func(metric string) bool) {
	f := p.profile(t)
	if f == nil {
		return
	}
	part := p.clock.At(time.Now()).Part
	for n, more := 0, true; more; {
		var name string
		var drawn bool
		f.mu.Lock()
		for last := n + chunk; n < last && !drawn; n++ {
			if more = n < len(f.list); !more {
				break
			}
			m := f.list[n]
			may := selectors
			if m != f.overflow {
				may = mayMatchAll(selectors, m.name)
			}
			if len(may) == 0 && len(selectors) > 0 {
				continue
			}
			if len(may) > maxMatched {
				may = nil
			}
			m.draw(part, may, d)
			name, drawn = m.name, true
		}
		f.mu.Unlock()
		if drawn && !visit(name) {
			return
		}
		runtime.Gosched() // as each
	}
}

// DrawMetric draws all rows of one metric, and reports whether it is known.
func (p *Profiler) DrawMetric(t tenant.ID, name string, d *inventory.Draw) bool {
	f := p.profile(t)
	if f == nil {
		return false
	}
	part := p.clock.At(time.Now()).Part
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.metrics[name]
	if m == nil {
		return false
	}
	m.draw(part, nil, d)
	return true
}

// draw draws rows of m. The lock is held.
func (m *metric) draw(part int64, selectors []*series.Selector, d *inventory.Draw) {
	m.rows.Draw(part, selectors, total(m, part), m.each(part), d)
}

// each is how many samples a series of m has per second, on the average. The lock is
// held.
func (m *metric) each(part int64) float64 {
	received, _ := m.active(part)
	if received == 0 {
		return 0
	}
	return float64(m.perSecond) / received
}

// mayMatchAll returns the selectors that may match series of the metric.
func mayMatchAll(selectors []*series.Selector, metric string) []*series.Selector {
	var may []*series.Selector
	for i := range selectors {
		if mayMatch(selectors[i:i+1], metric) {
			may = append(may, selectors[i])
		}
	}
	return may
}
