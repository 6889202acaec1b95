package inventory

import "github.com/headgate/headgate/profiler/sketch"

// The index of a metric's rows is a table with open addressing and linear probing.
// A slot has the number of a row + 1 in its low bits and part of the row's hash in
// the others; 0 is an empty slot. The number of a row is that of its block and its
// place in it.
//
// Only low bits of the hash are used: of a sample, the high ones are all 0.
const (
	indexFrom  = 16 // rows from which there is an index
	numberBits = 24
	numberMask = 1<<numberBits - 1
)

// tag returns the bits of the hash that a slot has.
func tag(hash sketch.Hash) uint32 { return uint32(hash>>8) &^ numberMask }

// find returns the row of the series with that sum and hash, or nil.
func (m *Metric) find(sum uint64, hash sketch.Hash) *row {
	if m.index == nil {
		for i := range m.blocks {
			for j := range m.blocks[i].rows {
				if r := &m.blocks[i].rows[j]; r.sum == sum {
					return r
				}
			}
		}
		return nil
	}
	mask := len(m.index) - 1
	t := tag(hash)
	for i := int(hash) & mask; ; i = (i + 1) & mask {
		x := m.index[i]
		if x == 0 {
			return nil
		}
		if x&^numberMask != t {
			continue
		}
		n := x&numberMask - 1
		if r := &m.blocks[n>>blockBits].rows[n%blockSize]; r.sum == sum {
			return r
		}
	}
}

// enter makes the last row, which has that hash, to be found.
func (m *Metric) enter(hash sketch.Hash) {
	if m.index == nil && m.rows <= indexFrom {
		return
	}
	if m.rows*8 > len(m.index)*7 {
		m.reindex()
		return
	}
	n := len(m.blocks) - 1
	m.put(hash, n, len(m.blocks[n].rows)-1)
}

func (m *Metric) put(hash sketch.Hash, block, place int) {
	mask := len(m.index) - 1
	i := int(hash) & mask
	for m.index[i] != 0 {
		i = (i + 1) & mask
	}
	m.index[i] = tag(hash) | uint32(block<<blockBits|place+1)
}

// reindex makes an index with room for more rows than there are.
func (m *Metric) reindex() {
	before := cap(m.index)
	m.index = nil
	if m.rows > indexFrom {
		slots := 2 * indexFrom
		for slots*5 < m.rows*7 { // 5/7 full at most
			slots *= 2
		}
		m.index = make([]uint32, slots)
	}
	m.weigh(4 * int64(cap(m.index)-before))
	if m.index == nil {
		return
	}
	for i := range m.blocks {
		for j := range m.blocks[i].rows {
			m.put(m.blocks[i].rows[j].hash(), i, j)
		}
	}
}
