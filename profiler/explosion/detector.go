package explosion

import "math"

const (
	// windowMinutes is how long after the first reading a series has certainly
	// been seen if it lives: the window of an hour and the part under way.
	windowMinutes = 70

	// rateMinutes is over how many minutes the rate of samples is taken: as many as
	// the longest interval between scrapes that Prometheus' queries bear, so that
	// one in which all are scraped at once is even. evenMinutes is the time constant
	// that evens out what does not divide five minutes.
	rateMinutes = 5
	evenMinutes = 2

	// The series per rate follow the quantile 1/4 of active ÷ rate: they rise by
	// a part and fall by three. A deploy's hour raises them by 8 %; a change of
	// the scrape interval from 15 s to 60 s is learnt in 18 hours, back in 6.
	perRateRise = 0.0018 // octaves a minute
	perRateFall = 3 * perRateRise

	// leastAdded is the number of additional series below which nothing is
	// reported: fewer cost less than the attention they take.
	leastAdded = 500

	// growthRatio is over the trailing reference. Daily autoscaling by ± 40 %
	// makes 1.25 of it in two hours; a rolling deploy's surge is 1.25 by default.
	// It must hold longer than two fleets overlap when one relieves the other.
	growthRatio   = 1.5
	growthMinutes = 12

	// jumpRatio is beyond what two fleets at once explain, so it need hold only
	// long enough to be no hiccup of one minute.
	jumpRatio   = 2.5
	jumpMinutes = 3

	// leakRatio is over the usual level, the highest that days bring about. What
	// holds for an hour is no passing peak.
	leakRatio   = 1.25
	leakMinutes = 60

	// habitRatio is how far over its usual level a metric must be for its growth
	// to be news.
	habitRatio = 1.1

	// churnRatio is active over live series. Each deploy within the window adds
	// one fleet: two make three of them. It must hold longer than the rate takes to
	// follow a step, or every step were churn at first.
	churnRatio   = 3.5
	churnMinutes = 8

	// quietRatio is what counts as not yet rising, to tell when a rise began.
	quietRatio = 1.1
)

var (
	growthOctaves = math.Log2(growthRatio)
	jumpOctaves   = math.Log2(jumpRatio)
	leakOctaves   = math.Log2(leakRatio)
	habitOctaves  = math.Log2(habitRatio)
	churnOctaves  = math.Log2(churnRatio)
	quietOctaves  = math.Log2(quietRatio)
)

// A Detector watches one metric. The zero value is ready for use: the first
// reading begins the warm-up, during which nothing is reported since everything
// is new. It has no pointers and may be copied; it is not safe for concurrent use.
type Detector struct{ s state }

// state is all that is known of a metric. The fields are exported for
// encoding/binary only.
type state struct {
	First, Last int32 // minutes of the first reading with series and of the last one

	Rates   [rateMinutes]float32 // samples per second, by minute
	Rate    float32              // evened out
	PerRate float32              // octaves of active series per sample per second, once Learnt

	Recent recent
	Days   days

	// Minutes for which each condition has held, and the last minute at which
	// there was no sign of it.
	Growing, Jumping, Leaking, Churning uint8
	GrowthQuiet, LeakQuiet, ChurnQuiet  int32
	Learnt                              bool
	Open                                bool // an explosion was reported and has not ended
	Kind                                Kind
	Calm                                uint8   // minutes for which the explosion has not moved
	From, To                            float32 // as last reported
	Rest                                float32 // where what exploded was when it last moved
	Opened, Since                       int32
}

// Read takes the reading of another minute, and returns what it reveals. Readings
// that do not go forward, or are no numbers, are ignored.
func (d *Detector) Read(r Reading) (Explosion, bool) {
	s := &d.s
	if !sound(r) {
		return Explosion{}, false
	}
	now := int32(r.Minute)
	if s.First != 0 && now-s.Last > memoryMinutes {
		*s = state{} // all that is remembered is older than what it is remembered for
	}
	if s.First == 0 {
		if r.Active == 0 {
			return Explosion{}, false
		}
		*s = state{First: now, Last: now - rateMinutes, Rate: float32(r.SamplesPerSecond)}
	}
	passed := now - s.Last
	if passed <= 0 {
		return Explosion{}, false
	}
	s.Last = now

	live := s.live(r, passed)
	turned := s.Recent.add(now, live)
	if turned && s.Learnt {
		s.Days.add(s.First, now, s.Recent.newest(now))
	}
	if !s.Learnt {
		return Explosion{}, false
	}
	if s.Open {
		return s.follow(now, r.Active, live)
	}
	return s.judge(now, passed, r.Active, live)
}

func sound(r Reading) bool {
	const most = 1 << 50 // a mark can hold it
	return r.Minute > 0 && r.Minute <= math.MaxInt32 &&
		r.Active >= 0 && r.Active <= most && r.SamplesPerSecond >= 0 && r.SamplesPerSecond <= most
}

// live returns the series that the rate of samples explains, in units of active
// series. Until the first window is full these are not known, and it is the rate
// alone.
func (s *state) live(r Reading, passed int32) float64 {
	mean := 0.0
	for i := range int32(rateMinutes) {
		if i < passed { // the minutes without a reading were like this one
			s.Rates[(s.Last+rateMinutes-i)%rateMinutes] = float32(r.SamplesPerSecond)
		}
		mean += float64(s.Rates[i]) / rateMinutes
	}
	s.Rate += float32((mean - float64(s.Rate)) * fraction(passed, evenMinutes))
	rate := float64(s.Rate)
	if rate < 1e-6 { // what is left of a rate that is zero
		return 0
	}
	if !s.Learnt && (s.Last-s.First < windowMinutes || r.Active == 0) {
		return rate
	}
	perRate := math.Log2(max(r.Active, 1) / rate)
	switch {
	case !s.Learnt:
		s.Learnt = true
		s.PerRate = float32(perRate)
		s.Recent.raise(perRate)
		s.GrowthQuiet, s.LeakQuiet, s.ChurnQuiet = s.First, s.First, s.First
	case s.Open && s.Kind == Churn: // an exception is nothing to learn from
	case perRate > float64(s.PerRate):
		s.PerRate = min(s.PerRate+float32(perRateRise*float64(passed)), float32(perRate))
	default:
		s.PerRate = max(s.PerRate-float32(perRateFall*float64(passed)), float32(perRate))
	}
	return min(r.Active, rate*math.Exp2(float64(s.PerRate)))
}

// fraction returns how much of the way an exponential mean with the given time
// constant goes in the minutes passed.
func fraction(passed int32, constant float64) float64 {
	return -math.Expm1(-float64(passed) / constant)
}

// judge looks for the beginning of an explosion.
func (s *state) judge(now, passed int32, active, live float64) (Explosion, bool) {
	reference, ok := s.Recent.reference(now)
	if !ok {
		s.Growing, s.Jumping, s.Leaking, s.Churning = 0, 0, 0, 0
		s.GrowthQuiet, s.ChurnQuiet = now, now
		return Explosion{}, false
	}
	level := math.Log2(max(live, 1))
	usual, hasUsual, habit := s.Days.usual(s.First, now)

	over, added := level-reference, live-math.Exp2(reference)
	news := added >= leastAdded && (!habit || level >= usual+habitOctaves)
	hold(&s.Growing, news && over >= growthOctaves)
	hold(&s.Jumping, news && over >= jumpOctaves)
	if over < quietOctaves {
		s.GrowthQuiet = now
	}

	leaking := hasUsual && level >= usual+leakOctaves && live-math.Exp2(usual) >= leastAdded
	waver(&s.Leaking, passed, leaking)
	if !hasUsual || level < usual+quietOctaves {
		s.LeakQuiet = now
	}

	explained := max(level, reference)
	spent := math.Log2(max(active, 1)) - explained
	hold(&s.Churning, spent >= churnOctaves && active-math.Exp2(explained) >= leastAdded)
	if spent < quietOctaves {
		s.ChurnQuiet = now
	}

	switch {
	case s.Jumping >= jumpMinutes || s.Growing >= growthMinutes:
		return s.begin(Growth, now, s.GrowthQuiet, reference, active), true
	case s.Churning >= churnMinutes:
		return s.begin(Churn, now, s.ChurnQuiet, explained, active), true
	case s.Leaking >= leakMinutes:
		return s.begin(Growth, now, s.LeakQuiet, usual, active), true
	}
	return Explosion{}, false
}

// hold counts the minutes for which a condition has held without a break. Those
// for which there was no reading do not count.
func hold(minutes *uint8, holds bool) {
	if !holds {
		*minutes = 0
		return
	}
	*minutes = min(*minutes, math.MaxUint8-1) + 1
}

// waver counts as hold does, but a break takes back only its own length: near
// its limit a slow rise crosses it many times.
func waver(minutes *uint8, passed int32, holds bool) {
	switch {
	case holds:
		hold(minutes, true)
	case int32(*minutes) > passed:
		*minutes -= uint8(passed)
	default:
		*minutes = 0
	}
}
