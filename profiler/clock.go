package profiler

import (
	"time"

	"github.com/headgate/headgate/profiler/sketch"
)

// A Clock divides time into parts of the window, numbered from the Unix epoch so
// that they mean the same after a restart and in every process. Within a process
// it follows the monotonic clock: setting the clock does not age anything.
type Clock struct {
	began time.Time
	since time.Duration // from the epoch to began
	part  time.Duration
}

// NewClock returns a clock for a window that begins to run now.
func NewClock(window time.Duration, now time.Time) Clock {
	return Clock{began: now, since: time.Duration(now.UnixNano()), part: window / sketch.Parts}
}

// A Moment is a point of time as the window knows it: the part, and how much of
// it is over, in 256ths.
type Moment struct {
	Part int64
	Turn uint8
	Unix int64 // seconds
}

// At returns the moment of now.
func (c Clock) At(now time.Time) Moment {
	d := c.since + now.Sub(c.began)
	return Moment{int64(d / c.part), uint8(d % c.part * 256 / c.part), int64(d / time.Second)}
}

// Own returns the part that a series is in whose moment to be noted again is
// turn: each has its own, so that no part begins with a storm.
func (m Moment) Own(turn uint8) int64 {
	if turn+m.Shift() < m.Turn {
		return m.Part
	}
	return m.Part - 1
}

// Shift returns by how much the moments to be noted again come later in this part. In
// each part they come at other ones, spread evenly: what repeats with the parts, as
// jobs of every ten minutes do, is not found in the same state each time.
func (m Moment) Shift() uint8 {
	const golden = 159 // 256 divided by the golden ratio, and odd
	return uint8(m.Part) * golden
}

// Window returns for how long a series counts as active.
func (c Clock) Window() time.Duration { return c.part * sketch.Parts }

// Begin returns when a part begins.
func (c Clock) Begin(part int64) time.Time { return time.Unix(0, part*int64(c.part)) }
