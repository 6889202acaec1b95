package inventory

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
)

func gather(q *Query, part int64, metrics ...*Metric) Result {
	var t Tally
	for _, m := range metrics {
		m.Gather(part, q, 0, 0, &t)
	}
	return t.Result()
}

func TestExactMetricsAnswerExactly(t *testing.T) {
	v := New()
	a, b := v.NewMetric(), v.NewMetric()
	for i, text := range []string{
		`a{job="x",zone="1"}`, `a{job="x",zone="2"}`, `a{job="y"}`, `a{job="y",zone="2"}`,
	} {
		s := sighting(t, 1, text)
		s.IntervalMs = []uint32{10_000, 20_000, 0, 0}[i]
		s.Forwarded = i%2 == 0
		a.Observe(s)
	}
	s := sighting(t, 1, `b{job="x",zone="1"}`)
	s.IntervalMs = 5000
	b.Observe(s)
	const mean = (0.1 + 0.05) / 2 // of a

	tests := []struct {
		name string
		q    Query
		want Result
	}{
		{"all", Query{}, Result{
			Series: Estimate{5, 0}, Forwarded: Estimate{3, 0}, PerSecond: Estimate{0.15 + 2*mean + 0.2, 0}, Metrics: 2}},
		{"one of two selectors", Query{Selectors: []*series.Selector{selector(t, `{job="y",zone=""}`), selector(t, `b`)}}, Result{
			Series: Estimate{2, 0}, Forwarded: Estimate{2, 0}, PerSecond: Estimate{mean + 0.2, 0}, Metrics: 2}},
		{"a function", Query{Match: func(ls series.Labels, v Verdict) bool { return ls.Get("zone") == "2" && v.Team == "checkout" }}, Result{
			Series: Estimate{2, 0}, PerSecond: Estimate{0.05 + mean, 0}, Metrics: 1}},
		{"nothing", Query{Selectors: []*series.Selector{selector(t, `{job="z"}`)}}, Result{}},
		{"by two labels", Query{By: []string{"zone", "job"}}, Result{
			Series: Estimate{5, 0}, Forwarded: Estimate{3, 0}, PerSecond: Estimate{0.15 + 2*mean + 0.2, 0}, Metrics: 2,
			Groups: []Group{
				{[]string{"1", "x"}, Estimate{2, 0}, Estimate{0.3, 0}},
				{[]string{"", "y"}, Estimate{1, 0}, Estimate{mean, 0}},
				{[]string{"2", "x"}, Estimate{1, 0}, Estimate{0.05, 0}},
				{[]string{"2", "y"}, Estimate{1, 0}, Estimate{mean, 0}},
			}}},
		{"by a label that nobody has", Query{By: []string{"pod"}, Selectors: []*series.Selector{selector(t, `b`)}}, Result{
			Series: Estimate{1, 0}, Forwarded: Estimate{1, 0}, PerSecond: Estimate{0.2, 0}, Metrics: 1,
			Groups: []Group{{[]string{""}, Estimate{1, 0}, Estimate{0.2, 0}}}}},
	}
	close := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, gather(&tt.q, 1, a, b), close); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSelectorsMatchRowsAsTheyMatchLabels(t *testing.T) {
	texts := []string{
		`{a="1"}`, `{a!="1",le=~"."}`, `{a=~"1|2",pod!=""}`, `m_bucket{pod=""}`, `{__name__=~"m.*",le!~"[0-4]"}`, `other`,
	}
	rapid.Check(t, func(t *rapid.T) {
		var selectors []*series.Selector
		for _, text := range rapid.SliceOfN(rapid.SampledFrom(texts), 0, 3).Draw(t, "selectors") {
			s, err := series.ParseSelector(text)
			if err != nil {
				t.Fatal(err)
			}
			selectors = append(selectors, s)
		}
		m := New().NewMetric()
		want := map[string]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "series") {
			ls := anySeries().Draw(t, "labels")
			m.Observe(seen(1, ls))
			if len(selectors) == 0 || slices.ContainsFunc(selectors, func(s *series.Selector) bool { return s.Matches(ls) }) {
				want[ls.String()] = true
			}
		}
		r := gather(&Query{Selectors: selectors, Examples: 100}, 1, m)
		got := map[string]bool{}
		for _, ls := range r.Examples {
			got[ls.String()] = true
		}
		if diff := cmp.Diff(want, got); diff != "" || int(r.Series.Value) != len(want) {
			t.Fatalf("%v series (-want +got):\n%s", r.Series, diff)
		}
	})
}

func TestExamplesAreThoseOfTheSmallestHashes(t *testing.T) {
	list := workload("m", 500)
	m := New().NewMetric()
	observe(m, 1, list)
	slices.SortFunc(list, func(a, b series.Labels) int {
		x, y := seen(1, a).Hash, seen(1, b).Hash
		if x < y {
			return -1
		}
		return 1
	})
	got := gather(&Query{Examples: 7}, 1, m, m).Examples
	if diff := cmp.Diff(list[:7], got); diff != "" {
		t.Errorf("examples (-want +got):\n%s", diff)
	}
}

func TestNoneSeenInASampleIsAnUpperBound(t *testing.T) {
	m := filled(4000)
	none := &Query{Selectors: []*series.Selector{selector(t, `{pod="none"}`)}}
	if r := gather(none, 1, m); r.AtMost != 0 || r.Series != (Estimate{}) {
		t.Errorf("of an exact metric: %+v", r)
	}
	for m.Lowerable() {
		m.Lower()
	}
	// 64 of 4000 are kept: 3 out of 64 would be 187 of 4000 (the rule of three).
	r := gather(none, 1, m)
	if r.Series.Value != 0 || r.AtMost < 130 || r.AtMost > 260 || r.Series.Error != r.AtMost || r.Metrics != 0 {
		t.Errorf("of a sample: %+v", r)
	}
	if r := gather(none, 7, m); r.AtMost == 0 {
		t.Errorf("of a sample that nothing is left of: %+v", r)
	}
}

// Whole metrics, of histograms of different sizes, in a new sample each: labels are
// salted, so that hashes are others.
func TestGatheredIntervalsHold(t *testing.T) {
	const trials, families = 200, 200
	type question struct {
		name string
		q    Query
		want func(family, le int) (series, perSecond float64)
		held [3]int
	}
	size := func(family int) int { return []int{3, 8, 12, 12, 12, 20}[family%6] }
	rate := func(family int) float64 { return []float64{0.1, 0.05, 0.2}[family%3] }
	if_ := func(yes bool, family int) (float64, float64) {
		if yes {
			return 1, rate(family)
		}
		return 0, 0
	}
	questions := []*question{
		{name: "all", want: func(f, le int) (float64, float64) { return if_(true, f) }},
		{name: "one value of le", q: Query{Selectors: []*series.Selector{selector(t, `{le="2"}`)}},
			want: func(f, le int) (float64, float64) { return if_(le == 2, f) }},
		{name: "a few families", q: Query{Selectors: []*series.Selector{selector(t, `{pod=~"pod-[0-9]"}`)}},
			want: func(f, le int) (float64, float64) { return if_(f < 10, f) }},
		{name: "most families", q: Query{Selectors: []*series.Selector{selector(t, `m_bucket{pod!~"pod-[0-9]"}`)}},
			want: func(f, le int) (float64, float64) { return if_(f >= 10, f) }},
		{name: "a third", q: Query{Selectors: []*series.Selector{selector(t, `{pod=~".*[147]"}`)}, By: []string{"le"}},
			want: func(f, le int) (float64, float64) { return if_(f%10 == 1 || f%10 == 4 || f%10 == 7, f) }},
	}
	groups, groupsHeld := 0, 0
	for trial := range trials {
		m := New().NewMetric()
		all := 0.0
		for f := range families {
			for le := range size(f) {
				s := seen(1, series.Labels{
					{Name: series.MetricName, Value: "m_bucket"}, {Name: "le", Value: fmt.Sprint(le)},
					{Name: "pod", Value: fmt.Sprintf("pod-%d", f)}, {Name: "salt", Value: fmt.Sprint(trial)},
				})
				s.IntervalMs = uint32(1000 / rate(f))
				m.Observe(s)
				all++
			}
		}
		m.Lower()
		if trial%2 == 1 {
			m.Lower()
		}
		for _, q := range questions {
			series, perSecond, byLe := 0.0, 0.0, map[string]float64{}
			for f := range families {
				for le := range size(f) {
					n, r := q.want(f, le)
					series, perSecond = series+n, perSecond+r
					byLe[fmt.Sprint(le)] += n
				}
			}
			for i, known := range []float64{0, all} {
				var tally Tally
				m.Gather(1, &q.q, known, 0, &tally)
				r := tally.Result()
				if math.Abs(r.Series.Value-series) <= r.Series.Error {
					q.held[i]++
				}
				if i == 0 && math.Abs(r.PerSecond.Value-perSecond) <= r.PerSecond.Error {
					q.held[2]++
				}
				for _, g := range r.Groups {
					groups++
					if math.Abs(g.Series.Value-byLe[g.Values[0]]) <= g.Series.Error {
						groupsHeld++
					}
				}
			}
		}
	}
	for _, q := range questions {
		for i, what := range []string{"series", "series by the total", "samples per second"} {
			if got := float64(q.held[i]) / trials; got < 0.94 {
				t.Errorf("%s: %.3f of the intervals of %s hold", q.name, got, what)
			}
		}
	}
	if got := float64(groupsHeld) / float64(groups); got < 0.95 {
		t.Errorf("%.3f of the intervals of groups hold", got)
	}
}
