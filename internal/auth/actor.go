package auth

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/headgate/headgate/internal/tenant"
)

// An Actor is who asks: a person, a script, or the program itself. The zero value
// is nobody, who may do nothing.
type Actor struct {
	Name    string
	From    string // the address it asks from; "" where there is none
	Role    Role
	Tenants []tenant.ID // it may ask about; none: all
	Teams   []string    // it belongs to
}

// String returns the actor for people and for the record.
func (a Actor) String() string {
	switch {
	case a.From == "":
		return a.Name
	case a.Name == "":
		return a.From
	}
	return a.Name + " from " + a.From
}

// May reports whether the actor may do p, within its tenants and teams.
func (a Actor) May(p Permission) bool { return slices.Contains(permissions[p], a.Role) }

// SeesAll reports whether the actor may ask about every tenant.
func (a Actor) SeesAll() bool { return len(a.Tenants) == 0 }

// SeesTenant reports whether the actor may ask about t.
func (a Actor) SeesTenant(t tenant.ID) bool {
	return a.SeesAll() || slices.Contains(a.Tenants, t)
}

// MayChangeRule reports whether the actor may make, change or remove a rule that
// acts on the series of team in t. No tenant is all of them, no team anybody's
// series.
func (a Actor) MayChangeRule(t tenant.ID, team string) bool {
	if !a.SeesAll() && (t == "" || !a.SeesTenant(t)) {
		return false
	}
	return a.May(WriteRules) || a.May(WriteTeamRules) && team != "" && slices.Contains(a.Teams, team)
}

// Within reports whether nothing that a may do is beyond b.
func (a Actor) Within(b Actor) bool {
	for p, who := range permissions {
		if slices.Contains(who, a.Role) && !b.May(p) {
			return false
		}
	}
	if !b.SeesAll() && (a.SeesAll() || slices.ContainsFunc(a.Tenants, func(t tenant.ID) bool { return !b.SeesTenant(t) })) {
		return false
	}
	return b.May(WriteRules) || !slices.ContainsFunc(a.Teams, func(team string) bool { return !slices.Contains(b.Teams, team) })
}

type actorKey struct{}

// NewContext returns ctx with who asks.
func NewContext(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// FromContext returns who asks; without one, nobody, who may do nothing.
func FromContext(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a
}

// InContext reports whether ctx says who asks, be it nobody.
func InContext(ctx context.Context) bool {
	_, ok := ctx.Value(actorKey{}).(Actor)
	return ok
}

// printable reports whether text is not empty, at most so many bytes, and can be
// shown.
func printable(text string, bytes int) bool {
	if text == "" || len(text) > bytes || !utf8.ValidString(text) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}
