package api

import (
	"context"
	"net"
	"net/http"
	"strconv"

	"github.com/headgate/headgate/internal/auth"
)

// actors notes in every request who asks, where nothing before it said so: where no
// users are configured, whoever reaches the listener may do everything, since other
// machines reach none that does not ask for a password. Nobody may do nothing.
func actors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !auth.InContext(r.Context()) {
			r = r.WithContext(auth.NewContext(r.Context(), LocalActor(r)))
		}
		if auth.FromContext(r.Context()).Role == "" {
			WriteProblem(rw, http.StatusForbidden, "you have no role here: ask an admin for one")
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// LocalActor is who asks where no users are configured: somebody who may do
// everything.
func LocalActor(r *http.Request) auth.Actor {
	a := auth.Actor{From: r.RemoteAddr, Role: auth.Admin}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		a.From = host
	}
	if user, _, ok := r.BasicAuth(); ok && user != "" {
		a.Name = strconv.Quote(user)
	}
	return a
}

// actor returns who asks.
func actor(ctx context.Context) auth.Actor { return auth.FromContext(ctx) }
