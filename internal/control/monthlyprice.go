package control

import (
	"math"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
)

// A MonthlyPrice says what would be paid for what goes on for an average month, at
// the price of now. It estimates: what was paid is in the ledger. The zero value is
// that of a tenant without a price.
type MonthlyPrice struct {
	price attribution.Price
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
	return MonthlyPrice{p}
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

// OfMetric returns what the forwarded part of a metric comes to. Its samples are
// taken to be forwarded as its series are: where a rule thins them, it is less.
func (m MonthlyPrice) OfMetric(r *profiler.MetricRow) float64 {
	return m.ofPart(r.SeriesForwarded, r.Series, r.SamplesPerSecond)
}

func (m MonthlyPrice) ofPart(forwarded, series, samplesPerSecond float64) float64 {
	if series <= 0 {
		return 0
	}
	return m.Of(forwarded, samplesPerSecond*min(1, forwarded/series))
}

// micro returns an amount in whole units as Micro.
func micro(amount float64) attribution.Micro {
	return attribution.Micro(math.Round(min(max(amount*1e6, -1<<62), 1<<62)))
}
