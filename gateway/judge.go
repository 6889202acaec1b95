package gateway

import (
	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/rules"
)

// A judge decides, sample after sample in order of time, what becomes of one
// series in one request. It starts from the series' record and changes only its
// own copy: the record follows when the upstream took the request (settle), so
// the retry of a request that was not taken is judged as the request was. The
// retry of one that was taken begins at or before the newest sample or marker it
// committed, and is judged by what the record remembers from before it.
//
// DESIGN, sections 5.3 to 5.5, is the specification.
type judge struct {
	action   rules.Action // Keep, Drop or Downsample
	interval int64        // of thinning, ms

	tried  int64 // newest sample attempted by earlier requests
	marked int64 // newest stale marker committed by earlier requests

	prev  int64 // the sample kept before this one; unset where there is none
	phase phase // known, live and gap as of now

	firstPrev  int64 // prev and phase as the request began
	firstPhase phase

	kept   int64 // newest sample kept in this request
	marker int64 // newest stale marker passed or made in this request
	newest int64 // newest timestamp of this request
}

// attempt notes in r that the samples which j keeps are about to be forwarded.
func (j *judge) attempt(r *record) {
	if j.kept != unset {
		r.tried = max(r.tried, j.kept)
		r.phase |= attempted
	}
}

// judgeFor returns the judge of a series whose samples in this request begin at
// first. r must have been prepared for the action (record.prepare).
func judgeFor(r *record, action rules.Action, intervalMs, first int64) judge {
	j := judge{
		action: action, interval: intervalMs,
		tried: r.tried, marked: r.marker,
		prev: r.last, phase: r.phase & current,
		kept: unset, marker: unset, newest: unset,
	}
	if action == rules.Drop && r.phase&attempted != 0 {
		j.phase |= live // nobody knows; a marker too many does no harm
	}
	if first <= r.last {
		j.prev = r.before
	}
	if first <= max(r.last, r.marker) {
		j.phase = r.phase.previous()
	}
	j.firstPrev, j.firstPhase = j.prev, j.phase
	return j
}

// prepare gets r ready to be judged by an action: a series that a thinning rule
// begins to govern was kept whole until now, so its newest sample is the one kept
// last.
func (r *record) prepare(action rules.Action) {
	if action != rules.Downsample {
		r.phase &^= thinned
		return
	}
	if r.phase&thinned == 0 {
		r.last, r.before = r.tried, unset
		r.phase |= thinned
	}
}

// sample decides one float sample.
func (j *judge) sample(ms int64) remotewrite.ItemAction {
	j.newest = max(j.newest, ms)
	if j.keeps(ms) {
		j.keep(ms)
		return remotewrite.Keep
	}
	return j.remove(ms)
}

// histogram decides one native histogram. hint says whether its reset hint is set
// and speaks of the histogram before it, which may have been removed.
func (j *judge) histogram(ms int64, hint bool) remotewrite.ItemAction {
	j.newest = max(j.newest, ms)
	if !j.keeps(ms) {
		j.phase |= gap
		return j.remove(ms)
	}
	after := j.phase & gap
	j.phase &^= gap
	j.keep(ms)
	if after != 0 && hint {
		return remotewrite.ClearHint
	}
	return remotewrite.Keep
}

// stale decides a stale marker of the sender: it passes where there is something
// to end, or where nobody knows.
func (j *judge) stale(ms int64) remotewrite.ItemAction {
	j.newest = max(j.newest, ms)
	if j.phase&live == 0 && j.phase&known != 0 {
		return remotewrite.Remove
	}
	j.mark(ms)
	return remotewrite.Keep
}

func (j *judge) keeps(ms int64) bool {
	switch j.action {
	case rules.Keep:
		return true
	case rules.Downsample:
		return j.phase&live == 0 || j.prev == unset || floorDiv(ms, j.interval) != floorDiv(j.prev, j.interval)
	}
	return false
}

func (j *judge) keep(ms int64) {
	j.prev = ms
	j.kept = max(j.kept, ms)
	j.phase |= live | known
}

// remove removes a sample, or turns it into the stale marker that ends its
// series: the first that a rule takes away from a series that was being
// forwarded, if it is later than all that went before it.
func (j *judge) remove(ms int64) remotewrite.ItemAction {
	if j.action == rules.Drop && j.phase&live != 0 && ms > j.tried && ms >= j.marked {
		j.mark(ms)
		return remotewrite.Mark
	}
	j.phase |= known
	return remotewrite.Remove
}

func (j *judge) mark(ms int64) {
	j.marker = max(j.marker, ms)
	j.phase = j.phase&^live | known
}

// settle writes into r what a request changed, once the upstream took it. What a
// retry has to be judged by is what this request was judged by. A marker ends a
// series only if no later sample was attempted meanwhile, by a request that came
// while this one was on its way.
func (j *judge) settle(r *record) {
	if j.newest == unset {
		return
	}
	newKept, newMarker := j.kept > r.last, j.marker > r.marker
	if newKept || newMarker {
		r.phase = r.phase.remember(j.firstPhase)
	}
	if newKept {
		r.before, r.last = j.firstPrev, j.kept
	}
	if newMarker {
		r.marker = j.marker
	}
	ended := j.phase&live == 0 && j.marker > r.tried
	if j.newest >= max(r.last, r.marker) && (ended || j.phase&live != 0 || r.phase&live == 0) {
		r.phase = r.phase&^current | j.phase&current
	}
	if ended {
		r.phase &^= attempted
	}
	r.phase |= known
}

// floorDiv divides towards minus infinity, so that intervals before 1970 are as
// long as those after it.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
