package gateway

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
	"github.com/headgate/headgate/rules"
)

const (
	// profileStep is how many series the profiler is told of at a time, so that it
	// holds a tenant's lock for less than a millisecond.
	profileStep = 256

	// countEvery is how often the profiler learns how many samples metrics had.
	countEvery = 10 * time.Second
)

// A sight is a series that the profiler is to be told of: it is new, or newly seen
// in this part of the window, or its verdict is another one.
type sight struct {
	entry      uint32
	class      *class
	intervalMs uint32 // since its latest sample, by sample; 0 where that is unknown
	place      place  // of its family, where the tenant has a limit
	isNew      bool
	again      bool // only the verdict is news
	begins     bool // it is not known to be counted in this hour
}

// sight notes that the series of entry i is to be profiled. r is its record before
// the entry is noted in it. The lock is held.
func (w *work) sight(i uint32, c *class, r *record) *sight {
	e := &w.req.Entries[i]
	v := sight{entry: i, class: c, place: r.place, begins: r.tried < w.hourMs}
	whole := r.phase&thinned == 0 && r.phase&(known|live) != known // else tried is not its latest sample
	if n := int64(e.Samples + e.Histograms); n > 0 && whole && r.tried != unset && e.LastMs > r.tried {
		v.intervalMs = uint32(min((e.LastMs-r.tried)/n, int64(time.Hour/time.Millisecond)))
	}
	w.sights = append(w.sights, v)
	return &w.sights[len(w.sights)-1]
}

// profile tells the profiler of the request's sights, and notes them for the ledger.
// It runs outside the lock.
func (g *Gateway) profile(w *work, r *http.Request) {
	if g.engines.Profiler == nil && g.engines.Ledger == nil {
		return
	}
	var from profiler.Sender
	for sights := w.sights; len(sights) > 0; {
		n, noted := min(profileStep, len(sights)), len(w.sighted)
		w.labels, w.seen, w.accounts = w.labels[:0], w.seen[:0], w.accounts[:0]
		for i := range sights[:n] {
			v := &sights[i]
			if v.class.refusal != nil {
				continue
			}
			if v.isNew && from.Agent == "" {
				from = senderOf(r)
			}
			w.seen = append(w.seen, w.seenOf(v))
			if w.hourMs != 0 && (v.begins || v.again) {
				w.sighted = append(w.sighted, sighted{v.class, sketch.Hash(len(w.seen) - 1), w.fateOf(v, w.seen[len(w.seen)-1].Forwarded)})
			}
			if m, ok := w.req.EntryMetadata(&w.req.Entries[v.entry]); ok && v.isNew {
				w.accounts = append(w.accounts, accountOf(v.class.metric, m))
			}
		}
		sights = sights[n:]
		g.observe(w, from)
		for i := noted; i < len(w.sighted); i++ {
			w.sighted[i].hash = w.seen[w.sighted[i].hash].Hash // until now it was which of them it is
		}
	}
	clear(w.seen[:cap(w.seen)]) // nothing kept may hold on to the body
	clear(w.accounts[:cap(w.accounts)])
}

// observe tells the profiler of w.seen, and finds out the hashes in it.
func (g *Gateway) observe(w *work, from profiler.Sender) {
	if g.engines.Profiler == nil {
		for i := range w.seen {
			w.seen[i].Hash = sketch.Final(sketch.Sum(w.seen[i].Labels))
		}
		return
	}
	if len(w.seen) > 0 {
		g.engines.Profiler.Observe(w.tenant, from, w.at, w.seen)
	}
	if len(w.accounts) > 0 {
		g.engines.Profiler.Describe(w.tenant, w.accounts)
	}
}

// describe tells the profiler what a request of 1.0 says of metrics. Senders say
// so once a minute, in requests of their own.
func (g *Gateway) describe(w *work) {
	if g.engines.Profiler == nil {
		return
	}
	w.metadata, w.accounts = w.req.AppendMetadata(w.metadata[:0]), w.accounts[:0]
	for _, m := range w.metadata {
		w.accounts = append(w.accounts, accountOf(m.Metric, m))
	}
	g.engines.Profiler.Describe(w.tenant, w.accounts)
	clear(w.metadata[:cap(w.metadata)])
	clear(w.accounts[:cap(w.accounts)])
}

func accountOf(metric string, m remotewrite.Metadata) profiler.Account {
	return profiler.Account{Metric: metric, About: profiler.About{Type: m.Type.String(), Help: m.Help, Unit: m.Unit}}
}

// seenOf returns what the profiler wants to know of a sight.
func (w *work) seenOf(v *sight) profiler.Seen {
	from := len(w.labels)
	w.labels = w.req.AppendLabels(w.labels, &w.req.Entries[v.entry])
	ls := w.labels[from:len(w.labels):len(w.labels)]
	if !slices.IsSortedFunc(ls, func(a, b series.Label) int { return strings.Compare(a.Name, b.Name) }) {
		ls.Sort()
	}
	d := v.class.verdict.Within
	if w.overLimit(v.class) {
		d = v.class.verdict.Over
	}
	if w.bypass {
		d = rules.Decision{}
	}
	verdict := inventory.Verdict{Team: v.class.team, Action: d.Action.String(), Priority: v.class.verdict.Priority}
	if d.Rule != nil {
		verdict.Rule = d.Rule.Name
	}
	seen := profiler.Seen{Labels: ls, Verdict: verdict, New: v.isNew, Again: v.again, IntervalMs: v.intervalMs}
	seen.Value, seen.Valued = w.valueOf(v.entry)
	shed := !w.bypass && !w.plan.Shadow() && !w.plan.AdmitsAt(v.class.pool, v.class.priority, uint16(v.place&^asks))
	seen.Forwarded = d.Action != rules.Drop && !shed
	return seen
}

// valueOf returns the bits of an entry's last float sample that is no stale marker.
func (w *work) valueOf(entry uint32) (bits uint64, ok bool) {
	from := len(w.items)
	w.items = w.req.AppendItems(w.items, int(entry))
	for n := len(w.items) - 1; n >= from && !ok; n-- {
		if it := &w.items[n]; !it.Histogram && !it.Stale {
			bits, ok = w.req.Value(*it), true
		}
	}
	w.items = w.items[:from]
	return bits, ok
}

// senderOf returns where a request comes from.
func senderOf(r *http.Request) profiler.Sender {
	s := profiler.Sender{Agent: r.UserAgent()}
	if s.Address = r.RemoteAddr; s.Address != "" {
		if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
			s.Address = host
		}
	}
	if user, _, ok := r.BasicAuth(); ok {
		s.Credential = user
	}
	return s
}

// countMetrics tells the profiler how many samples each metric received since it
// was told last, span ago.
func (g *Gateway) countMetrics(span time.Duration) {
	if g.engines.Profiler == nil {
		return
	}
	var list []profiler.MetricSamples
	for _, s := range g.states.all() {
		list = s.countSamples(list[:0])
		g.engines.Profiler.Count(s.tenant, list, span)
	}
}

// countSamples appends what was received since it was called last. It lets go of
// the lock in between, because there may be very many classes.
func (s *state) countSamples(list []profiler.MetricSamples) []profiler.MetricSamples {
	const step = 1024
	for from := 0; ; from += step {
		s.mu.Lock()
		if from >= len(s.classes.list) {
			s.mu.Unlock()
			return list
		}
		for _, c := range s.classes.list[from:min(from+step, len(s.classes.list))] {
			if n := c.counts.Received(); n > c.counted {
				list = append(list, profiler.MetricSamples{Metric: c.metric, Samples: n - c.counted})
				c.counted = n
			}
		}
		s.mu.Unlock()
	}
}
