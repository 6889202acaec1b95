package inventory

import (
	"cmp"
	"slices"
)

// Judged is a verdict, and the part of a metric's series that have it.
type Judged struct {
	Verdict
	Share float64 // of the series, from 0 to 1
}

// Judged returns the verdicts of the series seen in the window that ends with part,
// the most common first. Where rows are a sample, shares are those of the sample.
func (m *Metric) Judged(part int64) []Judged {
	kept := m.complete(part)
	var list []Judged
	ids := map[uint16]int{} // of list
	rows, last, at := 0, uint16(0), -1
	for b, r := range m.active(part) {
		if kept != everything && !kept.admits(m.v.family(b, r), r.hash()) {
			continue
		}
		rows++
		if r.verdict != last || at < 0 {
			var ok bool
			if at, ok = ids[r.verdict]; !ok {
				at = len(list)
				list = append(list, Judged{Verdict: m.v.verdicts.of(r.verdict)})
				ids[r.verdict] = at
			}
			last = r.verdict
		}
		list[at].Share++
	}
	for i := range list {
		list[i].Share /= float64(rows)
	}
	slices.SortFunc(list, func(a, b Judged) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Team, b.Team), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Priority, b.Priority))
	})
	return list
}
