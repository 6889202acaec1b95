package limiter

import (
	"math"
	"math/bits"
)

// A cut says how far down the order of importance the series of a pool pass: all
// levels above its own, none below, and of its own those families whose place is
// under a threshold. Raising it never puts a family out that was in.
//
// Critical (level 0) is never cut: the lowest cut is {1, 0}, the highest {levels, 0}.
type cut struct {
	level int
	under uint64 // of 2^64
}

var (
	nothing    = cut{level: 1}      // passes only what is critical
	everything = cut{level: levels} // passes all
)

const step = 1 << 60 // a sixteenth of the families

// passes reports whether a family at place is in.
func (c cut) passes(level int, place uint64) bool {
	return level < c.level || level == c.level && place < c.under
}

// less reports whether c passes less than o.
func (c cut) less(o cut) bool {
	return c.level < o.level || c.level == o.level && c.under < o.under
}

// fraction returns which part of a level's families pass.
func (c cut) fraction(level int) float64 {
	switch {
	case level < c.level:
		return 1
	case level > c.level:
		return 0
	}
	return float64(c.under) / (1 << 64)
}

// PlaceOf returns the place of a family in the order in which a priority is cut.
// There are 2^15 places, in the upper bits, so that one fits beside much else: the
// lowest bit is 0.
//
// It is the family's hash, mixed again: samples of series elsewhere are taken by
// the hash itself, and would otherwise hold nothing but families that pass.
func PlaceOf(family uint64) uint16 {
	// The finaliser of SplitMix64 (Steele, Lea, Flood, 2014): a bijection.
	z := family + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return uint16((z^z>>31)>>48) &^ 1
}

// place returns the place of a family as a cut compares it.
func place(family uint64) uint64 { return uint64(PlaceOf(family)) << 48 }

// A spread is what is known of how a level's samples lie over its families' places:
// of what the level demanded, passed came under the threshold at. In between it is
// taken to be even.
type spread struct{ at, passed float64 } // fractions

// upTo returns which part of the samples lies under the threshold x.
func (s spread) upTo(x float64) float64 {
	if s.at >= 1 {
		return x
	}
	if x <= s.at {
		if s.at == 0 {
			return 0
		}
		return s.passed * x / s.at
	}
	return s.passed + (1-s.passed)*(x-s.at)/(1-s.at)
}

// threshold is the inverse of upTo: under which threshold a part y of the samples lies.
func (s spread) threshold(y float64) float64 {
	switch {
	case y >= 1:
		return 1
	case s.at >= 1:
		return y
	case y < s.passed:
		return s.at * y / s.passed
	case s.passed >= 1:
		return s.at
	}
	return s.at + (1-s.at)*(y-s.passed)/(1-s.passed)
}

// even is the spread of which nothing is known.
var even = spread{}

// A view is one pool as a decision about its cut sees it, in samples per second.
type view struct {
	demand [levels]float64 // critical's does not matter
	grant  float64         // what it may pass besides critical
	cut    cut             // in force
	spread spread          // of the cut's level
	slack  float64         // by which part more than its grant may pass before the cut is tightened
}

// passes returns what passes c, besides critical.
func (v *view) passes(c cut) float64 {
	sum := 0.0
	for l := 1; l < levels; l++ {
		sum += v.demand[l] * v.part(c, l)
	}
	return sum
}

// part returns which part of a level's samples passes c.
func (v *view) part(c cut, level int) float64 {
	part := c.fraction(level)
	if level == c.level && level == v.cut.level {
		part = v.spread.upTo(part)
	}
	return part
}

// fit returns the highest cut that passes no more than the grant.
func (v *view) fit() cut {
	left := v.grant
	for l := 1; l < levels; l++ {
		d := v.demand[l]
		if d <= left {
			left -= d
			continue
		}
		s := even
		if l == v.cut.level {
			s = v.spread
		}
		x := s.threshold(left / d)
		if x >= 1 {
			return cut{level: l + 1}
		}
		return cut{l, uint64(math.Ldexp(x, 64))}
	}
	return everything
}

// slack is by which part more than its grant a pool may pass before its cut is
// tightened: less is the noise of measuring. A pool that owes something has less.
const (
	slack       = 1. / 16
	debtorSlack = 1. / 64
)

// tighten returns the cut that the pool needs at once. It is the one in force as
// long as what passes is at most its grant and a little.
func (v *view) tighten() cut {
	if v.passes(v.cut) <= v.grant*(1+v.slack) {
		return v.cut
	}
	if c := v.fit(); c.less(v.cut) {
		return c
	}
	return v.cut
}

// loosen returns the cut that the pool may have next, one step higher, or the one
// in force where that would pass more than its grant. A step is a sixteenth of a
// level's families; where no sixteenth passes, it is up to what fits, if that is
// worth the move.
func (v *view) loosen() cut {
	c, to := v.cut, v.fit()
	for c.level < levels && v.demand[c.level] == 0 { // of nobody
		c = cut{level: c.level + 1}
	}
	if !c.less(to) {
		if v.cut.less(c) && !to.less(c) {
			return c
		}
		return v.cut
	}
	next, wraps := bits.Add64(c.under, step, 0)
	switch {
	case c.level < to.level && wraps == 1:
		return cut{level: c.level + 1}
	case c.level < to.level || next <= to.under && wraps == 0:
		return cut{c.level, next}
	case c.under < 1<<62 && to.under-c.under >= max(c.under/4, 1<<54): // of a few families
		return to
	}
	return v.cut
}

// String returns c for people.
func (c cut) String() string {
	if c.level >= levels {
		return "everything"
	}
	above := ""
	for l := range c.level {
		if l > 0 {
			above += ", "
		}
		above += priorityOf(l).String()
	}
	if c.under == 0 {
		return above
	}
	return above + " and " + percent(c.fraction(c.level)) + " of " + priorityOf(c.level).String()
}
