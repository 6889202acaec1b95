package gateway

import (
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// Tenants returns the tenants that are known, by name: those that sent within the
// window.
func (g *Gateway) Tenants() []tenant.ID {
	var list []tenant.ID
	for _, s := range g.states.all() {
		list = append(list, s.tenant)
	}
	return list
}

// Seen returns when each tenant that is known sent last.
func (g *Gateway) Seen() map[tenant.ID]time.Time {
	seen := map[tenant.ID]time.Time{}
	for _, s := range g.states.all() {
		seen[s.tenant] = time.Unix(0, s.used.Load())
	}
	return seen
}
