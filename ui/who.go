package ui

import (
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
)

// A whoView says who is signed in, and lets them go.
type whoView struct {
	Name    string
	Facts   []factView
	SignOut templ.SafeURL
}

// newWhoView returns nil where nobody signs in.
func newWhoView(r *request) *whoView {
	if r.site.options.SignsIn == nil || !r.site.options.SignsIn() || r.actor.Name == "" {
		return nil
	}
	v := &whoView{Name: short(r.actor.Name), SignOut: r.site.address("/logout", nil)}
	v.Facts = []factView{{Name: "Name", Text: v.Name}, {Name: "Role", Text: string(r.actor.Role)}}
	if len(r.actor.Teams) > 0 {
		v.Facts = append(v.Facts, factView{Name: "Teams", Text: some(r.actor.Teams)})
	}
	if !r.actor.SeesAll() {
		v.Facts = append(v.Facts, factView{Name: "Tenants", Text: some(words(r.actor.Tenants))})
	}
	return v
}

// may reports whether who asks may do p, within its tenants and teams. Pages leave
// out what it may not do; control refuses it anyway.
func (r *request) may(p auth.Permission) bool { return r.actor.May(p) }

// mayAll reports whether who asks may do p, which concerns every tenant.
func (r *request) mayAll(p auth.Permission) bool { return r.actor.May(p) && r.actor.SeesAll() }

// some names the first of a list, and how many more there are.
func some(list []string) string {
	const named = 10
	text := short(strings.Join(list[:min(named, len(list))], ", "))
	if n := len(list) - named; n > 0 {
		text += " and " + count(float64(n)) + " more"
	}
	return text
}

func words(list []tenant.ID) []string {
	names := make([]string, 0, len(list))
	for _, t := range list {
		names = append(names, string(t))
	}
	return names
}
