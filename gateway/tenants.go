package gateway

import "github.com/headgate/headgate/internal/tenant"

// Tenants returns the tenants that are known, by name: those that sent within the
// window.
func (g *Gateway) Tenants() []tenant.ID {
	var list []tenant.ID
	for _, s := range g.states.all() {
		list = append(list, s.tenant)
	}
	return list
}
