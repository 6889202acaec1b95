package explosion

import (
	"math"
	"math/rand/v2"
)

const parts = 6 // of the window, ten minutes each

// population is the series of one metric, as the sliding window counts them: one
// that stops in a part is counted until five parts later, so it is forgotten 50 to
// 60 minutes after it stopped.
type population struct {
	live   float64
	gone   [parts]float64 // stopped for ever, by the part in which they were last seen
	asleep [parts]float64 // stopped, and may return
	away   float64        // asleep for so long that they are forgotten
	minute int64

	// spread tells how a series' sightings are told to parts. Each may have its own
	// moment at which its part begins (see profiler.Moment.Own): then those whose
	// moment is still to come were last seen in the part before.
	spread bool
}

// at moves to another minute.
func (p *population) at(minute int64) {
	for part := p.minute/10 + 1; part <= minute/10; part++ {
		p.away += p.asleep[part%parts]
		p.gone[part%parts], p.asleep[part%parts] = 0, 0
	}
	p.minute = minute
}

func (p *population) active() float64 {
	sum := p.live
	for i := range parts {
		sum += p.gone[i] + p.asleep[i]
	}
	return sum
}

func (p *population) appear(n float64) { p.live += n }

// stop ends n series for ever.
func (p *population) stop(n float64) { p.end(n, &p.gone) }

// rest stops n series that may return.
func (p *population) rest(n float64) { p.end(n, &p.asleep) }

func (p *population) end(n float64, into *[parts]float64) {
	n = min(n, p.live)
	p.live -= n
	part, here := p.minute/10, n
	if p.spread {
		here = n * (float64(p.minute%10) + 0.5) / 10
	}
	into[part%parts] += here
	into[(part+parts-1)%parts] += n - here
}

// wake lets n series return, those that were seen last first; if there are not as
// many, new ones take their place.
func (p *population) wake(n float64) {
	p.live += n
	for age := int64(0); age < parts && n > 0; age++ {
		a := &p.asleep[(p.minute/10+parts-age)%parts]
		back := min(*a, n)
		*a -= back
		n -= back
	}
	p.away -= min(p.away, n)
}

// replace gives n live series new names.
func (p *population) replace(n float64) {
	n = min(n, p.live)
	p.stop(n)
	p.appear(n)
}

// world is a metric and what stands between it and us.
type world struct {
	population
	rng      *rand.Rand
	interval float64 // seconds between two samples of a series
	bunched  bool    // all series are scraped in the same minute of the interval
	late     float64 // share of a minute's samples that may come a minute late, at most
	jitter   float64 // of the rate, standard deviation
	estimate float64 // standard error of the count of active series
	unseen   float64 // series that live, and whose samples do not reach us yet

	carried, backlog float64 // samples
	catchUp          float64 // samples of the backlog a minute
	drift            float64 // of the estimate, in standard errors
}

func newWorld(rng *rand.Rand, start int64) *world {
	w := &world{rng: rng}
	w.minute = start
	w.interval = []float64{10, 15, 15, 30, 30, 60, 60}[rng.IntN(7)]
	w.late = rng.Float64() * 0.2
	w.jitter = rng.Float64() * 0.05
	w.estimate = []float64{0, 0.008, 0.016}[rng.IntN(3)]
	w.spread = rng.IntN(2) == 0
	if rng.IntN(12) == 0 {
		w.interval, w.bunched, w.late = []float64{120, 300}[rng.IntN(2)], true, 0
	}
	return w
}

// reading is what is seen of the minute.
func (w *world) reading() Reading {
	// A sketch that hardly changes errs by the same for long.
	w.drift = 0.98*w.drift + math.Sqrt(1-0.98*0.98)*w.rng.NormFloat64()
	active := w.active() * (1 + w.estimate*max(-3, min(3, w.drift)))

	due := w.live * 60 / w.interval
	if w.bunched {
		every := int64(w.interval / 60)
		if w.minute%every == 0 {
			due *= float64(every)
		} else {
			due = 0
		}
	}
	due *= max(0, 1+w.jitter*w.rng.NormFloat64())
	if w.unseen > 0 {
		w.backlog += w.unseen * 60 / w.interval
	} else {
		more := min(w.backlog, w.catchUp)
		w.backlog -= more
		due += more
	}
	carried := due * w.late * w.rng.Float64()
	due, w.carried = due-carried+w.carried, carried
	return Reading{Minute: w.minute, Active: math.Round(active), SamplesPerSecond: due / 60}
}

// between returns a number from lo to hi, evenly in its logarithm.
func (w *world) between(lo, hi float64) float64 {
	return lo * math.Exp(w.rng.Float64()*math.Log(hi/lo))
}

// whole returns a whole number from lo to hi.
func (w *world) whole(lo, hi int) int { return lo + w.rng.IntN(hi-lo+1) }
