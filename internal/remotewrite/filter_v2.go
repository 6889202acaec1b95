package remotewrite

import (
	"encoding/binary"
	"slices"

	"github.com/headgate/headgate/internal/series"
)

// filterV2 is AppendFiltered of 2.0, where something is left out or changed.
// First it gives new references to all symbols in use, then it writes.
func (r *Request) filterV2(dst []byte, fates []Fate, changes []Change) []byte {
	r.remap = slices.Grow(r.remap[:0], len(r.symbols))[:len(r.symbols)]
	clear(r.remap)
	r.order = append(r.order[:0], 0)
	rest := changes
	for i, f := range fates {
		switch f {
		case Whole:
			r.use(&r.Entries[i], nil, false)
		case Changed:
			for ; len(rest) > 0 && rest[0].Entry == i; rest = rest[1:] {
				r.use(&r.Entries[i], rest[0].Labels, rest[0].Bare)
			}
		}
	}
	for _, old := range r.order {
		dst = appendSymbol(dst, r.symbol(old))
	}
	for _, s := range r.addedSymbols {
		dst = appendSymbol(dst, s)
	}
	next := 0
	body := r.Body
	for i := 0; i < len(body); {
		if next < len(fates) && i == int(r.Entries[next].Start) {
			e := &r.Entries[next]
			switch fates[next] {
			case Whole:
				dst = r.appendRemapped(dst, e)
			case Changed:
				for ; len(changes) > 0 && changes[0].Entry == next; changes = changes[1:] {
					dst = r.appendChangedV2(dst, e, &changes[0])
				}
			}
			i = int(e.End)
			next++
			continue
		}
		if _, end, ok := plainHeader(body, i, 0x22); ok {
			i = end
			continue
		}
		f, err := readField(body, i)
		if err != nil {
			break
		}
		if f.num != 4 {
			dst = append(dst, body[f.start:f.end]...)
		}
		i = f.end
	}
	clear(r.addedSymbols)
	r.addedSymbols = r.addedSymbols[:0]
	clear(r.added)
	return dst
}

func appendSymbol(dst []byte, s string) []byte {
	dst = append(dst, 0x22)
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// use gives references to the symbols of e, whose labels become ls unless that
// is nil, and whose exemplars are left out if bare.
func (r *Request) use(e *Entry, ls series.Labels, bare bool) {
	b, i := r.content(e)
	if ls != nil {
		own := r.entryRefs(e)
		for k := range ls {
			r.useString(own, ls[k].Name)
			r.useString(own, ls[k].Value)
		}
	} else if e.Flags&Scattered == 0 {
		r.useRefs(b[:e.labelsEnd], int(e.labels))
	}
	if e.Flags&Scattered == 0 {
		i = int(e.labelsEnd)
	}
	for i < len(b) {
		if next := stepItem(b, i); next != i {
			i = next
			continue
		}
		f, err := readField(b, i)
		if err != nil {
			break
		}
		switch f.num {
		case labelsField:
			if ls == nil {
				r.useField(b, f)
			}
		case exemplarFieldV2:
			for j := f.val; j < f.end && !bare; {
				x, err := readField(b[:f.end], j)
				if err != nil {
					break
				}
				if x.num == labelsField {
					r.useField(b, x)
				}
				j = x.end
			}
		case 5:
			for j := f.val; j < f.end; {
				if next, ref := plainRef(b[:f.end], j); next != j {
					r.useRef(ref)
					j = next
					continue
				}
				m, err := readField(b[:f.end], j)
				if err != nil {
					break
				}
				if m.num == 3 || m.num == 4 {
					r.useRef(uint32(m.n))
				}
				j = m.end
			}
		}
		i = f.end
	}
}

func (r *Request) useField(b []byte, f field) {
	if f.wire == wireVarint {
		r.useRef(uint32(f.n))
		return
	}
	r.useRefs(b[:f.end], f.val)
}

func (r *Request) useRefs(b []byte, i int) {
	for i < len(b) {
		ref := uint(b[i])
		i++
		if ref >= 0x80 {
			ref, i = longRef(b, i-1)
		}
		if r.remap[ref] == 0 {
			r.useRef(uint32(ref))
		}
	}
}

func (r *Request) useRef(ref uint32) {
	if ref != 0 && r.remap[ref] == 0 {
		r.remap[ref] = uint32(len(r.order))
		r.order = append(r.order, ref)
	}
}

// stepItem steps over a sample or histogram of less than 128 bytes, in which
// there are no references. It returns i where there is none.
func stepItem(b []byte, i int) int {
	if i+1 < len(b) && (b[i] == 0x12 || b[i] == 0x1a) && b[i+1] < 0x80 {
		return i + 2 + int(b[i+1])
	}
	return i
}

// useString gives a reference to s: that of the symbol behind one of the refs
// which has its text, else a new one.
func (r *Request) useString(refs []uint32, s string) {
	if s == "" {
		return
	}
	for _, ref := range refs {
		if r.symbol(ref) == s {
			r.useRef(ref)
			return
		}
	}
	if _, ok := r.added[s]; ok {
		return
	}
	if r.added == nil {
		r.added = map[string]uint32{}
	}
	r.added[s] = uint32(len(r.addedSymbols))
	r.addedSymbols = append(r.addedSymbols, s)
}

// stringRef returns the new reference that useString has given to s.
func (r *Request) stringRef(refs []uint32, s string) uint32 {
	if s == "" {
		return 0
	}
	for _, ref := range refs {
		if r.symbol(ref) == s {
			return r.remap[ref]
		}
	}
	return uint32(len(r.order)) + r.added[s]
}

// appendRemapped appends e with new references.
func (r *Request) appendRemapped(dst []byte, e *Entry) []byte {
	b, i := r.content(e)
	room := varintSize(uint64(len(b) - i))
	dst = append(dst, 0x2a)
	dst = append(dst, b[i-room:i]...)
	begin := len(dst)
	if e.Flags&Scattered == 0 && e.labelsEnd > e.labels {
		dst = r.appendRefsField(dst, b[e.labels:e.labelsEnd])
		i = int(e.labelsEnd)
	}
	for i < len(b) {
		if next := stepItem(b, i); next != i {
			dst = append(dst, b[i:next]...)
			i = next
			continue
		}
		f, err := readField(b, i)
		if err != nil {
			break
		}
		dst = r.appendField(dst, b, f)
		i = f.end
	}
	return closeMessage(dst, begin, room)
}

// appendChangedV2 appends e as c says.
func (r *Request) appendChangedV2(dst []byte, e *Entry, c *Change) []byte {
	b, from := r.content(e)
	room := varintSize(uint64(len(b) - from))
	dst = append(dst, 0x2a)
	dst = append(dst, b[from-room:from]...)
	begin := len(dst)
	if c.Labels != nil {
		dst = r.appendLabelRefs(dst, r.entryRefs(e), c.Labels)
	} else {
		for i := from; i < len(b); {
			f, err := readField(b, i)
			if err != nil {
				break
			}
			if f.num == labelsField {
				dst = r.appendField(dst, b, f)
			}
			i = f.end
		}
	}
	pending := true // the items are still to be written
	if e.Samples+e.Histograms == 0 {
		dst, pending = r.appendItems(dst, c.Items), false
	}
	for i := from; i < len(b); {
		f, err := readField(b, i)
		if err != nil {
			break
		}
		switch f.num {
		case labelsField:
		case exemplarFieldV2:
			if !c.Bare {
				dst = r.appendField(dst, b, f)
			}
		case sampleField, 3:
			if pending {
				dst, pending = r.appendItems(dst, c.Items), false
			}
		default:
			dst = r.appendField(dst, b, f)
		}
		i = f.end
	}
	return closeMessage(dst, begin, room)
}

// appendLabelRefs appends one packed field of the references of ls.
func (r *Request) appendLabelRefs(dst []byte, own []uint32, ls series.Labels) []byte {
	if len(ls) == 0 {
		return dst
	}
	dst = append(dst, 0x0a, 0)
	begin := len(dst)
	for k := range ls {
		dst = binary.AppendUvarint(dst, uint64(r.stringRef(own, ls[k].Name)))
		dst = binary.AppendUvarint(dst, uint64(r.stringRef(own, ls[k].Value)))
	}
	return closeMessage(dst, begin, 1)
}

// appendRefsField appends one packed field with the new references of refs.
func (r *Request) appendRefsField(dst, refs []byte) []byte {
	dst = append(dst, 0x0a, 0)
	begin := len(dst)
	// Each reference takes a byte of refs or more, and five of out or less.
	dst = slices.Grow(dst, binary.MaxVarintLen32*len(refs))
	out, n := dst[begin:cap(dst)], 0
	for i := 0; i < len(refs); {
		old := uint(refs[i])
		i++
		if old >= 0x80 {
			old, i = longRef(refs, i-1)
		}
		ref := r.remap[old]
		switch {
		case ref < 0x80:
			out[n] = byte(ref)
			n++
		case ref < 1<<14:
			out[n], out[n+1] = byte(ref)|0x80, byte(ref>>7)
			n += 2
		default:
			n += binary.PutUvarint(out[n:], uint64(ref))
		}
	}
	return closeMessage(dst[:begin+n], begin, 1)
}

// appendField appends a field of a series, with new references where it has
// any.
func (r *Request) appendField(dst, b []byte, f field) []byte {
	switch f.num {
	case labelsField:
		return r.appendAnyRefs(dst, b, f)
	case 4, 5:
		dst = append(dst, byte(f.num<<3|wireBytes), 0)
		begin := len(dst)
		for i := f.val; i < f.end; {
			if next, ref := plainRef(b[:f.end], i); f.num == 5 && next != i {
				if b[i] == 0x08 {
					dst = append(dst, b[i:next]...)
				} else {
					dst = append(dst, b[i])
					dst = binary.AppendUvarint(dst, uint64(r.remap[ref]))
				}
				i = next
				continue
			}
			x, err := readField(b[:f.end], i)
			if err != nil {
				break
			}
			switch {
			case f.num == 4 && x.num == labelsField:
				dst = r.appendAnyRefs(dst, b, x)
			case f.num == 5 && (x.num == 3 || x.num == 4):
				dst = append(dst, byte(x.num<<3|wireVarint))
				dst = binary.AppendUvarint(dst, uint64(r.remap[uint32(x.n)]))
			default:
				dst = append(dst, b[x.start:x.end]...)
			}
			i = x.end
		}
		return closeMessage(dst, begin, 1)
	}
	return append(dst, b[f.start:f.end]...)
}

// appendAnyRefs appends a field of references as it is written, packed or not.
func (r *Request) appendAnyRefs(dst, b []byte, f field) []byte {
	if f.wire == wireVarint {
		dst = append(dst, 0x08)
		return binary.AppendUvarint(dst, uint64(r.remap[uint32(f.n)]))
	}
	return r.appendRefsField(dst, b[f.val:f.end])
}
