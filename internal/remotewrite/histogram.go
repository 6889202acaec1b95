package remotewrite

import (
	"encoding/binary"
	"errors"
	"math"
)

// histogramWire are the wire types that a histogram's fields may have, as bits.
var histogramWire = [...]uint8{
	1: 1 << wireVarint, 2: 1 << wireFixed64, // count, integer or float
	3: 1 << wireFixed64,                     // sum
	4: 1 << wireVarint,                      // schema
	5: 1 << wireFixed64,                     // zero threshold
	6: 1 << wireVarint, 7: 1 << wireFixed64, // zero count, integer or float
	8: 1 << wireBytes, 9: 1<<wireVarint | 1<<wireBytes, 10: 1<<wireFixed64 | 1<<wireBytes, // negative spans, deltas, counts
	11: 1 << wireBytes, 12: 1<<wireVarint | 1<<wireBytes, 13: 1<<wireFixed64 | 1<<wireBytes, // positive spans, deltas, counts
	14: 1 << wireVarint,               // reset hint
	15: 1 << wireVarint,               // timestamp
	16: 1<<wireFixed64 | 1<<wireBytes, // custom values
	17: 1 << wireVarint,               // start timestamp, of 2.0
}

// The fields of a histogram that this package names or writes.
const (
	histogramSum       = 3
	histogramHint      = 14
	histogramTimestamp = 15
	histogramStart     = 17
)

// The reset hints that are told apart.
const (
	hintYes   = 1
	hintNo    = 2
	hintGauge = 3
)

// A histogramHead is what the walk wants to know of a histogram.
type histogramHead struct {
	ms    int64
	hint  int32
	stale bool
}

// readHistogram checks a histogram that begins at i and ends with b.
func readHistogram(b []byte, i int, v Version) (h histogramHead, err error) {
	for i < len(b) {
		f, err := readField(b, i)
		if err != nil {
			return h, err
		}
		if err := checkHistogramField(b, f, v); err != nil {
			return h, err
		}
		switch f.num {
		case histogramSum:
			h.stale = f.n == staleNaN
		case histogramHint:
			h.hint = int32(f.n)
		case histogramTimestamp:
			h.ms = int64(f.n)
		}
		i = f.end
	}
	return h, nil
}

func checkHistogramField(b []byte, f field, v Version) error {
	if int(f.num) >= len(histogramWire) || f.num == histogramStart && v != V2 {
		return nil
	}
	if histogramWire[f.num]&(1<<f.wire) == 0 {
		return malformed(f.start, errWireType)
	}
	if f.wire != wireBytes {
		return nil
	}
	switch f.num {
	case 8, 11:
		_, _, err := readSpan(b[:f.end], f.val)
		return err
	case 9, 12:
		for i := f.val; i < f.end; {
			_, next := varint(b[:f.end], i)
			if next < 0 {
				return malformed(i, errPacked)
			}
			i = next
		}
	default:
		if (f.end-f.val)%8 != 0 {
			return malformed(f.start, errPacked)
		}
	}
	return nil
}

// readSpan reads a span of buckets that begins at i and ends with b.
func readSpan(b []byte, i int) (offset int32, length uint32, err error) {
	for i < len(b) {
		f, err := readField(b, i)
		if err != nil {
			return 0, 0, err
		}
		if f.num <= 2 && f.wire != wireVarint {
			return 0, 0, malformed(i, errWireType)
		}
		switch f.num {
		case 1:
			offset = int32(uint32(f.n)>>1) ^ -int32(f.n&1)
		case 2:
			length = uint32(f.n)
		}
		i = f.end
	}
	return offset, length, nil
}

// The schemas of histograms. Those up to maxReserved are stored by receivers
// after they have merged buckets down to maxExponential.
const (
	customSchema   = -53
	minExponential = -4
	maxReserved    = 52
)

// What can be wrong with a native histogram.
var (
	errHistogramSchema    = errors.New("native histogram: unknown schema")
	errHistogramSpans     = errors.New("native histogram: spans and buckets differ in number")
	errHistogramOffset    = errors.New("native histogram: a span with a negative offset")
	errHistogramNegative  = errors.New("native histogram: a negative count")
	errHistogramCount     = errors.New("native histogram: count is not the sum of its buckets")
	errHistogramCustom    = errors.New("native histogram: custom buckets of an exponential schema")
	errHistogramBounds    = errors.New("native histogram: custom bounds are not finite and increasing, or too few for the spans")
	errHistogramCustomNot = errors.New("native histogram: a zero bucket or negative buckets beside custom ones")
)

// A side is one half of a histogram's buckets while it is checked. Buckets are
// counted both as deltas and as counts: which of them hold is known only when
// all fields have been read.
type side struct {
	spans         int
	length        int64 // of all spans
	reach         int64 // length and offsets of all spans
	offsetBefore  bool  // the first span has a negative offset
	offsetBetween bool  // a later one has

	deltas         int64 // how many
	last           int64
	sum            uint64
	deltasNegative bool

	counts         int64 // how many
	countsNegative bool
}

func (s *side) addSpan(offset int32, length uint32) {
	if offset < 0 {
		if s.spans == 0 {
			s.offsetBefore = true
		} else {
			s.offsetBetween = true
		}
	}
	s.spans++
	s.length += int64(length)
	s.reach += int64(length) + int64(offset)
}

func (s *side) addDelta(n uint64) {
	s.last += int64(n>>1) ^ -int64(n&1)
	s.deltas++
	s.sum += uint64(s.last)
	s.deltasNegative = s.deltasNegative || s.last < 0
}

func (s *side) addCount(bits uint64) {
	s.counts++
	s.countsNegative = s.countsNegative || math.Float64frombits(bits) < 0
}

// bounds are custom bucket bounds while they are checked.
type bounds struct {
	n    int64
	last float64
	bad  bool
}

func (c *bounds) add(bits uint64) {
	v := math.Float64frombits(bits)
	if math.IsNaN(v) || c.n > 0 && v <= c.last {
		c.bad = true
	}
	c.last = v
	c.n++
}

// A histogramCheck gathers what consistency depends on.
type histogramCheck struct {
	float              bool
	count, zero        uint64 // integers, or bits of floats
	zeroIsFloat        bool
	sum, zeroThreshold float64
	schema             int32
	positive, negative side
	custom             bounds
}

// CheckHistogram reports why a native histogram can never be stored, or nil. It
// judges as Prometheus' model/histogram validates, and takes the schemas above
// 8 that Prometheus' receiver lowers by itself. The cost is linear in the
// histogram's bytes, whatever its spans claim.
func (r *Request) CheckHistogram(it Item) error {
	b := r.Body[:it.End]
	f, err := readField(b, int(it.Start))
	if err != nil {
		return err
	}
	var h histogramCheck
	for i := f.val; i < f.end; {
		f, err := readField(b, i)
		if err != nil {
			return err
		}
		if err := checkHistogramField(b, f, r.Version); err != nil {
			return err
		}
		h.add(b, f)
		i = f.end
	}
	return h.verdict()
}

func (h *histogramCheck) add(b []byte, f field) {
	switch f.num {
	case 1, 2:
		h.count, h.float = f.n, f.num == 2
	case histogramSum:
		h.sum = math.Float64frombits(f.n)
	case 4:
		h.schema = int32(uint32(f.n)>>1) ^ -int32(f.n&1)
	case 5:
		h.zeroThreshold = math.Float64frombits(f.n)
	case 6, 7:
		h.zero, h.zeroIsFloat = f.n, f.num == 7
	case 8:
		h.negative.addField(b, f)
	case 9, 10:
		h.negative.addBuckets(b, f, f.num == 9)
	case 11:
		h.positive.addField(b, f)
	case 12, 13:
		h.positive.addBuckets(b, f, f.num == 12)
	case 16:
		if f.wire == wireFixed64 {
			h.custom.add(f.n)
			return
		}
		for i := f.val; i < f.end; i += 8 {
			h.custom.add(binary.LittleEndian.Uint64(b[i:]))
		}
	}
}

func (s *side) addField(b []byte, f field) {
	offset, length, _ := readSpan(b[:f.end], f.val) // checked before
	s.addSpan(offset, length)
}

func (s *side) addBuckets(b []byte, f field, deltas bool) {
	switch {
	case deltas && f.wire == wireVarint:
		s.addDelta(f.n)
	case deltas:
		for i := f.val; i < f.end; {
			n, next := varint(b, i)
			s.addDelta(n)
			i = next
		}
	case f.wire == wireFixed64:
		s.addCount(f.n)
	default:
		for i := f.val; i < f.end; i += 8 {
			s.addCount(binary.LittleEndian.Uint64(b[i:]))
		}
	}
}

// buckets returns how many buckets of the histogram's kind a side has and
// whether one is negative.
func (s *side) buckets(float bool) (n int64, negative bool) {
	if float {
		return s.counts, s.countsNegative
	}
	return s.deltas, s.deltasNegative
}

func (h *histogramCheck) verdict() error {
	positives, positiveNegative := h.positive.buckets(h.float)
	negatives, negativeNegative := h.negative.buckets(h.float)
	// A zero count of the other kind than the count is no zero count.
	zero, zeroFloat := h.zero, math.Float64frombits(h.zero)
	if h.zeroIsFloat != h.float {
		zero, zeroFloat = 0, 0
	}
	switch {
	case h.schema == customSchema:
		if h.custom.bad || h.custom.n > 0 && math.IsInf(h.custom.last, 1) {
			return errHistogramBounds
		}
		if h.positive.offsetBefore || h.positive.offsetBetween {
			return errHistogramOffset
		}
		if h.positive.length != positives {
			return errHistogramSpans
		}
		if h.custom.n+1 < h.positive.reach {
			return errHistogramBounds
		}
		hasZero := zero != 0
		if h.float {
			hasZero = zeroFloat != 0
		}
		if hasZero || h.zeroThreshold != 0 || h.negative.spans > 0 || negatives > 0 {
			return errHistogramCustomNot
		}
	case h.schema >= minExponential && h.schema <= maxReserved:
		if h.positive.offsetBetween || h.negative.offsetBetween {
			return errHistogramOffset
		}
		if h.positive.length != positives || h.negative.length != negatives {
			return errHistogramSpans
		}
		if negativeNegative || h.float && zeroFloat < 0 {
			return errHistogramNegative
		}
		if h.custom.n > 0 {
			return errHistogramCustom
		}
	default:
		return errHistogramSchema
	}
	if positiveNegative {
		return errHistogramNegative
	}
	if h.float {
		if math.Float64frombits(h.count) < 0 {
			return errHistogramNegative
		}
		return nil
	}
	var negativeSum uint64
	if h.schema != customSchema {
		negativeSum = h.negative.sum
	}
	sum := negativeSum + h.positive.sum + zero
	if math.IsNaN(h.sum) && sum > h.count || !math.IsNaN(h.sum) && sum != h.count {
		return errHistogramCount
	}
	return nil
}
