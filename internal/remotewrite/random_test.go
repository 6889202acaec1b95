package remotewrite

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// A generator writes random messages of the schemas below: fields in any order,
// repeated, missing, unknown, padded, and now and then wrong. It reaches deeper
// than a fuzzer that must find each length by itself.
type generator struct {
	*rand.Rand
	symbols int // references are drawn from these many
}

// A kind of content of a field.
type kind func(g *generator) (wireType int, content []byte)

func (g *generator) varint(v uint64) []byte {
	b := binary.AppendUvarint(nil, v)
	if g.IntN(20) == 0 && len(b) < 9 { // padded
		b[len(b)-1] |= 0x80
		b = append(b, 0x80, 0x00)
	}
	return b
}

func number(g *generator) (int, []byte) {
	return wireVarint, g.varint(g.Uint64() >> g.IntN(64))
}

func hint(g *generator) (int, []byte) { return wireVarint, g.varint(uint64(g.IntN(5))) }

// scale is the schema of a histogram.
func scale(g *generator) (int, []byte) {
	if g.IntN(4) == 0 {
		return wireVarint, g.varint(g.Uint64N(120))
	}
	return wireVarint, g.varint([]uint64{105, 0, 7, 16}[g.IntN(4)]) // -53, 0, -4, 8
}

func stamp(g *generator) (int, []byte) {
	if g.IntN(8) == 0 {
		return number(g)
	}
	return wireVarint, g.varint(uint64(1_760_000_000_000 + g.Int64N(5)))
}

func reference(g *generator) (int, []byte) {
	if g.IntN(50) == 0 {
		return number(g)
	}
	return wireVarint, g.varint(uint64(g.IntN(g.symbols)))
}

func double(g *generator) (int, []byte) {
	values := []uint64{0, staleNaN, math.Float64bits(1), math.Float64bits(-1), 0x7ff8000000000001, g.Uint64(), math.Float64bits(math.Inf(1))}
	return wireFixed64, binary.LittleEndian.AppendUint64(nil, values[g.IntN(len(values))])
}

func text(g *generator) (int, []byte) {
	lengths := []int{0, 1, 3, 8, 20, 30, 31, 32, 33, 60, 121, 122, 123, 127, 128, 200, 300}
	b := make([]byte, lengths[g.IntN(len(lengths))])
	for i := range b {
		b[i] = byte('a' + g.IntN(4))
	}
	return wireBytes, b
}

// prose is text of more than one byte a rune, long at times, and now and then
// none at all.
func prose(g *generator) (int, []byte) {
	lengths := []int{0, 5, 20, 31, 32, 33, 63, 64, 65, 511, 512, 513, 1100}
	var b []byte
	for range lengths[g.IntN(len(lengths))] {
		b = append(b, []string{"a", "°", "€"}[g.IntN(3)]...)
	}
	if g.IntN(6) == 0 && len(b) > 0 {
		b[g.IntN(len(b))] ^= 0x80
	}
	return wireBytes, b
}

// many is a repeated scalar: packed, or one alone.
func many(k kind) kind {
	return func(g *generator) (int, []byte) {
		w, one := k(g)
		if g.IntN(4) == 0 {
			return w, one
		}
		var b []byte
		for range g.IntN(4) {
			_, c := k(g)
			b = append(b, c...)
			if g.IntN(8) != 0 { // mostly pairs, for references
				_, c = k(g)
				b = append(b, c...)
			}
		}
		return wireBytes, b
	}
}

// A schema gives the kinds of a message's fields.
type schema []struct {
	num  int
	kind kind
	most int // fields of this number that a message has, mostly
}

// field writes one field, and now and then spoils it.
func (g *generator) field(dst []byte, num int, k kind) []byte {
	w, content := k(g)
	if g.IntN(800) == 0 {
		w = g.IntN(8)
	}
	dst = append(dst, g.varint(uint64(num)<<3|uint64(w))...)
	if w == wireBytes {
		n := uint64(len(content))
		if g.IntN(800) == 0 {
			n += g.Uint64N(3)
		}
		dst = append(dst, g.varint(n)...)
	}
	return append(dst, content...)
}

// message is a message of a schema as a field's content.
func message(s schema) kind {
	return func(g *generator) (int, []byte) {
		var fields [][]byte
		for _, f := range s {
			for range g.IntN(f.most + 1) {
				fields = append(fields, g.field(nil, f.num, f.kind))
			}
		}
		switch g.IntN(8) {
		case 0:
			fields = append(fields, g.field(nil, 1+g.IntN(20), []kind{number, double, text}[g.IntN(3)]))
			fallthrough
		case 1:
			g.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		}
		var b []byte
		for _, f := range fields {
			b = append(b, f...)
		}
		return wireBytes, b
	}
}

var (
	genLabel = message(schema{{1, text, 1}, {2, text, 1}})
	genSpan  = message(schema{{1, hint, 1}, {2, hint, 1}})

	genHistogram = message(schema{
		{1, hint, 1}, {2, double, 1}, {3, double, 1}, {4, scale, 1}, {5, double, 1}, {6, hint, 1}, {7, double, 1},
		{8, genSpan, 2}, {9, many(hint), 2}, {10, many(double), 2}, {11, genSpan, 2}, {12, many(hint), 2}, {13, many(double), 2},
		{14, hint, 1}, {15, stamp, 1}, {16, many(double), 1}, {17, stamp, 1},
	})

	// A plain label and sample, as senders write them.
	plain = func(g *generator) (int, []byte) {
		_, name := text(g)
		_, value := text(g)
		return wireBytes, appendLabel(nil, string(name), string(value))[2:]
	}
	plainValue = func(g *generator) (int, []byte) {
		_, v := double(g)
		return wireBytes, append(append([]byte{0x09}, v...), binary.AppendUvarint([]byte{0x10}, uint64(1_760_000_000_000+g.Int64N(5)))...)
	}

	genSampleV1 = message(schema{{1, double, 1}, {2, stamp, 1}})
	genSeriesV1 = message(schema{
		{1, plain, 3}, {1, genLabel, 1}, {2, plainValue, 2}, {2, genSampleV1, 2},
		{3, message(schema{{1, genLabel, 2}, {2, double, 1}, {3, stamp, 1}}), 1}, {4, genHistogram, 1},
	})
	genRequestV1 = message(schema{{1, genSeriesV1, 5}, {3, message(schema{{1, hint, 1}, {2, prose, 1}, {4, prose, 1}, {5, prose, 1}}), 1}})

	genSampleV2 = message(schema{{1, double, 1}, {2, stamp, 1}, {3, stamp, 1}})
	genSeriesV2 = message(schema{
		{1, many(reference), 1}, {2, plainValue, 1}, {2, genSampleV2, 2}, {3, genHistogram, 1},
		{4, message(schema{{1, many(reference), 1}, {2, double, 1}, {3, stamp, 1}}), 1},
		{5, message(schema{{1, hint, 1}, {3, reference, 1}, {4, reference, 1}}), 2}, {6, stamp, 1},
	})
)

func TestRandomBodiesOf1(t *testing.T) {
	accepted := 0
	for seed := range uint64(4000) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
		_, body := genRequestV1(g)
		_, choice := text(g)
		checkV1(t, body, append(choice, byte(g.Uint32())))
		if new(Request).Parse(V1, body, Limits{}) == nil {
			accepted++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d bodies are accepted: the generator spoils too much", accepted)
	}
}

func TestRandomBodiesOf2(t *testing.T) {
	accepted := 0
	for seed := range uint64(8000) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 2)), symbols: 2 + int(seed)%200}
		var series, body []byte
		for range g.IntN(5) {
			_, ts := genSeriesV2(g)
			series = wire(series).bytes(5, ts)
		}
		late := g.IntN(8) == 0
		if late {
			body = series
		}
		for i := range g.symbols {
			_, s := text(g)
			if g.IntN(4) == 0 {
				_, s = prose(g)
			}
			if i == 0 {
				s = nil
			}
			body = wire(body).bytes(4, s)
		}
		if !late {
			body = append(body, series...)
		}
		checkV2(t, body, []byte{byte(g.Uint32()), byte(g.Uint32()), byte(seed)})
		if new(Request).Parse(V2, body, Limits{}) == nil {
			accepted++
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d bodies are accepted: the generator spoils too much", accepted)
	}
}
