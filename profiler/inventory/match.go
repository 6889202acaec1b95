package inventory

import (
	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
)

// A matching says which rows of a metric selectors match. A matcher is asked once
// for each different value, not for each row: most rows share their values with
// others, and a regular expression costs more than all the rest.
type matching struct {
	v     *Inventory
	shape *shape
	asked []asked // matchers of all selectors, one selector after the other
	used  int
	ends  []int // where each selector's matchers end
}

// asked is a matcher and what it said.
type asked struct {
	m      *labels.Matcher
	column int  // in the shape at hand; -1 where it is absent
	absent bool // what the matcher says of an absent label
	last   uint32
	said   bool // of the value numbered last
	values numbering
	says   []bool // by number of the value
}

// begin prepares for a metric of v with so many rows.
func (x *matching) begin(v *Inventory, selectors []*series.Selector, rows int) {
	x.v, x.shape, x.used, x.ends = v, nil, 0, x.ends[:0]
	for _, s := range selectors {
		for _, m := range s.Matchers() {
			if x.used == len(x.asked) {
				x.asked = append(x.asked, asked{})
			}
			a := &x.asked[x.used]
			a.m, a.absent, a.last, a.says = m, m.Matches(""), ^uint32(0), a.says[:0]
			a.values.reset(rows)
			x.used++
		}
		x.ends = append(x.ends, x.used)
	}
}

// matches reports whether one of the selectors matches a row with these values; no
// selector matches all.
func (x *matching) matches(s *shape, ids []uint32) bool {
	if s != x.shape {
		x.shape = s
		for i := range x.asked[:x.used] {
			x.asked[i].column = s.column(x.asked[i].m.Name)
		}
	}
	i := 0
	for _, end := range x.ends {
		for i < end && x.asked[i].ask(x.v, ids) {
			i++
		}
		if i == end {
			return true
		}
		i = end
	}
	return len(x.ends) == 0
}

func (a *asked) ask(v *Inventory, ids []uint32) bool {
	if a.column < 0 {
		return a.absent
	}
	id := ids[a.column]
	if id == a.last {
		return a.said
	}
	n, fresh := a.values.number(uint64(id))
	if fresh {
		a.says = append(a.says, a.m.Matches(v.values.text(id)))
	}
	a.last, a.said = id, a.says[n]
	return a.said
}
