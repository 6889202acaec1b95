package signin

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/headgate/headgate/internal/auth"
)

// A Page is what the page to sign in shows.
type Page struct {
	Status  int    // of the answer
	Problem string // why nobody is signed in; "" at first
	Next    string // a path of this listener
	Name    string // as it was typed in

	// Where its forms and links lead to.
	LoginPath, ProviderPath string

	Passwords bool // there are users with passwords
	Provider  bool // there is an identity provider
}

// A PageFunc writes the page to sign in, with its status.
type PageFunc func(rw http.ResponseWriter, r *http.Request, p Page)

// maxForm is how long the form to sign in may be, in bytes.
const maxForm = 16 << 10

// Register adds the paths that let people sign in and out.
func (si *SignIn) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /login", si.showLogin)
	mux.HandleFunc("POST /login", si.Login)
	mux.HandleFunc("POST /logout", si.Logout)
	mux.HandleFunc("GET /auth/oidc/start", si.startProvider)
	mux.HandleFunc("GET "+auth.CallbackPath, si.finishProvider)
}

func (si *SignIn) showLogin(rw http.ResponseWriter, r *http.Request) {
	next := LocalPath(r.URL.Query().Get("next"))
	if !si.Enabled() {
		http.Redirect(rw, r, si.Public(next), http.StatusSeeOther)
		return
	}
	si.page(rw, r, Page{Status: http.StatusOK, Next: next})
}

// page writes the page to sign in.
func (si *SignIn) page(rw http.ResponseWriter, r *http.Request, p Page) {
	s := si.current.Load().settings
	p.Passwords, p.Provider = len(s.Users) > 0, s.OIDC != nil
	p.LoginPath = si.Public("/login")
	p.ProviderPath = si.Public("/auth/oidc/start") + "?" + nextQuery(p.Next)
	h := rw.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	(*si.pages.Load())(rw, r, p)
}

// Login takes the form with name, password and next, and sends who signed in to
// next. Whoever did not sees the page again.
func (si *SignIn) Login(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		si.page(rw, r, Page{Status: http.StatusBadRequest, Next: "/", Problem: "The form cannot be read; fill it in again."})
		return
	}
	p := si.current.Load()
	page := Page{Next: LocalPath(r.PostForm.Get("next")), Name: r.PostForm.Get("name")}
	a, err := si.door.Check(r.Context(), p.settings, page.Name, r.PostForm.Get("password"), address(r))
	slow, slowed := errors.AsType[*auth.SlowDown](err)
	switch {
	case slowed:
		rw.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(slow.Wait.Seconds())))))
		page.Status, page.Problem = http.StatusTooManyRequests, "There were "+slow.Error()+"."
	case errors.Is(err, auth.ErrPassword):
		page.Status, page.Problem = http.StatusUnauthorized, "The name or the password is wrong."
	case err != nil:
		page.Status, page.Problem = http.StatusServiceUnavailable, "Too many people sign in at once; try again."
	}
	if err != nil {
		si.refuse(p, r, page.Name, err)
		si.page(rw, r, page)
		return
	}
	si.welcome(rw, r, p, identity{Name: a.Name, Stamp: p.settings.Stamp(a.Name)}, page.Next)
}

// welcome begins the session of who signed in.
func (si *SignIn) welcome(rw http.ResponseWriter, r *http.Request, p *policy, id identity, next string) {
	name := id.actorName()
	if err := p.sessions.begin(rw, r, id); err != nil {
		si.parts.Log.Error("a session cannot begin", slog.Any("err", err))
		si.page(rw, r, Page{Status: http.StatusServiceUnavailable, Next: next, Name: name, Problem: "The store does not answer; try again."})
		return
	}
	si.parts.Log.Info("signed in", slog.String("user", name), slog.String("from", address(r)))
	si.parts.Tell(name, fmt.Sprintf("%q signed in from %s", name, address(r)))
	si.pass(SignedIn, r, id)
	http.Redirect(rw, r, si.Public(next), http.StatusSeeOther)
}

// refuse notes that somebody did not get in. What was typed in as a name is not noted
// where nobody has it: it may be a password.
func (si *SignIn) refuse(p *policy, r *http.Request, name string, err error) {
	told := name
	if _, known := p.settings.User(name); !known {
		told, name = "unknown", ""
	}
	si.parts.Log.Warn("sign-in is refused", slog.String("user", told), slog.String("from", address(r)), slog.Any("err", err))
	si.refused.add(Passage{At: time.Now(), User: name, From: address(r), By: ByPassword, Reason: err.Error()})
}

// Logout ends the session of who asks.
func (si *SignIn) Logout(rw http.ResponseWriter, r *http.Request) {
	p := si.current.Load()
	id, none := p.sessions.identity(r)
	if err := p.sessions.end(rw, r); err != nil {
		si.parts.Log.Error("a session cannot be ended", slog.Any("err", err))
		http.Error(rw, "The store does not answer, and you are still signed in; try again.", http.StatusServiceUnavailable)
		return
	}
	if none == nil {
		si.pass(SignedOut, r, id)
	}
	http.Redirect(rw, r, si.Public("/login"), http.StatusSeeOther)
}

var plain = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sign in – Headgate</title>
<h1>Sign in</h1>
{{with .Problem}}<p role="alert">{{.}}</p>{{end}}
{{if .Passwords}}<form method="post" action="{{.LoginPath}}">
<input type="hidden" name="next" value="{{.Next}}">
<p><label>Name <input name="name" value="{{.Name}}" autocomplete="username" required></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button>Sign in</button></p>
</form>{{end}}
{{if .Provider}}<p><a href="{{.ProviderPath}}">Sign in with your identity provider</a></p>{{end}}
</html>
`))

// plainPage is the page where nobody gave another.
func plainPage(rw http.ResponseWriter, _ *http.Request, p Page) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	rw.WriteHeader(p.Status)
	_ = plain.Execute(rw, p)
}
