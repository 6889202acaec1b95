package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// page says what browsers say when somebody follows a link.
func page(change func(*http.Request)) func(*http.Request) {
	return func(req *http.Request) {
		req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		if change != nil {
			change(req)
		}
	}
}

// wantPage asks for a page as the change says, and returns it.
func (r *running) wantPage(path string, status int, change func(*http.Request), says ...string) string {
	r.t.Helper()
	resp, text := r.do(http.MethodGet, r.web, path, nil, page(change))
	if resp.StatusCode != status || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		r.t.Errorf("GET %s: %s, %s: %.500s; want the page %d", path, resp.Status, resp.Header.Get("Content-Type"), text, status)
	}
	if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "form-action 'self'") {
		r.t.Errorf("GET %s: the content security policy is %q", path, csp)
	}
	wantSays(r.t, path, text, says...)
	return text
}

func wantSays(t *testing.T, what, text string, says ...string) {
	t.Helper()
	for _, want := range says {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not say %q:\n%.3000s", what, want, text)
		}
	}
}

func TestThePageToSignIn(t *testing.T) {
	r := launchWith(t, "")
	text := r.wantPage("/login?next=/rules%3Fsort%3Da", http.StatusOK, nil,
		`name="next" value="/rules?sort=a"`, `action="/login"`, `autocomplete="current-password"`, `/assets/app.`)
	for _, not := range []string{"<nav", "identity provider", "not encrypted", "<script"} {
		if strings.Contains(text, not) {
			t.Errorf("the page to sign in has %q:\n%s", not, text)
		}
	}
	r.wantPage("/login?next=//evil.example", http.StatusOK, nil, `name="next" value="/"`)
	r.wantPage("/login?next=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E", http.StatusOK, nil, `value="/&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"`)
	for _, form := range []map[string]string{
		{"name": `"><script>alert(1)</script>`, "password": "wrong secret", "next": "/limits"},
		{"name": "ann", "password": "wrong secret", "next": "/limits"},
	} {
		resp, text := r.post("/login", form, header("Accept", "text/html"))
		if resp.StatusCode != http.StatusUnauthorized || strings.Contains(text, "wrong secret") || strings.Contains(text, "<script") {
			t.Errorf("a wrong password: %s\n%s", resp.Status, text)
		}
		wantSays(t, "the page after it", text, "The name or the password is wrong.", `role="alert"`, `name="next" value="/limits"`)
	}
}

func TestThePageToSignInWarnsWherePasswordsCanBeRead(t *testing.T) {
	r := launchWith(t, "", "--web.listen-address=0.0.0.0:0")
	r.wantPage("/login", http.StatusOK, nil, "not encrypted")
}

func TestStrangersLearnNothingFromPages(t *testing.T) {
	r := launchWith(t, "")
	ann := r.signIn("ann", "correct horse")
	resp, text := r.do(http.MethodPost, r.web, "/api/v1/bypass", []byte(`{"for":"1h","reason":"the reason of ann"}`), func(req *http.Request) {
		ann(req)
		req.Header.Set("Content-Type", "application/json")
	})
	if resp.StatusCode >= 300 {
		t.Fatalf("bypass: %s %s", resp.Status, text)
	}
	r.wantPage("/", http.StatusOK, ann, "the reason of ann")
	for _, path := range []string{"/logout", "/auth/nothing", "/auth/"} {
		text := r.wantPage(path, http.StatusForbidden, nil, "You have no role here")
		if strings.Contains(text, "the reason of ann") || strings.Contains(text, "<nav") {
			t.Errorf("GET %s shows a stranger what is behind it:\n%s", path, text)
		}
	}
}

func TestPagesSayWhoIsSignedIn(t *testing.T) {
	r := launchWith(t, "")
	ann, vic := r.signIn("ann", "correct horse"), r.signIn("vic", "battery staple")
	r.wantPage("/", http.StatusOK, ann, "Signed in as ann", `action="/logout"`, `href="/tokens"`)
	text := r.wantPage("/", http.StatusOK, vic, "Signed in as vic", "viewer", "<dd>a</dd>")
	if strings.Contains(text, `href="/tokens`) {
		t.Error("the navigation leads a viewer to tokens")
	}
	text = r.wantPage("/status", http.StatusOK, vic)
	for _, not := range []string{`href="/metrics"`, "/debug/pprof"} {
		if strings.Contains(text, not) {
			t.Errorf("the status leads a viewer to %s", not)
		}
	}
	text = r.wantPage("/activity", http.StatusOK, vic)
	if strings.Contains(text, "/activity/audit") {
		t.Error("the activity leads a viewer to the audit")
	}
	for _, path := range []string{"/tokens", "/activity/audit", "/metrics", "/limits/b", "/profile/metrics?tenant=b"} {
		r.wantPage(path, http.StatusForbidden, vic, "You may not see that")
	}
	if resp, text := r.post("/logout", nil, page(ann)); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login" {
		t.Errorf("sign out: %s to %s: %s", resp.Status, resp.Header.Get("Location"), text)
	}
	if resp, _ := r.do(http.MethodGet, r.web, "/", nil, page(ann)); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login?next=%2F" {
		t.Errorf("and then: %s to %s, want the page to sign in", resp.Status, resp.Header.Get("Location"))
	}
}

func TestNobodySignsInWhereNobodyHasTo(t *testing.T) {
	r := launch(t, map[string]string{"headgate.yml": "storage: {url: sqlite://store.db}\n"}, "--config.file=DIR/headgate.yml")
	if text := r.wantPage("/", http.StatusOK, nil, `href="/tokens"`); strings.Contains(text, "Sign out") {
		t.Error("somebody can sign out who did not sign in")
	}
}

func TestTokensByForm(t *testing.T) {
	r := launchWith(t, "")
	ann, vic := r.signIn("ann", "correct horse"), r.signIn("vic", "battery staple")
	form := map[string]string{"name": `ci <b>"of"</b> cart`, "role": "viewer", "tenants": "a\r\nb\r\n", "expires": "30d"}
	for name, tt := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"a viewer":     {vic, http.StatusForbidden},
		"another site": {func(req *http.Request) { ann(req); req.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"another origin": {func(req *http.Request) {
			ann(req)
			req.Header.Del("Sec-Fetch-Site")
			req.Header.Set("Origin", "https://evil.example")
		}, http.StatusForbidden},
		"it says not from where": {func(req *http.Request) { ann(req); req.Header.Del("Sec-Fetch-Site") }, http.StatusUnauthorized},
	} {
		if resp, text := r.post("/tokens", form, page(tt.change)); resp.StatusCode != tt.want {
			t.Errorf("%s: %s %s, want %d", name, resp.Status, text, tt.want)
		}
	}
	r.wantPage("/tokens", http.StatusOK, ann, "There is no token")
	for field, wrong := range map[string]string{"name": "", "role": "root", "tenants": "../b", "expires": "1000y"} {
		bad := map[string]string{}
		for k, v := range form {
			bad[k] = v
		}
		bad[field] = wrong
		resp, text := r.post("/tokens", bad, page(ann))
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, `role="alert"`) || strings.Contains(text, "hg_") {
			t.Errorf("with the %s %q: %s %.2000s, want 422", field, wrong, resp.Status, text)
		}
	}
	resp, text := r.post("/tokens", form, page(ann))
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/tokens?done=made" || len(resp.Cookies()) != 1 || strings.Contains(text+fmt.Sprint(resp.Header), "hg_") {
		t.Fatalf("make a token: %s %s %s", resp.Status, resp.Header, text)
	}
	key := resp.Cookies()[0]
	if !key.HttpOnly || key.SameSite != http.SameSiteStrictMode || key.Path != "/tokens" {
		t.Errorf("the secret is fetched with the cookie %s", key)
	}
	with := func(who func(*http.Request)) func(*http.Request) {
		return func(req *http.Request) { who(req); req.AddCookie(key) }
	}
	r.wantPage("/tokens", http.StatusForbidden, with(vic))
	resp, text = r.do(http.MethodGet, r.web, "/tokens?done=made", nil, page(with(ann)))
	secret := regexp.MustCompile(`hg_[0-9A-Za-z]{49}`).FindString(text)
	if resp.StatusCode != http.StatusOK || secret == "" || strings.Contains(text, "<b>") || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the page behind the form: %s %s %s", resp.Status, resp.Header, text)
	}
	if again := r.wantPage("/tokens?done=made", http.StatusOK, with(ann), "The token is made"); strings.Contains(again, "hg_") {
		t.Error("loading the page again shows the secret again")
	}
	for path, want := range map[string]int{"/api/v1/flow?tenant=a": 200, "/api/v1/flow?tenant=c": 403} {
		if resp, text := r.do(http.MethodGet, r.web, path, nil, bearer(secret)); resp.StatusCode != want {
			t.Errorf("GET %s with the token: %s %s, want %d", path, resp.Status, text, want)
		}
	}
	text = r.wantPage("/tokens", http.StatusOK, ann, "&lt;b&gt;", "a, b", "in 29")
	if strings.Contains(text, secret) {
		t.Error("the secret is shown again")
	}
	revoke := regexp.MustCompile(`action="(/tokens/[^"]+/revoke)"`).FindStringSubmatch(text)
	if revoke == nil {
		t.Fatalf("there is no form to revoke it:\n%s", text)
	}
	if resp, _ := r.post(revoke[1], nil, page(vic)); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer revokes it: %s, want 403", resp.Status)
	}
	if resp, text := r.post(revoke[1], nil, page(ann)); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/tokens?done=revoked" {
		t.Errorf("revoke it: %s %s", resp.Status, text)
	}
	if resp, _ := r.do(http.MethodGet, r.web, "/api/v1/flow?tenant=a", nil, bearer(secret)); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("with the token that was revoked: %s, want 401", resp.Status)
	}
	if resp, _ := r.post(revoke[1], nil, page(ann)); resp.StatusCode != http.StatusNotFound {
		t.Errorf("revoke it again: %s, want 404", resp.Status)
	}
	text = r.wantPage("/activity/audit", http.StatusOK, ann, "token.create", "token.revoke", "ci &lt;b&gt;&#34;of&#34;&lt;/", `<a class="name" href="/activity/audit?who=ann">ann</a>`, "from 127.0.0.1", "<ins><code>viewer</code></ins>", "<del><code>viewer</code></del>")
	if strings.Contains(text, secret) {
		t.Error("the audit shows the secret")
	}
	text = r.wantPage("/activity/audit?verb=token.revoke", http.StatusOK, ann, "token.revoke")
	if strings.Contains(text, "<ins>") {
		t.Error("filtered by the verb, there are others")
	}
	r.wantPage("/activity/audit?from=yesterday", http.StatusUnprocessableEntity, ann, "from is no time")
	r.wantPage("/activity/audit?cursor=x", http.StatusUnprocessableEntity, ann, "Cursor: it is none")
	if strings.Contains(r.log.String(), secret) {
		t.Error("the log shows the secret")
	}
}

func TestTheAuditIsReadPageByPage(t *testing.T) {
	r := launchWith(t, "")
	ann := r.signIn("ann", "correct horse")
	for range 60 {
		r.token(ann, caller{role: "viewer"})
	}
	text := r.wantPage("/activity/audit", http.StatusOK, ann, "50 changes on this page")
	next := regexp.MustCompile(`href="(/activity/audit\?cursor=\d+)"`).FindStringSubmatch(text)
	if next == nil {
		t.Fatalf("no link leads on:\n%s", text)
	}
	r.wantPage(next[1], http.StatusOK, ann, "11 changes on this page", "session.begin", "First page")
}
