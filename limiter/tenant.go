package limiter

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// A Tenant is one tenant's limit and what has come of it. Ask the [Limiter] for it
// with each request: one that was idle is forgotten. Its methods may be called
// from any goroutine.
//
// Times given to it should carry a monotonic clock's reading, as those of time.Now
// do, so that setting the clock moves nothing. A request uses one time throughout.
type Tenant struct {
	id      tenant.ID
	limiter *Limiter
	plan    atomic.Pointer[Plan]
	used    atomic.Int64 // last time it was asked for, ns since the limiter began

	// Until when the bucket is empty, ns since the limiter began; 0: it is not, or
	// the tenant is over its limit.
	empty atomic.Int64

	// Longest intervals of thinning in force.
	always, overLimit atomic.Int64

	mu       sync.Mutex
	limit    Limit
	pools    *Pools
	named    bool          // in the configuration
	now      time.Duration // newest
	soft     bucket        // where samples_per_second is limited
	hard     bucket        // where hard_samples_per_second is
	full     time.Duration // when soft was full last
	last     float64       // demand of the newest request that had any
	change   float64       // of a sample, that soft has still to pay
	meter    *meter
	control  control
	history  history
	week     week
	refusals uint64 // requests that Take refused
	moves    uint64 // of cuts

	families families // has a lock of its own, under mu
}

// ID returns the tenant's name.
func (t *Tenant) ID() tenant.ID { return t.id }

// Plan returns what holds for a request that begins now. A request that finds the
// bucket empty makes its tenant go over the limit, and is the first to feel it.
// Plan does not allocate, and takes no lock while the tenant is within its limit.
func (t *Tenant) Plan(now time.Time) *Plan {
	if until := t.empty.Load(); until != 0 && int64(now.Sub(t.limiter.began)) < until {
		t.enter(now)
	}
	return t.plan.Load()
}

// Thinning says which intervals of thinning are the longest among the rules in
// force at any time and among those with when: over_limit. It may be called with
// every request; it does nothing where they are as they were.
func (t *Tenant) Thinning(now time.Time, always, overLimit time.Duration) {
	if t.always.Load() == int64(always) && t.overLimit.Load() == int64(overLimit) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.always.Store(int64(always))
	t.overLimit.Store(int64(overLimit))
	t.control.always, t.control.overLimit = always, overLimit
	if t.limit.SamplesPerSecond > 0 {
		t.clock(now)
		size := t.soft.size
		t.soft.set(now, t.control.perSecond, t.softBurst())
		t.soft.refund(now, max(0, t.soft.size-size)) // what a bucket gains in size is full, as a new one is
		t.remeasure(func(p int) int { return p })
	}
}

// softBurst is the burst, but not less than the longest interval of thinning that
// is always in force: the common grid of thinned series is no burst.
func (t *Tenant) softBurst() time.Duration { return max(t.limit.burst(), t.control.always) }

// remeasure replaces the meter by one that fits the windows and pools in force.
func (t *Tenant) remeasure(poolOf func(int) int) {
	c := &t.control
	if t.meter == nil {
		t.meter = newMeter(c.window(), len(c.shares), t.now)
		return
	}
	from := t.meter.begins(c.from)
	t.meter = t.meter.with(c.window(), len(c.shares), poolOf)
	c.from = max(t.meter.slot(from), t.meter.first)
}

// clock returns now as time since the limiter began. It never runs backwards.
func (t *Tenant) clock(now time.Time) time.Duration {
	t.now = max(t.now, now.Sub(t.limiter.began))
	return t.now
}

// least is how many tokens a bucket holds that is not empty: enough for the request
// before this one, or a quarter of a second's, or a quarter of what it can hold.
func (t *Tenant) least() float64 {
	return min(t.last, t.control.perSecond/4, float64(t.soft.size)/4)
}

// enter goes over the limit, if the bucket is empty indeed.
func (t *Tenant) enter(now time.Time) {
	t.mu.Lock()
	if t.control.exceeded || t.limit.SamplesPerSecond == 0 || t.soft.wait(now, t.least()) == 0 {
		t.mu.Unlock()
		return
	}
	t.control.enter(t.clock(now), now, t.full, t.meter)
	t.empty.Store(0)
	p := t.publish()
	text := fmt.Sprintf("over its limit of %s samples/s with a demand of %s", number(p.perSecond), number(t.control.lately(t.meter)))
	for i, c := range p.cuts {
		if c.cut != everything {
			text += fmt.Sprintf("; pool %s passes %s", p.pools.Name(Pool(i)), c.cut)
		}
	}
	t.mu.Unlock()
	t.tell(now, []happening{{Entered, text}})
}

// publish makes the plan that holds from now on.
func (t *Tenant) publish() *Plan {
	p := &Plan{
		pools: t.pools, perSecond: float64(t.limit.SamplesPerSecond),
		limited: t.limit.Limits(), hard: t.limit.HardSamplesPerSecond > 0,
		exceeded: t.control.exceeded, shadow: t.limit.shadow(), since: t.control.since,
	}
	if p.exceeded {
		p.cuts = t.control.cutsOf()
	}
	t.plan.Store(p)
	return p
}

// tell tells the events. The caller holds no lock.
func (t *Tenant) tell(now time.Time, what []happening) {
	for _, h := range what {
		t.limiter.notify(Event{At: now, Tenant: t.id, Change: h.change, Text: h.text})
	}
}

// Take takes n samples, all that a request is about to send, from the hard limit's
// bucket. Past the hard limit it takes nothing and returns how long to wait, from
// 1 to 30 seconds in whole ones. What is taken and not stored must be given back
// with Refund.
func (t *Tenant) Take(now time.Time, n int) (retryAfter time.Duration, ok bool) {
	if n <= 0 || !t.plan.Load().hard {
		return 0, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limit.HardSamplesPerSecond == 0 || t.limit.shadow() {
		return 0, true
	}
	wait, ok := t.hard.tryTake(now, n)
	if ok {
		return 0, true
	}
	t.refusals++
	// Senders that were refused together should not come back together.
	seconds := math.Ceil(wait.Seconds() * (1 + rand.Float64()/4))
	return time.Duration(min(max(seconds, minRetryAfter), maxRetryAfter)) * time.Second, false
}

// Bounds of Retry-After, seconds (DESIGN, section 5.2).
const minRetryAfter, maxRetryAfter = 1, 30

// Refund gives back what Take took for a request that the upstream did not take.
func (t *Tenant) Refund(now time.Time, n int) {
	if n <= 0 || !t.plan.Load().hard {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limit.HardSamplesPerSecond > 0 && !t.limit.shadow() {
		t.hard.refund(now, n)
	}
}

// Settle counts a request that the upstream took: p is the plan that it was judged
// by. A request that was not taken is not settled, and its retry finds the tenant
// as it did. Settle does not allocate, but for a tenant's first seconds and minutes.
func (t *Tenant) Settle(now time.Time, p *Plan, u *Usage) {
	n := u.demand()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.week.add(now, n)
	if t.limit.SamplesPerSecond == 0 {
		return
	}
	at := t.clock(now)
	current := t.plan.Load()
	second := t.history.at(at, t.named || t.control.exceeded, &t.limiter.blocks)
	charge := t.count(t.meter.at(at), second, u, p == current, p.pools != current.pools)
	if !t.control.exceeded {
		charge = float64(n)
	}
	tokens := t.soft.tokens(now)
	if t.soft.full(tokens) {
		t.full = at
	}
	whole := math.Floor(charge + t.change)
	t.change += charge - whole
	t.soft.take(now, int(whole))
	if t.control.exceeded || n == 0 {
		return
	}
	t.last = float64(n)
	until := int64(0)
	if wait := t.soft.until(t.least(), tokens-whole); wait > 0 {
		until = int64(at + wait)
	}
	if t.empty.Load() != until {
		t.empty.Store(until)
	}
}

// count counts u, and returns what the bucket pays for it while the tenant is over
// its limit. same says that it was judged by the cuts in force, foreign that its
// pools are not today's.
func (t *Tenant) count(cells []cellSum, second *Second, u *Usage, same, foreign bool) (charge float64) {
	for rest := u.touched; rest != 0; rest &= rest - 1 {
		p := bits.TrailingZeros32(rest)
		counts := &u.cells[p]
		if foreign || p*levels >= len(cells) {
			p = 0
		}
		for l := range counts {
			c := &counts[l]
			if *c == (Count{}) {
				continue
			}
			cells[p*levels+l].add(cellSum{float32(c.Demand), float32(c.Steady), float32(c.Thinned), float32(c.Granted)})
			if second != nil {
				second.Demand[l] += c.Demand
				second.Granted[l] += c.Granted
				if t.control.exceeded {
					second.Shed[l] += max(c.Steady+c.Thinned, c.Granted) - c.Granted
				}
			}
			if t.control.exceeded {
				charge += t.control.pools[p].count(l, c, same)
			}
		}
	}
	return charge
}

// count counts what a request was about at one level of a pool.
func (s *poolState) count(level int, c *Count, same bool) (charge float64) {
	if same && level == s.cut.level {
		s.asked += float64(c.Steady) + float64(c.Thinned)
		s.passed += float64(c.Granted)
	}
	if level == 0 {
		return float64(c.Granted) * s.pays
	}
	s.spent += float64(c.Granted)
	return float64(c.Granted)
}

// tick moves the control loop on, once a second, and keeps house once a minute.
func (t *Tenant) tick(now time.Time, minutely bool) {
	if !minutely && !t.plan.Load().exceeded && !t.families.in.Load() {
		return
	}
	t.mu.Lock()
	var what []happening
	at := t.clock(now)
	if minutely {
		t.history.expire(at, false, &t.limiter.blocks)
	}
	if t.control.exceeded && at-t.control.ticked >= minTick {
		var changed, leave bool
		what, changed, leave = t.control.tick(at, t.meter, t.poolName)
		t.moves += uint64(len(what))
		switch {
		case leave && t.soft.wait(now, t.least()) == 0:
			what = append(what, t.leave())
		case changed:
			t.publish()
		}
	}
	t.mu.Unlock()
	what = append(what, t.families.tick(now)...)
	t.tell(now, what)
}

// minTick is how far ticks lie apart at least: the control period.
const minTick = 900 * time.Millisecond

func (t *Tenant) poolName(p int) string { return t.pools.Name(Pool(p)) }

// leave ends the state of being over the limit.
func (t *Tenant) leave() happening {
	text := fmt.Sprintf("within its limit of %s samples/s again with a demand of %s", number(t.control.perSecond), number(t.control.now.total()))
	t.control.exceeded, t.control.since, t.control.pools = false, time.Time{}, nil
	t.publish()
	return happening{Left, text}
}
