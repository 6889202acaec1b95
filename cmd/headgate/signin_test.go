package main

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/api"
)

// post sends a form, and follows no redirect.
func (r *running) post(path string, form map[string]string, changes ...func(*http.Request)) (*http.Response, string) {
	r.t.Helper()
	values := url.Values{}
	for k, v := range form {
		values.Set(k, v)
	}
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return r.do(http.MethodPost, r.web, path, []byte(values.Encode()), func(req *http.Request) {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, change := range changes {
			change(req)
		}
	})
}

const people = `auth:
  users:
    - {name: ann, role: admin, password_file: ann}
    - {name: vic, role: viewer, tenants: [a], password_file: vic}
`

var passwords = map[string]string{"ann": "correct horse\n", "vic": "battery staple\n"}

// launchWith runs headgate serve with people who sign in.
func launchWith(t *testing.T, more string, args ...string) *running {
	files := map[string]string{"headgate.yml": people + "storage: {url: sqlite://store.db}\n" + more}
	for name, text := range passwords {
		files[name] = text
	}
	return launch(t, files, append([]string{"--config.file=DIR/headgate.yml"}, args...)...)
}

func TestSigningInAndOut(t *testing.T) {
	r := launchWith(t, "", "--web.enable-lifecycle")
	for _, path := range []string{"/-/healthy", "/-/ready", "/login"} {
		r.get(path, http.StatusOK)
	}
	for _, path := range []string{"/", "/metrics", "/debug/pprof/", "/api/v1/rules", "/api/v1/openapi.json", "/nothing", "/api/v1/nothing", "//-/ready", "/-/ready/", "/loginx"} {
		resp, text := r.do(http.MethodGet, r.web, path, nil, nil)
		if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Content-Type") != "application/problem+json" || resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("GET %s: %s %s %s, want the problem 401", path, resp.Status, resp.Header, text)
		}
	}
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{"/auth/../metrics", "/assets/../metrics", "/auth/%2e%2e/metrics", "/auth//../api/v1/rules"} {
		if resp, text := r.do(http.MethodGet, r.web, path, nil, nil); resp.StatusCode == http.StatusOK || strings.Contains(text, "headgate_") {
			t.Errorf("GET %s: %s, want nothing of what is behind it", path, resp.Status)
		}
	}
	if resp, text := r.post("/login", map[string]string{"name": "ann", "password": "wrong"}); resp.StatusCode != http.StatusUnauthorized || len(resp.Cookies()) > 0 || strings.Contains(text, "wrong</") {
		t.Errorf("a wrong password: %s %v %s", resp.Status, resp.Cookies(), text)
	}
	resp, text := r.post("/login", map[string]string{"name": "ann", "password": "correct horse", "next": "/api/v1/rules?x=1"})
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/api/v1/rules?x=1" || len(resp.Cookies()) != 1 {
		t.Fatalf("the right password: %s %s %s", resp.Status, resp.Header, text)
	}
	c := resp.Cookies()[0]
	if c.Name != "headgate_session" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 || !c.Expires.IsZero() {
		t.Errorf("the cookie is %s", c)
	}
	cookie := func(req *http.Request) { req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value}) }
	same := header("Sec-Fetch-Site", "same-origin")
	both := func(req *http.Request) { cookie(req); same(req) }
	for path, want := range map[string]int{"/": 200, "/metrics": 200, "/debug/pprof/": 200, "/api/v1/rules": 200, "/nothing": 404} {
		if resp, text := r.do(http.MethodGet, r.web, path, nil, cookie); resp.StatusCode != want {
			t.Errorf("GET %s with a session: %s %s, want %d", path, resp.Status, text, want)
		}
	}
	for name, tt := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"a browser's own page":    {both, 200},
		"another site":            {func(req *http.Request) { cookie(req); header("Sec-Fetch-Site", "cross-site")(req) }, 403},
		"nothing says from where": {cookie, 401},
		"no session":              {same, 401},
		"two cookies":             {func(req *http.Request) { both(req); cookie(req) }, 401},
		"an empty token besides":  {func(req *http.Request) { both(req); header("Authorization", "Bearer ")(req) }, 401},
	} {
		if resp, text := r.do(http.MethodPost, r.web, "/-/reload", nil, tt.change); resp.StatusCode != tt.want {
			t.Errorf("POST /-/reload, %s: %s %s, want %d", name, resp.Status, text, tt.want)
		}
	}
	if resp, _ := r.post("/logout", nil, both); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login" {
		t.Errorf("sign out: %s", resp.Status)
	}
	if resp, _ := r.do(http.MethodGet, r.web, "/api/v1/rules", nil, cookie); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after signing out, with the cookie of before: %s, want 401", resp.Status)
	}
	if log := r.log.String(); strings.Contains(log, "horse") || strings.Contains(log, "staple") {
		t.Error("the log shows a password")
	}
}

func TestASessionHasANewNameAtEverySignIn(t *testing.T) {
	r := launchWith(t, "")
	form := map[string]string{"name": "ann", "password": "correct horse"}
	planted := &http.Cookie{Name: "headgate_session", Value: "planted"}
	first, _ := r.post("/login", form, func(req *http.Request) { req.AddCookie(planted) })
	if first.Cookies()[0].Value == "planted" {
		t.Error("a session takes the name that somebody planted")
	}
	second, _ := r.post("/login", form, func(req *http.Request) { req.AddCookie(first.Cookies()[0]) })
	if second.Cookies()[0].Value == first.Cookies()[0].Value {
		t.Error("a second sign-in keeps the session's name")
	}
	for i, want := range []int{http.StatusUnauthorized, http.StatusOK} {
		c := []*http.Response{first, second}[i].Cookies()[0]
		if resp, _ := r.do(http.MethodGet, r.web, "/api/v1/rules", nil, func(req *http.Request) { req.AddCookie(c) }); resp.StatusCode != want {
			t.Errorf("session %d: %s, want %d", i+1, resp.Status, want)
		}
	}
}

func TestRolesOfPaths(t *testing.T) {
	r := launchWith(t, "", "--web.enable-lifecycle")
	vic := r.signIn("vic", "battery staple")
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/", 200},
		{http.MethodGet, "/metrics", 403}, // of all tenants, and vic sees one
		{http.MethodGet, "/debug/pprof/", 403},
		{http.MethodGet, "/debug/pprof/heap", 403},
		{http.MethodPost, "/-/reload", 403},
		{http.MethodGet, "/api/v1/flow?tenant=a", 200},
		{http.MethodGet, "/api/v1/flow", 200}, // that of a
		{http.MethodGet, "/api/v1/flow?tenant=b", 403},
	} {
		if resp, text := r.do(tt.method, r.web, tt.path, nil, vic); resp.StatusCode != tt.want {
			t.Errorf("%s %s: %s %s, want %d", tt.method, tt.path, resp.Status, text, tt.want)
		}
	}
}

func TestPeopleAreSentToSignIn(t *testing.T) {
	r := launchWith(t, "", "--web.external-url=https://metrics.example/headgate/")
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, _ := r.do(http.MethodGet, r.web, "/rules?sort=a&x=%2F", nil, header("Accept", "text/html,*/*"))
	if want := "/headgate/login?next=%2Frules%3Fsort%3Da%26x%3D%252F"; resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != want {
		t.Errorf("a page: %s to %s, want 303 to %s", resp.Status, resp.Header.Get("Location"), want)
	}
	resp, _ = r.post("/login", map[string]string{"name": "ann", "password": "correct horse", "next": "/rules?sort=a"})
	if resp.Header.Get("Location") != "/headgate/rules?sort=a" {
		t.Errorf("signed in, one is sent to %s", resp.Header.Get("Location"))
	}
	if c := resp.Cookies()[0]; c.Name != "__Host-headgate_session" || !c.Secure || c.Path != "/" || c.Domain != "" {
		t.Errorf("behind https the cookie is %s", c)
	}
	resp, _ = r.post("/login", map[string]string{"name": "ann", "password": "correct horse", "next": "//evil.example"})
	if resp.Header.Get("Location") != "/headgate/" {
		t.Errorf("somebody is sent to %s", resp.Header.Get("Location"))
	}
	resp, _ = r.do(http.MethodGet, r.web, "/api/v1/rules", nil, header("Accept", "text/html"))
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the API: %s, want 401", resp.Status)
	}
}

func TestWhoGuessesWaits(t *testing.T) {
	r := launchWith(t, "")
	for range 5 {
		if resp, _ := r.post("/login", map[string]string{"name": "ann", "password": "guess"}); resp.StatusCode != http.StatusUnauthorized {
			t.Fatalf("a guess: %s, want 401", resp.Status)
		}
	}
	resp, _ := r.post("/login", map[string]string{"name": "ann", "password": "correct horse"})
	if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("after five guesses: %s, Retry-After %q; want 429, 1", resp.Status, resp.Header.Get("Retry-After"))
	}
}

// Whoever signs in and out, or tries to, is in the audit, which stays one chain; a name
// that nobody has is not, nor is a password.
func TestSigningInIsAudited(t *testing.T) {
	r := launchWith(t, "")
	for _, name := range []string{"ann", "ann", "hunter2"} {
		r.post("/login", map[string]string{"name": name, "password": "guessed"})
	}
	vic := r.signIn("vic", "battery staple")
	r.post("/logout", nil, vic)
	ann := r.signIn("ann", "correct horse")
	r.token(ann, caller{role: "viewer"})
	var audit struct{ Audit []api.AuditEntry }
	eventually(t, "the audit has all of it", func() bool {
		_, text := r.do(http.MethodGet, r.web, "/api/v1/audit", nil, ann)
		if strings.Contains(text, "hunter") || strings.Contains(text, "guessed") {
			t.Fatalf("the audit has what was typed in: %s", text)
		}
		return json.Unmarshal([]byte(text), &audit) == nil && len(audit.Audit) == 6
	})
	got := map[string]int{}
	for _, e := range audit.Audit {
		if e.From != "127.0.0.1" {
			t.Errorf("%+v: from %q", e, e.From)
		}
		got[strings.TrimSpace(e.Who+" "+e.Verb+" "+e.Object)+" "+string(e.After)]++
	}
	for want := range map[string]bool{
		`session.refuse users/ann {"by":"password","attempts":1}`: true, `session.refuse users {"by":"password","attempts":1}`: true,
		`vic session.begin users/vic {"by":"password"}`: true, `vic session.end users/vic {"by":"password"}`: true, `ann session.begin users/ann {"by":"password"}`: true,
	} {
		if got[want] != 1 {
			t.Errorf("%q is there %d times, want once; all are %v", want, got[want], got)
		}
	}
	r.stop()
	store := filepath.Join(r.dir, "store.db")
	var out strings.Builder
	if err := verifyAudit(t.Context(), "", "sqlite://"+store, &out); err != nil || !strings.Contains(out.String(), "unbroken: 7 entries") {
		t.Errorf("verify: %q, %v; want the second guess at ann as the last of 7 entries", out.String(), err)
	}
}

func TestATokenSaysLessWhereNobodyHasToSignIn(t *testing.T) {
	r := launch(t, map[string]string{"headgate.yml": "storage: {url: sqlite://store.db}\n"}, "--config.file=DIR/headgate.yml")
	secret := r.token(func(*http.Request) {}, caller{role: "viewer"})
	if resp, _ := r.do(http.MethodGet, r.web, "/api/v1/tokens", nil, bearer(secret)); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer's token: %s, want 403", resp.Status)
	}
	if resp, _ := r.do(http.MethodGet, r.web, "/api/v1/tokens", nil, nil); resp.StatusCode != http.StatusOK {
		t.Errorf("without: %s, want 200", resp.Status)
	}
}

func TestUsersChangeByReload(t *testing.T) {
	r := launchWith(t, "", "--web.enable-lifecycle")
	ann, vic := r.signIn("ann", "correct horse"), r.signIn("vic", "battery staple")
	write(t, r.dir, map[string]string{"headgate.yml": strings.Replace(people, "role: viewer, tenants: [a]", "role: admin", 1)})
	if resp, text := r.do(http.MethodPost, r.web, "/-/reload", nil, ann); resp.StatusCode != http.StatusOK {
		t.Fatalf("reload: %s %s", resp.Status, text)
	}
	write(t, r.dir, map[string]string{"headgate.yml": "auth: {users: [{name: vic, role: admin, password_file: vic}]}\n"})
	if resp, text := r.do(http.MethodPost, r.web, "/-/reload", nil, vic); resp.StatusCode != http.StatusOK {
		t.Fatalf("reload by who was a viewer: %s %s", resp.Status, text)
	}
	if resp, _ := r.do(http.MethodGet, r.web, "/", nil, ann); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("who is a user no more: %s, want 401", resp.Status)
	}
}

func TestWhatIsRefusedAtStart(t *testing.T) {
	ann := "auth: {users: [{name: ann, role: admin, password_file: ann}]}\n"
	provider := "auth: {oidc: {issuer: https://id.invalid, client_id: c, roles: {sre: admin}}}\n"
	files := func(config string) map[string]string {
		return map[string]string{"headgate.yml": config, "ann": "correct horse", "web.yml": users}
	}
	for _, tt := range []struct {
		name, config string
		args         []string
		want         string
	}{
		{"basic auth besides", ann, []string{"--web.config.file=DIR/web.yml"}, "would share one header"},
		{"a provider that cannot send browsers back", provider, []string{"--web.listen-address=0.0.0.0:0"}, "set --web.external-url"},
		{"nobody who may come", "auth: {session: {idle: 1h}}\n", []string{"--web.listen-address=0.0.0.0:0"}, "nothing says who may come"},
		{"a password file that is not there", "auth: {users: [{name: ann, role: admin, password_file: none}]}\n", nil, "headgate.yml:1:56: users: number 1: password_file: open"},
		{"a role that is none", "auth: {users: [{name: ann, role: root, password_file: ann}]}\n", nil, "headgate.yml:1:34: users: number 1: role:"},
		{"an issuer for all to read", strings.Replace(provider, "https", "http", 1), nil, "headgate.yml:1:23: oidc: issuer: secrets"},
	} {
		log := refusedAtStart(t, files(tt.config), append([]string{"--config.file=DIR/headgate.yml"}, tt.args...)...)
		if !strings.Contains(log, tt.want) || strings.Contains(log, "horse") {
			t.Errorf("%s:\n%s\nwant %q in it", tt.name, log, tt.want)
		}
	}
}

func TestOtherMachinesMayComeWherePeopleSignIn(t *testing.T) {
	r := launchWith(t, "", "--web.listen-address=0.0.0.0:0")
	if !strings.Contains(r.log.String(), "for all to read") {
		t.Errorf("the log does not say that passwords can be read:\n%s", r.log)
	}
}

func TestACertificateOfOurOwnProtectsTheCookie(t *testing.T) {
	cert, key, pool := certificate(t)
	files := map[string]string{
		"headgate.yml": people + "storage: {url: sqlite://store.db}\n", "cert.pem": cert, "key.pem": key,
		"web.yml": "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n",
	}
	for name, text := range passwords {
		files[name] = text
	}
	r := launch(t, files, "--config.file=DIR/headgate.yml", "--web.config.file=DIR/web.yml", "--ingest.config.file=DIR/web.yml")
	r.scheme = "https"
	r.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	resp, _ := r.post("/login", map[string]string{"name": "ann", "password": "correct horse"})
	c := resp.Cookies()[0]
	if c.Name != "__Host-headgate_session" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("the cookie is %s", c)
	}
	r.wantPage("/", http.StatusOK, func(req *http.Request) { req.AddCookie(c) }, "url: https://localhost")
}
