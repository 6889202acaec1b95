package inventory

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// labelsOf counts labels the long way: by the texts of the series.
func labelsOf(list map[string]series.Labels, top int) []Label {
	values := map[string]map[string]uint32{}
	for _, ls := range list {
		for _, l := range ls[1:] {
			if values[l.Name] == nil {
				values[l.Name] = map[string]uint32{}
			}
			values[l.Name][l.Value]++
		}
	}
	var want []Label
	for name, counts := range values {
		without := map[string]bool{}
		for _, ls := range list {
			rest := slices.DeleteFunc(slices.Clone(ls), func(l series.Label) bool { return l.Name == name })
			without[rest.String()] = true
		}
		l := Label{Name: name, Values: len(counts), SeriesWithout: len(without)}
		for v, n := range counts {
			l.Top = append(l.Top, sketch.Item{Value: v, Count: n})
		}
		slices.SortFunc(l.Top, func(a, b sketch.Item) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
		})
		l.Top = l.Top[:min(top, len(l.Top))]
		want = append(want, l)
	}
	slices.SortFunc(want, func(a, b Label) int { return cmp.Compare(a.Name, b.Name) })
	return want
}

func TestLabelsAreCountedAsByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := New().NewMetric()
		list := map[string]series.Labels{}
		m.Observe(seen(0, series.Labels{{Name: series.MetricName, Value: "m"}, {Name: "old", Value: "x"}}))
		for range rapid.IntRange(0, 60).Draw(t, "series") {
			ls := anySeries().Draw(t, "labels")
			list[ls.String()] = ls
			m.Observe(seen(6, ls)) // when the first has left the window
		}
		top := rapid.IntRange(0, 4).Draw(t, "top")
		if len(list) == 0 {
			return
		}
		if diff := gocmp.Diff(labelsOf(list, top), m.Labels(6, top), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("labels (-want +got):\n%s", diff)
		}
	})
}

func TestAnEmptyValueIsAnAbsentLabel(t *testing.T) {
	m := New().NewMetric()
	m.Observe(seen(1, series.Labels{{Name: series.MetricName, Value: "m"}, {Name: "a", Value: ""}, {Name: "b", Value: "1"}}))
	got := m.Labels(1, 1)
	if len(got) != 1 || got[0].Name != "b" || got[0].SeriesWithout != 1 {
		t.Errorf("labels %+v, want b alone", got)
	}
}

func TestPairsAreCountedAsByHand(t *testing.T) {
	v := New()
	a, b := v.NewMetric(), v.NewMetric()
	for _, text := range []string{`a{job="x",zone="1"}`, `a{job="x",zone="2"}`, `a{job="y"}`} {
		a.Observe(sighting(t, 1, text))
	}
	p := v.NewPairs()
	a.CountPairs(1, nil, 0, p)
	// Between two metrics values come and go, and numbers mean others.
	gone := v.NewMetric()
	gone.Observe(sighting(t, 1, `gone{job="z"}`))
	gone.Release()
	for _, text := range []string{`b{job="x",pod="1"}`, `b{job="w",pod="2"}`} {
		b.Observe(sighting(t, 1, text))
	}
	b.CountPairs(1, nil, 0, p)
	want := []PairLabel{
		{"__name__", 2, 5, []PairValue{{"a", 3}, {"b", 2}}},
		{"job", 2, 5, []PairValue{{"x", 3}, {"w", 1}, {"y", 1}}},
		{"pod", 1, 2, []PairValue{{"1", 1}, {"2", 1}}},
		{"zone", 1, 2, []PairValue{{"1", 1}, {"2", 1}}},
	}
	for range 2 { // asking changes nothing
		if diff := gocmp.Diff(want, p.Labels()); diff != "" {
			t.Errorf("pairs (-want +got):\n%s", diff)
		}
	}

	p = v.NewPairs()
	one := []*series.Selector{selector(t, `{job="x"}`)}
	a.CountPairs(1, one, 0, p)
	b.CountPairs(1, one, 0, p)
	if got := p.Labels()[1]; got.Series != 3 || len(got.Values) != 1 || got.Metrics != 2 {
		t.Errorf("of job=x: %+v", got)
	}
}

func TestPairsOfASampleStandForTheWhole(t *testing.T) {
	m := filled(4000)
	m.Lower()
	for _, known := range []float64{0, 4000} {
		p := m.v.NewPairs()
		m.CountPairs(1, nil, known, p)
		for _, l := range p.Labels() {
			if l.Name == "job" && (l.Series < 3600 || l.Series > 4400 || known > 0 && (l.Series < 3999 || l.Series > 4001)) {
				t.Errorf("total %.0f: job has %.0f series, want about 4000", known, l.Series)
			}
		}
	}
}
