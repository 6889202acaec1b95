package limiter

import "sync/atomic"

const (
	setShards     = 64
	minShardSlots = 8
	slotBytes     = 16
)

// A familySet is an exact set of family hashes, with how many series each has and
// when they were seen: 16 bytes a slot, no pointers. It is open addressing with
// linear probing in shards by the hash's first bits, so that growing and expiring
// touch a sixty-fourth at a time. The hashes must be well mixed.
type familySet struct {
	budget *atomic.Int64     // bytes left for the sets of all tenants
	shards *[setShards]shard // nil while there is none
	size   int               // families
}

type shard struct {
	keys  []uint64 // 0 is an empty slot
	marks []mark
	size  int
	swept int64 // part in which it was swept last
}

// A mark is what is kept of a family.
type mark struct {
	part      uint8 // of the window, modulo 256, in which it was seen last
	pool      Pool
	now, then uint16 // series seen in that part, and in the one before it in which there were any
	_         uint16
}

// series returns how many active series the family has. The part under way has
// not seen all of them yet.
func (m mark) series() int64 { return int64(max(m.now, m.then)) }

// age returns how many parts ago m was seen. A request that began before the
// newest part did is not older than it.
func (m mark) age(part int64) int64 {
	age := int64(uint8(part) - m.part)
	if age > 128 {
		return 0
	}
	return age
}

// saw returns m after one more of its series was seen in a part.
func (m mark) saw(part int64) mark {
	if m.age(part) > 0 {
		m.part, m.then, m.now = uint8(part), m.now, 0
	}
	if m.now < 1<<16-1 {
		m.now++
	}
	return m
}

func keyOf(family uint64) uint64 {
	if family == 0 {
		return 1
	}
	return family
}

func (s *familySet) shard(key uint64) *shard { return &s.shards[key>>58] }

// find returns the slot of key, or the empty one where it belongs. There must be
// an empty slot.
func (h *shard) find(key uint64) int {
	mask := uint64(len(h.keys) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		if h.keys[i] == key || h.keys[i] == 0 {
			return int(i)
		}
	}
}

// get returns what is kept of a family.
func (s *familySet) get(family uint64) (mark, bool) {
	key := keyOf(family)
	if s.shards == nil || s.shard(key).size == 0 {
		return mark{}, false
	}
	h := s.shard(key)
	i := h.find(key)
	return h.marks[i], h.keys[i] == key
}

// put keeps m of a family, and reports whether there was room.
func (s *familySet) put(family uint64, m mark) bool {
	key := keyOf(family)
	if s.shards == nil {
		s.shards = new([setShards]shard)
	}
	h := s.shard(key)
	if len(h.keys) > 0 {
		if i := h.find(key); h.keys[i] == key {
			h.marks[i] = m
			return true
		}
	}
	if h.size+1 > len(h.keys)/8*7 && !s.resize(h, max(minShardSlots, 2*len(h.keys))) {
		return false
	}
	i := h.find(key)
	h.keys[i], h.marks[i] = key, m
	h.size++
	s.size++
	return true
}

// resize gives h that many slots, a power of two, if the budget allows.
func (s *familySet) resize(h *shard, slots int) bool {
	more := int64(slots-len(h.keys)) * slotBytes
	if s.budget.Add(-more) < 0 && more > 0 {
		s.budget.Add(more)
		return false
	}
	keys, marks := h.keys, h.marks
	h.keys, h.marks = make([]uint64, slots), make([]mark, slots)
	for i, k := range keys {
		if k != 0 {
			j := h.find(k)
			h.keys[j], h.marks[j] = k, marks[i]
		}
	}
	return true
}

// sweep removes from one shard what keep does not keep, and gives back memory that
// is not needed any more.
func (s *familySet) sweep(n int, keep func(*mark) bool) {
	h := &s.shards[n]
	gone := 0
	for i, k := range h.keys {
		if k != 0 && !keep(&h.marks[i]) {
			h.keys[i] = 0
			gone++
		}
	}
	if gone == 0 {
		return
	}
	h.size -= gone
	s.size -= gone
	slots := len(h.keys)
	for slots > minShardSlots && h.size < slots/4 {
		slots /= 2
	}
	if h.size == 0 {
		s.budget.Add(int64(len(h.keys)) * slotBytes)
		h.keys, h.marks = nil, nil
		return
	}
	s.resize(h, slots) // others may have moved behind one that is gone: place all anew
}

// clear removes all families.
func (s *familySet) clear() {
	if s.shards == nil {
		return
	}
	for i := range s.shards {
		s.sweep(i, func(*mark) bool { return false })
	}
	s.shards = nil
}
