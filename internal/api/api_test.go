package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/rules"
)

func serve(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	New(control.New(control.Parts{})).ServeHTTP(rec, r)
	return rec
}

// wantProblem checks that an answer is a problem of RFC 9457.
func wantProblem(t *testing.T, rec *httptest.ResponseRecorder, status int) {
	t.Helper()
	var p struct {
		Title, Detail string
		Status        int
	}
	if rec.Code != status || rec.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatalf("the answer is %d, %s: %s; want the problem %d", rec.Code, rec.Header().Get("Content-Type"), rec.Body, status)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || p.Status != status || p.Title != http.StatusText(status) || p.Detail == "" {
		t.Errorf("the problem is %s (%v), want status, title and detail", rec.Body, err)
	}
	if rec.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Error("browsers may guess the type of the answer")
	}
}

func TestRoutes(t *testing.T) {
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	rec := serve(http.MethodGet, "/api/v1/openapi.json", "")
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var got []string
	for path, methods := range doc.Paths {
		for m := range methods {
			got = append(got, strings.ToUpper(m)+" "+path)
		}
	}
	slices.Sort(got)
	want := []string{
		"DELETE /api/v1/bypass",
		"DELETE /api/v1/limits/{tenant}",
		"DELETE /api/v1/rules/{name}",
		"DELETE /api/v1/tokens/{id}",
		"GET /api/v1/audit",
		"GET /api/v1/budgets",
		"GET /api/v1/bypass",
		"GET /api/v1/costs",
		"GET /api/v1/costs/figure",
		"GET /api/v1/costs/summary",
		"GET /api/v1/events",
		"GET /api/v1/explain",
		"GET /api/v1/flow",
		"GET /api/v1/limits",
		"GET /api/v1/limits/{tenant}",
		"GET /api/v1/limits/{tenant}/history",
		"GET /api/v1/owners",
		"GET /api/v1/owners/problems",
		"GET /api/v1/prices",
		"GET /api/v1/profile/labels",
		"GET /api/v1/profile/metric",
		"GET /api/v1/profile/metrics",
		"GET /api/v1/profile/series",
		"GET /api/v1/recommendations",
		"GET /api/v1/rules",
		"GET /api/v1/rules/{name}",
		"GET /api/v1/rules/{name}/history",
		"GET /api/v1/status",
		"GET /api/v1/status/buildinfo",
		"GET /api/v1/status/tsdb",
		"GET /api/v1/teams",
		"GET /api/v1/teams/{team}",
		"GET /api/v1/tokens",
		"GET /api/v1/unowned",
		"GET /api/v1/usage",
		"GET /api/v1/usage/breaks",
		"GET /api/v1/usage/problems",
		"POST /api/v1/bypass",
		"POST /api/v1/rules",
		"POST /api/v1/rules/preview",
		"POST /api/v1/rules/{name}/revert",
		"POST /api/v1/tokens", "POST /api/v1/usage/queries",
		"PUT /api/v1/budgets",
		"PUT /api/v1/limits/{tenant}",
		"PUT /api/v1/owners",
		"PUT /api/v1/prices",
		"PUT /api/v1/rules/{name}",
	}
	if diff := cmp.Diff(want, got); diff != "" || !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("OpenAPI %s, routes (-want +got):\n%s", doc.OpenAPI, diff)
	}
}

func TestWhatHasNoRouteIsAProblem(t *testing.T) {
	wantProblem(t, serve(http.MethodGet, "/api/v1/nothing", ""), http.StatusNotFound)
	rec := serve(http.MethodPost, "/api/v1/rules/a", "{}")
	wantProblem(t, rec, http.StatusMethodNotAllowed)
	if allow := rec.Header().Get("Allow"); allow != "DELETE, GET, HEAD, PUT" {
		t.Errorf("Allow is %q, want DELETE, GET, HEAD, PUT", allow)
	}
}

func TestBodiesAreLimited(t *testing.T) {
	json := []string{"Content-Type", "application/json"}
	wantProblem(t, serve(http.MethodPost, "/api/v1/bypass", `{"for":"1h","reason":"`+strings.Repeat("x", maxBody)+`"}`, json...), http.StatusRequestEntityTooLarge)
	wantProblem(t, serve(http.MethodPost, "/api/v1/bypass", `{"for":`, json...), http.StatusBadRequest)
	wantProblem(t, serve(http.MethodPost, "/api/v1/bypass", `for: 1h`, "Content-Type", "application/yaml"), http.StatusUnsupportedMediaType)
	wantProblem(t, serve(http.MethodPost, "/api/v1/bypass", ``), http.StatusBadRequest)
}

func TestQueriesAreChecked(t *testing.T) {
	for _, path := range []string{"/api/v1/flow?tenent=a", "/api/v1/flow?by=colour", "/api/v1/flow?from=yesterday", "/api/v1/explain", "/api/v1/events?to=1"} {
		wantProblem(t, serve(http.MethodGet, path, ""), http.StatusUnprocessableEntity)
	}
}

func TestShapes(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	counts := control.Counts{Received: 21, Forwarded: 1, Dropped: 2, Downsampled: 3, Shed: 4, Rejected: 5, Failed: 6}
	flow := control.Flow{From: at, To: at, Counts: counts, Rows: []control.FlowRow{{Key: "a"}, {Key: "", Shadow: true, WouldRemove: 7}}}
	parsed, problems := rules.ParseFile("r.yml", []byte("rules: [{name: a, match: [up, down], action: downsample, interval: 60s, team: t}, {name: b, match: up, action: drop, mode: shadow}]"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	const numbers = `"received":21,"forwarded":1,"dropped":2,"downsampled":3,"shed":4,"rejected":5,"failed":6`
	const zeros = `"received":0,"forwarded":0,"dropped":0,"downsampled":0,"shed":0,"rejected":0,"failed":0`
	const span = `{"from":"2026-01-02T02:04:05Z","to":"2026-01-02T02:04:05Z",` + numbers
	tests := []struct {
		name string
		got  any
		want string
	}{
		{"a flow", newFlow(control.Flow{From: at, To: at, Counts: counts}, ""), span + `}`},
		{"a flow by team that is empty", newFlow(control.Flow{From: at, To: at, Counts: counts}, "team"), span + `,"rows":[]}`},
		{"a flow by metric", newFlow(control.Flow{From: at, To: at, Counts: counts, Rows: flow.Rows[:1]}, "metric"), span + `,"rows":[{"metric":"a",` + zeros + `}]}`},
		{"a flow by team", newFlow(control.Flow{From: at, To: at, Counts: counts, Rows: flow.Rows[:1]}, "team"), span + `,"rows":[{"team":"a",` + zeros + `}]}`},
		{"a flow by rule", newFlow(flow, "rule"), span + `,"rows":[{"rule":"a",` + zeros + `},{"rule":"",` + zeros + `,"would_remove":7}]}`},
		{"an explanation", NewExplanation(control.Explanation{
			Steps:  []control.ExplainStep{{Step: "rule", Name: "a", Matched: true, Detail: "drop"}},
			Action: "drop", Rule: "a", Priority: "low", Team: "t", Pool: "p", Shed: true, Outcome: "dropped", At: at,
			Sighting: profiler.Sighting{Known: true, Active: true, First: at, Last: at, Within: time.Minute}, PerSecond: 1. / 15, Passing: 0, Cost: 7, Currency: "EUR", Notes: []string{"n"},
		}), `{"steps":[{"step":"rule","name":"a","matched":true,"detail":"drop"}],"verdict":{"action":"drop","rule":"a","priority":"low","team":"t","pool":"p","shed":true},"last":{"outcome":"dropped","at":"2026-01-02T02:04:05Z"},"samples_per_second":0.0666667,"samples_per_second_passing":0,"cost_per_month_micro":7,"currency":"EUR",` +
			`"sighting":{"active":true,"first_seen":"2026-01-02T02:04:05Z","last_seen_from":"2026-01-02T02:04:05Z","last_seen_until":"2026-01-02T02:05:05Z"},"notes":["n"]}`},
		{"an explanation of a series not seen", NewExplanation(control.Explanation{Action: "keep", Priority: "default", Refused: "no"}),
			`{"steps":[],"verdict":{"action":"keep","rule":"","priority":"default","team":"","refused":"no"},"last":null,"samples_per_second":0,"samples_per_second_passing":0,"cost_per_month_micro":0,"currency":"","sighting":null,"notes":[]}`},
		{"a rule", newRule(control.Rule{Rule: parsed[0], Source: control.FromFile, Position: 1, State: "active", RemovedSamplesPerSecond: 1.5}, control.Matched{}),
			`{"name":"a","match":["up","down"],"action":"downsample","interval":"1m","when":"always","mode":"enforce","team":"t","source":"file","file":"r.yml","line":1,"position":1,"revision":0,"state":"active","matched_series":null,"removed_samples_per_second":1.5}`},
		{"a rule of one selector", newRule(control.Rule{Rule: parsed[1], Source: control.FromAPI, Position: 2, Revision: 7, UpdatedAt: at.UTC(), UpdatedBy: "ann", State: "shadow"}, control.Matched{Series: 10.4, Error: 1.2, Known: true}),
			`{"name":"b","match":"up","action":"drop","when":"always","mode":"shadow","source":"api","file":"r.yml","line":1,"position":2,"revision":7,"updated_at":"2026-01-02T02:04:05Z","updated_by":"ann","state":"shadow","matched_series":10,"matched_series_error":2,"removed_samples_per_second":0}`},
		{"no bypass", newBypass(nil), `{"active":false}`},
		{"a bypass", newBypass(&control.Bypass{Until: at, Reason: "r"}), `{"active":true,"until":"2026-01-02T02:04:05Z","reason":"r"}`},
	}
	for _, tt := range tests {
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
