package ui

import (
	"github.com/a-h/templ"
	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
)

const (
	exampleSeries  = 5 // of a metric
	maxTopValues   = 3 // of a label, in the table
	maxExampleText = 1000
)

// A metricView is one metric.
type metricView struct {
	Head     headView
	Help     string
	Stats    []statView
	Rough    string
	Chart    *seriesChartView // nil while nothing is remembered
	NoChart  string           // why there is none
	Labels   []labelRowView
	Uses     bool // the rows of labels say what uses them
	UsedBy   usedByView
	Examples []exampleView
	Chosen   string // the label that Fixes are about
	Fixes    []copyView
}

// A labelRowView says what one label makes of a metric's series.
type labelRowView struct {
	Name                nameView
	Values, ValuesError string
	Without             string
	Bar                 barView
	Reduction           string
	Top                 []topView
	Use                 labelUse
	Fix                 templ.SafeURL
	Draft               templ.SafeURL // of a rule on the series that have the label; "" for those who may make none
	Chosen              bool
}

// A topView is a value with its series.
type topView struct {
	Name   nameView
	Series string
	Draft  templ.SafeURL // of a rule on the series that have the value
}

// An exampleView is a series.
type exampleView struct {
	Text    string
	Explain templ.SafeURL
}

func (r *request) metric() (page, error) {
	metric := r.query.Get("metric")
	d, err := r.control.ProfileMetric(r.tenant(), metric)
	if err != nil {
		return page{}, err
	}
	found, err := r.control.ProfileSeries(control.SeriesQuery{Tenant: r.tenant(), Match: []string{selectorOf(metric)}, Examples: exampleSeries})
	if err != nil {
		return page{}, err
	}
	list, err := r.control.ProfileMetrics(r.context(), control.MetricsQuery{Tenant: r.tenant(), Match: []string{selectorOf(metric)}, Limit: 1})
	if err != nil {
		return page{}, err
	}
	v := newMetricView(r, d, found, r.evidenceOf(metric))
	v.remember(r, d, &list)
	return page{
		Title: short(metric), Place: "Metrics", Crumbs: []crumb{{"Metrics", r.link("/profile/metrics")}},
		Body: metricPage(v),
	}, nil
}

func newMetricView(r *request, d profiler.MetricDetail, found inventory.Result, e evidence) metricView {
	v := metricView{
		Head: headView{Title: shown(d.Metric), Code: true, Lead: shown(d.About.Help), AsOf: newWhen(d.AsOf, r.now)},
		Stats: []statView{
			{Label: "Active series", Value: count(d.Series), Error: plusMinus(confidence * d.SeriesError)},
			{Label: "Samples received", Value: rate(d.SamplesPerSecond), Unit: "samples/s"},
			{Label: "Series forwarded", Value: percent(part(d.SeriesForwarded, d.Series)), Note: count(d.SeriesForwarded) + " series"},
		},
		Rough: sentence(rough(d.Detail)),
	}
	if d.Churn > 0 {
		v.Stats = append(v.Stats, statView{Label: "Churn", Value: times(d.Churn), Unit: "×", Note: "series in 24 h by series now"})
	}
	if m := d.Movement; m.Known > 0 {
		v.Stats = append(v.Stats, statView{Label: "Values move", Value: percent(m.Share()), Note: "of " + count(float64(m.Looks)) + " looks, about every " + model.Duration(m.Every).String()})
	}
	if !d.FirstSeen.IsZero() {
		v.Stats = append(v.Stats, statView{Label: "First seen", Value: ago(d.FirstSeen, r.now)})
	}
	if d.About.Type != "" || d.About.Unit != "" {
		v.Stats = append(v.Stats, statView{Label: "Type", Value: shown(d.About.Type), Unit: shown(d.About.Unit)})
	}
	chosen := r.query.Get("label")
	if chosen == "" && len(d.Labels) > 0 {
		chosen = d.Labels[0].Label
	}
	v.Chosen = short(chosen)
	for _, l := range d.Labels {
		row := newLabelRowView(r, d, l, l.Label == chosen)
		row.Use = r.ofLabel(e, l.Label)
		v.Labels = append(v.Labels, row)
	}
	if len(v.Labels) > 0 {
		v.Head.Tools = append(v.Head.Tools, toolView{"CSV", r.link("/profile/metric.csv", "metric", d.Metric)})
	}
	v.Uses, v.UsedBy = e.known, newUsedByView(r, e)
	v.Examples = newExamples(r, found)
	v.Fixes = newMetricFixes(r, d.Metric, chosen)
	if draft := r.draftOf(selectorOf(d.Metric), d.Metric); draft != "" {
		v.Head.Tools = append(v.Head.Tools, toolView{"Draft a rule", draft})
	}
	return v
}

func newLabelRowView(r *request, d profiler.MetricDetail, l profiler.LabelRow, chosen bool) labelRowView {
	match := selectorOf(d.Metric)
	v := labelRowView{
		Name:   newNameView(l.Label, r.link("/profile/series", "match", match, "by", l.Label)),
		Values: count(l.Values), ValuesError: plusMinus(confidence * l.ValuesError),
		Without: count(l.SeriesWithout), Reduction: percent(l.Reduction),
		Bar:    barView{Share: part(l.SeriesWithout, d.Series), Title: percent(part(l.SeriesWithout, d.Series)) + " of the series would remain"},
		Fix:    r.here("label", l.Label) + "#fix",
		Draft:  r.draftOf(also(match, present(l.Label)), d.Metric+"-"+l.Label),
		Chosen: chosen,
	}
	for _, t := range l.Top[:min(len(l.Top), maxTopValues)] {
		with := narrowed(match, l.Label, t.Value)
		v.Top = append(v.Top, topView{newNameView(t.Value, r.link("/profile/series", "match", with)), count(t.Series), r.draftOf(with, d.Metric+"-"+t.Value)})
	}
	return v
}

func newExamples(r *request, found inventory.Result) []exampleView {
	var list []exampleView
	for _, ls := range found.Examples {
		text := ls.String()
		v := exampleView{Text: shown(text), Explain: r.link("/explain", "series", text)}
		if s := []rune(v.Text); len(s) > maxExampleText {
			v.Text = string(s[:maxExampleText]) + "…"
		}
		list = append(list, v)
	}
	return list
}

// newMetricFixes returns what can be taken elsewhere: to the place where the metric
// is scraped, to the rules, to a console.
func newMetricFixes(r *request, metric, label string) []copyView {
	match := selectorOf(metric)
	var list []copyView
	if label != "" {
		list = append(list, copyView{
			ID: "fix-relabel", Title: "At the source: remove the label " + short(label), Text: relabelling(metric, label),
			Note: "Into the scrape_config of Prometheus. Series that differ in this label alone become one: do it only where that is meant.",
		})
	}
	list = append(list, copyView{ID: "fix-drop", Title: "At the source: drop the metric", Text: relabelDrop(metric), Note: "Into the scrape_config of Prometheus."})
	if rule := draftRule(r.profiled(), match, metric); rule != "" {
		list = append(list, copyView{
			ID: "fix-rule", Title: "Here: a rule, in shadow mode at first", Text: rule,
			Note: "Into a file of rules. In shadow mode it only counts what it would remove; the page of rules shows it.",
		})
	}
	query := "count(" + match + ")"
	if label != "" {
		query = "topk(10, count by (" + quotedLabel(label) + ") (" + match + "))"
	}
	return append(list,
		copyView{ID: "fix-promql", Title: "PromQL", Text: query},
		copyView{ID: "fix-curl", Title: "The same from the API", Text: r.curl("/profile/metric", "tenant", r.profiled(), "metric", metric)})
}
