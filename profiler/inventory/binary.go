package inventory

import (
	"encoding/binary"

	"github.com/headgate/headgate/profiler/sketch"
)

// A metric is written as
//
//	newest, raised, lowered: varints; least, heaviest: uvarints
//	kept, before: four hashes of 8 bytes
//	number of values; each: its length, itself
//	number of shapes; each: number of names; each: its length, itself
//	number of verdicts; each: team, action, rule with their lengths; priority: varint
//	number of rows; each:
//	  sum: 8 bytes; shape, times two, plus one where a family of 8 bytes follows;
//	  values; verdict; interval; parts since it was seen first
//	  parts since it was seen last and, plus one, forwarded last: a byte each, 0: never
//	  looks; where they are not 0, the digest of the value: 4 bytes
//
// where numbers and lengths are uvarints, and little-endian where they are of a
// fixed size. There is no version in it: sketch.Version and Version belong in front
// of whatever it is a part of.

// Version is that of what AppendBinary writes. Version 1 had no looks.
const Version = 2

// AppendBinary appends what ReadMetric reads. Rows outside the window are left out.
func (m *Metric) AppendBinary(b []byte) []byte {
	w := writer{m: m, shapes: map[uint32]uint64{}, verdicts: map[uint16]uint64{}}
	w.collect()
	for _, n := range []int64{m.newest, m.raised, m.lowered} {
		b = binary.AppendVarint(b, n)
	}
	b = binary.AppendUvarint(b, uint64(m.least))
	b = binary.AppendUvarint(b, uint64(m.heaviest))
	for _, h := range []sketch.Hash{m.kept.family, m.kept.within, m.before.family, m.before.within} {
		b = binary.LittleEndian.AppendUint64(b, uint64(h))
	}
	b = binary.AppendUvarint(b, uint64(len(w.ids)))
	for _, id := range w.ids {
		b = appendText(b, m.v.values.text(id))
	}
	b = binary.AppendUvarint(b, uint64(len(w.shapeList)))
	for _, s := range w.shapeList {
		b = binary.AppendUvarint(b, uint64(len(s.names)))
		for _, name := range s.names {
			b = appendText(b, name)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(w.verdictList)))
	for _, v := range w.verdictList {
		b = appendText(appendText(appendText(b, v.Team), v.Action), v.Rule)
		b = binary.AppendVarint(b, int64(v.Priority))
	}
	active, _ := m.Active(m.newest)
	b = binary.AppendUvarint(b, uint64(active))
	for from, r := range m.active(m.newest) {
		b = w.row(b, from, r)
	}
	return b
}

// A writer numbers what the rows share in the order in which it comes.
type writer struct {
	m           *Metric
	values      numbering
	ids         []uint32
	shapes      map[uint32]uint64
	shapeList   []*shape
	verdicts    map[uint16]uint64
	verdictList []Verdict
}

func (w *writer) collect() {
	m := w.m
	w.values.reset(m.rows)
	for b, r := range m.active(m.newest) {
		id := r.shape &^ inFamily
		s := m.v.shapes.list[id]
		if _, ok := w.shapes[id]; !ok {
			w.shapes[id] = uint64(len(w.shapeList))
			w.shapeList = append(w.shapeList, s)
		}
		if _, ok := w.verdicts[r.verdict]; !ok {
			w.verdicts[r.verdict] = uint64(len(w.verdictList))
			w.verdictList = append(w.verdictList, m.v.verdicts.of(r.verdict))
		}
		for _, id := range b.ids[r.at : int(r.at)+len(s.names)] {
			if _, fresh := w.values.number(uint64(id)); fresh {
				w.ids = append(w.ids, id)
			}
		}
	}
}

func (w *writer) row(b []byte, from *block, r *row) []byte {
	m := w.m
	b = binary.LittleEndian.AppendUint64(b, r.sum)
	b = binary.AppendUvarint(b, w.shapes[r.shape&^inFamily]<<1|uint64(r.shape>>31))
	if r.shape&inFamily != 0 {
		b = binary.LittleEndian.AppendUint64(b, uint64(m.v.family(from, r)))
	}
	for _, id := range from.ids[r.at : int(r.at)+len(m.v.shapeOf(r).names)] {
		n, _ := w.values.number(uint64(id))
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = binary.AppendUvarint(b, w.verdicts[r.verdict])
	b = binary.AppendUvarint(b, uint64(r.interval.ms()))
	b = binary.AppendUvarint(b, uint64(uint32(m.newest)-r.first))
	b = append(b, byte(m.newest-r.seen.part(m.newest)))
	if r.forwarded.since(m.newest-sketch.Parts+1, m.newest) {
		b = append(b, byte(m.newest-r.forwarded.part(m.newest))+1)
	} else {
		b = append(b, 0)
	}
	if b = binary.AppendUvarint(b, uint64(r.looks)); r.looks != 0 {
		b = binary.LittleEndian.AppendUint32(b, r.value)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
