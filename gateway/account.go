package gateway

import "github.com/headgate/headgate/attribution"

// account counts every sample of a request once, by the upstream's word, and
// writes into the records what the request changed, where it was stored.
func (s *state) account(w *work, d word) {
	took := d.took(w)
	s.count(w, d, took)
	w.settleLimit(took, w.begun)
}

// count is account for what the tenant's lock guards.
func (s *state) count(w *work, d word, took bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if took {
		s.settle(w)
		s.admitted(w)
	}
	s.use(w)
	s.stow(w)
	hour := attribution.HourOf(w.lap)
	recorded := w.hourMs != 0
	if recorded {
		s.owe(w, took, hour)
	}
	left := d.written.samples + d.written.histograms - w.markers.samples - w.markers.histograms
	var sum Counts
	for i := range w.tallies {
		t := &w.tallies[i]
		c := s.classes.list[t.class]
		n := t.counts(d.kind, &left)
		c.counts.Add(&n)
		sum.Add(&n)
		over := w.overLimit(c)
		if over {
			c.over.counts.Add(&n)
		} else {
			c.within.counts.Add(&n)
		}
		if recorded {
			s.dues.of(c, hour).side(over).counts.Add(&n)
		}
	}
	s.counts.Add(&sum)
	if d.kind == failed || d.kind == throttled {
		return
	}
	for _, h := range w.shadows {
		s.classes.list[h.class].shadows[h.rule].would += uint64(h.samples)
	}
	if d.kind == stored || d.written != (kinds{}) { // else nobody knows that they were
		s.markers += uint64(w.markers.samples + w.markers.histograms)
	}
	s.stales += uint64(w.stales)
	if d.kind == stored {
		s.repeats += uint64(w.repeats)
	}
}

// took reports whether the upstream has what it was sent. After a refusal it does
// where it says so, and where this was a retry: 1.0 receivers refuse whole
// requests that they have stored already, when only their answer was lost.
func (d word) took(w *work) bool {
	switch d.kind {
	case stored:
		return true
	case refused:
		return w.again || d.written != kinds{}
	}
	return false
}

// settle carries out the judges' changes. A record that was given up meanwhile
// stays as it is.
func (s *state) settle(w *work) {
	for i := range w.judged {
		j := &w.judged[i]
		if r := s.record(w, j.rec); r.is(j.key) {
			j.judge.settle(r)
		}
	}
}

// counts turns a tally into outcomes. left is how many samples of a request that
// was refused in part are known to be written; they are taken in order.
func (t *tally) counts(kind wordKind, left *int) Counts {
	var n Counts
	if kind == failed || kind == throttled {
		n[Failed] = uint64(t.sent) + uint64(t.dropped) + uint64(t.downsampled) + uint64(t.shed) + uint64(t.rejected)
		return n
	}
	n[Dropped], n[Downsampled], n[Shed], n[Rejected] = uint64(t.dropped), uint64(t.downsampled), uint64(t.shed), uint64(t.rejected)
	switch kind {
	case stored:
		n[Forwarded] = uint64(t.sent)
	case refused:
		wrote := min(max(*left, 0), int(t.sent))
		*left -= wrote
		n[Forwarded] = uint64(wrote)
		n[Rejected] += uint64(int(t.sent) - wrote)
	case unsupported:
		n[Rejected] += uint64(t.sent)
	}
	return n
}
