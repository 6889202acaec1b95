package ui

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
)

// A page is what a route answers.
type page struct {
	Title  string
	Place  string  // the Name of its entry in the navigation
	Crumbs []crumb // above the title, the way here
	Status int     // 200 where it is 0
	Tenant tenancy
	Body   templ.Component

	failure *errorView // what Body says, where there is no page
}

// A crumb is a step of the way to a page.
type crumb struct {
	Text string
	Href templ.SafeURL
}

// A tenancy says what a page makes of the tenant.
type tenancy int

const (
	oneTenant  tenancy = iota // it is about one, the default tenant if none is named
	allTenants                // it is about all of them if none is named
	noTenant                  // it is about none
)

// An answer asks control what a page shows.
type answer func(*request) (page, error)

// page adds a route that answers with a page.
func (s *site) page(mux *http.ServeMux, path string, a answer) {
	pattern := "GET " + path
	if path == "/" {
		pattern = path // what has no other route, whatever its method
	}
	mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) { s.show(rw, s.request(r), a) })
}

// show renders what a request is answered. Who has no role learns nothing but that.
func (s *site) show(rw http.ResponseWriter, r *request, a answer) {
	if r.actor.Role == "" {
		s.showDoor(rw, r.http, http.StatusForbidden, noRole.Title, errorPage(noRole))
		return
	}
	p, err := a(r)
	if err != nil {
		p = r.failed(err)
	}
	p = r.onward(p)
	r.addCookies(rw)
	s.send(rw, r.http, p.Status, layout(newLayoutView(r, p)))
}

func (r *request) addCookies(rw http.ResponseWriter) {
	for _, c := range r.cookies {
		http.SetCookie(rw, c)
	}
}

// noRole is what somebody reads who may do nothing.
var noRole = errorView{Status: http.StatusForbidden, Title: "You have no role here", Text: "Ask an admin for one."}

// front answers the root: the overview for browsers, and where to look for all
// others.
func (s *site) front() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Add("Vary", "Accept, HX-Request")
		if !strings.Contains(r.Header.Get("Accept"), "text/html") && r.Header.Get("HX-Request") == "" {
			rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprint(rw, s.options.Plain)
			return
		}
		s.show(rw, s.request(r), (*request).overview)
	})
}

// nowhere answers what has no route.
func (r *request) nowhere() (page, error) {
	if m := r.http.Method; m != http.MethodGet && m != http.MethodHead {
		return failure(http.StatusMethodNotAllowed, "This page can only be read", m+" changes nothing here. The API at /api/v1 is for that."), nil
	}
	return failure(http.StatusNotFound, "There is no such page", "The address may have been cut off, or the page moved. The navigation has all of them."), nil
}

// failed returns the page that says why there is none.
func (r *request) failed(err error) page {
	invalid, isInvalid := errors.AsType[*control.Invalid](err)
	switch {
	case isInvalid:
		return failure(http.StatusUnprocessableEntity, "That cannot be answered", sentence(invalid.Field)+": "+strings.TrimSuffix(invalid.Text, ".")+".")
	case errors.Is(err, control.ErrForbidden) && r.http.Method != http.MethodPost:
		return failure(http.StatusForbidden, "You may not see that", sentence(err.Error())+".")
	case errors.Is(err, control.ErrNotFound):
		text, _, _ := strings.Cut(err.Error(), "; GET ") // what follows is for scripts
		return failure(http.StatusNotFound, "Not found", sentence(text)+".")
	}
	if status, title, text, ok := refused(err); ok {
		return failure(status, title, text+".")
	}
	r.site.options.Log.Error("a page has no answer", slog.String("path", r.http.URL.Path), slog.Any("err", err))
	return failure(http.StatusInternalServerError, "Something went wrong here", "It is not your fault. The log says more; samples are forwarded regardless.")
}

func failure(status int, title, text string) page {
	v := errorView{Status: status, Title: title, Text: text}
	return page{Title: title, Status: status, Tenant: noTenant, Body: errorPage(v), failure: &v}
}

// onward marks the place that a page which there is none of belongs to, and adds where
// to go from here: once more to it, if that may help, and to its place.
func (r *request) onward(p page) page {
	if p.failure == nil || r.http.Method != http.MethodGet {
		return p
	}
	v := *p.failure
	if v.Status >= http.StatusInternalServerError {
		v.Onward = append(v.Onward, crumb{"Try again", r.site.address(r.http.URL.EscapedPath(), r.http.URL.Query())})
	}
	for _, at := range r.places() {
		if r.http.URL.Path == at.Path {
			p.Place = at.Name
		}
		if at.has(r.http.URL.Path) {
			p.Place = at.Name
			v.Onward = append(v.Onward, crumb{at.Name, r.link(at.Path)})
		}
	}
	p.Body = errorPage(v)
	return p
}

// An errorView says why there is no page.
type errorView struct {
	Status      int
	Title, Text string
	Onward      []crumb // where to go from here
}
