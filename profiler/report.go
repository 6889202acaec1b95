package profiler

import (
	"cmp"
	"errors"
	"math"
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

	// Name, where it is set, has to accept a metric as well.
	Name func(metric string) bool

	// Passes, where it is set, says how many of a series' samples are meant, as that
	// of an [inventory.Query] does.
	Passes func(v inventory.Verdict, perSecond float64) (meant float64, ok bool)

	// Cost, without which nothing is sorted ByCost, says what a metric costs.
	Cost func(metric string, forwarded, series, samplesPerSecond float64) float64

	// Growth, without which nothing is sorted ByGrowth, says by how much a metric
	// that is meant as a whole has grown.
	Growth func(metric string, series float64) float64

	Judged bool // rows are to say how their series are judged
}

// What metrics can be sorted by, the greatest first.
const (
	BySeries  = "series"
	BySamples = "samples"
	ByChurn   = "churn"
	ByCost    = "cost"
	ByGrowth  = "growth"
)

// Errors of queries.
var (
	ErrSort   = errors.New("sort is none of series, samples, churn, cost, change_1d, change_7d")
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
	Whole            bool               // all its series are meant
	Judged           []inventory.Judged // the most common verdict first; only where it is asked for
}

// A MetricsPage is a list of metrics.
type MetricsPage struct {
	Metrics []MetricRow
	Total
	TotalMetrics int
	AsOf         time.Time
	Next         string   // cursor of the next page; "" where there is none
	LetGo        []string // what memory did not allow, in sentences
}

// A Total is what all metrics that are meant add up to, on this page or not.
type Total struct {
	TotalSeries    float64
	TotalError     float64 // standard error of TotalSeries, in series
	TotalForwarded float64
	TotalPerSecond float64
	TotalActive    int     // metrics that have series
	TotalCost      float64 // 0 where Query.Cost is not set
}

// Metrics returns the metrics that q means.
func (p *Profiler) Metrics(q Query) (MetricsPage, error) {
	now := time.Now()
	return p.metricsAt(q, p.clock.At(now), now)
}

func (p *Profiler) metricsAt(q Query, at Moment, now time.Time) (MetricsPage, error) {
	key, ok := sortKeys[cmp.Or(q.Sort, BySeries)]
	switch {
	case q.Sort == ByCost && q.Cost != nil:
		key, ok = func(metric string, x *figures) float64 { return q.Cost(metric, x.forwarded, x.series, x.perSecond) }, true
	case q.Sort == ByGrowth && q.Growth != nil:
		key, ok = func(name string, x *figures) float64 {
			if !x.whole {
				return math.Inf(-1)
			}
			return q.Growth(name, x.series)
		}, true
	}
	if !ok {
		return MetricsPage{}, ErrSort
	}
	page := MetricsPage{AsOf: now}
	f := p.profile(q.Tenant)
	if f == nil {
		return page, nil
	}
	behind, err := parseCursor(q.Cursor)
	if err != nil {
		return MetricsPage{}, err
	}
	r := ranking{behind: behind, cost: q.Cost}
	if q.Limit > 0 {
		r.most = q.Limit + 1
	}
	f.rank(&q, key, at.Part, &r)
	page.Total, page.TotalMetrics = r.total(), r.metrics
	list := r.sorted()
	if q.Limit > 0 && len(list) > q.Limit {
		list = list[:q.Limit]
		page.Next = list[q.Limit-1].cursor()
	}
	page.Metrics = f.rows(list, at.Part, q.Judged)
	page.LetGo = r.letGo.text(f)
	return page, nil
}

var sortKeys = map[string]func(string, *figures) float64{
	BySeries:  func(_ string, x *figures) float64 { return x.series },
	BySamples: func(_ string, x *figures) float64 { return x.perSecond },
	ByChurn:   func(_ string, x *figures) float64 { return x.churn },
}

// rows returns what is known of the metrics of a list.
func (f *profile) rows(list []place, part int64, judged bool) []MetricRow {
	rows := make([]MetricRow, len(list))
	for n := 0; n < len(list); n += chunk {
		f.walk()
		for i := n; i < min(n+chunk, len(list)); i++ {
			rows[i] = list[i].m.row(list[i].figures, part)
			if judged {
				rows[i].Judged = list[i].m.rows.Judged(part)
			}
		}
		f.rest()
	}
	return rows
}

// row returns what is known of m. The lock is held.
func (m *metric) row(x figures, part int64) MetricRow {
	r := MetricRow{
		Metric: m.name, Series: x.series, SeriesError: x.seriesError, SeriesForwarded: x.forwarded,
		SamplesPerSecond: x.perSecond, Labels: m.rows.LabelNames(), Churn: x.churn, Team: m.team,
		FirstSeen: time.Unix(m.first, 0), Detail: m.detail(part), Whole: x.whole,
	}
	if m.about != nil {
		r.About = *m.about
	}
	return r
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
