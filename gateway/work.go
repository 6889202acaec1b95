package gateway

import (
	"slices"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/rules"
)

// work is the memory of one request. It is pooled; release keeps what a usual
// request needs and lets go of what only a huge one did.
type work struct {
	tenant  tenant.ID
	named   bool // the request named its tenant, or its credential did
	version remotewrite.Version
	part    uint8 // of the window
	begun   time.Time
	lap     time.Time // end of the step before
	charge  charge

	compressed, body, filtered, packed []byte

	req     remotewrite.Request
	slots   []slot
	policy  *rules.Policy // one request sees one generation
	owners  *attribution.Owners
	history []generation
	fresh   []uint32     // entries whose series are not understood by this policy
	found   []understood // what was found of them, by position in fresh
	heads   []uint32     // first entries of the series that need a judge
	labels  series.Labels
	idents  []byte

	loose   []record // records of series that do not fit the table
	looseAt map[key]uint32

	over   bool  // one request sees one state of the limit
	bypass bool  // and one of the bypass
	mask   uint8 // the kinds of class that need a judge in it

	fates    []remotewrite.Fate
	changes  []remotewrite.Change
	items    []remotewrite.Item
	outcome  []Outcome                // of the items of the series being judged
	resorted map[uint32]series.Labels // entries whose labels must be written in order
	judged   []judged
	modified bool // something was removed or rewritten
	again    bool // some of it was attempted before: it may well be a retry

	tallies  []tally
	tallyOf  []uint32 // by class: position in tallies + 1
	shadows  []shadowCount
	removed  kinds // by policy: counts as Written
	markers  kinds // stale markers of ours in the body
	stales   int   // stale markers of the sender that had nothing to end
	repeats  int   // exact duplicates of samples that are forwarded once
	rejected int   // samples refused for good
	refused  []string
	refusals int // series or samples refused, named in refused or not
}

// A slot is what is known of one entry.
type slot struct {
	key     key
	rec     uint32 // its record; from looseRecord on, one outside the table
	class   uint32
	gen     uint16 // of class
	head    uint32 // first entry of the series that holds samples
	next    uint32 // next one, 0 where there is none
	judged  bool   // a judge decides, not the class alone
	listed  bool   // the head is in heads
	entered bool   // it holds samples and is linked to the others of its series
}

// looseRecord is the first record number that means work.loose.
const looseRecord = 1 << 31

// understood is what the labels of a series say.
type understood struct {
	entry   uint32
	key     key
	metric  string
	team    string
	verdict rules.Verdict
	refused *refusal
	same    bool // the verdict of the record's older generation still holds
}

// judged is a judge whose decision waits for the upstream's word.
type judged struct {
	rec   uint32
	key   key
	judge judge
}

// kinds counts by the kinds that remote-write 2.0 reports as written.
type kinds struct{ samples, histograms, exemplars int }

func (k *kinds) add(d kinds) {
	k.samples += d.samples
	k.histograms += d.histograms
	k.exemplars += d.exemplars
}

// A tally counts the samples of one class in one request.
type tally struct {
	class                                      uint32
	sent, dropped, downsampled, shed, rejected uint32
}

// A shadowCount is how many samples a shadow rule would have removed.
type shadowCount struct {
	class, rule uint32
	samples     uint32
}

// tally returns the tally of class c.
func (w *work) tally(c uint32) *tally {
	if int(c) >= len(w.tallyOf) {
		w.tallyOf = append(w.tallyOf, make([]uint32, int(c)+1-len(w.tallyOf)+64)...)
	}
	n := w.tallyOf[c]
	if n == 0 {
		w.tallies = append(w.tallies, tally{class: c})
		n = uint32(len(w.tallies))
		w.tallyOf[c] = n
	}
	return &w.tallies[n-1]
}

// outcomesFor returns room for the outcomes of n items.
func (w *work) outcomesFor(n int) []Outcome {
	w.outcome = slices.Grow(w.outcome[:0], n)[:n]
	return w.outcome
}

// samples is how many samples the request holds.
func (w *work) samples() int { return w.req.Samples + w.req.Histograms }

const (
	maxPooledBytes   = 4 << 20
	maxPooledEntries = 1 << 14
)

// reset makes w ready for the next request.
func (w *work) reset() {
	w.req.Reset()
	for i := range w.tallies {
		w.tallyOf[w.tallies[i].class] = 0
	}
	keep := *w
	*w = work{
		compressed: bounded(keep.compressed, maxPooledBytes),
		body:       bounded(keep.body, maxPooledBytes),
		filtered:   bounded(keep.filtered, maxPooledBytes),
		packed:     bounded(keep.packed, maxPooledBytes),
		req:        keep.req,
		slots:      bounded(keep.slots, maxPooledEntries),
		fresh:      bounded(keep.fresh, maxPooledEntries),
		heads:      bounded(keep.heads, maxPooledEntries),
		labels:     bounded(keep.labels, maxPooledEntries),
		idents:     bounded(keep.idents, maxPooledBytes),
		loose:      bounded(keep.loose, maxPooledEntries),
		fates:      bounded(keep.fates, maxPooledEntries),
		items:      bounded(keep.items, maxPooledEntries),
		outcome:    bounded(keep.outcome, maxPooledEntries),
		judged:     bounded(keep.judged, maxPooledEntries),
		tallies:    bounded(keep.tallies, maxPooledEntries),
		tallyOf:    keep.tallyOf,
		shadows:    bounded(keep.shadows, maxPooledEntries),
	}
	if len(keep.looseAt) <= maxPooledEntries {
		clear(keep.looseAt)
		w.looseAt = keep.looseAt
	}
	w.found, w.changes = bounded(keep.found, maxPooledEntries), bounded(keep.changes, maxPooledEntries)
	if w.body == nil { // nothing that is kept may hold on to the body that is not
		w.found, w.changes, w.labels = nil, nil, nil
	}
}

// bounded returns s emptied, or nothing where its memory is not worth keeping.
func bounded[T any](s []T, most int) []T {
	if cap(s) > most {
		return nil
	}
	return s[:0]
}
