package ui

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/tenant"
)

// A tokensView is the API tokens, and the form for another.
type tokensView struct {
	Head headView
	Made *madeView // nil where none was made just now
	Rows []tokenView
	Form tokenForm
}

// A madeView is a new token, which is shown this once.
type madeView struct {
	Name string
	Copy []copyView
}

// A tokenView is what is known of a token.
type tokenView struct {
	Name           nameView
	State          badgeView
	Role           string
	Reach          string
	By             string
	Made, Used     when
	Expires        when
	Revoke         templ.SafeURL
	RevokeQuestion string
}

// A tokenForm is what somebody wants a token to be.
type tokenForm struct {
	Action               templ.SafeURL
	Name, Tenants, Teams string
	Role, Expires        string
	Roles                []string
	Lifetimes            []lifetime
	Field, Problem       string // what is wrong with it
}

// A lifetime is how long a token is to be taken.
type lifetime struct {
	Name, Text string
	Days       int // 0: for ever
}

// lifetimes are those to choose from, the first unless somebody does.
var lifetimes = []lifetime{{"90d", "90 days", 90}, {"7d", "7 days", 7}, {"30d", "30 days", 30}, {"1y", "a year", 365}, {"never", "no end", 0}}

func (r *request) tokens() (page, error) {
	list, err := r.control.Tokens(r.context())
	if err != nil {
		return page{}, err
	}
	v := newTokensView(r, list)
	if c, err := r.http.Cookie(handoverCookie); err == nil && r.http.Method == http.MethodGet {
		if made, ok := r.site.made.take(c.Value, r.actor.String(), r.now); ok {
			v.Made = newMadeView(r, made.token, made.secret)
		}
		r.cookies = append(r.cookies, r.keyCookie(""))
	}
	return tokensPageOf(v), nil
}

func tokensPageOf(v tokensView) page {
	return page{Title: "API tokens", Place: "Tokens", Tenant: noTenant, Body: tokensPage(v)}
}

func newTokensView(r *request, list []control.Token) tokensView {
	v := tokensView{
		Head: headView{Title: "API tokens", Lead: "Scripts come with a token, people sign in. What is kept of a token is its hash: who has it got it when it was made."},
		Form: newTokenForm(r),
	}
	for _, t := range slices.Backward(list) {
		v.Rows = append(v.Rows, newTokenView(r, t))
	}
	return v
}

func newTokenView(r *request, t control.Token) tokenView {
	v := tokenView{
		Name: newNameView(t.Name, ""), Role: string(t.Role), Reach: "all tenants", By: short(t.CreatedBy),
		Made: newWhen(t.CreatedAt, r.now), Used: newWhen(t.UsedAt, r.now), Expires: newWhen(t.ExpiresAt, r.now),
		Revoke: r.site.address(pathOf("/tokens", t.ID)+"/revoke", nil), RevokeQuestion: "Whatever uses it is refused from now on. This cannot be undone.",
	}
	if len(t.Tenants) > 0 {
		v.Reach = some(words(t.Tenants))
	}
	if len(t.Teams) > 0 {
		v.Reach += "; of " + some(t.Teams)
	}
	const soon = 7 * 24 * time.Hour
	switch {
	case t.Expired(r.now):
		v.State = badgeView{Text: "expired", Tone: "bad", Title: "It is not taken any more"}
	case !t.ExpiresAt.IsZero() && t.ExpiresAt.Sub(r.now) < soon:
		v.State = badgeView{Text: "expires soon", Tone: "warn"}
	}
	return v
}

// newTokenForm returns the form as it was filled in, or anew.
func newTokenForm(r *request) tokenForm {
	f := tokenForm{
		Action: r.site.address("/tokens", nil), Lifetimes: lifetimes, Name: r.get("name"), Tenants: r.query.Get("tenants"), Teams: r.query.Get("teams"),
		Role: r.get("role"), Expires: r.get("expires"),
	}
	if f.Tenants == "" && !r.actor.SeesAll() {
		f.Tenants = strings.Join(words(r.actor.Tenants), "\n")
	}
	for _, role := range []auth.Role{auth.Viewer, auth.Editor, auth.FinOps, auth.Admin} {
		if (auth.Actor{Role: role, Tenants: r.actor.Tenants}).Within(r.actor) {
			f.Roles = append(f.Roles, string(role))
		}
	}
	return f
}

// createToken makes a token. Its secret is on the page that the browser goes to then,
// once, so that loading that again makes no other token.
func (r *request) createToken() (templ.SafeURL, page, error) {
	t := control.Token{Name: r.get("name"), Role: auth.Role(r.get("role")), Teams: wholeLines(r.query.Get("teams"))}
	for _, name := range wholeLines(r.query.Get("tenants")) {
		t.Tenants = append(t.Tenants, tenant.ID(name))
	}
	i := slices.IndexFunc(lifetimes, func(l lifetime) bool { return l.Name == r.get("expires") })
	var made control.Token
	var secret string
	var err error = &control.Invalid{Field: "expires", Text: "choose one of those that are listed"}
	if i >= 0 {
		if days := lifetimes[i].Days; days > 0 {
			t.ExpiresAt = r.now.AddDate(0, 0, days)
		}
		made, secret, err = r.control.CreateToken(r.context(), t)
	}
	invalid, isInvalid := errors.AsType[*control.Invalid](err)
	if err != nil && !isInvalid {
		return "", page{}, err
	}
	if !isInvalid {
		key := r.site.made.put(handed{token: made, secret: secret, by: r.actor.String()}, r.now)
		r.cookies = append(r.cookies, r.keyCookie(key))
		return r.site.address("/tokens", url.Values{"done": {"made"}}), page{}, nil
	}
	list, err := r.control.Tokens(r.context())
	if err != nil {
		return "", page{}, err
	}
	v := newTokensView(r, list)
	v.Form.Field, v.Form.Problem = invalid.Field, sentence(shown(invalid.Text))+"."
	p := tokensPageOf(v)
	p.Status = unprocessable
	return "", p, nil
}

func newMadeView(r *request, t control.Token, secret string) *madeView {
	return &madeView{Name: short(t.Name), Copy: []copyView{
		{ID: "secret", Title: "The token", Text: secret, Note: "It is not kept, and not shown again: copy it now."},
		{ID: "secret-curl", Title: "Try it", Text: "curl -H \"Authorization: Bearer $TOKEN\" " + shell(r.apiURL("/rules")), Note: "with the token as TOKEN in the environment"},
	}}
}

func (r *request) revokeToken() (templ.SafeURL, page, error) {
	if err := r.control.RevokeToken(r.context(), r.http.PathValue("id")); err != nil {
		return "", page{}, err
	}
	return r.site.address("/tokens", url.Values{"done": {"revoked"}}), page{}, nil
}

// wholeLines returns the lines of a text that say something, once each.
func wholeLines(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(list, line) {
			list = append(list, line)
		}
	}
	return list
}
