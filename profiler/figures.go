package profiler

import (
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/inventory"
)

// figures are the numbers of a metric, or of those of its series that are asked
// for.
type figures struct {
	series, seriesError, forwarded, perSecond, churn float64

	whole bool // they are those of the metric
}

// asked is what a query asks of one metric after the other.
type asked struct {
	match   []*series.Selector
	names   *filter           // of match
	name    func(string) bool // nil for any
	passing passing
	byName  bool // by nothing else
	rows    inventory.Query
	tally   inventory.Tally
}

func newAsked(q *Query) *asked {
	a := &asked{match: q.Match, names: newFilter(q.Match), name: q.Name, passing: passing{passes: q.Passes}, byName: byNameAlone(q.Match) && q.Passes == nil}
	a.rows.Selectors = q.Match
	if q.Passes != nil {
		a.rows.Passes = a.passing.see
	}
	return a
}

// A passing counts what of one metric's matching series a query lets pass.
type passing struct {
	passes func(inventory.Verdict, float64) (float64, bool) // nil for all

	series, passed int
	samples, meant float64 // per second
}

// see asks whether a series is meant.
func (p *passing) see(v inventory.Verdict, perSecond float64) (float64, bool) {
	meant, ok := p.passes(v, perSecond)
	p.series++
	p.samples += perSecond
	if ok {
		p.passed++
		p.meant += meant
	}
	return meant, ok
}

// share returns how many samples are meant, by those that there would be if the
// series that pass had as many each as all that match, and all were meant.
func (p *passing) share() float64 {
	if p.passed == 0 || p.samples == 0 {
		return 1
	}
	return p.meant / p.samples * float64(p.series) / float64(p.passed)
}

// figures returns the numbers of m, or of those of its series that are asked for;
// ok is false where it has none. The lock is held.
func (f *profile) figures(m *metric, q *asked, part int64) (x figures, ok bool) {
	if m != f.overflow && !q.names.any(m.name) || q.name != nil && !q.name(m.name) {
		return x, false
	}
	x.perSecond = float64(m.perSecond)
	x.series, x.forwarded = m.active(part)
	x.seriesError = x.series * m.standardError(part)
	all := x.series
	every := len(q.match) == 0 && q.passing.passes == nil
	if x.whole = every; all == 0 {
		return x, every
	}
	x.churn = 1
	if m.day != nil {
		x.churn = max(1, m.counted.day/all)
	}
	if every || m != f.overflow && q.byName {
		x.whole = true
		return x, true
	}
	q.tally.Reset()
	q.passing = passing{passes: q.passing.passes}
	m.rows.Gather(part, &q.rows, total(m, part), m.each(part), &q.tally)
	res := q.tally.Result()
	x.series, x.seriesError, x.forwarded = res.Series.Value, res.Series.Error/normal95, res.Forwarded.Value
	x.perSecond *= x.series / all * q.passing.share()
	x.whole = x.series > all*almostAll
	return x, x.series > 0
}

// almostAll is the part of a metric that is all of it, but for how it is rounded.
const almostAll = 1 - 1e-9

// normal95 is how many standard errors half a 95 % interval has.
const normal95 = 1.96

// total is how many series m has where sketches count them, else 0.
func total(m *metric, part int64) float64 {
	if m.exact(part) {
		return 0
	}
	n, _ := m.active(part)
	return n
}

// byNameAlone reports whether the selectors ask for nothing but metric names.
func byNameAlone(match []*series.Selector) bool {
	for _, s := range match {
		for _, m := range s.Matchers() {
			if m.Name != series.MetricName {
				return false
			}
		}
	}
	return true
}
