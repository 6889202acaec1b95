package attribution

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/tenant"
)

// build returns the report of q over cells.
func build(tb rapid.TB, q Query, t *Tariff, cells []Cell, adjustments ...Adjustment) *Report {
	tb.Helper()
	b := NewBuilder(q, t)
	for i := range cells {
		b.Add(&cells[i])
	}
	for _, a := range adjustments {
		b.Adjust(a)
	}
	r, err := b.Report()
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// exampleCells are two hours of two tenants.
func exampleCells() []Cell {
	cell := func(h Hour, t tenant.ID, team, metric string, samples, series uint64) Cell {
		return Cell{Key: Key{Hour: h, Tenant: t, Team: team, Metric: metric}, Samples: Counts{Forwarded: samples}, SeriesHours: series}
	}
	cells := []Cell{
		cell(1000, "shop", "checkout", "up", 3_000_000, 730_000),
		cell(1000, "shop", "search", "up", 1_000_000, 0),
		cell(1000, "shop", Unowned, "go_goroutines", 2_000_000, 0),
		cell(1001, "shop", "checkout", "go_goroutines", 1_000_000, 0),
		cell(1001, "bank", Unowned, "up", 5_000_000, 0),
	}
	cells[0].Samples[Dropped] = 10_000_000
	cells[0].Rules = []RuleCount{{Rule: "drop-debug", Dropped: 9_000_000, SeriesHours: 73_000}}
	cells[1].Samples[Downsampled] = 3_000_000
	cells[1].Rules = []RuleCount{{Rule: "thin", Downsampled: 3_000_000}}
	return cells
}

func exampleTariff(tb testing.TB) *Tariff {
	return mustTariff(tb, []Price{{Currency: "USD", PerMillionSamples: mustDecimal(tb, "0.10"), PerThousandSeriesMonth: mustDecimal(tb, "5")}})
}

// tableOf returns the rows as people would read them.
func tableOf(r *Report) string {
	var b strings.Builder
	for i := range r.Rows {
		row := &r.Rows[i]
		for _, c := range r.By {
			fmt.Fprintf(&b, "%s ", row.text(c))
		}
		fmt.Fprintf(&b, "%d samples %d series-hours %s", row.Samples[Forwarded], row.SeriesHours, row.Cost)
		if row.Shared != 0 {
			fmt.Fprintf(&b, " shared %s", row.Shared)
		}
		if row.Saved != 0 {
			fmt.Fprintf(&b, " saved %s", row.Saved)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "= %s saved %s\n", r.Total, r.Saved)
	return b.String()
}

func TestReports(t *testing.T) {
	all := Query{From: 0, To: 2000}
	with := func(change func(q *Query)) Query { q := all; change(&q); return q }
	tests := []struct {
		name  string
		query Query
		want  string
	}{
		{"by team, unowned cost is kept", with(func(q *Query) { q.By = []Column{ByTeam} }), `
checkout 4000000 samples 730000 series-hours 5.40 saved 1.40
unowned 7000000 samples 0 series-hours 0.70
search 1000000 samples 0 series-hours 0.10 saved 0.30
= 6.20 saved 1.70
`},
		{"in proportion within each tenant", with(func(q *Query) { q.By, q.Shared = []Column{ByTeam}, Proportional }), `
checkout 4000000 samples 730000 series-hours 5.596364 shared 0.196364 saved 1.40
unowned 7000000 samples 0 series-hours 0.50 shared -0.20
search 1000000 samples 0 series-hours 0.103636 shared 0.003636 saved 0.30
= 6.20 saved 1.70
`},
		{"evenly", with(func(q *Query) { q.By, q.Shared = []Column{ByTenant, ByTeam}, Even }), `
shop checkout 4000000 samples 730000 series-hours 5.50 shared 0.10 saved 1.40
bank unowned 5000000 samples 0 series-hours 0.50
shop search 1000000 samples 0 series-hours 0.20 shared 0.10 saved 0.30
shop unowned 2000000 samples 0 series-hours 0.00 shared -0.20
= 6.20 saved 1.70
`},
		{"a team's metrics, with its share in a row of its own", with(func(q *Query) { q.By, q.Team, q.Shared = []Column{ByMetric}, "checkout", Even }), `
up 3000000 samples 730000 series-hours 5.30 saved 1.40
 0 samples 0 series-hours 0.10 shared 0.10
go_goroutines 1000000 samples 0 series-hours 0.10
= 5.50 saved 1.40
`},
		{"what nobody owns, by itself, is not shared", with(func(q *Query) { q.By, q.Team, q.Shared = []Column{ByMetric}, Unowned, Even }), `
up 5000000 samples 0 series-hours 0.50
go_goroutines 2000000 samples 0 series-hours 0.20
= 0.70 saved 0.00
`},
		{"by rule: rules cost nothing and save", with(func(q *Query) { q.By = []Column{ByRule} }), `
 12000000 samples 730000 series-hours 6.20
drop-debug 0 samples 0 series-hours 0.00 saved 1.40
thin 0 samples 0 series-hours 0.00 saved 0.30
= 6.20 saved 1.70
`},
		{"of one tenant and hour", with(func(q *Query) { q.By, q.Tenant, q.From = []Column{ByDay, ByMetric}, "shop", 1001 }), `
1970-02-11 go_goroutines 1000000 samples 0 series-hours 0.10
= 0.10 saved 0.00
`},
		{"the total alone", all, `
12000000 samples 730000 series-hours 6.20 saved 1.70
= 6.20 saved 1.70
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := build(t, tt.query, exampleTariff(t), exampleCells())
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), tableOf(r)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCoverageAndWhatHasNoPrice(t *testing.T) {
	q := Query{To: 2000, By: []Column{ByTeam}}
	if r := build(t, q, exampleTariff(t), exampleCells()); r.Coverage < 5.5/6.2-1e-9 || r.Coverage > 5.5/6.2+1e-9 {
		t.Errorf("coverage %v, want 5.5 of 6.2", r.Coverage)
	}
	late := mustTariff(t, []Price{{Currency: "USD", PerMillionSamples: mustDecimal(t, "1"), ValidFrom: 1001}})
	r := build(t, q, late, exampleCells())
	if want := (Unpriced{Samples: 6_000_000, SeriesHours: 730_000}); r.Unpriced != want || r.Total != 6_000_000 {
		t.Errorf("unpriced %+v, total %s; want %+v, 6.00", r.Unpriced, r.Total, want)
	}
	r = build(t, q, &Tariff{}, nil)
	if r.Coverage != 1 || r.Total != 0 || len(r.Rows) != 0 {
		t.Errorf("of nothing the report is %+v", r)
	}
}

func TestAdjustmentsAreRowsOfTheirOwn(t *testing.T) {
	a := Adjustment{At: 1000, Of: Month{1969, 12}, Tenant: "shop", Team: "checkout", Amount: -400_001, Reason: "credit note 7"}
	for _, s := range []Sharing{Keep, Even} {
		r := build(t, Query{To: 2000, By: []Column{ByTeam}, Shared: s}, exampleTariff(t), exampleCells(), a)
		row := r.Rows[len(r.Rows)-1]
		if row.Cost != a.Amount || row.Adjustment == nil || row.Adjustment.Reason != a.Reason || r.Total != 5_799_999 {
			t.Errorf("shared %s: row %+v of total %s", s, row, r.Total)
		}
	}
	if r := build(t, Query{To: 2000, By: []Column{ByTeam}, Team: "search"}, exampleTariff(t), exampleCells(), a); len(r.Rows) != 1 {
		t.Errorf("another team's report has rows %+v", r.Rows)
	}
}

// Two credits alike stand in the order in which they were made, however often one asks.
func TestAdjustmentsAlikeKeepTheirOrder(t *testing.T) {
	var cells []Cell
	for i := range 40 {
		cells = append(cells, Cell{Key: Key{Hour: 1000, Tenant: "shop", Team: fmt.Sprint("t", i), Metric: "up"}, Samples: Counts{Forwarded: 1}})
	}
	a := Adjustment{At: 1000, Of: Month{1969, 12}, Tenant: "shop", Team: "t7", Amount: -5, Reason: "first"}
	second := a
	second.Reason = "second"
	for range 50 {
		r := build(t, Query{To: 2000, By: []Column{ByTeam}, Shared: Even}, exampleTariff(t), cells, a, second)
		if last := r.Rows[len(r.Rows)-2:]; last[0].Adjustment.Reason != "first" || last[1].Adjustment.Reason != "second" {
			t.Fatalf("the last rows are %+v", last)
		}
	}
}

func TestAFigureIsExplained(t *testing.T) {
	q := Query{To: 2000, By: []Column{ByTeam}, Shared: Proportional}
	r := build(t, q, exampleTariff(t), exampleCells())
	want := []string{
		"4000000 samples ÷ 1 000 000 × 0.1 USD = 0.4 USD (price of every tenant, always)",
		"730000 series-hours ÷ 730 000 × 5 USD = 5 USD (price of every tenant, always)",
		"share of what nobody owns of tenant shop, proportional among 2 teams: 0.196363636363636364 USD",
		"together 5.596363636363636364 USD, rounded to 5.596364 USD so that the rows add up",
	}
	f := r.Explain(0)
	if diff := cmp.Diff(want, f.Lines("USD")); diff != "" {
		t.Errorf("checkout (-want +got):\n%s", diff)
	}
	if f.Shares[0].Part != "0.981818" {
		t.Errorf("part %s, want 5.4 of 5.5", f.Shares[0].Part)
	}
	if got := r.Explain(1).Given; got != "0.2" {
		t.Errorf("of the unowned row %s is given, want 0.2", got)
	}
}

// A workload is cells and their tariff, drawn at random.
type workload struct {
	tariff *Tariff
	prices Prices
	cells  []Cell
}

func drawWorkload(t *rapid.T, maxSamples uint64, maxPrice Decimal) workload {
	w := workload{}
	for i := range rapid.IntRange(0, 4).Draw(t, "prices") {
		p := Price{
			Currency:               "USD",
			PerMillionSamples:      Decimal(rapid.Int64Range(0, int64(maxPrice)).Draw(t, "per million")),
			PerThousandSeriesMonth: Decimal(rapid.Int64Range(0, int64(maxPrice)).Draw(t, "per series")),
			ValidFrom:              Hour(i * 13),
		}
		if i%2 == 1 {
			p.Tenant = "b"
		}
		w.prices = append(w.prices, p)
	}
	var err error
	if w.tariff, err = NewTariff(w.prices); err != nil {
		t.Fatal(err)
	}
	n := rapid.Uint64Max(maxSamples)
	for range rapid.IntRange(0, 30).Draw(t, "cells") {
		c := Cell{Key: Key{
			Hour:    Hour(rapid.IntRange(0, 60).Draw(t, "hour")),
			Tenant:  tenant.ID(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tenant")),
			Team:    rapid.SampledFrom([]string{"x", "y", "z", Unowned, Unowned}).Draw(t, "team"),
			Service: rapid.SampledFrom([]string{"", "s"}).Draw(t, "service"),
			Metric:  rapid.SampledFrom([]string{"m", "n"}).Draw(t, "metric"),
		}}
		for o := range c.Samples {
			c.Samples[o] = n.Draw(t, "samples")
		}
		c.SeriesHours = n.Draw(t, "series")
		if rapid.Bool().Draw(t, "rules") {
			c.Rules = []RuleCount{
				{Rule: "r", Dropped: c.Samples[Dropped] / 3, Downsampled: c.Samples[Downsampled] / 2, SeriesHours: n.Draw(t, "r")},
				{Rule: "q", Dropped: c.Samples[Dropped] / 4},
			}
		}
		w.cells = append(w.cells, c)
	}
	return w
}

// model returns the cost and the savings of cells as fractions, without any of
// what is tested here: the price by looking at every one of them.
func (w workload) model(q *Query) (cost, saved *big.Rat, samples Counts) {
	cost, saved = new(big.Rat), new(big.Rat)
	for _, c := range w.cells {
		if q.Tenant != "" && q.Tenant != c.Tenant || q.Team != "" && q.Team != c.Team {
			continue
		}
		samples.Add(&c.Samples)
		var own, all *Price
		for i := range w.prices {
			p := &w.prices[i]
			if p.ValidFrom > c.Hour {
				continue
			}
			if p.Tenant == c.Tenant {
				own = p
			} else if p.Tenant == "" {
				all = p
			}
		}
		if own == nil {
			own = all
		}
		if own == nil {
			continue
		}
		add := func(sum *big.Rat, n uint64, price Decimal, per int64) {
			r := new(big.Rat).SetInt(new(big.Int).SetUint64(n))
			r.Mul(r, big.NewRat(int64(price), 1_000_000_000_000))
			sum.Add(sum, r.Quo(r, big.NewRat(per, 1)))
		}
		add(cost, c.Samples[Forwarded], own.PerMillionSamples, 1_000_000)
		add(cost, c.SeriesHours, own.PerThousandSeriesMonth, 730_000)
		for _, r := range c.Rules {
			add(saved, r.Dropped+r.Downsampled, own.PerMillionSamples, 1_000_000)
			add(saved, r.SeriesHours, own.PerThousandSeriesMonth, 730_000)
		}
	}
	return cost, saved, samples
}

// nearest reports whether m is exact, rounded.
func nearest(m Micro, exact *big.Rat) bool {
	d := new(big.Rat).SetInt64(int64(m))
	d.Sub(d, new(big.Rat).Mul(exact, big.NewRat(1_000_000, 1)))
	return d.Abs(d).Cmp(big.NewRat(1, 2)) <= 0
}

func drawQuery(t *rapid.T) Query {
	q := Query{To: 100, Shared: rapid.SampledFrom([]Sharing{"", Keep, Even, Proportional}).Draw(t, "shared")}
	q.By = rapid.SliceOfDistinct(rapid.SampledFrom(append([]Column{byMeter, byPrice}, Columns...)), func(c Column) Column { return c }).Draw(t, "by")
	q.Tenant = tenant.ID(rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(t, "of tenant"))
	return q
}

func TestRowsAddUpToTheTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, q := drawWorkload(t, 1e12, 100e12), drawQuery(t)
		r := build(t, q, w.tariff, w.cells)
		cost, saved, samples := w.model(&q)
		if !nearest(r.Total, cost) || !nearest(r.Saved, saved) {
			t.Fatalf("total %s of %s, saved %s of %s", r.Total, cost.FloatString(9), r.Saved, saved.FloatString(9))
		}
		var sum Row
		for i := range r.Rows {
			row := &r.Rows[i]
			sum.Cost += row.Cost
			sum.Saved += row.Saved
			sum.Shared += row.Shared
			sum.Samples.Add(&row.Samples)
			if row.Cost < 0 {
				t.Fatalf("row %+v", row)
			}
		}
		if sum.Cost != r.Total || sum.Saved != r.Saved || sum.Shared != 0 || sum.Samples != samples {
			t.Fatalf("rows add up to cost %s, saved %s, shared %s, samples %v; the report says %s, %s, 0, %v",
				sum.Cost, sum.Saved, sum.Shared, sum.Samples, r.Total, r.Saved, samples)
		}
	})
}

func TestSplitRowsAddUpToWhatNobodyOwns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorkload(t, 1e12, 100e12)
		q := Query{To: 100, By: []Column{ByTenant, ByTeam}, Shared: Keep}
		kept := build(t, q, w.tariff, w.cells)
		q.Shared = rapid.SampledFrom([]Sharing{Even, Proportional}).Draw(t, "shared")
		split := build(t, q, w.tariff, w.cells)

		unowned, teams := map[tenant.ID]Micro{}, map[tenant.ID]int{}
		for _, r := range kept.Rows {
			if r.Team == Unowned {
				unowned[r.Tenant] = r.Cost
			} else {
				teams[r.Tenant]++
			}
		}
		paid := map[tenant.ID]Micro{}
		least, most := map[tenant.ID]Micro{}, map[tenant.ID]Micro{}
		for _, r := range split.Rows {
			if r.Team == Unowned {
				if teams[r.Tenant] > 0 && r.Cost != 0 || teams[r.Tenant] == 0 && r.Cost != unowned[r.Tenant] {
					t.Fatalf("unowned of %s costs %s of %s, which %d teams share", r.Tenant, r.Cost, unowned[r.Tenant], teams[r.Tenant])
				}
				paid[r.Tenant] += 0
				if d := unowned[r.Tenant] + r.Shared; teams[r.Tenant] > 0 && (d < -1 || d > 1) {
					t.Fatalf("%s of %s are shared in %s", -r.Shared, unowned[r.Tenant], r.Tenant)
				}
				continue
			}
			if _, ok := least[r.Tenant]; !ok {
				least[r.Tenant], most[r.Tenant] = r.Shared, r.Shared
			}
			least[r.Tenant], most[r.Tenant] = min(least[r.Tenant], r.Shared), max(most[r.Tenant], r.Shared)
			paid[r.Tenant] += r.Shared
		}
		for _, r := range split.Rows {
			if r.Team == Unowned && paid[r.Tenant] != -r.Shared {
				t.Fatalf("the teams of %s pay %s of %s", r.Tenant, paid[r.Tenant], -r.Shared)
			}
		}
		for tn := range least {
			if q.Shared == Even && most[tn]-least[tn] > 1 {
				t.Fatalf("even shares of %s lie between %s and %s", tn, least[tn], most[tn])
			}
		}
	})
}

func TestATeamsOwnReportSaysWhatTheOverviewSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, q := drawWorkload(t, 1e12, 100e12), drawQuery(t)
		q.By = []Column{ByTeam}
		overview := build(t, q, w.tariff, w.cells)
		for _, row := range overview.Rows {
			q := q
			q.Team, q.By = row.Team, []Column{ByDay, ByMetric}
			if row.Team == Unowned {
				continue
			}
			own := build(t, q, w.tariff, w.cells)
			if d := own.Total - row.Cost; d < -2 || d > 2 {
				t.Fatalf("team %s pays %s in the overview and %s in its own report", row.Team, row.Cost, own.Total)
			}
			if own.Samples() != row.Samples {
				t.Fatalf("team %s has %v in the overview and %v in its own report", row.Team, row.Samples, own.Samples())
			}
		}
	})
}

// Samples returns the sum over the rows.
func (r *Report) Samples() (c Counts) {
	for i := range r.Rows {
		c.Add(&r.Rows[i].Samples)
	}
	return c
}

func TestNothingWrapsAround(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, q := drawWorkload(t, 1e15, 1<<63-1), drawQuery(t)
		b := NewBuilder(q, w.tariff)
		for i := range w.cells {
			b.Add(&w.cells[i])
		}
		r, err := b.Report()
		cost, saved, _ := w.model(&q)
		most := new(big.Rat).SetFrac(big.NewInt(1<<63-1), big.NewInt(1_000_000))
		if tooMuch := cost.Cmp(most) > 0 || saved.Cmp(most) > 0; tooMuch || err != nil {
			if !errors.Is(err, ErrTooMuch) || !tooMuch {
				t.Fatalf("cost %s, saved %s: error %v", cost.FloatString(6), saved.FloatString(6), err)
			}
			return
		}
		if !nearest(r.Total, cost) || !nearest(r.Saved, saved) {
			t.Fatalf("total %s of %s", r.Total, cost.FloatString(9))
		}
	})
	b := NewBuilder(Query{To: 1}, &Tariff{})
	for range 2 {
		b.Add(&Cell{Samples: Counts{Failed: 1 << 63}})
	}
	if _, err := b.Report(); !errors.Is(err, ErrTooMuch) {
		t.Errorf("2^64 samples: error %v", err)
	}
}

func TestColumnsAreParsed(t *testing.T) {
	by, err := ParseColumns("team, metric,day")
	if diff := cmp.Diff([]Column{ByTeam, ByMetric, ByDay}, by); err != nil || diff != "" {
		t.Errorf("columns (-want +got):\n%s%v", diff, err)
	}
	for s, want := range map[string]string{"": "is nothing that costs are grouped by", "meter": "is nothing", "team,team": "twice"} {
		if _, err := ParseColumns(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseColumns(%q): %v, want %q", s, err, want)
		}
	}
}

func BenchmarkReport(b *testing.B) {
	// 200 teams with 20 000 metrics between them: a month that the store has
	// summed by day, and one that it has summed as a whole.
	cells := func(days Hour) (cs []Cell) {
		for day := range days {
			for m := range 20_000 {
				cs = append(cs, Cell{Key: Key{Hour: day * 24, Tenant: "a", Team: fmt.Sprintf("team-%d", m%200), Metric: fmt.Sprintf("metric_%d", m)},
					Samples: Counts{Forwarded: uint64(m) * 1000}, SeriesHours: uint64(m)})
			}
		}
		return cs
	}
	tariff := exampleTariff(b)
	for _, days := range []Hour{1, 30} {
		cs := cells(days)
		for _, by := range [][]Column{{ByTeam}, {ByTeam, ByMetric}, {ByDay, ByTeam}} {
			b.Run(fmt.Sprintf("cells=%d/%v", len(cs), by), func(b *testing.B) {
				for b.Loop() {
					build(b, Query{To: 1000, By: by, Shared: Proportional}, tariff, cs)
				}
				b.ReportMetric(float64(len(cs))*float64(b.N)/b.Elapsed().Seconds(), "cells/s")
			})
		}
	}
}
