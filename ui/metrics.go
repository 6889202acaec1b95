package ui

import (
	"cmp"
	"errors"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
)

// metricsPerPage is how many metrics a page shows.
const metricsPerPage = 50

// A metricsView is the list of metrics.
type metricsView struct {
	Head   headView
	Filter metricFilterView
	Stats  []statView
	LetGo  []string
	Notes  []string
	Table  metricsTableView
	Empty  emptyView // where there are no rows
	Pager  pagerView

	page        *control.MetricsPage
	match, team string // whose series are meant
}

// A filterView is the field that narrows a list.
type filterView struct {
	Action templ.SafeURL
	Keep   []param
	Query  string
	Label  string
	Wrong  string // what is wrong with Query
}

func (r *request) metrics() (page, error) {
	q := r.metricsQuery()
	list, err := r.control.ProfileMetrics(r.context(), q)
	p := page{Title: "Metrics", Place: "Metrics"}
	wrong, isWrong := errors.AsType[*control.Invalid](err)
	if err != nil && (!isWrong || wrong.Field != "match" && wrong.Field != "phase") {
		return page{}, err
	}
	v := newMetricsView(r, q, &list)
	if isWrong {
		v.Filter.Wrong, p.Status = wrong.Text, unprocessable
	}
	p.Body = metricsPage(v)
	return p, nil
}

func newMetricsView(r *request, q control.MetricsQuery, list *control.MetricsPage) metricsView {
	v := metricsView{
		Head: headView{
			Title: "Metrics", Lead: "What makes the active series of tenant " + r.profiled() + ". ± holds in 95 of 100 cases.", AsOf: newWhen(list.AsOf, r.now),
			Tools: []toolView{
				{"By label", r.link("/profile/labels", "q", r.get("q"))},
				{"CSV", r.link("/profile/metrics.csv", "q", r.get("q"), "match", r.get("match"), "team", q.Team, "phase", q.Phase, "sort", q.Sort)},
			},
		},
		Filter: newMetricFilter(r), LetGo: list.LetGo, Notes: list.Notes, page: list, team: q.Team,
	}
	if len(q.Match) > 0 {
		v.match = q.Match[0]
	}
	if list.NoPast != nil {
		v.Notes = append(v.Notes, "No change is known: "+list.NoPast.Error()+".")
	}
	v.Table = metricsTableView{Caption: "Metrics of tenant " + r.profiled(), Currency: list.Price.Currency(), Sums: newSums(list, v.Filter.narrowed(), r.now)}
	v.Table.Sorts = newMetricSorts(r, v.Table.Currency)
	for i := range list.Metrics {
		v.Table.Rows = append(v.Table.Rows, newMetricRow(r, &v, &list.Metrics[i]))
	}
	v.Stats = []statView{
		{Label: "Active series", Value: count(list.TotalSeries), Error: plusMinus(confidence * list.TotalError)},
		{Label: "Metrics", Value: count(float64(list.TotalMetrics))},
		{Label: "Samples", Value: rate(list.TotalPerSecond), Unit: "samples/s"},
	}
	if v.Table.Currency != "" {
		v.Stats = append(v.Stats, statView{Label: "Cost/month", Value: money(list.TotalCost), Unit: v.Table.Currency, Note: "at today’s price"})
	}
	v.Pager.Shown = plural(len(list.Metrics), "metric") + " of " + grouped(uint64(max(0, list.TotalMetrics)))
	if r.get("cursor") != "" {
		v.Pager.First = r.here()
	}
	if list.Next != "" {
		v.Pager.Next = r.here("cursor", list.Next)
	}
	v.Empty = emptyView{Title: "No metric matches", Text: []string{"Of the series received within the window, none is like that."}, Link: v.Filter.Clear, Go: "All metrics"}
	if !v.Filter.narrowed() {
		v.Empty = emptyView{
			Title: "Nothing is known of tenant " + r.profiled(),
			Text:  []string{"It sent no samples within the window. Choose another tenant above, or look at the overview for how samples come here."},
			Link:  r.link("/"), Go: "Overview",
		}
	}
	return v
}

// newMetricSorts returns the heads of the columns that metrics can be sorted by.
func newMetricSorts(r *request, currency string) metricSortsView {
	by := cmp.Or(r.get("sort"), profiler.BySeries)
	of := func(name, text, title string) sortView {
		return sortView{text, title, r.here("sort", name), by == name}
	}
	return metricSortsView{
		Series:  of(profiler.BySeries, "Series", "Active series received within the window"),
		Day:     of(control.ByDayChange, "1 day", "By how many series it has changed since a day ago"),
		Week:    of(control.ByWeekChange, "7 days", "By how many series it has changed since a week ago"),
		Samples: of(profiler.BySamples, "Samples/s", "Samples received per second, over about the last minute"),
		Cost:    of(profiler.ByCost, currency+"/month", "What an average month of it costs at today’s price: an estimate"),
		Churn:   of(profiler.ByChurn, "Churn", "Unique series in 24 hours, divided by those active now: 1 where all stay"),
	}
}

// keep returns those parameters of the query, to go along with a form.
func (r *request) keep(names ...string) []param {
	var list []param
	for _, name := range names {
		if v := r.get(name); v != "" {
			list = append(list, param{name, v})
		}
	}
	return list
}

// maxTeam is how much of a team's name stands in a list, in characters.
const maxTeam = 32
