package control

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
)

// The kinds of finding.
const (
	FindLabel = "label" // a label makes most of a metric's series: a change at the source
	FindRate  = "rate"  // a metric has more samples than once a minute: a rule
)

// A Finding is what a team could change, and what that would save at the prices of
// now. It estimates from what was received lately.
type Finding struct {
	Kind         string
	Tenant       tenant.ID
	Metric       string
	Team         string
	Label        string // of FindLabel
	Series       float64
	SeriesAfter  float64
	CostPerMonth attribution.Micro
	Saving       attribution.Micro // of it, per month
	Currency     string
	Text         string // what to do
}

const (
	// metricsLookedAt is of how many of a team's metrics, the dearest, labels are
	// looked at for findings.
	metricsLookedAt = 20

	// maxFindings is how many findings of a team are shown.
	maxFindings = 3

	// leastReduction is the part of a metric's series that a label has to make to be
	// worth a change.
	leastReduction = 0.1

	// thinTo is the interval, in seconds, that metrics can be thinned to: longer ones
	// leave gaps in graphs.
	thinTo = 60
)

// structural are labels without which a metric means something else, or series of
// several targets would be one.
var structural = []string{"le", "quantile", "job", "instance", "pod"}

// findings returns what a team could change of a tenant's metrics, most saving
// first: of each metric its best. There are none where nothing has a price.
func (c *Control) findings(t tenant.ID, team string) []Finding {
	if c.parts.Profiler == nil {
		return nil
	}
	price := c.metricPrice(t, nil, nil)
	if price.Currency() == "" {
		return nil
	}
	page, err := c.parts.Profiler.Metrics(profiler.Query{Tenant: t, Sort: profiler.ByCost, Cost: price.ofPart})
	if err != nil {
		return nil
	}
	var found []Finding
	looked := 0
	for i := range page.Metrics {
		m := &page.Metrics[i]
		if m.Team != team || m.Metric == profiler.Overflow {
			continue
		}
		if looked++; looked > metricsLookedAt {
			break
		}
		if d, ok := c.parts.Profiler.Metric(t, m.Metric); ok {
			if f, ok := finding(t, &d, price); ok {
				f.Team = team
				found = append(found, f)
			}
		}
	}
	return worst(found)
}

// worst returns the findings that save most.
func worst(list []Finding) []Finding {
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Saving, a.Saving), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Metric, b.Metric))
	})
	return list[:min(len(list), maxFindings)]
}

// finding returns the change of a metric that saves most, if any does.
func finding(t tenant.ID, d *profiler.MetricDetail, price MonthlyPrice) (best Finding, ok bool) {
	cost := price.OfMetric(&d.MetricRow)
	offer := func(f Finding, saving float64) {
		if f.Saving = micro(saving); f.Saving > best.Saving {
			f.Tenant, f.Metric, f.CostPerMonth, f.Currency = t, d.Metric, micro(cost), price.Currency()
			f.Series = d.Series
			best, ok = f, true
		}
	}
	for _, l := range d.Labels {
		if l.Reduction < leastReduction || slices.Contains(structural, l.Label) {
			continue
		}
		offer(Finding{Kind: FindLabel, Label: l.Label, SeriesAfter: l.SeriesWithout, Text: fmt.Sprintf(
			"Remove the label %q at the source: without it %.0f of %.0f series remain. It has %.0f values; if single ones are needed, keep only those.",
			l.Label, math.Round(l.SeriesWithout), math.Round(d.Series), math.Round(l.Values))}, cost*l.Reduction)
	}
	if d.Series > 0 && d.SamplesPerSecond*thinTo > d.Series*1.5 {
		forwarded := price.forwarded(d.Metric, d.SeriesForwarded, d.Series, d.SamplesPerSecond)
		offer(Finding{Kind: FindRate, SeriesAfter: d.Series, Text: fmt.Sprintf(
			"Thin it by a rule with action: downsample and interval: %ds: its series have a sample every %.0f seconds.", thinTo, math.Round(d.Series/d.SamplesPerSecond))},
			price.Of(0, forwarded-d.SeriesForwarded/thinTo))
	}
	return best, ok
}
