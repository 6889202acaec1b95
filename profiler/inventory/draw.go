package inventory

import (
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// A Drawn is a row apart from its metric: what is asked of it may take its time.
type Drawn struct {
	Labels     series.Labels // valid until the next Draw; its strings may be kept
	Family     sketch.Hash
	Verdict    Verdict
	PerSecond  float64 // samples; that of its metric's series where it is unknown
	IntervalMs uint32  // 0 where that is unknown
	Part       int64   // in which it was seen last

	hash   sketch.Hash
	family int // number of its family in the draw
}

// A Draw holds rows of one metric, and what it takes to estimate by them without the
// metric. The zero value is ready; its memory serves one metric after the other.
type Draw struct {
	Rows []Drawn

	labels   []series.Label
	matching matching
	families numbering
	series   []float64 // of each family, drawn or not
	kept     cut
	heaviest int32
	fastest  float64
	total    float64
	none     bool // the metric is exact and has no rows
}

// Draw puts those rows of m into d that were seen in the window that ends with part
// and that a selector matches; no selector matches all. total is as in
// [Metric.Gather]; each is how many samples per second series are taken to have where
// no interval is known of any.
func (m *Metric) Draw(part int64, selectors []*series.Selector, total, each float64, d *Draw) {
	received, _ := m.Active(part)
	d.Rows, d.labels, d.series = d.Rows[:0], d.labels[:0], d.series[:0]
	d.kept, d.heaviest, d.total = m.complete(part), m.heaviest, total
	if d.none = received == 0 && d.kept == everything; d.none {
		return
	}
	d.matching.begin(m.v, selectors, received)
	d.families.reset(received)
	mean, fastest := m.rates(part)
	if fastest == 0 {
		mean, fastest = each, each
	}
	d.fastest = fastest
	for b, r := range m.active(part) {
		hash, f := r.hash(), m.v.family(b, r)
		if d.kept != everything && !d.kept.admits(f, hash) {
			continue
		}
		family, fresh := d.families.number(uint64(f))
		if fresh {
			d.series = append(d.series, 0)
		}
		d.series[family]++
		if !d.matching.matches(m.v.shapeOf(r), b.ids[r.at:]) {
			continue
		}
		row := Drawn{
			Family: f, Verdict: m.v.verdicts.of(r.verdict), PerSecond: mean, IntervalMs: r.interval.ms(),
			Part: r.seen.part(m.newest), hash: hash, family: family,
		}
		if rate := r.interval.perSecond(); rate > 0 {
			row.PerSecond = rate
		}
		from := len(d.labels)
		d.labels = m.v.labels(b, r, d.labels)
		row.Labels = d.labels[from:len(d.labels):len(d.labels)]
		d.Rows = append(d.Rows, row)
	}
}

// Exact reports whether the draw knows every series of the metric.
func (d *Draw) Exact() bool { return d.kept == everything }

// A Part is what of a row is asked for.
type Part struct {
	PerSecond float64
	Groups    []GroupKey // that it is in, each once; read before the next row
}

// A GroupKey names a group of a draw. It becomes the group's Values.
type GroupKey [3]string

// AddTo adds to t what ask says of the rows, by their number: how many samples per
// second of a row are asked for, and which groups it is in; ok is false where it is
// not asked for. The rows asked for are Result.Series. Up to examples of them are
// named.
func (d *Draw) AddTo(t *Tally, examples int, ask func(row int) (p Part, ok bool)) {
	if d.none {
		return
	}
	g := gatherer{q: &Query{}, t: t, kept: d.kept, heaviest: d.heaviest, fastest: d.fastest}
	g.begin(len(d.Rows))
	clear(t.named)
	if g.sampled() {
		t.shares.reset(len(d.Rows))
		t.parts = t.parts[:0]
		for _, n := range d.series {
			t.clusters = append(t.clusters, cluster{series: n})
		}
	}
	for i := range d.Rows {
		r := &d.Rows[i]
		p, ok := ask(i)
		if !ok {
			continue
		}
		g.seen = true
		t.example(examples, r.hash, func() series.Labels { return r.Labels })
		a := amounts{ofSeries: 1, ofPerSecond: p.PerSecond}
		g.add(r.family, &a)
		for _, k := range p.Groups {
			g.addTo(t.number(k), r.family, &a)
		}
	}
	if g.seen {
		t.metrics++
	}
	g.finish(d.total)
}

// number returns the number in t.here of the group called k.
func (t *Tally) number(k GroupKey) int {
	n, ok := t.named[k]
	if !ok {
		if t.named == nil {
			t.named = map[GroupKey]int{}
		}
		n = len(t.here)
		t.named[k] = n
		t.here, t.exact = append(t.here, t.group(k[:])), append(t.exact, amounts{})
	}
	return n
}
