package sketch

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The forms in which windows and tops are written. Numbers are varints, but for
// hashes and the length of a sketch, which are little-endian.
//
//	window  format Version precision flags [newest mask (length sketch)… hashes (hash)…]
//	top     format Version size newest summary summary
//	summary floor values (count own other length value)…
//
// What is in brackets follows in a window that has begun. Bit i of mask says that
// there is a sketch of the part newest-i. A hash has its parts in its lowest bits
// likewise: they do not depend on where a process keeps them.
const (
	windowFormat = 1
	topFormat    = 1
)

// Flags of a window.
const (
	isSparse = 1 << iota
	isListing
	hasBegun
)

// errDamaged is for what cannot have been written by this package.
var errDamaged = errors.New("it is damaged")

// AppendBinary appends w to b, as [ReadWindow] reads it. Two windows that have
// seen the same may be written differently.
func (w *Window) AppendBinary(b []byte) []byte {
	flags := byte(0)
	for i, set := range [...]bool{w.sparse, w.listing, w.begun} {
		if set {
			flags |= 1 << i
		}
	}
	b = append(b, windowFormat, Version, w.precision, flags)
	if !w.begun {
		return b
	}
	mask := byte(0)
	for i := range int64(Parts) {
		if w.parts[place(w.newest-i)] != nil {
			mask |= 1 << i
		}
	}
	b = append(binary.AppendVarint(b, w.newest), mask)
	for i := range int64(Parts) {
		s := w.parts[place(w.newest-i)]
		if s == nil {
			continue
		}
		b = append(b, 0, 0, 0, 0)
		from := len(b)
		var err error
		if b, err = s.AppendBinary(b); err != nil {
			panic(err) // only where the precision is wrong
		}
		binary.LittleEndian.PutUint32(b[from-4:], uint32(len(b)-from))
	}
	b = binary.AppendUvarint(b, uint64(w.list.used))
	for _, x := range w.list.slots {
		if x != 0 {
			b = binary.LittleEndian.AppendUint64(b, x&^inParts|w.relative(x))
		}
	}
	return b
}

// relative turns places into parts before the newest, bit i being newest-i.
func (w *Window) relative(set uint64) (r uint64) {
	for i := range int64(Parts) {
		r |= set >> place(w.newest-i) & 1 << i
	}
	return r
}

// absolute is the inverse of relative.
func (w *Window) absolute(r uint64) (set uint64) {
	for i := range int64(Parts) {
		set |= r >> i & 1 << place(w.newest-i)
	}
	return set
}

// ReadWindow reads what [Window.AppendBinary] wrote and returns what follows it.
// It takes no more memory than a small multiple of what it has read.
func ReadWindow(b []byte) (w *Window, rest []byte, err error) {
	r := reader{b: b}
	r.expect(windowFormat)
	r.expect(Version)
	precision, flags := r.byte(), r.byte()
	if r.err == nil && (precision < minPrecision || precision > maxPrecision || flags >= hasBegun<<1 ||
		flags&(isSparse|isListing) == isListing || flags&(hasBegun|isSparse|isListing) == isSparse) {
		r.fail(errDamaged)
	}
	if r.err == nil {
		w = NewWindow(precision, flags&isSparse != 0)
		w.listing, w.begun = flags&isListing != 0, flags&hasBegun != 0
	}
	if r.err == nil && w.begun {
		r.window(w)
	}
	if r.err != nil {
		return nil, nil, fmt.Errorf("read window: %w", r.err)
	}
	return w, r.b, nil
}

// AppendBinary appends t to b, as [ReadTop] reads it.
func (t *Top) AppendBinary(b []byte) []byte {
	b = append(b, topFormat, Version)
	b = binary.AppendUvarint(b, uint64(t.size))
	b = binary.AppendVarint(b, t.newest)
	return t.last.appendBinary(t.current.appendBinary(b))
}

func (s *summary) appendBinary(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(s.floor))
	b = binary.AppendUvarint(b, uint64(len(s.slots)))
	for i := range s.slots {
		x := &s.slots[i]
		for _, n := range [...]uint32{x.count, x.own, x.other, uint32(len(x.value))} {
			b = binary.AppendUvarint(b, uint64(n))
		}
		b = append(b, x.value...)
	}
	return b
}

// ReadTop reads what [Top.AppendBinary] wrote and returns what follows it. It
// takes no more memory than a small multiple of what it has read.
func ReadTop(b []byte) (t *Top, rest []byte, err error) {
	r := reader{b: b}
	r.expect(topFormat)
	r.expect(Version)
	size := r.uvarint(maxTop)
	t = NewTop(int(size))
	t.newest = r.varint()
	if r.err == nil && size == 0 {
		r.fail(errDamaged)
	}
	r.summary(&t.current, t.size)
	r.summary(&t.last, t.size)
	if r.err != nil {
		return nil, nil, fmt.Errorf("read top values: %w", r.err)
	}
	return t, r.b, nil
}
