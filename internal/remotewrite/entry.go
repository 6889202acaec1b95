package remotewrite

// An Entry is one TimeSeries message.
type Entry struct {
	Start, End uint32 // the whole field in Body, tag and length included

	// labels to labelsEnd are the leading label fields of 1.0, or the content
	// of the one packed field of references of 2.0; meaningless if Scattered.
	labels, labelsEnd uint32

	Samples, Histograms, Exemplars uint32

	Flags EntryFlags

	// FirstMs and LastMs are the timestamps of the first and the last item,
	// float samples counted before histograms; 0 if there is none.
	FirstMs, LastMs int64
}

// EntryFlags say what is special about an entry.
type EntryFlags uint8

// The flags.
const (
	// Unordered: timestamps do not strictly increase, or both float samples and
	// histograms are present.
	Unordered EntryFlags = 1 << iota
	// Stale: at least one item is a stale marker.
	Stale
	// Scattered: the labels are not one leading run in their plain shape.
	Scattered
)

// staleNaN are the bits of the value of a stale marker, and of the sum of a
// histogram that is one. It is a signalling NaN: never pass it through
// arithmetic.
const staleNaN = 0x7ff0000000000002

// addSample counts a float sample. Histograms are counted after the last one.
func (e *Entry) addSample(ms int64, bits uint64) {
	if e.Samples == 0 {
		e.FirstMs = ms
	} else if ms <= e.LastMs {
		e.Flags |= Unordered
	}
	e.LastMs = ms
	e.Samples++
	if bits == staleNaN {
		e.Flags |= Stale
	}
}

// A span is the run of an entry's histograms while it is walked, kept apart
// because float samples count as before them wherever they stand.
type span struct {
	n               uint32
	firstMs, lastMs int64
	flags           EntryFlags
}

func (s *span) add(h histogramHead) {
	if s.n == 0 {
		s.firstMs = h.ms
	} else if h.ms <= s.lastMs {
		s.flags |= Unordered
	}
	s.lastMs = h.ms
	s.n++
	if h.stale {
		s.flags |= Stale
	}
}

// addHistograms counts the histograms of s, which are all that e has.
func (e *Entry) addHistograms(s *span) {
	if s.n == 0 {
		return
	}
	e.Histograms = s.n
	e.Flags |= s.flags
	e.LastMs = s.lastMs
	if e.Samples > 0 {
		e.Flags |= Unordered
	} else {
		e.FirstMs = s.firstMs
	}
}
