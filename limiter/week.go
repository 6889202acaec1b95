package limiter

import (
	"math"
	"time"
)

const (
	weekDays = 7

	// Buckets of demand grow by an eighth of a doubling, 9 %, from one sample per
	// second to a thousand million.
	bucketsPerDoubling = 8
	weekBuckets        = 30*bucketsPerDoubling + 1

	// minMinutes is how many minutes must have been seen before anything is suggested.
	minMinutes = 60

	// headroom is by how much a suggested limit exceeds what was seen.
	headroom = 1.2
)

// A week is how often which demand was seen in the last seven days: for each day a
// histogram of the minutes in which there was any. The tenant's lock guards it.
type week struct {
	days   [weekDays]*day
	minute int64 // under way, since 1970
	sum    uint64
}

type day struct {
	number int64               // since 1970
	counts [weekBuckets]uint16 // a day has 1440 minutes
}

// add counts n samples of a minute's demand.
func (w *week) add(now time.Time, n uint64) {
	if minute := now.Unix() / 60; minute != w.minute {
		w.end()
		w.minute = minute
	}
	w.sum += n
}

// end closes the minute under way.
func (w *week) end() {
	if w.sum == 0 {
		return
	}
	number := w.minute / (24 * 60)
	d := w.days[number%weekDays]
	if d == nil || d.number != number {
		d = &day{number: number}
		w.days[number%weekDays] = d
	}
	d.counts[bucketOf(float64(w.sum)/60)]++
	w.sum = 0
}

func bucketOf(perSecond float64) int {
	if perSecond <= 1 {
		return 0
	}
	return min(int(math.Ceil(math.Log2(perSecond)*bucketsPerDoubling-1e-9)), weekBuckets-1)
}

// bound returns the upper bound of a bucket, samples per second.
func bound(bucket int) float64 { return math.Exp2(float64(bucket) / bucketsPerDoubling) }

// A Suggestion is a limit that would have let pass what was seen.
type Suggestion struct {
	SamplesPerSecond int64   // P99 and a fifth more, rounded up to two digits; 0: too little was seen
	P99              float64 // of the minutes with any demand in the last seven days, samples per second; at most 9 % too high
	Minutes          int     // that this is made of
}

// suggest returns a limit.
func (w *week) suggest(now time.Time) Suggestion {
	var counts [weekBuckets]int
	var s Suggestion
	oldest := now.Unix()/(24*60*60) - weekDays
	for _, d := range w.days {
		if d == nil || d.number <= oldest {
			continue
		}
		for i, n := range d.counts {
			counts[i] += int(n)
			s.Minutes += int(n)
		}
	}
	if s.Minutes < minMinutes {
		return s
	}
	rank := int(math.Ceil(0.99 * float64(s.Minutes)))
	for i, n := range counts {
		if rank -= n; rank <= 0 {
			s.P99 = bound(i)
			break
		}
	}
	s.SamplesPerSecond = WithHeadroom(s.P99)
	return s
}

// WithHeadroom returns a limit that leaves a fifth of room above what was seen, rounded
// up to two digits.
func WithHeadroom(seen float64) int64 {
	if seen <= 0 {
		return 0
	}
	return roundUp(seen * headroom)
}

// roundUp rounds x up to two digits.
func roundUp(x float64) int64 {
	unit := max(1, math.Pow(10, math.Floor(math.Log10(x))-1))
	return int64(math.Ceil(x/unit-1e-9) * unit)
}
