package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/api"
)

const someRules = `rules:
  - name: drop-debug
    match: '{__name__=~"debug_.*"}'
    action: drop
  - name: thin-disk
    match: 'disk_free'
    action: downsample
    interval: 60s
  - name: try-users
    match: '{user!=""}'
    action: drop
    mode: shadow
`

const ruleFiles = "rules: {files: [rules/*.yml]}\n"

func TestServeForwardsWhatRulesKeep(t *testing.T) {
	for _, w := range []wire{wire1, wire2} {
		t.Run(w.name, func(t *testing.T) {
			up := newStore(t)
			r := launch(t, map[string]string{"headgate.yml": configFor(up.URL, ruleFiles), "rules/a.yml": someRules}, "--config.file=DIR/headgate.yml")

			untouched := w.body(t, 60_000, "up job=a", "disk_free", "seen user=u")
			r.wantSent(w, untouched)
			if got, header := up.last(t); !bytes.Equal(got, untouched) || !strings.HasPrefix(header.Get("User-Agent"), "headgate/") {
				t.Errorf("a request of which nothing is removed was changed, or sent by %q", header.Get("User-Agent"))
			}
			up.taken()
			r.wantSent(w, w.body(t, 75_000, "up job=a", "disk_free", "debug_calls", "debug_calls path=x"))
			if diff := cmp.Diff([]string{"up"}, up.taken()); diff != "" {
				t.Errorf("forwarded (-want +got):\n%s", diff)
			}
			r.wantSent(w, w.body(t, 120_000, "disk_free"))
			if diff := cmp.Diff([]string{"disk_free"}, up.taken()); diff != "" {
				t.Errorf("forwarded (-want +got):\n%s", diff)
			}

			f := r.wantConserved("")
			if want := (api.Counts{Received: 8, Forwarded: 5, Dropped: 2, Downsampled: 1}); f.Counts != want || f.Rows != nil {
				t.Errorf("flow is %+v with rows %v, want %+v without", f.Counts, f.Rows, want)
			}
			wantRows(t, r.wantConserved("?by=rule"), map[string]api.Counts{
				"":           {Received: 3, Forwarded: 3},
				"drop-debug": {Received: 2, Dropped: 2},
				"thin-disk":  {Received: 3, Forwarded: 2, Downsampled: 1},
				"try-users":  {},
			})
			wantRows(t, r.wantConserved("?by=metric&tenant=default"), map[string]api.Counts{
				"up":          {Received: 2, Forwarded: 2},
				"seen":        {Received: 1, Forwarded: 1},
				"disk_free":   {Received: 3, Forwarded: 2, Downsampled: 1},
				"debug_calls": {Received: 2, Dropped: 2},
			})
			wantRows(t, r.wantConserved("?by=team"), map[string]api.Counts{
				"unowned": {Received: 8, Forwarded: 5, Dropped: 2, Downsampled: 1},
			})
			if f := r.wantConserved("?tenant=nobody"); f.Received != 0 {
				t.Errorf("a tenant that never sent has %d samples", f.Received)
			}
			if code := r.stop(); code != exitOK {
				t.Errorf("headgate ended with %d:\n%s", code, r.log)
			}
		})
	}
}

func wantRows(t *testing.T, f api.Flow, want map[string]api.Counts) {
	t.Helper()
	got := map[string]api.Counts{}
	for _, row := range f.Rows {
		for _, key := range []*string{row.Metric, row.Team, row.Rule} {
			if key != nil {
				got[*key] = row.Counts
			}
		}
		if shadow := row.Rule != nil && *row.Rule == "try-users"; shadow && (row.WouldRemove == nil || *row.WouldRemove != 1) || !shadow && row.WouldRemove != nil {
			t.Errorf("row %+v: would_remove is there for shadow rules, and 1 here", row)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestUpstreamFailureIsRetriedByTheSender(t *testing.T) {
	up := newStore(t)
	r := launch(t, nil, "--upstream.url="+up.URL)
	up.answer(http.StatusInternalServerError)
	body := wire1.body(t, 1000, "up", "down")
	if status, _ := r.send(wire1, body, nil); status != http.StatusServiceUnavailable {
		t.Errorf("the answer is %d, want 503", status)
	}
	up.answer(0)
	r.wantSent(wire1, body)
	if f := r.wantConserved(""); f.Failed != 2 || f.Forwarded != 2 {
		t.Errorf("flow is %+v, want 2 failed and 2 forwarded", f.Counts)
	}
}

func TestOneListenerForBoth(t *testing.T) {
	up := newStore(t)
	r := launch(t, nil, "--upstream.url="+up.URL, "--ingest.listen-address=127.0.0.1:0")
	r.wantSent(wire1, wire1.body(t, 1000, "up"))
	if f := r.wantConserved(""); f.Forwarded != 1 {
		t.Errorf("flow is %+v, want 1 forwarded", f.Counts)
	}
	if resp, _ := r.do(http.MethodGet, r.web, "/api/v1/write", nil, nil); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET /api/v1/write: %s, want 405", resp.Status)
	}
	r.get("/-/ready", http.StatusOK)
}

func TestTheIngestListenerTakesRemoteWriteOnly(t *testing.T) {
	up := newStore(t)
	r := launch(t, nil, "--upstream.url="+up.URL)
	for path, want := range map[string]int{"/": 404, "/metrics": 404, "/api/v1/flow": 404, "/-/healthy": 404, "/debug/pprof/": 404, "/api/v1/write": 405, "/api/v1/push": 405} {
		if resp, _ := r.do(http.MethodGet, r.ingest, path, nil, nil); resp.StatusCode != want {
			t.Errorf("GET %s: %s, want %d", path, resp.Status, want)
		}
	}
	resp, _ := r.do(http.MethodPost, r.ingest, "/api/v1/push", wire2.body(t, 1000, "up"), wire2.setHeaders)
	if resp.StatusCode != http.StatusNoContent {
		t.Errorf("POST /api/v1/push: %s, want 204", resp.Status)
	}
}
