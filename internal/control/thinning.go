package control

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
	"github.com/headgate/headgate/rules"
)

const (
	oftenEnough = 30 * time.Second // between samples: two of them in a range of a minute
	gauges      = time.Minute
)

// A pace is how fast the samples of a metric come.
type pace struct {
	every     float64 // seconds between the samples of a series; 0 where that is unknown
	perSecond float64 // samples of all of them
}

// pace returns how fast the samples of a metric come.
func (f *finder) pace(metric string) pace {
	sel, err := series.ParseSelector(selector(series.MetricName, "=", metric))
	if err != nil {
		return pace{}
	}
	all := f.c.parts.Profiler.Select(f.tenant, &inventory.Query{Selectors: []*series.Selector{sel}})
	if all.PerSecond.Value <= 0 {
		return pace{}
	}
	return pace{all.Series.Value / all.PerSecond.Value, all.PerSecond.Value}
}

// thins reports whether a sample in each interval is noticeably less than there is.
func (p pace) thins(interval time.Duration) bool {
	return p.every > 0 && p.every < 0.95*interval.Seconds()
}

// saved is how many samples a second thinning to interval removes.
func (p pace) saved(interval time.Duration) float64 {
	return p.perSecond * (1 - p.every/interval.Seconds())
}

// frequent finds a metric whose samples come closer than most need them.
func (f *finder) frequent(r *profiler.MetricRow, p pace, moves *profiler.Movement) {
	if !p.thins(oftenEnough) {
		return
	}
	interval, why := oftenEnough, "Rates over a minute still have two samples."
	if r.About.Type == "gauge" {
		interval, why = gauges, "It is a gauge, and whether it moves slowly is not known yet; look at a graph."
		if moves.Known > 0 {
			why = "It is a gauge. " + observed(moves) + " Look at a graph."
		}
	}
	names := []string{r.Metric}
	if base := sketch.BaseName(r.Metric, strings.HasSuffix(r.Metric, "_bucket"), false); base != r.Metric {
		if !strings.HasSuffix(r.Metric, "_bucket") && f.has(base+"_bucket") {
			return // goes with its buckets
		}
		names = []string{base + "_bucket", base + "_sum", base + "_count"}
		if f.has(base) {
			names[0] = base
		}
	}
	var match rules.Selectors
	for _, n := range names {
		match = append(match, selector(series.MetricName, "=", n))
	}
	text := model.Duration(interval).String()
	f.add(Recommendation{
		Kind: Frequent, Metric: r.Metric, rough: p.saved(interval),
		Text: fmt.Sprintf("The series of %s have a sample every %.0fs. The rule keeps one in %s. %s A longer scrape_interval at the source does the same for less.",
			r.Metric, p.every, text, why),
		Loses: fmt.Sprintf("Detail within %s: queries over ranges of less than two intervals come out empty.", text),
		Rule:  rules.Spec{Match: match, Action: rules.Downsample.String(), Interval: text},
	})
}

const (
	slowMoves  = 0.2 // of the looks at a metric may find another value
	slowKnown  = 0.9 // of its series have to be looked at for a whole window
	slowMargin = 10  // from change to change there are so many samples left
)

// slowIntervals are what slow gauges may be thinned to.
var slowIntervals = []time.Duration{rules.MaxInterval, 2 * time.Minute, time.Minute}

// slow finds a gauge whose values seldom change, and reports whether it did. It is
// thinned to the longest interval at which every query that is known still works.
func (f *finder) slow(r *profiler.MetricRow, p pace, moves *profiler.Movement) bool {
	if !isGauge(r) || moves.Busy > 0 || moves.Known == 0 || float64(moves.Known) < slowKnown*float64(moves.Rows) {
		return false
	}
	share := moves.Share()
	if share > slowMoves {
		return false
	}
	spec := rules.Spec{
		Name: "slow", Tenant: string(f.tenant), Team: f.team,
		Match: rules.Selectors{selector(series.MetricName, "=", r.Metric)}, Action: rules.Downsample.String(),
	}
	for _, interval := range slowIntervals {
		if !p.thins(interval) || share*slowMargin*interval.Seconds() > moves.Every.Seconds() {
			continue
		}
		if interval > gauges && !f.c.KnowsQueries() {
			continue // which ranges queries have is not known
		}
		text := model.Duration(interval).String()
		spec.Interval = text
		rule, errs := spec.Rule()
		if len(errs) > 0 || len(f.c.Breaks(rule)) > 0 {
			continue
		}
		f.add(Recommendation{
			Kind: Slow, Metric: r.Metric, rough: p.saved(interval),
			Text: fmt.Sprintf("The values of %s seldom change. %s Its %.0f series have a sample every %.0fs; the rule keeps one in %s, unchanged. A longer scrape_interval at the source does the same for less.",
				r.Metric, observed(moves), r.Series, p.every, text),
			Loses: fmt.Sprintf("When within %s a value changed, and values that did not last that long: looks are %s apart, and see nothing of what came and went between them. "+
				"What is not loaded, and asks for ranges of less than two intervals, comes out empty.", text, model.Duration(moves.Every.Round(time.Second))),
			Rule: rules.Spec{Match: spec.Match, Action: spec.Action, Interval: text},
		})
		return true
	}
	return false
}

// observed says in a sentence what looks found.
func observed(m *profiler.Movement) string {
	return fmt.Sprintf("In up to %s, %d of %d looks at %d series found a new value.", span(time.Duration(m.Most)*m.Every), m.Moves, m.Looks, m.Known)
}

// isGauge reports whether a metric is one that shows a state: by what senders say,
// else by its name.
func isGauge(r *profiler.MetricRow) bool {
	switch r.About.Type {
	case "gauge", "info", "stateset":
		return true
	case "", "unknown":
		return !slices.ContainsFunc(counting, func(ending string) bool { return strings.HasSuffix(r.Metric, ending) })
	}
	return false
}

// counting are the endings of the names of what only counts.
var counting = []string{"_total", "_bucket", "_sum", "_count", "_created"}
