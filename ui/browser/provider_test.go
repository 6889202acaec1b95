package browser

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"
	"github.com/oauth2-proxy/mockoidc"

	"github.com/headgate/headgate/internal/control/controltest"
)

// provide runs an identity provider, which must be asked for a code with PKCE, state
// and nonce.
func provide(t *testing.T) *mockoidc.MockOIDC {
	t.Helper()
	m, err := mockoidc.NewServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.AddMiddleware(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if q := r.URL.Query(); strings.HasSuffix(r.URL.Path, "/authorize") &&
				(q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" || q.Get("state") == "" || q.Get("nonce") == "") {
				t.Errorf("the provider is asked %s, want a code with PKCE, state and nonce", r.URL)
			}
			next.ServeHTTP(rw, r)
		})
	}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(l, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// launchWith runs headgate serve with the user ann, an admin, and a provider of which
// the group dev are editors of the team cart.
func launchWith(t *testing.T, m *mockoidc.MockOIDC) string {
	t.Helper()
	c := m.Config()
	return launch(t, map[string]string{"secret": c.ClientSecret, "headgate.yml": fmt.Sprintf(`auth:
  users: [{name: ann, role: admin, password_hash: '%s'}]
  oidc:
    issuer: %s
    client_id: %s
    client_secret_file: secret
    scopes: [openid, profile, email, groups]
    roles: {sre: admin, dev: editor}
    teams: {dev: [cart]}
storage: {url: sqlite://store.db}
`, openHash, c.Issuer, c.ClientID)}, "identity provider is found")
}

// trust makes the browser take any certificate.
func (v *visitor) trust() {
	v.t.Helper()
	if _, err := chromedp.Call(v.ctx, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}); err != nil {
		v.t.Fatal(err)
	}
}

// cookies are those that the browser has for an address.
func (v *visitor) cookies(address string) map[string]*network.Cookie {
	v.t.Helper()
	got, err := chromedp.Call(v.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{address + "/", address + "/auth/oidc/callback"}})
	if err != nil {
		v.t.Fatal(err)
	}
	list := map[string]*network.Cookie{}
	for _, c := range got.Cookies {
		list[c.Name] = c
	}
	return list
}

const sessionCookie = "__Host-headgate_session"

// wantSession checks that the cookie of the session is for the server alone, and that
// there is no other.
func (v *visitor) wantSession(address string) *network.Cookie {
	v.t.Helper()
	list := v.cookies(address)
	c := list[sessionCookie]
	if c == nil || len(list) != 1 {
		v.t.Fatalf("the browser has the cookies %v, want that of a session", list)
	}
	if !c.HTTPOnly || !c.Secure || c.SameSite != network.CookieSameSiteLax || c.Path != "/" || !c.Session || c.Domain != "127.0.0.1" {
		v.t.Errorf("the cookie of the session is %+v", *c)
	}
	if seen := eval[string](v.t, v.ctx, `document.cookie`); strings.Contains(seen, "session") {
		v.t.Errorf("scripts can read %q", seen)
	}
	return c
}

func TestPeopleSignInThroughAProvider(t *testing.T) {
	m := provide(t)
	address := launchWith(t, m)
	withAndWithout(t, func(t *testing.T, v *visitor) {
		v.trust()
		m.QueueUser(&mockoidc.MockUser{Subject: "1", Email: "dee@example.com", Groups: []string{"dev", "other"}})
		v.open(address + "/rules?tenant=shop")
		v.at("Sign in")
		v.press("Sign in with your identity provider")
		v.at("Rules")
		if at := eval[string](t, v.ctx, `location.pathname + location.search`); at != "/rules?tenant=shop" {
			t.Errorf("signed in, one is at %s", at)
		}
		session := v.wantSession(address)
		v.press("oidc:dee@example.com")
		if facts := v.texts(".who .facts dd"); !slices.Equal(facts, []string{"oidc:dee@example.com", "editor", "cart"}) {
			t.Errorf("who is signed in is %q, want an editor of cart", facts)
		}
		if places := v.text(".places"); strings.Contains(places, "Tokens") {
			t.Errorf("an editor is led to %s", places)
		}
		v.press("Sign out")
		v.at("Sign in")
		if list := v.cookies(address); len(list) != 0 {
			t.Errorf("signed out, the browser has the cookies %v", list)
		}
		yes := true
		if _, err := chromedp.Call(v.ctx, network.SetCookie, network.SetCookieParams{
			Name: session.Name, Value: session.Value, URL: address + "/", Path: "/", Secure: &yes, HTTPOnly: &yes, SameSite: network.CookieSameSiteLax,
		}); err != nil {
			t.Fatal(err)
		}
		if v.cookies(address)[sessionCookie] == nil {
			t.Fatal("the cookie of before was not put back")
		}
		v.open(address + "/rules")
		v.at("Sign in")

		hostile := controltest.HostileNames[1]
		m.QueueUser(&mockoidc.MockUser{Subject: "2", Email: hostile, Groups: []string{"dev", "sre"}})
		v.press("Sign in with your identity provider")
		v.at("Rules")
		v.press("Tokens")
		v.at("API tokens")
		v.press("Activity")
		v.at("Activity")
		wantSound(t, v.ctx, "the activity of somebody with a hostile name")
		v.press("oidc:" + hostile)
		v.press("Sign out")
		v.at("Sign in")

		m.QueueUser(&mockoidc.MockUser{Subject: "3", Email: "eve@example.com", Groups: []string{"other"}})
		v.press("Sign in with your identity provider")
		until(t, v.ctx, `document.querySelector('[role=alert]')?.textContent.includes('None of your groups has a role here')`)
		if list := v.cookies(address); len(list) != 0 {
			t.Errorf("somebody without a role has the cookies %v", list)
		}
		v.open(address + "/rules")
		v.at("Sign in")
	})
}

func TestWhoGuessesPasswordsWaits(t *testing.T) {
	address := launchWith(t, provide(t))
	v := visit(t, true)
	v.trust()
	try := func(password string) {
		t.Helper()
		eval[bool](t, v.ctx, `window.tried = true`)
		v.fill("input[name=password]", password)
		v.press("Sign in")
		until(t, v.ctx, `!window.tried && document.readyState === 'complete'`)
	}
	v.open(address + "/rules")
	v.at("Sign in")
	v.fill("input[name=name]", "ann")
	const free, enough = 5, 12
	for n := 1; ; n++ {
		try("closed")
		problem := v.text("[role=alert]")
		if strings.HasPrefix(problem, "There were too many attempts; try again in ") {
			if n <= free {
				t.Errorf("attempt %d has to wait", n)
			}
			break
		}
		if problem != "The name or the password is wrong." || n == enough {
			t.Fatalf("attempt %d: %q", n, problem)
		}
		if kept := eval[string](t, v.ctx, `document.querySelector('input[name=name]').value + document.querySelector('input[name=password]').value`); kept != "ann" {
			t.Errorf("the form keeps %q, want the name alone", kept)
		}
	}
	for eval[string](t, v.ctx, `location.pathname`) == "/login" { // who waits is let in
		try("open")
	}
	v.at("Rules")
	v.wantSession(address)
}

// What another site sends, the browser says so, and nothing is done.
func TestOtherSitesCannotSendForms(t *testing.T) {
	address := launchWith(t, provide(t))
	evil := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(rw, `<h1>Win</h1><form method="post" action="%s/status/bypass"><input name="for" value="1h"><input name="reason" value="win"><button>Win now</button></form>`, address)
	}))
	t.Cleanup(evil.Close)
	v := visit(t, true)
	v.trust()
	v.signIn(address, "ann")
	v.wantSession(address)
	v.open(evil.URL)
	v.at("Win")
	v.press("Win now")
	v.at("This came from another site")
	v.open(address + "/status")
	v.at("Status")
	if state := v.text("section[aria-labelledby=bypass] .badge"); state != "off" {
		t.Errorf("the bypass is %s", state)
	}
}
