package ui

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
)

// labelsPerPage is how many labels a page shows.
const labelsPerPage = 100

// A labelsView is the list of labels over all metrics.
type labelsView struct {
	Head   headView
	Filter filterView
	Rows   []labelsRowView
	Pager  pagerView
}

// A labelsRowView is one label over all metrics that have it.
type labelsRowView struct {
	Name          nameView
	Values, Error string
	Share         barView // of the values of the label with the most
	Metrics       string
	Series        string
}

func (r *request) labels() (page, error) {
	q := r.labelsQuery()
	q.Limit, q.Cursor = labelsPerPage, r.get("cursor")
	list, err := r.control.ProfileLabels(q)
	p := page{Title: "Labels", Place: "Metrics", Crumbs: []crumb{{"Metrics", r.link("/profile/metrics", "q", r.get("q"))}}}
	wrong, isWrong := errors.AsType[*control.Invalid](err)
	if err != nil && (!isWrong || wrong.Field != "match") {
		return page{}, err
	}
	v := newLabelsView(r, list)
	if isWrong {
		v.Filter.Wrong, p.Status = wrong.Text, unprocessable
	}
	p.Body = labelsPage(v)
	return p, nil
}

// labelsQuery returns which metrics' labels the page is about.
func (r *request) labelsQuery() control.LabelsQuery {
	q := control.LabelsQuery{Tenant: r.profiled()}
	if text := r.get("q"); strings.ContainsAny(text, "{}") {
		q.Match = []string{text}
	} else {
		q.Search = text
	}
	return q
}

func newLabelsView(r *request, list control.LabelsPage) labelsView {
	q := r.get("q")
	v := labelsView{
		Head: headView{
			Title: "Labels", Lead: "Labels of tenant " + r.profiled() + " by how many values they have, over all metrics. ± holds in 95 of 100 cases.",
			AsOf: newWhen(r.now, r.now), Tools: []toolView{{"By metric", r.link("/profile/metrics", "q", q)}, {"CSV", r.link("/profile/labels.csv", "q", q)}},
		},
		Filter: filterView{Action: r.site.address("/profile/labels", nil), Keep: r.keep("tenant"), Query: q, Label: "Of metrics: part of a name, or a PromQL selector"},
	}
	most := 0.0
	for _, l := range list.Labels {
		most = math.Max(most, l.Values)
	}
	for _, l := range list.Labels {
		v.Rows = append(v.Rows, newLabelsRowView(r, l, most))
	}
	v.Pager.Shown = plural(len(list.Labels), "label") + " on this page"
	if r.get("cursor") != "" {
		v.Pager.First = r.here()
	}
	if list.Next != "" {
		v.Pager.Next = r.here("cursor", list.Next)
	}
	return v
}

func newLabelsRowView(r *request, l profiler.LabelsRow, most float64) labelsRowView {
	match := selector(present(l.Label))
	if q := r.get("q"); q != "" {
		match = also(matchOf(q)[0], present(l.Label))
	}
	return labelsRowView{
		Name:   newNameView(l.Label, r.link("/profile/series", "match", match, "by", l.Label)),
		Values: count(l.Values), Error: plusMinus(confidence * l.ValuesError),
		Share:   barView{Share: part(l.Values, most), Error: part(confidence*l.ValuesError, most), Title: count(l.Values) + " values"},
		Metrics: count(float64(l.Metrics)), Series: count(l.Series),
	}
}

func (r *request) labelsCSV() (table, error) {
	list, err := r.control.ProfileLabels(r.labelsQuery())
	if err != nil {
		return table{}, err
	}
	t := table{name: "labels-" + r.profiled(), header: []string{"label", "values", "values_error", "metrics", "series"}}
	t.rows = func(yield func([]string) bool) {
		for _, l := range list.Labels {
			if !yield([]string{l.Label, number(math.Round(l.Values)), number(l.ValuesError), strconv.Itoa(l.Metrics), number(math.Round(l.Series))}) {
				return
			}
		}
	}
	return t, nil
}
