package profiler

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/axiomhq/hyperloglog"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

// A LabelsRow is a label name over all metrics that have it.
type LabelsRow struct {
	Label       string
	Values      float64 // unique
	ValuesError float64 // standard error, in values; 0 where it is exact
	Metrics     int
	Series      float64
}

// Labels returns the labels of the metrics that match means, and whose names name
// accepts, the one with the most values first; a nil name accepts all. Those of all
// metrics may be half a minute old.
func (p *Profiler) Labels(t tenant.ID, match []*series.Selector, name func(metric string) bool) ([]LabelsRow, error) {
	f := p.profile(t)
	switch {
	case f == nil:
		return nil, nil
	case len(match) == 0 && name == nil:
		return f.survey(p.clock.At(time.Now()), 0).labels, nil
	}
	pairs, large := f.pairs(p.clock.At(time.Now()).Part, match, name)
	return labelsOf(pairs.Labels(), large), nil
}

// labelsOf returns the rows of what was counted.
func labelsOf(list []inventory.PairLabel, large map[string]*hyperloglog.Sketch) []LabelsRow {
	var rows []LabelsRow
	for _, l := range list {
		if l.Name == series.MetricName {
			continue
		}
		r := LabelsRow{Label: l.Name, Values: float64(len(l.Values)), Metrics: l.Metrics, Series: l.Series}
		if u := large[l.Name]; u != nil { // metrics that are samples have values that no row has
			for _, v := range l.Values {
				u.InsertHash(uint64(sketch.Value(v.Value)))
			}
			r.Values = max(r.Values, float64(sketch.Estimate(u)))
			r.ValuesError = r.Values * sketch.StandardError(precisionLarge)
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b LabelsRow) int {
		return cmp.Or(cmp.Compare(b.Values, a.Values), cmp.Compare(a.Label, b.Label))
	})
	return rows
}

// A survey is what a look at every row of a tenant told: half a second at a million
// of them, so it serves for a while.
type survey struct {
	at         int64 // unix seconds
	most       int   // names in each list
	labels     []LabelsRow
	labelPairs uint64

	valuesByLabel, bytesByLabel, seriesByPair []NamedCount
}

const (
	surveyFor   = 30 // seconds
	surveyNames = 100
)

// survey returns a survey with up to most names in each list, or more.
func (f *profile) survey(at Moment, most int) *survey {
	f.surveying.Lock() // who asks at the same time waits for the same
	defer f.surveying.Unlock()
	if s := f.surveyed; s != nil && at.Unix-s.at < surveyFor && s.most >= most {
		return s
	}
	s := &survey{at: at.Unix, most: max(most, surveyNames)}
	pairs, large := f.pairs(at.Part, nil, nil)
	list := pairs.Labels()
	s.labels = labelsOf(list, large)
	values, bytes, byPair := leaders{most: s.most}, leaders{most: s.most}, leaders{most: s.most}
	for _, l := range list {
		size := 0.0
		for i, v := range l.Values {
			size += float64(len(l.Name)+len(v.Value)+lengthBytes) * v.Series
			if i < s.most { // they come with the greatest first
				byPair.add(whole(v.Series), l.Name, "=", v.Value)
			}
		}
		s.labelPairs += uint64(len(l.Values))
		values.add(uint64(len(l.Values)), l.Name)
		bytes.add(whole(size), l.Name)
	}
	s.valuesByLabel, s.bytesByLabel, s.seriesByPair = values.sorted(), bytes.sorted(), byPair.sorted()
	f.surveyed = s
	return s
}

// pairs counts label pairs over the rows that match, of metrics that name accepts, and
// unites the values of labels of metrics that are not exact.
func (f *profile) pairs(part int64, match []*series.Selector, name func(string) bool) (*inventory.Pairs, map[string]*hyperloglog.Sketch) {
	pairs := f.inventory.NewPairs()
	large := map[string]*hyperloglog.Sketch{}
	f.eachOf(newFilter(match), func(m *metric) {
		if name != nil && !name(m.name) {
			return
		}
		m.rows.CountPairs(part, match, total(m, part), pairs)
		if m.exact(part) || !m.sketches.labelled {
			return
		}
		for i := range m.sketches.labels {
			l := &m.sketches.labels[i]
			u := l.values.Union(part)
			if before := large[l.name]; before != nil {
				if err := before.Merge(u); err == nil {
					continue
				}
			}
			large[l.name] = u
		}
	})
	return pairs, large
}

// A NamedCount is a name with a number.
type NamedCount struct {
	Name  string
	Value uint64
}

// TSDBStats are what Prometheus' /api/v1/status/tsdb tells, over the window.
type TSDBStats struct {
	NumSeries, NumLabelPairs uint64
	MinTime, MaxTime         time.Time // the window

	SeriesByMetric, ValuesByLabel, BytesByLabel, SeriesByPair []NamedCount // greatest first
}

// TSDB returns the statistics of a tenant with up to limit names in each list. Those
// of labels may be half a minute old.
func (p *Profiler) TSDB(t tenant.ID, limit int) TSDBStats {
	now := time.Now()
	s := TSDBStats{MinTime: now.Add(-p.clock.Window()), MaxTime: now}
	f := p.profile(t)
	if f == nil {
		return s
	}
	page, err := p.Metrics(Query{Tenant: t, Limit: limit})
	if err != nil { // the query is ours and has nothing that can be wrong
		panic(err)
	}
	s.NumSeries = whole(page.TotalSeries)
	for _, m := range page.Metrics {
		s.SeriesByMetric = append(s.SeriesByMetric, NamedCount{m.Metric, whole(m.Series)})
	}
	of := f.survey(p.clock.At(now), limit)
	s.NumLabelPairs = of.labelPairs
	first := func(list []NamedCount) []NamedCount { return list[:min(limit, len(list))] }
	s.ValuesByLabel, s.BytesByLabel, s.SeriesByPair = first(of.valuesByLabel), first(of.bytesByLabel), first(of.seriesByPair)
	return s
}

// lengthBytes is what the lengths of a name and a value take in Prometheus' labels.
const lengthBytes = 2

// whole rounds what is a whole number in meaning.
func whole(x float64) uint64 { return uint64(math.Round(x)) }

// leaders are the most names with the greatest numbers.
type leaders struct {
	most int
	list []NamedCount
}

// add adds the name that parts make.
func (ls *leaders) add(n uint64, parts ...string) {
	ls.list = append(ls.list, NamedCount{strings.Join(parts, ""), n})
	if len(ls.list) > 4*ls.most+64 {
		ls.list = ls.sorted()
	}
}

func (ls *leaders) sorted() []NamedCount {
	slices.SortFunc(ls.list, func(a, b NamedCount) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Name, b.Name))
	})
	return ls.list[:min(ls.most, len(ls.list))]
}
