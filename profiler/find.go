package profiler

import (
	"cmp"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

// A Sighting is what is known of one series.
type Sighting struct {
	Known   bool // it is one of those that are kept
	Certain bool // where it is not known: it was not received within the window

	PerSecond float64           // samples received; while it is not known of this series, the mean of its metric's
	Mean      bool              // PerSecond is that mean
	First     time.Time         // it was received first then or a little later
	Last      time.Time         // it was received last then or a little later
	Within    time.Duration     // how much later
	Active    bool              // Last is within the window
	Forwarded bool              // some of its samples were, within the window
	Verdict   inventory.Verdict // as it was received last
}

// Find returns what is known of a series of a tenant.
func (p *Profiler) Find(t tenant.ID, ls series.Labels) Sighting {
	f := p.profile(t)
	if f == nil {
		return Sighting{Certain: true}
	}
	part := p.clock.At(time.Now()).Part
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.metrics[ls.Metric()]
	if m == nil {
		m = f.overflow
	}
	if m == nil {
		return Sighting{Certain: true}
	}
	r, known, certain := m.rows.Find(part, ls)
	s := Sighting{Known: known, Certain: certain}
	s.PerSecond = cmp.Or(m.rows.PerSecond(part), m.each(part))
	s.Mean = s.PerSecond > 0
	if !known {
		return s
	}
	if r.IntervalMs > 0 {
		s.PerSecond, s.Mean = 1000/float64(r.IntervalMs), false
	}
	s.First, s.Last, s.Within = p.clock.Begin(r.FirstPart), p.clock.Begin(r.Part), p.clock.part
	s.Active = r.Part > part-sketch.Parts
	s.Forwarded, s.Verdict = r.Forwarded, r.Verdict
	return s
}
