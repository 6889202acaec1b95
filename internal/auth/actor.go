package auth

import (
	"context"
	"slices"

	"github.com/headgate/headgate/internal/tenant"
)

// A Role is what somebody may do.
type Role string

// The roles. Each of viewer, editor and admin may do what those before it may.
const (
	Viewer Role = "viewer" // read
	Editor Role = "editor" // change rules of its teams
	FinOps Role = "finops" // read, and change owners, prices and budgets
	Admin  Role = "admin"  // everything
)

// An Actor is who asks: a person, a script, or the program itself.
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

// SeesTenant reports whether the actor may ask about t.
func (a Actor) SeesTenant(t tenant.ID) bool {
	return len(a.Tenants) == 0 || slices.Contains(a.Tenants, t)
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
