package ui

import (
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
)

// A metricFilterView is the form that narrows the list of metrics, and what narrows
// it now.
type metricFilterView struct {
	Action templ.SafeURL
	Keep   []param
	Query  string
	Team   string
	Phase  string
	Phases []string
	Wrong  string // what is wrong with the question
	Chips  []chipView
	Clear  templ.SafeURL // without all of them
}

// A chipView is one condition, and the address of the page without it.
type chipView struct {
	Text string
	Href templ.SafeURL
}

// narrowing are the parameters that narrow the list of metrics.
var narrowing = []string{"q", "match", "team", "phase"}

func newMetricFilter(r *request) metricFilterView {
	v := metricFilterView{
		Action: r.site.address("/profile/metrics", nil), Keep: r.keep("tenant", "sort", "match"),
		Query: r.get("q"), Team: r.get("team"), Phase: r.get("phase"), Phases: control.Phases,
	}
	words := map[string]string{"q": "name or selector", "match": "selector", "team": "team", "phase": "outcome"}
	var all []string
	for _, name := range narrowing {
		if value := r.get(name); value != "" {
			v.Chips = append(v.Chips, chipView{words[name] + " " + short(value), r.here(name, "")})
			all = append(all, name, "")
		}
	}
	if r.get("tenant") != "" && r.actor.SeesAll() {
		v.Chips = append(v.Chips, chipView{"tenant " + short(r.get("tenant")), r.here("tenant", "")})
	}
	v.Clear = r.here(all...)
	return v
}

// narrowed reports whether not all metrics of the tenant are meant.
func (v *metricFilterView) narrowed() bool {
	return v.Query != "" || v.Team != "" || v.Phase != "" || len(v.Chips) > 1
}

// metricsQuery returns which metrics the page is about. What is typed is a selector
// where it has braces, else a part of a name.
func (r *request) metricsQuery() control.MetricsQuery {
	q := control.MetricsQuery{
		Tenant: r.profiled(), Team: r.get("team"), Phase: r.get("phase"), Sort: r.get("sort"), Limit: metricsPerPage, Cursor: r.get("cursor"),
	}
	match := r.get("match")
	if text := r.get("q"); strings.ContainsAny(text, "{}") {
		match = both(match, text)
	} else {
		q.Search = text
	}
	if match != "" {
		q.Match = []string{match}
	}
	return q
}

// both returns a selector of what both selectors match, either of which may be empty;
// where one of them is no selector, that one.
func both(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	left, err := series.ParseSelector(a)
	if err != nil {
		return a
	}
	right, err := series.ParseSelector(b)
	if err != nil {
		return b
	}
	return selector(append(left.Matchers(), right.Matchers()...)...)
}

// of returns the selector of those series of a metric that the list is about.
func (v *metricsView) of(metric string) string {
	match := selectorOf(metric)
	if v.match == "" {
		return match
	}
	s, err := series.ParseSelector(v.match)
	if err != nil {
		return match
	}
	for _, m := range s.Matchers() {
		if m.Name != series.MetricName {
			match = both(match, selector(m))
		}
	}
	return match
}
