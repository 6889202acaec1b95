package inventory

import (
	"math"
	"slices"

	"github.com/headgate/headgate/profiler/sketch"
)

// A cut says which series are kept: those of families whose hash is below family;
// and where a metric has few families, but of very many series each, those of them
// whose own hash, mixed once more, is below within.
type cut struct{ family, within sketch.Hash }

const (
	// noCut admits every hash, the greatest too.
	noCut = sketch.Hash(math.MaxUint64)

	// fewest is how many families a metric always keeps.
	fewest = 64

	// crowded is how many rows so few families may have: 256 each, more than any
	// histogram has buckets. What makes more is no histogram.
	crowded = fewest * 256

	// patience is after how many parts without Lower a metric tries what it would
	// not have room for then: four windows.
	patience = 4 * sketch.Parts
)

var everything = cut{noCut, noCut}

func (c cut) admits(family, hash sketch.Hash) bool {
	return (family < c.family || c.family == noCut) &&
		(c.within == noCut || sketch.Final(uint64(hash)) < c.within)
}

// chances returns with which probability a family is kept, and a series of a
// family that is.
func (c cut) chances() (family, within float64) { return chance(c.family), chance(c.within) }

func chance(h sketch.Hash) float64 {
	if h == noCut {
		return 1
	}
	return float64(h) / (1 << 64)
}

func (c cut) min(o cut) cut { return cut{min(c.family, o.family), min(c.within, o.within)} }

func halved(h sketch.Hash) sketch.Hash {
	if h == noCut {
		return 1 << 63
	}
	return h / 2
}

func doubled(h sketch.Hash) sketch.Hash {
	if h >= 1<<63 {
		return noCut
	}
	return h * 2
}

// Threshold returns below which hash families are kept; math.MaxUint64 means all.
func (m *Metric) Threshold() sketch.Hash { return m.kept.family }

// complete returns of which series every one in the window that ends with part is a
// row. What Raise admits is complete only when the window lies after it: until
// then series may have been seen last when they were not kept yet.
func (m *Metric) complete(part int64) cut {
	if max(part, m.newest)-m.raised >= sketch.Parts {
		return m.kept
	}
	return m.before
}

// Exact reports whether every series of the window that ends with part is a row.
func (m *Metric) Exact(part int64) bool { return m.complete(part) == everything }

// Families returns the number of families among the rows.
func (m *Metric) Families() int {
	if !m.grouped {
		return m.rows
	}
	if int(m.counted) != m.rows {
		m.distinctFamilies()
	}
	return int(m.families)
}

// distinctFamilies returns the families of the rows, in no order, and the most rows
// that one of them has. It notes how many there are.
func (m *Metric) distinctFamilies() (list []sketch.Hash, most int32) {
	list = make([]sketch.Hash, 0, m.rows)
	if m.grouped {
		list, most = m.groupFamilies(list)
	} else {
		for _, r := range m.all() {
			list, most = append(list, r.hash()), 1
		}
	}
	m.families, m.counted = int32(len(list)), int32(m.rows)
	return list, most
}

func (m *Metric) groupFamilies(list []sketch.Hash) (_ []sketch.Hash, most int32) {
	var numbers numbering
	var sizes []int32
	numbers.reset(m.rows)
	for b, r := range m.all() {
		f := m.v.family(b, r)
		n, fresh := numbers.number(uint64(f))
		if fresh {
			list, sizes = append(list, f), append(sizes, 0)
		}
		sizes[n]++
		most = max(most, sizes[n])
	}
	return list, most
}

// Lowerable reports whether Lower can let go of anything.
func (m *Metric) Lowerable() bool {
	if m.rows <= fewest {
		return false
	}
	// Families only become more until rows go, so what was counted still says yes.
	return m.counted > 0 && m.families > fewest || m.rows > crowded || m.Families() > fewest
}

// Lower halves the threshold and lets go of the rows that are not under it any
// more. The 64 smallest families stay: where fewer would, the 65th smallest is the
// threshold, which is not under it itself. It returns how many bytes that frees,
// 0 where nothing can go.
//
// Estimates remain unbiased, since the threshold would be the same whatever the
// hash of a family that is kept, as long as it is kept (Duffield, Lund, Thorup
// 2007, "Priority sampling for estimation of arbitrary subset sums"; Ting 2017,
// "Adaptive threshold sampling and estimation", which calls it substitutable).
func (m *Metric) Lower() (freed int64) {
	if m.rows <= fewest {
		return 0
	}
	bytes := m.v.Bytes()
	families, most := m.distinctFamilies()
	switch {
	case len(families) > fewest:
		m.kept.family = lower(m.kept.family, families)
	case m.rows > crowded:
		m.kept.within = halved(m.kept.within)
	default:
		return 0
	}
	m.heaviest = max(m.heaviest, most)
	m.before = m.before.min(m.kept)
	m.filter(m.admitted)
	m.lowered, m.least = m.newest, int32(m.rows)
	return bytes - m.v.Bytes()
}

// admitted reports whether r, a row of b, is still to be kept.
func (m *Metric) admitted(b *block, r *row) bool {
	if m.kept.within != noCut && !m.kept.admits(0, r.hash()) {
		return false
	}
	return m.kept.family == noCut || m.v.family(b, r) < m.kept.family
}

// lower returns a threshold below t, of half or a quarter and so on of it, that at
// least one of the families is not under; or the 65th smallest family where less
// than 64 were.
func lower(t sketch.Hash, families []sketch.Hash) sketch.Hash {
	for {
		t = halved(t)
		n := 0
		for _, f := range families {
			if f < t {
				n++
			}
		}
		if n < fewest {
			slices.Sort(families)
			return families[fewest]
		}
		if n < len(families) {
			return t
		}
	}
}

// Raise doubles the threshold of a metric that has become small since Lower, as
// often as will give it about half the rows that Lower left it, or else once when
// the latest Lower is four windows ago. It does nothing until the Raise before is
// complete: estimates go on by the threshold before it for a window.
//
// It is for a time when there is memory to spare.
func (m *Metric) Raise(part int64) {
	part = max(part, m.newest)
	if m.kept == everything || part-m.raised < sketch.Parts {
		return
	}
	times := 0
	for rows := max(1, m.rows); rows <= int(m.least)/2 && times < 64; rows *= 2 {
		times++
	}
	if times == 0 && part-m.lowered >= patience {
		times = 1
	}
	if times == 0 {
		return
	}
	m.before, m.raised = m.kept, part
	for range times {
		if m.kept.within != noCut {
			m.kept.within = doubled(m.kept.within)
		} else {
			m.kept.family = doubled(m.kept.family)
		}
	}
}
