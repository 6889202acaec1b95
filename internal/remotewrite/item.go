package remotewrite

import "bytes"

// An ItemAction says what becomes of an item when its entry is written anew.
type ItemAction uint8

// The actions.
const (
	Keep      ItemAction = iota // copied verbatim
	Remove                      // left out
	Mark                        // becomes a stale marker with its timestamp
	ClearHint                   // copied, a histogram's reset hint becomes unspecified
)

// An Item is one float sample or native histogram of an entry.
type Item struct {
	Entry      uint32 // index into Entries
	Start, End uint32 // its field in Body, tag included

	Ms int64 // its timestamp

	Histogram bool // else a float sample
	Stale     bool // a stale marker
	Gauge     bool // a histogram with the reset hint GAUGE
	HintSet   bool // a histogram with the reset hint YES or NO

	Action ItemAction // set by the caller
}

// AppendItems appends the items of Entries[entry]: its float samples in wire
// order, then its histograms.
func (r *Request) AppendItems(dst []Item, entry int) []Item {
	e := &r.Entries[entry]
	b, from := r.content(e)
	if e.Flags&Scattered == 0 {
		from = int(e.labelsEnd)
	}
	histogramNum := r.histogramField()
	for i := from; i < len(b) && e.Samples > 0; {
		if ms, bits, next := plainSample(b, i, r.Version); next != i {
			dst = append(dst, Item{Entry: uint32(entry), Start: uint32(i), End: uint32(next), Ms: ms, Stale: bits == staleNaN})
			i = next
			continue
		}
		f, err := readField(b, i)
		if err != nil {
			break
		}
		i = f.end
		if f.num == sampleField {
			ms, bits, _ := readSample(b[:f.end], f.val, r.Version)
			dst = append(dst, Item{Entry: uint32(entry), Start: uint32(f.start), End: uint32(f.end), Ms: ms, Stale: bits == staleNaN})
		}
	}
	for i := from; i < len(b) && e.Histograms > 0; {
		f, err := readField(b, i)
		if err != nil {
			break
		}
		i = f.end
		if f.num == histogramNum {
			h, _ := readHistogram(b[:f.end], f.val, r.Version)
			dst = append(dst, Item{
				Entry: uint32(entry), Start: uint32(f.start), End: uint32(f.end), Ms: h.ms, Stale: h.stale,
				Histogram: true, Gauge: h.hint == hintGauge, HintSet: h.hint == hintYes || h.hint == hintNo,
			})
		}
	}
	return dst
}

// The numbers of a series' fields, where the versions share them.
const (
	labelsField = 1
	sampleField = 2
)

// The numbers of a series' exemplars.
const (
	exemplarFieldV1 = 3
	exemplarFieldV2 = 4
)

// histogramField returns the number of a series' histograms.
func (r *Request) histogramField() int32 {
	if r.Version == V2 {
		return 3
	}
	return 4
}

// Same reports whether a and b are exact duplicates: of one kind, with the same
// bits of value and timestamp, and as histograms the same bytes.
func (r *Request) Same(a, b Item) bool {
	if a.Histogram != b.Histogram || a.Ms != b.Ms {
		return false
	}
	if a.Histogram {
		return bytes.Equal(r.itemContent(a), r.itemContent(b))
	}
	return r.Value(a) == r.Value(b)
}

// itemContent returns the bytes of an item's message.
func (r *Request) itemContent(it Item) []byte {
	f, err := readField(r.Body[:it.End], int(it.Start))
	if err != nil {
		return nil
	}
	return r.Body[f.val:f.end]
}

// Value returns the bits of the value of a float sample.
func (r *Request) Value(it Item) uint64 {
	c := r.itemContent(it)
	_, bits, _ := readSample(c, 0, r.Version)
	return bits
}
