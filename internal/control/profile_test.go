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

	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
)

// profiling returns a Control of a gateway with a profiler that has seen series of
// a tenant, given as PromQL writes them.
func profiling(t *testing.T, id tenant.ID, texts ...string) *Control {
	t.Helper()
	p, err := profiler.New(profiler.DefaultConfig(), time.Now(), func(profiler.Explosion) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var seen []profiler.Seen
	for _, text := range texts {
		ls, err := ParseSeries(text)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, profiler.Seen{Labels: ls, Verdict: inventory.Verdict{Team: "shop", Action: "keep"}, Forwarded: true, New: true, IntervalMs: 10_000})
	}
	p.Observe(id, profiler.Sender{}, p.Clock().At(time.Now()), seen)
	c := govern(t, nil)
	c.parts.Profiler = p
	return c.Control
}

// calls are n series of one metric, by pod.
func calls(metric string, n int) []string {
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprintf(`%s{job="api",pod="p-%d"}`, metric, i))
	}
	return texts
}

func TestProfileThatIsOff(t *testing.T) {
	c := govern(t, nil)
	for name, ask := range map[string]func() error{
		"metrics": func() error { _, err := c.ProfileMetrics(t.Context(), MetricsQuery{}); return err },
		"metric":  func() error { _, err := c.ProfileMetric("", "up"); return err },
		"labels":  func() error { _, err := c.ProfileLabels(LabelsQuery{}); return err },
		"series":  func() error { _, err := c.ProfileSeries(SeriesQuery{Match: []string{"up"}}); return err },
		"tsdb":    func() error { _, err := c.TSDB("", 10); return err },
	} {
		if err := ask(); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "profiler.memory_limit_bytes is 0") {
			t.Errorf("%s: %v, want not found, because profiler.memory_limit_bytes is 0", name, err)
		}
	}
}

func TestProfileMetrics(t *testing.T) {
	c := profiling(t, "default", slices.Concat(calls("many", 5), calls("few", 2), []string{"up"})...)
	page, err := c.ProfileMetrics(t.Context(), MetricsQuery{Match: []string{`{job="api"}`}})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Metrics) != 2 || page.Metrics[0].Metric != "many" || page.TotalSeries != 7 || page.TotalMetrics != 2 {
		t.Errorf("the page of senders that name no tenant is %+v, want many and few", page)
	}
	if page, err = c.ProfileMetrics(t.Context(), MetricsQuery{Tenant: "other"}); err != nil || page.TotalMetrics != 0 {
		t.Errorf("the page of another tenant is %+v, %v; want nothing", page, err)
	}
}

func TestPagesHoldEveryMetricOnce(t *testing.T) {
	const metrics, perPage = 23, 4
	var texts, want []string
	for i := range metrics {
		name := fmt.Sprintf("m%02d", i)
		texts, want = append(texts, calls(name, 1+i/5)...), append(want, name)
	}
	c := profiling(t, "a", texts...)
	for _, sort := range []string{"", "series", "samples", "churn"} {
		var got []string
		q := MetricsQuery{Tenant: "a", Sort: sort, Limit: perPage}
		for {
			page, err := c.ProfileMetrics(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Metrics {
				got = append(got, m.Metric)
			}
			if page.TotalMetrics != metrics {
				t.Fatalf("sorted by %q, a page tells of %d metrics, want %d", sort, page.TotalMetrics, metrics)
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sorted by %q, pages hold (-want +got):\n%s", sort, diff)
		}
	}
}

func TestPagesHoldEveryLabelOnce(t *testing.T) {
	var texts, want []string
	for i := range 11 {
		name := fmt.Sprintf("l%02d", i)
		texts, want = append(texts, fmt.Sprintf(`m{%s="v"}`, name)), append(want, name)
	}
	c := profiling(t, "a", append(texts, calls("m", 3)...)...)
	var got []string
	q := LabelsQuery{Tenant: "a", Limit: 2}
	for {
		page, err := c.ProfileLabels(q)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page.Labels {
			got = append(got, l.Label)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if diff := cmp.Diff(slices.Concat([]string{"pod", "job"}, want), got); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	behind := labelsCursor(profiler.LabelsRow{Label: "z"})
	if page, err := c.ProfileLabels(LabelsQuery{Tenant: "a", Cursor: behind}); err != nil || len(page.Labels) != 0 {
		t.Errorf("behind all labels are %+v, %v; want none", page, err)
	}
}

func TestProfileMetric(t *testing.T) {
	c := profiling(t, "a", calls("many", 5)...)
	d, err := c.ProfileMetric("a", "many")
	if err != nil {
		t.Fatal(err)
	}
	if d.Series != 5 || len(d.Labels) != 2 || d.Labels[0].Label != "pod" || d.Labels[0].SeriesWithout != 1 {
		t.Errorf("the metric is %+v, want one series without pod", d)
	}
	if _, err := c.ProfileMetric("a", "none"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), `metric "none" is not known`) {
		t.Errorf("a metric that is not known: %v, want not found", err)
	}
}

func TestProfileSeries(t *testing.T) {
	c := profiling(t, "a", slices.Concat(calls("many", 5), calls("few", 2), []string{"up"})...)
	r, err := c.ProfileSeries(SeriesQuery{Tenant: "a", Match: []string{`{job="api"}`}, By: []string{"pod"}, Limit: 3, Examples: 2})
	if err != nil {
		t.Fatal(err)
	}
	var groups []string
	for _, g := range r.Groups {
		groups = append(groups, fmt.Sprintf("%s %v", g.Values, g.Series.Value))
	}
	if diff := cmp.Diff([]string{"[p-0] 2", "[p-1] 2", "[p-2] 1"}, groups); diff != "" || r.Series.Value != 7 || r.Metrics != 2 || len(r.Examples) != 2 {
		t.Errorf("%v series of %d metrics with %d examples, by pod (-want +got):\n%s", r.Series, r.Metrics, len(r.Examples), diff)
	}
}

func TestTSDB(t *testing.T) {
	c := profiling(t, "default", slices.Concat(calls("many", 5), []string{"up"})...)
	s, err := c.TSDB("", 1)
	if err != nil {
		t.Fatal(err)
	}
	if s.NumSeries != 6 || len(s.SeriesByMetric) != 1 || s.SeriesByMetric[0] != (profiler.NamedCount{Name: "many", Value: 5}) {
		t.Errorf("the statistics are %+v, want 6 series, 5 of many", s)
	}
}

func TestProfileRefuses(t *testing.T) {
	c := profiling(t, "a", "up")
	metrics := func(q MetricsQuery) error { _, err := c.ProfileMetrics(t.Context(), q); return err }
	labels := func(q LabelsQuery) error { _, err := c.ProfileLabels(q); return err }
	series := func(q SeriesQuery) error { _, err := c.ProfileSeries(q); return err }
	for _, tt := range []struct {
		field string
		err   error
		text  string
	}{
		{"tenant", metrics(MetricsQuery{Tenant: "a/b"}), ""},
		{"match", metrics(MetricsQuery{Match: []string{"up", "{"}}), "write it as in"},
		{"sort", metrics(MetricsQuery{Sort: "cost"}), "tenant default has no price"},
		{"sort", metrics(MetricsQuery{Sort: "colour"}), "series, samples, churn, cost"},
		{"cursor", metrics(MetricsQuery{Tenant: "a", Cursor: "!"}), "leave it out"},
		{"cursor", labels(LabelsQuery{Tenant: "a", Cursor: "AAAA"}), "leave it out"},
		{"match", series(SeriesQuery{}), "which series?"},
		{"by", series(SeriesQuery{Match: []string{"up"}, By: []string{"pod", "pod"}}), "each label once"},
		{"by", series(SeriesQuery{Match: []string{"up"}, By: []string{""}}), "each label once"},
	} {
		invalid, ok := errors.AsType[*Invalid](tt.err)
		if !ok || invalid.Field != tt.field || !strings.Contains(invalid.Text, tt.text) {
			t.Errorf("%v, want %s to be invalid: %s", tt.err, tt.field, tt.text)
		}
	}
	if _, err := c.ProfileMetric("a", ""); err == nil {
		t.Error("no metric is profiled")
	}
}
