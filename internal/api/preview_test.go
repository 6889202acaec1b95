package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

// previewing returns the API of a Headgate with a price and one rule, whose default
// tenant sent series, each every ten seconds.
func previewing(t *testing.T, list ...series.Labels) http.Handler {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	p, err := profiler.New(profiler.DefaultConfig(), time.Now(), func(profiler.Explosion) {}, log)
	if err != nil {
		t.Fatal(err)
	}
	var seen []profiler.Seen
	for _, ls := range list {
		ls.Sort()
		seen = append(seen, profiler.Seen{Labels: ls, Verdict: inventory.Verdict{Team: "shop", Action: "keep"}, Forwarded: true, New: true, IntervalMs: 10_000})
	}
	p.Observe("default", profiler.Sender{}, p.Clock().At(time.Now()), seen)
	engine := rules.NewEngine()
	rs, problems := rules.ParseFile("r.yml", []byte("rules:\n  - {name: drop-some, match: 'calls{path=\"/0\"}', action: drop}\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := engine.Load(rs); err != nil {
		t.Fatal(err)
	}
	policies, err := control.NewPolicies(control.PolicyFile{Config: attribution.Config{Prices: attribution.Prices{{Currency: "EUR", PerMillionSamples: 1e11, PerThousandSeriesMonth: 2e12}}}}, func() control.PolicyStore { return nil }, log)
	if err != nil {
		t.Fatal(err)
	}
	return New(control.New(control.Parts{Rules: engine, Profiler: p, Policies: policies, Events: control.NewEvents(log)}))
}

func post(h http.Handler, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, Prefix+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestPreviewShape(t *testing.T) {
	h := previewing(t, someCalls()...)
	rec := post(h, "/rules/preview", `{"name":"drop-calls","match":["calls{pod=~\"p-0.\"}","none"],"action":"drop","reason":"INC-1"}`)
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	// Ten of twelve series match, half of which drop-some takes: 5 series are
	// 0.01 EUR, and 0.5 samples a second for 730 hours 0.1314 EUR.
	const part = `"series_removed":5,"series_error":0,"samples_per_second_removed":0.5,"cost_per_month_micro_removed":141400}`
	const none = `{"count":0,"series_removed":0,"series_error":0,"samples_per_second_removed":0,"cost_per_month_micro_removed":0}`
	want := `{"series":{"before":14,"matched":10,"removed":5,"error":0,"thinned":0,"restored":0,"at_most":0},` +
		`"samples_per_second":{"before":1.4,"removed":0.5,"error":0,"restored":0},"cost_per_month_micro":{"removed":141400},"currency":"EUR","exact":true,"replaces":false,` +
		`"tenants":[{"tenant":"default",` + part + `],"teams":[{"team":"shop",` + part + `],"metrics":[{"metric":"calls",` + part + `],` +
		`"tenants_rest":` + none + `,"teams_rest":` + none + `,"metrics_rest":` + none + `,"examples":EXAMPLES,"torn_families":[],` +
		`"conflicts":[{"rule":"drop-some","kind":"shadowed_by","series":5,"series_error":0}],"breaks":[],` +
		`"notes":["The rule is for every tenant: 1 were looked at.","No rule files or dashboards are loaded, so it is not known what the rule would break."]}`
	var p Preview
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	examples, err := json.Marshal(p.Examples)
	if err != nil || len(p.Examples) != 5 {
		t.Fatalf("%d examples, %v; want 5", len(p.Examples), err)
	}
	if diff := cmp.Diff(strings.Replace(want, "EXAMPLES", string(examples), 1), strings.TrimSpace(rec.Body.String())); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestPreviewsAreChecked(t *testing.T) {
	h := previewing(t)
	long := strings.Repeat("a", 5000)
	for _, tt := range []struct {
		body   string
		status int
		text   string
	}{
		{`{"match":"{","action":"drop"}`, 422, "match"},
		{`{"match":["up","{"],"action":"drop"}`, 422, "match[1]"},
		{`{"match":[],"action":"drop"}`, 422, "a rule needs a selector"},
		{`{"match":"{__name__=~\".*\"}","action":"drop"}`, 422, "matches the empty series"},
		{`{"match":"{a=~\"(\"}","action":"drop"}`, 422, "match"},
		{`{"match":"{a=~\"` + long + `\"}","action":"drop"}`, 422, "the limit is 4096"},
		{`{"match":"{a=~\"((a{1,1000}){1,1000}){1,1000}\"}","action":"drop"}`, 422, "match"},
		{`{"match":"up","action":"explode"}`, 422, "action"},
		{`{"match":"up","action":"drop","tenant":"a/b"}`, 422, "tenant"},
		{`{"match":"up","action":"downsample"}`, 422, "interval"},
		{`{"match":"up","action":"drop","when":"never"}`, 422, "when"},
		{`{"match":"up","action":"drop","colour":"red"}`, 422, "colour"},
		{`{"match":7,"action":"drop"}`, 422, "match"},
		{`{"action":"drop"}`, 422, "match"},
		{`{`, 400, ""},
		{`{"match":"up","action":"drop","reason":"` + strings.Repeat("x", maxBody) + `"}`, 413, ""},
	} {
		rec := post(h, "/rules/preview", tt.body)
		wantProblem(t, rec, tt.status)
		if !strings.Contains(rec.Body.String(), tt.text) {
			t.Errorf("%.80s: %s, want it to say %q", tt.body, rec.Body, tt.text)
		}
	}
}

// A thousand selectors, and hostile names, come back as they are.
func TestPreviewsOfHostileRules(t *testing.T) {
	names := []string{"</script>", "\x1b[2J", "a\u202eb", `"},{"metric":"x`, "温度", "=cmd|' /C calc'!A0"}
	var list []series.Labels
	for _, n := range names {
		list = append(list, series.Labels{{Name: series.MetricName, Value: n}, {Name: "l" + n, Value: n}})
	}
	h := previewing(t, list...)
	var match []string
	for i := range 995 {
		match = append(match, fmt.Sprintf(`{a%d=~"(x|y)*z.*%d"}`, i, i))
	}
	match = append(match, `{__name__=~".+"}`)
	body, err := json.Marshal(map[string]any{"match": match, "action": "drop"})
	if err != nil {
		t.Fatal(err)
	}
	rec := post(h, "/rules/preview", string(body))
	var p Preview
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if p.Series.Removed != int64(len(names)) || len(p.Metrics) != len(names) || len(p.Examples) != len(names) {
		t.Errorf("the preview is %+v, want %d series", p, len(names))
	}
	for _, e := range p.Examples {
		if _, err := series.ParseLabels(e); err != nil {
			t.Errorf("the example %q does not read as a series: %v", e, err)
		}
	}
}
