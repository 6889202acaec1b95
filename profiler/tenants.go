package profiler

import (
	"slices"

	"github.com/headgate/headgate/internal/tenant"
)

// Tenants returns who is profiled, in order.
func (p *Profiler) Tenants() []tenant.ID {
	var list []tenant.ID
	for _, f := range p.profiles() {
		list = append(list, f.tenant)
	}
	slices.Sort(list)
	return list
}
