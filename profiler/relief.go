package profiler

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// What memory does not allow is let go of in this order, the least telling first,
// always in the tenant that holds the most:
//
//  1. labels of the smallest sketched metrics, where sketches take more than their
//     share: their series are still counted;
//  2. rows of the metric with the most, which becomes a sample: it is sketched
//     first, so that its figures stay;
//  3. the remaining labels, the smallest metrics' first;
//  4. the count of series of 24 hours, and with it churn;
//  5. names of the smallest metrics, which join the overflow.
const (
	// reliefTo is how far relief goes below the limit, so that it is not called
	// for every request.
	reliefTo = 0.97

	// sketchShare is the part of the limit that sketches may take while there are
	// rows to let go.
	sketchShare = 0.5

	// hardLimit is how much more than the limit may be used, as a share of it, until
	// a sender has to wait for relief.
	hardLimit = 1.25
)

// checkMemory has Run bring memory below its limit, where it is above. Run takes a moment:
// far above, who is here does it.
func (p *Profiler) checkMemory() {
	used := p.used.Load()
	if used <= p.cfg.MemoryLimitBytes {
		return
	}
	if float64(used) > hardLimit*float64(p.cfg.MemoryLimitBytes) {
		p.relieve()
		return
	}
	select {
	case p.heavy <- struct{}{}:
	default: // Run knows
	}
}

// relieve brings memory below its limit.
func (p *Profiler) relieve() {
	target := int64(reliefTo * float64(p.cfg.MemoryLimitBytes))
	for p.used.Load() > target {
		var most *profile
		for _, f := range p.profiles() {
			if most == nil || f.reported.Load() > most.reported.Load() {
				most = f
			}
		}
		if most == nil || !most.relieve(p, target) {
			return
		}
	}
}

// relieve lets go of some of f, and reports whether there was anything. It holds
// the lock for a step at a time.
func (f *profile) relieve(p *Profiler, target int64) bool {
	f.walk()
	defer f.rest()
	part := f.latest.Load()
	sketches := int64(sketchShare * float64(p.cfg.MemoryLimitBytes))
	for steps := 0; steps < 16 && p.used.Load() > target; steps++ {
		if !f.letGo(part, sketches) {
			return false
		}
		f.report()
	}
	return true
}

// letGo takes one step of relief, and reports whether there was one to take.
func (f *profile) letGo(part, mostSketches int64) bool {
	if f.sketched > mostSketches && f.dropLabels(part) {
		return true
	}
	if m := f.largest(); m != nil {
		if m.sketches == nil {
			f.promote(m, part, precisionFor(m), f.sketched < mostSketches)
		}
		m.rows.Lower()
		return true
	}
	return f.dropLabels(part) || f.dropDays() || f.dropSmallest(part)
}

// precisionFor returns the precision for a metric that is sketched for want of
// memory: the lesser one where it is small, and all it has would not be less.
func precisionFor(m *metric) uint8 {
	if m.rows.Rows() < maxExactRows/2 {
		return precisionSmall
	}
	return precisionLarge
}

// largest returns the metric with the most rows among those that can do with less.
func (f *profile) largest() *metric {
	var most *metric
	for _, m := range f.list {
		if m.rows.Lowerable() && (most == nil || m.rows.Bytes() > most.rows.Bytes()) {
			most = m
		}
	}
	return most
}

// dropLabels lets go of the labels of the smallest metric that has them sketched.
func (f *profile) dropLabels(part int64) bool {
	var least *metric
	var fewest float64
	for _, m := range f.list {
		if m.sketches == nil || !m.sketches.labelled {
			continue
		}
		if n, _ := m.active(part); least == nil || n < fewest {
			least, fewest = m, n
		}
	}
	if least == nil {
		return false
	}
	least.sketches.dropLabels()
	f.weigh(least)
	return true
}

// dropDays lets go of what is counted of 24 hours. It begins anew as series leave.
func (f *profile) dropDays() bool {
	dropped := false
	for _, m := range f.list {
		if m.day != nil {
			m.day, dropped = nil, true
			f.weigh(m)
		}
	}
	return dropped
}

// dropSmallest gives up the names of an eighth of the metrics, those with the
// fewest series. Their series count as overflow when they come by again.
func (f *profile) dropSmallest(part int64) bool {
	n := len(f.list) / 8
	if n == 0 {
		return false
	}
	f.forgetNames(part, n)
	f.limit = len(f.list)
	return true
}

// forgetNames gives up the names of the n metrics with the fewest series.
func (f *profile) forgetNames(part int64, n int) {
	f.sortBySeries(part)
	kept := f.list[:max(0, len(f.list)-n)]
	for _, m := range f.list[len(kept):] {
		f.remove(m)
	}
	clear(f.list[len(kept):])
	f.list = kept
}

// sortBySeries puts the metrics with the most series first, and the overflow,
// which never goes, before them.
func (f *profile) sortBySeries(part int64) {
	type sized struct {
		m      *metric
		series float64
	}
	list := make([]sized, len(f.list))
	for i, m := range f.list {
		list[i].m = m
		if list[i].series, _ = m.active(part); m == f.overflow {
			list[i].series = math.Inf(1)
		}
	}
	slices.SortFunc(list, func(a, b sized) int {
		if c := cmp.Compare(b.series, a.series); c != 0 {
			return c
		}
		return strings.Compare(a.m.name, b.m.name)
	})
	for i := range list {
		f.list[i] = list[i].m
	}
}

// namesKept is how many names of the overflow are counted.
const namesKept = 256

// promoteNames gives names back to what has the most series of the overflow, in
// the place of metrics that have fewer. The lock is held.
func (f *profile) promoteNames(at Moment) {
	if f.overflow == nil {
		return
	}
	f.sortBySeries(at.Part)
	for _, item := range f.beyond.Items(at.Part, namesKept) {
		last := len(f.list) - 1
		if f.metrics[item.Value] != nil || last < 0 {
			continue
		}
		m := f.list[last]
		if n, _ := m.active(at.Part); m == f.overflow || float64(item.Count-item.Error) <= n {
			return
		}
		f.remove(m)
		f.list = slices.Insert(f.list[:last], 0, f.newMetric(item.Value, at.Unix))
	}
}
