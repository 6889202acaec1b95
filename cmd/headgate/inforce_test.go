package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secretive is a configuration with a secret in every place that may hold one. Each
// of them has hunter2 in it.
const secretive = `
gateway:
  upstream:
    url: https://user:hunter2@store.example/api/v1/push?token=hunter2
    headers: {X-Api-Key: hunter2}
    http_headers: {X-Other: {values: [hunter2], secrets: [hunter2]}}
    oauth2: {client_id: me, client_secret: hunter2, token_url: 'https://id.example/token?x=hunter2', endpoint_params: {audience: hunter2}}
    proxy_url: http://user:hunter2@proxy.example
    proxy_connect_header: {X-Proxy: [hunter2]}
    tls_config: {server_name: store.example}
  tenant_upstreams:
    payments: {url: 'http://127.0.0.1:9/w', basic_auth: {username: u, password: hunter2}}
    search: {url: 'http://127.0.0.1:9/w', authorization: {type: Bearer, credentials: hunter2}}
  credentials: [{tenants: [payments], bearer_token_file: secret}, {tenants: [payments, search], basic_auth: {username: u, password_file: secret}}]
storage: {url: 'postgres://headgate:hunter2@db.example/headgate?password=hunter2'}
`

func TestTheConfigurationIsShownWithoutSecrets(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"headgate.yml": secretive, "secret": "hunter2"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, problems := load(filepath.Join(dir, "headgate.yml"), "")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	text := l.config.shown()
	if strings.Contains(text, "hunter2") {
		t.Errorf("a secret is shown:\n%s", text)
	}
	for _, want := range []string{
		"url: https://<secret>@store.example/api/v1/push?<secret>", "X-Api-Key: <secret>", "proxy_url: http://<secret>@proxy.example", "server_name: store.example",
		"url: postgres://<secret>@db.example/headgate?<secret>", "bearer_token_file: " + filepath.Join(dir, "secret"), "username: u", "max_labels: 64",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not shown in\n%s", want, text)
		}
	}
}

func TestWhatIsNoURLIsShownAsItIs(t *testing.T) {
	for text, want := range map[string]string{
		"http://a.example/x":          "http://a.example/x",
		"http://u:p@a.example":        "http://<secret>@a.example",
		"http://a.example/?k=v#f":     "http://a.example/?<secret>",
		"http://u:p%zz@a.example":     hidden,
		"sqlite://data/x.db":          "sqlite://data/x.db",
		"sqlite://data/x.db?_key=abc": "sqlite://data/x.db?<secret>",
		`{url=~"http://.*"}`:          `{url=~"http://.*"}`,
		"rules/*.yml":                 "rules/*.yml",
		"":                            "",
	} {
		if got := withoutPassword(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

func FuzzWithoutPassword(f *testing.F) {
	f.Add("http", "user", "store.example/write?a=b")
	f.Fuzz(func(t *testing.T, scheme, user, rest string) {
		if strings.ContainsAny(scheme, " {\"'=~:/?#@") || strings.ContainsAny(user+rest, "/@?#") {
			return
		}
		text := scheme + "://" + user + ":hunter2@" + rest
		if got := withoutPassword(text); scheme != "sqlite" && strings.Contains(got, "hunter2") {
			t.Errorf("%q is shown as %q", text, got)
		}
	})
}

func TestAFailedReloadIsShownWithWhatStaysInForce(t *testing.T) {
	up := newStore(t)
	good := configFor(up.URL, ruleFiles+"storage: {url: sqlite://store.db}\n")
	r := launch(t, map[string]string{"headgate.yml": good, "rules/a.yml": "rules: []\n"}, "--config.file=DIR/headgate.yml", "--web.enable-lifecycle")
	status := func() string {
		t.Helper()
		resp, text := r.do(http.MethodGet, r.web, "/api/v1/status", nil, nil)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("GET /api/v1/status: %s %s", resp.Status, text)
		}
		return text
	}
	if text := status(); !strings.Contains(text, `"in_force":true`) || !strings.Contains(text, "tenant_header: X-Scope-OrgID") || strings.Contains(text, `"failure"`) {
		t.Errorf("after the start: %s", text)
	}
	write(t, r.dir, map[string]string{"headgate.yml": good + "nonsense: 1\n"})
	if resp, text := r.do(http.MethodPost, r.web, "/-/reload", nil, nil); resp.StatusCode != http.StatusInternalServerError {
		t.Fatalf("reloading nonsense: %s %s", resp.Status, text)
	}
	if text := status(); !strings.Contains(text, `"in_force":false`) || !strings.Contains(text, "unknown key") || !strings.Contains(text, "tenant_header: X-Scope-OrgID") {
		t.Errorf("after a failed reload: %s", text)
	}
	write(t, r.dir, map[string]string{"headgate.yml": good + "profiler: {max_metrics: 1000}\n"})
	if resp, text := r.do(http.MethodPost, r.web, "/-/reload", nil, nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("reloading: %s %s", resp.Status, text)
	}
	if text := status(); !strings.Contains(text, `"in_force":true`) || !strings.Contains(text, `"waiting_for_restart":["profiler"]`) {
		t.Errorf("after a reload that changes what is fixed: %s", text)
	}
}
