package inventory

const minSlots = 16

// table returns the table of hash h, or nil while there is none.
func (d *dictionary) table(h uint32) *table {
	switch len(d.tables) {
	case 0:
		return nil
	case 1:
		return &d.tables[0]
	}
	return &d.tables[h>>24]
}

// find returns the slot of t that has value, or ok is false.
func (d *dictionary) find(t *table, h uint32, value string) (slot int, ok bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	mask := len(t.slots) - 1
	for i := int(h) & mask; ; i = (i + 1) & mask {
		x := t.slots[i]
		if x == 0 {
			return i, false
		}
		if uint32(x>>32) == h && d.text(uint32(x)-1) == value {
			return i, true
		}
	}
}

// enter makes the value numbered id, whose hash is h, to be found.
func (d *dictionary) enter(h, id uint32) {
	if len(d.tables) == 0 {
		d.tables = make([]table, 1)
		d.size += tableBytes
	}
	if d.count++; d.count == tableSplit && len(d.tables) == 1 {
		d.split()
	}
	t := d.table(h)
	if (t.count+1)*8 > len(t.slots)*7 {
		d.resize(t, max(2*len(t.slots), minSlots))
	}
	t.insert(uint64(h)<<32 | uint64(id+1))
}

// split makes many tables out of the one.
func (d *dictionary) split() {
	one := d.tables[0]
	d.tables = make([]table, tableCount)
	d.size += tableBytes*(tableCount-1) - 8*int64(len(one.slots))
	for _, x := range one.slots {
		if x == 0 {
			continue
		}
		t := d.table(uint32(x >> 32))
		if (t.count+1)*8 > len(t.slots)*7 {
			d.resize(t, max(2*len(t.slots), minSlots))
		}
		t.insert(x)
	}
}

// resize gives t so many slots, a power of two.
func (d *dictionary) resize(t *table, slots int) {
	d.size += 8 * int64(slots-len(t.slots))
	old := t.slots
	t.slots, t.count = make([]uint64, slots), 0
	for _, x := range old {
		if x != 0 {
			t.insert(x)
		}
	}
}

// shrink gives memory back of a table that is nearly empty.
func (d *dictionary) shrink(t *table) {
	if len(t.slots) > minSlots && t.count*8 < len(t.slots) {
		d.resize(t, len(t.slots)/2)
	}
}

func (t *table) insert(x uint64) {
	mask := len(t.slots) - 1
	i := int(uint32(x>>32)) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = x
	t.count++
}

// remove empties slot i, and moves up what stands behind it and would not be found
// any more (Knuth, The Art of Computer Programming 3, 6.4, algorithm R).
func (t *table) remove(i int) {
	mask := len(t.slots) - 1
	for j := i; ; {
		j = (j + 1) & mask
		x := t.slots[j]
		if x == 0 {
			break
		}
		home := int(uint32(x>>32)) & mask
		if (j-home)&mask >= (j-i)&mask {
			t.slots[i] = x
			i = j
		}
	}
	t.slots[i] = 0
	t.count--
}
