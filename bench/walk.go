package bench

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/zeebo/xxh3"
)

var errProtobuf = errors.New("malformed protobuf")

// A field is one field of a protobuf message. bytes is set for wire type 2,
// number for the others.
type field struct {
	tag    uint64
	number uint64
	bytes  []byte
}

// readField reads the first field of b and how long it is; 0 where b does not
// begin with a whole field.
func readField(b []byte) (field, int) {
	tag, n := binary.Uvarint(b)
	if n <= 0 {
		return field{}, 0
	}
	switch tag & 7 {
	case 0:
		v, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return field{}, 0
		}
		return field{tag: tag, number: v}, n + m
	case 1:
		if len(b)-n < 8 {
			return field{}, 0
		}
		return field{tag: tag, number: binary.LittleEndian.Uint64(b[n:])}, n + 8
	case 2:
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return field{}, 0
		}
		end := n + m + int(size)
		return field{tag: tag, bytes: b[n+m : end]}, end
	case 5:
		if len(b)-n < 4 {
			return field{}, 0
		}
		return field{tag: tag, number: uint64(binary.LittleEndian.Uint32(b[n:]))}, n + 4
	}
	return field{}, 0
}

// A Tally is what a number of bodies held.
type Tally struct {
	Series, Samples, Histograms, Exemplars int64
	// Sum adds up a hash of every sample with its series' labels. Two sets of
	// samples with equal sums are taken to be equal, in whatever order and
	// whichever protocol they came.
	Sum uint64
}

// Add adds o to t.
func (t *Tally) Add(o Tally) {
	t.Series += o.Series
	t.Samples += o.Samples
	t.Histograms += o.Histograms
	t.Exemplars += o.Exemplars
	t.Sum += o.Sum
}

// sampleHash is a sample's part of Tally.Sum; labels is the hash of the
// series' labels in the 1.0 wire form.
func sampleHash(labels uint64, value float64, ms int64) uint64 {
	return mix(labels + mix(math.Float64bits(value)+mix(uint64(ms))))
}

// A walker reads bodies. It is owned by one goroutine.
type walker struct {
	symbols [][]byte
	labels  []byte
}

// walk counts what a body holds; with sum it also fills in Tally.Sum, at the
// cost of hashing every series.
func (w *walker) walk(version int, body []byte, sum bool) (Tally, error) {
	if version == 2 {
		return w.walkV2(body, sum)
	}
	var t Tally
	for len(body) > 0 {
		f, n := readField(body)
		if n == 0 {
			return t, errProtobuf
		}
		body = body[n:]
		if f.tag != tagV1Series {
			continue
		}
		t.Series++
		labels := uint64(0)
		if sum {
			w.labels = w.labels[:0]
			for rest := f.bytes; len(rest) > 0; {
				g, n := readField(rest)
				if n == 0 {
					return t, errProtobuf
				}
				if g.tag == tagV1Labels {
					w.labels = append(w.labels, rest[:n]...)
				}
				rest = rest[n:]
			}
			labels = xxh3.Hash(w.labels)
		}
		if err := count(&t, f.bytes, labels, sum, tagV1Samples, tagV1Histograms, tagV1Exemplars); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (w *walker) walkV2(body []byte, sum bool) (Tally, error) {
	var t Tally
	w.symbols = w.symbols[:0]
	if sum {
		for rest := body; len(rest) > 0; {
			f, n := readField(rest)
			if n == 0 {
				return t, errProtobuf
			}
			rest = rest[n:]
			if f.tag == tagV2Symbols {
				w.symbols = append(w.symbols, f.bytes)
			}
		}
	}
	for len(body) > 0 {
		f, n := readField(body)
		if n == 0 {
			return t, errProtobuf
		}
		body = body[n:]
		if f.tag != tagV2Series {
			continue
		}
		t.Series++
		labels := uint64(0)
		if sum {
			if err := w.labelsV2(f.bytes); err != nil {
				return t, err
			}
			labels = xxh3.Hash(w.labels)
		}
		if err := count(&t, f.bytes, labels, sum, tagV2Samples, tagV2Histograms, tagV2Exemplars); err != nil {
			return t, err
		}
	}
	return t, nil
}

// labelsV2 leaves the 1.0 wire form of a series' labels in w.labels.
func (w *walker) labelsV2(message []byte) error {
	w.labels = w.labels[:0]
	for len(message) > 0 {
		f, n := readField(message)
		if n == 0 {
			return errProtobuf
		}
		message = message[n:]
		if f.tag != tagV2LabelRefs {
			continue
		}
		for refs := f.bytes; len(refs) > 0; {
			name, n := binary.Uvarint(refs)
			if n <= 0 {
				return errProtobuf
			}
			value, m := binary.Uvarint(refs[n:])
			if m <= 0 || name >= uint64(len(w.symbols)) || value >= uint64(len(w.symbols)) {
				return errProtobuf
			}
			refs = refs[n+m:]
			w.labels = appendLabel(w.labels, string(w.symbols[name]), string(w.symbols[value]))
		}
	}
	return nil
}

// count adds the samples, histograms and exemplars of one series to t.
func count(t *Tally, message []byte, labels uint64, sum bool, samples, histograms, exemplars uint64) error {
	for len(message) > 0 {
		f, n := readField(message)
		if n == 0 {
			return errProtobuf
		}
		message = message[n:]
		switch f.tag {
		case samples:
			t.Samples++
			if !sum {
				continue
			}
			var value float64
			var ms int64
			for rest := f.bytes; len(rest) > 0; {
				g, n := readField(rest)
				if n == 0 {
					return errProtobuf
				}
				rest = rest[n:]
				switch g.tag {
				case tagValue:
					value = math.Float64frombits(g.number)
				case tagTimestamp:
					ms = int64(g.number)
				}
			}
			t.Sum += sampleHash(labels, value, ms)
		case histograms:
			t.Histograms++
		case exemplars:
			t.Exemplars++
		}
	}
	return nil
}
