package inventory

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// model is a metric as a list of what was seen of each series, which is exact.
type model map[string]*sighted

type sighted struct {
	ls                     series.Labels
	first, last, forwarded int64
	verdict                Verdict
}

func (x model) observe(s *Seen) {
	k := s.Labels.String()
	o := x[k]
	if o == nil {
		o = &sighted{ls: s.Labels, first: s.Part, forwarded: -1 << 40}
		x[k] = o
	}
	o.last, o.verdict = s.Part, s.Verdict
	if s.Forwarded {
		o.forwarded = s.Part
	}
}

// window returns what of x was seen in the window that ends with part.
func (x model) window(part int64) map[string]Row {
	rows := map[string]Row{}
	for k, o := range x {
		if o.last <= part-sketch.Parts {
			continue
		}
		s := seen(0, o.ls)
		r := Row{
			Labels: o.ls, Sum: s.Sum, Hash: s.Hash, Family: s.Family, Part: o.last, FirstPart: o.first,
			ForwardedPart: -1, Verdict: o.verdict, IntervalMs: 15000,
		}
		if o.forwarded > part-sketch.Parts {
			r.Forwarded, r.ForwardedPart = true, o.forwarded
		}
		rows[k] = r
	}
	return rows
}

func rowsOf(m *Metric, part int64) map[string]Row {
	rows := map[string]Row{}
	m.Each(part, func(r Row) bool {
		r.Labels = r.Labels.Clone()
		rows[r.Labels.String()] = r
		return true
	})
	return rows
}

// anySeries draws series of one metric: few label names, few values, so that they
// come again; some of histograms, so that families are shared.
func anySeries() *rapid.Generator[series.Labels] {
	return rapid.Custom(func(t *rapid.T) series.Labels {
		ls := series.Labels{{Name: series.MetricName, Value: "m_bucket"}}
		for _, name := range []string{"a", "le", "pod"} {
			if v := rapid.IntRange(0, 9).Draw(t, name); v > 0 {
				ls = append(ls, series.Label{Name: name, Value: fmt.Sprint(v)})
			}
		}
		return ls
	})
}

func TestMetricIsExactWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := New()
		m := v.NewMetric()
		x := model{}
		part := rapid.Int64Range(-5, 1<<40).Draw(t, "part")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				part += rapid.SampledFrom([]int64{1, 1, 1, 2, 5, 6, 7, 60, 63, 64, 65, 122, 127, 128, 129, 1000}).Draw(t, "passed")
			case 1:
				var gone []sketch.Hash
				m.Expire(part, func(h sketch.Hash) { gone = append(gone, h) })
				left := x.window(part)
				for k, o := range x {
					if _, ok := left[k]; !ok {
						if !slices.Contains(gone, seen(0, o.ls).Hash) {
							t.Fatalf("%s was not said to have gone", k)
						}
						delete(x, k)
					}
				}
				if m.Rows() != len(x) {
					t.Fatalf("%d rows after Expire, want %d", m.Rows(), len(x))
				}
			default:
				s := seen(part, anySeries().Draw(t, "series"))
				s.Forwarded = rapid.Bool().Draw(t, "forwarded")
				s.Verdict.Team = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "team")
				_, was := x[s.Labels.String()]
				if known, kept := m.Observe(s); known != was || !kept {
					t.Fatalf("Observe = %v, %v; want %v, true", known, kept, was)
				}
				x.observe(s)
			}
			at := part + rapid.Int64Range(0, 7).Draw(t, "later")
			want := x.window(at)
			if diff := cmp.Diff(want, rowsOf(m, at)); diff != "" {
				t.Fatalf("rows (-want +got):\n%s", diff)
			}
			forwarded := 0
			for _, r := range want {
				if r.Forwarded {
					forwarded++
				}
			}
			if r, f := m.Active(at); r != len(want) || f != forwarded {
				t.Fatalf("active: %d and %d, want %d and %d", r, f, len(want), forwarded)
			}
			if !m.Exact(at) {
				t.Fatal("it is not exact")
			}
			names := map[string]bool{}
			families := map[sketch.Hash]bool{}
			for _, o := range x {
				families[seen(0, o.ls).Family] = true
				for _, l := range o.ls[1:] {
					names[l.Name] = true
				}
			}
			if m.LabelNames() != len(names) || m.Families() != len(families) {
				t.Fatalf("%d label names and %d families, want %d and %d", m.LabelNames(), m.Families(), len(names), len(families))
			}
		}
		m.Release()
		if v.size != 0 || v.shapes.size != 0 || v.verdicts.size != 0 || v.values.count != 0 {
			t.Fatalf("after Release %d bytes of rows, %d of shapes, %d of verdicts and %d values remain", v.size, v.shapes.size, v.verdicts.size, v.values.count)
		}
	})
}

func TestObserveOfALateSighting(t *testing.T) {
	m := New().NewMetric()
	a, b := sighting(t, 10, `m{a="1"}`), sighting(t, 9, `m{a="2"}`)
	m.Observe(a)
	if known, kept := m.Observe(b); known || !kept {
		t.Errorf("of the part before: known %v, kept %v; want false, true", known, kept)
	}
	a.Part, a.Verdict.Team = 8, "other"
	if known, kept := m.Observe(a); !known || !kept {
		t.Errorf("of a row seen later already: known %v, kept %v; want true, true", known, kept)
	}
	if r := rowsOf(m, 10)[`m{a="1"}`]; r.Part != 10 || r.Verdict.Team != "checkout" {
		t.Errorf("the late sighting has changed its row: %+v", r)
	}
	b.Part = 4
	if known, kept := m.Observe(b); known || kept {
		t.Errorf("older than the window: known %v, kept %v; want false, false", known, kept)
	}
	for part, want := range map[int64]int{10: 2, 14: 2, 15: 1, 16: 0} {
		if got, _ := m.Active(part); got != want {
			t.Errorf("%d active in the window that ends with part %d, want %d", got, part, want)
		}
	}
}

func TestAnUnknownIntervalLeavesTheKnownOne(t *testing.T) {
	m := New().NewMetric()
	s := sighting(t, 1, `m{a="1"}`)
	m.Observe(s)
	s.Part, s.IntervalMs = 2, 0
	m.Observe(s)
	if got := rowsOf(m, 2)[`m{a="1"}`].IntervalMs; got != 15000 {
		t.Errorf("interval %d ms, want 15000", got)
	}
}

func TestRowsOfVeryManyLabels(t *testing.T) {
	m := New().NewMetric()
	want := map[string]bool{}
	for i := range 1200 {
		ls := series.Labels{{Name: series.MetricName, Value: "m"}}
		for n := range 100 + i%60 {
			ls = append(ls, series.Label{Name: fmt.Sprintf("label_%03d", n), Value: fmt.Sprint(i % (n + 1))})
		}
		ls = append(ls, series.Label{Name: "z", Value: fmt.Sprint(i)})
		m.Observe(seen(1, ls))
		want[ls.String()] = true
	}
	got := rowsOf(m, 1)
	for k := range want {
		if _, ok := got[k]; !ok {
			t.Fatalf("%.80s is missing", k)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
	m.Expire(7, nil)
	if got := m.v.Bytes(); m.Rows() != 0 || got > 64<<10 {
		t.Errorf("%d rows and %d bytes remain", m.Rows(), got)
	}
}

func TestRowsMayBeOfManyMetrics(t *testing.T) {
	m := New().NewMetric()
	for i := range 100 {
		m.Observe(sighting(t, 1, fmt.Sprintf(`metric_%d{label_%d="x"}`, i, i)))
	}
	if m.LabelNames() != 100 || m.Rows() != 100 {
		t.Errorf("%d label names in %d rows, want 100 in 100", m.LabelNames(), m.Rows())
	}
	labels := slices.Sorted(maps.Keys(rowsOf(m, 1)))
	if labels[0] != `metric_0{label_0="x"}` {
		t.Errorf("the first is %s", labels[0])
	}
}
