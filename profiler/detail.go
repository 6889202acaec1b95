package profiler

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/axiomhq/hyperloglog"

	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

// A LabelRow says what one label makes of a metric's series.
type LabelRow struct {
	Label         string
	Values        float64 // unique
	ValuesError   float64 // standard error, in values; 0 where it is exact
	SeriesWithout float64 // that would remain if the label went away
	Reduction     float64 // 1 - SeriesWithout / Series, from 0 to 1
	Top           []TopValue
}

// A TopValue is a value with the number of series that have it, which is between
// Series - Error and Series.
type TopValue struct {
	Value         string
	Series, Error float64
}

// A MetricDetail is a metric with its labels, the greatest reduction first.
type MetricDetail struct {
	MetricRow
	Labels   []LabelRow
	Movement Movement
	AsOf     time.Time
}

// A Movement says whether the values of a metric's series move.
type Movement struct {
	inventory.Movement
	Every time.Duration // between two looks at a series, on the average
}

// topShown is how many values a label shows.
const topShown = 10

// Metric returns what is known of one metric; ok is false where it is unknown.
func (p *Profiler) Metric(t tenant.ID, name string) (d MetricDetail, ok bool) {
	now := time.Now()
	return p.metricAt(t, name, p.clock.At(now), now)
}

func (p *Profiler) metricAt(t tenant.ID, name string, at Moment, now time.Time) (d MetricDetail, ok bool) {
	f := p.profile(t)
	if f == nil {
		return d, false
	}
	f.walk()
	m := f.metrics[name]
	if m == nil {
		f.rest()
		return d, false
	}
	x, _ := f.figures(m, newAsked(&Query{}), at.Part)
	d.MetricRow = m.row(x, at.Part)
	d.Movement, d.AsOf = Movement{m.rows.Movement(at.Part), p.clock.part}, now
	exact, labelled := m.exact(at.Part), m.sketches != nil && m.sketches.labelled
	if exact {
		d.Labels = m.exactLabels(at.Part, d.Series)
	}
	f.rest()
	if !exact && labelled {
		d.Labels = f.sketchedLabels(m, at.Part, d.Series)
	}
	slices.SortStableFunc(d.Labels, func(a, b LabelRow) int {
		return cmp.Or(cmp.Compare(b.Reduction, a.Reduction), cmp.Compare(b.Values, a.Values), cmp.Compare(a.Label, b.Label))
	})
	return d, true
}

// exactLabels counts the rows. The lock is held.
func (m *metric) exactLabels(part int64, all float64) []LabelRow {
	labels := m.rows.Labels(part, topShown)
	rows := make([]LabelRow, 0, len(labels))
	for _, l := range labels {
		r := LabelRow{Label: l.Name, Values: float64(l.Values), SeriesWithout: float64(l.SeriesWithout), Top: topOf(l.Top)}
		r.Reduction = reduction(r.SeriesWithout, all)
		rows = append(rows, r)
	}
	return rows
}

// sketchedLabels estimates m's labels, one at a time under the lock.
func (f *profile) sketchedLabels(m *metric, part int64, all float64) []LabelRow {
	var rows []LabelRow
	var values, without *hyperloglog.Sketch
	for n := 0; ; n++ {
		f.walk()
		if m.sketches == nil || n >= len(m.sketches.labels) {
			f.rest()
			return rows
		}
		l := &m.sketches.labels[n]
		exact, ok := l.values.Exact(part)
		values, without = l.values.Union(part), l.without.Union(part)
		r := LabelRow{Label: l.name, Top: topOf(l.top.Items(part, topShown))}
		e := sketch.StandardError(l.values.Precision())
		f.rest()
		if r.Values = float64(exact); !ok {
			r.Values = float64(sketch.Estimate(values))
			r.ValuesError = r.Values * e
		}
		r.SeriesWithout = min(float64(sketch.Estimate(without)), all)
		r.Reduction = reduction(r.SeriesWithout, all)
		if r.Values > 0 {
			rows = append(rows, r)
		}
	}
}

// reduction returns the part of the series that goes away with a label.
func reduction(without, all float64) float64 {
	if all <= 0 {
		return 0
	}
	return math.Max(0, 1-without/all)
}

func topOf(items []sketch.Item) []TopValue {
	top := make([]TopValue, len(items))
	for i, it := range items {
		top[i] = TopValue{it.Value, float64(it.Count), float64(it.Error)}
	}
	return top
}
