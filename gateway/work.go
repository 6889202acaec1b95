package gateway

import (
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/rules"
)

// work is what is kept of one request from its first step to its last. It is
// pooled.
type work struct {
	*scratch // until the request is forwarded

	tenant  tenant.ID
	named   bool // the request named its tenant, or its credential did
	version remotewrite.Version
	at      profiler.Moment
	begun   time.Time
	lap     time.Time // end of the step before
	charge  charge

	policy  *rules.Policy // one request sees one generation
	owners  *attribution.Owners
	history []generation
	limit   *limiter.Tenant
	plan    *limiter.Plan // and one state of the limit
	bypass  bool          // and of the bypass
	taken   int           // samples, from the hard limit

	compressed []byte // as the sender sent it
	packed     []byte // as it is forwarded, where it was modified
	modified   bool   // something was removed or rewritten
	nothing    bool   // and nothing is left
	again      bool   // some of it was attempted before: it may well be a retry

	loose    []record // records of series that do not fit the table
	looseAt  map[key]uint32
	judged   []judged
	asking   []asking // series that active_series has to admit
	bare     []asking // entries of exemplars alone, of such series
	arrivals []limiter.Arrival
	usage    *limiter.Usage

	tallies  []tally
	tallyOf  []uint32 // by class: position in tallies + 1
	shadows  []shadowCount
	received kinds // what the request held
	removed  kinds // by policy: counts as Written
	markers  kinds // stale markers of ours in the body
	stales   int   // stale markers of the sender that had nothing to end
	repeats  int   // exact duplicates of samples that are forwarded once
	rejected int   // samples refused for good
	refused  []string
	refusals int // series or samples refused, named in refused or not

	hourMs  int64     // when this hour began; 0 where nothing is recorded
	sighted []sighted // series that the ledger is to count
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
	refused bool   // by active_series
}

// looseRecord is the first record number that means work.loose.
const looseRecord = 1 << 31

// understood is what the labels of a series say.
type understood struct {
	entry    uint32
	key      key
	metric   string
	team     string
	service  string
	verdict  rules.Verdict
	pool     limiter.Pool
	priority series.Priority // default_priority included
	place    place
	refused  *refusal
	same     bool // the verdict of the record's older generation still holds
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

	// Of those shed, what active_series refused, and what rules would have left of
	// the others; of those sent, what a limit in shadow mode would have shed.
	refused, rest, would uint32
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

// samples is how many samples the request holds.
func (w *work) samples() int { return w.received.samples + w.received.histograms }

// reset makes w ready for the next request. What a usual request needs is kept,
// what only a huge one did is let go.
func (w *work) reset() {
	for i := range w.tallies {
		w.tallyOf[w.tallies[i].class] = 0
	}
	clear(w.sighted)
	keep := *w
	*w = work{
		compressed: bounded(keep.compressed, maxPooledBytes),
		packed:     bounded(keep.packed, maxPooledBytes),
		loose:      bounded(keep.loose, maxPooledEntries),
		judged:     bounded(keep.judged, maxPooledEntries),
		asking:     bounded(keep.asking, maxPooledEntries),
		bare:       bounded(keep.bare, maxPooledEntries),
		arrivals:   bounded(keep.arrivals, maxPooledEntries),
		usage:      keep.usage,
		tallies:    bounded(keep.tallies, maxPooledEntries),
		tallyOf:    keep.tallyOf,
		shadows:    bounded(keep.shadows, maxPooledEntries),
		sighted:    bounded(keep.sighted, maxPooledEntries),
	}
	if len(keep.looseAt) <= maxPooledEntries {
		clear(keep.looseAt)
		w.looseAt = keep.looseAt
	}
}
