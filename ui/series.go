package ui

import (
	"cmp"
	"errors"
	"math"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/inventory"
)

const (
	groupsPerPage = 100
	seriesShown   = 20 // as examples
)

// A seriesView is how many series match, by the values of a label.
type seriesView struct {
	Head     headView
	Action   templ.SafeURL
	Tenant   string
	Match    string
	By       string
	Wrong    string
	Asked    bool
	None     bool // of the series matches
	Stats    []statView
	Groups   []groupView
	Rest     *groupView // what the groups that are not shown add up to; nil where all are
	All      groupView
	Labels   []linkView
	Examples []exampleView
	Fixes    []copyView
}

// A groupView is the series that have one value.
type groupView struct {
	Name          nameView
	Absent        bool // the label is
	Series, Error string
	Share         barView
	Samples       string
	Draft         templ.SafeURL // of a rule on these; "" for those who may make none
}

// A linkView leads somewhere.
type linkView struct {
	Text    string
	Href    templ.SafeURL
	Current bool
}

func (r *request) seriesQuery() control.SeriesQuery {
	q := control.SeriesQuery{Tenant: r.profiled(), Examples: seriesShown}
	if match := r.get("match"); match != "" {
		q.Match = []string{match}
	}
	if by := r.query.Get("by"); by != "" {
		q.By = []string{by}
	}
	return q
}

func (r *request) series() (page, error) {
	match := r.get("match")
	p := page{Title: "Series", Place: "Metrics", Crumbs: []crumb{{"Metrics", r.link("/profile/metrics")}}}
	if metric := metricOf(match); metric != "" {
		p.Crumbs = append(p.Crumbs, crumb{short(metric), r.link("/profile/metric", "metric", metric)})
	}
	var found inventory.Result
	var err error
	if match != "" {
		found, err = r.control.ProfileSeries(r.seriesQuery())
	}
	wrong, isWrong := errors.AsType[*control.Invalid](err)
	if err != nil && !isWrong {
		return page{}, err
	}
	v := newSeriesView(r, found)
	if isWrong {
		v.Wrong, p.Status = wrong.Text, unprocessable
	}
	p.Body = seriesPage(v)
	return p, nil
}

func newSeriesView(r *request, found inventory.Result) seriesView {
	match, by := r.get("match"), r.query.Get("by")
	v := seriesView{
		Head:   headView{Title: "Series", Lead: "Active series of tenant " + r.profiled() + " that match a selector. ± holds in 95 of 100 cases."},
		Action: r.site.address("/profile/series", nil), Tenant: r.tenant(), Match: match, By: by, Asked: match != "",
	}
	if match == "" {
		return v
	}
	v.Head.AsOf = newWhen(r.now, r.now)
	v.Head.Tools = []toolView{{"CSV", r.link("/profile/series.csv", "match", match, "by", by)}}
	if draft := r.draftOf(match, cmp.Or(metricOf(match), "series")); draft != "" {
		v.Head.Tools = append(v.Head.Tools, toolView{"Draft a rule", draft})
	}
	v.None = found.Series.Value == 0 && found.AtMost == 0
	v.Stats = []statView{
		{Label: "Series", Value: count(found.Series.Value), Error: plusMinus(found.Series.Error), Note: atMost(found)},
		{Label: "Samples received", Value: rate(found.PerSecond.Value), Unit: "samples/s"},
		{Label: "Series forwarded", Value: percent(part(found.Forwarded.Value, found.Series.Value))},
		{Label: "Metrics", Value: count(float64(found.Metrics))},
	}
	v.Groups, v.Rest = newGroups(r, found, match, by)
	v.All = groupView{Series: count(found.Series.Value), Error: plusMinus(found.Series.Error), Samples: rate(found.PerSecond.Value)}
	v.Examples = newExamples(r, found)
	for _, name := range labelNames(found.Examples) {
		v.Labels = append(v.Labels, linkView{short(name), r.here("by", name), name == by})
	}
	if rule := draftRule(r.profiled(), match, cmp.Or(metricOf(match), "series")); rule != "" {
		v.Fixes = append(v.Fixes, copyView{ID: "fix-rule", Title: "A rule, in shadow mode at first", Text: rule, Note: "Into a file of rules. In shadow mode it only counts what it would remove."})
	}
	v.Fixes = append(v.Fixes,
		copyView{ID: "fix-promql", Title: "PromQL", Text: promQL(match, by)},
		copyView{ID: "fix-curl", Title: "The same from the API", Text: r.curl("/profile/series", "tenant", r.profiled(), "match", match, "by", by)})
	return v
}

func promQL(match, by string) string {
	if by == "" {
		return "count(" + match + ")"
	}
	return "topk(10, count by (" + quotedLabel(by) + ") (" + match + "))"
}

func atMost(found inventory.Result) string {
	if found.Series.Value == 0 && found.AtMost > 0 {
		return "none was seen; there may be up to " + count(math.Ceil(found.AtMost))
	}
	return ""
}

// newGroups returns the groups that a page shows, and what those it does not add up to.
func newGroups(r *request, found inventory.Result, match, by string) (list []groupView, rest *groupView) {
	for i, g := range found.Groups {
		if i == groupsPerPage {
			series, samples := 0.0, 0.0
			for _, other := range found.Groups[i:] {
				series += other.Series.Value
				samples += other.PerSecond.Value
			}
			return list, &groupView{Name: nameView{Text: plural(len(found.Groups)-i, "more value") + ": the CSV file has all"}, Series: count(series), Samples: rate(samples)}
		}
		share := part(g.Series.Value, found.Series.Value)
		v := groupView{
			Series: count(g.Series.Value), Error: plusMinus(g.Series.Error), Samples: rate(g.PerSecond.Value),
			Share: barView{Share: share, Error: part(g.Series.Error, found.Series.Value), Title: percent(share) + " of these series"},
		}
		with := narrowed(match, by, g.Values[0])
		v.Draft = r.draftOf(with, cmp.Or(metricOf(match), "series")+"-"+cmp.Or(g.Values[0], "no-"+by))
		if value := g.Values[0]; value == "" {
			v.Absent = true
		} else {
			v.Name = newNameView(value, r.here("match", with, "by", ""))
			if by == series.MetricName {
				v.Name.Href = r.link("/profile/metric", "metric", value)
			}
		}
		list = append(list, v)
	}
	return list, nil
}

// labelNames returns the labels that some series have, in order of appearance.
func labelNames(list []series.Labels) (names []string) {
	seen := map[string]bool{}
	for _, ls := range list {
		for _, l := range ls {
			if !seen[l.Name] {
				seen[l.Name] = true
				names = append(names, l.Name)
			}
		}
	}
	return names
}

func (r *request) seriesCSV() (table, error) {
	q := r.seriesQuery()
	found, err := r.control.ProfileSeries(q)
	if err != nil {
		return table{}, err
	}
	by := cmp.Or(r.query.Get("by"), "match")
	t := table{name: "series-" + r.profiled(), header: []string{by, "series", "plus_minus_95", "samples_per_second"}}
	t.header[0] = cell(by)
	t.rows = func(yield func([]string) bool) {
		if len(q.By) == 0 {
			yield([]string{q.Match[0], number(math.Round(found.Series.Value)), number(found.Series.Error), number(found.PerSecond.Value)})
			return
		}
		for _, g := range found.Groups {
			if !yield([]string{g.Values[0], number(math.Round(g.Series.Value)), number(g.Series.Error), number(g.PerSecond.Value)}) {
				return
			}
		}
	}
	return t, nil
}
