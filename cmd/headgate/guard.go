package main

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/headgate/headgate/internal/api"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/auth/signin"
	"github.com/headgate/headgate/ui"
)

// openPaths are those that nobody has to sign in for. Remote-write has credentials
// of its own, also where it shares the listener.
var openPaths = []string{"/-/healthy", "/-/ready", "/login", "/logout", "/auth/", "/assets/", "/api/v1/write", "/api/v1/push"}

// guardedPaths are those that control does not guard, and what they take.
var guardedPaths = []struct {
	prefix string
	takes  auth.Permission
}{
	{"/metrics", auth.ReadStatus},
	{"/debug/pprof/", auth.Debug},
}

// under reports whether path is prefix or, where that ends in a slash, below it.
func under(path, prefix string) bool {
	return path == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(path, prefix)
}

// guard notes in every request who asks, and lets nobody in where people have to
// sign in. What they may do, control decides.
func guard(people *signin.SignIn, door *ui.Door, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		for _, p := range openPaths {
			if under(r.URL.Path, p) {
				if people.Enabled() { // what stands here by mistake is for nobody
					r = r.WithContext(auth.NewContext(r.Context(), auth.Actor{}))
				}
				next.ServeHTTP(rw, r)
				return
			}
		}
		a, err := whoAsks(people, r)
		if err != nil {
			turnAway(people, door, rw, r, err)
			return
		}
		for _, g := range guardedPaths {
			if under(r.URL.Path, g.prefix) && (!a.May(g.takes) || !a.SeesAll()) {
				refuse(door, rw, r, http.StatusForbidden, "You may not see that", "this takes the role "+g.takes.Roles()+", for all tenants")
				return
			}
		}
		next.ServeHTTP(rw, r.WithContext(auth.NewContext(r.Context(), a)))
	})
}

// whoAsks returns the actor of a request. Where nobody has to sign in it is
// somebody who may do everything, unless a token says less.
func whoAsks(people *signin.SignIn, r *http.Request) (auth.Actor, error) {
	a, err := people.Actor(r)
	if errors.Is(err, signin.ErrNobody) && !people.Enabled() {
		return api.LocalActor(r), nil
	}
	return a, err
}

// turnAway answers a request of which it is not known who asks.
func turnAway(people *signin.SignIn, door *ui.Door, rw http.ResponseWriter, r *http.Request, err error) {
	status, detail := http.StatusServiceUnavailable, "who asks cannot be checked: the store does not answer; try again, the log says why"
	switch {
	case errors.Is(err, signin.ErrNobody):
		if wantsPage(r) {
			rw.Header().Set("Cache-Control", "no-store")
			http.Redirect(rw, r, people.Public("/login")+"?"+url.Values{"next": {signin.LocalPath(r.URL.RequestURI())}}.Encode(), http.StatusSeeOther)
			return
		}
		status, detail = http.StatusUnauthorized, "sign in, or send an API token as Authorization: Bearer; an admin makes them"
	case errors.Is(err, auth.ErrToken):
		status, detail = http.StatusUnauthorized, err.Error()
	case errors.Is(err, auth.ErrUnchecked):
		detail = err.Error()
	}
	if status == http.StatusUnauthorized {
		rw.Header().Set("WWW-Authenticate", `Bearer realm="headgate"`)
	}
	if status == http.StatusServiceUnavailable && wantsPage(r) {
		door.Refuse(rw, r, status, "The store cannot be reached", detail)
		return
	}
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	rw.Header().Set("Cache-Control", "no-store")
	api.WriteProblem(rw, status, detail)
}

// wantsPage reports whether a person asks for a page, who can be sent to sign in.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && !strings.HasPrefix(r.URL.Path, api.Prefix+"/") &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}
