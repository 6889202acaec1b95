package ui

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"github.com/a-h/templ"
	"github.com/prometheus/common/version"
)

// A layoutView is what stands around every page.
type layoutView struct {
	Title    string
	Theme    string // light or dark; "" for what the browser prefers
	Style    string
	Scripts  []string
	Icon     string
	Home     templ.SafeURL
	Nav      []navItem
	Crumbs   []crumb
	Search   searchView
	Tenants  *tenantsView // nil where the page is about none
	Bypass   *bypassView  // nil where it is off
	Done     string       // what was done just now
	Who      *whoView     // nil where nobody signs in
	Version  string
	Rendered when
	Body     templ.Component
}

// A navItem is a place of the navigation.
type navItem struct {
	Name, Key string
	Href      templ.SafeURL
	Current   bool
}

// A searchView is the field at the top of every page.
type searchView struct {
	Action templ.SafeURL
	Tenant string
}

// A tenantsView is what somebody chooses a tenant by.
type tenantsView struct {
	Action  templ.SafeURL
	Keep    []param // of the query, besides the tenant
	Current string
	Names   []string
	All     bool // of them at once can be chosen
	Many    bool // too many for a list
}

// A param is a parameter of a query.
type param struct{ Name, Value string }

// A bypassView says that rules and limits are off.
type bypassView struct {
	Until  when
	Reason string
	Status templ.SafeURL
}

// themes are what can be chosen besides what the browser prefers.
var themes = []string{"light", "dark"}

// manyTenants is how many are a list that somebody can read.
const manyTenants = 200

func newLayoutView(r *request, p page) layoutView {
	s := r.site
	v := layoutView{
		Title: p.Title, Theme: theme(r.http), Who: newWhoView(r),
		Style: s.assets.url("app.css"), Icon: s.assets.url("icon.svg"),
		Scripts: []string{s.assets.url("vendor/htmx-2.0.11.min.js"), s.assets.url("app.js")},
		Home:    r.link("/"), Crumbs: p.Crumbs,
		Search:  searchView{s.address("/profile/metrics", nil), r.tenant()},
		Version: cmp.Or(version.Version, "unknown"), Rendered: newWhen(r.now, r.now), Body: p.Body,
	}
	for _, at := range r.places() {
		v.Nav = append(v.Nav, navItem{at.Name, at.Key, r.link(at.Path), at.Name == p.Place})
	}
	if p.Tenant != noTenant {
		v.Tenants = newTenantsView(r, p.Tenant == allTenants && r.actor.SeesAll())
	}
	if r.http.Method == http.MethodGet {
		v.Done = deeds[r.get("done")]
	}
	if b := r.control.Bypass(); b != nil {
		v.Bypass = &bypassView{newWhen(b.Until, r.now), shown(b.Reason), r.link("/status")}
	}
	return v
}

func newTenantsView(r *request, all bool) *tenantsView {
	v := &tenantsView{Action: r.site.address(r.http.URL.EscapedPath(), nil), Current: r.tenant(), All: all}
	if v.Current == "" && !all {
		v.Current = r.profiled()
	}
	for _, t := range r.control.Tenants() {
		v.Names = append(v.Names, string(t))
	}
	if v.Current != "" && !slices.Contains(v.Names, v.Current) {
		v.Names = append([]string{v.Current}, v.Names...)
	}
	if v.Many = len(v.Names) > manyTenants; v.Many {
		v.Names = v.Names[:manyTenants]
	}
	for _, name := range slices.Sorted(maps.Keys(r.query)) {
		if name == "tenant" || name == "cursor" || name == "done" {
			continue
		}
		for _, value := range r.query[name] {
			v.Keep = append(v.Keep, param{name, value})
		}
	}
	return v
}
