package control

import (
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

// passing returns how many of so many samples per second of a series pass by the
// verdict that it was received with last, and whether any do. The rules are those that
// verdicts name.
func passing(of *rules.Policy) func(v inventory.Verdict, perSecond float64) (float64, bool) {
	intervals := map[string]float64{}
	for _, r := range of.Rules() {
		if r.Action == rules.Downsample {
			intervals[r.Name] = r.Interval.Seconds()
		}
	}
	drop, thin := rules.Drop.String(), rules.Downsample.String()
	return func(v inventory.Verdict, perSecond float64) (float64, bool) {
		if s := intervals[v.Rule]; v.Action == thin && s > 0 {
			perSecond = min(perSecond, 1/s)
		}
		return perSecond, v.Action != drop
	}
}
