package control

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
)

// budgeted is priced, with a budget of a team and one of a tenant.
func budgeted(t *testing.T) attribution.Config {
	t.Helper()
	c := priced(t, ten, five)
	c.Shared = attribution.Proportional
	c.Budgets = attribution.Budgets{"checkout": {Month: attribution.Amount{Micro: 400_000}}, "tenant:bank": {Month: attribution.Amount{Micro: 10_000_000}}}
	return c
}

func drivers(list []attribution.Driver, rest attribution.Driver) string {
	var out []string
	for _, d := range list {
		out = append(out, fmt.Sprintf("%s%s %s to %s", d.Team, d.Metric, d.Before, d.After))
	}
	return strings.Join(append(out, fmt.Sprintf("rest %s to %s", rest.Before, rest.After)), "\n")
}

func TestSummaryOfAMonth(t *testing.T) {
	deltas := append(november(t), used(t, "2026-10-05", "shop/checkout/calls", 1_000_000, 0, 0), used(t, "2026-10-05", "shop/unowned/stray", 2_000_000, 0, 0))
	c, _ := ledgered(t, budgeted(t), deltas...)
	for _, tt := range []struct {
		name string
		q    SummaryQuery
		want string // drivers
	}{
		{"of all, by team", SummaryQuery{}, "search 0.00 to 0.125408\ncheckout 0.30 to 0.382195\nledger 0.00 to 0.050048\nrest 0.00 to 0.00"},
		{"of a team, by metric", SummaryQuery{Team: "checkout"}, "calls 0.10 to 0.306849\n 0.20 to 0.075346\nrest 0.00 to 0.00"},
		{"of a month that is over", SummaryQuery{Month: "2026-10"}, "checkout 0.00 to 1.200062\nrest 0.00 to 0.00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := c.CostSummary(t.Context(), tt.q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, drivers(s.Drivers, s.Rest)); diff != "" {
				t.Errorf("drivers (-want +got):\n%s", diff)
			}
			change := s.Rest.Change
			for _, d := range s.Drivers {
				change += d.Change
			}
			if change != s.Total-s.TotalBefore {
				t.Errorf("the drivers change %s, want %s", change, s.Total-s.TotalBefore)
			}
			r, err := c.Costs(t.Context(), CostQuery{Month: tt.q.Month, Team: tt.q.Team})
			if err != nil || r.Total != s.Total || s.Forecast.ToDate != s.Total {
				t.Errorf("the total is %s and to date %s; want %s as in the report (%v)", s.Total, s.Forecast.ToDate, r.Total, err)
			}
		})
	}
	s, err := c.CostSummary(t.Context(), SummaryQuery{Team: "checkout"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Saved != 200_000 || len(s.Savings) != 1 || s.Savings[0].Rule != "drop-debug" || s.Savings[0].Saved != 200_000 {
		t.Errorf("saved %s by %+v, want 0.20 by drop-debug", s.Saved, s.Savings)
	}
	if b := s.Budget; b == nil || b.Threshold != 80 || b.Used < 0.95 || b.Used > 0.96 || len(s.Days) != 21 {
		t.Errorf("the budget stands at %+v after %d days, want over 80 %% of it used", b, len(s.Days))
	}
	if s, err = c.CostSummary(t.Context(), SummaryQuery{Month: "2026-10", Tenant: "bank"}); err != nil || s.Budget == nil || s.Budget.Over || s.Forecast.Expected != 0 || s.Forecast.Basis != "the month is over" {
		t.Errorf("the tenant's month that is over is %+v, %v; want its budget, and that it is over", s, err)
	}
}

// catalogOf is a catalog of Backstage.
func catalogOf(t *testing.T, text string) *attribution.Catalog {
	t.Helper()
	c, problems := attribution.ReadCatalog(attribution.CatalogConfig{Type: attribution.Backstage}, []attribution.CatalogFile{{Name: "catalog-info.yaml", Data: []byte(text)}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return c
}

const aCatalog = `
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: checkout, title: Check-out}
spec: {type: team, children: [], profile: {displayName: Check-out}, members: [ann]}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: checkout-api}
spec: {type: service, lifecycle: production, owner: idle}
`

func TestTeams(t *testing.T) {
	config := budgeted(t)
	config.Owners = []attribution.OwnerConfig{{Match: `{job="x"}`, Team: "quiet"}, {Label: "team"}}
	c, _ := ledgered(t, config, november(t)...)
	if err := c.parts.Policies.Reload(PolicyFile{Config: config, Catalogs: []*attribution.Catalog{catalogOf(t, aCatalog)}}); err != nil {
		t.Fatal(err)
	}
	l, err := c.Teams(t.Context(), TeamsQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var sum attribution.Micro
	for _, team := range l.Teams {
		budget := "-"
		if team.Budget != nil {
			budget = fmt.Sprintf("%d%%", team.Budget.Threshold)
		}
		got = append(got, fmt.Sprintf("%s %q %v %v %s before %s saved %s budget %s", team.Name, team.Title, team.Members, team.Entities, team.Cost, team.Before, team.Saved, budget))
		sum += team.Cost
		if team.Forecast.ToDate != team.Cost || team.Forecast.Expected < team.Cost {
			t.Errorf("the forecast of %s is %+v, want it to begin with %s", team.Name, team.Forecast, team.Cost)
		}
	}
	want := []string{
		`checkout "Check-out" [ann] [] 0.382195 before 0.00 saved 0.20 budget 80%`,
		`search "" [] [] 0.125408 before 0.00 saved 0.00 budget -`,
		`ledger "" [] [] 0.050048 before 0.00 saved 0.00 budget -`,
		`idle "" [] [component checkout-api] 0.00 before 0.00 saved 0.00 budget -`,
		`quiet "" [] [] 0.00 before 0.00 saved 0.00 budget -`,
		`unowned "" [] [] 0.00 before 0.00 saved 0.00 budget -`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("teams (-want +got):\n%s", diff)
	}
	if sum != l.Total || l.Total != 557_651 || l.Coverage < 0.82 || l.Coverage > 0.821 {
		t.Errorf("teams cost %s of %s, of which %v has an owner", sum, l.Total, l.Coverage)
	}
	if l, err = c.Teams(t.Context(), TeamsQuery{Tenant: "shop"}); err != nil || slices.ContainsFunc(l.Teams, func(t Team) bool { return t.Budget != nil }) {
		t.Errorf("of one tenant teams are %+v, %v; want no budgets, which are for all", l.Teams, err)
	}
}

func TestTeamsOfAnEarlierMonth(t *testing.T) {
	c, _ := ledgered(t, budgeted(t), november(t)...)
	q := TeamsQuery{Month: "2026-10"}
	l, err := c.Teams(t.Context(), q)
	if err != nil || l.Total != 900_062 || len(l.Teams) == 0 || l.Teams[0].Forecast.Expected != 900_062 {
		t.Errorf("the teams of October are %+v, %v; want 900062 in all, and nothing more to be expected", l, err)
	}
	d, err := c.Team(t.Context(), "checkout", q)
	if err != nil || d.Cost != 900_062 || d.Own != 900_062 {
		t.Errorf("checkout cost %d, its own use %d, %v; want 900062", d.Cost, d.Own, err)
	}
	if _, err := c.Teams(t.Context(), TeamsQuery{Month: "2027-01"}); err == nil || !strings.Contains(err.Error(), "yet to come") {
		t.Errorf("a month to come: %v, want that it is", err)
	}
}

// seen adds a profiler to c that has seen series of tenant shop, given as PromQL
// writes them with their team in front.
func seen(t *testing.T, c *Control, texts ...string) {
	t.Helper()
	p, err := profiler.New(profiler.DefaultConfig(), time.Now(), func(profiler.Explosion) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var list []profiler.Seen
	counts := map[string]uint64{}
	for _, text := range texts {
		team, text, _ := strings.Cut(text, " ")
		ls, err := ParseSeries(text)
		if err != nil {
			t.Fatal(err)
		}
		verdict := inventory.Verdict{Team: team, Action: "keep"}
		if ls.Get("gone") != "" {
			verdict.Action = "drop"
		}
		list = append(list, profiler.Seen{Labels: ls, Verdict: verdict, Forwarded: verdict.Action == "keep", New: true, IntervalMs: 10_000})
		counts[ls.Get(series.MetricName)]++
	}
	p.Observe("shop", profiler.Sender{}, p.Clock().At(time.Now()), list)
	var rates []profiler.MetricSamples
	for name, n := range counts {
		rates = append(rates, profiler.MetricSamples{Metric: name, Samples: n * 6})
	}
	p.Count("shop", rates, time.Minute)
	c.parts.Profiler = p
}

func times(n int, format string) []string {
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprintf(format, i))
	}
	return texts
}

func TestTeamWithItsFindings(t *testing.T) {
	c, _ := ledgered(t, budgeted(t), november(t)...)
	seen(t, c, slices.Concat(
		times(100, `checkout calls{job="a",user="u%d"}`), times(60, `checkout lag{job="a",instance="i%d"}`),
		times(50, `checkout bucket{job="a",le="%d"}`), times(10, `checkout rare{job="a",user="u%d"}`),
		times(500, `search others{job="b",user="u%d"}`))...)
	d, err := c.Team(t.Context(), "checkout", TeamsQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Cost != 382_195 || d.Budget == nil || len(d.Metrics) != 1 || d.Metrics[0] != (CostPart{"calls", 3_000_000, 1000, 306_849}) || len(d.Services) != 0 {
		t.Errorf("the team is %+v, want its cost, and calls as its metric", d)
	}
	var got []string
	for _, f := range d.Findings {
		got = append(got, fmt.Sprintf("%s %s %s %v of %v: %s of %s", f.Kind, f.Metric, f.Label, f.SeriesAfter, f.Series, f.Saving, f.CostPerMonth))
	}
	// A series costs 5 / 1000, and its 0.1 samples per second 0.1 × 730 × 3600 × 0.10 / 10⁶.
	want := []string{
		"label calls user 1 of 100: 3.09672 of 3.128",
		"rate lag  60 of 60: 1.314 of 1.8768",
		"rate bucket  50 of 50: 1.095 of 1.564",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	for i, f := range d.Findings {
		if f.Saving <= 0 || f.Saving > f.CostPerMonth || f.Currency != "USD" || f.Tenant != "shop" || f.Text == "" || i > 0 && f.Saving > d.Findings[i-1].Saving {
			t.Errorf("finding %d is %+v", i, f)
		}
	}
	if _, err := c.Team(t.Context(), "nobody", TeamsQuery{}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), `"nobody" is not known`) {
		t.Errorf("a team that is not known: %v, want not found", err)
	}
	if _, err := c.Team(t.Context(), "", TeamsQuery{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a team without a name: %v, want not found", err)
	}
	if d, err = c.Team(t.Context(), "ledger", TeamsQuery{}); err != nil || len(d.Findings) != 0 {
		t.Errorf("a team without a profile has findings %+v, %v", d.Findings, err)
	}
}

func TestUnowned(t *testing.T) {
	c, _ := ledgered(t, priced(t, ten, five), november(t)...)
	seen(t, c, slices.Concat(
		times(30, `unowned stray{namespace="pay",job="j1",pod="%d"}`), times(20, `unowned stray{job="j2",pod="%d"}`),
		times(5, `unowned more{namespace="odd\"}",pod="%d"}`), times(7, `unowned hidden{namespace="pay",gone="%d"}`),
		times(8, `checkout calls{namespace="pay",job="x",pod="%d"}`), times(2, `search calls{namespace="pay",job="j2",pod="%d"}`),
		times(1, `odd calls{namespace="odd\"}",pod="%d"}`))...)
	u, err := c.Unowned(t.Context(), UnownedQuery{Tenant: "shop", By: []string{"namespace", "job"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range u.Groups {
		line := fmt.Sprintf("%q %v", g.Values, g.Series.Value)
		if o := g.Owner; o != nil {
			line += fmt.Sprintf(" %s by %s of %d: %.1f %s", o.Team, o.Label, o.Series, o.Share, o.Clause.Match)
			if _, err := series.ParseSelector(o.Clause.Match); err != nil {
				t.Errorf("the clause %s: %v", o.Clause.Match, err)
			}
		}
		got = append(got, line)
	}
	want := []string{
		`["pay" "j1"] 30 checkout by namespace of 10: 0.8 {namespace="pay"}`,
		`["" "j2"] 20 search by job of 2: 1.0 {job="j2"}`,
		`["odd\"}" ""] 5 odd by namespace of 1: 1.0 {namespace="odd\"}"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unowned (-want +got):\n%s", diff)
	}
	// 55 series at 0.005, and 5.5 samples per second for 730 hours at 0.10 a million.
	if u.Series.Value != 55 || u.Cost != 275_000+1_445_400 || u.Currency != "USD" {
		t.Errorf("%v series cost %s a month, want 55 and 1.7204", u.Series, u.Cost)
	}
	if !u.Recorded || u.Month != 100_069 && u.Month != 100_068 || u.Coverage > 0.81 {
		t.Errorf("the ledger says %s and %v", u.Month, u.Coverage)
	}
	if u, err = c.Unowned(t.Context(), UnownedQuery{Tenant: "shop", Limit: 1}); err != nil || len(u.Groups) != 1 || u.Rest != 2 || len(u.By) != 3 {
		t.Errorf("the first group is %+v, %v; want two more", u, err)
	}
	for _, by := range [][]string{{"a", "a"}, {""}, {"a", "b", "c", "d", "e"}} {
		_, err := c.Unowned(t.Context(), UnownedQuery{Tenant: "shop", By: by})
		if invalid, ok := errors.AsType[*Invalid](err); !ok || invalid.Field != "by" {
			t.Errorf("by %q: %v, want it invalid", by, err)
		}
	}
}

// What a rule thins costs what is left of it.
func TestAThinnedMetricCostsWhatPasses(t *testing.T) {
	const thin = "  - {name: thin, match: 'calls', action: downsample, interval: 60s}\n"
	s := seeing(t, 0, "")
	var texts []string
	for i := range 30 {
		texts = append(texts, fmt.Sprintf(`calls{pod="p-%d"}`, i), fmt.Sprintf(`hits{pod="p-%d"}`, i))
	}
	list := sending(t, 15, texts...)
	s.learn(t, "a", list, "")
	s.load(t, thin)
	s.write(t, "a", list, 240)
	s.parts.Profiler.Count("a", []profiler.MetricSamples{{Metric: "calls", Samples: 120}, {Metric: "hits", Samples: 120}}, time.Minute)
	s.parts.Profiler.Recount(s.parts.Profiler.Clock().At(time.Now()))
	costs := func(q MetricsQuery) map[string]string {
		t.Helper()
		q.Tenant = "a"
		page, err := s.ProfileMetrics(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for i := range page.Metrics {
			got[page.Metrics[i].Metric] = fmt.Sprintf("%.5f", page.Price.OfMetric(&page.Metrics[i]))
		}
		if q.Sort == profiler.ByCost && page.Metrics[0].Metric != "hits" {
			t.Errorf("the dearest is %s, want what is not thinned", page.Metrics[0].Metric)
		}
		return got
	}
	of := func(series, perSecond float64) string {
		return fmt.Sprintf("%.5f", series/1000*2+perSecond*730*3600/1e6*0.1)
	}
	want := map[string]string{"calls": of(30, 30./60), "hits": of(30, 30./15)}
	for _, sort := range []string{profiler.BySeries, profiler.ByCost} {
		if got := costs(MetricsQuery{Sort: sort}); !cmp.Equal(got, want) {
			t.Errorf("sorted by %s, metrics cost %v, want %v", sort, got, want)
		}
	}
	want["calls"], want["hits"] = of(10, 10./60), of(10, 10./15)
	if got := costs(MetricsQuery{Match: []string{`{pod=~"p-1."}`}}); !cmp.Equal(got, want) {
		t.Errorf("a third costs %v, want %v", got, want)
	}
	s.load(t, "")
	if got := costs(MetricsQuery{}); got["hits"] != of(30, 30./15) {
		t.Errorf("without a rule metrics cost %v", got)
	}
}

func TestMetricsByCost(t *testing.T) {
	c, _ := ledgered(t, priced(t, "0", five))
	seen(t, c, slices.Concat(times(30, `a many{gone="%d"}`), times(20, `a some{pod="%d"}`), times(3, `a few{pod="%d"}`))...)
	var got []string
	for cursor := ""; ; {
		page, err := c.ProfileMetrics(t.Context(), MetricsQuery{Tenant: "shop", Sort: "cost", Limit: 1, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Metrics {
			got = append(got, fmt.Sprintf("%s %.4f", m.Metric, page.Price.OfMetric(&m)))
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"some 0.1000", "few 0.0150", "many 0.0000"}, got); diff != "" {
		t.Errorf("metrics by cost (-want +got):\n%s", diff)
	}
}
