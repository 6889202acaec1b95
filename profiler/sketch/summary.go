package sketch

import (
	"cmp"
	"slices"
)

// A summary is the Space-Saving summary of one part. Its values are in slots; an
// open-addressing table finds them by hash, a heap finds the smallest count. They
// refer to each other by number, so that a summary has few pointers and letting go
// of one value for another moves no memory.
//
// What is true of value v, that n(v) series have:
//
//	v has a slot:  max(own, other) <= n(v) <= count
//	v has none:    n(v) <= floor
type summary struct {
	slots []slot
	heap  []uint16 // slots, that of the smallest count at the root
	table []uint16 // slot+1 at the hash of its value, or beyond; 0 is free
	floor uint32   // the greatest count that was let go
	text  int      // bytes that the slots' values take
}

type slot struct {
	hash       Hash
	value      []byte
	count      uint32
	own, other uint32 // added here since it has a slot; known of another process
	place      uint16 // in the heap
}

// least returns how many series have x's value at least. Those added here may be
// the same as another process has seen, so the two do not add up.
func (x *slot) least() uint32 { return max(x.own, x.other) }

// add counts value n times. At most size values are kept.
func (s *summary) add(value string, h Hash, n uint32, size int) {
	if n == 0 {
		return
	}
	if i := s.find(value, h); i >= 0 {
		x := &s.slots[i]
		x.count, x.own = saturating(x.count, n), saturating(x.own, n)
		s.down(int(x.place))
		return
	}
	if len(s.slots) < size {
		s.append(value, slot{hash: h, count: saturating(s.floor, n), own: n})
		return
	}
	// The smallest makes room, and leaves its count: it may have been value's.
	i := s.heap[0]
	least := &s.slots[i]
	s.remove(i)
	s.floor = max(s.floor, least.count)
	s.text -= cap(least.value)
	least.value = append(least.value[:0], value...)
	s.text += cap(least.value)
	least.hash, least.count, least.own, least.other = h, saturating(s.floor, n), n, 0
	s.enter(i)
	s.down(0)
}

// append adds a slot like x for value. It uses the memory of a slot before reset.
func (s *summary) append(value string, x slot) {
	i := uint16(len(s.slots))
	if n := len(s.slots); n < cap(s.slots) {
		s.slots = s.slots[:n+1]
	} else {
		s.slots = append(s.slots, slot{})
	}
	old := s.slots[i].value
	x.value = append(old[:0], value...)
	s.text += cap(x.value) - cap(old)
	s.slots[i] = x
	s.heap = append(s.heap, i)
	if 2*len(s.slots) > len(s.table) {
		s.table = make([]uint16, max(8, 2*len(s.table)))
		for j := range s.slots {
			s.enter(uint16(j))
		}
	} else {
		s.enter(i)
	}
	s.up(len(s.heap) - 1)
}

// reset empties s and keeps its memory.
func (s *summary) reset() {
	s.slots, s.heap, s.floor = s.slots[:0], s.heap[:0], 0
	clear(s.table)
}

// bounds returns between what numbers n(value) is.
func (s *summary) bounds(value string, h Hash) (least, most uint32) {
	if i := s.find(value, h); i >= 0 {
		return s.slots[i].least(), s.slots[i].count
	}
	return 0, s.floor
}

// merge adds what o has counted (Agarwal et al. 2012, "Mergeable summaries", 3.1,
// with intervals): a value that one of the two lacks may have been there as often
// as its floor says.
func (s *summary) merge(o *summary, size int) {
	type merged struct {
		slot
		text string
	}
	all := make([]merged, 0, len(s.slots)+len(o.slots))
	for i := range s.slots {
		m := merged{s.slots[i], string(s.slots[i].value)}
		least, most := o.bounds(m.text, m.hash)
		m.count, m.other = saturating(m.count, most), max(m.other, least)
		all = append(all, m)
	}
	for i := range o.slots {
		m := merged{o.slots[i], string(o.slots[i].value)}
		if s.find(m.text, m.hash) < 0 {
			m.count, m.own, m.other = saturating(m.count, s.floor), 0, m.least()
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b merged) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(b.least(), a.least()), cmp.Compare(a.text, b.text))
	})
	floor := saturating(s.floor, o.floor)
	if len(all) > size {
		floor = max(floor, all[size].count)
		all = all[:size]
	}
	s.reset()
	s.floor = floor
	for i := range all {
		s.append(all[i].text, all[i].slot)
	}
}

// bytes returns the heap of s.
func (s *summary) bytes() int {
	const slotBytes = 48
	return slotBytes*cap(s.slots) + 2*cap(s.heap) + 2*cap(s.table) + s.text
}

// find returns the slot of value, whose hash is h, or -1.
func (s *summary) find(value string, h Hash) int {
	if len(s.table) == 0 {
		return -1
	}
	mask := len(s.table) - 1
	for p := int(h) & mask; s.table[p] != 0; p = (p + 1) & mask {
		if x := &s.slots[s.table[p]-1]; x.hash == h && string(x.value) == value {
			return int(s.table[p] - 1)
		}
	}
	return -1
}

// enter puts slot i into the table, which has room.
func (s *summary) enter(i uint16) {
	mask := len(s.table) - 1
	p := int(s.slots[i].hash) & mask
	for s.table[p] != 0 {
		p = (p + 1) & mask
	}
	s.table[p] = i + 1
}

// remove takes slot i out of the table. What follows it moves up, unless that
// would put it before the place of its hash (Knuth, TAOCP 6.4, algorithm R).
func (s *summary) remove(i uint16) {
	mask := len(s.table) - 1
	free := int(s.slots[i].hash) & mask
	for s.table[free] != i+1 {
		free = (free + 1) & mask
	}
	for p := (free + 1) & mask; s.table[p] != 0; p = (p + 1) & mask {
		home := int(s.slots[s.table[p]-1].hash) & mask
		if (p-home)&mask >= (p-free)&mask {
			s.table[free] = s.table[p]
			free = p
		}
	}
	s.table[free] = 0
}

// up moves what is at place p of the heap to where it belongs, towards the root.
func (s *summary) up(p int) {
	for p > 0 && s.count(p) < s.count((p-1)/2) {
		s.swap(p, (p-1)/2)
		p = (p - 1) / 2
	}
	s.slots[s.heap[p]].place = uint16(p)
}

// down does the same away from the root.
func (s *summary) down(p int) {
	for {
		c := 2*p + 1
		if c >= len(s.heap) {
			return
		}
		if c+1 < len(s.heap) && s.count(c+1) < s.count(c) {
			c++
		}
		if s.count(p) <= s.count(c) {
			return
		}
		s.swap(p, c)
		p = c
	}
}

func (s *summary) count(p int) uint32 { return s.slots[s.heap[p]].count }

func (s *summary) swap(p, q int) {
	s.heap[p], s.heap[q] = s.heap[q], s.heap[p]
	s.slots[s.heap[p]].place, s.slots[s.heap[q]].place = uint16(p), uint16(q)
}
