package inventory

import (
	"fmt"
	"slices"
	"testing"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// families returns the families of the rows, smallest first.
func families(m *Metric, part int64) []sketch.Hash {
	set := map[sketch.Hash]bool{}
	m.Each(part, func(r Row) bool {
		set[r.Family] = true
		return true
	})
	var list []sketch.Hash
	for f := range set {
		list = append(list, f)
	}
	slices.Sort(list)
	return list
}

func TestLowerKeepsWholeFamiliesUnderTheThreshold(t *testing.T) {
	v := New()
	m := v.NewMetric()
	list := histogram(1000, 12)
	observe(m, 1, list)
	all := families(m, 1)
	for round := 0; m.Lowerable(); round++ {
		before, bytes := m.Rows(), v.Bytes()
		freed := m.Lower()
		if freed <= 0 || v.Bytes() != bytes-freed || m.Rows() >= before {
			t.Fatalf("Lower freed %d of %d bytes and left %d of %d rows", freed, bytes, m.Rows(), before)
		}
		got := families(m, 1)
		if !slices.Equal(got, all[:len(got)]) {
			t.Fatal("the families that are left are not the smallest")
		}
		if len(got)*12 != m.Rows() || m.Families() != len(got) {
			t.Fatalf("%d rows are %d families, Families says %d; want them whole", m.Rows(), len(got), m.Families())
		}
		if len(got) < fewest {
			t.Fatalf("%d families are left, want %d at least", len(got), fewest)
		}
		if next := all[len(got)]; m.Threshold() > next || m.Threshold() <= got[len(got)-1] {
			t.Fatalf("the threshold %d is not between the last family kept and the first that is not", m.Threshold())
		}
		if m.Exact(1) {
			t.Fatal("a sample is said to be exact")
		}
	}
	if got := len(families(m, 1)); got != fewest || m.Threshold() != all[fewest] {
		t.Errorf("in the end there are %d families under %d, want %d under %d", got, m.Threshold(), fewest, all[fewest])
	}
	if m.Lower() != 0 {
		t.Error("Lower freed something where Lowerable says that nothing can go")
	}
	for _, ls := range list {
		s := seen(2, ls)
		known, kept := m.Observe(s)
		if want := s.Family < m.Threshold(); known != want || kept != want {
			t.Fatalf("Observe = %v, %v of a family under the threshold %v", known, kept, want)
		}
	}
}

func TestLowerOfAHistogramThatIsNone(t *testing.T) {
	// One family of as many series as there are values of le.
	m := New().NewMetric()
	const n = 40_000
	for i := range n {
		m.Observe(seen(1, series.Labels{{Name: series.MetricName, Value: "m_bucket"}, {Name: "le", Value: fmt.Sprint(i)}}))
	}
	for m.Lowerable() {
		if m.Lower() <= 0 {
			t.Fatal("Lower freed nothing")
		}
	}
	if m.Rows() > crowded || m.Rows() < crowded/3 {
		t.Errorf("%d rows are left, want a little less than %d", m.Rows(), crowded)
	}
	var all, even Tally
	m.Gather(1, &Query{}, 0, 0, &all)
	m.Gather(1, &Query{Selectors: []*series.Selector{selector(t, `{le=~".*[02468]"}`)}}, 0, 0, &even)
	for _, tt := range []struct {
		got  Estimate
		want float64
	}{{all.Result().Series, n}, {even.Result().Series, n / 2}} {
		if e := tt.got; e.Error <= 0 || e.Error > 0.1*tt.want || e.Value < tt.want-e.Error || e.Value > tt.want+e.Error {
			t.Errorf("%.0f ± %.0f series, want %.0f within", e.Value, e.Error, tt.want)
		}
	}
}

func TestRaiseIsCompleteAfterAWindow(t *testing.T) {
	m := New().NewMetric()
	list := workload("m", 2000)
	observe(m, 1, list)
	m.Lower()
	low := m.Threshold()
	m.Raise(1)
	if m.Threshold() != low {
		t.Fatal("a metric that is as large as before was raised at once")
	}
	// It becomes small: a tenth of its series goes on.
	part := int64(2)
	for ; part < 9; part++ {
		observe(m, part, list[:200])
		m.Expire(part, nil)
	}
	m.Raise(part)
	raised := part
	if m.Threshold() <= low {
		t.Fatalf("threshold %d after Raise, it was %d", m.Threshold(), low)
	}
	for ; part <= raised+sketch.Parts; part++ {
		// Half of the series came only once after Raise, and late in the window.
		observe(m, part, list[:100])
		if part == raised+1 {
			observe(m, part, list[100:200])
		}
		var tally Tally
		m.Gather(part, &Query{}, 0, 0, &tally)
		e := tally.Result().Series
		switch {
		case part < raised+sketch.Parts:
			if m.Exact(part) || e.Error == 0 {
				t.Fatalf("part %d after Raise: %.0f ± %.0f, exact %v", part-raised, e.Value, e.Error, m.Exact(part))
			}
			if e.Value < 120 || e.Value > 280 {
				t.Errorf("part %d after Raise: %.0f series, want about 200", part-raised, e.Value)
			}
		case !m.Exact(part) || e != (Estimate{200, 0}):
			t.Errorf("a window after Raise: %.0f ± %.0f, exact %v; want 200, exactly", e.Value, e.Error, m.Exact(part))
		}
	}
}

func TestRaiseTriesAgainAfterFourWindows(t *testing.T) {
	m := New().NewMetric()
	list := workload("m", 2000)
	observe(m, 1, list)
	m.Lower()
	low := m.Threshold()
	for part := int64(2); part < 40; part++ {
		observe(m, part, list)
		m.Expire(part, nil)
		m.Raise(part)
		if raised := m.Threshold() > low; raised != (part-1 >= patience) {
			t.Fatalf("%d parts after Lower: raised %v", part-1, raised)
		}
	}
}
