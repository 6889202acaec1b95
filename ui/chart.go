package ui

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/limiter"
)

// A chartView is a tenant's last hour against its limit, in a box of chartWidth by
// chartHeight.
type chartView struct {
	Box            string
	Granted, Shed  string // areas; what is shed stands on what is granted
	Demand         string // a line
	Limit          string // the height of its line; "" where there is none
	Proposed       string // the height of another limit's line; "" where there is none
	Most, Half     string // the figures of the axis, samples per second
	From, To       string
	Title, Summary string
}

const (
	chartWidth  = 600.0
	chartHeight = 160.0
	chartPoints = 120 // each is the mean of 30 seconds of an hour
)

// A chartPoint is what became of samples in one part of the hour, per second.
type chartPoint struct{ demand, granted, shed float64 }

// newChartView draws a history, a limit of samples per second, 0 for none, and what it
// may become.
func newChartView(h control.LimitHistory, limit, proposed float64) *chartView {
	points := chartOf(h.Seconds)
	most, peak := limit, chartPoint{}
	for _, p := range points {
		most = max(most, p.demand, p.granted+p.shed)
		peak.demand, peak.shed = max(peak.demand, p.demand), max(peak.shed, p.shed)
	}
	if most == 0 || len(points) < 2 {
		return nil
	}
	if proposed <= 3*most { // one far above would make the history flat
		most = max(most, proposed)
	}
	most = axisTop(most)
	x := func(i int) string { return units(chartWidth * float64(i) / float64(len(points)-1)) }
	y := func(f float64) string { return units(chartHeight * (1 - f/most)) }
	v := &chartView{
		Box:  fmt.Sprintf("0 0 %g %g", chartWidth, chartHeight),
		Most: rate(most), Half: rate(most / 2),
		From: span(time.Duration(len(h.Seconds))*time.Second) + " ago", To: "now",
		Title: "Samples per second in the last hour",
	}
	var granted, top, back, demand strings.Builder
	for i, p := range points {
		fmt.Fprintf(&granted, "%s,%s ", x(i), y(p.granted))
		fmt.Fprintf(&top, "%s,%s ", x(i), y(p.granted+p.shed))
		j := len(points) - 1 - i
		fmt.Fprintf(&back, "%s,%s ", x(j), y(points[j].granted))
		fmt.Fprintf(&demand, "%s,%s ", x(i), y(p.demand))
	}
	v.Granted = fmt.Sprintf("0,%g %s%g,%g", chartHeight, granted.String(), chartWidth, chartHeight)
	v.Shed = top.String() + strings.TrimSpace(back.String())
	v.Demand = strings.TrimSpace(demand.String())
	v.Summary = "Demand peaked at " + rate(peak.demand) + " samples/s for half a minute"
	if limit > 0 {
		v.Limit = y(limit)
		v.Summary += ", of a limit of " + rate(limit)
	}
	if proposed > 0 && proposed != limit && proposed <= most {
		v.Proposed = y(proposed)
		v.Summary += ", the new one of " + rate(proposed)
	}
	if v.Summary += "; nothing was shed."; peak.shed > 0 {
		v.Summary = strings.Replace(v.Summary, "nothing was shed", "at most "+rate(peak.shed)+" were shed", 1)
	}
	return v
}

// axisTop returns the figure at the end of an axis that holds all up to most: one that
// is read at a glance, and so is its half.
func axisTop(most float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(most)))
	steps := []float64{1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10, 12}
	return unit * steps[slices.IndexFunc(steps, func(step float64) bool { return step*unit >= 1.02*most })]
}

func chartOf(seconds []limiter.Second) (points []chartPoint) {
	step := max(1, len(seconds)/chartPoints)
	for i := 0; i+step <= len(seconds); i += step {
		var p chartPoint
		for _, s := range seconds[i : i+step] {
			for level := range s.Demand {
				p.demand += float64(s.Demand[level]) / float64(step)
				p.granted += float64(s.Granted[level]) / float64(step)
				p.shed += float64(s.Shed[level]) / float64(step)
			}
		}
		points = append(points, p)
	}
	return points
}
