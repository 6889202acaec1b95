package inventory

import "math/bits"

// A numbering numbers keys in the order in which they come, from 0. The zero value
// is to be reset before it is used.
type numbering struct {
	slots []numbered
	shift uint8 // 64 less the binary logarithm of the number of slots
	count int
}

// numbered is a key and its number + 1; 0 is an empty slot.
type numbered struct {
	key    uint64
	number uint32
}

// reset forgets all keys. As many as expected may come, or fewer: only memory that
// is there already is made ready for all of them.
func (x *numbering) reset(expected int) {
	all := 1 << bits.Len(uint(2*max(expected, 4)-1))
	x.sized(min(all, max(1<<13, 1<<bits.Len(uint(cap(x.slots)))>>1)))
	clear(x.slots)
	x.count = 0
}

// sized gives x so many slots, a power of two, with whatever is in them.
func (x *numbering) sized(slots int) {
	if cap(x.slots) < slots {
		x.slots = make([]numbered, slots)
	}
	x.slots = x.slots[:slots]
	x.shift = uint8(64 - bits.TrailingZeros(uint(slots)))
}

// number returns the number of key, and whether that is a new one.
func (x *numbering) number(key uint64) (n int, fresh bool) {
	s := x.slot(key)
	if s.number > 0 {
		return int(s.number) - 1, false
	}
	if x.count*4 >= len(x.slots)*3 {
		x.grow()
		s = x.slot(key)
	}
	x.count++
	*s = numbered{key, uint32(x.count)}
	return x.count - 1, true
}

// slot returns the slot of key, or the empty one that it would be in. Keys are
// hashed by multiplication (Knuth, The Art of Computer Programming 3, 6.4).
func (x *numbering) slot(key uint64) *numbered {
	mask := uint64(len(x.slots) - 1)
	for i := key * 0x9e3779b97f4a7c15 >> x.shift; ; i = (i + 1) & mask {
		if s := &x.slots[i&mask]; s.number == 0 || s.key == key {
			return s
		}
	}
}

func (x *numbering) grow() {
	old := x.slots
	x.slots = nil
	x.sized(2 * len(old))
	for _, o := range old {
		if o.number > 0 {
			*x.slot(o.key) = o
		}
	}
}

// A distinct counts different keys.
type distinct struct {
	slots []uint64 // 0 is an empty slot
	zero  bool     // the key 0 was there
	count int
}

// reset forgets all keys, and makes room for so many.
func (x *distinct) reset(most int) {
	slots := 1 << bits.Len(uint(2*max(most, 4)-1))
	if cap(x.slots) < slots {
		x.slots = make([]uint64, slots)
	}
	x.slots = x.slots[:slots]
	clear(x.slots)
	x.zero, x.count = false, 0
}

// insert counts key, which is uniform in its low bits, unless it was there.
func (x *distinct) insert(key uint64) {
	if key == 0 {
		if !x.zero {
			x.zero = true
			x.count++
		}
		return
	}
	mask := len(x.slots) - 1
	for i := int(key) & mask; ; i = (i + 1) & mask {
		switch x.slots[i] {
		case 0:
			x.slots[i] = key
			x.count++
			return
		case key:
			return
		}
	}
}
