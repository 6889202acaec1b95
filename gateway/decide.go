package gateway

import (
	"cmp"
	"slices"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/rules"
)

// decide says of every sample what becomes of it. Series without a judge pass as
// they are; the judges of the others read the records, under the lock.
func (s *state) decide(w *work) {
	if len(w.heads) > 0 {
		w.fates = slices.Grow(w.fates[:0], len(w.slots))[:len(w.slots)]
		clear(w.fates)
		s.judge(w)
	}
	s.tallyPassed(w)
	w.finishChanges()
}

func (s *state) judge(w *work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, head := range w.heads {
		s.decideSeries(w, head)
	}
}

// tallyPassed counts the entries that no judge looked at.
func (s *state) tallyPassed(w *work) {
	class := ^uint32(0)
	var t *tally
	for i := range w.slots {
		sl := &w.slots[i]
		if sl.judged {
			continue
		}
		if sl.class != class {
			class = sl.class
			t = w.tally(class)
		}
		t.sent += uint32(w.req.Entries[i].Samples)
	}
}

// decideSeries judges one series: all its entries from head on.
func (s *state) decideSeries(w *work, head uint32) {
	sl := &w.slots[head]
	c := s.classes.list[sl.class]
	if c.refusal != nil {
		w.refuseSeries(head, c.refusal.reason)
		return
	}
	r := s.record(w, sl.rec)
	u := w.ruling(c, sl, r)
	w.noteShed(head, r, &u)
	r.prepare(u.action)
	before, sent := r.tried, w.tally(sl.class).sent
	e := &w.req.Entries[head]
	switch n := e.Samples + e.Histograms; {
	case n == 0:
		s.decideBare(w, head, &u)
	case n == 1 && e.Samples == 1 && e.Flags == 0 && sl.next == 0 && !w.isResorted(head):
		s.decideOne(w, head, r, &u)
	default:
		s.decideMany(w, head, r, &u)
	}
	if u.would { // what a limit in shadow mode would shed is what was sent
		t := w.tally(sl.class)
		t.would += t.sent - sent
	}
	if w.turns(before, r.tried) {
		w.turned = append(w.turned, turned{head, c})
	}
	if len(c.verdict.Shadows) > 0 && !w.bypass {
		s.decideShadows(w, head, r, c, &u)
	}
}

// decideBare decides an entry of exemplars or metadata alone: it stays while its
// series is kept.
func (s *state) decideBare(w *work, i uint32, u *ruling) {
	if u.action == rules.Drop {
		w.fates[i] = remotewrite.Gone
		w.removed.exemplars += int(w.req.Entries[i].Exemplars)
		w.modified = true
	}
}

// decideOne decides an entry that is all its series sent: one float sample. Most
// samples that a rule governs come this way.
func (s *state) decideOne(w *work, i uint32, r *record, u *ruling) {
	e := &w.req.Entries[i]
	j := judgeFor(r, u.action, u.intervalMs, e.FirstMs)
	did := j.sample(e.FirstMs)
	t := w.tally(w.slots[i].class)
	if did == remotewrite.Keep {
		t.sent++
	} else {
		t.remove(u.removal)
		w.modified = true
		w.removed.add(kinds{samples: 1, exemplars: int(e.Exemplars)})
		w.fates[i] = remotewrite.Gone
		if did == remotewrite.Mark {
			from := len(w.items)
			w.items = w.req.AppendItems(w.items, int(i))
			w.items[from].Action = did
			w.change(i, w.items[from:], true)
			w.markers.samples++
		}
	}
	w.keep(&j, r, w.slots[i].rec)
}

// keep keeps j until the upstream took the request, where it changes anything.
func (w *work) keep(j *judge, r *record, rec uint32) {
	w.again = w.again || j.kept != unset && j.kept <= j.tried
	j.attempt(r)
	if j.kept == unset && j.marker == unset && j.phase == r.phase&current {
		return
	}
	w.judged = append(w.judged, judged{rec: rec, key: key{r.key, r.check}, judge: *j})
}

// remove counts a sample that was removed.
func (t *tally) remove(o Outcome) {
	switch o {
	case Downsampled:
		t.downsampled++
	case Shed:
		t.shed++
	default:
		t.dropped++
	}
}

// decideMany decides a series of any shape: several samples, several entries,
// native histograms, stale markers, out of order.
func (s *state) decideMany(w *work, head uint32, r *record, u *ruling) {
	from := len(w.items)
	ordered := true
	for i := head; ; i = w.slots[i].next {
		w.slots[i].judged = true // its middle entries too, which seemed to be in order
		at := len(w.items)
		w.items = w.req.AppendItems(w.items, int(i))
		for n := at; n < len(w.items); n++ {
			ordered = ordered && (n == from || w.items[n-1].Ms < w.items[n].Ms)
		}
		if w.slots[i].next == 0 {
			break
		}
	}
	items := w.items[from:]
	outcomes := w.outcomesFor(len(items))
	t := w.tally(w.slots[head].class)
	if !ordered {
		slices.SortStableFunc(items, func(a, b remotewrite.Item) int { return cmp.Compare(a.Ms, b.Ms) })
	}

	first := 0 // position of the first item that can be stored
	for ; first < len(items) && !w.storable(&items[first], head); first++ {
		items[first].Action = remotewrite.Remove
		outcomes[first] = Rejected
	}
	if first < len(items) {
		j := judgeFor(r, u.action, u.intervalMs, items[first].Ms)
		previous := -1
		for n := first; n < len(items); n++ {
			it := &items[n]
			if n > first && !w.storable(it, head) {
				it.Action, outcomes[n] = remotewrite.Remove, Rejected
				continue
			}
			if previous >= 0 && it.Ms == items[previous].Ms {
				it.Action = remotewrite.Remove
				if outcomes[n] = outcomes[previous]; !w.req.Same(items[previous], *it) {
					outcomes[n] = Rejected
					w.refuse(head, "a second value for one timestamp")
				}
				continue
			}
			it.Action, outcomes[n] = j.item(it), Forwarded
			switch it.Action {
			case remotewrite.Keep, remotewrite.ClearHint:
			case remotewrite.Mark:
				if it.Histogram {
					w.markers.histograms++
				} else {
					w.markers.samples++
				}
				fallthrough
			default:
				outcomes[n] = u.removal
				if it.Stale {
					w.stales++
					outcomes[n] = Dropped
				}
			}
			previous = n
		}
		w.keep(&j, r, w.slots[head].rec)
	}
	for n := range items {
		w.count(t, &items[n], outcomes[n])
	}
	w.shape(head, items, !ordered)
}

// item decides one item.
func (j *judge) item(it *remotewrite.Item) remotewrite.ItemAction {
	switch {
	case it.Stale:
		return j.stale(it.Ms)
	case it.Histogram:
		return j.histogram(it.Ms, it.HintSet && !it.Gauge)
	}
	return j.sample(it.Ms)
}

// storable reports whether an item can be stored by anyone, and notes why not.
func (w *work) storable(it *remotewrite.Item, head uint32) bool {
	if !it.Histogram || it.Stale {
		return true
	}
	if err := w.req.CheckHistogram(*it); err != nil {
		w.refuse(head, err.Error())
		return false
	}
	return true
}

// count counts one item of a judged series.
func (w *work) count(t *tally, it *remotewrite.Item, o Outcome) {
	switch o {
	case Forwarded:
		t.sent++
		if it.Action == remotewrite.Remove {
			w.repeats++
		}
	case Dropped, Downsampled, Shed:
		t.remove(o)
	case Rejected:
		t.rejected++
		w.rejected++
		return
	}
	if it.Action == remotewrite.Remove || it.Action == remotewrite.Mark { // it counts as Written
		if it.Histogram {
			w.removed.histograms++
		} else {
			w.removed.samples++
		}
	}
}

// shape turns decided items into the fates of their entries. Where the items were
// not in order, they are dealt out anew to the entries, in order of time.
func (w *work) shape(head uint32, items []remotewrite.Item, reordered bool) {
	for i := head; ; i = w.slots[i].next {
		e := &w.req.Entries[i]
		n := int(e.Samples + e.Histograms)
		w.shapeEntry(i, items[:n], reordered)
		items = items[n:]
		if w.slots[i].next == 0 {
			return
		}
	}
}

func (w *work) shapeEntry(i uint32, items []remotewrite.Item, reordered bool) {
	whole, kept, written := !reordered, false, false
	for k := range items {
		a := items[k].Action
		whole = whole && a == remotewrite.Keep
		kept = kept || a == remotewrite.Keep || a == remotewrite.ClearHint
		written = written || a != remotewrite.Remove
	}
	if whole {
		return
	}
	w.modified = true
	if !kept {
		w.removed.exemplars += int(w.req.Entries[i].Exemplars)
	}
	if !written {
		w.fates[i] = remotewrite.Gone
		return
	}
	// A message holds its floats before its histograms: where time mixes them,
	// each run of one kind becomes a message of its own.
	for from := 0; from < len(items); {
		to := from + 1
		for to < len(items) && (!reordered || items[to].Histogram == items[from].Histogram) {
			to++
		}
		w.change(i, items[from:to], !kept || from > 0)
		from = to
	}
}

// change notes that entry i is rewritten with these items. bare leaves its
// exemplars out: what they belong to was removed.
func (w *work) change(i uint32, items []remotewrite.Item, bare bool) {
	w.fates[i] = remotewrite.Changed
	w.changes = append(w.changes, remotewrite.Change{Entry: int(i), Items: items, Bare: bare})
	w.modified = true
}

// finishChanges adds the entries whose labels must be put in order, and orders
// the changes as the filter wants them.
func (w *work) finishChanges() {
	if len(w.resorted) > 0 && len(w.fates) == 0 {
		w.fates = slices.Grow(w.fates[:0], len(w.slots))[:len(w.slots)]
		clear(w.fates)
	}
	for i := range w.resorted {
		if w.fates[i] == remotewrite.Whole {
			from := len(w.items)
			w.items = w.req.AppendItems(w.items, int(i))
			w.change(i, w.items[from:], false)
		}
	}
	slices.SortFunc(w.changes, func(a, b remotewrite.Change) int { return cmp.Compare(a.Entry, b.Entry) })
	for n := range w.changes {
		w.changes[n].Labels = w.resorted[uint32(w.changes[n].Entry)]
	}
}

func (w *work) isResorted(i uint32) bool {
	_, ok := w.resorted[i]
	return ok
}

// decideShadows counts what the shadow rules of a series would have removed. A
// record remembers one interval: while noteShed needs it, those that thin count
// nothing.
func (s *state) decideShadows(w *work, head uint32, r *record, c *class, u *ruling) {
	thins, over := u.thinMs > 0, w.overLimit(c)
	for n, rule := range c.verdict.Shadows {
		if over && n >= c.verdict.OverShadows || !over && rule.When != rules.Always {
			continue
		}
		gone := uint32(0)
		first := rule.Action == rules.Downsample && !thins
		thins = thins || first
		for i := head; ; i = w.slots[i].next {
			e := &w.req.Entries[i]
			switch {
			case rule.Action == rules.Drop:
				gone += uint32(e.Samples + e.Histograms)
			case first && e.Samples+e.Histograms > 0:
				gone += w.shadowThinned(r, i, rule.Interval.Milliseconds())
			}
			if w.slots[i].next == 0 {
				break
			}
		}
		if gone > 0 {
			w.shadows = append(w.shadows, shadowCount{w.slots[head].class, uint32(n), gone})
		}
	}
}

// shadowThinned returns how many samples of entry i thinning would remove, and
// remembers the interval of the last one it would keep.
func (w *work) shadowThinned(r *record, i uint32, interval int64) uint32 {
	gone := uint32(0)
	step := func(ms int64) {
		if k := uint16(floorDiv(ms, interval)) | 1<<15; k != r.shadow {
			r.shadow = k
		} else {
			gone++
		}
	}
	e := &w.req.Entries[i]
	if e.Samples+e.Histograms == 1 {
		step(e.FirstMs)
		return gone
	}
	from := len(w.items)
	w.items = w.req.AppendItems(w.items, int(i))
	for _, it := range w.items[from:] {
		step(it.Ms)
	}
	w.items = w.items[:from]
	return gone
}
