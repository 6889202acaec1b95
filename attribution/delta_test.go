package attribution

import "cmp"

// inOrder compares deltas as a store wants them.
func inOrder(a, b Delta) int {
	return cmp.Or(cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Team, b.Team),
		cmp.Compare(a.Service, b.Service), cmp.Compare(a.Metric, b.Metric))
}
