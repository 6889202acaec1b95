package main

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/api"
)

func TestReload(t *testing.T) {
	up := newStore(t)
	r := launch(t, map[string]string{"headgate.yml": configFor(up.URL, ruleFiles)}, "--config.file=DIR/headgate.yml", "--web.enable-lifecycle")
	drops := func() bool {
		r.wantSent(wire1, wire1.body(t, 1000, "debug_calls"))
		return len(up.taken()) == 0
	}
	if drops() {
		t.Fatal("a rule acts before it is there")
	}
	hash := r.gauge("headgate_config_hash")

	write(t, r.dir, map[string]string{"rules/a.yml": someRules})
	if resp, text := r.do(http.MethodPost, r.web, "/-/reload", nil, nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("reload: %s %s", resp.Status, text)
	}
	if !drops() {
		t.Error("a rule does not act after a reload")
	}
	if r.gauge("headgate_config_hash") == hash {
		t.Error("the hash is the same with other rules")
	}

	write(t, r.dir, map[string]string{"rules/b.yml": "rules:\n  - name: x\n    match: '{'\n    action: dorp\n", "headgate.yml": "gateway: {max_labels: many}\n"})
	resp, text := r.do(http.MethodPost, r.web, "/-/reload", nil, nil)
	if resp.StatusCode != http.StatusInternalServerError || !strings.Contains(text, "headgate.yml:1:23: max_labels") {
		t.Errorf("reload of a bad file: %s %q, want 500 and the place", resp.Status, text)
	}
	write(t, r.dir, map[string]string{"headgate.yml": configFor(up.URL, ruleFiles)})
	resp, text = r.do(http.MethodPost, r.web, "/-/reload", nil, nil)
	if resp.StatusCode != http.StatusInternalServerError || !strings.Contains(text, "rules/b.yml:4:13: action") {
		t.Errorf("reload of bad rules: %s %q, want 500 and the place", resp.Status, text)
	}
	if !drops() || r.gauge("headgate_config_last_reload_successful") != 0 {
		t.Error("a bad file did not leave the old rules in force, or the metric says it was read")
	}

	write(t, r.dir, map[string]string{"rules/a.yml": "rules: []\n", "rules/b.yml": "rules: []\n"})
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "SIGHUP reloads", func() bool { return r.gauge("headgate_config_last_reload_successful") == 1 })
	if drops() {
		t.Error("a rule acts after it was removed")
	}

	var events struct{ Events []api.Event }
	r.read("/api/v1/events?kind=reload", &events)
	var texts []string
	for _, e := range events.Events {
		word, _, _ := strings.Cut(e.Text, ",")
		texts = append(texts, word)
	}
	want := []string{"the configuration is in force", "failed", "failed", "the configuration is in force"}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestWhatAReloadCannotChangeIsSaid(t *testing.T) {
	r := launch(t, map[string]string{"headgate.yml": "gateway: {series_table_bytes: 2097152}\n"}, "--config.file=DIR/headgate.yml", "--web.enable-lifecycle")
	write(t, r.dir, map[string]string{"headgate.yml": "gateway: {series_table_bytes: 4194304}\n"})
	r.do(http.MethodPost, r.web, "/-/reload", nil, nil)
	if !strings.Contains(r.log.String(), "setting=gateway.series_table_bytes") || strings.Contains(r.log.String(), "setting=gateway.overflow") {
		t.Errorf("the log does not say that series_table_bytes alone needs a restart:\n%s", r.log)
	}
}

func TestReloadByHTTPIsOffByDefault(t *testing.T) {
	r := launch(t, nil)
	if resp, _ := r.do(http.MethodPost, r.web, "/-/reload", nil, nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("POST: %s, want 403", resp.Status)
	}
	if resp, _ := r.do(http.MethodGet, r.web, "/-/reload", nil, nil); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %s, want 405", resp.Status)
	}
}
