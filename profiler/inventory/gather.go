package inventory

import (
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// gathering is the memory in which one metric after the other is looked at.
type gathering struct {
	matching matching
	labels   series.Labels
	key      []byte
	values   []string

	families numbering
	clusters []cluster // by number of the family

	columns  []int     // of the labels that make groups, in the shape at hand
	groupIDs numbering // of the values' numbers
	named    map[GroupKey]int
	latest   []numberedGroup // by place among the groups of a row
	here     []*group        // the groups of this metric
	exact    []amounts       // of each of them, where the metric is exact
	shares   numbering       // of family and group
	parts    []share
	moments  [][quantities]moments // by number of the group
}

// Gather adds to t what the rows of m say of q, over the window that ends with
// part. total is how many series m has where that is known from elsewhere, and 0
// otherwise; where it helps, series are estimated by their share of it. each is how
// many samples per second series are taken to have where no interval is known of any.
//
// A sampled metric is taken to be one that may have such series, even if none was
// seen. So leave out those that cannot, by their name.
func (m *Metric) Gather(part int64, q *Query, total, each float64, t *Tally) {
	received, _ := m.Active(part)
	kept := m.complete(part)
	if received == 0 && kept == everything {
		return
	}
	t.matching.begin(m.v, q.Selectors)
	g := gatherer{m: m, v: m.v, q: q, t: t, part: part, each: each, kept: kept, oldest: max(part, m.newest) - sketch.Parts + 1, heaviest: m.heaviest}
	g.begin(received)
	if g.sampled() { // what is in no sample may be as fast as any
		g.rate()
	}
	for b, r := range m.active(part) {
		g.row(b, r)
	}
	if g.seen {
		t.metrics++
	}
	g.finish(total)
}

// A gatherer looks at one metric for one query.
type gatherer struct {
	m      *Metric
	v      *Inventory
	q      *Query
	t      *Tally
	part   int64
	oldest int64   // part of the window
	each   float64 // samples per second of a series where no interval is known
	kept   cut

	heaviest int32 // series of a family, as Metric.heaviest

	rated   bool    // mean and fastest are known
	mean    float64 // samples per second of a series of known interval
	fastest float64 // the most
	shape   *shape  // of the latest row

	judged, accepted bool // what Query.Verdict said of the latest verdict
	verdict          uint16

	all  amounts // asked for, where the metric is exact
	seen bool    // some were asked for
}

func (g *gatherer) sampled() bool { return g.kept != everything }

func (g *gatherer) begin(rows int) {
	t := g.t
	t.here, t.exact = t.here[:0], t.exact[:0]
	if len(g.q.By) > 0 {
		t.groupIDs.reset(rows)
	}
	if g.sampled() {
		t.families.reset(rows)
		t.clusters = t.clusters[:0]
		if len(g.q.By) > 0 {
			t.shares.reset(rows)
			t.parts = t.parts[:0]
		}
	}
}

// rates returns what series of unknown interval count as, the mean of the others in
// samples per second, and the rate of the fastest.
func (m *Metric) rates(part int64) (mean, fastest float64) {
	n := 0
	last, rate := interval(0), 0.0
	for _, r := range m.active(part) {
		if r.interval != last {
			last, rate = r.interval, r.interval.perSecond()
		}
		if rate > 0 {
			mean += rate
			fastest = max(fastest, rate)
			n++
		}
	}
	if n > 0 {
		mean /= float64(n)
	}
	return mean, fastest
}

// rate finds the mean and the fastest. Where no row is asked for, that is not needed.
func (g *gatherer) rate() {
	g.rated = true
	if g.mean, g.fastest = g.m.rates(g.part); g.fastest == 0 {
		g.mean, g.fastest = g.each, g.each
	}
}

// row looks at r, a row of b.
func (g *gatherer) row(b *block, r *row) {
	t := g.t
	family := 0
	if g.sampled() {
		hash, f := r.hash(), g.v.family(b, r)
		if !g.kept.admits(f, hash) {
			return
		}
		var fresh bool
		if family, fresh = t.families.number(uint64(f)); fresh {
			t.clusters = append(t.clusters, cluster{})
		}
		t.clusters[family].series++
	}
	if g.q.Verdict != nil && !g.accepts(r.verdict) {
		return
	}
	ids := b.ids[r.at:]
	s := g.v.shapeOf(r)
	if !t.matching.matches(s, ids) {
		return
	}
	if g.q.Match != nil {
		t.labels = g.v.labels(b, r, t.labels[:0])
		if !g.q.Match(t.labels, g.v.verdicts.of(r.verdict)) {
			return
		}
	}
	if !g.rated {
		g.rate()
	}
	a := amounts{ofSeries: 1, ofPerSecond: g.mean}
	if rate := r.interval.perSecond(); rate > 0 {
		a[ofPerSecond] = rate
	}
	if g.q.Passes != nil {
		var ok bool
		if a[ofPerSecond], ok = g.q.Passes(g.v.verdicts.of(r.verdict), a[ofPerSecond]); !ok {
			return
		}
	}
	if r.forwarded.since(g.oldest, g.m.newest) {
		a[ofForwarded] = 1
	}
	g.seen = true
	if g.q.Examples > 0 {
		t.example(g.q.Examples, r.hash(), func() series.Labels { return g.v.labels(b, r, nil) })
	}
	g.note(family, s, ids, &a)
}

// accepts reports whether the query accepts a verdict.
func (g *gatherer) accepts(verdict uint16) bool {
	if !g.judged || verdict != g.verdict {
		g.judged, g.verdict, g.accepted = true, verdict, g.q.Verdict(g.v.verdicts.of(verdict))
	}
	return g.accepted
}

// note adds what one series has to its family and group.
func (g *gatherer) note(family int, s *shape, ids []uint32, a *amounts) {
	g.add(family, a)
	if len(g.q.By) > 0 {
		g.addTo(g.group(s, ids), family, a)
	}
}

// add adds what one series has to its family.
func (g *gatherer) add(family int, a *amounts) {
	if g.sampled() {
		g.t.clusters[family].note(a)
	} else {
		g.all.add(a)
	}
}

// addTo adds what one series has to the group numbered n.
func (g *gatherer) addTo(n, family int, a *amounts) {
	t := g.t
	if !g.sampled() {
		t.exact[n].add(a)
		return
	}
	i, fresh := t.shares.number(uint64(family)<<32 | uint64(n))
	if fresh {
		t.parts = append(t.parts, share{family: family, group: n})
	}
	t.parts[i].note(a)
}

// group returns the number in t.here of the group of a row with these values.
func (g *gatherer) group(s *shape, ids []uint32) int {
	t := g.t
	if s != g.shape {
		g.shape = s
		t.columns = t.columns[:0]
		for _, name := range g.q.By {
			t.columns = append(t.columns, s.column(name))
		}
	}
	// Values are numbered one after the other: what came so far, then the next.
	n := -1
	for _, c := range t.columns {
		key := uint64(n+1) << 32
		if c >= 0 {
			key |= uint64(ids[c]) + 1
		}
		k, fresh := t.groupIDs.number(key)
		if fresh {
			t.here, t.exact = append(t.here, nil), append(t.exact, amounts{})
		}
		n = k
	}
	if t.here[n] == nil {
		t.values = t.values[:0]
		for _, c := range t.columns {
			value := ""
			if c >= 0 {
				value = g.v.values.text(ids[c])
			}
			t.values = append(t.values, value)
		}
		t.here[n] = t.group(t.values)
	}
	return n
}
