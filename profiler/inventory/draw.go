package inventory

import (
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// A Drawn is a row apart from its metric: what is asked of it may take its time.
type Drawn struct {
	Labels    series.Labels // those of Draw.Names; valid until the next Draw, its strings may be kept
	Family    sketch.Hash
	Verdict   Verdict
	PerSecond float64 // samples; that of its metric's series where it is unknown

	Kind   int // see kinds
	Series int // of the same metric and kind that the row stands for; PerSecond is their mean

	IntervalMs   uint32 // 0 where that is unknown
	Le, Quantile bool   // it has the label, in Labels or not

	sum    uint64
	family int // number of its family in the draw
}

func (r *Drawn) hash() sketch.Hash { return sketch.Final(r.sum) }

// join adds a row with so many samples per second.
func (r *Drawn) join(perSecond float64) {
	r.Series++
	r.PerSecond += (perSecond - r.PerSecond) / float64(r.Series)
}

// A Draw holds rows of one metric, and what it takes to estimate by them without the
// metric. The zero value is ready; its memory serves one metric after the other.
type Draw struct {
	// Names are the labels that are asked for; nil for all. Where it is set, rows have
	// a Kind, and Whole says all labels of a row that is an example, nil where it is
	// gone.
	Names []string
	Whole func(*Drawn) series.Labels

	// Each is set where every row is asked for: else one row of an exact metric stands
	// for all of its kind.
	Each bool

	// Alone is how many rows stand for themselves nevertheless, so that there are
	// examples: each one that does counts it down.
	Alone int

	Rows []Drawn

	m        *Metric
	labels   []series.Label
	matching matching
	families numbering
	series   []float64 // of each family, drawn or not
	kept     cut
	heaviest int32
	mean     float64 // samples per second of a row of unknown interval
	fastest  float64
	total    float64
	kinds
}

// Draw puts those rows of m into d that were seen in the window that ends with part
// and that a selector matches; no selector matches all. total is as in
// [Metric.Gather]; each is how many samples per second series are taken to have where
// no interval is known of any.
func (m *Metric) Draw(part int64, selectors []*series.Selector, total, each float64, d *Draw) {
	received, _ := m.Active(part)
	d.Rows, d.labels, d.series = d.Rows[:0], d.labels[:0], d.series[:0]
	d.m, d.kept, d.heaviest, d.total, d.fastest = m, m.complete(part), m.heaviest, total, 0
	sampled := d.kept != everything
	if received == 0 && !sampled {
		return
	}
	d.matching.begin(m.v, selectors)
	if sampled {
		d.families.reset(received)
		d.rate(part, each) // what is in no sample may be as fast as any
	}
	for b, r := range m.active(part) {
		family := 0
		if sampled {
			hash, f := r.hash(), m.v.family(b, r)
			if !d.kept.admits(f, hash) {
				continue
			}
			var fresh bool
			if family, fresh = d.families.number(uint64(f)); fresh {
				d.series = append(d.series, 0)
			}
			d.series[family]++
		}
		ids, s := b.ids[r.at:], m.v.shapeOf(r)
		if !d.matching.matches(s, ids) {
			continue
		}
		if len(d.Rows) == 0 {
			d.rate(part, each)
			d.kinds.begin(m.v, d.Names)
		}
		d.row(b, r, s, ids, family, !sampled && !d.Each)
	}
}

// rate finds how many samples per second a row of unknown interval has, and the
// fastest, where that is not done.
func (d *Draw) rate(part int64, each float64) {
	if d.fastest != 0 {
		return
	}
	if d.mean, d.fastest = d.m.rates(part); d.fastest == 0 {
		d.mean, d.fastest = each, each
	}
}

// row adds r, a row of b, to one of its kind where that may be, else as one more.
func (d *Draw) row(b *block, r *row, s *shape, ids []uint32, family int, join bool) {
	perSecond := d.mean
	if rate := r.interval.perSecond(); rate > 0 {
		perSecond = rate
	}
	kind, at := 0, -1
	if d.Names != nil {
		kind, at = d.kinds.find(r, s, ids, perSecond, len(d.Rows))
	}
	if at >= 0 && join {
		if d.Alone == 0 {
			d.Rows[at].join(perSecond)
			return
		}
		d.Alone--
	}
	v := d.m.v
	x := Drawn{
		Kind: kind, Series: 1, Family: v.family(b, r), Verdict: v.verdicts.of(r.verdict), PerSecond: perSecond,
		IntervalMs: r.interval.ms(), sum: r.sum, family: family, Le: s.column(sketch.Le) >= 0, Quantile: s.column(sketch.Quantile) >= 0,
	}
	from := len(d.labels)
	switch {
	case at >= 0:
		x.Labels = d.Rows[at].Labels
	case d.Names == nil:
		d.labels = v.labels(b, r, d.labels)
		x.Labels = d.labels[from:len(d.labels):len(d.labels)]
	default:
		for i, c := range d.kinds.all {
			d.labels = append(d.labels, series.Label{Name: d.kinds.names[i], Value: v.values.text(ids[c])})
		}
		x.Labels = d.labels[from:len(d.labels):len(d.labels)]
	}
	d.Rows = append(d.Rows, x)
}

// LabelsOf returns all labels of a row that was drawn of m, nil where it is gone.
func (m *Metric) LabelsOf(x *Drawn) series.Labels {
	for b, r := range m.all() {
		if r.sum == x.sum {
			return m.v.labels(b, r, nil)
		}
	}
	return nil
}

// None reports whether the draw says for certain that there is nothing.
func (d *Draw) None() bool { return d.kept == everything && len(d.Rows) == 0 }

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
// second of each of its series are asked for, and which groups it is in; ok is false where it is
// not asked for. The rows asked for are Result.Series. Up to examples of them are
// named.
func (d *Draw) AddTo(t *Tally, examples int, ask func(row int) (p Part, ok bool)) {
	if d.None() {
		return
	}
	g := gatherer{q: &Query{}, t: t, kept: d.kept, heaviest: d.heaviest, fastest: d.fastest}
	g.begin(len(d.Rows))
	clear(t.named)
	t.latest = t.latest[:0]
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
		t.example(examples, r.hash(), func() series.Labels { return d.whole(r) })
		a := amounts{ofSeries: float64(r.Series), ofPerSecond: float64(r.Series) * p.PerSecond}
		g.add(r.family, &a)
		for place, k := range p.Groups {
			g.addTo(t.number(place, k), r.family, &a)
		}
	}
	if g.seen {
		t.metrics++
	}
	g.finish(d.total)
}

// whole returns all labels of a row.
func (d *Draw) whole(r *Drawn) series.Labels {
	if d.Names == nil || d.Whole == nil {
		return r.Labels
	}
	return d.Whole(r)
}

// number returns the number in t.here of the group called k, which a row has at that
// place among its groups: mostly it is that of the row before.
func (t *Tally) number(place int, k GroupKey) int {
	for len(t.latest) <= place {
		t.latest = append(t.latest, numberedGroup{number: -1})
	}
	latest := &t.latest[place]
	if latest.number >= 0 && latest.key == k {
		return latest.number
	}
	n, ok := t.named[k]
	if !ok {
		if t.named == nil {
			t.named = map[GroupKey]int{}
		}
		n = len(t.here)
		t.named[k] = n
		t.here, t.exact = append(t.here, t.group(k[:])), append(t.exact, amounts{})
	}
	*latest = numberedGroup{k, n}
	return n
}

// A numberedGroup is a group's key and its number.
type numberedGroup struct {
	key    GroupKey
	number int
}
