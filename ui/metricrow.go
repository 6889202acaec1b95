package ui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/rules"
)

// A metricsTableView is a table of metrics.
type metricsTableView struct {
	Caption  string
	Brief    bool // few columns, and no sorting
	Tenants  bool // rows name theirs
	Sorts    metricSortsView
	Currency string // of costs; "" where there is no price
	Rows     []metricRowView
	Sums     []metricSumView // what the rows add up to, with those that are not shown
}

// metricSortsView are the heads of the columns that metrics can be sorted by.
type metricSortsView struct{ Series, Day, Week, Samples, Cost, Churn sortView }

// A metricRowView is one metric in a list.
type metricRowView struct {
	Name          nameView
	Tenant        string
	Type          string
	Series, Error string
	Share         barView
	Samples       string
	Rough         string // why its figures are estimates; "" where they are exact

	// What follows is not in brief tables.
	Day, Week growthView
	Cost      string // of a month; "" where there is no price
	Churn     string
	Owner     linkView
	Owners    string // all of them, where there are several
	Used      usedView
	Priority  string
	Status    []badgeView
	Draft     templ.SafeURL // of a rule; "" for those who may make none
}

// A growthView is by how much a metric has grown.
type growthView struct {
	Text  string // "" where that is not known
	Share string // as a part of what was
	Title string // from what, or why it is not known
	Tone  string
}

// A usedView is by how many queries a metric is read.
type usedView struct {
	Count string // "" where that is not known
	Asked string // when a query asked for it last
	Title string
}

// A metricSumView is what some metrics add up to.
type metricSumView struct {
	Text, Series, Error, Share string
	Day, Week                  growthView
	Samples, Cost              string
}

// newBriefRow shows a metric of a tenant with total series in all.
func newBriefRow(r *request, tenant string, m *profiler.MetricRow, total float64) metricRowView {
	v := metricRowView{
		Name: newNameView(m.Metric, r.link("/profile/metric", "tenant", tenant, "metric", m.Metric)), Tenant: tenant,
		Type: shown(m.About.Type), Series: count(m.Series), Error: plusMinus(confidence * m.SeriesError), Samples: rate(m.SamplesPerSecond), Rough: rough(m.Detail),
	}
	if m.Metric == profiler.Overflow {
		v.Name.Href, v.Rough = "", "the metrics that there was no room for"
	}
	share := part(m.Series, total)
	v.Share = barView{Share: share, Error: part(confidence*m.SeriesError, total), Title: percent(share) + " of all series"}
	return v
}

// newMetricRow shows a metric of a list.
func newMetricRow(r *request, list *metricsView, m *profiler.MetricRow) metricRowView {
	p := list.page
	v := newBriefRow(r, r.tenant(), m, p.TotalSeries)
	v.Day, v.Week = newGrowthView(p, p.Day, m, "a day", r.now), newGrowthView(p, p.Week, m, "a week", r.now)
	if p.Price.Currency() != "" {
		v.Cost = money(p.Price.OfMetric(m))
	}
	if v.Churn = "–"; m.Churn > 0 {
		v.Churn = times(m.Churn) + "\u202f×"
	}
	owners := p.Owners(m)
	switch len(owners) {
	case 0:
	case 1:
		v.Owner = linkView{Text: cut(owners[0].Team, maxTeam), Href: r.here("team", owners[0].Team)}
	default:
		v.Owner, v.Owners = linkView{Text: "several"}, ownersText(owners)
	}
	v.Used = newUsedView(r, p, m.Metric)
	v.Priority = p.Priority(m)
	v.Status = newStatus(p.Fate(m))
	if m.Metric != profiler.Overflow {
		v.Draft = list.draft(r, m.Metric)
	}
	return v
}

// maxOwners is how many teams of a metric are named.
const maxOwners = 5

func ownersText(list []control.Owner) string {
	var words []string
	for i, o := range list {
		if i == maxOwners {
			words = append(words, plural(len(list)-i, "more team"))
			break
		}
		words = append(words, cut(o.Team, maxTeam)+" "+percent(o.Share))
	}
	return strings.Join(words, ", ")
}

// draft returns the address of the form for a rule on what the list shows of a metric.
func (v *metricsView) draft(r *request, metric string) templ.SafeURL {
	return r.draftFor(rules.Spec{Match: rules.Selectors{v.of(metric)}, Team: v.team}, metric)
}

// newGrowthView shows by how much a metric has grown since a reading, which was so
// long ago; the reading may be nil.
func newGrowthView(p *control.MetricsPage, since *control.Past, m *profiler.MetricRow, long string, now time.Time) growthView {
	g := p.Growth(since, m)
	switch {
	case p.NoPast != nil:
		return growthView{Title: p.NoPast.Error()}
	case since == nil:
		return growthView{Title: "not known yet: there is no reading from " + long + " ago"}
	case !m.Whole:
		return growthView{Title: "the history is that of whole metrics, and this is a part of one"}
	case !g.Known:
		return growthView{Title: "it had too few series to be remembered " + ago(since.At, now)}
	}
	return growthOf(g, since.At, now)
}

// muchGrowth is from which part on growth stands out.
const muchGrowth = 0.5

func growthOf(g control.Growth, since, now time.Time) growthView {
	at := ago(since, now)
	v := growthView{Text: signedCount(g.Series), Title: "from " + count(g.Before) + " series " + at}
	share, ok := g.Share()
	switch {
	case g.AtLeast:
		v.Text, v.Title = "≥\u202f"+v.Text, "from at most "+count(g.Before)+" series "+at+": it had too few to be remembered"
		v.Tone = "warn"
	case ok && math.Round(g.Series) != 0:
		v.Share = signedPercent(share)
	case g.Before == 0:
		v.Share, v.Title, v.Tone = "new", "it had no series "+at, "warn"
	}
	if share >= muchGrowth {
		v.Tone = "warn"
	}
	return v
}

// signedCount writes by how many something has changed.
func signedCount(f float64) string {
	switch f = math.Round(f); {
	case f > 0:
		return "+" + count(f)
	case f < 0:
		return "−" + count(-f)
	}
	return "0"
}

// signedPercent writes a change as a part of what was before.
func signedPercent(f float64) string {
	sign := "+"
	if f < 0 {
		sign, f = "−", -f
	}
	if f >= 10 {
		return sign + times(f) + "\u202f×"
	}
	if f >= 1 {
		return sign + strconv.Itoa(int(math.Round(100*f))) + "\u202f%"
	}
	return sign + percent(f)
}

func newUsedView(r *request, p *control.MetricsPage, metric string) usedView {
	n, known := p.UsedBy(metric)
	v := usedView{Title: "no files of alerts, recording rules or dashboards are named: set usage in the configuration file"}
	if known {
		v.Count, v.Title = strconv.Itoa(n), "alerts, recording rules and dashboards that read it, or may"
	}
	if a := p.AskedFor(metric); a != nil {
		v.Title = a.Text
		if a.Count > 0 {
			v.Asked = ago(a.Last, r.now)
		}
	}
	return v
}

// newStatus says what becomes of series, but for parts too small to be seen.
func newStatus(f control.Fate) (list []badgeView) {
	const least = 0.0005
	for _, of := range []struct {
		share             float64
		word, tone, about string
	}{
		{f.Forwarded, "forwarded", "good", "every sample is forwarded"},
		{f.Downsampled, "thinned", "plain", "samples are thinned by a rule"},
		{f.Dropped, "dropped", "warn", "dropped by a rule"},
		{f.Shed, "shed", "bad", "shed: the tenant is over its limit"},
	} {
		if of.share < least {
			continue
		}
		b := badgeView{Text: of.word, Tone: of.tone, Title: percent(of.share) + " of its series: " + of.about}
		if of.share < 1-least {
			b.Text += " " + percent(of.share)
		}
		list = append(list, b)
	}
	return list
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

// newSums says what a list adds up to: what is shown, what is not, and all.
func newSums(p *control.MetricsPage, narrowed bool, now time.Time) []metricSumView {
	var shown profiler.Total
	for i := range p.Metrics {
		m := &p.Metrics[i]
		shown.TotalSeries += m.Series
		shown.TotalPerSecond += m.SamplesPerSecond
		shown.TotalError += m.SeriesError * m.SeriesError
		shown.TotalCost += p.Price.OfMetric(m)
	}
	sum := func(text string, t profiler.Total) metricSumView {
		v := metricSumView{Text: text, Series: count(t.TotalSeries), Error: plusMinus(confidence * t.TotalError), Share: percent(part(t.TotalSeries, p.TotalSeries)), Samples: rate(t.TotalPerSecond)}
		if p.Price.Currency() != "" {
			v.Cost = money(t.TotalCost)
		}
		return v
	}
	all := sum(fmt.Sprintf("All %s", plural(p.TotalMetrics, "metric")), p.Total)
	if p.TotalMetrics == 1 {
		all.Text = "All of it"
	}
	if !narrowed {
		for _, of := range []struct {
			past *control.Past
			view *growthView
		}{{p.Day, &all.Day}, {p.Week, &all.Week}} {
			if of.past != nil {
				*of.view = growthOf(control.Growth{Known: true, Series: p.TotalSeries - of.past.Total, Before: of.past.Total}, of.past.At, now)
			}
		}
	}
	others := p.TotalMetrics - len(p.Metrics)
	if others <= 0 {
		return []metricSumView{all}
	}
	left := profiler.Total{
		TotalSeries: max(0, p.TotalSeries-shown.TotalSeries), TotalPerSecond: max(0, p.TotalPerSecond-shown.TotalPerSecond), TotalCost: max(0, p.TotalCost-shown.TotalCost),
		TotalError: math.Sqrt(max(0, p.TotalError*p.TotalError-shown.TotalError)),
	}
	return []metricSumView{sum(plural(others, "other metric"), left), all}
}
