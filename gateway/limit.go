package gateway

import (
	"cmp"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler/sketch"
	"github.com/headgate/headgate/rules"
)

// A ruling is what becomes of one series in one request.
type ruling struct {
	action     rules.Action // Keep, Drop or Downsample
	intervalMs int64        // of Downsample
	removal    Outcome      // of the samples that are removed
	thinMs     int64        // interval at which rules thin what is shed; 0: not
	refused    bool         // by active_series
	would      bool         // a limit in shadow mode would shed it
}

// overLimit reports whether rules with when: over_limit apply to series of c.
func (w *work) overLimit(c *class) bool { return !w.bypass && w.plan.OverLimit(c.pool) }

// ruling finds out what becomes of a series: first by rules, then by limits.
func (w *work) ruling(c *class, sl *slot, r *record) ruling {
	if w.bypass {
		return ruling{}
	}
	v := &c.verdict.Within
	if w.overLimit(c) {
		v = &c.verdict.Over
	}
	u := ruling{action: v.Action}
	switch v.Action {
	case rules.Drop:
		u.removal = Dropped
		return u
	case rules.Downsample:
		u.removal, u.intervalMs = Downsampled, v.Rule.Interval.Milliseconds()
	}
	if !sl.refused && w.plan.AdmitsAt(c.pool, c.priority, uint16(r.place)) {
		return u
	}
	if w.plan.Shadow() {
		u.would = true
		return u
	}
	return ruling{action: rules.Drop, removal: Shed, thinMs: u.intervalMs, refused: sl.refused}
}

// noteShed counts what of a series is shed, beyond its outcome.
func (w *work) noteShed(head uint32, r *record, u *ruling) {
	if u.removal != Shed {
		return
	}
	t := w.tally(w.slots[head].class)
	if n := w.remain(head, r, u); u.refused {
		t.refused += n
	} else {
		t.rest += n
	}
}

// remain returns how many samples of a series rules leave.
func (w *work) remain(head uint32, r *record, u *ruling) (n uint32) {
	for i := head; ; i = w.slots[i].next {
		e := &w.req.Entries[i]
		if e.Samples+e.Histograms > 0 {
			n += e.Samples + e.Histograms
			if u.thinMs > 0 {
				n -= w.shadowThinned(r, i, u.thinMs)
			}
		}
		if w.slots[i].next == 0 {
			return n
		}
	}
}

// placeOf returns the place of the family that a series belongs to.
func placeOf(ls series.Labels) place {
	return place(limiter.PlaceOf(uint64(sketch.Family(ls)))) &^ asks
}

// asking is a series that active_series has to admit.
type asking struct {
	head  uint32
	rec   uint32
	key   key
	class *class
	like  uint32 // of an entry of exemplars alone: the head that asks for its series
}

// askForBare lets entries of exemplars alone share the fate of their series, whose
// samples may come before them in the request, after them, or not at all.
func (w *work) askForBare() {
	asks := make(map[uint32]uint32, len(w.asking)) // heads by record
	for i := range w.asking {
		asks[w.asking[i].rec] = w.asking[i].head
	}
	for i := range w.bare {
		b := &w.bare[i]
		head, ok := asks[b.rec]
		if !ok {
			head = b.head
			asks[b.rec] = head
			w.asking = append(w.asking, *b)
		}
		b.like = head
	}
}

// admitSeries asks whether new series may be active, before anything is decided.
// What rules drop does not become active, and is not asked about.
func (w *work) admitSeries() {
	// New series were entered last, and are not new in a retry: only the request's own
	// order stays.
	inOrder := func(a, b asking) int { return cmp.Compare(a.head, b.head) }
	if len(w.bare) > 0 {
		slices.SortFunc(w.bare, inOrder)
		w.askForBare()
	}
	slices.SortFunc(w.asking, inOrder)
	kept := w.asking[:0]
	w.arrivals = w.arrivals[:0]
	for _, a := range w.asking {
		v := &a.class.verdict.Within
		if w.overLimit(a.class) {
			v = &a.class.verdict.Over
		}
		if v.Action == rules.Drop || a.class.refusal != nil {
			continue
		}
		kept = append(kept, a)
		w.labels = w.req.AppendLabels(w.labels[:0], &w.req.Entries[a.head])
		w.arrivals = append(w.arrivals, limiter.Arrival{
			Family: uint64(sketch.Family(w.labels)), Pool: a.class.pool, Priority: a.class.priority,
		})
	}
	w.asking = kept
	w.limit.AdmitSeries(w.begun, w.arrivals)
	for i := range w.arrivals {
		w.slots[w.asking[i].head].refused = w.arrivals[i].Refused && !w.bypass
	}
	for i := range w.bare {
		w.slots[w.bare[i].head].refused = w.slots[w.bare[i].like].refused
	}
}

// admitted clears the bits of the series that were admitted and stored, and keeps
// their arrivals, to be committed. The lock is held.
func (s *state) admitted(w *work) {
	kept := w.arrivals[:0]
	for i := range w.asking {
		a := &w.asking[i]
		if r := s.record(w, a.rec); r.is(a.key) && r.place&asks != 0 && !w.arrivals[i].Refused {
			r.place &^= asks
			kept = append(kept, w.arrivals[i])
		}
	}
	w.arrivals = kept
}

// use tells what the request was about, by pool and priority. The lock is held.
func (s *state) use(w *work) {
	if w.usage == nil {
		w.usage = new(limiter.Usage)
	}
	w.usage.Reset()
	for i := range w.tallies {
		t := &w.tallies[i]
		c := s.classes.list[t.class]
		if c.refusal == nil {
			w.usage.Add(c.pool, c.priority, t.usage(&c.verdict, w.overLimit(c)))
		}
	}
}

// usage returns what the samples of a class mean for its tenant's limit, where
// rules with when: over_limit apply and where they do not.
func (t *tally) usage(v *rules.Verdict, over bool) limiter.Count {
	n := limiter.Count{Demand: t.sent + t.rest, Granted: t.sent - t.would}
	remains := n.Demand // after the rules that apply
	if over && v.Within.Action == rules.Keep {
		n.Demand = t.sent + t.dropped + t.downsampled + t.shed - t.refused
	}
	switch v.Over.Action {
	case rules.Keep:
		n.Steady = remains
	case rules.Downsample:
		if over || v.Within == v.Over {
			n.Thinned = remains
		}
	}
	return n
}

// settleLimit tells the limit what has come of the request. It is called without the
// tenant's lock.
func (w *work) settleLimit(took bool, now time.Time) {
	if !took {
		w.limit.Refund(now, w.taken)
		return
	}
	if !w.bypass {
		w.limit.Settle(now, w.plan, w.usage)
	}
	if len(w.arrivals) > 0 { // during a bypass, too: what is active stays known
		w.limit.CommitSeries(now, w.arrivals)
	}
}

// takeHard takes what is about to be sent from the hard limit, or refuses the
// request with when to come back.
func (w *work) takeHard() (word, bool) {
	if w.bypass || !w.plan.Hard() {
		return word{}, false
	}
	n := w.markers.samples + w.markers.histograms
	for i := range w.tallies {
		n += int(w.tallies[i].sent)
	}
	wait, ok := w.limit.Take(w.begun, n)
	if ok {
		w.taken = n
		return word{}, false
	}
	return word{kind: throttled, text: "the tenant is past its hard limit of samples per second (hard_samples_per_second); send again", retryAfter: int(wait / time.Second)}, true
}
