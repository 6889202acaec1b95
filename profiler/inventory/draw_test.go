package inventory

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/series"
)

// What is drawn and then asked gives the same as what is asked at once: of an exact
// metric and of a sample, with groups and without.
func TestADrawAnswersAsGatherDoes(t *testing.T) {
	for name, lowered := range map[string]int{"exact": 0, "a sample": 4, "the smallest sample": 100} {
		t.Run(name, func(t *testing.T) {
			m := filled(4000)
			for range lowered {
				m.Lower()
			}
			for _, text := range []string{`{__name__=~".+"}`, `{pod=~".*1"}`, `{pod="none"}`} {
				sel := selector(t, text)
				for _, total := range []float64{0, 4000} {
					var want, got Tally
					m.Gather(1, &Query{Selectors: []*series.Selector{sel}, By: []string{"pod"}, Examples: 5}, total, 0, &want)
					var d Draw
					m.Draw(1, []*series.Selector{sel}, total, 0, &d)
					d.AddTo(&got, 5, func(i int) (Part, bool) {
						r := &d.Rows[i]
						return Part{PerSecond: r.PerSecond, Groups: []GroupKey{{r.Labels.Get("pod")}}}, sel.Matches(r.Labels)
					})
					w, g := want.Result(), got.Result()
					w.Forwarded, g.Forwarded = Estimate{}, Estimate{} // a draw does not ask for it
					for i := range g.Groups {
						g.Groups[i].Values = g.Groups[i].Values[:1]
					}
					if diff := cmp.Diff(w, g); diff != "" {
						t.Errorf("%s of %v (-gathered +drawn):\n%s", text, total, diff)
					}
					if d.Exact() != (lowered == 0) {
						t.Errorf("it is exact: %v", d.Exact())
					}
				}
			}
		})
	}
}

// A row may be in several groups, or asked for in part.
func TestADrawnRowIsInSeveralGroups(t *testing.T) {
	m := New().NewMetric()
	for i, text := range []string{`a{job="x"}`, `a{job="y"}`, `a{job="z"}`} {
		s := sighting(t, 1, text)
		s.IntervalMs = []uint32{10_000, 20_000, 0}[i]
		m.Observe(s)
	}
	var d Draw
	var tally Tally
	for range 2 { // its memory serves again
		m.Draw(1, nil, 0, 7, &d)
		tally = Tally{}
		d.AddTo(&tally, 0, func(i int) (Part, bool) {
			r := &d.Rows[i]
			return Part{r.PerSecond / 2, []GroupKey{{"all"}, {"job", r.Labels.Get("job")}}}, r.Labels.Get("job") != "y"
		})
	}
	slices.SortFunc(d.Rows, func(a, b Drawn) int { return int(b.IntervalMs) - int(a.IntervalMs) })
	if d.Rows[2].PerSecond < 0.0749 || d.Rows[2].PerSecond > 0.0751 {
		t.Errorf("a series of unknown interval has %v samples per second, want the mean of the others", d.Rows[2].PerSecond)
	}
	got := tally.Result()
	if got.Series.Value != 2 || len(got.Groups) != 3 || got.Groups[0].Values[0] != "all" || got.Groups[0].Series.Value != 2 || math.Abs(got.PerSecond.Value-(0.1+0.075)/2) > 1e-12 {
		t.Errorf("result %+v", got)
	}
	fresh := New().NewMetric()
	unknown := sighting(t, 1, `b{job="x"}`)
	unknown.IntervalMs = 0
	fresh.Observe(unknown)
	if fresh.Draw(1, nil, 0, 7, &d); d.Rows[0].PerSecond != 7 {
		t.Errorf("where no interval is known, a series has %v samples per second, want what it is said to have", d.Rows[0].PerSecond)
	}
	empty := New().NewMetric()
	tally = Tally{}
	empty.Draw(1, nil, 0, 0, &d)
	d.AddTo(&tally, 0, func(int) (Part, bool) { return Part{}, true })
	if r := tally.Result(); r.Series != (Estimate{}) || r.AtMost != 0 {
		t.Errorf("of nothing: %+v", r)
	}
}

func TestFindSaysWhenAbsenceIsCertain(t *testing.T) {
	m := filled(4000)
	ls := sighting(t, 1, `none{pod="none"}`).Labels
	if _, found, certain := m.Find(1, ls); found || !certain {
		t.Errorf("of an exact metric: found %v, certain %v", found, certain)
	}
	for m.Lowerable() {
		m.Lower()
	}
	if _, _, certain := m.Find(1, ls); certain {
		t.Error("a sample is certain of a series outside it")
	}
	n := 0
	m.Each(1, func(r Row) bool {
		f, found, certain := m.Find(1, r.Labels)
		if !found || !certain || f.Hash != r.Hash || f.Part != r.Part || f.IntervalMs != r.IntervalMs || f.Verdict != r.Verdict {
			t.Errorf("%v is found as %+v, want %+v", r.Labels, f, r)
		}
		n++
		return n < 10
	})
}
