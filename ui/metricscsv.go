package ui

import (
	"math"
	"strconv"
	"strings"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
)

// metricsCSV holds the list that the page of metrics shows, all of it.
func (r *request) metricsCSV() (table, error) {
	q := r.metricsQuery()
	q.Limit, q.Cursor = 0, ""
	list, err := r.control.ProfileMetrics(r.context(), q)
	if err != nil {
		return table{}, err
	}
	t := table{name: "metrics-" + r.profiled(), header: []string{
		"metric", "series", "series_error", "series_forwarded", "samples_per_second", "labels", "churn", "cost_per_month", "currency",
		"change_1d", "change_1d_at_least", "change_7d", "change_7d_at_least", "team", "owners", "used_by", "last_queried", "priority",
		"forwarded", "dropped", "downsampled", "shed", "type", "first_seen", "detail", "as_of",
	}}
	t.rows = func(yield func([]string) bool) {
		cells, asOf := make([]string, 0, len(t.header)), stamp(list.AsOf)
		for i := range list.Metrics {
			if cells = append(appendMetric(cells[:0], &list, &list.Metrics[i]), asOf); !yield(cells) {
				return
			}
		}
	}
	return t, nil
}

// appendMetric appends what is known of a metric to the cells of its row.
func appendMetric(cells []string, list *control.MetricsPage, m *profiler.MetricRow) []string {
	cost := ""
	if list.Price.Currency() != "" {
		cost = number(list.Price.OfMetric(m))
	}
	cells = append(cells,
		m.Metric, number(math.Round(m.Series)), number(m.SeriesError), number(math.Round(m.SeriesForwarded)), number(m.SamplesPerSecond),
		strconv.Itoa(m.Labels), number(m.Churn), cost, list.Price.Currency(),
	)
	for _, past := range []*control.Past{list.Day, list.Week} {
		change, least := "", ""
		if g := list.Growth(past, m); g.Known {
			change, least = number(math.Round(g.Series)), strconv.FormatBool(g.AtLeast)
		}
		cells = append(cells, change, least)
	}
	var owners []string
	for _, o := range list.Owners(m) {
		owners = append(owners, o.Team)
	}
	used, asked := "", ""
	if n, known := list.UsedBy(m.Metric); known {
		used = strconv.Itoa(n)
	}
	if a := list.AskedFor(m.Metric); a != nil && a.Count > 0 {
		asked = stamp(a.Last)
	}
	fate := list.Fate(m)
	return append(cells, m.Team, strings.Join(owners, " "), used, asked, list.Priority(m),
		number(fate.Forwarded), number(fate.Dropped), number(fate.Downsampled), number(fate.Shed), m.About.Type, stamp(m.FirstSeen), string(m.Detail))
}
