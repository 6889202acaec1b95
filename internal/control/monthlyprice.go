package control

import (
	"math"
	"slices"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

// A MonthlyPrice says what would be paid for what goes on for an average month, at
// the price of now. It estimates: what was paid is in the ledger. The zero value is
// that of a tenant without a price.
type MonthlyPrice struct {
	price   attribution.Price
	thinned map[string]float64 // samples per second that rules thin metrics by; nil where that is not asked for
}

// monthlyPrice returns the price that a tenant pays now.
func (c *Control) monthlyPrice(t tenant.ID) MonthlyPrice {
	if c.parts.Policies == nil {
		return MonthlyPrice{}
	}
	tariff, err := attribution.NewTariff(c.parts.Policies.Prices())
	if err != nil { // policies are checked when they are put in force
		return MonthlyPrice{}
	}
	p, _ := tariff.At(t, attribution.HourOf(c.now()))
	return MonthlyPrice{price: p}
}

// Currency returns that of the price, or "" where there is none.
func (m MonthlyPrice) Currency() string { return m.price.Currency }

// Of returns what series and samples come to, in whole units of the currency.
func (m MonthlyPrice) Of(series, samplesPerSecond float64) float64 {
	return m.price.PerMonth(series, samplesPerSecond)
}

// SamplesPerMonth returns what samples of a tenant, "" for one that has no price of
// its own, come to in a month at the price of now; the currency is "" where there is
// no price.
func (c *Control) SamplesPerMonth(t tenant.ID, perSecond float64) (attribution.Micro, string) {
	if c.may(auth.ReadCosts) != nil {
		return 0, ""
	}
	price := c.monthlyPrice(t)
	return micro(price.Of(0, perSecond)), price.Currency()
}

// metricPrice returns the price that a tenant pays now, with what rules thin the
// series by that match; no selector means all. meant, where it is not nil, says how
// many samples of a series are meant.
func (c *Control) metricPrice(t tenant.ID, match []*series.Selector, meant func(v inventory.Verdict, perSecond float64) (float64, bool)) MonthlyPrice {
	m := c.monthlyPrice(t)
	if m.Currency() == "" || c.parts.Rules == nil {
		return m
	}
	policy := c.parts.Rules.For(t, time.Now())
	var thinning []*series.Selector
	for _, r := range policy.Rules() {
		if r.Action == rules.Downsample && r.Mode == rules.Enforce {
			thinning = append(thinning, r.Match...)
		}
	}
	if len(thinning) == 0 {
		return m
	}
	passes, thin := passing(policy), rules.Downsample.String()
	q := inventory.Query{Selectors: thinning, By: []string{series.MetricName}, Passes: func(v inventory.Verdict, perSecond float64) (float64, bool) {
		if v.Action != thin {
			return 0, false
		}
		passed, _ := passes(v, perSecond)
		of, ok := perSecond, true
		if meant != nil {
			of, ok = meant(v, perSecond)
		}
		return min(of, perSecond-passed), ok
	}}
	if len(match) > 0 {
		q.Match = func(ls series.Labels, _ inventory.Verdict) bool {
			return slices.ContainsFunc(match, func(s *series.Selector) bool { return s.Matches(ls) })
		}
	}
	m.thinned = map[string]float64{}
	for _, g := range c.parts.Profiler.Select(t, &q).Groups {
		m.thinned[g.Values[0]] = g.PerSecond.Value
	}
	return m
}

// OfMetric returns what the forwarded part of a metric comes to. Its samples are
// taken to be forwarded as its series are, but for those that rules thin.
func (m MonthlyPrice) OfMetric(r *profiler.MetricRow) float64 {
	return m.ofPart(r.Metric, r.SeriesForwarded, r.Series, r.SamplesPerSecond)
}

func (m MonthlyPrice) ofPart(metric string, forwarded, series, samplesPerSecond float64) float64 {
	if series <= 0 {
		return 0
	}
	return m.Of(forwarded, m.forwarded(metric, forwarded, series, samplesPerSecond))
}

// forwarded returns how many samples per second of a metric's series are forwarded.
func (m MonthlyPrice) forwarded(metric string, forwarded, series, samplesPerSecond float64) float64 {
	if series <= 0 {
		return 0
	}
	return max(0, samplesPerSecond*min(1, forwarded/series)-m.thinned[metric])
}

// micro returns an amount in whole units as Micro.
func micro(amount float64) attribution.Micro {
	return attribution.Micro(math.Round(min(max(amount*1e6, -1<<62), 1<<62)))
}
