package ui

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
)

// A request is one question to the pages.
type request struct {
	control *control.Control // of actor
	actor   auth.Actor       // who asks
	site    *site
	http    *http.Request
	query   url.Values
	now     time.Time
	cookies []*http.Cookie // that go with the answer
}

func (s *site) request(r *http.Request) *request {
	a := who(r.Context())
	return &request{control: s.control.As(a).Recently(), actor: a, site: s, http: r, query: r.URL.Query(), now: time.Now()}
}

func (r *request) context() context.Context { return r.http.Context() }

// get returns a parameter of the query, without the spaces around it.
func (r *request) get(name string) string { return strings.TrimSpace(r.query.Get(name)) }

// tenant returns the tenant that is asked about, "" for none in particular. Whoever
// may not ask about all asks about its first.
func (r *request) tenant() string {
	if t := r.get("tenant"); t != "" || r.actor.SeesAll() {
		return t
	}
	return string(r.actor.Tenants[0])
}

// profiled returns the tenant whose profile is shown.
func (r *request) profiled() string {
	if t := r.tenant(); t != "" {
		return t
	}
	return string(r.control.DefaultTenant())
}

// link returns the address of a page with parameters, given as name and value.
// The tenant stays as it is unless it is among them; what is empty is left out.
func (r *request) link(path string, pairs ...string) templ.SafeURL {
	return r.site.address(path, r.values(pairs))
}

// values returns the parameters of link.
func (r *request) values(pairs []string) url.Values {
	q := url.Values{}
	if t := r.tenant(); t != "" {
		q.Set("tenant", t)
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Del(pairs[i])
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// asked returns what this page is asked for, without its place in a list.
func (r *request) asked() url.Values {
	q := url.Values{}
	for name, values := range r.query {
		if name != "cursor" && name != "done" {
			q[name] = values
		}
	}
	return q
}

// here returns the address of this page with some parameters changed. Its place in
// a list is forgotten.
func (r *request) here(pairs ...string) templ.SafeURL {
	q := r.asked()
	for i := 0; i < len(pairs); i += 2 {
		q.Del(pairs[i])
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return r.site.address(r.http.URL.EscapedPath(), q)
}

// address returns the address of a path, which is escaped, with a query.
func (s *site) address(path string, q url.Values) templ.SafeURL {
	path = s.options.Base + path
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return templ.SafeURL(path)
}

// origin returns the address at which the browser reaches this listener, without a
// path. It is made of what the client says and only ever shown to that client.
func (r *request) origin() url.URL {
	u := url.URL{Scheme: "http", Host: r.http.Host}
	if r.http.TLS != nil || r.http.Header.Get("X-Forwarded-Proto") == "https" {
		u.Scheme = "https"
	}
	return u
}
