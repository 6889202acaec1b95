package signin

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/headgate/headgate/internal/auth"
)

const (
	// providerTimeout is how long a question to the identity provider may take.
	providerTimeout = 10 * time.Second

	// maxProviderAnswer is how long its answers may be, in bytes.
	maxProviderAnswer = 1 << 20

	// signInTime is how long somebody may stay at the provider.
	signInTime = 10 * time.Minute

	maxGroups   = 10_000 // that are looked at
	maxNameUsed = 128    // bytes
)

// A provider is an OpenID Connect identity provider.
type provider struct {
	config *auth.OIDCConfig
	secret string
	found  atomic.Pointer[oidc.Provider] // nil: not yet
}

// same reports whether what was found of p is true of other.
func (p *provider) same(other *provider) bool {
	return p != nil && p.config.Issuer == other.config.Issuer && p.config.ClientID == other.config.ClientID && p.secret == other.secret
}

// with returns p with another configuration of the same provider.
func (p *provider) with(c *auth.OIDCConfig) *provider {
	n := &provider{config: c, secret: p.secret}
	n.found.Store(p.found.Load())
	return n
}

// providerClient asks the provider. It follows no redirect: none of its endpoints
// has a reason to.
var providerClient = &http.Client{
	Timeout:       providerTimeout,
	Transport:     bounded{http.DefaultTransport},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// bounded cuts answers off.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body := resp.Body
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(body, maxProviderAnswer), body}
	return resp, nil
}

// discover asks the provider where its endpoints and keys are.
func (p *provider) discover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, providerClient), providerTimeout)
	defer cancel()
	found, err := oidc.NewProvider(ctx, p.config.Issuer)
	if err != nil {
		return err
	}
	for _, endpoint := range []string{found.Endpoint().AuthURL, found.Endpoint().TokenURL} {
		if u, err := url.Parse(endpoint); err != nil || u.Scheme != "https" && !strings.HasPrefix(p.config.Issuer, "http:") {
			return errors.New("an endpoint that it names is no https URL")
		}
	}
	p.found.Store(found)
	return nil
}

// errNoAddress is the error where it is not known to where the provider should send
// the browser back.
var errNoAddress = errors.New("where browsers reach Headgate is not known: set --web.external-url or auth.oidc.redirect_url")

// oauth returns what asks the provider for a code and for tokens.
func (si *SignIn) oauth(p *provider, found *oidc.Provider, r *http.Request) (*oauth2.Config, error) {
	c := &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.secret, Endpoint: found.Endpoint(), Scopes: p.config.Scope(), RedirectURL: p.config.RedirectURL,
	}
	switch u := si.parts.ExternalURL; {
	case c.RedirectURL != "":
	case u != nil && u.Host != "":
		c.RedirectURL = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: si.Public(auth.CallbackPath)}).String()
	default:
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, errNoAddress
		}
		c.RedirectURL = (&url.URL{Scheme: "http", Host: r.Host, Path: auth.CallbackPath}).String()
		if si.parts.Secure {
			c.RedirectURL = "https" + strings.TrimPrefix(c.RedirectURL, "http")
		}
	}
	return c, nil
}

// A trip is what is remembered while somebody is at the provider. The browser keeps
// it, in a cookie of this host: strangers leave nothing on the server, and any
// process can take the answer. State ties the answer to this browser, the nonce ties
// the token to it, the verifier the code.
type trip struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Next     string `json:"next"`
}

func (si *SignIn) tripCookie(value string, age time.Duration) *http.Cookie {
	c := &http.Cookie{Name: "headgate_signin", Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(age.Seconds())}
	if si.parts.Secure {
		c.Name, c.Secure = "__Host-headgate_signin", true
	}
	if age < 0 {
		c.MaxAge = -1
	}
	return c
}

// startProvider sends a browser to the provider.
func (si *SignIn) startProvider(rw http.ResponseWriter, r *http.Request) {
	next := LocalPath(r.URL.Query().Get("next"))
	p := si.current.Load().provider
	if p == nil {
		si.page(rw, r, Page{Status: http.StatusNotFound, Next: next, Problem: "There is no identity provider to sign in through."})
		return
	}
	found := p.found.Load()
	if found == nil {
		si.page(rw, r, Page{Status: http.StatusServiceUnavailable, Next: next, Problem: "The identity provider does not answer; try again, or sign in with a password."})
		return
	}
	c, err := si.oauth(p, found, r)
	if err != nil {
		si.parts.Log.Error("nobody can sign in through the identity provider", slog.Any("err", err))
		si.page(rw, r, Page{Status: http.StatusInternalServerError, Next: next, Problem: "Headgate is not set up to be signed in to from here; its log says what to do."})
		return
	}
	t := trip{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(), Next: next}
	text, err := json.Marshal(t)
	if err != nil {
		http.Error(rw, "internal error", http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Cache-Control", "no-store")
	http.SetCookie(rw, si.tripCookie(base64.RawURLEncoding.EncodeToString(text), signInTime))
	http.Redirect(rw, r, c.AuthCodeURL(t.State, oidc.Nonce(t.Nonce), oauth2.S256ChallengeOption(t.Verifier)), http.StatusFound)
}

// A stopped is why somebody who comes from the provider is not signed in.
type stopped struct {
	status int
	text   string // for them
	err    error  // for the log
}

// finishProvider takes a browser that comes back from the provider.
func (si *SignIn) finishProvider(rw http.ResponseWriter, r *http.Request) {
	p := si.current.Load()
	t := si.takeTrip(rw, r)
	id, stop := si.arrive(p, t, r)
	if stop != nil {
		si.parts.Log.Warn("sign-in through the identity provider is refused", slog.String("from", address(r)), slog.Any("err", stop.err))
		si.refused.add(Passage{At: time.Now(), From: address(r), By: p.issuer(), Reason: stop.err.Error()})
		si.page(rw, r, Page{Status: stop.status, Next: LocalPath(t.Next), Problem: stop.text})
		return
	}
	si.welcome(rw, r, p, id, LocalPath(t.Next))
}

// issuer names the identity provider, "" where there is none.
func (p *policy) issuer() string {
	if p.provider == nil {
		return ""
	}
	return p.provider.config.Issuer
}

// takeTrip returns what the browser kept, which is zero where it kept nothing, and
// takes it away.
func (si *SignIn) takeTrip(rw http.ResponseWriter, r *http.Request) trip {
	var t trip
	empty := si.tripCookie("", -1)
	if cookies := r.CookiesNamed(empty.Name); len(cookies) == 1 {
		if text, err := base64.RawURLEncoding.DecodeString(cookies[0].Value); err != nil || json.Unmarshal(text, &t) != nil {
			t = trip{}
		}
	}
	http.SetCookie(rw, empty)
	return t
}

// arrive returns who the provider says it is.
func (si *SignIn) arrive(p *policy, t trip, r *http.Request) (identity, *stopped) {
	const again = "Signing in did not work; begin again."
	q := r.URL.Query()
	if p.provider == nil || p.provider.found.Load() == nil {
		return identity{}, &stopped{http.StatusServiceUnavailable, "The identity provider is not known by now; begin again.", errors.New("no provider")}
	}
	if t.State == "" || subtle.ConstantTimeCompare([]byte(t.State), []byte(q.Get("state"))) != 1 {
		return identity{}, &stopped{http.StatusBadRequest, again, errors.New("the state is not this browser's")}
	}
	if code := q.Get("error"); code != "" {
		return identity{}, &stopped{http.StatusForbidden, "The identity provider did not let you in.", fmt.Errorf("the provider says %.100q", code)}
	}
	found := p.provider.found.Load()
	c, err := si.oauth(p.provider, found, r)
	if err != nil {
		return identity{}, &stopped{http.StatusInternalServerError, again, err}
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(r.Context(), providerClient), providerTimeout)
	defer cancel()
	tokens, err := c.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(t.Verifier))
	if err != nil {
		return identity{}, &stopped{http.StatusBadGateway, again, fmt.Errorf("exchange the code: %w", withoutBody(err))}
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := found.Verifier(&oidc.Config{ClientID: c.ClientID}).Verify(ctx, raw)
	if err != nil {
		return identity{}, &stopped{http.StatusBadGateway, again, fmt.Errorf("verify the token: %w", err)}
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(t.Nonce)) != 1 {
		return identity{}, &stopped{http.StatusBadRequest, again, errors.New("the nonce is not this browser's")}
	}
	return p.identify(token)
}

// withoutBody leaves out what the provider answered: there may be a token in it.
func withoutBody(err error) error {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return fmt.Errorf("the provider answers %s %.100q", e.Response.Status, e.ErrorCode)
	}
	return err
}

// identify returns who a token is of, unless they may do nothing here.
func (p *policy) identify(token *oidc.IDToken) (identity, *stopped) {
	var claims map[string]json.RawMessage
	if err := token.Claims(&claims); err != nil {
		return identity{}, &stopped{http.StatusBadGateway, "Signing in did not work; begin again.", err}
	}
	id := identity{Issuer: p.settings.OIDC.Issuer, Name: nameIn(claims, token.Subject)}
	groups := groupsIn(claims[p.settings.OIDC.Claim()])
	id.Groups = p.settings.OIDC.Known(groups)
	if _, ok := p.actor(id); !ok {
		return identity{}, &stopped{http.StatusForbidden, "None of your groups has a role here; ask an admin of Headgate.",
			fmt.Errorf("none of the %d groups of %q in the claim %s has a role", len(groups), id.Name, p.settings.OIDC.Claim())}
	}
	return id, nil
}

// nameIn returns a name for people, made fit to be shown.
func nameIn(claims map[string]json.RawMessage, subject string) string {
	name := subject
	for _, claim := range []string{"email", "preferred_username"} {
		var text string
		if json.Unmarshal(claims[claim], &text) == nil && text != "" {
			name = text
			break
		}
	}
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
	if len(name) > maxNameUsed {
		name = strings.ToValidUTF8(name[:maxNameUsed], "")
	}
	return name
}

// groupsIn returns the groups of a claim: a list of names, or one name.
func groupsIn(claim json.RawMessage) []string {
	var list []string
	if json.Unmarshal(claim, &list) == nil {
		return list[:min(len(list), maxGroups)]
	}
	var one string
	if json.Unmarshal(claim, &one) == nil && one != "" {
		return []string{one}
	}
	return nil
}

func nextQuery(next string) string { return url.Values{"next": {next}}.Encode() }
