package control

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/rules"
)

// ErrForbidden is the error where the actor may not do what it asks for.
var ErrForbidden = errors.New("forbidden")

// forbidden says what the actor may not do, and who may; it is an ErrForbidden.
type forbidden struct{ text string }

func (f *forbidden) Error() string        { return f.text }
func (f *forbidden) Is(target error) bool { return target == ErrForbidden }

// may returns an error unless the actor may do p, within its tenants and teams.
func (c *Control) may(p auth.Permission) error {
	if c.actor.May(p) {
		return nil
	}
	return &forbidden{fmt.Sprintf("%s may not %s: it takes the role %s", c.who(), p, p.Roles())}
}

func (c *Control) who() string {
	if c.actor.Role == "" {
		return "who has no role"
	}
	return "the role " + string(c.actor.Role)
}

// mayAll returns an error unless the actor may do p, which concerns the whole
// installation.
func (c *Control) mayAll(p auth.Permission) error {
	if err := c.may(p); err != nil {
		return err
	}
	if !c.actor.SeesAll() {
		return &forbidden{fmt.Sprintf("it concerns every tenant, and you may ask about %s only", c.ownTenants())}
	}
	return nil
}

// mayIn returns an error unless the actor may do p in the tenant.
func (c *Control) mayIn(p auth.Permission, t tenant.ID) error {
	if err := c.may(p); err != nil {
		return err
	}
	if !c.actor.SeesTenant(t) {
		return &forbidden{fmt.Sprintf("you may ask about %s only", c.ownTenants())}
	}
	return nil
}

// ownTenants names the tenants of the actor, who has some.
func (c *Control) ownTenants() string {
	const named = 10
	words := make([]string, 0, named)
	for _, t := range c.actor.Tenants[:min(named, len(c.actor.Tenants))] {
		words = append(words, string(t))
	}
	if n := len(c.actor.Tenants) - named; n > 0 {
		words = append(words, fmt.Sprintf("%d more", n))
	}
	if len(words) == 1 {
		return "tenant " + words[0]
	}
	return "the tenants " + strings.Join(words, ", ")
}

// tenantOrAll parses the tenant that somebody asks about; without a name it is "",
// all of them. An actor who may not see all has its only tenant instead. Whoever has
// several has to say which: a sum over some would be taken for one over all.
func (c *Control) tenantOrAll(p auth.Permission, name string) (tenant.ID, error) {
	if name != "" || c.actor.SeesAll() {
		return c.tenantGiven(p, name)
	}
	return c.onlyTenant(p)
}

// tenantOrDefault parses the tenant that somebody asks about; without a name it is
// that of senders that name none, or the actor's only one where it may not see that.
func (c *Control) tenantOrDefault(p auth.Permission, name string) (tenant.ID, error) {
	if name != "" {
		return c.tenantGiven(p, name)
	}
	if t := c.parts.Gateway.DefaultTenant(); c.actor.SeesTenant(t) {
		return t, c.may(p)
	}
	return c.onlyTenant(p)
}

// tenantNamed parses the tenant in which somebody wants to do p.
func (c *Control) tenantNamed(p auth.Permission, name string) (tenant.ID, error) {
	if err := c.may(p); err != nil {
		return "", err
	}
	if name == "" {
		return "", &Invalid{"tenant", "which one? name it"}
	}
	return c.tenantGiven(p, name)
}

func (c *Control) tenantGiven(p auth.Permission, name string) (tenant.ID, error) {
	if err := c.may(p); err != nil {
		return "", err
	}
	t, err := tenantOf(name)
	if err != nil {
		return "", err
	}
	return t, c.mayIn(p, t)
}

func (c *Control) onlyTenant(p auth.Permission) (tenant.ID, error) {
	if err := c.may(p); err != nil {
		return "", err
	}
	if len(c.actor.Tenants) == 1 {
		return c.actor.Tenants[0], nil
	}
	return "", &forbidden{fmt.Sprintf("name a tenant: you may ask about %s only", c.ownTenants())}
}

// seesRule reports whether a rule concerns the actor: it is for one of its tenants,
// or for all.
func (c *Control) seesRule(r *rules.Rule) bool {
	return r.Tenant == "" || c.actor.SeesTenant(r.Tenant)
}

// mayChangeRules returns an error unless the actor may change each of the rules: as
// they were, and as they are to be. nil stands for none.
func (c *Control) mayChangeRules(list ...*rules.Rule) error {
	if err := c.may(auth.WriteTeamRules); err != nil {
		return err
	}
	for _, r := range list {
		if r == nil || c.actor.MayChangeRule(r.Tenant, r.Team) {
			continue
		}
		switch {
		case !c.actor.SeesAll() && r.Tenant == "":
			return &forbidden{fmt.Sprintf("the rule %.80q acts on every tenant, and you may change rules of %s only: name it as the rule's tenant", r.Name, c.ownTenants())}
		case !c.actor.SeesTenant(r.Tenant):
			return &forbidden{fmt.Sprintf("the rule %.80q is not for a tenant of yours: you may change rules of %s only", r.Name, c.ownTenants())}
		case len(c.actor.Teams) == 0:
			return &forbidden{"an editor changes rules of its teams, and you have none: ask an admin for one"}
		case r.Team == "":
			return &forbidden{fmt.Sprintf("the rule %.80q acts on the series of every team: an editor's rule names one of its teams (%s) as team", r.Name, c.teams())}
		}
		return &forbidden{fmt.Sprintf("the rule %.80q is of another team: you may change those of %s", r.Name, c.teams())}
	}
	return nil
}

// mayChangeRule returns an error unless the actor may make the rule called name,
// as it is known by now, what r says; nil is for what has no rule any more.
func (c *Control) mayChangeRule(name string, r *rules.Rule) error {
	set := c.parts.RuleBook.current.Load()
	was := set.locked[name]
	if is := set.byName[name]; was == nil && is != nil {
		if was = is.rule; was == nil { // this version does not understand it: it may be for anybody
			was = &rules.Rule{Name: name}
		}
	}
	return c.mayChangeRules(was, r)
}

func (c *Control) teams() string {
	const named = 10
	teams := slices.Clone(c.actor.Teams[:min(named, len(c.actor.Teams))])
	if n := len(c.actor.Teams) - named; n > 0 {
		teams = append(teams, fmt.Sprintf("%d more", n))
	}
	return strings.Join(teams, ", ")
}
