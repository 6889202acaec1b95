package inventory

import (
	"iter"

	"github.com/headgate/headgate/profiler/sketch"
)

// A row is one series. The numbers of its values lie in its block from at on, as
// many as its shape has names; a family that is not the series itself follows them.
type row struct {
	sum       uint64 // sketch.Sum: says which series it is, and gives its hash
	shape     uint32 // the shape's number, and inFamily
	first     uint32 // part of its first sighting, the low bits
	at        uint16
	verdict   uint16
	interval  interval
	seen      stamp  // the part in which it was seen last
	forwarded stamp  // the part in which it was forwarded last
	value     uint32 // digest of the latest, where looks is not 0
	looks     looks
}

// inFamily is set in the shape of a row that shares its family with others.
const inFamily = 1 << 31

func (r *row) hash() sketch.Hash { return sketch.Final(r.sum) }

// A block is a piece of a metric's rows. Metrics grow by blocks, so that no row is
// ever copied because others come.
type block struct {
	rows []row
	ids  []uint32
}

const (
	blockBits = 9
	blockSize = 1 << blockBits // rows
	maxOffset = 1<<16 - 1      // of a row's values in a block

	// maxBlocks is how many blocks a metric can have: its index has numberBits for
	// the number of a row.
	maxBlocks = 1<<(numberBits-blockBits) - 1

	rowBytes, blockBytes = 32, 48 // sizes of the types, for Bytes
)

// family returns the hash of the family of r, a row of b.
func (v *Inventory) family(b *block, r *row) sketch.Hash {
	if r.shape&inFamily == 0 {
		return r.hash()
	}
	at := int(r.at) + len(v.shapeOf(r).names)
	return sketch.Hash(b.ids[at])<<32 | sketch.Hash(b.ids[at+1])
}

func (v *Inventory) shapeOf(r *row) *shape { return v.shapes.list[r.shape&^inFamily] }

// all iterates over all rows, in the window or not.
func (m *Metric) all() iter.Seq2[*block, *row] {
	return func(yield func(*block, *row) bool) {
		for i := range m.blocks {
			b := &m.blocks[i]
			for j := range b.rows {
				if !yield(b, &b.rows[j]) {
					return
				}
			}
		}
	}
}

// active iterates over the rows seen in the window that ends with part.
func (m *Metric) active(part int64) iter.Seq2[*block, *row] {
	return func(yield func(*block, *row) bool) {
		oldest := max(part, m.newest) - sketch.Parts + 1
		for b, r := range m.all() {
			if r.seen.since(oldest, m.newest) && !yield(b, r) {
				return
			}
		}
	}
}

// A stamp is a part, modulo 128, or 0: long ago, or never. It is read against the
// newest part of its metric, and a sweep makes it 0 before it could be mistaken.
type stamp uint8

const (
	stamped = 0x80

	// sweepAfter is how many parts may pass between sweeps. Stamps are then at most
	// sweepAfter + Parts old, which is less than 128.
	sweepAfter = 64
)

func stampOf(part int64) stamp { return stamped | stamp(part)&(stamped-1) }

// part returns the part of s, which is not 0.
func (s stamp) part(newest int64) int64 {
	return newest - int64((stamp(newest)-s)&(stamped-1))
}

// since reports whether s is oldest or later.
func (s stamp) since(oldest, newest int64) bool {
	return s != 0 && s.part(newest) >= oldest
}

// An interval is a time between samples in milliseconds: three digits at least, in 13
// bits, and a power of ten in 3. What people choose is exact, the rest less by up to
// 1/819.
type interval uint16

func intervalOf(ms uint32) interval {
	exponent := interval(0)
	for ; ms >= 1<<13; ms /= 10 {
		exponent++
	}
	return interval(ms)<<3 | exponent
}

func (i interval) known() bool { return i>>3 != 0 }

func (i interval) ms() uint32 { return uint32(i>>3) * powers[i&7] }

var powers = [8]uint32{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7}

// perSecond returns how many samples come in a second, or 0 where that is unknown.
func (i interval) perSecond() float64 {
	if !i.known() {
		return 0
	}
	return 1000 / float64(i.ms())
}
