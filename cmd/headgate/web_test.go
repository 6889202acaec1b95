package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/api"
)

func TestTheWebListener(t *testing.T) {
	r := launch(t, nil)
	for path, want := range map[string]string{
		"/":                        "/api/v1/flow",
		"/-/healthy":               "healthy",
		"/-/ready":                 "ready",
		"/metrics":                 "headgate_build_info",
		"/debug/pprof/":            "goroutine",
		"/api/v1/status/buildinfo": `"goVersion":"go`,
		"/api/v1/openapi.json":     `"openapi":"3.1.0"`,
		"/api/v1/rules":            `{"rules":[],"next_cursor":""}`,
		"/api/v1/bypass":           `{"active":false}`,
		"/api/v1/events":           `{"events":[]}`,
	} {
		if text := r.get(path, http.StatusOK); !strings.Contains(text, want) {
			t.Errorf("GET %s: %.300s, want %s in it", path, text, want)
		}
	}
	r.get("/nothing", http.StatusNotFound)
	if resp, _ := r.do(http.MethodPost, r.web, "/api/v1/write", nil, nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("POST /api/v1/write: %s, want 404", resp.Status)
	}
}

func TestBrowsersGetPages(t *testing.T) {
	r := launch(t, nil, "--web.external-url=https://metrics.example/headgate/")
	resp, text := r.do(http.MethodGet, r.web, "/", nil, header("Accept", "text/html"))
	if resp.StatusCode != http.StatusOK || !strings.Contains(text, "remote_write:") || !strings.Contains(text, "/api/v1/write") || !strings.Contains(text, `href="/headgate/profile/metrics"`) {
		t.Errorf("GET /: %s %.2000s, want the page of the first run below /headgate", resp.Status, text)
	}
	if resp, _ := r.do(http.MethodGet, r.web, "/status", nil, header("Accept", "text/html")); resp.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("GET /status: %s without a policy", resp.Status)
	}
}

func TestOtherSitesCannotChangeAnything(t *testing.T) {
	r := launch(t, nil, "--web.enable-lifecycle", "--web.external-url=https://metrics.example/headgate/")
	post := func(address, path, origin string) int {
		resp, _ := r.do(http.MethodPost, address, path, []byte(`{"for":"1h"}`), header("Content-Type", "application/json", "Origin", origin))
		return resp.StatusCode
	}
	for _, path := range []string{"/-/reload", "/api/v1/bypass"} {
		if got := post(r.web, path, "https://evil.example"); got != http.StatusForbidden {
			t.Errorf("POST %s of another site: %d, want 403", path, got)
		}
		if got := post(r.web, path, "https://metrics.example"); got != http.StatusOK {
			t.Errorf("POST %s of the external URL: %d, want 200", path, got)
		}
	}
	if got := post(r.ingest, "/api/v1/write", "https://evil.example"); got != http.StatusForbidden {
		t.Errorf("a write of another site: %d, want 403", got)
	}
}

func TestTheBypassByAPI(t *testing.T) {
	up := newStore(t)
	r := launch(t, map[string]string{"headgate.yml": configFor(up.URL, ruleFiles), "rules/a.yml": someRules}, "--config.file=DIR/headgate.yml")
	post := func(body string) (int, string) {
		resp, text := r.do(http.MethodPost, r.web, "/api/v1/bypass", []byte(body), header("Content-Type", "application/json"))
		if resp.StatusCode != http.StatusOK && resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("POST %s: the error is %s", body, resp.Header.Get("Content-Type"))
		}
		return resp.StatusCode, text
	}
	for _, body := range []string{`{"for":"soon"}`, `{"for":"0s"}`, `{"for":"800h"}`, `{}`, `{"for":"1h","reasn":"x"}`} {
		if status, text := post(body); status != http.StatusUnprocessableEntity {
			t.Errorf("POST %s: %d %s, want 422", body, status, text)
		}
	}
	r.wantSent(wire1, wire1.body(t, 1000, "debug_calls"))
	if status, text := post(`{"for":"1h","reason":"a bad night"}`); status != http.StatusOK || !strings.Contains(text, `"active":true`) {
		t.Fatalf("POST: %d %s, want an active bypass", status, text)
	}
	r.wantSent(wire1, wire1.body(t, 2000, "debug_calls"))
	if got := up.taken(); len(got) != 1 {
		t.Errorf("with a bypass %d series are forwarded, want 1", len(got))
	}
	if r.gauge("headgate_bypass_active") != 1 {
		t.Error("the metric does not say that a bypass is on")
	}
	var x api.Explanation
	r.read("/api/v1/explain?series=debug_calls", &x)
	if x.Verdict.Action != "keep" {
		t.Errorf("with a bypass the verdict is %q, want keep", x.Verdict.Action)
	}
	if resp, _ := r.do(http.MethodDelete, r.web, "/api/v1/bypass", nil, nil); resp.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE: %s, want 204", resp.Status)
	}
	r.wantSent(wire1, wire1.body(t, 3000, "debug_calls"))
	if f := r.wantConserved(""); f.Forwarded != 1 || f.Dropped != 2 {
		t.Errorf("flow is %+v, want 1 forwarded and 2 dropped", f.Counts)
	}
	var events struct{ Events []api.Event }
	r.read("/api/v1/events?kind=bypass", &events)
	if len(events.Events) != 2 || events.Events[0].Text != "off" || !strings.Contains(events.Events[1].Text, "a bad night") {
		t.Errorf("events are %+v, want off, and on with its reason", events.Events)
	}
}

func TestExplainByAPI(t *testing.T) {
	up := newStore(t)
	more := "rules: {files: [rules/*.yml]}\nattribution: {owners: [{match: '{job=\"a\"}', team: alpha}, {label: team}]}\n"
	r := launch(t, map[string]string{"headgate.yml": configFor(up.URL, more), "rules/a.yml": someRules}, "--config.file=DIR/headgate.yml")
	var x api.Explanation
	r.read(`/api/v1/explain?tenant=default&series=debug_calls%7Bjob%3D%22a%22%7D`, &x)
	var steps []string
	for _, s := range x.Steps {
		steps = append(steps, fmt.Sprintf("%s %s %t", s.Step, s.Name, s.Matched))
	}
	want := []string{"tenant default true", "owner alpha true", "rule drop-debug true", "rule thin-disk false", "rule try-users false", "limit samples_per_second false", "limit active_series false"}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if want := (api.Verdict{Action: "drop", Rule: "drop-debug", Priority: "default", Team: "alpha", Pool: "default"}); x.Verdict != want || x.Last != nil {
		t.Errorf("verdict %+v, last %v; want %+v and none", x.Verdict, x.Last, want)
	}
	r.wantSent(wire1, wire1.body(t, 61_000, "up"))
	r.read("/api/v1/explain?series=up", &x)
	if x.Last == nil || x.Last.Outcome != "forwarded" || x.Last.At.UnixMilli() != 61_000 {
		t.Errorf("last is %+v, want forwarded at 61 s", x.Last)
	}
	for _, path := range []string{"/api/v1/explain", "/api/v1/explain?series=%7B", "/api/v1/explain?series=up&tenant=a%20b", "/api/v1/flow?by=color", "/api/v1/flow?from=1960-01-01T00:00:00Z", "/api/v1/flow?to=2026-01-01T00:00:00Z", "/api/v1/flow?tenent=a", "/api/v1/flow?tenant=a%2Fb"} {
		r.get(path, http.StatusUnprocessableEntity)
	}
}

func TestRulesByAPI(t *testing.T) {
	r := launch(t, map[string]string{"headgate.yml": ruleFiles, "rules/a.yml": someRules}, "--config.file=DIR/headgate.yml")
	var list struct{ Rules []map[string]any }
	r.read("/api/v1/rules", &list)
	names := slices.Collect(func(yield func(string) bool) {
		for _, rule := range list.Rules {
			yield(fmt.Sprint(rule["name"], " ", rule["position"], " ", rule["source"], " ", rule["file"], " ", rule["state"]))
		}
	})
	want := []string{"drop-debug 1 file rules/a.yml active", "thin-disk 2 file rules/a.yml active", "try-users 3 file rules/a.yml shadow"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	var one map[string]any
	r.read("/api/v1/rules/thin-disk", &one)
	if one["interval"] != "1m" || one["match"] != "disk_free" {
		t.Errorf("rule is %v, want an interval of 1m and one selector", one)
	}
	r.get("/api/v1/rules/none", http.StatusNotFound)
	if resp, text := r.do(http.MethodDelete, r.web, "/api/v1/rules/thin-disk", nil, header("If-Match", "*")); resp.StatusCode != http.StatusConflict || !strings.Contains(text, "rules/a.yml, line") {
		t.Errorf("a rule of a file is deleted: %s %s, want 409", resp.Status, text)
	}
}
