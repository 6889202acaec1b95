package inventory

import "github.com/headgate/headgate/profiler/sketch"

// place is where a part's counters are.
func place(part int64) int {
	return int((part%sketch.Parts + sketch.Parts) % sketch.Parts)
}

// turn makes part the newest, where it is. It reports whether part is in the
// window.
func (m *Metric) turn(part int64) bool {
	if m.rows == 0 {
		m.newest, m.swept = part, part
		m.received, m.forwarded = [sketch.Parts]int32{}, [sketch.Parts]int32{}
		return true
	}
	if part <= m.newest {
		return part > m.newest-sketch.Parts
	}
	if part-m.swept >= sweepAfter {
		m.sweep(part)
	}
	for p := max(m.newest+1, part-sketch.Parts+1); p <= part; p++ {
		m.received[place(p)], m.forwarded[place(p)] = 0, 0
	}
	m.newest = part
	return true
}

// sweep forgets the stamps that lie before the window that ends with part.
func (m *Metric) sweep(part int64) {
	oldest := part - sketch.Parts + 1
	for _, r := range m.all() {
		if !r.seen.since(oldest, m.newest) {
			r.seen = 0
		}
		if !r.forwarded.since(oldest, m.newest) {
			r.forwarded = 0
		}
	}
	m.swept = part
}

// stamp brings a stamp and its counters forward to part, which is in the window.
func (m *Metric) stamp(s *stamp, counters *[sketch.Parts]int32, part int64) {
	oldest := m.newest - sketch.Parts + 1
	if s.since(oldest, m.newest) {
		old := s.part(m.newest)
		if old >= part {
			return
		}
		counters[place(old)]--
	}
	counters[place(part)]++
	*s = stampOf(part)
}

// Active returns how many rows were seen, and how many forwarded, in the window
// that ends with part. The window never ends before the latest sighting.
func (m *Metric) Active(part int64) (received, forwarded int) {
	for p := max(part, m.newest) - sketch.Parts + 1; p <= m.newest; p++ {
		received += int(m.received[place(p)])
		forwarded += int(m.forwarded[place(p)])
	}
	return received, forwarded
}

// Expire lets go of the rows that were not seen in the window that ends with part.
// gone is told the hash of each, and may be nil.
func (m *Metric) Expire(part int64, gone func(sketch.Hash)) (count int) {
	if m.rows == 0 {
		return 0
	}
	m.turn(part)
	active, _ := m.Active(part)
	if count = m.rows - active; count == 0 {
		return 0
	}
	oldest := m.newest - sketch.Parts + 1
	stays := func(_ *block, r *row) bool { return r.seen.since(oldest, m.newest) }
	if gone != nil {
		for b, r := range m.all() {
			if !stays(b, r) {
				gone(r.hash())
			}
		}
	}
	m.filter(stays)
	return count
}

// filter keeps the rows that stay, and lets go of all that the others held.
func (m *Metric) filter(stays func(*block, *row) bool) {
	n := 0
	for b, r := range m.all() {
		if stays(b, r) {
			n++
		}
	}
	old := m.blocks
	m.weigh(-int64(cap(old)) * blockBytes)
	m.blocks, m.rows, m.grouped, m.named, m.counted = nil, 0, false, false, 0
	if n > 0 {
		m.blocks = regrow(m.blocks, (n+blockSize-1)/blockSize)
		m.weigh(int64(cap(m.blocks)) * blockBytes)
	}
	for i := range old {
		for j := range old[i].rows {
			b, r := &old[i], &old[i].rows[j]
			if stays(b, r) {
				m.move(b, r, n)
			} else {
				m.drop(b, r)
			}
		}
		m.weigh(-old[i].bytes())
		old[i] = block{}
	}
	m.reindex()
}

// move appends r, a row of b that is let go of, in a metric that will have n rows.
func (m *Metric) move(from *block, r *row, n int) {
	inAFamily := r.shape&inFamily != 0
	m.grouped = m.grouped || inAFamily
	wide := width(m.v.shapeOf(r), inAFamily)
	b := m.room(wide, n-m.rows)
	at := len(b.ids)
	b.ids = append(b.ids, from.ids[r.at:int(r.at)+wide]...)
	b.rows = append(b.rows, *r)
	b.rows[len(b.rows)-1].at = uint16(at)
	m.rows++
}

// drop ends what r, a row of b, uses of the inventory. Its counters are those of
// the parts it was seen in.
func (m *Metric) drop(b *block, r *row) {
	oldest := m.newest - sketch.Parts + 1
	if r.seen.since(oldest, m.newest) {
		m.received[place(r.seen.part(m.newest))]--
	}
	if r.forwarded.since(oldest, m.newest) {
		m.forwarded[place(r.forwarded.part(m.newest))]--
	}
	for i := range m.v.shapeOf(r).names {
		m.v.values.release(b.ids[int(r.at)+i])
	}
	m.v.shapes.release(r.shape &^ inFamily)
	m.v.verdicts.release(r.verdict)
}
