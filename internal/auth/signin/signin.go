// Package signin lets people sign in to the web listener: with a password, or
// through an identity provider. Who signed in has a session, kept by the server;
// the browser has a cookie that names it. Scripts come with an API token instead.
//
//	POST /login ─────────────▶ name, password ──┐
//	GET /auth/oidc/start ────▶ provider         ├──▶ session ──▶ cookie ──▶ next
//	GET /auth/oidc/callback ◀─ code             ┘
//	POST /logout ────────────▶ the session is over
package signin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/internal/auth"
)

// A SignIn knows who asks, and lets people sign in. Its methods may be called from
// any goroutine.
type SignIn struct {
	parts   Parts
	door    *auth.Doorkeeper
	pages   atomic.Pointer[PageFunc]
	current atomic.Pointer[policy]
	memory  *memory
	refused *refusals
	changed chan struct{} // the provider may be another
}

// Parts are what a SignIn needs.
type Parts struct {
	Tokens      *auth.Tokens
	Sessions    func() SessionStore    // nil while the store is not open
	ExternalURL *url.URL               // at which browsers reach the listener; nil: as the request says
	Secure      bool                   // browsers come by https
	Tell        func(who, text string) // of who signed in
	Record      func(Passage)          // of who signed in and out, and of who tried to; nil: nobody records it
	Log         *slog.Logger
}

// A policy is what the configuration says. It is immutable, but for the provider's
// discovery.
type policy struct {
	settings *auth.Settings
	sessions *sessions
	provider *provider // nil: there is none
}

// New returns a SignIn for what the configuration says.
func New(p Parts, s *auth.Settings) *SignIn {
	if p.Record == nil {
		p.Record = func(Passage) {}
	}
	si := &SignIn{parts: p, door: auth.NewDoorkeeper(), memory: newMemory(), refused: newRefusals(p.Record), changed: make(chan struct{}, 1)}
	page := PageFunc(plainPage)
	si.pages.Store(&page)
	si.Reload(s)
	return si
}

// SetPage gives the page that people sign in on.
func (si *SignIn) SetPage(f PageFunc) { si.pages.Store(&f) }

// Reload puts other settings in force. Sessions go on, with what their users may do
// now.
func (si *SignIn) Reload(s *auth.Settings) {
	before := si.current.Load()
	next := &policy{settings: s, sessions: si.newSessions(s.Session)}
	if s.OIDC != nil {
		next.provider = &provider{config: s.OIDC, secret: s.ClientSecret}
		if before != nil && before.provider.same(next.provider) {
			next.provider = before.provider.with(s.OIDC)
		}
	}
	si.current.Store(next)
	select {
	case si.changed <- struct{}{}:
	default:
	}
}

// Enabled reports whether people have to sign in.
func (si *SignIn) Enabled() bool { return si.current.Load().settings.Enabled() }

// Run asks the identity provider where its endpoints are, removes sessions that are
// over, and records attempts that were refused, until ctx is done. Nothing waits for
// any of it.
func (si *SignIn) Run(ctx context.Context) error {
	defer si.refused.end()
	refusals := time.NewTicker(refusalsEvery)
	defer refusals.Stop()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	retry := time.NewTimer(0)
	defer retry.Stop()
	pause := time.Second
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			si.sweep(ctx)
			continue
		case now := <-refusals.C:
			si.refused.sweep(now)
			continue
		case <-si.changed:
			pause = time.Second
		case <-retry.C:
		}
		p := si.current.Load().provider
		if p == nil || p.found.Load() != nil {
			continue
		}
		if err := p.discover(ctx); err != nil {
			si.parts.Log.Warn("identity provider does not answer: nobody can sign in through it", slog.String("issuer", p.config.Issuer), slog.Any("err", err))
			retry.Reset(pause)
			pause = min(2*pause, time.Minute)
		} else {
			si.parts.Log.Info("identity provider is found", slog.String("issuer", p.config.Issuer))
		}
	}
}

// ErrNobody is the error where a request does not say who asks.
var ErrNobody = errors.New("nobody is signed in")

// Actor returns who asks: by token, or by session. Errors are ErrNobody, those of
// [auth.Tokens], or those of a store that does not answer.
func (si *SignIn) Actor(r *http.Request) (auth.Actor, error) {
	from := address(r)
	if headers := r.Header.Values("Authorization"); len(headers) > 0 {
		scheme, secret, _ := strings.Cut(headers[0], " ")
		if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") {
			return auth.Actor{}, ErrNobody
		}
		return si.parts.Tokens.Actor(strings.TrimSpace(secret), from)
	}
	if !fromOwnPage(r) {
		return auth.Actor{}, ErrNobody
	}
	p := si.current.Load()
	id, err := p.sessions.identity(r)
	if err != nil {
		return auth.Actor{}, err
	}
	a, ok := p.actor(id)
	if !ok {
		return auth.Actor{}, ErrNobody
	}
	a.From = from
	return a, nil
}

// actor returns what somebody who signed in may do by now.
func (p *policy) actor(id identity) (auth.Actor, bool) {
	if id.Issuer == "" {
		a, ok := p.settings.User(id.Name)
		return a, ok && p.settings.Stamp(id.Name) == id.Stamp
	}
	if p.settings.OIDC == nil || p.settings.OIDC.Issuer != id.Issuer {
		return auth.Actor{}, false
	}
	a := p.settings.OIDC.Actor(id.Groups)
	a.Name = id.actorName()
	return a, a.Role != ""
}

// fromOwnPage reports whether a cookie may speak for a request: one that changes
// nothing, or one of which the browser says where it comes from, so that
// [http.CrossOriginProtection] has judged it.
func fromOwnPage(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != ""
}

// address returns where a request comes from. What a proxy says of it is not
// believed.
func address(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// LocalPath returns next where it is a path of this listener, else /: nobody is sent
// to another site.
func LocalPath(next string) string {
	const home = "/"
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || len(next) > 2048 {
		return home
	}
	// Browsers read \ as /, and leave control characters out.
	if strings.ContainsFunc(next, func(r rune) bool { return r == '\\' || r < ' ' || r == 0x7f }) {
		return home
	}
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil {
		return home
	}
	for _, own := range []string{"/login", "/logout", "/auth/"} {
		if u.Path == own || strings.HasSuffix(own, "/") && strings.HasPrefix(u.Path, own) {
			return home
		}
	}
	return next
}

// Public returns a path of this listener as browsers know it: behind a proxy that
// removes the path of the external URL, with that path.
func (si *SignIn) Public(path string) string {
	if u := si.parts.ExternalURL; u != nil {
		return strings.TrimSuffix(u.Path, "/") + path
	}
	return path
}
