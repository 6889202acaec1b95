package inventory

import (
	"cmp"
	"slices"

	"github.com/headgate/headgate/internal/series"
)

// Pairs counts series by label and value over the metrics of an inventory. Between
// two metrics, the inventory may change.
type Pairs struct {
	labels map[string]*pairs
	metric int    // number of the metric at hand
	gone   uint64 // as in the dictionary when values were numbered

	matching matching
	columns  []*pairs // of the shape at hand
}

// pairs are those of one label.
type pairs struct {
	metrics, last int // metrics that have it, and the latest of them
	series        float64
	numbers       numbering // of the values that the dictionary has now
	list          []PairValue
	before        map[string]float64 // what was counted when values had other numbers
}

// NewPairs returns Pairs that are empty.
func (v *Inventory) NewPairs() *Pairs { return &Pairs{labels: map[string]*pairs{}} }

// PairLabel is a label with its values.
type PairLabel struct {
	Name    string
	Metrics int     // that have it
	Series  float64 // that have it
	Values  []PairValue
}

// PairValue is a value with its series.
type PairValue struct {
	Value  string
	Series float64
}

// Labels returns what was counted: labels by name, values by series, the greatest
// first. It does not look into the inventory.
func (p *Pairs) Labels() []PairLabel {
	list := make([]PairLabel, 0, len(p.labels))
	for name, l := range p.labels {
		if l.before != nil {
			l.fold()
		}
		values := slices.Clone(l.list)
		for v, n := range l.before {
			values = append(values, PairValue{v, n})
		}
		slices.SortFunc(values, func(a, b PairValue) int {
			return cmp.Or(cmp.Compare(b.Series, a.Series), cmp.Compare(a.Value, b.Value))
		})
		list = append(list, PairLabel{name, l.metrics, l.series, values})
	}
	slices.SortFunc(list, func(a, b PairLabel) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// fold adds up by their text the values counted so far.
func (l *pairs) fold() {
	if l.before == nil {
		l.before = map[string]float64{}
	}
	for _, v := range l.list {
		l.before[v.Value] += v.Series
	}
	l.list = l.list[:0]
	l.numbers.reset(minSlots)
}

// CountPairs adds to p the labels of those rows of m, seen in the window that ends
// with part, that a selector matches; no selector matches all. Each row of a sampled
// metric stands for as many series as in [Metric.Gather]; values that are not in the
// sample are missing.
func (m *Metric) CountPairs(part int64, selectors []*series.Selector, total float64, p *Pairs) {
	received, _ := m.Active(part)
	if received == 0 {
		return
	}
	p.begin(m, selectors)
	kept := m.complete(part)
	each := m.each(part, kept, total)
	var last *shape
	for b, r := range m.active(part) {
		if kept != everything && !kept.admits(m.v.family(b, r), r.hash()) {
			continue
		}
		ids, s := b.ids[r.at:], m.v.shapeOf(r)
		if !p.matching.matches(s, ids) {
			continue
		}
		if s != last {
			last = s
			p.choose(s)
		}
		for i, l := range p.columns {
			l.count(m.v, ids[i], each, p.metric)
		}
	}
}

// each returns for how many series a row stands.
func (m *Metric) each(part int64, kept cut, total float64) float64 {
	if kept == everything {
		return 1
	}
	family, within := kept.chances()
	if total <= 0 {
		return 1 / (family * within)
	}
	n := 0
	for b, r := range m.active(part) {
		if kept.admits(m.v.family(b, r), r.hash()) {
			n++
		}
	}
	return max(total, float64(n)) / float64(max(n, 1))
}

func (p *Pairs) begin(m *Metric, selectors []*series.Selector) {
	p.metric++
	p.matching.begin(m.v, selectors)
	if gone := m.v.values.gone; gone != p.gone {
		p.gone = gone
		for _, l := range p.labels {
			l.fold()
		}
	}
}

// choose finds the labels of a shape.
func (p *Pairs) choose(s *shape) {
	p.columns = p.columns[:0]
	for _, name := range s.names {
		l := p.labels[name]
		if l == nil {
			l = &pairs{}
			l.numbers.reset(minSlots)
			p.labels[name] = l
		}
		p.columns = append(p.columns, l)
	}
}

func (l *pairs) count(v *Inventory, id uint32, each float64, metric int) {
	if l.last != metric {
		l.last = metric
		l.metrics++
	}
	l.series += each
	n, fresh := l.numbers.number(uint64(id))
	if fresh {
		l.list = append(l.list, PairValue{Value: v.values.text(id)})
	}
	l.list[n].Series += each
}
