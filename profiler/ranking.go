package profiler

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// A place is a metric in a list: what it is sorted by, and its figures.
type place struct {
	key  float64
	name string
	m    *metric
	figures
}

// compare orders places: the greatest first, those that are alike by name.
func (p *place) compare(o *place) int {
	if c := cmp.Compare(o.key, p.key); c != 0 {
		return c
	}
	return strings.Compare(p.name, o.name)
}

// A ranking adds up metrics and gathers the first behind a place: of 100 000 a page
// shows a hundred, and to sort all of them takes longer than all the rest.
type ranking struct {
	most   int    // places; 0: all
	behind *place // nil: from the first on
	cost   func(metric string, forwarded, series, samplesPerSecond float64) float64
	list   []place
	last   *place // the last that may be among the first; nil while any may

	letGo    lettingGo // of all metrics, meant or not
	metrics  int
	sums     Total // but for the error
	variance float64
}

// add adds a metric.
func (r *ranking) add(p *place) {
	r.metrics++
	r.sums.TotalSeries += p.series
	r.variance += p.seriesError * p.seriesError
	r.sums.TotalForwarded += p.forwarded
	r.sums.TotalPerSecond += p.perSecond
	if p.series > 0 {
		r.sums.TotalActive++
	}
	if r.cost != nil {
		r.sums.TotalCost += r.cost(p.name, p.forwarded, p.series, p.perSecond)
	}
	if r.behind != nil && p.compare(r.behind) <= 0 || r.last != nil && p.compare(r.last) > 0 {
		return
	}
	r.list = append(r.list, *p)
	if r.most > 0 && len(r.list) > 4*r.most+64 {
		r.list = r.sorted()
		last := r.list[r.most-1]
		r.last = &last
	}
}

// total returns what all metrics have. Estimates err independently of each other.
func (r *ranking) total() Total {
	t := r.sums
	t.TotalError = math.Sqrt(r.variance)
	return t
}

// sorted returns the first places, in order.
func (r *ranking) sorted() []place {
	slices.SortFunc(r.list, func(a, b place) int { return a.compare(&b) })
	if r.most > 0 {
		r.list = r.list[:min(r.most, len(r.list))]
	}
	return r.list
}

// rank adds the metrics that q means to r.
func (f *profile) rank(q *Query, key func(string, *figures) float64, part int64, r *ranking) {
	asked := newAsked(q)
	var x figures
	f.each(func(m *metric) {
		r.letGo.see(m, part)
		var ok bool
		if x, ok = f.figures(m, asked, part); ok {
			r.add(&place{key(m.name, &x), m.name, m, x})
		}
	})
}
