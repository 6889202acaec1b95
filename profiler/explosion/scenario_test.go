package explosion

import "math"

// play is what happens in one run of a scenario.
type play struct {
	minutes int         // how long it is watched
	onset   int         // minute at which an explosion begins, 0 for none
	until   int         // minute by which it must have been noticed
	each    func(m int) // what happens in minute m, from 0
}

// A scenario is a kind of story, told with other numbers each time.
type scenario struct {
	name string
	kind Kind // of the explosion, if there is one
	tell func(w *world) play

	// alarms is how many false ones a run may give on average where the limits of
	// what can be known are known, else 0 for the bound of all.
	alarms float64
}

const (
	hour = 60
	day  = 24 * hour
)

// settledAge is for how long a metric has been watched when something happens to
// it: from just over the warm-up to three days.
func settledAge(w *world) int { return int(w.between(2.5*hour, 3*day)) }

var scenarios = []scenario{
	// Explosions.
	{name: "step", kind: Growth, tell: step},
	{name: "linear growth", kind: Growth, tell: linear},
	{name: "exponential growth", kind: Growth, tell: exponential},
	{name: "ramp by new values", kind: Growth, tell: ramp},
	{name: "growth begun in the warm-up", kind: Growth, tell: earlyGrowth},
	{name: "growth after a deploy", kind: Growth, tell: afterDeploy},
	{name: "growth over steady churn", kind: Growth, tell: overChurn},
	{name: "step under autoscaling", kind: Growth, tell: stepUnderTide},
	{name: "slow leak", kind: Growth, tell: leak},
	{name: "slow leak under autoscaling", kind: Growth, tell: leakUnderTide},
	{name: "request-id churn", kind: Churn, tell: requestID},

	// Ordinary life.
	{name: "constant with noise", tell: constant},
	{name: "churn without growth", tell: steadyChurn},
	{name: "deploy at once", tell: deployAtOnce},
	{name: "rolling deploy", tell: rollingDeploy},
	{name: "rolling deploy with surge", tell: surgingDeploy},
	{name: "two deploys within the hour", tell: twoDeploys},
	{name: "deploys all day", tell: manyDeploys},
	{name: "two fleets for ten minutes", tell: blueGreen},
	{name: "autoscaling, series return", tell: tideReturning},
	{name: "autoscaling, new names", tell: tideRenaming},
	{name: "autoscaling, deploys daily", tell: tideDeploying},
	// A detector that was begun on a weekend knows of no weekdays: 0.11 false alarms
	// a run over a thousand runs. The bound leaves room for the few that are made here.
	{name: "quiet weekends", tell: weekends, alarms: 0.3},
	{name: "first appearance", tell: firstAppearance},
	{name: "first appearance, churny", tell: firstChurny},
	{name: "restart gap", tell: gap},
	{name: "restart gap, backlog sent later", tell: backlogged},
	{name: "half missing for hours", tell: halfMissing},
	{name: "scraped more often", tell: moreOften},
	{name: "counts begin anew", tell: anew},
	{name: "small metric multiplies", tell: smallGrowth},
	{name: "an ordinary fortnight", tell: fortnight},
}

func step(w *world) play {
	at := settledAge(w)
	n := w.between(500, 50_000)
	w.appear(n)
	by := w.between(2.9, 20)
	return play{at + 4*hour, at, at + 30, func(m int) {
		if m == at {
			w.appear(n * (by - 1))
		}
	}}
}

func linear(w *world) play {
	at := settledAge(w)
	n := w.between(1000, 50_000)
	w.appear(n)
	slope := w.between(0.02, 0.5)
	return play{at + 4*hour, at, at + 90, func(m int) {
		if m >= at {
			w.appear(n * slope)
		}
	}}
}

func exponential(w *world) play {
	at := settledAge(w)
	n := w.between(1000, 20_000)
	w.appear(n)
	doubling := w.between(10, 50)
	return play{at + 4*hour, at, at + 90, func(m int) {
		if m >= at {
			w.appear(w.live * (math.Exp2(1/doubling) - 1))
		}
	}}
}

// ramp adds values for some minutes and then no more.
func ramp(w *world) play {
	at := settledAge(w)
	n := w.between(500, 50_000)
	w.appear(n)
	lasts := w.whole(3, 45)
	by := w.between(1.8, 8)
	if by*n < n+800 {
		by = 1 + 800/n
	}
	return play{at + 5*hour, at, at + lasts + 40, func(m int) {
		if m >= at && m < at+lasts {
			w.appear(n * (by - 1) / float64(lasts))
		}
	}}
}

// earlyGrowth begins before there is anything to compare with, and goes on.
func earlyGrowth(w *world) play {
	at := w.whole(5, 90)
	n := w.between(1000, 50_000)
	w.appear(n)
	slope := w.between(0.03, 0.3)
	return play{at + 8*hour, at, at + 3*hour, func(m int) {
		if m >= at {
			w.appear(n * slope)
		}
	}}
}

func afterDeploy(w *world) play {
	at := settledAge(w) + 2*hour
	n := w.between(1000, 50_000)
	w.appear(n)
	ago := w.whole(10, 100)
	by := w.between(2.2, 8)
	return play{at + 4*hour, at, at + 40, func(m int) {
		if m == at-ago {
			w.replace(n)
		}
		if m == at {
			w.appear(n * (by - 1))
		}
	}}
}

func overChurn(w *world) play {
	at := settledAge(w)
	n := w.between(1000, 20_000)
	w.appear(n)
	life := w.between(5, 60)
	by := w.between(2.5, 8)
	lasts := w.whole(1, 30)
	return play{at + 5*hour, at, at + lasts + 60, func(m int) {
		if m >= at && m < at+lasts {
			w.appear(n * (by - 1) / float64(lasts))
		}
		w.replace(w.live / life)
	}}
}

func leak(w *world) play {
	at := w.whole(2*day, 5*day)
	n := w.between(3000, 50_000)
	w.appear(n)
	lasts := w.whole(12, 24) * hour
	by := w.between(1.3, 2)
	return play{at + lasts + 6*hour, at, at + lasts + 3*hour, func(m int) {
		if m >= at && m < at+lasts {
			w.appear(n * (by - 1) / float64(lasts))
		}
	}}
}

// leakUnderTide leaks as much as the tide's height, and goes on until the next
// high water shows it.
func leakUnderTide(w *world) play {
	at := w.whole(3*day, 5*day)
	n := w.between(5000, 50_000)
	t := newTide(w, n, 0.4)
	slope := n * w.between(0.8, 1.5) / day
	return play{at + 2*day, at, at + 2*day, func(m int) {
		if m >= at {
			t.base += slope
		}
		t.move(m)
	}}
}

func stepUnderTide(w *world) play {
	at := settledAge(w) + day
	t := newTide(w, w.between(2000, 50_000), w.between(0.2, 0.4))
	t.renames = w.rng.IntN(2) == 0
	by := w.between(3, 20)
	return play{at + 4*hour, at, at + 30, func(m int) {
		if m == at {
			t.base *= by
		}
		t.move(m)
	}}
}

func requestID(w *world) play {
	at := settledAge(w)
	n := w.between(500, 20_000)
	w.appear(n)
	life := w.between(1, 8) // minutes that a series lives from then on
	return play{at + 4*hour, at, at + hour, func(m int) {
		if m >= at {
			w.replace(w.live / life)
		}
	}}
}

func constant(w *world) play {
	w.appear(w.between(10, 200_000))
	return play{5 * day, 0, 0, func(int) {}}
}

func steadyChurn(w *world) play {
	w.appear(w.between(100, 50_000))
	life := w.between(2, 300)
	return play{4 * day, 0, 0, func(int) { w.replace(w.live / life) }}
}

func deployAtOnce(w *world) play {
	n := w.between(200, 100_000)
	w.appear(n)
	at := settledAge(w)
	down := w.whole(0, 5)
	return play{at + 2*day, 0, 0, func(m int) {
		switch m {
		case at:
			w.stop(n)
		}
		if m == at+down {
			w.appear(n)
		}
	}}
}

// roll replaces share of n series in minute m, from at over lasts minutes.
func roll(w *world, n float64, m, at, lasts int) {
	if m >= at && m < at+lasts {
		w.replace(n / float64(lasts))
	}
}

func rollingDeploy(w *world) play {
	n := w.between(200, 100_000)
	w.appear(n)
	at := settledAge(w)
	lasts := w.whole(3, 30)
	return play{at + 2*day, 0, 0, func(m int) { roll(w, n, m, at, lasts) }}
}

// surgingDeploy starts a quarter of the pods before it stops others.
func surgingDeploy(w *world) play {
	n := w.between(200, 100_000)
	w.appear(n)
	at := settledAge(w)
	lasts := w.whole(5, 40)
	return play{at + 2*day, 0, 0, func(m int) {
		if m == at {
			w.appear(n / 4)
		}
		roll(w, n*3/4, m, at, lasts)
		if m == at+lasts {
			w.stop(n / 4)
		}
	}}
}

func twoDeploys(w *world) play {
	n := w.between(200, 100_000)
	w.appear(n)
	at := settledAge(w)
	lasts := w.whole(1, 20)
	again := at + w.whole(lasts, 55)
	return play{at + day, 0, 0, func(m int) {
		roll(w, n, m, at, lasts)
		roll(w, n, m, again, lasts)
	}}
}

// manyDeploys is a team that deploys at any time of its working day.
func manyDeploys(w *world) play {
	n := w.between(200, 100_000)
	w.appear(n)
	next := 0
	begins := w.whole(0, day)
	return play{5 * day, 0, 0, func(m int) {
		roll(w, n, m, next, 8)
		if m >= next+8 && (m+begins)%day < 9*hour {
			next = m + w.whole(40, 5*hour)
		}
	}}
}

func blueGreen(w *world) play {
	n := w.between(200, 100_000)
	w.appear(n)
	at := settledAge(w)
	overlap := w.whole(1, 10)
	return play{at + day, 0, 0, func(m int) {
		if m == at {
			w.appear(n)
		}
		if m == at+overlap {
			w.stop(n)
		}
	}}
}

// tide is autoscaling over the day: live series swing around base.
type tide struct {
	w           *world
	base, swing float64
	phase       float64
	renames     bool
}

func newTide(w *world, base, swing float64) *tide {
	t := &tide{w: w, base: base, swing: swing, phase: w.rng.Float64()}
	w.appear(t.level(0))
	return t
}

func (t *tide) level(m int) float64 {
	return t.base * (1 + t.swing*math.Sin(2*math.Pi*(float64(m)/day+t.phase)))
}

func (t *tide) move(m int) { t.to(t.level(m)) }

func (t *tide) to(level float64) {
	more := level - t.w.live
	switch {
	case more < 0 && t.renames:
		t.w.stop(-more)
	case more < 0:
		t.w.rest(-more)
	case t.renames:
		t.w.appear(more)
	default:
		t.w.wake(more)
	}
}

func tideReturning(w *world) play {
	t := newTide(w, w.between(1000, 100_000), w.between(0.2, 0.4))
	return play{9 * day, 0, 0, t.move}
}

func tideRenaming(w *world) play {
	t := newTide(w, w.between(1000, 100_000), w.between(0.2, 0.4))
	t.renames = true
	return play{9 * day, 0, 0, t.move}
}

func tideDeploying(w *world) play {
	t := newTide(w, w.between(1000, 100_000), w.between(0.2, 0.4))
	t.renames = true
	at := w.whole(0, day)
	return play{6 * day, 0, 0, func(m int) {
		t.move(m)
		roll(w, w.live, m%day, at, 10)
	}}
}

// weekends are quieter by up to a third. It begins on any day.
func weekends(w *world) play {
	t := newTide(w, w.between(1000, 100_000), w.between(0.1, 0.3))
	began, less := w.whole(0, 6), w.between(0.1, 0.33)
	return play{16 * day, 0, 0, func(m int) {
		level := t.level(m)
		if (m/day+began)%7 >= 5 {
			level *= 1 - less
		}
		// The change of days takes hours.
		t.to(w.live + (level-w.live)*0.01)
	}}
}

func firstAppearance(w *world) play {
	n := w.between(600, 100_000)
	at, lasts := w.whole(0, 2*hour), w.whole(1, 25)
	return play{2 * day, 0, 0, func(m int) {
		if m >= at && m < at+lasts {
			w.appear(n / float64(lasts))
		}
	}}
}

func firstChurny(w *world) play {
	n := w.between(300, 20_000)
	life := w.between(1, 60)
	w.appear(n)
	return play{2 * day, 0, 0, func(int) { w.replace(w.live / life) }}
}

// gap is silence: everything returns, with its old names or with new ones.
func gap(w *world) play {
	n := w.between(600, 100_000)
	w.appear(n)
	at := settledAge(w)
	lasts := int(w.between(2, 12*hour))
	renames := w.rng.IntN(3) == 0
	return play{at + lasts + day, 0, 0, func(m int) {
		switch {
		case m == at && renames:
			w.stop(n)
		case m == at:
			w.rest(n)
		case m == at+lasts && renames:
			w.appear(n)
		case m == at+lasts:
			w.wake(n)
		}
	}}
}

// backlogged is a sender that could not reach us and sends it all later.
func backlogged(w *world) play {
	n := w.between(600, 100_000)
	w.appear(n)
	at := settledAge(w)
	lasts := int(w.between(3, 2*hour))
	w.catchUp = n * 60 / w.interval * w.between(2, 10)
	return play{at + lasts + day, 0, 0, func(m int) {
		switch m {
		case at: // the series live on, and are not seen
			w.rest(n)
			w.unseen = n
		case at + lasts:
			w.wake(n)
			w.unseen = 0
		}
	}}
}

// halfMissing is one of two senders that is gone for some hours.
func halfMissing(w *world) play {
	n := w.between(1000, 100_000)
	w.appear(n)
	at := settledAge(w)
	lasts := int(w.between(5, 6*hour))
	share := w.between(0.2, 0.5)
	return play{at + lasts + day, 0, 0, func(m int) {
		switch m {
		case at:
			w.rest(n * share)
		case at + lasts:
			w.wake(n * share)
		}
	}}
}

func moreOften(w *world) play {
	w.appear(w.between(1000, 100_000))
	at := settledAge(w)
	w.interval, w.bunched = 60, false
	to := []float64{10, 15, 30, 120}[w.rng.IntN(4)]
	return play{at + 2*day, 0, 0, func(m int) {
		if m == at {
			w.interval = to
		}
	}}
}

// smallGrowth multiplies, and stays too small to matter.
func smallGrowth(w *world) play {
	n := w.between(5, 100)
	w.appear(n)
	at := settledAge(w)
	return play{at + day, 0, 0, func(m int) {
		if m == at {
			w.appear(w.between(2, 450-n))
		}
	}}
}

// anew is a restart of ours that lost its counts.
func anew(w *world) play {
	w.appear(w.between(600, 100_000))
	at := settledAge(w)
	life := w.between(3, 300)
	return play{at + day, 0, 0, func(m int) {
		w.replace(w.live / life)
		if m == at {
			clear(w.gone[:])
		}
	}}
}

// fortnight is all that is ordinary, at any time: autoscaling, deploys, a gap, a
// part that is missing for hours, some batch jobs.
func fortnight(w *world) play {
	t := newTide(w, w.between(1000, 100_000), w.between(0.1, 0.4))
	t.renames = w.rng.IntN(2) == 0
	deploy, lasts := w.whole(0, day), 10
	gapAt, gapLasts := w.whole(day, 13*day), int(w.between(2, 50))
	partAt, partLasts, part := w.whole(day, 13*day), int(w.between(5, 5*hour)), w.between(0.1, 0.4)
	return play{14 * day, 0, 0, func(m int) {
		if m >= deploy+lasts {
			deploy, lasts = m+int(w.between(1.5*hour, 3*day)), w.whole(1, 25)
		}
		level := t.level(m)
		if m >= partAt && m < partAt+partLasts {
			level *= 1 - part
		}
		if m >= gapAt && m < gapAt+gapLasts {
			level = 0
		}
		t.to(level)
		roll(w, w.live, m, deploy, lasts)
		w.replace(w.live / 2000) // jobs
	}}
}
