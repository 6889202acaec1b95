package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
)

// profiled returns the API of a Headgate whose tenant t sent series: each with the
// given labels, every ten seconds.
func profiled(t *testing.T, list ...series.Labels) http.Handler {
	t.Helper()
	p, err := profiler.New(profiler.DefaultConfig(), time.Now(), func(profiler.Explosion) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var seen []profiler.Seen
	for _, ls := range list {
		ls.Sort()
		seen = append(seen, profiler.Seen{Labels: ls, Verdict: inventory.Verdict{Team: "shop", Action: "keep"}, Forwarded: ls.Get("hidden") == "", New: true, IntervalMs: 10_000})
	}
	p.Observe("t", profiler.Sender{}, p.Clock().At(time.Now()), seen)
	p.Count("t", []profiler.MetricSamples{{Metric: "calls", Samples: 100}}, 30*time.Second)
	p.Describe("t", []profiler.Account{{Metric: "calls", About: profiler.About{Type: "counter", Help: "Calls.", Unit: "calls"}}})
	return New(control.New(control.Parts{Profiler: p, Events: control.NewEvents(slog.New(slog.DiscardHandler))}))
}

// someCalls are twelve series of calls by pod and path, a third of which is hidden,
// and two of up.
func someCalls() []series.Labels {
	list := []series.Labels{
		{{Name: series.MetricName, Value: "up"}, {Name: "job", Value: "api"}},
		{{Name: series.MetricName, Value: "up"}, {Name: "job", Value: "db"}},
	}
	for i := range 12 {
		ls := series.Labels{
			{Name: series.MetricName, Value: "calls"}, {Name: "job", Value: "api"},
			{Name: "path", Value: fmt.Sprintf("/%d", i%2)}, {Name: "pod", Value: fmt.Sprintf("p-%02d", i)},
		}
		if i%3 == 0 {
			ls = append(ls, series.Label{Name: "hidden", Value: "yes"})
		}
		list = append(list, ls)
	}
	return list
}

// get decodes what h answers to a question, which must be 200.
func get(t *testing.T, h http.Handler, path string, query url.Values, into any) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, Prefix+path+"?"+query.Encode(), nil))
	if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%s?%s: %d, %s: %s", path, query.Encode(), rec.Code, rec.Header().Get("Content-Type"), rec.Body)
	}
	dec := json.NewDecoder(rec.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestProfileShapes(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	row := profiler.MetricRow{
		Metric: "a", Series: 12345.6, SeriesError: 98.7654, SeriesForwarded: 1.5, SamplesPerSecond: 823.0441234, Labels: 9, Churn: 1.0000001,
		Team: "shop", FirstSeen: at, About: profiler.About{Type: "counter", Help: "A.", Unit: "s"}, Detail: profiler.Sketched,
	}
	const metric = `"metric":"a","series":12346,"series_error":98.8,"series_forwarded":2,"samples_per_second":823.044,"churn":1,` +
		`"team":"shop","first_seen":"2026-01-02T02:04:05Z","type":"counter","help":"A.","unit":"s","detail":"sketched"`
	const as = `"as_of":"2026-01-02T02:04:05Z"`
	for _, tt := range []struct {
		name string
		got  any
		want string
	}{
		{"a page of metrics", newMetricsPage(control.MetricsPage{MetricsPage: profiler.MetricsPage{Metrics: []profiler.MetricRow{row}, Total: profiler.Total{TotalSeries: 99999.5}, TotalMetrics: 7, AsOf: at, Next: "c", LetGo: []string{"x"}}}),
			`{"metrics":[{` + metric + `,"labels":9,"cost_per_month":null,"change_1d":null,"change_1d_at_least":false,"change_7d":null,"change_7d_at_least":false,` +
				`"owners":[],"used_by":null,"last_queried":null,"priority":"","status":{"forwarded":0,"dropped":0,"downsampled":0,"shed":0}}],` +
				`"total_series":100000,"total_series_error":0,"total_series_forwarded":0,"total_samples_per_second":0,"total_cost_per_month":null,"total_metrics":7,` + as +
				`,"day_ago":null,"week_ago":null,"currency":"","let_go":["x"],"notes":[],"next_cursor":"c"}`},
		{"no metrics", newMetricsPage(control.MetricsPage{MetricsPage: profiler.MetricsPage{AsOf: at}}), `{"metrics":[],"total_series":0,"total_series_error":0,"total_series_forwarded":0,"total_samples_per_second":0,"total_cost_per_month":null,"total_metrics":0,` + as +
			`,"day_ago":null,"week_ago":null,"currency":"","let_go":[],"notes":[],"next_cursor":""}`},
		{"a metric", newMetricDetail(profiler.MetricDetail{MetricRow: row, AsOf: at, Labels: []profiler.LabelRow{
			{Label: "pod", Values: 100.4, ValuesError: 0.81234, SeriesWithout: 12.4, Reduction: 0.99899562, Top: []profiler.TopValue{{Value: "p", Series: 12, Error: 3}}}, {Label: "job"},
		}}), `{` + metric + `,"moves":null,` + as + `,"labels":[{"label":"pod","values":100,"values_error":0.812,"series_without":12,"reduction":0.998996,"top":[{"value":"p","series":12,"error":3}]},` +
			`{"label":"job","values":0,"values_error":0,"series_without":0,"reduction":0,"top":[]}]}`},
		{"a metric without labels", newMetricDetail(profiler.MetricDetail{MetricRow: row, AsOf: at}), `{` + metric + `,"moves":null,` + as + `,"labels":[]}`},
		{"labels", newLabelsPage(control.LabelsPage{Labels: []profiler.LabelsRow{{Label: "pod", Values: 1234.5, ValuesError: 9.99999, Metrics: 3, Series: 99.5}}, Next: "c"}),
			`{"labels":[{"label":"pod","values":1235,"values_error":10,"metrics":3,"series":100}],"next_cursor":"c"}`},
		{"no labels", newLabelsPage(control.LabelsPage{}), `{"labels":[],"next_cursor":""}`},
		{"series", newSeriesCount(inventory.Result{
			Series: inventory.Estimate{Value: 1000.2, Error: 19.6}, Forwarded: inventory.Estimate{Value: 900}, PerSecond: inventory.Estimate{Value: 66.666666666}, Metrics: 2,
			Groups:   []inventory.Group{{Values: []string{"p", ""}, Series: inventory.Estimate{Value: 7, Error: 1.96}, PerSecond: inventory.Estimate{Value: 0.1}}},
			Examples: []series.Labels{{{Name: series.MetricName, Value: "up"}, {Name: "job", Value: `"`}}},
		}, []string{"pod", "job"}), `{"series":1000,"series_error":10,"at_most":1020,"series_forwarded":900,"samples_per_second":66.6667,"metrics":2,` +
			`"groups":[{"by":{"job":"","pod":"p"},"series":7,"series_error":1,"samples_per_second":0.1}],"examples":["up{job=\"\\\"\"}"]}`},
		{"no series", newSeriesCount(inventory.Result{Series: inventory.Estimate{Error: 2.1}, AtMost: 2.1}, nil), `{"series":0,"series_error":1.07,"at_most":3,"series_forwarded":0,"samples_per_second":0,"metrics":0,"groups":[],"examples":[]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(tt.got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProfileOfATenant(t *testing.T) {
	h := profiled(t, someCalls()...)
	var page MetricsPage
	get(t, h, "/profile/metrics", url.Values{"tenant": {"t"}}, &page)
	if page.TotalSeries != 14 || page.TotalMetrics != 2 || len(page.Metrics) != 2 || time.Since(page.AsOf) > time.Minute {
		t.Fatalf("the page is %+v, want 14 series in 2 metrics", page)
	}
	calls := page.Metrics[0]
	if calls.Metric != "calls" || calls.Series != 12 || calls.SeriesForwarded != 8 || calls.SamplesPerSecond != 3.33333 || calls.Team != "shop" ||
		calls.Type != "counter" || calls.Help != "Calls." || calls.Unit != "calls" || calls.Detail != "exact" || calls.Labels != 4 || calls.Churn != 1 {
		t.Errorf("the first metric is %+v, want calls", calls)
	}

	var d MetricDetail
	get(t, h, "/profile/metric", url.Values{"tenant": {"t"}, "metric": {"calls"}}, &d)
	if d.Series != 12 || len(d.Labels) != 4 {
		t.Fatalf("the metric is %+v, want 12 series and 4 labels", d)
	}
	pod := d.Labels[0]
	if pod.Label != "pod" || pod.Values != 12 || pod.SeriesWithout != 4 || pod.Reduction != 0.666667 || len(pod.Top) != 10 || pod.Top[0].Series != 1 {
		t.Errorf("the first label is %+v, want pod, without which four series remain", pod)
	}

	var labels LabelsPage
	get(t, h, "/profile/labels", url.Values{"tenant": {"t"}}, &labels)
	if diff := cmp.Diff([]LabelsRow{{"pod", 12, 0, 1, 12}, {"job", 2, 0, 2, 14}, {"path", 2, 0, 1, 12}, {"hidden", 1, 0, 1, 4}}, labels.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}

	var n SeriesCount
	get(t, h, "/profile/series", url.Values{"tenant": {"t"}, "match": {`{job=~"api|x",path="/1"}`, `up`}, "by": {"job", "path"}, "examples": {"1"}}, &n)
	want := []SeriesGroup{
		{map[string]string{"job": "api", "path": "/1"}, 6, 0, 0.6}, {map[string]string{"job": "api", "path": ""}, 1, 0, 0.1}, {map[string]string{"job": "db", "path": ""}, 1, 0, 0.1},
	}
	if diff := cmp.Diff(want, n.Groups); diff != "" || n.Series != 8 || n.SeriesForwarded != 6 || n.SamplesPerSecond != 0.8 || n.Metrics != 2 || n.AtMost != 8 || len(n.Examples) != 1 {
		t.Errorf("series are %+v; groups (-want +got):\n%s", n, diff)
	}
}

func TestMatchIsRepeatedAndNotSplit(t *testing.T) {
	h := profiled(t, someCalls()...)
	for want, match := range map[int64][]string{12: {`calls{job="api",pod!=""}`}, 14: {`calls`, `up`}, 3: {`calls{pod=~"p-0[01]"}`, `up{job="api"}`}} {
		var page MetricsPage
		get(t, h, "/profile/metrics", url.Values{"tenant": {"t"}, "match": match}, &page)
		if page.TotalSeries != want {
			t.Errorf("%q matches %d series, want %d", match, page.TotalSeries, want)
		}
	}
}

func TestCursorsCoverEveryMetricOnce(t *testing.T) {
	var list []series.Labels
	var want []string
	for i := range 17 {
		name := fmt.Sprintf("m%02d", i)
		want = append(want, name)
		for n := range 1 + i%4 {
			list = append(list, series.Labels{{Name: series.MetricName, Value: name}, {Name: "n", Value: fmt.Sprint(n)}})
		}
	}
	h := profiled(t, list...)
	for _, sort := range []string{"series", "samples", "churn"} {
		var got []string
		q := url.Values{"tenant": {"t"}, "limit": {"5"}, "sort": {sort}}
		for {
			var page MetricsPage
			get(t, h, "/profile/metrics", q, &page)
			for _, m := range page.Metrics {
				got = append(got, m.Metric)
			}
			if page.NextCursor == "" {
				break
			}
			q.Set("cursor", page.NextCursor)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sorted by %s (-want +got):\n%s", sort, diff)
		}
	}
}

func TestHostileNamesComeBackAsTheyAre(t *testing.T) {
	names := []string{"</script><script>alert(1)</script>", "\x1b[2J", "a\u202eb", `"},{"metric":"x`, "温度", " ", "=cmd|' /C calc'!A0"}
	var list []series.Labels
	for _, n := range names {
		list = append(list, series.Labels{{Name: series.MetricName, Value: n}, {Name: "l" + n, Value: n}})
	}
	h := profiled(t, list...)
	for _, n := range names {
		var d MetricDetail
		get(t, h, "/profile/metric", url.Values{"tenant": {"t"}, "metric": {n}}, &d)
		if d.Metric != n || len(d.Labels) != 1 || d.Labels[0].Label != "l"+n || d.Labels[0].Top[0].Value != n {
			t.Errorf("metric %q comes back as %+v", n, d)
		}
		var c SeriesCount
		get(t, h, "/profile/series", url.Values{"tenant": {"t"}, "match": {fmt.Sprintf("{__name__=%q}", n)}, "by": {"l" + n}}, &c)
		if len(c.Groups) != 1 || c.Groups[0].By["l"+n] != n || len(c.Examples) != 1 {
			t.Errorf("the series of %q come back as %+v", n, c)
			continue
		}
		ls, err := series.ParseLabels(c.Examples[0])
		if err != nil || ls.Metric() != n {
			t.Errorf("the example %q reads as %q, %v", c.Examples[0], ls, err)
		}
	}
}

func TestProfileQueriesAreChecked(t *testing.T) {
	h := profiled(t, someCalls()...)
	for _, tt := range []struct {
		path   string
		status int
		text   string
	}{
		{"/profile/metrics?tenant=t&sort=cost", 422, "has no price"},
		{"/profile/metrics?tenant=t&sort=colour", 422, ""},
		{"/profile/metrics?tenant=t&limit=0", 422, ""},
		{"/profile/metrics?tenant=t&limit=10001", 422, ""},
		{"/profile/metrics?tenant=t&cursor=x", 422, "leave it out"},
		{"/profile/metrics?tenant=t&match=%7B", 422, "write it as in"},
		{"/profile/metrics?tenant=t&match=" + strings.Repeat("up&match=", 64) + "up", 422, ""},
		{"/profile/metrics?tenant=a/b", 422, "tenant"},
		{"/profile/metric?tenant=t", 422, "metric"},
		{"/profile/metric?tenant=t&metric=", 422, "metric"},
		{"/profile/metric?tenant=t&metric=none", 404, "profile/metrics lists those that are known"},
		{"/profile/metric?tenant=none&metric=calls", 404, ""},
		{"/profile/labels?tenant=t&limit=x", 422, ""},
		{"/profile/labels?tenant=t&cursor=x", 422, "leave it out"},
		{"/profile/series?tenant=t", 422, "match"},
		{"/profile/series?tenant=t&match=up&examples=101", 422, ""},
		{"/profile/series?tenant=t&match=up&by=job&by=job", 422, "each label once"},
		{"/status/tsdb?tenant=t&limit=0", 422, ""},
	} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, Prefix+tt.path, nil))
		wantProblem(t, rec, tt.status)
		if !strings.Contains(rec.Body.String(), tt.text) {
			t.Errorf("%.80s: %s, want it to say %q", tt.path, rec.Body, tt.text)
		}
	}
}

func TestAProfileThatIsOff(t *testing.T) {
	h := New(control.New(control.Parts{Events: control.NewEvents(slog.New(slog.DiscardHandler))}))
	for _, path := range []string{"/profile/metrics", "/profile/metric?metric=up", "/profile/labels", "/profile/series?match=up", "/status/tsdb"} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, Prefix+path, nil))
		wantProblem(t, rec, http.StatusNotFound)
		if !strings.Contains(rec.Body.String(), "profiler.memory_limit_bytes is 0") {
			t.Errorf("%s: %s, want it to say why", path, rec.Body)
		}
	}
}
