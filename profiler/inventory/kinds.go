package inventory

import (
	"slices"

	"github.com/headgate/headgate/internal/series"
)

// maxKinds is how many kinds, and beginnings of them, are numbered: some 10 MB.
const maxKinds = 1 << 18

// kinds number the rows of an inventory: those with the same values of some labels,
// whatever their metric is called, of the same verdict and on the same side of Rates
// have one number, until Epoch is another.
type kinds struct {
	Rates []float64 // samples per second
	Epoch int

	v                *Inventory
	values, verdicts uint64   // gone of both when rows were numbered
	asked            []string // names of the labels
	sides            []float64
	numbers          numbering
	firsts           []firstRow // by number
	metric           int        // counts the metrics

	// Of the shape at hand.
	shape *shape
	all   []int    // columns of the labels
	names []string // of them
	some  []int    // the same but for the metric's name
	name  int      // column of that
	first int      // number

	// Of the latest row of this metric.
	known    bool
	ids      []uint32
	verdict  uint16
	interval interval
	kind     int

	firstName uint32 // number of the metric's name of the first row
}

// A firstRow is the place of a kind's first row among those of a metric.
type firstRow struct{ metric, row int }

// begin prepares for a metric of v.
func (k *kinds) begin(v *Inventory, names []string) {
	k.known, k.firstName = false, noValue
	k.metric++
	if k.v == v && k.values == v.values.gone && k.verdicts == v.verdicts.gone &&
		slices.Equal(k.asked, names) && slices.Equal(k.sides, k.Rates) && k.numbers.count < maxKinds {
		return
	}
	k.v, k.values, k.verdicts, k.shape = v, v.values.gone, v.verdicts.gone, nil
	k.asked, k.sides = append(k.asked[:0], names...), append(k.sides[:0], k.Rates...)
	k.numbers.reset(minSlots)
	k.firsts = k.firsts[:0]
	k.Epoch++
}

// find returns the number of r's kind, and the place of the first such row whose
// metric has the same name; it is -1 where r is that, which then is at next.
func (k *kinds) find(r *row, s *shape, ids []uint32, perSecond float64, next int) (kind, at int) {
	if s != k.shape {
		k.turn(s)
	}
	if !k.known || k.verdict != r.verdict || k.interval != r.interval || !k.same(ids) {
		k.known, k.ids, k.verdict, k.interval = true, ids, r.verdict, r.interval
		k.kind = k.numberOf(perSecond)
	}
	called := noValue - 1 // none
	if k.name >= 0 {
		called = ids[k.name]
	}
	if k.firstName == noValue {
		k.firstName = called
	}
	if called != k.firstName { // one of many metrics under one name
		return k.kind, -1
	}
	if p := &k.firsts[k.kind]; p.metric != k.metric {
		*p = firstRow{k.metric, next}
		return k.kind, -1
	}
	return k.kind, k.firsts[k.kind].row
}

// same reports whether values are those of the latest row.
func (k *kinds) same(ids []uint32) bool {
	for _, c := range k.some {
		if ids[c] != k.ids[c] {
			return false
		}
	}
	return true
}

// numberOf numbers the kind of the latest row: values one after the other, each as
// what came so far and the next.
func (k *kinds) numberOf(perSecond float64) int {
	side := uint64(0)
	for _, rate := range k.sides {
		if perSecond > rate {
			side++
		}
	}
	n := k.first
	for _, c := range k.some {
		n = k.number(uint64(n+1)<<32 | uint64(k.ids[c]))
	}
	return k.number(uint64(n+1)<<32 | side<<16 | uint64(k.verdict))
}

func (k *kinds) number(key uint64) int {
	n, fresh := k.numbers.number(key)
	if fresh {
		k.firsts = append(k.firsts, firstRow{})
	}
	return n
}

// turn finds the columns of a shape.
func (k *kinds) turn(s *shape) {
	k.shape, k.known, k.name = s, false, s.column(series.MetricName)
	k.all, k.names, k.some, k.first = k.all[:0], k.names[:0], k.some[:0], -1
	for _, name := range k.asked {
		key := uint64(1)<<63 | uint64(k.first+1)<<1
		if c := s.column(name); c >= 0 {
			key |= 1
			k.all, k.names = append(k.all, c), append(k.names, name)
			if c != k.name {
				k.some = append(k.some, c)
			}
		}
		k.first = k.number(key)
	}
}
