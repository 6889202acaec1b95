package gateway

import (
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/sketch"
	"github.com/headgate/headgate/rules"
)

// maxWaiting is how many series of a tenant's failed requests are remembered until
// they are sent again. Beyond it they are counted from their next part on.
const maxWaiting = 1 << 20

// A due is what became of the samples of a class and is not in the ledger yet.
type due struct {
	class        *class
	series       []uint64 // hashes of those forwarded
	within, over side
}

// A side is what a class's rule did within the limit, or over it.
type side struct {
	counts Counts
	series []uint64 // hashes of those that the rule drops
}

func (d *due) side(over bool) *side {
	if over {
		return &d.over
	}
	return &d.within
}

// A page is what is due of one hour.
type page struct {
	hour attribution.Hour
	list []due
}

// dues are what is not in the ledger yet, of one tenant. The tenant's lock guards
// them.
type dues struct {
	page
	past    []page    // of hours that are over
	number  uint32    // of the page; classes say with it which one they are on
	waiting []sighted // of requests that failed
}

// A sighted is a series that a request brought and the ledger is to count.
type sighted struct {
	class *class
	hash  sketch.Hash
	fate  fate
}

// A fate is where a series counts.
type fate uint8

const (
	nowhere     fate = iota
	passes           // it is forwarded
	dropsWithin      // its rule drops it within the limit
	dropsOver        // its rule drops it over the limit
)

// of returns what is due of c, in an hour.
func (d *dues) of(c *class, h attribution.Hour) *due {
	if h != d.hour {
		if len(d.list) > 0 {
			d.past = append(d.past, d.page)
		}
		d.page = page{hour: h}
		d.number++
	}
	if c.page != d.number {
		c.page, c.due = d.number, uint32(len(d.list))
		d.list = append(d.list, due{class: c})
	}
	return &d.list[c.due]
}

// take returns all that is due, and begins anew.
func (d *dues) take() []page {
	pages := d.past
	if len(d.list) > 0 {
		pages = append(pages, d.page)
	}
	d.past, d.page = nil, page{hour: d.hour, list: make([]due, 0, len(d.list))}
	d.number++
	return pages
}

// owe notes the series that a request brought. The lock is held.
func (s *state) owe(w *work, took bool, h attribution.Hour) {
	d := &s.dues
	if !took {
		d.waiting = append(d.waiting, w.sighted[:min(len(w.sighted), maxWaiting-len(d.waiting))]...)
		return
	}
	for i := range w.sighted {
		d.see(&w.sighted[i], h)
	}
	if w.again && len(d.waiting) > 0 { // the sender is back: what had failed was sent again, or is about to be
		for i := range d.waiting {
			d.see(&d.waiting[i], h)
		}
		d.waiting = nil
	}
}

func (d *dues) see(v *sighted, h attribution.Hour) {
	switch of := d.of(v.class, h); v.fate {
	case passes:
		of.series = append(of.series, uint64(v.hash))
	case dropsWithin:
		of.within.series = append(of.within.series, uint64(v.hash))
	case dropsOver:
		of.over.series = append(of.over.series, uint64(v.hash))
	}
}

// A turned is an entry with the first sample of its series in this hour. Sights come
// several times an hour, but a series may end before the next one.
type turned struct {
	entry uint32
	class *class
}

// turns reports whether a series whose newest sample forwarded was at before begins
// an hour with one at ms. New series do not: they are sighted.
func (w *work) turns(before, ms int64) bool {
	return before < w.hourMs && ms >= w.hourMs && before != unset
}

// sightTurned sights the series that were sent for the first time in this hour.
func (w *work) sightTurned() {
	for _, t := range w.turned {
		w.labels = w.req.AppendLabels(w.labels[:0], &w.req.Entries[t.entry])
		w.sighted = append(w.sighted, sighted{t.class, sketch.Final(sketch.Sum(w.labels)), passes})
	}
}

// fateOf returns where the series of a sight counts.
func (w *work) fateOf(v *sight, forwarded bool) fate {
	switch {
	case w.slots[v.entry].refused || w.bypass && !forwarded:
		return nowhere
	case forwarded:
		return passes
	case w.overLimit(v.class) && v.class.verdict.Over.Action == rules.Drop:
		return dropsOver
	case !w.overLimit(v.class) && v.class.verdict.Within.Action == rules.Drop:
		return dropsWithin
	}
	return nowhere // shed
}

// An owed is what is due of a tenant that was forgotten.
type owed struct {
	tenant tenant.ID
	pages  []page
}

// PostLedger adds to the ledger what became of samples since it was called last.
func (g *Gateway) PostLedger() {
	l := g.engines.Ledger
	if l == nil {
		return
	}
	g.posting.Lock()
	defer g.posting.Unlock()
	list := g.states.takeOwed()
	for _, s := range g.states.all() {
		s.mu.Lock()
		pages := s.dues.take()
		s.mu.Unlock()
		list = append(list, owed{s.tenant, pages})
	}
	var entries []attribution.Entry
	for _, o := range list {
		for _, p := range o.pages {
			entries = entries[:0]
			for i := range p.list {
				entries = append(entries, p.list[i].entry())
			}
			l.Post(o.tenant, p.hour, entries)
		}
	}
}

// entry returns d for the ledger.
func (d *due) entry() attribution.Entry {
	c := d.class
	e := attribution.Entry{Team: c.team, Service: c.service, Metric: c.metric, Samples: d.within.counts, Series: d.series}
	e.Samples.Add(&d.over.counts)
	if c.refusal != nil {
		e.Team = attribution.Unowned
	}
	for _, of := range []struct {
		rule *rules.Rule
		side *side
	}{{c.verdict.Within.Rule, &d.within}, {c.verdict.Over.Rule, &d.over}} {
		n := &of.side.counts
		if of.rule != nil && (n[Dropped]+n[Downsampled] > 0 || len(of.side.series) > 0) {
			e.Rules = append(e.Rules, attribution.RuleEntry{
				Rule: of.rule.Name, Dropped: n[Dropped], Downsampled: n[Downsampled], Series: of.side.series,
			})
		}
	}
	return e
}

// hourStart returns the begin of the hour of UTC that t lies in, in milliseconds.
func hourStart(t time.Time) int64 { return attribution.HourOf(t).Time().UnixMilli() }
