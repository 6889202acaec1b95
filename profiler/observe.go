package profiler

import (
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

// Seen is a series that was seen for the first time in its part of the window, or
// whose verdict is another one than before.
type Seen struct {
	Labels     series.Labels // need only live until Observe returns
	Verdict    inventory.Verdict
	Forwarded  bool   // its samples are not all removed
	Again      bool   // it was seen in this part before: only the verdict is news
	New        bool   // it was not known to the gateway
	IntervalMs uint32 // between its samples; 0 where that is unknown
	Value      uint64 // bits of its latest value
	Valued     bool   // it has one: no histogram, no stale marker, not only exemplars

	Hash sketch.Hash // of the series: Observe fills it in
}

// scratch is the memory in which a request's series are hashed.
type scratch struct {
	pairs  []uint64      // of all series, one after the other
	values []sketch.Hash // of the same labels
	hashed []hashed
}

// hashed is what profiling needs of one series.
type hashed struct {
	from, to int // of its pairs and values
	sum      uint64
	family   sketch.Hash
}

// Observe notes series of a tenant. sender says where they came from.
func (p *Profiler) Observe(t tenant.ID, sender Sender, at Moment, seen []Seen) {
	s := p.scratches.Get().(*scratch)
	s.hash(seen)
	f := p.obtain(t)
	x := brought{sender: sender, at: at, seen: seen, hashes: s}
	if f.waiting.put(&x) {
		p.checkMemory() // of what walks noted before
		return
	}
	f.mu.Lock()
	f.noteAll(&x)
	f.report()
	f.mu.Unlock()
	p.scratches.Put(s)
	p.checkMemory()
}

// noteAll notes the series of x. The lock is held.
func (f *profile) noteAll(x *brought) {
	if len(x.seen) == 0 {
		return
	}
	f.latest.Store(x.at.Part)
	var m *metric
	var name string
	var from uint16
	for i := range x.seen {
		seen := &x.seen[i]
		if n := seen.Labels.Metric(); m == nil || n != name {
			name = n
			m = f.metric(n, x.at.Unix)
		}
		if m == f.overflow {
			f.beyond.Add(x.at.Part, name, 1)
		}
		if seen.New && from == 0 {
			from = f.senders.intern(x.sender)
		}
		f.note(m, seen, x.hashes, i, x.at, from)
	}
}

// hash hashes the labels of every series, outside the tenant's lock.
func (s *scratch) hash(seen []Seen) {
	s.pairs, s.values, s.hashed = s.pairs[:0], s.values[:0], s.hashed[:0]
	for i := range seen {
		h := hashed{from: len(s.pairs)}
		for _, l := range seen[i].Labels {
			v := sketch.Value(l.Value)
			pair := sketch.PairOf(sketch.Name(l.Name), v)
			if l.Value == "" {
				pair = 0
			}
			h.sum += pair
			s.pairs, s.values = append(s.pairs, pair), append(s.values, v)
		}
		h.to = len(s.pairs)
		seen[i].Hash = sketch.Final(h.sum)
		h.family = sketch.FamilyOf(seen[i].Labels, h.sum)
		s.hashed = append(s.hashed, h)
	}
}

// note notes one series of m. The lock is held.
func (f *profile) note(m *metric, seen *Seen, s *scratch, i int, at Moment, from uint16) {
	part := at.Part
	h := &s.hashed[i]
	row := inventory.Seen{
		Labels: seen.Labels, Sum: h.sum, Hash: seen.Hash, Family: h.family, Part: part,
		Verdict: seen.Verdict, Forwarded: seen.Forwarded, IntervalMs: seen.IntervalMs,
		Value: seen.Value, Valued: seen.Valued,
	}
	known, _ := m.rows.Observe(&row)
	if m.sketches != nil {
		before := m.sketches.size
		m.sketches.insert(seen, s, h, part)
		m.uncounted = true
		if m.sketches.size != before {
			f.weigh(m)
		}
	}
	if m.day != nil {
		m.day.Insert(dayPart(part, f.cfg), row.Hash)
		m.uncounted = true
	}
	if seen.New && !known {
		m.newcomers.add(from)
	}
	m.vote(seen.Verdict.Team)
	if m.rows.Rows() > f.cfg.exactRows {
		if m.sketches == nil {
			f.promote(m, part, precisionLarge, true)
		}
		m.rows.Lower()
	}
}
