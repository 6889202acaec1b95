package inventory

import (
	"hash/maphash"
	"math"
	"slices"
	"strings"
)

// A dictionary holds every label value of a tenant once, under a number, with a
// count of its uses: a value that nobody uses any more goes.
//
// Values lie one after the other in the texts of chunks, without a pointer for
// each, so that the garbage collector has nothing to look at. Tables find a value
// by a hash with a secret seed: the values come from outside, and whoever knew the
// hash could make all of them collide.
type dictionary struct {
	seed   maphash.Seed
	chunks []*chunk
	open   int     // chunk that newcomers go to, while it has room
	tables []table // by the highest bits of the hash; one, or tableCount
	count  int     // values
	gone   uint64  // values that went: as long as it stays, numbers mean the same
	size   int64
}

const (
	chunkBits = 9
	chunkSize = 1 << chunkBits // values; about 10 KiB of text

	// A dictionary that has grown has many tables, so that none takes long to grow:
	// that happens under the tenant's lock.
	tableCount = 256
	tableSplit = 4096 // values from which there are that many

	// Sizes of the types, for Bytes.
	chunkBytes, entryBytes, tableBytes = 80, 12, 32
)

// A chunk holds up to chunkSize values. A value's number is that of its chunk and
// its place in it.
type chunk struct {
	entries []entry
	text    strings.Builder // never grows by itself, so that it takes what is counted
	live    int             // entries in use
	dead    int             // bytes of text that no entry uses
	free    uint32          // first free entry + 1; 0 where there is none
}

// An entry is a value: text[off:off+len]. In a free one, off is the next free
// entry + 1.
type entry struct{ refs, off, len uint32 }

// A table finds values by hash, by open addressing with linear probing. A slot has
// 32 bits of the hash and the value's number + 1; 0 is an empty slot.
type table struct {
	slots []uint64
	count int
}

func (d *dictionary) init() { d.seed = maphash.MakeSeed() }

// text returns the value numbered id.
func (d *dictionary) text(id uint32) string {
	c := d.chunks[id>>chunkBits]
	e := &c.entries[id%chunkSize]
	return c.text.String()[e.off : e.off+e.len]
}

// retain counts one more use of id.
func (d *dictionary) retain(id uint32) { d.chunks[id>>chunkBits].entries[id%chunkSize].refs++ }

// internLike is intern, of a value that is likely to be the one numbered like.
func (d *dictionary) internLike(value string, like uint32) uint32 {
	if d.text(like) == value {
		d.retain(like)
		return like
	}
	return d.intern(value)
}

// intern returns the number of value, and counts one use more.
func (d *dictionary) intern(value string) uint32 {
	h := d.hash(value)
	if t := d.table(h); t != nil {
		if i, ok := d.find(t, h, value); ok {
			id := uint32(t.slots[i]) - 1
			d.retain(id)
			return id
		}
	}
	id := d.add(value)
	d.enter(h, id)
	return id
}

func (d *dictionary) hash(value string) uint32 {
	return uint32(maphash.String(d.seed, value) >> 32)
}

// release ends one use of id.
func (d *dictionary) release(id uint32) {
	c := d.chunks[id>>chunkBits]
	e := &c.entries[id%chunkSize]
	if e.refs--; e.refs > 0 {
		return
	}
	d.gone++
	value := d.text(id)
	h := d.hash(value)
	t := d.table(h)
	if i, ok := d.find(t, h, value); ok {
		t.remove(i)
		d.count--
		d.shrink(t)
	}
	c.dead += int(e.len)
	e.off, e.len = c.free, 0
	c.free = id%chunkSize + 1
	c.live--
	switch {
	case c.live == 0:
		d.size -= c.bytes()
		d.chunks[id>>chunkBits] = nil
	case c.dead > 1024 && c.dead > c.text.Len()/2:
		d.rewrite(c, 0)
	}
}

// add puts value into a chunk that has room.
func (d *dictionary) add(value string) uint32 {
	n := d.room()
	c := d.chunks[n]
	if c.text.Cap()-c.text.Len() < len(value) {
		d.rewrite(c, len(value)+(c.text.Len()-c.dead)/4+32)
	}
	e := entry{refs: 1, off: uint32(c.text.Len()), len: uint32(len(value))}
	c.text.WriteString(value)
	c.live++
	place := c.free - 1
	if c.free > 0 {
		c.free = c.entries[place].off
		c.entries[place] = e
	} else {
		if len(c.entries) == cap(c.entries) {
			d.size -= c.bytes()
			c.entries = regrow(c.entries, min(len(c.entries)*2+8, chunkSize))
			d.size += c.bytes()
		}
		place = uint32(len(c.entries))
		c.entries = append(c.entries, e)
		if len(c.entries) == chunkSize {
			d.rewrite(c, 0)
		}
	}
	return uint32(n)<<chunkBits | place
}

// room returns a chunk that has room for a value: the open one, else the next
// after it, else a new one.
func (d *dictionary) room() int {
	for i := range d.chunks {
		n := (d.open + i) % len(d.chunks)
		c := d.chunks[n]
		if c == nil {
			d.chunks[n] = &chunk{}
			d.size += d.chunks[n].bytes()
		} else if c.free == 0 && len(c.entries) == chunkSize || c.text.Len() > math.MaxUint32/2 {
			continue
		}
		d.open = n
		return n
	}
	d.size -= int64(cap(d.chunks)) * 8
	d.chunks = append(d.chunks, &chunk{})
	d.size += int64(cap(d.chunks))*8 + chunkBytes
	d.open = len(d.chunks) - 1
	return d.open
}

// rewrite writes c's text anew without what is dead, and with room for so many
// bytes more.
func (d *dictionary) rewrite(c *chunk, room int) {
	d.size -= c.bytes()
	old := c.text.String()
	c.text = strings.Builder{}
	c.text.Grow(len(old) - c.dead + room)
	for i := range c.entries {
		if e := &c.entries[i]; e.refs > 0 {
			value := old[e.off : e.off+e.len]
			e.off = uint32(c.text.Len())
			c.text.WriteString(value)
		}
	}
	c.dead = 0
	d.size += c.bytes()
}

func (c *chunk) bytes() int64 {
	return chunkBytes + int64(cap(c.entries))*entryBytes + int64(c.text.Cap())
}

// regrow returns s with another capacity, or a little more where the allocator
// would waste it otherwise.
func regrow[T any](s []T, capacity int) []T {
	grown := slices.Grow([]T(nil), capacity)
	return append(grown, s...)
}
