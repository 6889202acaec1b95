package inventory

import (
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// A Row is one series as it is kept.
type Row struct {
	Labels        series.Labels // valid until the next row; its strings may be kept
	Sum           uint64
	Hash, Family  sketch.Hash
	Part          int64 // in which it was seen last
	FirstPart     int64 // in which it was seen first
	ForwardedPart int64 // in which it was forwarded last; -1 where that is not in the window
	Forwarded     bool  // it was, in the window
	Verdict       Verdict
	IntervalMs    uint32 // 0 where that is unknown
}

// Each calls f for every row seen in the window that ends with part, until f
// returns false.
func (m *Metric) Each(part int64, f func(Row) bool) {
	oldest := max(part, m.newest) - sketch.Parts + 1
	var ls series.Labels
	for b, r := range m.active(part) {
		ls = m.v.labels(b, r, ls[:0])
		row := Row{
			Labels: ls, Sum: r.sum, Hash: r.hash(), Family: m.v.family(b, r),
			Part: r.seen.part(m.newest), FirstPart: m.firstPart(r), ForwardedPart: -1,
			Verdict: m.v.verdicts.of(r.verdict), IntervalMs: r.interval.ms(),
		}
		if r.forwarded.since(oldest, m.newest) {
			row.Forwarded, row.ForwardedPart = true, r.forwarded.part(m.newest)
		}
		if !f(row) {
			return
		}
	}
}

// Find returns the row of a series, without its labels, where there is one. certain
// says whether there would be, had it been seen in the window that ends with part.
func (m *Metric) Find(part int64, ls series.Labels) (row Row, found, certain bool) {
	sum := sketch.Sum(ls)
	hash, family := sketch.Final(sum), sketch.FamilyOf(ls, sum)
	r := m.find(sum, hash)
	if r == nil || r.seen == 0 {
		return Row{}, false, m.complete(part).admits(family, hash)
	}
	row = Row{
		Sum: sum, Hash: hash, Family: family, Part: r.seen.part(m.newest), FirstPart: m.firstPart(r), ForwardedPart: -1,
		Verdict: m.v.verdicts.of(r.verdict), IntervalMs: r.interval.ms(),
	}
	if r.forwarded.since(max(part, m.newest)-sketch.Parts+1, m.newest) {
		row.Forwarded, row.ForwardedPart = true, r.forwarded.part(m.newest)
	}
	return row, true, true
}

// PerSecond returns how many samples per second a series seen in the window that ends
// with part has on the average, of those whose interval is known; 0 where none is.
func (m *Metric) PerSecond(part int64) float64 {
	mean, _ := m.rates(part)
	return mean
}

func (m *Metric) firstPart(r *row) int64 {
	return m.newest - int64(uint32(m.newest)-r.first)
}

// LabelNames returns how many label names the rows have, the metric name aside.
func (m *Metric) LabelNames() int {
	if m.named {
		return int(m.names)
	}
	names := map[string]struct{}{}
	last := ^uint32(0)
	for _, r := range m.all() {
		if r.shape == last {
			continue
		}
		last = r.shape
		for _, name := range m.v.shapeOf(r).names {
			names[name] = struct{}{}
		}
	}
	delete(names, series.MetricName)
	m.named, m.names = true, uint16(min(len(names), 1<<16-1))
	return int(m.names)
}
