package limiter

import "time"

// A poolState is what the control loop remembers of a pool while its tenant is
// over the limit. Times are since the limiter began.
type poolState struct {
	cut   cut
	moved time.Duration // last move of the cut

	over      bool // its demand is over its share: rules with when: over_limit apply
	overSince time.Duration
	calm      time.Duration // since then its demand is under its share

	// How many times the grant the demand is, over minutes; the cut that last proved
	// too high, and what it was then. That one is not tried again before demand has
	// fallen, and for an hour no other is either: else a cut that cannot be met, with
	// few families, would be tried again and again.
	ratio       float64
	failed      cut
	failedRatio float64
	patience    time.Duration

	debt   float64       // samples that passed beyond what was granted
	lowest float64       // debt in the window under way
	stays  float64       // lowest debt in the window before
	began  time.Duration // the window under way
	repays bool          // what stays

	grant float64 // samples per second besides critical
	pays  float64 // the part of critical that was granted: the bucket pays for it
	view  view    // as of the last decision

	spread        spread        // of the cut's level, as far as is known
	counted       time.Duration // since then the next two are counted
	asked, passed float64       // by the cut's level, in samples
	spent         float64       // besides critical, since the last tick, in samples
}

// set puts the cut in force.
func (s *poolState) set(c cut, now time.Duration) {
	if c.level != s.cut.level {
		s.spread = even
	}
	s.cut, s.moved = c, now
	s.counted, s.asked, s.passed = now, 0, 0
}

const (
	// loosenEvery is how long a cut stays before it is loosened, maxPatience how long
	// where the one before it proved too high.
	loosenEvery = time.Minute
	maxPatience = time.Hour

	// memory is over how long demand is averaged to tell whether it has fallen, and
	// relief by which part it must have to forget what went wrong.
	memory = 5 * time.Minute
	relief = 1. / 8
)

// endWindow notes the debt that stays, once a window.
func (s *poolState) endWindow(now, window time.Duration) {
	if now-s.began >= window {
		s.began, s.stays, s.lowest = now, s.lowest, s.debt
	}
}

// see takes what was counted of the cut's level for its spread, once that is a whole
// window: in a part of one, some families may have come and others not.
func (s *poolState) see(now, window time.Duration) {
	if now-s.counted < window {
		return
	}
	if at := s.cut.fraction(s.cut.level); s.asked > 0 && s.cut.level < levels {
		s.spread = spread{at, min(1, s.passed/s.asked)}
	}
	s.counted, s.asked, s.passed = now, 0, 0
}

const (
	// repayFrom is for how long of its grant a pool may owe without end, repayment
	// the part of its grant by which it then repays.
	repayFrom = 5 * time.Second
	repayment = 1. / 32
)

// pay brings the debt up to date: what passed since the last tick, less what was
// granted.
func (s *poolState) pay(passed time.Duration) {
	s.debt = max(0, s.debt+s.spent-s.grant*passed.Seconds())
	s.spent = 0
	s.lowest = min(s.lowest, s.debt)
}

// owes returns how much of its grant the pool has to do without for a small debt
// that stays. A debt that comes and goes within a window is how its samples come.
func (s *poolState) owes() float64 {
	switch {
	case s.stays == 0:
		s.repays = false
	case s.stays > s.grant*repayFrom.Seconds():
		s.repays = true
	}
	if s.repays {
		return repayment
	}
	return 0
}

// decide moves the cut, if at all. passed is the time since the last decision, owes
// how much of its grant the pool has to do without for what it passed beyond all
// measure; settled says that what was measured covers a whole window, so that it may
// be remembered and the cut loosened.
func (s *poolState) decide(now, passed time.Duration, demand [levels]float64, grant, owes float64, settled bool) (moved bool) {
	s.view = view{demand, grant, s.cut, s.spread, slack}
	learns := settled && owes == 0
	if owes = max(owes, s.owes()); owes > 0 {
		s.view.grant, s.view.slack = grant*(1-owes), debtorSlack
	}
	if settled && grant > 0 {
		ratio := (demand[1] + demand[2] + demand[3]) / grant
		if s.ratio == 0 {
			s.ratio = ratio
		}
		s.ratio += (ratio - s.ratio) * min(1, passed.Seconds()/memory.Seconds())
	}
	c := s.view.tighten()
	if owes >= 1 { // whatever is asked for: it may be something that was never seen before
		c = nothing
	}
	if c != s.cut {
		if learns {
			s.failed, s.failedRatio, s.patience = s.cut, s.ratio, maxPatience
		}
		s.set(c, now)
		return true
	}
	if s.ratio < s.failedRatio*(1-relief) {
		s.failed, s.failedRatio, s.patience = cut{}, 0, 0
	}
	if !settled || owes > 0 || now-s.moved < max(loosenEvery, s.patience) {
		return false
	}
	c = s.view.loosen()
	if c == s.cut || s.failedRatio > 0 && !c.less(s.failed) {
		return false
	}
	s.set(c, now)
	return true
}
