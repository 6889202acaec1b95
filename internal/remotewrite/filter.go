package remotewrite

import (
	"encoding/binary"

	"github.com/headgate/headgate/internal/series"
)

// A Fate says what becomes of an entry.
type Fate uint8

// The fates.
const (
	Whole   Fate = iota // copied verbatim
	Gone                // left out
	Changed             // rewritten as its Change says
)

// A Change says how an entry is written anew.
type Change struct {
	Entry int // index into Entries

	// Labels are written in this order; nil leaves them as they are.
	Labels series.Labels

	// Items are what the entry's samples and histograms become, in this order;
	// none if there are none. They may come from other entries. They stand
	// where the entry's own first item stood, or else after the labels.
	Items []Item

	// Bare leaves the entry's exemplars out.
	Bare bool
}

// AppendFiltered appends the body of what is kept: fates has one fate for each
// entry, changes one change or more for each that is Changed, sorted by Entry.
// Several changes of one entry write it as many times, in their order.
//
// All else stays as and where it is: exemplars and metadata of changed entries,
// top-level metadata and fields that are not known. Of 2.0 the symbols table is
// rebuilt from what is still used, in the order of first use, and stands first.
// If all entries are Whole the output is Body. dst must not overlap Body.
func (r *Request) AppendFiltered(dst []byte, fates []Fate, changes []Change) []byte {
	whole := true
	for _, f := range fates {
		if f != Whole {
			whole = false
			break
		}
	}
	if whole {
		return append(dst, r.Body...)
	}
	if r.Version == V2 {
		return r.filterV2(dst, fates, changes)
	}
	from := 0
	for i, f := range fates {
		if f == Whole {
			continue
		}
		e := &r.Entries[i]
		dst = append(dst, r.Body[from:e.Start]...)
		from = int(e.End)
		for f == Changed && len(changes) > 0 && changes[0].Entry == i {
			dst = r.appendChangedV1(dst, e, &changes[0])
			changes = changes[1:]
		}
	}
	return append(dst, r.Body[from:]...)
}

// appendChangedV1 appends e as c says.
func (r *Request) appendChangedV1(dst []byte, e *Entry, c *Change) []byte {
	b, from := r.content(e)
	room := varintSize(uint64(len(b) - from))
	dst = append(dst, 0x0a)
	dst = append(dst, b[from-room:from]...)
	begin := len(dst)
	switch {
	case c.Labels != nil:
		dst = AppendIdentity(dst, c.Labels)
	case e.Flags&Scattered == 0:
		dst = append(dst, b[e.labels:e.labelsEnd]...)
	default:
		for i := from; i < len(b); {
			f, err := readField(b, i)
			if err != nil {
				break
			}
			if f.num == labelsField {
				dst = append(dst, b[f.start:f.end]...)
			}
			i = f.end
		}
	}
	if e.Flags&Scattered == 0 {
		from = int(e.labelsEnd)
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
		case exemplarFieldV1:
			if !c.Bare {
				dst = append(dst, b[f.start:f.end]...)
			}
		case sampleField, 4:
			if pending {
				dst, pending = r.appendItems(dst, c.Items), false
			}
		default:
			dst = append(dst, b[f.start:f.end]...)
		}
		i = f.end
	}
	return closeMessage(dst, begin, room)
}

// appendItems appends the fields of items as their actions say.
func (r *Request) appendItems(dst []byte, items []Item) []byte {
	for i := range items {
		it := &items[i]
		switch {
		case it.Action == Remove:
		case it.Action == Mark && it.Histogram:
			dst = r.appendHistogramMarker(dst, it.Ms)
		case it.Action == Mark:
			dst = appendSampleMarker(dst, it.Ms)
		case it.Action == ClearHint && it.Histogram:
			dst = r.appendWithoutHint(dst, it)
		default:
			dst = append(dst, r.Body[it.Start:it.End]...)
		}
	}
	return dst
}

func appendSampleMarker(dst []byte, ms int64) []byte {
	dst = append(dst, 0x12, byte(10+varintSize(uint64(ms))), 0x09)
	dst = binary.LittleEndian.AppendUint64(dst, staleNaN)
	dst = append(dst, 0x10)
	return binary.AppendUvarint(dst, uint64(ms))
}

func (r *Request) appendHistogramMarker(dst []byte, ms int64) []byte {
	dst = append(dst, r.histogramTag(), byte(10+varintSize(uint64(ms))), histogramSum<<3|wireFixed64)
	dst = binary.LittleEndian.AppendUint64(dst, staleNaN)
	dst = append(dst, histogramTimestamp<<3|wireVarint)
	return binary.AppendUvarint(dst, uint64(ms))
}

func (r *Request) histogramTag() byte { return byte(r.histogramField()<<3 | wireBytes) }

// appendWithoutHint appends a histogram without its reset hint.
func (r *Request) appendWithoutHint(dst []byte, it *Item) []byte {
	b := r.Body[:it.End]
	h, err := readField(b, int(it.Start))
	if err != nil {
		return dst
	}
	room := varintSize(uint64(h.end - h.val))
	dst = append(dst, r.histogramTag())
	dst = append(dst, b[h.val-room:h.val]...)
	begin, from := len(dst), h.val
	for i := h.val; i < h.end; {
		f, err := readField(b, i)
		if err != nil {
			break
		}
		if f.num == histogramHint {
			dst = append(dst, b[from:f.start]...)
			from = f.end
		}
		i = f.end
	}
	dst = append(dst, b[from:]...)
	return closeMessage(dst, begin, room)
}
