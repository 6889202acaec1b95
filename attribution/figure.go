package attribution

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/tenant"
)

// Formula is how every cost is made.
const Formula = "samples ÷ 1 000 000 × price + series-hours ÷ 730 000 × price, added up exactly and rounded once, so that rows add up to their total"

// A Figure says how a row's cost came about.
type Figure struct {
	Formula string
	Cost    Micro       // as in the row
	Exact   string      // before rounding, to 18 digits
	Terms   []Term      // the row's own use, by price
	Shares  []Share     // what it pays for what nobody owns, by tenant
	Given   string      // of an unowned row: what the others pay, to 18 digits; else ""
	Fixed   *Adjustment // the row corrects a closed month
}

// A Term is what one price makes of a row's quantities.
type Term struct {
	Price       *Price // nil where there was none
	Samples     uint64
	SeriesHours uint64
	SamplesCost string // exact, to 18 digits
	SeriesCost  string
}

// A Share is what a row pays of the unowned cost of one tenant.
type Share struct {
	Tenant  tenant.ID
	Sharing Sharing
	Teams   int    // that share it
	Part    string // of it that the team pays, to 6 digits; "" where the row is of several teams
	Cost    string // exact, to 18 digits
}

// Explain returns how the cost of row i came about.
func (r *Report) Explain(i int) Figure {
	row := &r.Rows[i]
	d := row.made
	f := Figure{Formula: Formula, Cost: row.Cost, Fixed: d.adjustment}
	f.Exact = exactly(d.own.plus(totalOf(d.shares)))
	for _, e := range d.entries {
		t := Term{Samples: e.spent.samples, SeriesHours: e.spent.seriesHours, SamplesCost: "0", SeriesCost: "0"}
		if e.price >= 0 {
			t.Price = &r.tariff.prices[e.price]
			t.SamplesCost = exactly(t.Price.samplesCost(t.Samples))
			t.SeriesCost = exactly(t.Price.seriesCost(t.SeriesHours))
		}
		f.Terms = append(f.Terms, t)
	}
	tenants := make([]tenant.ID, 0, len(d.shares))
	for t := range d.shares {
		tenants = append(tenants, t)
	}
	slices.Sort(tenants)
	for _, t := range tenants {
		p := r.pots[t]
		s := Share{Tenant: t, Sharing: r.Shared, Teams: len(p.teams), Cost: exactly(d.shares[t])}
		team := d.Team
		if team == "" {
			team = r.Team
		}
		if i, ok := slices.BinarySearch(p.teams, team); ok {
			s.Part = new(big.Rat).SetFrac(p.weights[i], p.sum).FloatString(6)
		}
		f.Shares = append(f.Shares, s)
	}
	if len(d.given) > 0 {
		f.Given = exactly(totalOf(d.given))
	}
	return f
}

// exactly writes units in whole units of the currency. Eighteen digits behind the
// point are exact for samples; a series-hour is 1/730 of a month, which ends in
// no digit at all.
func exactly(u units) string {
	return trimmed(new(big.Rat).SetFrac(u.big(), bigUnits).FloatString(18))
}

// trimmed returns a decimal number without zeros at its end, nor a point.
func trimmed(text string) string {
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// bigUnits are the units of one whole unit of the currency.
var bigUnits = new(big.Int).Mul(big.NewInt(unitsPerMicro), big.NewInt(1_000_000))

// Lines returns f for people.
func (f Figure) Lines(currency string) []string {
	var lines []string
	if f.Fixed != nil {
		lines = append(lines, fmt.Sprintf("adjustment of %s: %s %s: %s", f.Fixed.Of, f.Fixed.Amount, currency, f.Fixed.Reason))
	}
	for _, t := range f.Terms {
		if t.Price == nil {
			lines = append(lines, fmt.Sprintf("%d samples and %d series-hours in hours without a price: 0 %s", t.Samples, t.SeriesHours, currency))
			continue
		}
		since := "always"
		if t.Price.ValidFrom != 0 {
			since = "since " + t.Price.ValidFrom.String()
		}
		whose := "every tenant"
		if t.Price.Tenant != "" {
			whose = "tenant " + string(t.Price.Tenant)
		}
		lines = append(lines,
			fmt.Sprintf("%d samples ÷ 1 000 000 × %s %s = %s %s (price of %s, %s)", t.Samples, t.Price.PerMillionSamples, currency, t.SamplesCost, currency, whose, since),
			fmt.Sprintf("%d series-hours ÷ 730 000 × %s %s = %s %s (price of %s, %s)", t.SeriesHours, t.Price.PerThousandSeriesMonth, currency, t.SeriesCost, currency, whose, since))
	}
	for _, s := range f.Shares {
		lines = append(lines, fmt.Sprintf("share of what nobody owns of tenant %s, %s among %d teams: %s %s", s.Tenant, s.Sharing, s.Teams, s.Cost, currency))
	}
	if f.Given != "" {
		lines = append(lines, fmt.Sprintf("paid by the other teams: %s %s", f.Given, currency))
	}
	return append(lines, fmt.Sprintf("together %s %s, rounded to %s %s so that the rows add up", f.Exact, currency, f.Cost, currency))
}
