package inventory

import (
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// A Metric holds the rows of one metric: of all its series, or of the families
// under its threshold. What it is called does not matter to it: the rows may as
// well be those of many small metrics.
type Metric struct {
	v      *Inventory
	blocks []block
	index  []uint32 // see find; nil while there are few rows
	rows   int
	size   int64 // bytes of all this, as they are in v.size

	// Parts: of the latest sighting, of the latest sweep; and how many rows were
	// seen and forwarded last in each, by part modulo Parts.
	newest, swept       int64
	received, forwarded [sketch.Parts]int32

	kept   cut   // what is kept now
	before cut   // and what was kept before the latest Raise
	raised int64 // part of the latest Raise

	lowered int64 // part of the latest Lower
	least   int32 // rows that it left

	heaviest int32 // the most series that a family had when there was Lower

	grouped  bool  // some rows are inFamily
	families int32 // as counted when there were countedAt rows
	counted  int32
	named    bool // names is known
	names    uint16
}

// metricBytes is the size of a Metric.
const metricBytes = 240

// NewMetric returns a Metric without rows, which is exact.
func (v *Inventory) NewMetric() *Metric {
	v.size += metricBytes
	return &Metric{v: v, size: metricBytes, kept: everything, before: everything}
}

// Release lets go of all that m holds. It must not be used any more.
func (m *Metric) Release() {
	m.filter(func(*block, *row) bool { return false })
	m.weigh(-m.size)
}

// Rows returns the number of rows, some of which may have left the window.
func (m *Metric) Rows() int { return m.rows }

// Bytes returns what m takes besides what it shares with other metrics.
func (m *Metric) Bytes() int64 { return m.size }

func (m *Metric) weigh(change int64) {
	m.size += change
	m.v.size += change
}

// Observe notes a sighting. known says that the series was a row before, kept that
// it is one now. A sighting older than the window is ignored.
func (m *Metric) Observe(s *Seen) (known, kept bool) {
	if s.Part != m.newest && !m.turn(s.Part) {
		return false, false
	}
	if r := m.find(s.Sum, s.Hash); r != nil {
		m.touch(r, s)
		return true, true
	}
	if !m.kept.admits(s.Family, s.Hash) || m.full() && !m.makeRoom(s) {
		return false, false
	}
	m.add(s)
	return false, true
}

// full reports whether no block can be added.
func (m *Metric) full() bool { return len(m.blocks) >= maxBlocks }

// makeRoom lowers the threshold of a metric that has as many rows as it can, and
// reports whether s is still to be kept.
func (m *Metric) makeRoom(s *Seen) bool {
	return m.Lower() > 0 && !m.full() && m.kept.admits(s.Family, s.Hash)
}

// touch notes a sighting of r.
func (m *Metric) touch(r *row, s *Seen) {
	if s.Valued && !r.seen.since(s.Part, m.newest) {
		r.look(s.Value)
	}
	if !r.seen.since(s.Part+1, m.newest) { // or it was seen later already
		if m.v.verdicts.of(r.verdict) != s.Verdict {
			old := r.verdict
			r.verdict = m.v.verdicts.intern(s.Verdict)
			m.v.verdicts.release(old)
		}
		if s.IntervalMs > 0 {
			r.interval = intervalOf(s.IntervalMs)
		}
		m.stamp(&r.seen, &m.received, s.Part)
	}
	if s.Forwarded {
		m.stamp(&r.forwarded, &m.forwarded, s.Part)
	}
}

// add adds a row that there is none of.
func (m *Metric) add(s *Seen) {
	v := m.v
	var like []uint32 // the values of the row before, where it has the same shape
	var shape uint32
	if last, b := m.last(); last != nil && v.shapeOf(last).is(s.Labels) {
		shape = last.shape &^ inFamily
		v.shapes.list[shape].refs++
		like = b.ids[last.at:]
	} else {
		shape = v.shapes.intern(s.Labels)
	}
	b := m.room(width(v.shapes.list[shape], s.Family != s.Hash), 0)
	r := row{
		sum: s.Sum, shape: shape, first: uint32(s.Part), at: uint16(len(b.ids)),
		verdict: v.verdicts.intern(s.Verdict), interval: intervalOf(s.IntervalMs),
	}
	if s.Valued {
		r.look(s.Value)
	}
	for i, column := 0, 0; i < len(s.Labels); i++ {
		value := s.Labels[i].Value
		switch {
		case value == "":
			continue
		case like != nil:
			b.ids = append(b.ids, v.values.internLike(value, like[column]))
		default:
			b.ids = append(b.ids, v.values.intern(value))
		}
		column++
	}
	m.finish(b, r, s.Hash, s.Family, s.Part, s.Forwarded)
}

// finish appends r to b, which has its values already.
func (m *Metric) finish(b *block, r row, hash, family sketch.Hash, part int64, forwarded bool) {
	if family != hash {
		r.shape |= inFamily
		b.ids = append(b.ids, uint32(family>>32), uint32(family))
		m.grouped = true
	}
	m.stamp(&r.seen, &m.received, part)
	if forwarded {
		m.stamp(&r.forwarded, &m.forwarded, part)
	}
	if m.named && (len(b.rows) == 0 || b.rows[len(b.rows)-1].shape&^inFamily != r.shape&^inFamily) {
		m.named = false
	}
	b.rows = append(b.rows, r)
	m.rows++
	m.enter(hash)
}

// last returns the last row and its block; nil where there is none.
func (m *Metric) last() (*row, *block) {
	if len(m.blocks) == 0 {
		return nil, nil
	}
	b := &m.blocks[len(m.blocks)-1]
	if len(b.rows) == 0 {
		return nil, nil
	}
	return &b.rows[len(b.rows)-1], b
}

// width returns how many numbers a row has.
func width(s *shape, inFamily bool) int {
	if inFamily {
		return len(s.names) + 2
	}
	return len(s.names)
}

// room returns the last block, with room for one row more of so many numbers. Where
// it is known how many rows are still to come, there is room for as many.
func (m *Metric) room(width, expected int) *block {
	n := len(m.blocks)
	if n == 0 || len(m.blocks[n-1].rows) == blockSize || len(m.blocks[n-1].ids) > maxOffset {
		if before := cap(m.blocks); n == before {
			m.blocks = regrow(m.blocks, n+n/4+1)
			m.weigh(int64(cap(m.blocks)-before) * blockBytes)
		}
		m.blocks = append(m.blocks, block{})
		n++
	}
	b := &m.blocks[n-1]
	switch have := len(b.rows); {
	case have == cap(b.rows) && expected > 0:
		m.reserve(b, min(have+expected, blockSize), width)
	case have == cap(b.rows):
		m.reserve(b, min(have+have/4+4, blockSize), width)
	case cap(b.ids)-len(b.ids) < width:
		m.reserve(b, cap(b.rows), width)
	}
	return b
}

// reserve makes room in b for so many rows, of so many numbers those that are not
// there yet.
func (m *Metric) reserve(b *block, rows, width int) {
	before := b.bytes()
	if rows > cap(b.rows) {
		b.rows = regrow(b.rows, rows)
	}
	if ids := len(b.ids) + max(1, rows-len(b.rows))*width; ids > cap(b.ids) {
		b.ids = regrow(b.ids, ids)
	}
	m.weigh(b.bytes() - before)
}

// bytes is what b takes besides its place among the blocks.
func (b *block) bytes() int64 { return int64(cap(b.rows))*rowBytes + int64(cap(b.ids))*4 }

// labels appends the labels of r, a row of b, to ls.
func (v *Inventory) labels(b *block, r *row, ls series.Labels) series.Labels {
	for i, name := range v.shapeOf(r).names {
		ls = append(ls, series.Label{Name: name, Value: v.values.text(b.ids[int(r.at)+i])})
	}
	return ls
}
