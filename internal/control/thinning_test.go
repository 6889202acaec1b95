package control

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage/querylog"
)

// A gauge is a metric of twenty series with a sample every ten seconds.
type gauge struct {
	about string // its type; "" where senders say nothing
	parts int    // for how many it is seen; 0: for two windows and one part more
	value func(series int, part int64) float64
}

func constant(int, int64) float64 { return 7 }

// shopOfGauges returns a Control of a profile that has seen gauges, up to now.
func shopOfGauges(t *testing.T, gauges map[string]gauge) *Control {
	t.Helper()
	c := profiling(t, "a")
	p := c.parts.Profiler
	now := p.Clock().At(time.Now())
	for name, g := range gauges {
		parts := g.parts
		if parts == 0 {
			parts = 2*sketch.Parts + 1
		}
		for part := range int64(parts) {
			at := now
			at.Part += part - int64(parts) + 1
			var seen []profiler.Seen
			for i := range 20 {
				seen = append(seen, profiler.Seen{
					Labels:  series.Labels{{Name: series.MetricName, Value: name}, {Name: "disk", Value: fmt.Sprint("d-", i)}},
					Verdict: inventory.Verdict{Action: "keep"}, Forwarded: true, IntervalMs: 10_000,
					Value: math.Float64bits(g.value(i, part)), Valued: true,
				})
			}
			p.Observe("a", profiler.Sender{}, at, seen)
		}
		if g.about != "" {
			p.Describe("a", []profiler.Account{{Metric: name, About: profiler.About{Type: g.about}}})
		}
	}
	return c
}

// thinned recommends, and returns what is thinned, as its kind and interval.
func thinned(t *testing.T, c *Control) map[string]string {
	t.Helper()
	found, err := c.Recommend(t.Context(), RecommendQuery{Tenant: "a", Limit: 40})
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for _, r := range found.List {
		if r.Rule.Action == rules.Downsample.String() {
			list[r.Metric] = r.Kind + " " + r.Rule.Interval
		}
	}
	return list
}

func TestSlowGaugesAreFound(t *testing.T) {
	hourly := func(_ int, part int64) float64 { return float64(part / sketch.Parts) }
	always := func(_ int, part int64) float64 { return float64(part) }
	one := func(i int, part int64) float64 { return float64(part * (1 - int64(min(i, 1)))) }
	c := shopOfGauges(t, map[string]gauge{
		"constant":            {value: constant},
		"hourly":              {about: "gauge", value: hourly},
		"nan":                 {about: "gauge", value: func(int, int64) float64 { return math.NaN() }},
		"build_info":          {about: "info", value: constant},
		"fast":                {about: "gauge", value: always},
		"one_is_fast":         {about: "gauge", value: one},
		"young":               {about: "gauge", value: constant, parts: sketch.Parts},
		"idle_total":          {value: constant},
		"idle":                {about: "counter", value: constant},
		"a_gauge_named_total": {about: "gauge", value: constant},
	})
	frequent := map[string]string{
		"fast": "frequent 1m", "one_is_fast": "frequent 1m", "young": "frequent 1m", "idle_total": "frequent 30s", "idle": "frequent 30s",
	}
	want := func(interval string) map[string]string {
		list := map[string]string{}
		for name, kind := range frequent {
			list[name] = kind
		}
		for _, name := range []string{"constant", "hourly", "nan", "build_info", "a_gauge_named_total"} {
			list[name] = "slow " + interval
		}
		return list
	}
	if diff := cmp.Diff(want("1m"), thinned(t, c)); diff != "" {
		t.Errorf("while it is not known what queries need (-want +got):\n%s", diff)
	}
	c.parts.Usage = asking(t, map[string]string{"Other": "other > 0"})
	if diff := cmp.Diff(want("4m"), thinned(t, c)); diff != "" {
		t.Errorf("with queries that need others (-want +got):\n%s", diff)
	}
	c.parts.Asked = &querylog.Evidence{}
	c.parts.Asked.Watch(time.Now())
	c.parts.Asked.Note("constant", time.Now(), 1, querylog.Source{})
	c.parts.Asked.Note("avg_over_time(hourly[2m])", time.Now(), 1, querylog.Source{})
	some := want("4m")
	some["hourly"] = "slow 1m"
	if diff := cmp.Diff(some, thinned(t, c)); diff != "" {
		t.Errorf("with queries of unknown ranges (-want +got):\n%s", diff)
	}
}

// The longest interval is chosen at which every query that is known works; where
// none is, nothing is recommended.
func TestSlowGaugesAreThinnedToWhatQueriesAllow(t *testing.T) {
	for expr, want := range map[string]string{
		"free > 5":                         "slow 4m",
		"max_over_time(free[1h]) > 5":      "", // a peak may be missed
		"quantile_over_time(0, free[1h])":  "", // and so may this
		"avg_over_time(free[5m]) > 5":      "slow 2m",
		"last_over_time(free[2m]) > 5":     "slow 1m",
		"delta(free[1m]) > 5":              "",
		"delta(free[5m]) > 5":              "slow 1m",
		`{__name__=~"fr.*"} > 5`:           "slow 4m",
		"rate(free[30s]) > 5 or free == 0": "",
	} {
		c := shopOfGauges(t, map[string]gauge{"free": {about: "gauge", value: constant}})
		c.parts.Usage = asking(t, map[string]string{"A": expr})
		if got := thinned(t, c)["free"]; got != want {
			t.Errorf("with %s it is thinned to %q, want %q", expr, got, want)
		}
	}
}

func TestSlowGaugesSayWhatWasSeen(t *testing.T) {
	c := shopOfGauges(t, map[string]gauge{"free": {about: "gauge", value: func(i int, part int64) float64 { return float64(int64(min(i, 1)) * part / sketch.Parts) }}})
	found, err := c.Recommend(t.Context(), RecommendQuery{Tenant: "a"})
	if err != nil || len(found.List) != 1 {
		t.Fatalf("%+v, %v; want one", found.List, err)
	}
	r := found.List[0]
	if want := "The values of free seldom change. In up to 2 hours, 38 of 240 looks at 20 series found a new value. Its 20 series have a sample every 10s; the rule keeps one in 1m,"; !strings.HasPrefix(r.Text, want) {
		t.Errorf("the text is %q, want %q", r.Text, want)
	}
	if !strings.Contains(r.Loses, "looks are 10m apart") {
		t.Errorf("it loses %q", r.Loses)
	}
	if parsed, problems := rules.ParseFile("r.yml", []byte(r.YAML)); len(problems) > 0 || len(parsed) != 1 || parsed[0].Mode != rules.Shadow || parsed[0].Interval != time.Minute {
		t.Errorf("the rule is %v, %v", parsed, problems)
	}
	if removed := r.Preview.SamplesRemoved.Value; !near(removed, 20*(1./10-1./60)) || r.Preview.Removed.Value != 0 {
		t.Errorf("the preview removes %v samples a second and %v series", removed, r.Preview.Removed)
	}
}
