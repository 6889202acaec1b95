package attribution

import (
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/tenant"
)

// A shelf holds what waits for the store. It is not safe for concurrent use.
type shelf struct {
	books map[bookKey]*book
	cells int // in books
}

func newShelf() shelf { return shelf{books: map[bookKey]*book{}} }

type bookKey struct {
	hour   Hour
	tenant tenant.ID
}

// A book holds the cells of one hour of one tenant that wait.
type book struct {
	bookKey
	cells map[name]*cell
}

// A name is what tells the cells of a book apart.
type name struct{ team, service, metric string }

func (n name) compare(o name) int {
	if c := strings.Compare(n.team, o.team); c != 0 {
		return c
	}
	if c := strings.Compare(n.service, o.service); c != 0 {
		return c
	}
	return strings.Compare(n.metric, o.metric)
}

// overflow returns the name that n shares with the other small ones of its team.
func (n name) overflow() name { return name{team: n.team, metric: Overflow} }

// overflowing is the name that the small ones of all teams share.
var overflowing = name{team: Overflow, metric: Overflow}

// A cell is what waits for one cell of the store.
type cell struct {
	samples Counts
	series  Sketch // nil until there is one
	rules   []ruleCell
}

type ruleCell struct {
	rule                 string
	dropped, downsampled uint64
	series               Sketch
}

func (s *shelf) book(k bookKey) *book {
	b := s.books[k]
	if b == nil && len(s.books) >= maxBooks {
		k.tenant = OverflowTenant
		b = s.books[k]
	}
	if b == nil {
		k.tenant = tenant.ID(strings.Clone(string(k.tenant)))
		b = &book{k, map[name]*cell{}}
		s.books[k] = b
	}
	return b
}

// cell returns the cell called n, a new one where there is none.
func (s *shelf) cell(b *book, n name) *cell {
	c := b.cells[n]
	if c == nil {
		c = &cell{}
		b.cells[name{strings.Clone(n.team), strings.Clone(n.service), strings.Clone(n.metric)}] = c
		s.cells++
	}
	return c
}

// merge adds o to s. o is not used after.
func (s *shelf) merge(o shelf) {
	for k, b := range o.books {
		into := s.books[k]
		if into == nil {
			s.books[k] = b
			s.cells += len(b.cells)
			continue
		}
		for n, c := range b.cells {
			s.cell(into, n).merge(c)
		}
	}
}

// squeeze makes room: it adds the smaller half of the cells to those that they
// overflow to, by team, and where more than most are left, the smaller teams'
// likewise. It returns how many samples were moved.
func (s *shelf) squeeze(most int) (folded uint64) {
	folded = s.fold(func(n name) bool { return n.metric != Overflow }, name.overflow)
	if s.cells > most {
		folded += s.fold(func(n name) bool { return n != overflowing }, func(name) name { return overflowing })
	}
	return folded
}

// fold adds those of the eligible cells that are not larger than the median to
// the cell that target names, of the same book.
func (s *shelf) fold(eligible func(name) bool, target func(name) name) (folded uint64) {
	var sizes []uint64
	for _, b := range s.books {
		for n, c := range b.cells {
			if eligible(n) {
				sizes = append(sizes, c.samples.Received())
			}
		}
	}
	if len(sizes) == 0 {
		return 0
	}
	slices.Sort(sizes)
	median := sizes[(len(sizes)-1)/2]
	for _, b := range s.books {
		for n, c := range b.cells {
			if size := c.samples.Received(); eligible(n) && size <= median {
				delete(b.cells, n)
				s.cells--
				s.cell(b, target(n)).merge(c)
				folded += size
			}
		}
	}
	return folded
}

// rule returns what a rule removed of c. A cell has few rules.
func (c *cell) rule(rule string) *ruleCell {
	for i := range c.rules {
		if c.rules[i].rule == rule {
			return &c.rules[i]
		}
	}
	c.rules = append(c.rules, ruleCell{rule: strings.Clone(rule)})
	return &c.rules[len(c.rules)-1]
}

// merge adds o to c. o is not used after.
func (c *cell) merge(o *cell) {
	c.samples.Add(&o.samples)
	union(&c.series, o.series)
	for i := range o.rules {
		r := &o.rules[i]
		into := c.rule(r.rule)
		into.dropped += r.dropped
		into.downsampled += r.downsampled
		union(&into.series, r.series)
	}
}

// union adds o to s. Sketches of one Ledger are of one kind, for which Union
// does not fail.
func union(s *Sketch, o Sketch) {
	switch {
	case o == nil:
	case *s == nil:
		*s = o
	default:
		_ = (*s).Union(o)
	}
}
