package profiler

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/explosion"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

// A watch is what is remembered of a metric in order to notice explosions.
type watch struct {
	detector explosion.Detector
	samples  uint64 // of the metric at the last reading
}

// An Explosion says that a metric makes too many series, and why.
type Explosion struct {
	explosion.Explosion
	Tenant   tenant.ID
	Metric   string
	Culprits []explosion.Culprit // labels whose values made it, the best first
	Look     explosion.Look      // of the first one's new values
	Samples  []string            // a few of them
	Team     string              // of most of its series
	Sender   Sender              // of most new series; empty where that is unknown
	Share    float64             // of the new series that came from it
}

// maxSamples is how many values an explosion shows, maxSampleBytes how much of each.
const (
	maxSamples     = 3
	maxSampleBytes = 80
)

// watch takes a reading of every metric, once a minute, and tells of explosions.
func (p *Profiler) watch(at Moment, span time.Duration) {
	for _, f := range p.profiles() {
		var found []Explosion
		f.each(func(m *metric) {
			if x, ok := f.read(m, at, span); ok {
				found = append(found, x)
			}
		})
		for _, x := range found {
			p.notify(x)
		}
	}
}

// read takes a reading of m. The lock is held.
func (f *profile) read(m *metric, at Moment, span time.Duration) (Explosion, bool) {
	if m.watch == nil {
		m.watch = &watch{samples: m.samples}
	}
	active, _ := m.active(at.Part)
	x, ok := m.watch.detector.Read(explosion.Reading{
		Minute: at.Unix / 60, Active: active,
		SamplesPerSecond: float64(m.samples-m.watch.samples) / span.Seconds(),
	})
	m.watch.samples = m.samples
	from, share := m.newcomers.most()
	m.newcomers.fade()
	if !ok {
		return Explosion{}, false
	}
	e := Explosion{Explosion: x, Tenant: f.tenant, Metric: m.name, Team: m.team, Sender: f.senders.get(from), Share: share}
	if x.State == explosion.Began || x.State == explosion.Grown {
		f.blame(m, &e, at.Part)
	}
	return e, true
}

// blame finds out which labels made the explosion: by the rows, which are all the
// series or a fair sample of them, as they were when it began and as they are now.
func (f *profile) blame(m *metric, e *Explosion, part int64) {
	since := part - (e.At-e.Since)*int64(time.Minute)/int64(time.Duration(f.cfg.Window)/sketch.Parts)
	seen := map[string]*blamed{}
	then, now := 0.0, 0.0
	m.rows.Each(part, func(r inventory.Row) bool {
		now++
		if r.FirstPart < since {
			then++
		}
		for _, l := range r.Labels {
			b := seen[l.Name]
			if b == nil {
				b = &blamed{first: map[string]int64{}}
				seen[strings.Clone(l.Name)] = b
			}
			b.see(l.Value, r.FirstPart)
		}
		return true
	})
	without := map[string]float64{}
	for _, l := range m.exactLabels(part, now) {
		without[l.Label] = l.SeriesWithout
	}
	values := make([]explosion.Values, 0, len(seen))
	for name, b := range seen {
		v := explosion.Values{Label: name, Now: float64(len(b.first)), Without: math.NaN()}
		if n, ok := without[name]; ok {
			v.Without = n
		}
		for _, first := range b.first {
			if first < since {
				v.Then++
			}
		}
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b explosion.Values) int { return strings.Compare(a.Label, b.Label) })
	if e.Culprits = explosion.Culprits(then, now, values); len(e.Culprits) == 0 {
		return
	}
	fresh := seen[e.Culprits[0].Label].since(since)
	e.Look = explosion.Shape(fresh)
	for _, v := range fresh[:min(maxSamples, len(fresh))] {
		if len(v) > maxSampleBytes {
			v = strings.ToValidUTF8(v[:maxSampleBytes], "") + "…"
		}
		e.Samples = append(e.Samples, strings.Clone(v))
	}
}

// blamed are the values of one label, by the part in which they came first.
type blamed struct{ first map[string]int64 }

func (b *blamed) see(value string, part int64) {
	before, ok := b.first[value]
	if !ok {
		value = strings.Clone(value)
	}
	if !ok || part < before {
		b.first[value] = part
	}
}

// since returns the values that came in part or later, in order.
func (b *blamed) since(part int64) []string {
	var list []string
	for v, first := range b.first {
		if first >= part {
			list = append(list, v)
		}
	}
	slices.Sort(list)
	return list
}

// String says all of it in a sentence or two.
func (e Explosion) String() string {
	text := fmt.Sprintf("metric %s: %s", e.Metric, e.Explosion.String())
	if len(e.Culprits) == 0 {
		return text
	}
	names := make([]string, len(e.Culprits))
	for i, c := range e.Culprits {
		names[i] = fmt.Sprintf("%s, from %.0f to %.0f values", c.Label, c.From, c.To)
	}
	text += "; it comes from label " + strings.Join(names, ", and from ")
	if len(e.Samples) > 0 {
		quoted := make([]string, len(e.Samples))
		for i, v := range e.Samples {
			quoted[i] = fmt.Sprintf("%q", v)
		}
		text += " such as " + strings.Join(quoted, ", ")
	}
	if e.Look.Form != explosion.Other {
		text += fmt.Sprintf(" (%s)", e.Look.Form)
	}
	if e.Team != "" {
		text += "; team " + e.Team
	}
	if e.Sender != (Sender{}) {
		text += fmt.Sprintf("; %.0f %% of the new series were sent by %s", e.Share*100, e.Sender)
	}
	return text
}

// String names the sender for people.
func (s Sender) String() string {
	text := s.Address
	if s.Credential != "" {
		text = s.Credential + " at " + text
	}
	if s.Agent != "" {
		text += fmt.Sprintf(" (%.80q)", s.Agent)
	}
	return text
}
