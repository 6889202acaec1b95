package gateway

import (
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// maxMisses is after how many wrong predictions a request is looked up in a
// batch: its order is then not the one of last time.
const maxMisses = 32

// identify finds the record of every entry: by prediction, because senders repeat
// their order, else by the index. Series without a record or without a verdict of
// the current policy go to w.fresh, to be understood outside the lock.
func (s *state) identify(w *work, e *Engines) {
	n := len(w.req.Entries)
	w.slots = slices.Grow(w.slots[:0], n)[:n]
	for i := range w.req.Entries {
		w.slots[i] = slot{key: s.hasher.key(w.req.LabelBytes(&w.req.Entries[i]))}
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	// Under the lock, so that no request brings back what was in force before.
	w.policy, w.owners = e.Rules.For(s.tenant, w.begun), e.Owners()
	s.adopt(w.policy, w.owners, w.plan)
	s.classes.under(w.plan, w.bypass)
	s.table.turn(w.at)
	w.history = s.history
	if len(s.table.pages) == 0 {
		s.missing(w, 0)
		return
	}
	misses := 0
	prev := s.table.at(0)
	for i := range w.slots {
		k := w.slots[i].key
		rec := prev.next
		r := s.table.at(rec)
		if !r.is(k) {
			if misses++; misses > maxMisses {
				s.identifyBatch(w, i, prev)
				return
			}
			if rec = s.table.find(k); rec == 0 {
				s.miss(w, uint32(i))
				continue
			}
			prev.next = rec
			r = s.table.at(rec)
		}
		prev = r
		s.recognise(w, uint32(i), rec, r)
	}
}

// identifyBatch looks up the entries from i on in two passes: the first touches
// the index, the second the records. In each, one entry's wait for memory does
// not hold up the next one's.
func (s *state) identifyBatch(w *work, from int, prev *record) {
	const batch = 64
	var probes [batch]uint64
	for i := from; i < len(w.slots); i += batch {
		slots := w.slots[i:min(i+batch, len(w.slots))]
		for j := range slots {
			probes[j] = s.table.probe(slots[j].key)
		}
		for j := range slots {
			k := slots[j].key
			rec := uint32(probes[j])
			if uint32(probes[j]>>32) != k.check || rec == 0 || s.table.at(rec).key != k.hi {
				if rec = s.table.find(k); rec == 0 {
					s.miss(w, uint32(i+j))
					continue
				}
			}
			r := s.table.at(rec)
			prev.next = rec
			prev = r
			s.recognise(w, uint32(i+j), rec, r)
		}
	}
}

// missing treats every entry from i on as one without a record in the table.
func (s *state) missing(w *work, from int) {
	for i := from; i < len(w.slots); i++ {
		s.miss(w, uint32(i))
	}
}

// miss handles an entry that has no record in the table: it may have one beyond.
func (s *state) miss(w *work, i uint32) {
	rec, ok := s.recall(w, w.slots[i].key)
	if !ok {
		w.fresh = append(w.fresh, i)
		return
	}
	s.recognise(w, i, rec, &w.loose[rec-looseRecord])
}

// recognise takes over what record r says of entry i.
func (s *state) recognise(w *work, i, rec uint32, r *record) {
	sl := &w.slots[i]
	sl.rec, sl.class, sl.gen = rec, r.class, r.gen
	if r.gen != s.gen {
		w.fresh = append(w.fresh, i)
		return
	}
	s.enter(w, i, r)
}

// enter notes entry i as one of its series, whose class is known. What is passed
// on as it is ends here; the rest is listed for a judge.
func (s *state) enter(w *work, i uint32, r *record) {
	sl := &w.slots[i]
	e := &w.req.Entries[i]
	if s.visit(sl.rec, r) {
		w.sight(i, s.classes.list[sl.class], r)
		if s.asks {
			r.place |= asks
		}
	}
	special := s.classes.judged[sl.class] || e.Flags != 0 || e.Histograms != 0
	sl.head = i
	if e.Samples+e.Histograms == 0 { // exemplars or metadata alone have no order to keep
		if s.asks && r.place&asks != 0 {
			w.bare = append(w.bare, asking{head: i, rec: sl.rec, key: key{r.key, r.check}, class: s.classes.list[sl.class]})
			special = true
		}
		if special {
			sl.judged, sl.listed = true, true
			w.heads = append(w.heads, i)
		}
		return
	}
	if j := r.entry; int(j) < len(w.slots) && j != i && w.slots[j].rec == sl.rec && w.slots[j].entered {
		w.slots[j].next = i
		sl.head = w.slots[j].head
		if j > i || e.FirstMs <= w.req.Entries[j].LastMs || w.slots[j].judged {
			special = true
		}
	}
	r.entry, sl.entered = i, true
	if s.asks && r.place&asks != 0 && sl.head == i {
		w.asking = append(w.asking, asking{head: i, rec: sl.rec, key: key{r.key, r.check}, class: s.classes.list[sl.class]})
		special = true
	}
	if special {
		sl.judged = true
		if head := &w.slots[sl.head]; !head.listed {
			head.judged, head.listed = true, true
			w.heads = append(w.heads, sl.head)
		}
		return
	}
	if e.LastMs > r.tried {
		if w.turns(r.tried, e.LastMs) {
			w.turned = append(w.turned, turned{i, s.classes.list[sl.class]})
		}
		r.tried = e.LastMs
	} else {
		w.again = true
	}
	r.phase = r.phase&^thinned | live | known
}

// understand reads the labels of the series that identify did not know or whose
// verdict is of an older policy, and finds their team and verdict, where what
// changed since can touch them at all. It runs outside the lock.
func (s *state) understand(w *work, lim remotewrite.Limits) {
	w.found = slices.Grow(w.found[:0], len(w.fresh))[:len(w.fresh)]
	for n, i := range w.fresh {
		u := &w.found[n]
		*u = understood{entry: i, key: w.slots[i].key, verdict: u.verdict} // with the verdict's memory
		e := &w.req.Entries[i]
		from := len(w.labels)
		w.labels = w.req.AppendLabels(w.labels, e)
		ls := w.labels[from:]
		sorted := slices.IsSortedFunc(ls, func(a, b series.Label) int { return strings.Compare(a.Name, b.Name) })
		if !sorted {
			ls = slices.Clone(ls)
			ls.Sort()
		}
		w.labels = w.labels[:from]
		if !sorted || e.Flags&remotewrite.Scattered != 0 {
			w.idents = remotewrite.AppendIdentity(w.idents[:0], ls)
			if k := s.hasher.key(w.idents); k != u.key {
				u.key = k
				w.slots[i].key, w.slots[i].rec = k, 0
			}
		}
		if d := since(w.history, w.slots[i].gen); d != nil && w.slots[i].rec != 0 {
			if u.team, _ = w.owners.Team(ls); !d.Touches(ls, u.team) {
				u.same = true
				if !sorted {
					w.resort(i, ls)
				}
				continue
			}
		}
		u.metric, u.service = ls.Metric(), w.owners.Service(ls)
		if err := remotewrite.CheckLabels(ls, lim); err != nil {
			u.refused = refusalOf(err)
			continue
		}
		if !sorted {
			w.resort(i, ls)
		}
		u.team, _ = w.owners.Team(ls)
		if w.policy.Canary() {
			u.verdict.Family = uint64(sketch.Family(ls))
		}
		w.policy.Evaluate(ls, u.team, &u.verdict)
		pools := w.plan.Pools()
		u.pool = pools.Of(ls, u.team)
		u.priority = pools.Priority(u.verdict.Priority, u.verdict.PriorityRule != nil)
		if w.plan.Limited() {
			u.place = placeOf(ls)
		}
	}
}

// learn files what understand found: records for new series, classes for all.
func (s *state) learn(w *work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.classes.under(w.plan, w.bypass)
	still := w.policy == s.policy && w.owners == s.owners && w.plan.Pools() == s.pools && w.plan.Limited() == s.limited
	for n := range w.found {
		u := &w.found[n]
		i := u.entry
		sl := &w.slots[i]
		if !u.same {
			sl.class = s.classes.intern(u)
		}
		var r *record
		var made bool
		sl.rec, r, made = s.obtain(w, u.key)
		if made || r.class != sl.class {
			v := w.sight(i, s.classes.list[sl.class], r)
			v.isNew, v.again, v.place = made, !made, u.place
		}
		if i > 0 && sl.rec < looseRecord && w.slots[i-1].rec < looseRecord && len(s.table.pages) > 0 {
			s.table.at(w.slots[i-1].rec).next = sl.rec
		}
		if !u.same {
			asked := r.place & asks
			if s.asks && (made || s.before(r.gen, s.asksFrom)) {
				asked = asks
			}
			r.place = u.place | asked
		}
		r.class, r.gen = sl.class, s.gen
		if !still { // a newer policy was adopted meanwhile: it judges the next sample
			r.gen = 0
		}
		s.enter(w, i, r)
	}
}

// obtain returns the record of k, made where there was none: in the table while
// there is room, else beyond it. made says whether there was none.
func (s *state) obtain(w *work, k key) (rec uint32, r *record, made bool) {
	if rec := s.table.find(k); rec != 0 {
		return rec, s.table.at(rec), false
	}
	rec, ok := s.recall(w, k)
	if !ok {
		if rec = s.table.insert(k); rec != 0 {
			return rec, s.table.at(rec), true
		}
		rec = w.addLoose(k, s.table.own(k.hi))
	}
	return rec, &w.loose[rec-looseRecord], !ok
}

// visit notes that record r, with that number, is seen, and reports whether that
// is the first time in its part of the window.
func (s *state) visit(rec uint32, r *record) bool {
	if rec < looseRecord {
		return s.table.visit(r)
	}
	own := s.table.own(r.key)
	if r.part == own {
		return false
	}
	r.part = own
	return true
}

func (w *work) resort(i uint32, ls series.Labels) {
	if w.resorted == nil {
		w.resorted = map[uint32]series.Labels{}
	}
	w.resorted[i] = ls
}
