package remotewrite

import (
	"encoding/binary"
	"slices"

	"github.com/headgate/headgate/internal/series"
)

// LabelBytes returns e's identity: its labels, in wire order, as 1.0 writes
// them, each 0x0a, length, 0x0a, length, name, 0x12, length, value, with
// minimal lengths. Equal labels in equal order have equal bytes, whichever
// version they came by.
//
// The bytes are a view of Body, or scratch that is valid until the next call.
func (r *Request) LabelBytes(e *Entry) []byte {
	if e.Flags&Scattered == 0 {
		if r.Version != V2 {
			return r.Body[e.labels:e.labelsEnd]
		}
		if !r.lengthened {
			return r.joinSymbols(r.Body[e.labels:e.labelsEnd])
		}
	}
	r.scratch = r.scratch[:0]
	if r.Version == V2 {
		refs := r.entryRefs(e)
		for i := 0; i+1 < len(refs); i += 2 {
			r.scratch = appendLabel(r.scratch, r.symbol(refs[i]), r.symbol(refs[i+1]))
		}
		return r.scratch
	}
	b, i := r.content(e)
	for i < len(b) {
		f, err := readField(b, i)
		if err != nil {
			break
		}
		if f.num == labelsField {
			name, value, _ := readLabel(b[:f.end], f.val)
			r.scratch = appendLabel(r.scratch, view(name), view(value))
		}
		i = f.end
	}
	return r.scratch
}

// joinSymbols writes the labels behind packed references to scratch.
func (r *Request) joinSymbols(refs []byte) []byte {
	const room = 128 + 2*chunk // a short label, and what the last chunks write beyond
	body, symbols := r.Body, r.symbols
	inside := uint32(max(0, len(body)-chunk)) // chunks beginning up to here lie in body
	dst := r.scratch[:cap(r.scratch)]
	n := 0
	for i := 0; i < len(refs); {
		// Names are used often and have short references, values longer ones.
		first := uint(refs[i])
		i++
		if first >= 0x80 {
			first, i = longRef(refs, i-1)
		}
		second := uint(refs[i])
		i++
		if second >= 0x80 {
			if i < len(refs) && refs[i] < 0x80 {
				second = second&0x7f | uint(refs[i])<<7
				i++
			} else {
				second, i = longRef(refs, i-1)
			}
		}
		name, value := symbols[first], symbols[second]
		size := int(name.len) + int(value.len) + 4
		if size >= 0x80 || len(dst)-n < room || max(name.off, value.off) > inside {
			dst = appendLabel(dst[:n], view(body[name.off:name.off+name.len]), view(body[value.off:value.off+value.len]))
			n = len(dst)
			dst = slices.Grow(dst, room)
			dst = dst[:cap(dst)]
			continue
		}
		// The byte before a short symbol is its length: one copy takes both.
		dst[n], dst[n+1], dst[n+2] = 0x0a, byte(size), 0x0a
		n += 3
		copyChunk(dst, n, body, int(name.off)-1)
		if name.len >= chunk {
			copy(dst[n+chunk:], body[name.off-1+chunk:name.off+name.len])
		}
		n += 1 + int(name.len)
		dst[n] = 0x12
		n++
		copyChunk(dst, n, body, int(value.off)-1)
		if value.len >= chunk {
			copy(dst[n+chunk:], body[value.off-1+chunk:value.off+value.len])
		}
		n += 1 + int(value.len)
	}
	r.scratch = dst[:n]
	return r.scratch
}

// longRef reads the reference at i of refs, of any length.
func longRef(refs []byte, i int) (ref uint, next int) {
	if i+1 < len(refs) && refs[i+1] < 0x80 {
		return uint(refs[i]&0x7f) | uint(refs[i+1])<<7, i + 2
	}
	v, next := longVarint(refs, i)
	return uint(uint32(v)), next
}

// AppendLabels appends e's labels, in wire order, as views into Body.
func (r *Request) AppendLabels(dst series.Labels, e *Entry) series.Labels {
	if r.Version == V2 {
		refs := r.entryRefs(e)
		for i := 0; i+1 < len(refs); i += 2 {
			dst = append(dst, series.Label{Name: r.symbol(refs[i]), Value: r.symbol(refs[i+1])})
		}
		return dst
	}
	b, i := r.content(e)
	plain := e.Flags&Scattered == 0
	if plain { // plainV1 has seen all of them
		b, i = r.Body[:e.labelsEnd], int(e.labels)
	}
	for i < len(b) {
		if plain && b[i+1] < 0x80 {
			next := i + 2 + int(b[i+1])
			value := i + 6 + int(b[i+3])
			dst = append(dst, series.Label{Name: view(b[i+4 : value-2]), Value: view(b[value:next])})
			i = next
			continue
		}
		f, err := readField(b, i)
		if err != nil {
			break
		}
		if f.num == labelsField {
			name, value, _ := readLabel(b[:f.end], f.val)
			dst = append(dst, series.Label{Name: view(name), Value: view(value)})
		}
		i = f.end
	}
	return dst
}

// AppendIdentity appends the bytes that [Request.LabelBytes] returns for
// labels ls.
func AppendIdentity(dst []byte, ls series.Labels) []byte {
	for i := range ls {
		dst = appendLabel(dst, ls[i].Name, ls[i].Value)
	}
	return dst
}

func appendLabel(dst []byte, name, value string) []byte {
	n, v := uint64(len(name)), uint64(len(value))
	dst = append(dst, 0x0a)
	dst = binary.AppendUvarint(dst, uint64(2+varintSize(n)+varintSize(v))+n+v)
	dst = append(dst, 0x0a)
	dst = binary.AppendUvarint(dst, n)
	dst = append(dst, name...)
	dst = append(dst, 0x12)
	dst = binary.AppendUvarint(dst, v)
	return append(dst, value...)
}

// content returns Body up to the end of e, and where e's message begins.
func (r *Request) content(e *Entry) (b []byte, from int) {
	b = r.Body[:e.End]
	f, err := readField(b, int(e.Start))
	if err != nil {
		return b, len(b)
	}
	return b, f.val
}

// symbol returns the string that ref names.
func (r *Request) symbol(ref uint32) string {
	s := r.symbols[ref]
	return view(r.Body[s.off : s.off+s.len])
}

// entryRefs returns e's references to names and values, in scratch that is
// valid until the next call.
func (r *Request) entryRefs(e *Entry) []uint32 {
	refs := r.refScratch[:0]
	if e.Flags&Scattered == 0 {
		refs = appendRefs(refs, r.Body[:e.labelsEnd], int(e.labels))
		r.refScratch = refs
		return refs
	}
	b, i := r.content(e)
	for i < len(b) {
		f, err := readField(b, i)
		if err != nil {
			break
		}
		if f.num == labelsField {
			refs = appendFieldRefs(refs, b, f)
		}
		i = f.end
	}
	r.refScratch = refs
	return refs
}

// appendFieldRefs appends the references of one field, packed or not.
func appendFieldRefs(dst []uint32, b []byte, f field) []uint32 {
	if f.wire == wireVarint {
		return append(dst, uint32(f.n))
	}
	return appendRefs(dst, b[:f.end], f.val)
}

// appendRefs appends the packed references from i to the end of b.
func appendRefs(dst []uint32, b []byte, i int) []uint32 {
	for i < len(b) {
		n, next := varint(b, i)
		if next < 0 {
			break
		}
		dst = append(dst, uint32(n))
		i = next
	}
	return dst
}
