package limiter

import (
	"fmt"
	"slices"
	"time"
)

const (
	// leaveUnder is under which part of the limit demand must stay to leave the
	// state of being over it, leaveAfter for how long.
	leaveUnder = 0.9
	leaveAfter = time.Minute

	// leaveWindow is over how long demand is measured for that, at least.
	leaveWindow = 10 * time.Second

	// maxLeast is over how long demand is measured at least, maxSustained for how long
	// it must last before that is believed to be no burst. Who allows only shorter
	// bursts is believed earlier.
	maxLeast     = 5 * time.Second
	maxSustained = 15 * time.Second

	// A pool may owe what it is granted in a window and a half: its samples may come
	// all at once. From there on it has to do without some of its grant, and without
	// all of it at two windows.
	debtFrom, debtTo = 1.5, 2.0
)

// A control is the control loop of one tenant's limit. The clock and all that was
// measured are arguments; times are since the limiter began.
type control struct {
	perSecond float64
	shares    []float64
	burst     time.Duration
	always    time.Duration // longest interval of thinning in force at any time
	overLimit time.Duration // and by rules with when: over_limit

	exceeded bool
	since    time.Time
	full     time.Duration // when the bucket was full last
	entered  time.Duration
	from     int64 // first slot that estimates use
	resolved bool  // it will not change any more
	calm     time.Duration
	ticked   time.Duration
	pools    []poolState

	now, before, short reading // scratch
	grants             [][levels]float64
	spare              float64 // of the limit, that nobody is granted
	sums               []cellSum
}

// reset makes c the control loop of a limit that is not exceeded.
func (c *control) reset(perSecond float64, burst time.Duration, shares []float64) {
	c.perSecond, c.burst, c.shares = perSecond, burst, shares
	c.exceeded, c.since, c.pools = false, time.Time{}, nil
}

func (c *control) least() time.Duration { return min(c.burst, maxLeast) }

func (c *control) sustained() time.Duration { return max(min(c.burst/2, maxSustained), c.always) }

func (c *control) window() time.Duration { return windowFor(max(c.always, c.overLimit)) }

// scratch makes room for readings of m.
func (c *control) scratch(m *meter) {
	n := len(c.shares)
	c.now.reset(n)
	c.before.reset(n)
	c.short.reset(n)
	if len(c.sums) != m.cells {
		c.sums, c.grants = make([]cellSum, m.cells), make([][levels]float64, n)
	}
}

// read reads the slots from to to of m into r.
func (c *control) read(r *reading, m *meter, from, to int64, plain time.Duration) {
	m.sum(from, to, c.sums)
	r.read(c.sums, spans{plain, c.always, c.overLimit})
}

// enter goes over the limit. full is when the bucket was full last.
func (c *control) enter(now time.Duration, wall time.Time, full time.Duration, m *meter) {
	c.scratch(m)
	m.at(now)
	c.full, c.entered, c.resolved = full, now, false
	plain := c.resolve(now, m.last, m)
	c.read(&c.now, m, c.from, m.last, plain)

	c.exceeded, c.since, c.calm, c.ticked = true, wall, now, now
	c.pools = make([]poolState, len(c.shares))
	for p := range c.pools {
		s := &c.pools[p]
		s.over = c.overShare(p, c.now.pool(p))
		s.calm, s.began = now, now
		if !s.over { // its series are not thinned
			c.now.remains[p] = c.now.demand[p]
		}
	}
	c.share()
	for p := range c.pools {
		s := &c.pools[p]
		s.grant, s.pays = c.granted(p)
		s.view = view{c.now.remains[p], s.grant, everything, even, slack}
		s.set(s.view.fit(), now)
	}
}

// resolve sets from which slot on demand is measured, up to last, and returns the
// time that is. What emptied the bucket has come since it was full. Either it is
// what comes from now on, and then only that counts; or it was the scrapes of a few
// targets that come together, and only a whole window tells how much that is. As
// long as this is not known, what came is taken to be all that a window holds.
func (c *control) resolve(now time.Duration, last int64, m *meter) time.Duration {
	whole, from := max(m.slot(now-c.window()), m.first), max(m.slot(c.full), m.first)
	switch lasted := now - c.full; {
	case c.resolved:
	case lasted >= c.window() || now-c.entered >= c.window():
		c.resolved, c.from = true, whole
	case lasted >= c.sustained() && c.goesOn(from, last, m):
		c.resolved, c.from = true, from
	default:
		c.from = whole
		return c.window()
	}
	return max(c.least(), m.begins(last+1)-m.begins(max(c.from, last-m.slots(c.window())+1)))
}

// lately returns the demand since the bucket was full, samples per second.
func (c *control) lately(m *meter) float64 {
	from := max(m.slot(c.full), m.first)
	return float64(m.demand(from, m.last)) / max(c.least(), c.entered-m.begins(from)).Seconds()
}

// goesOn reports whether demand since a slot is something new that has not ended.
func (c *control) goesOn(from, last int64, m *meter) bool {
	n, recent := last-from+1, m.slots(max(c.least(), c.always))
	return m.most(n, from-1) < m.demand(from, last)/2 &&
		m.demand(last-recent+1, last)*float32(n) >= m.demand(from, last)*float32(recent)/2
}

// overShare reports whether a pool with this demand is over its share. Where there
// is one pool only, it is when the tenant is over the limit.
func (c *control) overShare(p int, demand float64) bool {
	return len(c.shares) == 1 || demand > c.shares[p]*c.perSecond
}

// share divides the limit among what remains of the demand. What nobody demands is
// the pools' as their shares are: demand may have risen since it was measured.
func (c *control) share() {
	share(c.perSecond, c.shares, c.now.remains, c.grants)
	c.spare = c.perSecond
	for _, g := range c.grants {
		c.spare -= g[0] + g[1] + g[2] + g[3]
	}
	c.spare = max(0, c.spare)
}

// granted returns what a pool is granted besides critical, and which part of what
// is critical.
func (c *control) granted(p int) (rest, critical float64) {
	g := &c.grants[p]
	critical = 1
	if d := c.now.remains[p][0]; d > 0 {
		critical = g[0] / d
	}
	return g[1] + g[2] + g[3] + c.spare*c.shares[p], critical
}

// measure reads the newest whole window, and the shorter one by which demand is
// known to be low. It reports whether the window is full.
func (c *control) measure(now time.Duration, m *meter) (settled bool) {
	c.scratch(m)
	m.at(now)
	last, width := m.last-1, m.slots(c.window())
	plain := c.resolve(now, last, m)
	first := max(c.from, last-width+1)
	c.read(&c.now, m, first, last, plain)

	late := m.slots(echo)
	if first-late >= c.from {
		c.read(&c.before, m, first-late, last-late, plain)
		c.now.least(&c.before)
	}
	n := m.slots(max(leaveWindow, c.always))
	c.read(&c.short, m, last-n+1, last, m.begins(n)-m.begins(0))
	return c.resolved && last-first+1 >= width
}

// tick moves the control loop on. It says what has happened, whether anything that
// a plan holds has changed, and whether the limit may be left.
func (c *control) tick(now time.Duration, m *meter, nameOf func(int) string) (what []happening, changed, leave bool) {
	settled := c.measure(now, m)
	if min(c.now.total(), c.short.total()) >= leaveUnder*c.perSecond {
		c.calm = now
	}
	leave = now-c.calm >= leaveAfter
	c.share()
	passed := now - c.ticked
	c.ticked = now
	together := 0.0
	for p := range c.pools {
		s := &c.pools[p]
		s.pay(passed)
		s.endWindow(now, c.window())
		together += s.debt
	}
	for p := range c.pools {
		s := &c.pools[p]
		changed = c.judge(s, p, now) || changed
		s.grant, s.pays = c.granted(p)
		before := s.cut
		owes := c.owes(p, together)
		if s.over && c.overLimit > 0 && now-s.overSince < c.overLimit && owes == 0 {
			continue // it is not known yet what thinning leaves
		}
		s.see(now, c.window())
		if s.decide(now, passed, c.now.remains[p], s.grant, owes, settled) {
			changed = true
			what = append(what, happening{Moved, c.moveText(p, before, nameOf)})
		}
	}
	return what, changed, leave
}

// judge sets whether a pool is over its share, by the rule that holds for the
// tenant and its limit, and reports whether that has changed.
func (c *control) judge(s *poolState, p int, now time.Duration) bool {
	if len(c.shares) == 1 {
		return false
	}
	before := s.over
	demand := c.now.pool(p)
	if min(demand, c.short.pool(p)) >= leaveUnder*c.shares[p]*c.perSecond {
		s.calm = now
	}
	switch {
	case !s.over && c.overShare(p, demand):
		s.over, s.overSince = true, now
	case s.over && now-s.calm >= leaveAfter:
		s.over = false
	}
	return s.over != before
}

// owes returns how much of its grant a pool has to do without for its debt: the
// net under estimates that lag behind or are wrong. Where the pools together owe
// more than one alone may, because it was one's turn after the other's to be lent
// to, those that owe more than their own shares' part of it get nothing.
func (c *control) owes(p int, together float64) float64 {
	s, most := &c.pools[p], debtTo*c.perSecond*c.window().Seconds()
	if together > most && s.debt > most*c.shares[p] {
		return 1
	}
	if s.grant == 0 {
		return 0
	}
	windows := s.debt / (s.grant * c.window().Seconds())
	return min(max((windows-debtFrom)/(debtTo-debtFrom), 0), 1)
}

// An order is how a limit stands to the one before it.
type order int

const (
	apart order = iota // the shares are others
	same
	raised
	lowered
)

// orderOf returns how a limit stands to the one before it.
func orderOf(before float64, sharesBefore []float64, perSecond float64, shares []float64) order {
	switch {
	case !slices.Equal(sharesBefore, shares):
		return apart
	case perSecond > before:
		return raised
	case perSecond < before:
		return lowered
	}
	return same
}

// refit returns the cut that takes the place of one, where another now fits: a limit
// that was raised tightens none, and one that was lowered loosens none.
func (o order) refit(was, fits cut) cut {
	if o == same || o == raised && fits.less(was) || o == lowered && was.less(fits) {
		return was
	}
	return fits
}

// refit places the cuts anew, because the limit itself has changed: at once.
func (c *control) refit(now time.Duration, m *meter, o order, nameOf func(int) string) (what []happening) {
	c.measure(now, m)
	c.share()
	for p := range c.pools {
		s := &c.pools[p]
		s.grant, s.pays = c.granted(p)
		s.debt, s.stays, s.repays, s.failed, s.failedRatio, s.patience = 0, 0, false, cut{}, 0, 0
		s.view = view{c.now.remains[p], s.grant, s.cut, s.spread, slack}
		to, before := o.refit(s.cut, s.view.fit()), s.cut
		if to == before {
			continue
		}
		s.set(to, now)
		what = append(what, happening{Moved, c.moveText(p, before, nameOf)})
	}
	return what
}

// low reports whether demand, as measured last, is one that the limit could be
// left with.
func (c *control) low() bool { return c.now.total() < leaveUnder*c.perSecond }

func (c *control) moveText(p int, before cut, nameOf func(int) string) string {
	s := &c.pools[p]
	verb := "tightened"
	if before.less(s.cut) {
		verb = "loosened"
	}
	return fmt.Sprintf("pool %s %s: %s passes, before it was %s (demand %s samples/s, of which %s besides critical are granted)",
		nameOf(p), verb, s.cut, before, number(s.view.sum()), number(s.grant))
}

// sum returns the demand of all levels.
func (v *view) sum() float64 { return v.demand[0] + v.demand[1] + v.demand[2] + v.demand[3] }

// cutsOf returns the pools' part of a plan.
func (c *control) cutsOf() []planCut {
	cuts := make([]planCut, len(c.pools))
	for p := range cuts {
		s := &c.pools[p]
		cuts[p] = planCut{cut: s.cut, over: s.over, demand: s.view.sum(), grant: s.view.grant, share: c.shares[p] * c.perSecond}
	}
	return cuts
}
