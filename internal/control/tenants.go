package control

import (
	"slices"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
)

// DefaultTenant returns the tenant of senders that name none.
func (c *Control) DefaultTenant() tenant.ID { return c.parts.Gateway.DefaultTenant() }

// Tenants returns the tenants that sent lately or have a limit, and that the actor
// may ask about, by name.
func (c *Control) Tenants() []tenant.ID {
	if c.may(auth.ReadTraffic) != nil {
		return nil
	}
	list := c.parts.Gateway.Tenants()
	if c.parts.Limits != nil {
		for _, l := range c.Limits(LimitsQuery{}).Limits {
			list = append(list, l.Tenant)
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	return slices.DeleteFunc(list, func(t tenant.ID) bool { return !c.actor.SeesTenant(t) })
}
