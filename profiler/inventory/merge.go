package inventory

import "github.com/headgate/headgate/profiler/sketch"

// Merge adds the rows of o, of the same metric in another process, which does not
// change. A series that both have is one row: the newest sighting wins. Both are a
// sample under the smaller threshold from then on.
func (m *Metric) Merge(o *Metric) {
	if o.rows == 0 && o.kept == everything && o.before == everything {
		return
	}
	newest := o.newest
	if m.rows > 0 {
		newest = max(m.newest, o.newest)
	}
	if o.rows == 0 { // its parts mean nothing
		newest = m.newest
	}
	before := m.complete(newest).min(o.complete(newest))
	m.turn(newest)
	if m.kept = m.kept.min(o.kept); m.kept != everything && m.rows > 0 {
		m.filter(m.admitted)
		m.turn(newest) // of a metric that has become empty, the counters begin anew
	}
	m.before, m.raised = before, max(m.raised, o.raised)
	m.lowered, m.least, m.heaviest = max(m.lowered, o.lowered), max(m.least, o.least), max(m.heaviest, o.heaviest)
	g := merger{m: m, o: o, shapes: map[uint32]uint32{}, verdicts: map[uint16]uint16{}}
	if m.rows == 0 {
		g.expected = o.rows
	}
	g.values.reset(o.rows)
	for b, r := range o.all() {
		g.row(b, r)
	}
	for _, id := range g.shapes {
		m.v.shapes.release(id)
	}
	for _, id := range g.verdicts {
		m.v.verdicts.release(id)
	}
	for _, id := range g.ids {
		m.v.values.release(id)
	}
}

// A merger brings rows of one metric to another. What they share is interned once,
// and held until all are there.
type merger struct {
	m, o     *Metric
	expected int       // rows, where that is known
	values   numbering // of o's values
	ids      []uint32  // their numbers in m's inventory
	shapes   map[uint32]uint32
	verdicts map[uint16]uint16
}

// row merges r, a row of b in o.
func (g *merger) row(b *block, r *row) {
	m, o := g.m, g.o
	oldest := m.newest - sketch.Parts + 1
	part, forwarded := oldest-1, oldest-1
	if r.seen != 0 {
		part = r.seen.part(o.newest)
	}
	if r.forwarded != 0 {
		forwarded = r.forwarded.part(o.newest)
	}
	hash, family := r.hash(), o.v.family(b, r)
	if to := m.find(r.sum, hash); to != nil {
		g.unite(to, r, part, forwarded)
		return
	}
	if part < oldest || !m.kept.admits(family, hash) || m.full() {
		return
	}
	s := o.v.shapeOf(r)
	to := m.room(width(s, family != hash), max(0, g.expected-m.rows))
	copied := row{
		sum: r.sum, shape: g.shape(r.shape &^ inFamily), first: uint32(o.firstPart(r)), at: uint16(len(to.ids)),
		verdict: g.verdict(r.verdict), interval: r.interval, value: r.value, looks: r.looks,
	}
	for _, id := range b.ids[r.at : int(r.at)+len(s.names)] {
		to.ids = append(to.ids, g.value(id))
	}
	m.finish(to, copied, hash, family, part, forwarded >= oldest)
	if forwarded >= oldest {
		m.restamp(&to.rows[len(to.rows)-1], forwarded)
	}
}

// restamp sets the part in which a row was forwarded, which finish took to be the
// one in which it was seen.
func (m *Metric) restamp(r *row, forwarded int64) {
	m.forwarded[place(r.forwarded.part(m.newest))]--
	m.forwarded[place(forwarded)]++
	r.forwarded = stampOf(forwarded)
}

// unite merges from, a row of o, into to, which is the same series. One that was not
// seen in the window tells when it was seen first.
func (g *merger) unite(to, from *row, part, forwarded int64) {
	m := g.m
	oldest := m.newest - sketch.Parts + 1
	if first := g.o.firstPart(from); first < m.firstPart(to) {
		to.first = uint32(first)
	}
	if part < oldest {
		return
	}
	later := !to.seen.since(part, m.newest)
	to.uniteLooks(from, later)
	if later {
		old := to.verdict
		to.verdict = g.verdict(from.verdict)
		m.v.verdicts.release(old)
		if from.interval.known() {
			to.interval = from.interval
		}
		m.stamp(&to.seen, &m.received, part)
	} else if !to.interval.known() {
		to.interval = from.interval
	}
	if forwarded >= oldest {
		m.stamp(&to.forwarded, &m.forwarded, forwarded)
	}
}

// value returns the number in m's inventory of a value of o's, for one use more.
func (g *merger) value(id uint32) uint32 {
	values := &g.m.v.values
	n, fresh := g.values.number(uint64(id))
	if fresh {
		g.ids = append(g.ids, values.intern(g.o.v.values.text(id)))
	}
	values.retain(g.ids[n])
	return g.ids[n]
}

func (g *merger) shape(id uint32) uint32 {
	x := &g.m.v.shapes
	to, ok := g.shapes[id]
	if !ok {
		to = x.internKey([]byte(g.o.v.shapes.list[id].key))
		g.shapes[id] = to
	}
	x.list[to].refs++
	return to
}

func (g *merger) verdict(id uint16) uint16 {
	x := &g.m.v.verdicts
	to, ok := g.verdicts[id]
	if !ok {
		to = x.intern(g.o.v.verdicts.of(id))
		g.verdicts[id] = to
	}
	x.retain(to)
	return to
}
