package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
)

// A seriesChartView is how many series a metric had in the last 30 days, in a box of
// chartWidth by chartHeight. Where nothing is known of it there is a gap.
type seriesChartView struct {
	Box            string
	Received       []string // lines
	Forwarded      []string // areas
	Most, Half     string
	From, To       string
	Title, Summary string
	Days           []seriesDayView
}

// A seriesDayView is one day of the chart's table: its latest reading.
type seriesDayView struct{ Day, Received, Forwarded string }

// longGap is how long the history of a metric may be silent without a gap in its
// chart: readings are a day apart where they are old.
const longGap = 36 * time.Hour

// newSeriesChart draws what is kept of a metric, and what it has now; it is nil where
// there is nothing to be drawn yet.
func newSeriesChart(h control.SeriesHistory, m *profiler.MetricRow, now time.Time) *seriesChartView {
	most, least := m.Series, m.Series
	for _, p := range h.Points {
		most, least = max(most, p.Received), min(least, p.Received)
	}
	if len(h.Points) == 0 || most == 0 {
		return nil
	}
	list := append(slices.Clone(h.Points), control.SeriesAt{At: now, Received: m.Series, Forwarded: m.SeriesForwarded})
	top, from := axisTop(most), h.From
	whole := now.Sub(from).Seconds()
	x := func(t time.Time) string { return units(chartWidth * t.Sub(from).Seconds() / whole) }
	y := func(f float64) string { return units(chartHeight * (1 - f/top)) }
	v := &seriesChartView{
		Box:  fmt.Sprintf("0 0 %g %g", chartWidth, chartHeight),
		Most: count(top), Half: count(top / 2), From: from.UTC().Format("2 January"), To: "now",
		Title:   "Active series in the last " + span(now.Sub(from).Round(time.Hour)),
		Summary: "Between " + count(least) + " and " + count(most) + " series, " + count(m.Series) + " now.",
	}
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].At.Sub(list[n-1].At) <= longGap {
			n++
		}
		var line, area strings.Builder
		for _, p := range list[:n] {
			line.WriteString(x(p.At) + "," + y(p.Received) + " ")
			area.WriteString(x(p.At) + "," + y(p.Forwarded) + " ")
		}
		v.Received = append(v.Received, strings.TrimSpace(line.String()))
		v.Forwarded = append(v.Forwarded, fmt.Sprintf("%s,%g %s%s,%g", x(list[0].At), chartHeight, area.String(), x(list[n-1].At), chartHeight))
		list = list[n:]
	}
	v.Days = seriesDays(h.Points)
	return v
}

// seriesDays returns the latest reading of each day of UTC, the latest day first.
func seriesDays(points []control.SeriesAt) (list []seriesDayView) {
	const day = 24 * time.Hour
	for i := len(points) - 1; i >= 0; i-- {
		p := &points[i]
		if i+1 < len(points) && points[i+1].At.Truncate(day).Equal(p.At.Truncate(day)) {
			continue
		}
		list = append(list, seriesDayView{p.At.UTC().Format("2006-01-02 15:04"), count(p.Received), count(p.Forwarded)})
	}
	return list
}
