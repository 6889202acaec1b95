package profiler

import (
	"time"

	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
)

// Select answers a query about a tenant's series from the inventory: how many
// match, with an error bar, and which. It looks at one metric at a time, so that
// what passes meanwhile need not wait for all of them.
func (p *Profiler) Select(t tenant.ID, q *inventory.Query) inventory.Result {
	var tally inventory.Tally
	if f := p.profile(t); f != nil {
		part := p.clock.At(time.Now()).Part
		f.eachOf(newFilter(q.Selectors), func(m *metric) {
			m.rows.Gather(part, q, total(m, part), m.each(part), &tally)
		})
	}
	return tally.Result()
}

// Holders counts a tenant's series that are kept by the values of labels and by team,
// but for those of the team without.
func (p *Profiler) Holders(t tenant.ID, by []string, without string) *inventory.Holders {
	h := inventory.NewHolders(by, without)
	if f := p.profile(t); f != nil {
		part := p.clock.At(time.Now()).Part
		f.each(func(m *metric) { m.rows.CountHolders(part, h) })
	}
	return h
}
