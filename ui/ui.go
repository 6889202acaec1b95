// Package ui is the pages of a running gateway: it asks control, and renders.
//
// Every page is a GET whose query string is all of its state, and works without
// JavaScript; htmx only makes filters smoother. A page is a Go file beside a templ
// file of the same name: a method of request asks control and returns a page, a
// newXView function formats what control said, a component shows it. routes.go has
// every route on one screen.
package ui

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
)

//go:generate go tool -modfile=../tools/go.mod templ generate -log-level=error
//go:generate go tool -modfile=../tools/go.mod templ fmt -log-level=error .

// Options are what the pages need to know besides what control does.
type Options struct {
	// Base is the path under which browsers reach the pages, "" for the root. A
	// proxy in front removes it: requests come without.
	Base string

	// Ingest is the URL that senders write to. Where its host is empty, that of the
	// request takes its place.
	Ingest url.URL

	// Plain is what clients that do not ask for HTML get at the root.
	Plain string

	// Storybook shows every component at /-/storybook.
	Storybook bool

	// SignsIn reports whether people have to sign in; nil: they do not.
	SignsIn func() bool

	Log *slog.Logger
}

// A site is the pages of one gateway.
type site struct {
	control *control.Control
	options Options
	assets  *assets
	made    handover // tokens that nobody was shown yet
}

// New returns the handler of all pages, which stands at the root of its listener.
func New(c *control.Control, o Options) http.Handler {
	o.Base = strings.TrimRight(o.Base, "/")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &site{control: c, options: o, assets: newAssets(static, o.Base)}
	mux := http.NewServeMux()
	s.route(mux)
	return secured(mux)
}

// policy lets nothing run or load but what this process serves itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secured sets the headers that keep browsers from doing what no page asks for.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		setSecurity(rw.Header())
		next.ServeHTTP(rw, r)
	})
}

func setSecurity(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// who returns who asks, where nothing before says so somebody who may do everything:
// other machines reach no listener that does not ask who they are.
func who(ctx context.Context) auth.Actor {
	if auth.InContext(ctx) {
		return auth.FromContext(ctx)
	}
	return auth.Actor{Role: auth.Admin}
}
