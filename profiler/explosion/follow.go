package explosion

import "math"

const (
	// againRatio is by how much an explosion must have grown to be reported
	// again: a growth without end is reported a logarithmic number of times.
	againRatio = 2

	// overShare is how much of the rise may be left when an explosion is over.
	overShare = 0.25

	// An explosion stays when what exploded has kept within calmRatio of where it
	// was for calmMinutes, 2 % an hour; at the latest after longestMinutes, since
	// the tide of a day may never keep so still.
	calmRatio      = 1.08
	calmMinutes    = 240
	longestMinutes = 24 * 60
)

// begin opens an explosion.
func (s *state) begin(k Kind, now, quiet int32, reference, active float64) Explosion {
	s.Open, s.Kind, s.Opened = true, k, now
	s.Since = min(quiet+1, now)
	s.From, s.To, s.Rest = float32(math.Exp2(reference)), float32(active), float32(active)
	s.Growing, s.Jumping, s.Leaking, s.Churning, s.Calm = 0, 0, 0, 0, 0
	return s.report(Began, now, active)
}

// follow watches an open explosion: the metric is silent until it has doubled
// again, stays or is over.
func (s *state) follow(now int32, active, live float64) (Explosion, bool) {
	size := live
	if s.Kind == Churn {
		size = active
	}
	from, to := float64(s.From), float64(s.To)
	rest := float64(s.Rest)
	hold(&s.Calm, size <= rest*calmRatio && size*calmRatio >= rest)
	if s.Calm == 0 {
		s.Rest = float32(size)
	}

	switch {
	case active <= from+(to-from)*overShare:
		s.close(live)
		return s.report(Over, now, active), true
	case size >= to*againRatio:
		s.To = float32(active)
		return s.report(Grown, now, active), true
	case s.Calm >= calmMinutes || now-s.Opened >= longestMinutes:
		s.settle(now, active, live)
		return s.report(Settled, now, active), true
	}
	return Explosion{}, false
}

func (s *state) report(st State, now int32, active float64) Explosion {
	return Explosion{
		Kind: s.Kind, State: st,
		From: float64(s.From), To: active,
		Since: int64(s.Since), At: int64(now),
	}
}

// close ends an explosion whose series are gone: the reference is what it was,
// and another one of the same size is news.
func (s *state) close(live float64) {
	s.Open = false
	s.GrowthQuiet, s.LeakQuiet, s.ChurnQuiet = s.Last, s.Last, s.Last
	if s.Kind == Growth {
		s.Recent.reset(math.Log2(max(live, float64(s.From), 1)))
	}
}

// settle ends an explosion that stays: its level is the reference.
func (s *state) settle(now int32, active, live float64) {
	s.Open = false
	s.GrowthQuiet, s.LeakQuiet, s.ChurnQuiet = now, now, now
	level := math.Log2(max(live, 1))
	if s.Kind == Churn {
		// So many active series for this rate are the rule from now on.
		more := math.Log2(max(active, 1)) - level
		s.PerRate += float32(more)
		s.Recent.raise(more)
		s.Days.raise(more, math.MaxInt32)
		return
	}
	s.Recent.reset(max(level, float64(s.Recent.Reference)))
	if more := level - math.Log2(float64(s.From)); more > 0 {
		s.Days.raise(more, (s.Opened-s.First)/bucketMinutes)
	}
}
