package inventory

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/headgate/headgate/internal/series"
)

// ruled are the labels that rules look at in these tests, and rates what they thin to.
var (
	ruled = []string{series.MetricName, "namespace", "pod", "zone"}
	rates = []float64{1. / 60, 1. / 30}
)

// strangers returns n series of a metric, of several shapes, verdicts and intervals.
func strangers(rng *rand.Rand, metric string, n int) []*Seen {
	var list []*Seen
	for i := range n {
		ls := series.Labels{{Name: series.MetricName, Value: metric}, {Name: "id", Value: fmt.Sprint(i)}}
		for _, name := range []string{"namespace", "pod", "zone"} {
			if rng.IntN(4) > 0 {
				ls = append(ls, series.Label{Name: name, Value: fmt.Sprint(rng.IntN(4))})
			}
		}
		ls.Sort()
		s := seen(1, ls)
		s.Verdict = Verdict{Team: []string{"a", "b"}[rng.IntN(2)], Action: "keep"}
		s.IntervalMs = []uint32{0, 14_998, 15_003, 30_000, 60_000, 61_000}[rng.IntN(6)]
		list = append(list, s)
	}
	return list
}

// tells says what a kind is to be, of a row.
func tells(x *Drawn) string {
	text := x.Verdict.Team
	for _, name := range ruled[1:] {
		text += fmt.Sprintf(" %q", x.Labels.Get(name))
	}
	side := 0
	for _, r := range rates {
		if x.PerSecond > r {
			side++
		}
	}
	return fmt.Sprint(text, " ", side)
}

// Rows that are drawn as one are alike in all that is asked for, of one metric and of
// another, and add up to those that are drawn each.
func TestRowsOfAKindAreAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	v := New()
	one, each := Draw{Names: ruled}, Draw{Names: ruled, Each: true}
	one.Rates, each.Rates = rates, rates
	kinds := map[int]string{}
	merged := 0
	for i := range 20 {
		m := v.NewMetric()
		name := fmt.Sprintf("metric_%d", i)
		for _, s := range strangers(rng, name, 1+rng.IntN(300)) {
			m.Observe(s)
		}
		sel := []*series.Selector{selector(t, `{__name__=~".+",namespace!="2"}`)}
		m.Draw(1, sel, 0, 0.02, &one)
		m.Draw(1, sel, 0, 0.02, &each)
		type sums struct{ series, perSecond float64 }
		got, want := map[string]sums{}, map[string]sums{}
		add := func(to map[string]sums, x *Drawn) {
			s := to[tells(x)]
			to[tells(x)] = sums{s.series + float64(x.Series), s.perSecond + float64(x.Series)*x.PerSecond}
		}
		for n := range one.Rows {
			x := &one.Rows[n]
			add(got, x)
			if before, ok := kinds[x.Kind]; ok && before != tells(x) {
				t.Fatalf("kind %d is %s in %s, and %s before", x.Kind, tells(x), name, before)
			}
			kinds[x.Kind] = tells(x)
			if x.Labels.Metric() != name || x.Labels.Get("id") != "" {
				t.Fatalf("a row of %s has the labels %v, want those asked for", name, x.Labels)
			}
			if whole := m.LabelsOf(x); whole.Get("id") == "" || whole.Get("pod") != x.Labels.Get("pod") {
				t.Fatalf("%v is %v as a whole", x.Labels, whole)
			}
		}
		for n := range each.Rows {
			add(want, &each.Rows[n])
		}
		merged += len(each.Rows) - len(one.Rows)
		if len(got) != len(want) || len(got) != len(one.Rows) {
			t.Fatalf("%s: %d rows of %d kinds, want %d", name, len(one.Rows), len(got), len(want))
		}
		for k, w := range want {
			if g := got[k]; g.series != w.series || math.Abs(g.perSecond-w.perSecond) > 1e-9 {
				t.Errorf("%s: %s are %v, want %v", name, k, g, w)
			}
		}
	}
	if merged == 0 || one.Epoch != 1 {
		t.Errorf("%d rows stand for others, in epoch %d: want some, in the first", merged, one.Epoch)
	}
	if len(kinds) != len(slices.Compact(slices.Sorted(func(yield func(string) bool) {
		for _, text := range kinds {
			if !yield(text) {
				return
			}
		}
	}))) {
		t.Error("two kinds are the same")
	}
}

// Where a value or verdict went, its number may be that of another: kinds are numbered
// anew, and so they are for other labels and rates.
func TestKindsAreNumberedAnew(t *testing.T) {
	v := New()
	m := v.NewMetric()
	observe(m, 1, workload("m", 100))
	gone := v.NewMetric()
	gone.Observe(sighting(t, 1, `gone{pod="that nobody else is"}`))
	d := Draw{Names: ruled}
	epochs := func(what string, want int) {
		t.Helper()
		if m.Draw(1, nil, 0, 0, &d); d.Epoch != want {
			t.Errorf("%s: epoch %d, want %d", what, d.Epoch, want)
		}
	}
	epochs("at first", 1)
	epochs("again", 1)
	gone.Release()
	epochs("when a value went", 2)
	v.verdicts.release(v.verdicts.intern(Verdict{Team: "nobody"}))
	epochs("when a verdict went", 3)
	d.Rates = []float64{1}
	epochs("of other rates", 4)
	d.Names = []string{"pod"}
	epochs("of other labels", 5)
	other := New()
	m = other.NewMetric()
	observe(m, 1, workload("m", 100))
	epochs("of another inventory", 6)
}

// Rows of many metrics under one name are not taken for one another.
func TestRowsOfOtherNamesAreNotJoined(t *testing.T) {
	m := New().NewMetric()
	for _, text := range []string{`a{pod="1",id="1"}`, `a{pod="1",id="2"}`, `b{pod="1",id="1"}`, `b{pod="1",id="2"}`} {
		m.Observe(sighting(t, 1, text))
	}
	d := Draw{Names: []string{series.MetricName, "pod"}}
	m.Draw(1, nil, 0, 0, &d)
	names := map[string]int{}
	for _, x := range d.Rows {
		names[x.Labels.Metric()] += x.Series
	}
	if names["a"] != 2 || names["b"] != 2 {
		t.Errorf("drawn are %v, want two of each", names)
	}
}

// A matcher says the same of a value whether there is room to remember it or not, and
// after values went whose numbers others took.
func TestAMatcherIsAskedAnewOfWhatIsNotKnown(t *testing.T) {
	v := New()
	sel := []*series.Selector{selector(t, `{pod=~"app-(1|2)[0-9]-.*",method!="POST"}`)}
	var tally Tally
	for round, full := range []bool{false, true, false} {
		m := v.NewMetric()
		want := 0.0
		for i, ls := range workload(fmt.Sprintf("m%d", round), 3000) {
			if i%3 != round {
				m.Observe(seen(1, ls))
				if sel[0].Matches(ls) {
					want++
				}
			}
		}
		if full {
			tally.matching.words = maxSayings
		}
		tally.Reset()
		m.Gather(1, &Query{Selectors: sel}, 0, 0, &tally)
		if got := tally.Result().Series.Value; got != want || want == 0 {
			t.Errorf("round %d: %v series match, want %v", round, got, want)
		}
		m.Release()
	}
}
