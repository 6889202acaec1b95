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

	// Like is the number of the first row with the same Labels, Verdict and PerSecond:
	// its own where there is none before. Series is how many such rows it stands for.
	Like, Series int

	IntervalMs   uint32 // 0 where that is unknown
	Le, Quantile bool   // it has the label, in Labels or not

	sum    uint64
	family int // number of its family in the draw
}

func (r *Drawn) hash() sketch.Hash { return sketch.Final(r.sum) }

// A Draw holds rows of one metric, and what it takes to estimate by them without the
// metric. The zero value is ready; its memory serves one metric after the other.
type Draw struct {
	// Names are the labels that are asked for; nil for all, and then no row is like
	// another. Where it is set, Whole says all labels of a row that is an example, nil
	// where it is gone.
	Names []string
	Whole func(*Drawn) series.Labels

	// Each is set where every row is asked for: else one row of an exact metric stands
	// for all that are like it.
	Each bool

	Rows []Drawn

	labels   []series.Label
	matching matching
	families numbering
	series   []float64 // of each family, drawn or not
	kept     cut
	heaviest int32
	fastest  float64
	total    float64
	drawing
}

// A drawing is what a draw knows of the metric at hand.
type drawing struct {
	m       *Metric
	mean    float64  // samples per second of a row of unknown interval
	columns []int    // of Draw.Names, in the shape at hand
	names   []string // that stand there
	shape   *shape
	first   int // number in kinds of the shape at hand
	kinds   numbering
	rows    []int // the first row of each kind, by number
	last    *row  // that was drawn, with its values and the number of what it is like
	ids     []uint32
	like    int
}

// Draw puts those rows of m into d that were seen in the window that ends with part
// and that a selector matches; no selector matches all. total is as in
// [Metric.Gather]; each is how many samples per second series are taken to have where
// no interval is known of any.
func (m *Metric) Draw(part int64, selectors []*series.Selector, total, each float64, d *Draw) {
	received, _ := m.Active(part)
	d.Rows, d.labels, d.series = d.Rows[:0], d.labels[:0], d.series[:0]
	d.kept, d.heaviest, d.total, d.fastest = m.complete(part), m.heaviest, total, 0
	d.m, d.shape, d.last, d.rows = m, nil, nil, d.rows[:0]
	sampled := d.kept != everything
	if received == 0 && !sampled {
		return
	}
	d.matching.begin(m.v, selectors)
	if sampled {
		d.families.reset(received)
		d.rate(part, each)
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
			d.kinds.reset(received)
		}
		like := d.likeness(r, s, ids)
		if like < len(d.Rows) && !d.Each && !sampled {
			d.Rows[like].Series++
			continue
		}
		d.draw(b, r, like, family)
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

// likeness returns the number of the row that r is like, or of the next one.
func (d *Draw) likeness(r *row, s *shape, ids []uint32) int {
	if d.Names == nil {
		return len(d.Rows)
	}
	if s != d.shape {
		d.shape, d.last = s, nil
		d.columns, d.names = d.columns[:0], d.names[:0]
		for _, name := range d.Names {
			if c := s.column(name); c >= 0 {
				d.columns, d.names = append(d.columns, c), append(d.names, name)
			}
		}
		d.first = d.kind(1<<63 | uint64(r.shape&^inFamily))
	}
	if d.last != nil && d.last.verdict == r.verdict && d.last.interval == r.interval && d.same(ids) {
		return d.like
	}
	// Values are numbered one after the other: what came so far, then the next.
	n := d.first
	for _, c := range d.columns {
		n = d.kind(uint64(n+1)<<32 | uint64(ids[c]))
	}
	n = d.kind(uint64(n+1)<<32 | uint64(r.verdict)<<16 | uint64(r.interval))
	if d.rows[n] < 0 {
		d.rows[n] = len(d.Rows)
	}
	d.last, d.ids, d.like = r, ids, d.rows[n]
	return d.like
}

// kind returns the number of what begins with key.
func (d *Draw) kind(key uint64) int {
	n, fresh := d.kinds.number(key)
	if fresh {
		d.rows = append(d.rows, -1)
	}
	return n
}

// same reports whether the labels that are asked for are those of the last row.
func (d *Draw) same(ids []uint32) bool {
	for _, c := range d.columns {
		if ids[c] != d.ids[c] {
			return false
		}
	}
	return true
}

// draw adds r, a row of b.
func (d *Draw) draw(b *block, r *row, like, family int) {
	v := d.m.v
	x := Drawn{
		Like: like, Series: 1, Family: v.family(b, r), Verdict: v.verdicts.of(r.verdict), PerSecond: d.mean,
		IntervalMs: r.interval.ms(), sum: r.sum, family: family,
	}
	if rate := r.interval.perSecond(); rate > 0 {
		x.PerSecond = rate
	}
	s := v.shapeOf(r)
	x.Le, x.Quantile = s.column(sketch.Le) >= 0, s.column(sketch.Quantile) >= 0
	switch {
	case like < len(d.Rows):
		x.Labels = d.Rows[like].Labels
	case d.Names == nil:
		from := len(d.labels)
		d.labels = v.labels(b, r, d.labels)
		x.Labels = d.labels[from:len(d.labels):len(d.labels)]
	default:
		from := len(d.labels)
		for i, c := range d.columns {
			d.labels = append(d.labels, series.Label{Name: d.names[i], Value: v.values.text(b.ids[int(r.at)+c])})
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
		for _, k := range p.Groups {
			g.addTo(t.number(k), r.family, &a)
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
