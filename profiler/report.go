package profiler

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
)

// A Query says which metrics of a tenant are meant, and in which order.
type Query struct {
	Tenant tenant.ID
	Match  []*series.Selector // any of them; none means all
	Sort   string             // one of the By words; "" means BySeries
	Limit  int                // 0 means all
	Cursor string             // as a page before gave it; "" for the first page

	// Cost, without which nothing is sorted ByCost, says what a metric costs.
	Cost func(metric string, forwarded, series, samplesPerSecond float64) float64
}

// What metrics can be sorted by, the greatest first.
const (
	BySeries  = "series"
	BySamples = "samples"
	ByChurn   = "churn"
	ByCost    = "cost"
)

// Errors of queries.
var (
	ErrSort   = errors.New("sort is none of series, samples, churn, cost")
	ErrCursor = errors.New("this is no cursor that a page before gave; leave it out to begin anew")
)

// A Detail says how much is known of a metric.
type Detail string

// The details, the most telling first.
const (
	Exact    Detail = "exact"    // every series is kept
	Sketched Detail = "sketched" // series and labels are estimates
	Counted  Detail = "counted"  // series are an estimate, labels were let go
)

// A MetricRow is what is known of one metric. Series are those of the window.
type MetricRow struct {
	Metric           string
	Series           float64
	SeriesError      float64 // standard error of Series, in series; 0 where it is exact
	SeriesForwarded  float64
	SamplesPerSecond float64 // received
	Labels           int     // label names in use
	Churn            float64 // unique series in 24 hours, by series now; 0 where there are none
	Team             string  // of most of its series
	FirstSeen        time.Time
	About            About
	Detail           Detail
}

// A MetricsPage is a list of metrics.
type MetricsPage struct {
	Metrics      []MetricRow
	TotalSeries  float64 // of all metrics that are meant, on this page or not
	TotalMetrics int
	AsOf         time.Time
	Next         string   // cursor of the next page; "" where there is none
	LetGo        []string // what memory did not allow, in sentences
}

// Metrics returns the metrics that q means.
func (p *Profiler) Metrics(q Query) (MetricsPage, error) {
	now := time.Now()
	return p.metricsAt(q, p.clock.At(now), now)
}

func (p *Profiler) metricsAt(q Query, at Moment, now time.Time) (MetricsPage, error) {
	key, ok := sortKeys[cmp.Or(q.Sort, BySeries)]
	if q.Sort == ByCost && q.Cost != nil {
		key, ok = func(metric string, x *figures) float64 { return q.Cost(metric, x.forwarded, x.series, x.perSecond) }, true
	}
	if !ok {
		return MetricsPage{}, ErrSort
	}
	page := MetricsPage{AsOf: now}
	f := p.profile(q.Tenant)
	if f == nil {
		return page, nil
	}
	list := f.ranked(&q, key, at.Part)
	for i := range list {
		page.TotalSeries += list[i].series
	}
	page.TotalMetrics = len(list)
	list, err := after(list, q.Cursor)
	if err != nil {
		return MetricsPage{}, err
	}
	if q.Limit > 0 && len(list) > q.Limit {
		list = list[:q.Limit]
		page.Next = list[q.Limit-1].cursor()
	}
	page.Metrics = f.rows(list, at.Part)
	page.LetGo = f.letGoText()
	return page, nil
}

var sortKeys = map[string]func(metric string, x *figures) float64{
	BySeries:  func(_ string, x *figures) float64 { return x.series },
	BySamples: func(_ string, x *figures) float64 { return x.perSecond },
	ByChurn:   func(_ string, x *figures) float64 { return x.churn },
}

// A place is a metric in a list: what it is sorted by, and its figures.
type place struct {
	key  float64
	name string
	m    *metric
	figures
}

// figures are the numbers of a metric, or of those of its series that are asked
// for.
type figures struct{ series, seriesError, forwarded, perSecond, churn float64 }

// ranked returns the metrics that q means, in its order.
func (f *profile) ranked(q *Query, key func(string, *figures) float64, part int64) []place {
	var list []place
	asked := asked{match: q.Match, byName: byNameAlone(q.Match)}
	f.each(func(m *metric) {
		if x, ok := f.figures(m, &asked, part); ok {
			list = append(list, place{key(m.name, &x), m.name, m, x})
		}
	})
	slices.SortFunc(list, func(a, b place) int {
		return cmp.Or(cmp.Compare(b.key, a.key), cmp.Compare(a.name, b.name))
	})
	return list
}

// rows returns what is known of the metrics of a list.
func (f *profile) rows(list []place, part int64) []MetricRow {
	rows := make([]MetricRow, len(list))
	for n := 0; n < len(list); n += chunk {
		f.mu.Lock()
		for i := n; i < min(n+chunk, len(list)); i++ {
			rows[i] = list[i].m.row(list[i].figures, part)
		}
		f.mu.Unlock()
	}
	return rows
}

// row returns what is known of m. The lock is held.
func (m *metric) row(x figures, part int64) MetricRow {
	r := MetricRow{
		Metric: m.name, Series: x.series, SeriesError: x.seriesError, SeriesForwarded: x.forwarded,
		SamplesPerSecond: x.perSecond, Labels: m.rows.LabelNames(), Churn: x.churn, Team: m.team,
		FirstSeen: time.Unix(m.first, 0), Detail: m.detail(part),
	}
	if m.about != nil {
		r.About = *m.about
	}
	return r
}

// asked is what a query asks of one metric after the other.
type asked struct {
	match  []*series.Selector
	byName bool // by nothing else
	tally  inventory.Tally
}

// figures returns the numbers of m, or of those of its series that are asked for;
// ok is false where it has none. The lock is held.
func (f *profile) figures(m *metric, q *asked, part int64) (x figures, ok bool) {
	if !mayMatch(q.match, m.name) && m != f.overflow {
		return x, false
	}
	x.perSecond = float64(m.perSecond)
	x.series, x.forwarded = m.active(part)
	x.seriesError = x.series * m.standardError(part)
	all := x.series
	if all == 0 {
		return x, len(q.match) == 0
	}
	x.churn = 1
	if m.day != nil {
		x.churn = max(1, m.counted.day/all)
	}
	if len(q.match) == 0 || m != f.overflow && q.byName {
		return x, true
	}
	q.tally.Reset()
	m.rows.Gather(part, &inventory.Query{Selectors: q.match}, total(m, part), m.each(part), &q.tally)
	res := q.tally.Result()
	x.series, x.seriesError, x.forwarded = res.Series.Value, res.Series.Error/normal95, res.Forwarded.Value
	x.perSecond *= x.series / all
	return x, x.series > 0
}

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

func (m *metric) detail(part int64) Detail {
	switch {
	case m.exact(part):
		return Exact
	case m.sketches.labelled:
		return Sketched
	}
	return Counted
}

// mayMatch reports whether a selector may match series of the metric.
func mayMatch(match []*series.Selector, metric string) bool {
	return len(match) == 0 || slices.ContainsFunc(match, func(s *series.Selector) bool {
		for _, m := range s.Matchers() {
			if m.Name == series.MetricName && !m.Matches(metric) {
				return false
			}
		}
		return true
	})
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
