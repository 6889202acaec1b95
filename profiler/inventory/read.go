package inventory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// ReadMetric reads what AppendBinary of a version up to Version wrote, into an inventory of its own: the metric
// is to be merged into another. Damaged input gives an error, or a metric that is
// whole in itself; it never takes much more memory than the input.
func ReadMetric(b []byte, version int) (m *Metric, rest []byte, err error) {
	r := reader{b: b, m: New().NewMetric(), version: version}
	r.metric()
	if r.err != nil {
		return nil, nil, fmt.Errorf("read rows: %w", r.err)
	}
	return r.m, b[r.at:], nil
}

var errDamaged = errors.New("the input is damaged")

// A reader reads a metric. After an error it reads nothing more.
type reader struct {
	b   []byte
	at  int // what is before it has been read
	m   *Metric
	err error

	version int

	values   []uint32
	shapes   []uint32
	verdicts []uint16
}

func (r *reader) metric() {
	m := r.m
	m.newest, m.raised, m.lowered = r.part(), r.part(), r.part()
	m.swept = m.newest
	m.least, m.heaviest = int32(r.uvarint(math.MaxInt32)), int32(r.uvarint(math.MaxInt32))
	for _, h := range []*sketch.Hash{&m.kept.family, &m.kept.within, &m.before.family, &m.before.within} {
		*h = sketch.Hash(r.hash())
	}
	if r.err == nil && min(m.kept.family, m.kept.within, m.before.family, m.before.within) == 0 {
		r.fail() // under 0 there is nothing, and nothing to be estimated by
	}
	for n := r.count(1); n > 0 && r.err == nil; n-- {
		value := r.text()
		if value == "" { // is an absent label
			r.fail()
			break
		}
		r.values = append(r.values, m.v.values.intern(value))
	}
	for n := r.count(1); n > 0 && r.err == nil; n-- {
		r.shape()
	}
	for n := r.count(4); n > 0 && r.err == nil; n-- {
		v := Verdict{Team: r.text(), Action: r.text(), Rule: r.text(), Priority: series.Priority(r.varint())}
		r.verdicts = append(r.verdicts, m.v.verdicts.intern(v))
	}
	for n := r.count(14); n > 0 && r.err == nil; n-- {
		r.row()
	}
	// What was read is held by the rows from here on.
	for _, id := range r.values {
		m.v.values.release(id)
	}
	for _, id := range r.shapes {
		m.v.shapes.release(id)
	}
	for _, id := range r.verdicts {
		m.v.verdicts.release(id)
	}
}

// shape reads a shape. Names are in order, and none is empty or comes twice.
func (r *reader) shape() {
	var ls series.Labels
	for n := r.count(2); n > 0 && r.err == nil; n-- {
		name := r.text()
		if len(ls) > 0 && name <= ls[len(ls)-1].Name || name == "" {
			r.fail()
			return
		}
		ls = append(ls, series.Label{Name: name, Value: "x"})
	}
	if r.err == nil {
		r.shapes = append(r.shapes, r.m.v.shapes.intern(ls))
	}
}

func (r *reader) row() {
	m := r.m
	sum := r.hash()
	hash := sketch.Final(sum)
	family := hash
	n := r.uvarint(math.MaxInt32)
	if n&1 == 1 {
		family = sketch.Hash(r.hash())
	}
	if n >>= 1; n >= uint64(len(r.shapes)) {
		r.fail()
		return
	}
	shape := r.shapes[n]
	names := m.v.shapes.list[shape].names
	b := m.room(width(m.v.shapes.list[shape], family != hash), 0)
	at := len(b.ids)
	for range names {
		n := r.uvarint(math.MaxInt32)
		if n >= uint64(len(r.values)) {
			r.fail()
			break
		}
		b.ids = append(b.ids, r.values[n])
	}
	verdict := r.uvarint(math.MaxInt32)
	if verdict >= uint64(len(r.verdicts)) {
		r.fail()
	}
	copied := row{sum: sum, shape: shape, at: uint16(at), interval: intervalOf(uint32(r.uvarint(math.MaxUint32)))}
	copied.first = uint32(m.newest) - uint32(r.uvarint(math.MaxUint32))
	seen, forwarded := int64(r.byte()), int64(r.byte())
	if r.version >= 2 {
		if copied.looks = looks(r.uvarint(math.MaxUint32)); copied.looks != 0 {
			copied.value = r.uint32()
		}
	}
	if seen >= sketch.Parts || forwarded > sketch.Parts || m.full() || m.find(sum, hash) != nil {
		r.fail()
	}
	if r.err != nil {
		b.ids = b.ids[:at]
		return
	}
	copied.verdict = r.verdicts[verdict]
	for _, id := range b.ids[at:] {
		m.v.values.retain(id)
	}
	m.v.shapes.list[shape].refs++
	m.v.verdicts.retain(copied.verdict)
	m.finish(b, copied, hash, family, m.newest-seen, forwarded > 0)
	if forwarded > 0 {
		m.restamp(&b.rows[len(b.rows)-1], m.newest-forwarded+1)
	}
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = errDamaged
	}
	r.at = len(r.b)
}

func (r *reader) uvarint(most uint64) uint64 {
	n, size := binary.Uvarint(r.b[r.at:])
	if size <= 0 || n > most {
		r.fail()
		return 0
	}
	r.at += size
	return n
}

// count reads a number of things that take so many bytes at least.
func (r *reader) count(bytes int) int { return int(r.uvarint(uint64((len(r.b) - r.at) / bytes))) }

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.b[r.at:])
	if size <= 0 {
		r.fail()
		return 0
	}
	r.at += size
	return n
}

// part reads a part. One that is so large cannot be reckoned with.
func (r *reader) part() int64 {
	p := r.varint()
	if p < -1<<60 || p > 1<<60 {
		r.fail()
		return 0
	}
	return p
}

func (r *reader) hash() uint64 {
	if len(r.b)-r.at < 8 {
		r.fail()
		return 0
	}
	n := binary.LittleEndian.Uint64(r.b[r.at:])
	r.at += 8
	return n
}

func (r *reader) uint32() uint32 {
	if len(r.b)-r.at < 4 {
		r.fail()
		return 0
	}
	r.at += 4
	return binary.LittleEndian.Uint32(r.b[r.at-4:])
}

func (r *reader) byte() byte {
	if r.at == len(r.b) {
		r.fail()
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *reader) text() string {
	n := int(r.uvarint(uint64(len(r.b))))
	if n > len(r.b)-r.at {
		r.fail()
		return ""
	}
	r.at += n
	return string(r.b[r.at-n : r.at])
}
