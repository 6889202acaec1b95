package inventory

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
)

// manySeries returns series of m from first on, some of them in families.
func manySeries(first, n int) []series.Labels {
	var list []series.Labels
	for i := first; i < first+n; i++ {
		list = append(list, series.Labels{
			{Name: series.MetricName, Value: "m_bucket"}, {Name: "le", Value: fmt.Sprint(i % 3)}, {Name: "pod", Value: fmt.Sprint(i / 3)},
		})
	}
	return list
}

var butFirst = cmpopts.IgnoreFields(Row{}, "FirstPart")

// Two processes that saw parts of the same, merged, know what one would know that
// saw all. The verdict is one of the labels and the part, as it is of the policy.
func TestMergeIsAsIfOneHadSeenAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		both := [2]*Metric{New().NewMetric(), New().NewMetric()}
		one := New().NewMetric()
		part := rapid.Int64Range(0, 1<<30).Draw(t, "part")
		lowers := rapid.IntRange(0, 3).Draw(t, "lowers")
		// Thresholds first, so that what one sees is kept by the same as both have.
		if lowers > 0 {
			for i := range both {
				first := rapid.IntRange(0, 300).Draw(t, "first")
				for _, ls := range manySeries(first, 600) {
					s := seen(part, ls)
					s.Verdict.Rule = fmt.Sprint(part)
					both[i].Observe(s)
					one.Observe(s)
				}
				for range rapid.IntRange(0, lowers).Draw(t, "times") {
					both[i].Lower()
				}
			}
		}
		for range rapid.IntRange(0, 80).Draw(t, "sightings") {
			part += rapid.SampledFrom([]int64{0, 0, 0, 0, 0, 1, 1, 3, 7}).Draw(t, "passed")
			s := seen(part, manySeries(rapid.IntRange(0, 900).Draw(t, "which"), 1)[0])
			s.Forwarded = rapid.Bool().Draw(t, "forwarded")
			s.Verdict.Rule = fmt.Sprint(part)
			to := rapid.IntRange(0, 2).Draw(t, "to")
			if one.Observe(s); to != 1 {
				both[0].Observe(s)
			}
			if to > 0 {
				both[1].Observe(s)
			}
		}
		for _, m := range both {
			one.kept = one.kept.min(m.kept)
		}
		one.filter(one.admitted)
		want := rowsOf(one, part)

		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			m := New().NewMetric() // in a third process, so that both remain as they are
			m.Merge(both[order[0]])
			m.Merge(both[order[1]])
			got := rowsOf(m, part)
			if diff := cmp.Diff(want, got, butFirst); diff != "" {
				t.Fatalf("rows (-seen by one +merged):\n%s", diff)
			}
			for k, r := range got {
				// One that has left a window need not be remembered.
				if r.FirstPart < want[k].FirstPart || r.FirstPart > r.Part {
					t.Fatalf("%s was seen first in part %d, want %d or later", k, r.FirstPart, want[k].FirstPart)
				}
			}
			r, f := m.Active(part)
			if wr, wf := one.Active(part); m.Rows() > 0 && (r != wr || f != wf) {
				t.Fatalf("%d and %d active, want %d and %d", r, f, wr, wf)
			}
			if m.Exact(part) != (one.kept == everything) || m.Threshold() != one.Threshold() {
				t.Fatalf("exact %v under %d, want the threshold %d", m.Exact(part), m.Threshold(), one.Threshold())
			}
			if again := New().NewMetric(); m.Rows() > 0 {
				again.Merge(m)
				again.Merge(m)
				if diff := cmp.Diff(got, rowsOf(again, part)); diff != "" {
					t.Fatalf("merged twice (-seen by one +merged):\n%s", diff)
				}
			}
			m.Release()
			if m.v.size != 0 || m.v.values.count != 0 || m.v.shapes.size != 0 || m.v.verdicts.size != 0 {
				t.Fatal("after Release something remains")
			}
		}
	})
}

func TestMergedSamplesAreEstimatedByTheSmallerThreshold(t *testing.T) {
	a, b := New().NewMetric(), New().NewMetric()
	list := workload("m", 4000)
	observe(a, 1, list[:3000])
	observe(b, 1, list[1000:])
	a.Lower()
	a.Lower()
	b.Lower()
	want := min(a.Threshold(), b.Threshold())
	a.Merge(b)
	r := gather(&Query{}, 1, a)
	if a.Threshold() != want || r.Series.Value < 3500 || r.Series.Value > 4500 || r.Series.Error == 0 {
		t.Errorf("%.0f ± %.0f series under %d, want about 4000 under %d", r.Series.Value, r.Series.Error, a.Threshold(), want)
	}
}

func TestMetricsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := New().NewMetric()
		part := rapid.Int64Range(-10, 1<<30).Draw(t, "part")
		for range rapid.IntRange(0, 50).Draw(t, "sightings") {
			part += rapid.SampledFrom([]int64{0, 0, 0, 1, 2, 9}).Draw(t, "passed")
			s := seen(part, anySeries().Draw(t, "series"))
			s.Forwarded = rapid.Bool().Draw(t, "forwarded")
			s.Verdict.Team = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "team")
			s.Value, s.Valued = rapid.Uint64Range(0, 2).Draw(t, "value"), rapid.Bool().Draw(t, "valued")
			m.Observe(s)
		}
		m.Lower()
		m.Raise(part)
		b := m.AppendBinary([]byte("before"))
		got, rest, err := ReadMetric(append(b, "after"...)[len("before"):], Version)
		if err != nil || string(rest) != "after" {
			t.Fatalf("ReadMetric leaves %q and fails with %v", rest, err)
		}
		if diff := cmp.Diff(rowsOf(m, part), rowsOf(got, part)); diff != "" {
			t.Fatalf("rows (-written +read):\n%s", diff)
		}
		if diff := cmp.Diff(m.Movement(part), got.Movement(part)); diff != "" {
			t.Fatalf("movement (-written +read):\n%s", diff)
		}
		for later := range int64(8) {
			r, f := got.Active(part + later)
			if wr, wf := m.Active(part + later); r != wr || f != wf || got.complete(part+later) != m.complete(part+later) {
				t.Fatalf("%d parts later %d and %d are active, want %d and %d", later, r, f, wr, wf)
			}
		}
		if again := got.AppendBinary(nil); !bytes.Equal(again, b[len("before"):]) {
			t.Fatal("written again it is something else")
		}
	})
}

func TestDamagedInputIsRefused(t *testing.T) {
	m := New().NewMetric()
	observe(m, 1, manySeries(0, 20))
	whole := m.AppendBinary(nil)
	for n := range whole {
		if _, _, err := ReadMetric(whole[:n], Version); err == nil {
			t.Fatalf("the first %d of %d bytes are a metric", n, len(whole))
		}
	}
	twice := bytes.Replace(whole, []byte("\x02le"), []byte("\x02az"), 1)
	if _, _, err := ReadMetric(twice, Version); err != nil {
		t.Errorf("another name in order is refused: %v", err)
	}
	disorder := bytes.Replace(whole, []byte("\x02le"), []byte("\x02zz"), 1)
	if _, _, err := ReadMetric(disorder, Version); err == nil {
		t.Error("label names that are not in order are accepted")
	}
}

func FuzzRead(f *testing.F) {
	m := New().NewMetric()
	f.Add(m.AppendBinary(nil))
	observe(m, 1, manySeries(0, 3))
	f.Add(m.AppendBinary(nil))
	observe(m, 2, manySeries(0, 400))
	m.Lower()
	m.Raise(9)
	f.Add(m.AppendBinary(nil))
	for part := range int64(4) {
		m.Observe(valued(10+part, float64(part/2)))
	}
	f.Add(m.AppendBinary(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, rest, err := ReadMetric(b, Version)
		if err != nil {
			return
		}
		if len(rest) > len(b) {
			t.Fatal("more is left than there was")
		}
		if most := int64(400*len(b) + 4096); m.v.Bytes() > most {
			t.Errorf("%d bytes of input make %d of rows", len(b), m.v.Bytes())
		}
		again, _, err := ReadMetric(m.AppendBinary(nil), Version)
		if err != nil {
			t.Fatalf("what was read is written so that it cannot be read: %v", err)
		}
		part := m.newest
		if slices.Compare(m.AppendBinary(nil), again.AppendBinary(nil)) != 0 {
			t.Error("written twice it is not the same")
		}
		// Whatever it holds, everything can be asked of it.
		other := New().NewMetric()
		observe(other, part, manySeries(0, 10))
		other.Merge(m)
		other.Observe(seen(part+1, manySeries(3, 1)[0]))
		other.Labels(part, 3)
		other.CountPairs(part, nil, 100, other.v.NewPairs())
		gather(&Query{By: []string{"le", "pod"}, Examples: 3}, part, other, m)
		other.Lower()
		other.Raise(part + 10)
		other.Expire(part+100, nil)
		other.Release()
	})
}
