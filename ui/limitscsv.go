package ui

import (
	"strconv"

	"github.com/headgate/headgate/internal/control"
)

// limitsCSV holds the tenants that have a limit, all of them.
func (r *request) limitsCSV() (table, error) {
	t := table{name: "limits", header: []string{
		"tenant", "over", "over_since", "demand_samples_per_second", "passes_samples_per_second", "shed_samples_per_second", "samples_per_second", "hard_samples_per_second", "burst",
		"active_series", "active_series_limit", "mode", "pools", "source", "file", "updated_by", "updated_at",
	}}
	list := r.control.Limits(control.LimitsQuery{}).Limits
	t.rows = func(yield func([]string) bool) {
		for _, l := range list {
			is := l.Status.Limit
			whole := func(n int64) string { return strconv.FormatInt(n, 10) }
			if !yield([]string{
				string(l.Tenant), strconv.FormatBool(l.Over), stamp(l.Since), number(l.Demand), number(l.Used), number(shedSum(l)), whole(is.SamplesPerSecond), whole(is.HardSamplesPerSecond), is.Burst.String(),
				whole(l.ActiveSeries), whole(is.ActiveSeries), is.Mode, strconv.Itoa(len(is.Pools)), l.Source, l.File, l.UpdatedBy, stamp(l.UpdatedAt),
			}) {
				return
			}
		}
	}
	return t, nil
}
