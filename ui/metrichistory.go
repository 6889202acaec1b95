package ui

import (
	"strings"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
)

// remember adds how the metric has changed, what becomes of it and whose it is. list
// holds the metric alone.
func (v *metricView) remember(r *request, d profiler.MetricDetail, list *control.MetricsPage) {
	if len(list.Metrics) == 0 {
		return
	}
	m := &list.Metrics[0]
	day, week := newGrowthView(list, list.Day, m, "a day", r.now), newGrowthView(list, list.Week, m, "a week", r.now)
	stats := []statView{growthStat("In a day", day), growthStat("In 7 days", week)}
	if currency := list.Price.Currency(); currency != "" {
		stats = append(stats, statView{Label: "Cost/month", Value: money(list.Price.OfMetric(m)), Unit: currency, Note: "at today’s price"})
	}
	switch owners := list.Owners(m); len(owners) {
	case 0:
	case 1:
		stats = append(stats, statView{Label: "Owner", Value: cut(owners[0].Team, maxTeam), Href: r.link("/profile/metrics", "team", owners[0].Team)})
	default:
		stats = append(stats, statView{Label: "Owner", Value: "several", Note: ownersText(owners)})
	}
	if p := list.Priority(m); p != "" {
		stats = append(stats, statView{Label: "Priority", Value: p, Note: "of most of its series"})
	}
	var words []string
	for _, b := range newStatus(list.Fate(m)) {
		words = append(words, b.Text)
	}
	if len(words) > 0 {
		stats = append(stats, statView{Label: "Outcome", Value: words[0], Note: strings.Join(words[1:], ", ")})
	}
	v.Stats = append(append(v.Stats[:1:1], stats...), v.Stats[1:]...)
	h, err := r.control.SeriesHistory(r.context(), r.tenant(), d.Metric)
	switch v.Chart = newSeriesChart(h, m, r.now); {
	case err != nil:
		v.NoChart = sentence(err.Error()) + "."
	case v.Chart != nil:
	case h.From.IsZero():
		v.NoChart = "There is no history yet: series are noted at the end of every hour."
	default:
		v.NoChart = "It had too few series to be remembered: of each tenant, the metrics with the most are noted at the end of every hour."
	}
}

func growthStat(label string, g growthView) statView {
	if g.Text == "" {
		return statView{Label: label, Value: "–", Note: g.Title}
	}
	v := statView{Label: label, Value: g.Text, Unit: g.Share, Note: g.Title, Tone: g.Tone}
	return v
}
