package ui

import (
	"errors"
	"math"
	"slices"
	"strconv"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
)

// metricsPerPage is how many metrics a page shows.
const metricsPerPage = 50

// A metricsView is the list of metrics.
type metricsView struct {
	Head   headView
	Filter filterView
	Stats  []statView
	LetGo  []string
	Table  metricsTableView
	Empty  emptyView // where there are no rows
	Pager  pagerView
}

// A filterView is the field that narrows a list.
type filterView struct {
	Action templ.SafeURL
	Keep   []param
	Query  string
	Label  string
	Wrong  string // what is wrong with Query
}

// A metricsTableView is a table of metrics.
type metricsTableView struct {
	Caption  string
	Brief    bool // few columns, and no sorting
	Tenants  bool // rows name theirs
	Sorts    []sortView
	Currency string // of costs; "" where there is no price
	Rows     []metricRowView
}

// A metricRowView is one metric in a list.
type metricRowView struct {
	Name          nameView
	Tenant        string
	Type          string
	Series, Error string
	Share         barView
	Samples       string
	Forwarded     string
	Labels        string
	Churn         string
	Team          string
	Cost          string // of a month; "" where there is no price
	Rough         string // why its figures are estimates; "" where they are exact
}

func (r *request) metrics() (page, error) {
	list, err := r.control.ProfileMetrics(r.context(), r.metricsQuery())
	p := page{Title: "Metrics", Place: "Metrics"}
	wrong, isWrong := errors.AsType[*control.Invalid](err)
	if err != nil && (!isWrong || wrong.Field != "match") {
		return page{}, err
	}
	v := newMetricsView(r, list)
	if isWrong {
		v.Filter.Wrong, p.Status = wrong.Text, unprocessable
	}
	p.Body = metricsPage(v)
	return p, nil
}

func (r *request) metricsQuery() control.MetricsQuery {
	return control.MetricsQuery{
		Tenant: r.profiled(), Match: matchOf(r.get("q")), Sort: r.get("sort"), Limit: metricsPerPage, Cursor: r.get("cursor"),
	}
}

// metricSorts are what metrics can be sorted by.
var metricSorts = []struct{ by, text, title string }{
	{profiler.BySeries, "Series", "Active series received within the window"},
	{profiler.BySamples, "Samples/s", "Samples received per second, over about the last minute"},
	{profiler.ByCost, "Cost/month", "What an average month of it costs at today’s price: an estimate"},
	{profiler.ByChurn, "Churn", "Unique series in 24 hours, divided by those active now: 1 where all stay"},
}

func newMetricsView(r *request, list control.MetricsPage) metricsView {
	q, by := r.get("q"), r.get("sort")
	if by == "" {
		by = profiler.BySeries
	}
	v := metricsView{
		Head: headView{
			Title: "Metrics", Lead: "What makes the active series of tenant " + r.profiled() + ". ± holds in 95 of 100 cases.", AsOf: newWhen(list.AsOf, r.now),
			Tools: []toolView{
				{"By label", r.link("/profile/labels", "q", q)},
				{"CSV", r.link("/profile/metrics.csv", "q", q, "sort", r.get("sort"))},
			},
		},
		Filter: filterView{
			Action: r.site.address("/profile/metrics", nil), Keep: r.keep("tenant", "sort"),
			Query: q, Label: "Part of a name, or a PromQL selector",
		},
		LetGo: list.LetGo,
		Table: metricsTableView{Caption: "Metrics of tenant " + r.profiled()},
	}
	v.Table.Currency = list.Price.Currency()
	for _, s := range metricSorts {
		if s.by == profiler.ByCost && v.Table.Currency == "" {
			continue
		}
		text := s.text
		if s.by == profiler.ByCost {
			text += ", " + v.Table.Currency
		}
		v.Table.Sorts = append(v.Table.Sorts, sortView{text, s.title, r.here("sort", s.by), s.by == by})
	}
	for _, m := range list.Metrics {
		v.Table.Rows = append(v.Table.Rows, newMetricRowView(r, r.tenant(), m, list.TotalSeries, list.Price))
	}
	v.Stats = []statView{
		{Label: "Active series", Value: count(list.TotalSeries)},
		{Label: "Metrics", Value: count(float64(list.TotalMetrics))},
	}
	v.Pager.Shown = plural(len(list.Metrics), "metric") + " of " + grouped(uint64(max(0, list.TotalMetrics)))
	if r.get("cursor") != "" {
		v.Pager.First = r.here()
	}
	if list.Next != "" {
		v.Pager.Next = r.here("cursor", list.Next)
	}
	v.Empty = emptyView{Title: "No metric matches", Text: []string{"Of the series received within the window, none has a metric like that."}, Link: r.here("q", ""), Go: "All metrics"}
	if q == "" {
		v.Empty = emptyView{
			Title: "Nothing is known of tenant " + r.profiled(),
			Text:  []string{"It sent no samples within the window. Choose another tenant above, or look at the overview for how samples come here."},
			Link:  r.link("/"), Go: "Overview",
		}
	}
	return v
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

// newMetricRowView shows a metric of a tenant with total series in all.
func newMetricRowView(r *request, tenant string, m profiler.MetricRow, total float64, price control.MonthlyPrice) metricRowView {
	v := metricRowView{
		Name: newNameView(m.Metric, r.link("/profile/metric", "tenant", tenant, "metric", m.Metric)), Tenant: tenant,
		Type:   shown(m.About.Type),
		Series: count(m.Series), Error: plusMinus(confidence * m.SeriesError),
		Samples: rate(m.SamplesPerSecond), Forwarded: percent(part(m.SeriesForwarded, m.Series)),
		Labels: strconv.Itoa(m.Labels), Churn: "–", Team: cut(m.Team, maxTeam), Rough: rough(m.Detail),
	}
	if m.Metric == profiler.Overflow {
		v.Name.Href, v.Rough = "", "the metrics that there was no room for"
	}
	if price.Currency() != "" {
		v.Cost = money(price.OfMetric(&m))
	}
	if m.Churn > 0 {
		v.Churn = times(m.Churn) + "\u202f×"
	}
	share := part(m.Series, total)
	v.Share = barView{Share: share, Error: part(confidence*m.SeriesError, total), Title: percent(share) + " of all series"}
	return v
}

// rough says what is estimated of a metric.
func rough(d profiler.Detail) string {
	switch d {
	case profiler.Sketched:
		return "series and labels are estimates"
	case profiler.Counted:
		return "series are an estimate; memory did not allow labels"
	}
	return ""
}

func (r *request) metricsCSV() (table, error) {
	q := r.metricsQuery()
	q.Limit, q.Cursor = 0, ""
	list, err := r.control.ProfileMetrics(r.context(), q)
	if err != nil {
		return table{}, err
	}
	t := table{name: "metrics-" + r.profiled(), header: []string{
		"metric", "series", "series_error", "series_forwarded", "samples_per_second", "labels", "churn", "cost_per_month", "currency", "team", "type", "first_seen", "detail", "as_of",
	}}
	at := stamp(list.AsOf)
	t.rows = func(yield func([]string) bool) {
		for m := range slices.Values(list.Metrics) {
			cost := ""
			if list.Price.Currency() != "" {
				cost = number(list.Price.OfMetric(&m))
			}
			if !yield([]string{
				m.Metric, number(math.Round(m.Series)), number(m.SeriesError), number(math.Round(m.SeriesForwarded)), number(m.SamplesPerSecond),
				strconv.Itoa(m.Labels), number(m.Churn), cost, list.Price.Currency(), m.Team, m.About.Type, stamp(m.FirstSeen), string(m.Detail), at,
			}) {
				return
			}
		}
	}
	return t, nil
}
