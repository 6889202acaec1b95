package inventory

import (
	"math/bits"

	"github.com/headgate/headgate/profiler/sketch"
)

// looks are the latest comparisons of a row's value with the one at the sighting
// before, one in a part at most: a bit each, set where it was another value, the
// latest lowest. The highest bit that is set is none of them but says where they
// begin; 0 says that no value is known yet.
type looks uint32

// maxLooks is how many are remembered: five hours of a window of one.
const maxLooks = 31

// note adds a look. The oldest goes where there are too many.
func (l looks) note(moved bool) looks {
	next := l<<1 | l&(1<<maxLooks)
	if moved {
		next |= 1
	}
	return next
}

func (l looks) count() int { return max(0, bits.Len32(uint32(l))-1) }

func (l looks) moves() int { return max(0, bits.OnesCount32(uint32(l))-1) }

// digest returns what a row keeps of the bits of a value. Two values have the same
// once in four billion times.
func digest(value uint64) uint32 { return uint32(sketch.Final(value) >> 32) }

// look compares the bits of a value with those of the sighting before.
func (r *row) look(value uint64) {
	d := digest(value)
	if r.looks == 0 {
		r.looks = 1
	} else {
		r.looks = r.looks.note(d != r.value)
	}
	r.value = d
}

// A Movement says whether the values of series move, as far as looks tell. A look
// compares the bits of a value with those of the look before, a part ago on the
// average: of what happened in between it knows nothing.
type Movement struct {
	Rows  int // series that were seen in the window
	Known int // of them, those with looks of a whole window: the rest is of these
	Looks int
	Moves int // looks that found another value
	Busy  int // series of which most looks did
	Most  int // looks at one series
}

// Movement returns what the looks at the rows say that were seen in the window that
// ends with part.
func (m *Metric) Movement(part int64) Movement {
	var all Movement
	for _, r := range m.active(part) {
		all.Rows++
		n := r.looks.count()
		if n < sketch.Parts {
			continue
		}
		moves := r.looks.moves()
		all.Known++
		all.Looks += n
		all.Moves += moves
		all.Most = max(all.Most, n)
		if 2*moves > n {
			all.Busy++
		}
	}
	return all
}

// Share returns the part of the looks that found another value, 0 where there are
// none.
func (m *Movement) Share() float64 { return float64(m.Moves) / float64(max(1, m.Looks)) }

// uniteLooks takes over what another process knows of the same series: the value if
// later, and the looks of who has more of them, else of who saw more move. They are
// never added up: both may have looked at the same samples.
func (r *row) uniteLooks(o *row, later bool) {
	if o.looks == 0 {
		return
	}
	if r.looks == 0 || later {
		r.value = o.value
	}
	if n, have := o.looks.count(), r.looks.count(); r.looks == 0 || n > have || n == have && o.looks.moves() > r.looks.moves() {
		r.looks = o.looks
	}
}
