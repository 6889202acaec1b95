package sketch

import "math/bits"

// A list holds hashes with the parts that they were seen in, exactly, while they
// are few. It is an open-addressing table of hashes whose lowest bits are not
// theirs but say in which parts, by part modulo Parts, the hash was seen; a slot
// without any is free. What is left of a hash, 58 bits, is enough to tell a few
// thousand apart.
//
// One list for all parts takes a sixth of the memory of a list for each, for most
// of what is seen in one part is seen in the next.
type list struct {
	slots []uint64
	used  int // slots, at most 3/4 of them
}

// inParts are the bits of a slot that say in which parts.
const inParts = 1<<Parts - 1

// minSlots is how many slots the smallest list has.
const minSlots = 8

// maxListed returns how many hashes a list holds before sketches of 2^precision
// registers take its place. It then has 2^precision/4 slots, and takes a third of
// what the sketches of six parts will.
func maxListed(precision uint8) int { return max(1<<precision/4, minSlots) / 4 * 3 }

// insert says that h was seen in the parts of set. It returns false, and does
// nothing, where that would make more than most hashes.
func (l *list) insert(h Hash, set uint64, most int) bool {
	if len(l.slots) > 0 {
		if s := l.slot(uint64(h)); *s != 0 {
			*s |= set
			return true
		}
	}
	if l.used >= most {
		return false
	}
	if 4*(l.used+1) > 3*len(l.slots) {
		l.rebuild(max(minSlots, 2*len(l.slots)), inParts)
	}
	*l.slot(uint64(h)) = uint64(h)&^inParts | set
	l.used++
	return true
}

// slot returns the slot of h, or the free one where it belongs.
func (l *list) slot(h uint64) *uint64 {
	mask := len(l.slots) - 1
	for p := int(h >> (64 - bits.Len(uint(mask)))); ; p++ {
		s := &l.slots[p&mask]
		if *s == 0 || (*s^h)&^inParts == 0 {
			return s
		}
	}
}

// rebuild makes a table of size slots of what was seen in the parts of keep.
func (l *list) rebuild(size int, keep uint64) {
	old := l.slots
	*l = list{slots: make([]uint64, size)}
	for _, x := range old {
		if x &= keep | ^uint64(inParts); x&inParts != 0 {
			*l.slot(x) = x
			l.used++
		}
	}
}

// forget lets go of the parts of set, and of the memory that is then free.
func (l *list) forget(set uint64) {
	kept := l.count(inParts &^ set)
	if kept == 0 {
		*l = list{}
		return
	}
	size := minSlots
	for 4*kept > 3*size {
		size *= 2
	}
	if kept < l.used || size < len(l.slots) {
		l.rebuild(size, inParts&^set)
		return
	}
	for i := range l.slots {
		l.slots[i] &^= set
	}
}

// count returns how many hashes were seen in one of the parts of set.
func (l *list) count(set uint64) int {
	n := 0
	for _, x := range l.slots {
		if x&set != 0 {
			n++
		}
	}
	return n
}
