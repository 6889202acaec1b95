package bench

import (
	"encoding/binary"
	"math"
)

// Fields of the two protocols, as tags of protobuf: number<<3 | wire type.
const (
	tagV1Series       = 1<<3 | 2 // WriteRequest
	tagV1Labels       = 1<<3 | 2 // TimeSeries
	tagV1Samples      = 2<<3 | 2
	tagV1Exemplars    = 3<<3 | 2
	tagV1Histograms   = 4<<3 | 2
	tagValue          = 1<<3 | 1 // Sample
	tagTimestamp      = 2 << 3
	tagExemplarValue  = 2<<3 | 1 // Exemplar
	tagExemplarMillis = 3 << 3

	tagV2Symbols    = 4<<3 | 2 // Request
	tagV2Series     = 5<<3 | 2
	tagV2LabelRefs  = 1<<3 | 2 // TimeSeries
	tagV2Samples    = 2<<3 | 2
	tagV2Histograms = 3<<3 | 2
	tagV2Exemplars  = 4<<3 | 2
	tagV2Metadata   = 5<<3 | 2
	tagV2Type       = 1 << 3 // Metadata
	tagV2Help       = 3 << 3
)

// An Entry is one TimeSeries message of a request: a series with one sample or
// with one exemplar.
type Entry struct {
	Series      *Series
	Value       float64
	TimestampMs int64
	Exemplar    bool
	Trace       uint64 // the exemplar's trace_id
}

func appendLabel(dst []byte, name, value string) []byte {
	n := 1 + uvarintLen(len(name)) + len(name) + 1 + uvarintLen(len(value)) + len(value)
	dst = append(dst, tagV1Labels)
	dst = binary.AppendUvarint(dst, uint64(n))
	dst = append(dst, 1<<3|2)
	dst = binary.AppendUvarint(dst, uint64(len(name)))
	dst = append(dst, name...)
	dst = append(dst, 2<<3|2)
	dst = binary.AppendUvarint(dst, uint64(len(value)))
	return append(dst, value...)
}

func uvarintLen(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// appendSample appends a Sample with its tag. A value of zero is left out, as
// Prometheus' own encoder does.
func appendSample(dst []byte, tag byte, value float64, ms int64) []byte {
	n := 1 + uvarintLen(int(ms))
	if value != 0 {
		n += 9
	}
	dst = append(dst, tag, byte(n))
	if value != 0 {
		dst = append(dst, tagValue)
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(value))
	}
	dst = append(dst, tagTimestamp)
	return binary.AppendUvarint(dst, uint64(ms))
}

// appendExemplar appends an Exemplar with its tag; labels is its label field.
func appendExemplar(dst []byte, tag byte, labels []byte, value float64, ms int64) []byte {
	n := len(labels) + 9 + 1 + uvarintLen(int(ms))
	dst = append(dst, tag)
	dst = binary.AppendUvarint(dst, uint64(n))
	dst = append(dst, labels...)
	dst = append(dst, tagExemplarValue)
	dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(value))
	dst = append(dst, tagExemplarMillis)
	return binary.AppendUvarint(dst, uint64(ms))
}

const traceDigits = 16

func traceID(trace uint64) string {
	var b [traceDigits]byte
	for i := range b {
		b[i] = hexDigits[trace>>(60-4*i)&15]
	}
	return string(b[:])
}

// exemplarValue is above zero, so that it is never left out.
const exemplarValue = 0.25

// appendV1 appends a WriteRequest of the entries. scratch is used and returned.
func appendV1(dst, scratch []byte, entries []Entry) (body, used []byte) {
	for i := range entries {
		e := &entries[i]
		scratch = append(scratch[:0], e.Series.Labels...)
		if e.Exemplar {
			scratch = appendExemplar(scratch, tagV1Exemplars, appendLabel(nil, "trace_id", traceID(e.Trace)), exemplarValue, e.TimestampMs)
		} else {
			scratch = appendSample(scratch, tagV1Samples, e.Value, e.TimestampMs)
		}
		dst = append(dst, tagV1Series)
		dst = binary.AppendUvarint(dst, uint64(len(scratch)))
		dst = append(dst, scratch...)
	}
	return dst, scratch
}
