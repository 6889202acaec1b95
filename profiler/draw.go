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
// match by name, and calls visit for each that has some, or may have, without the
// tenant's lock, until visit returns false. Rows that do not match may be among them.
// No selector means all.
func (p *Profiler) Draw(t tenant.ID, selectors []*series.Selector, d *inventory.Draw, visit func(metric string) bool) {
	f := p.profile(t)
	if f == nil {
		return
	}
	part := p.clock.At(time.Now()).Part
	w := drawing{f: f, names: newFilter(selectors), part: part, d: d}
	d.Whole = w.whole
	for w.next() {
		if w.m != nil && !visit(w.m.name) {
			return
		}
		runtime.Gosched() // as each
	}
}

// A drawing is a walk over the metrics of a profile.
type drawing struct {
	f     *profile
	names *filter
	part  int64
	d     *inventory.Draw
	at    int     // the next, among those that may be meant
	m     *metric // that was drawn; nil where none was
}

// next draws the next metric that has something, of as many as it looks at in one go,
// and reports whether there are more to look at, or this one.
func (w *drawing) next() bool {
	w.f.walk()
	defer w.f.rest()
	w.m = nil
	for rows := 0; rows < chunkRows; rows += rowsOfMetric {
		m, more := w.names.metric(w.f, w.at)
		if !more {
			return false
		}
		if w.at++; m == nil {
			continue
		}
		may := w.names.selectors
		if m != w.f.overflow {
			may = w.names.of(m.name)
		}
		if len(may) == 0 && len(w.names.selectors) > 0 {
			continue
		}
		if len(may) > maxMatched {
			may = nil
		}
		rows += m.rows.Rows()
		if m.draw(w.part, may, w.d); !w.d.None() {
			w.m = m
			return true
		}
	}
	return true
}

// whole returns all labels of a row of the metric that was drawn.
func (w *drawing) whole(r *inventory.Drawn) series.Labels {
	w.f.walk()
	defer w.f.rest()
	return w.m.rows.LabelsOf(r)
}

// DrawMetric draws all rows of one metric, and reports whether it is known.
func (p *Profiler) DrawMetric(t tenant.ID, name string, d *inventory.Draw) bool {
	f := p.profile(t)
	if f == nil {
		return false
	}
	part := p.clock.At(time.Now()).Part
	f.walk()
	defer f.rest()
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
