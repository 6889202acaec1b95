package limiter

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// A bucket is a token bucket that can owe. It holds at most burst samples and is
// refilled at a constant rate; it begins full.
//
// It is a [rate.Limiter] without its traps: what is larger than the burst can be
// taken, time never runs backwards (concurrent requests come in any order, and a
// Limiter that was asked about an earlier time refills that span twice), and
// tokens can be given back. The tenant's lock guards it.
type bucket struct {
	lim       *rate.Limiter
	perSecond float64
	size      int       // samples
	now       time.Time // newest that it was asked about
}

// newBucket returns a full bucket; perSecond is positive.
func newBucket(now time.Time, perSecond float64, burst time.Duration) bucket {
	size := bucketSize(perSecond, burst)
	b := bucket{lim: rate.NewLimiter(rate.Limit(perSecond), size), perSecond: perSecond, size: size, now: now}
	b.lim.ReserveN(now, 0) // the clock of a new Limiter stands at the year 1
	return b
}

func bucketSize(perSecond float64, burst time.Duration) int {
	return int(max(1, math.Round(perSecond*burst.Seconds())))
}

// set changes rate and burst. The tokens stay, as far as they fit.
func (b *bucket) set(now time.Time, perSecond float64, burst time.Duration) {
	now = b.at(now)
	b.perSecond, b.size = perSecond, bucketSize(perSecond, burst)
	b.lim.SetBurstAt(now, b.size)
	b.lim.SetLimitAt(now, rate.Limit(perSecond))
}

// tokens returns how many samples fit at once. A debt is negative.
func (b *bucket) tokens(now time.Time) float64 { return b.lim.TokensAt(b.at(now)) }

// take takes n samples whether they are there or not; n may be negative.
func (b *bucket) take(now time.Time, n int) {
	now = b.at(now)
	if n <= b.size {
		b.lim.ReserveN(now, n)
		return
	}
	// A Limiter refuses what is larger than its burst, for ever.
	b.lim.SetBurstAt(now, n)
	b.lim.ReserveN(now, n)
	b.lim.SetBurstAt(now, b.size)
}

// tryTake takes n samples where they fit, or else says how long it takes until
// they would. What is larger than the burst fits a full bucket and leaves a debt.
func (b *bucket) tryTake(now time.Time, n int) (wait time.Duration, ok bool) {
	if wait = b.wait(now, float64(n)); wait > 0 {
		return wait, false
	}
	b.take(now, n)
	return 0, true
}

// wait returns how long it takes until n samples fit, or the bucket is full.
func (b *bucket) wait(now time.Time, n float64) time.Duration {
	return b.until(n, b.tokens(now))
}

// until is wait where the bucket holds so many tokens.
func (b *bucket) until(n, tokens float64) time.Duration {
	missing := min(n, float64(b.size)) - tokens
	if missing <= tokenSlack {
		return 0
	}
	return time.Duration(missing / b.perSecond * float64(time.Second))
}

// tokenSlack, in samples, forgives what adding fractions makes of a full bucket.
const tokenSlack = 1e-6

// refund gives n samples back.
func (b *bucket) refund(now time.Time, n int) { b.take(now, -n) }

// full reports whether nothing more fits in where there are so many tokens.
func (b *bucket) full(tokens float64) bool { return b.until(float64(b.size), tokens) == 0 }

// at returns now, or the newest time that was asked about if that is later.
func (b *bucket) at(now time.Time) time.Time {
	if now.After(b.now) {
		b.now = now
	}
	return b.now
}
