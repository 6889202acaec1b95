package profiler

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/inventory"
)

// names returns the metrics of a page in its order.
func names(page MetricsPage) (list []string) {
	for _, m := range page.Metrics {
		list = append(list, m.Metric)
	}
	return list
}

// teamed makes n series of a metric of one team.
func teamed(metric, team string, first, n int) []series.Labels {
	list := users(metric, first, n)
	for i := range list {
		for k := range list[i] {
			if list[i][k].Name == "team" {
				list[i][k].Value = team
			}
		}
	}
	return list
}

func (f *fixture) page(t testing.TB, q Query) MetricsPage {
	t.Helper()
	q.Tenant = shop
	page, err := f.Metrics(q)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestMetricsCanBeNarrowedToATeam(t *testing.T) {
	f := newFixture(t)
	f.see(slices.Concat(teamed("both", "checkout", 0, 30), teamed("both", "search", 100, 10), teamed("mine", "checkout", 0, 5), teamed("yours", "search", 0, 7))...)
	f.count()
	page := f.page(t, Query{Judged: true, Passes: func(v inventory.Verdict, perSecond float64) (float64, bool) { return perSecond, v.Team == "checkout" }})
	if diff := cmp.Diff([]string{"both", "mine"}, names(page)); diff != "" {
		t.Fatalf("metrics (-want +got):\n%s", diff)
	}
	both, mine := page.Metrics[0], page.Metrics[1]
	if both.Series != 30 || both.Whole || mine.Series != 5 || !mine.Whole || page.TotalSeries != 35 || page.TotalForwarded != 35 {
		t.Errorf("both %v whole %v, mine %v whole %v, in all %+v; want 30 of a part, 5 of the whole, 35", both.Series, both.Whole, mine.Series, mine.Whole, page.Total)
	}
	want := []inventory.Judged{{Verdict: inventory.Verdict{Team: "checkout", Action: "keep"}, Share: 0.75}, {Verdict: inventory.Verdict{Team: "search", Action: "keep"}, Share: 0.25}}
	if diff := cmp.Diff(want, both.Judged); diff != "" {
		t.Errorf("verdicts of both (-want +got):\n%s", diff)
	}
}

func TestSamplesThatAreMeantAreAPartOfAll(t *testing.T) {
	f := newFixture(t)
	var seen []Seen
	for i, ls := range teamed("m", "checkout", 0, 40) {
		v := inventory.Verdict{Action: "keep"}
		if i < 10 {
			v.Action = "drop"
		}
		seen = append(seen, Seen{Labels: ls, Verdict: v, New: true, IntervalMs: 500})
	}
	f.Observe(shop, Sender{}, f.at, seen)
	f.count()
	f.profile(shop).metrics["m"].perSecond = 80
	half := f.page(t, Query{Passes: func(v inventory.Verdict, perSecond float64) (float64, bool) {
		return perSecond / 2, v.Action == "keep"
	}})
	if got := half.Metrics[0]; got.SamplesPerSecond != 30 || got.Series != 30 || half.TotalPerSecond != 30 {
		t.Errorf("half of the samples of %v of 40 series are %v of 80, and %v in all; want 30 and 30", got.Series, got.SamplesPerSecond, half.TotalPerSecond)
	}
}

func TestMetricsCanBeSortedByGrowth(t *testing.T) {
	f := newFixture(t)
	f.see(slices.Concat(users("grown", 0, 20), users("shrunk", 0, 30), users("fresh", 0, 5))...)
	f.count()
	before := map[string]float64{"grown": 2, "shrunk": 60}
	growth := func(metric string, series float64) float64 {
		n, ok := before[metric]
		if !ok {
			return math.Inf(-1)
		}
		return series - n
	}
	page := f.page(t, Query{Sort: ByGrowth, Growth: growth})
	if diff := cmp.Diff([]string{"grown", "shrunk", "fresh"}, names(page)); diff != "" {
		t.Errorf("by growth (-want +got):\n%s", diff)
	}
	var paged []string
	for q := (Query{Sort: ByGrowth, Growth: growth, Limit: 1}); ; {
		page := f.page(t, q)
		paged = append(paged, names(page)...)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if diff := cmp.Diff(names(page), paged); diff != "" {
		t.Errorf("in pages (-want +got):\n%s", diff)
	}
	if _, err := f.Metrics(Query{Tenant: shop, Sort: ByGrowth}); err != ErrSort {
		t.Errorf("by a growth that nobody knows: %v, want %v", err, ErrSort)
	}
	named := f.page(t, Query{Name: func(s string) bool { return strings.HasPrefix(s, "f") }})
	if diff := cmp.Diff([]string{"fresh"}, names(named)); diff != "" || named.TotalSeries != 5 {
		t.Errorf("%v series, by name (-want +got):\n%s", named.TotalSeries, diff)
	}
}
