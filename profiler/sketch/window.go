package sketch

import (
	"fmt"
	"slices"

	"github.com/axiomhq/hyperloglog"
)

// Precisions that a sketch can have.
const (
	minPrecision = 4
	maxPrecision = 18
)

// A Window counts the distinct hashes that were seen in the last [Parts] parts.
// While they are few it lists them, and counts exactly; then each part has a
// sketch of its own, made when first needed, and the count is that of their union.
// While a part is under way, those before it still hold what has not been inserted
// again, so a constant population counts constant.
//
// A Window is not safe for concurrent use. Union, Estimate, Exact, Clone, Bytes
// and AppendBinary only read: they may run beside each other.
type Window struct {
	precision uint8
	sparse    bool // few hashes may be listed
	listing   bool // parts that begin are listed
	begun     bool // newest means something
	inserts   int  // into the newest part since it became the newest
	newest    int64
	current   *hyperloglog.Sketch        // of the newest part, where it has one
	parts     [Parts]*hyperloglog.Sketch // by part modulo Parts; nil: listed or not seen
	list      list
}

// NewWindow returns an empty Window of sketches with 2^precision registers, of a
// byte each; precision is from 4 to 18.
//
// A sparse window lists its first hashes, 3/16 of 2^precision over all parts (3072
// at precision 14), and lists again when it has become small; while it is large it
// costs the same as one that is not. The latter never lists and so is never exact:
// it is for what is known to be large and to stay so.
func NewWindow(precision uint8, sparse bool) *Window {
	if precision < minPrecision || precision > maxPrecision {
		panic(fmt.Sprintf("sketch: precision %d is not from %d to %d", precision, minPrecision, maxPrecision))
	}
	return &Window{precision: precision, sparse: sparse, listing: sparse}
}

// Precision returns the binary logarithm of the number of registers.
func (w *Window) Precision() uint8 { return w.precision }

// Insert counts h as seen in part. A part beyond the newest turns the window on;
// what is older than the window is ignored.
func (w *Window) Insert(part int64, h Hash) {
	if part != w.newest || !w.begun {
		w.insertElsewhere(part, h)
		return
	}
	w.inserts++
	if w.current != nil {
		w.current.InsertHash(uint64(h))
		return
	}
	w.insertListed(part, h)
}

// insertElsewhere inserts into another part than the newest.
func (w *Window) insertElsewhere(part int64, h Hash) {
	switch {
	case !w.begun || part > w.newest:
		w.turn(part)
		w.Insert(part, h)
	case !within(part, w.newest):
	case w.parts[place(part)] != nil:
		w.parts[place(part)].InsertHash(uint64(h))
	default:
		w.insertListed(part, h)
	}
}

// insertListed inserts into a part that has no sketch.
func (w *Window) insertListed(part int64, h Hash) {
	if w.listing && w.list.insert(h, 1<<place(part), maxListed(w.precision)) {
		return
	}
	w.unlist()
	w.sketchOf(part).InsertHash(uint64(h))
}

// turn makes part the newest and lets go of the parts that are then outside the
// window. What is a sketch is used again for part: turning makes no garbage.
func (w *Window) turn(part int64) {
	gone := uint64(0)
	reused := w.parts[place(part)]
	if w.begun {
		for i := range min(uint64(part)-uint64(w.newest), Parts) {
			p := place(part - int64(i))
			w.parts[p] = nil
			gone |= 1 << p
		}
	}
	if len(w.list.slots) > 0 {
		w.list.forget(gone)
	}
	// A part into which little was inserted had few hashes.
	w.listing = w.listing || w.sparse && w.inserts < maxListed(w.precision)/2
	w.begun, w.newest, w.current, w.inserts = true, part, nil, 0
	if !w.listing {
		if reused != nil {
			reused.Reset()
			w.parts[place(part)] = reused
		}
		w.current = w.sketchOf(part)
	}
}

// unlist makes sketches of what is listed.
func (w *Window) unlist() {
	l := w.list
	w.list, w.listing = list{}, false
	for _, x := range l.slots {
		for p := range Parts {
			if x>>p&1 == 1 {
				w.sketchAt(p).InsertHash(x &^ inParts)
			}
		}
	}
	if w.begun {
		w.current = w.sketchOf(w.newest)
	}
}

// sketchOf returns the sketch of a part of the window, which may be a new one.
func (w *Window) sketchOf(part int64) *hyperloglog.Sketch { return w.sketchAt(place(part)) }

func (w *Window) sketchAt(place int) *hyperloglog.Sketch {
	if w.parts[place] == nil {
		w.parts[place] = w.empty(false)
	}
	return w.parts[place]
}

// empty returns a sketch of w's precision. The error cannot be: NewWindow has
// looked at the precision.
func (w *Window) empty(sparse bool) *hyperloglog.Sketch {
	s, err := hyperloglog.NewSketch(w.precision, sparse)
	if err != nil {
		panic(err)
	}
	return s
}

// maxSparse is up to how many listed hashes a union is a sparse sketch, which
// counts exactly, but takes 100 ns to insert one near that number.
const maxSparse = 1000

// Union returns a sketch of what was seen in the Parts parts up to part. It is a
// new one, of the caller: a window need only be locked for the union, which takes
// at most a tenth of a millisecond, and not for the estimate.
func (w *Window) Union(part int64) *hyperloglog.Sketch {
	var u *hyperloglog.Sketch
	set := w.places(part)
	for p, s := range w.parts {
		switch {
		case s == nil || set>>p&1 == 0:
		case u == nil:
			u = s.Clone()
		default:
			mustMerge(u, s)
		}
	}
	if u == nil {
		u = w.empty(w.sparse && w.list.used <= maxSparse)
	}
	for _, x := range w.list.slots {
		if x&set != 0 {
			u.InsertHash(x &^ inParts)
		}
	}
	return u
}

// Exact returns how many distinct hashes were seen in the Parts parts up to part
// where all of them are listed: then it costs next to nothing.
func (w *Window) Exact(part int64) (n int, ok bool) {
	set := w.places(part)
	for p, s := range w.parts {
		if s != nil && set>>p&1 == 1 {
			return 0, false
		}
	}
	return w.list.count(set), true
}

// Estimate returns how many distinct hashes were seen in the Parts parts up to
// part.
func (w *Window) Estimate(part int64) uint64 {
	if n, ok := w.Exact(part); ok {
		return uint64(n)
	}
	return Estimate(w.Union(part))
}

// places returns the set of the places of the Parts parts up to part.
func (w *Window) places(part int64) uint64 {
	set := uint64(0)
	for i := range int64(Parts) {
		if p := w.newest - i; w.begun && p <= part && within(p, part) {
			set |= 1 << place(p)
		}
	}
	return set
}

// Clone returns a copy that shares no memory with w.
func (w *Window) Clone() *Window {
	c := *w
	c.list.slots = slices.Clone(w.list.slots)
	for p, s := range w.parts {
		if s != nil {
			c.parts[p] = s.Clone()
		}
	}
	if w.current != nil {
		c.current = c.parts[place(c.newest)]
	}
	return &c
}

// Merge counts in w what o has seen, in the parts in which it did: a hash that
// both have seen counts once. It leaves o as it is, and w too where precisions
// differ.
func (w *Window) Merge(o *Window) error {
	if w.precision != o.precision {
		return fmt.Errorf("merge sketches: precision is %d here and %d there", w.precision, o.precision)
	}
	if w == o || !o.begun {
		return nil
	}
	if !w.begun || o.newest > w.newest {
		w.turn(o.newest)
	}
	set := uint64(0) // the places of parts that both windows have
	for i := range int64(Parts) {
		if p := o.newest - i; p <= w.newest && within(p, w.newest) {
			set |= 1 << place(p)
		}
	}
	for p, s := range o.parts {
		if s == nil || set>>p&1 == 0 {
			continue
		}
		if w.listing {
			w.unlist()
		}
		mustMerge(w.sketchAt(p), s)
	}
	for _, x := range o.list.slots {
		w.mergeListed(x&^inParts, x&set)
	}
	return nil
}

// mergeListed inserts h into the parts at the places of set.
func (w *Window) mergeListed(h, set uint64) {
	if set == 0 || w.listing && w.list.insert(Hash(h), set, maxListed(w.precision)) {
		return
	}
	if w.listing {
		w.unlist()
	}
	for p := range Parts {
		if set>>p&1 == 1 {
			w.sketchAt(p).InsertHash(h)
		}
	}
}

// mustMerge merges from, which it leaves as it is, into a sketch of the same
// precision: there is no other error.
func mustMerge(into, from *hyperloglog.Sketch) {
	if err := into.Merge(from); err != nil {
		panic(err)
	}
}

// within reports whether part, which is not after newest, is in the window that
// ends with newest. Unsigned, so that parts far apart do not overflow.
func within(part, newest int64) bool { return uint64(newest)-uint64(part) < Parts }

// place returns where a part is kept.
func place(part int64) int {
	if part %= Parts; part < 0 {
		part += Parts
	}
	return int(part)
}

// Bytes returns how much heap w takes.
func (w *Window) Bytes() int {
	const self = 112
	n := self + 8*len(w.list.slots)
	for _, s := range w.parts {
		if s != nil {
			n += 64 + 1<<w.precision // the sketch, and its registers
		}
	}
	return n
}
