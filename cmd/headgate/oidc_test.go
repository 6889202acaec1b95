package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/headgate/headgate/internal/api"
)

// provide runs an identity provider.
func provide(t *testing.T) *mockoidc.MockOIDC {
	t.Helper()
	m, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// withProvider is a configuration with an identity provider beside people.
func withProvider(issuer, client string) string {
	return people + fmt.Sprintf(`  oidc:
    issuer: %s
    client_id: %s
    client_secret_file: secret
    scopes: [openid, profile, email, groups]
    roles: {sre: admin, dev: editor}
    teams: {dev: [cart]}
storage: {url: sqlite://store.db}
`, issuer, client)
}

// launchWithProvider runs headgate serve, and waits until it found the provider.
func launchWithProvider(t *testing.T, m *mockoidc.MockOIDC) *running {
	t.Helper()
	c := m.Config()
	r := launch(t, map[string]string{
		"headgate.yml": withProvider(c.Issuer, c.ClientID), "secret": c.ClientSecret, "ann": passwords["ann"], "vic": passwords["vic"],
	}, "--config.file=DIR/headgate.yml")
	eventually(t, "the provider is found", func() bool { return strings.Contains(r.log.String(), "identity provider is found") })
	return r
}

// A browser follows redirects and keeps cookies.
func (r *running) browser() *http.Client {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.client.CloseIdleConnections)
	return &http.Client{Jar: jar, Timeout: patience, Transport: r.client.Transport}
}

// visit returns the answer at the end of all redirects.
func (r *running) visit(c *http.Client, path string) (*http.Response, string) {
	r.t.Helper()
	before := r.client
	r.client = c
	defer func() { r.client = before }()
	return r.do(http.MethodGet, r.web, path, nil, nil)
}

func TestSigningInThroughAProvider(t *testing.T) {
	m := provide(t)
	r := launchWithProvider(t, m)
	m.QueueUser(&mockoidc.MockUser{Subject: "1", Email: "dee@example.com", Groups: []string{"dev", "other"}})
	dee := r.browser()
	resp, text := r.visit(dee, "/auth/oidc/start?next=/api/v1/rules")
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/api/v1/rules" || !strings.Contains(text, `"rules"`) {
		t.Fatalf("signed in, one is at %s: %s %s", resp.Request.URL, resp.Status, text)
	}
	var events struct{ Events []api.Event }
	_, text = r.visit(dee, "/api/v1/events?kind=signin")
	if err := json.Unmarshal([]byte(text), &events); err != nil || len(events.Events) != 1 || !strings.Contains(events.Events[0].Text, `"oidc:dee@example.com" signed in from 127.0.0.1`) {
		t.Errorf("events are %s", text)
	}
	if resp, _ := r.visit(dee, "/api/v1/tokens"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("an editor lists tokens: %s, want 403", resp.Status)
	}

	m.QueueUser(&mockoidc.MockUser{Subject: "2", PreferredUsername: "sue", Groups: []string{"dev", "sre"}})
	sue := r.browser()
	r.visit(sue, "/auth/oidc/start")
	if resp, text := r.visit(sue, "/api/v1/tokens"); resp.StatusCode != http.StatusOK {
		t.Errorf("an admin lists tokens: %s %s, want 200", resp.Status, text)
	}

	m.QueueUser(&mockoidc.MockUser{Subject: "3", Email: "x@example.com", Groups: []string{"other"}})
	stranger := r.browser()
	if resp, text := r.visit(stranger, "/auth/oidc/start"); resp.StatusCode != http.StatusForbidden || !strings.Contains(text, "None of your groups has a role here") {
		t.Errorf("somebody without a role: %s %s, want 403", resp.Status, text)
	}
	if resp, _ := r.visit(stranger, "/api/v1/rules"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("and then: %s, want 401", resp.Status)
	}
	eventually(t, "the audit has who came", func() bool {
		_, text := r.visit(sue, "/api/v1/audit?verb=session.begin")
		return strings.Contains(text, `"who":"oidc:dee@example.com"`) && strings.Contains(text, `"who":"oidc:sue"`) && strings.Contains(text, m.Config().Issuer)
	})
	eventually(t, "the audit has who did not", func() bool {
		_, text := r.visit(sue, "/api/v1/audit?verb=session.refuse&object=users")
		return strings.Contains(text, "none of the 1 groups")
	})
	if log := r.log.String(); strings.Contains(log, m.Config().ClientSecret) {
		t.Error("the log shows the client's secret")
	}
}

func TestWhatComesFromTheProviderIsChecked(t *testing.T) {
	m := provide(t)
	r := launchWithProvider(t, m)
	// begin goes to the provider and returns where it sends the browser back to.
	begin := func(c *http.Client) *url.URL {
		t.Helper()
		var back *url.URL
		c.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
			if req.URL.Path == "/auth/oidc/callback" {
				back = req.URL
				return http.ErrUseLastResponse
			}
			q := req.URL.Query()
			if strings.HasSuffix(req.URL.Path, "/authorize") && q.Get("code_challenge_method")+q.Get("code_challenge")+q.Get("state")+q.Get("nonce") == "" {
				t.Errorf("the provider is asked %s, want PKCE, state and nonce", req.URL)
			}
			return nil
		}
		r.visit(c, "/auth/oidc/start")
		if back == nil {
			t.Fatal("the provider sends nobody back")
		}
		return back
	}
	with := func(u *url.URL, key, value string) string {
		q := u.Query()
		q.Set(key, value)
		return u.Path + "?" + q.Encode()
	}
	for _, tt := range []struct {
		name string
		come func(t *testing.T) (*http.Client, string)
		want int
	}{
		{"another browser", func(*testing.T) (*http.Client, string) { return r.browser(), begin(r.browser()).RequestURI() }, http.StatusBadRequest},
		{"another state", func(*testing.T) (*http.Client, string) {
			c := r.browser()
			return c, with(begin(c), "state", "x")
		}, http.StatusBadRequest},
		{"no state", func(*testing.T) (*http.Client, string) {
			c := r.browser()
			return c, with(begin(c), "state", "")
		}, http.StatusBadRequest},
		{"another code", func(*testing.T) (*http.Client, string) {
			c := r.browser()
			return c, with(begin(c), "code", "x")
		}, http.StatusBadGateway},
		{"another's code", func(*testing.T) (*http.Client, string) {
			theirs := begin(r.browser()).Query().Get("code")
			c := r.browser()
			return c, with(begin(c), "code", theirs)
		}, http.StatusBadGateway},
		{"a refusal", func(*testing.T) (*http.Client, string) {
			c := r.browser()
			return c, with(begin(c), "error", "access_denied")
		}, http.StatusForbidden},
		{"nothing", func(*testing.T) (*http.Client, string) { return r.browser(), "/auth/oidc/callback" }, http.StatusBadRequest},
		{"a code that was used", func(t *testing.T) (*http.Client, string) {
			m.QueueUser(&mockoidc.MockUser{Subject: "1", Groups: []string{"sre"}})
			c := r.browser()
			back := begin(c).RequestURI()
			if resp, text := r.visit(c, back); resp.StatusCode != http.StatusSeeOther && resp.StatusCode != http.StatusOK {
				t.Errorf("the first time: %s %s", resp.Status, text)
			}
			return c, back
		}, http.StatusBadRequest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, path := tt.come(t)
			if resp, text := r.visit(c, path); resp.StatusCode != tt.want || len(resp.Header.Values("Set-Cookie")) > 1 {
				t.Errorf("%s %v %s, want %d and no session", resp.Status, resp.Header.Values("Set-Cookie"), text, tt.want)
			}
		})
	}
}

func TestADeadProviderKeepsNobodyOut(t *testing.T) {
	m, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	issuer := m.Issuer()
	if err := m.Shutdown(); err != nil {
		t.Fatal(err)
	}
	r := launch(t, map[string]string{"headgate.yml": withProvider(issuer, "c"), "secret": "s", "ann": passwords["ann"], "vic": passwords["vic"]}, "--config.file=DIR/headgate.yml")
	ann := r.signIn("ann", "correct horse")
	if resp, _ := r.do(http.MethodGet, r.web, "/api/v1/rules", nil, ann); resp.StatusCode != http.StatusOK {
		t.Errorf("who has a password: %s, want 200", resp.Status)
	}
	if resp, text := r.do(http.MethodGet, r.web, "/auth/oidc/start", nil, nil); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "sign in with a password") {
		t.Errorf("through the provider: %s %s, want 503", resp.Status, text)
	}
}
