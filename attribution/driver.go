package attribution

import (
	"cmp"
	"slices"
)

// A Driver is what one group changed between two periods.
type Driver struct {
	Group
	Before, After Micro
	Change        Micro // After - Before
}

// Drivers returns the n groups whose cost changed most between two reports that
// are grouped alike, greatest change first, and the rest as one: together they
// are the change of the total.
func Drivers(before, after *Report, n int) (top []Driver, rest Driver) {
	byGroup := map[Group]*Driver{}
	gather := func(r *Report, field func(*Driver) *Micro) {
		for i := range r.Rows {
			g := r.Rows[i].Group
			g.Day = 0 // the periods' days are different ones
			if byGroup[g] == nil {
				byGroup[g] = &Driver{Group: g}
			}
			*field(byGroup[g]) += r.Rows[i].Cost
		}
	}
	gather(before, func(d *Driver) *Micro { return &d.Before })
	gather(after, func(d *Driver) *Micro { return &d.After })
	for _, d := range byGroup {
		d.Change = d.After - d.Before
		top = append(top, *d)
	}
	slices.SortFunc(top, func(a, b Driver) int {
		return cmp.Or(cmp.Compare(max(b.Change, -b.Change), max(a.Change, -a.Change)), a.Group.compare(&b.Group))
	})
	n = min(n, len(top))
	for _, d := range top[n:] {
		rest.Before += d.Before
		rest.After += d.After
		rest.Change += d.Change
	}
	return top[:n], rest
}

// Before returns the query for the period that q's is compared with: the same
// days of the month before where q begins with a month, as far as that has them;
// else as many hours right before.
func (q Query) Before() Query {
	from, to := q.From, q.To
	m := from.Month()
	if from != m.From() || to > m.To() {
		q.From, q.To = from-(to-from), from
		return q
	}
	q.From = m.Previous().From()
	if to == m.To() {
		q.To = m.From()
	} else {
		q.To = min(q.From+(to-from), m.From())
	}
	return q
}
