package inventory

import (
	"fmt"
	"testing"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

func sightings(part int64, list []series.Labels) []Seen {
	all := make([]Seen, len(list))
	for i, ls := range list {
		all[i] = *seen(part, ls)
	}
	return all
}

// A known series costs a look into the index and a stamp: it does not allocate.
func TestObservingAKnownSeriesDoesNotAllocate(t *testing.T) {
	m := New().NewMetric()
	all := sightings(1, workload("m", 1000))
	for i := range all {
		m.Observe(&all[i])
	}
	i, part := 0, int64(1)
	n := testing.AllocsPerRun(5000, func() {
		s := &all[i%len(all)]
		if i++; i%len(all) == 0 {
			part++
		}
		s.Part = part
		m.Observe(s)
	})
	if n != 0 {
		t.Errorf("Observe allocates %v times, want 0", n)
	}
}

func BenchmarkObserveKnown(b *testing.B) {
	for _, n := range []int{10, 1000, 16_000, 200_000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			m := New().NewMetric()
			all := sightings(0, workload("m", n))
			for i := 0; b.Loop(); i++ {
				s := &all[i%n]
				s.Part = int64(i / n)
				m.Observe(s)
			}
		})
	}
}

func BenchmarkObserveNew(b *testing.B) {
	for _, n := range []int{10, 1000, 16_000, 200_000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			all := sightings(0, workload("m", n))
			v := New()
			m := v.NewMetric()
			for i := 0; b.Loop(); i++ {
				if i%n == 0 {
					b.StopTimer()
					m.Release()
					m = v.NewMetric()
					b.StartTimer()
				}
				m.Observe(&all[i%n])
			}
		})
	}
}

func filled(n int) *Metric {
	m := New().NewMetric()
	observe(m, 1, workload("m", n))
	return m
}

const benchRows = 30_000

func BenchmarkLabels(b *testing.B) {
	m := filled(benchRows)
	for b.Loop() {
		m.Labels(1, 10)
	}
}

func BenchmarkGather(b *testing.B) {
	m := filled(benchRows)
	sampled := filled(2 * benchRows)
	sampled.Lower()
	families := New().NewMetric()
	observe(families, 1, histogram(2*benchRows/12, 12))
	families.Lower()
	two := []*series.Selector{selector(b, `{namespace=~"team-(1|2)[0-9]",pod!~".*7"}`)}
	for _, bb := range []struct {
		name string
		m    *Metric
		q    Query
	}{
		{"two matchers", m, Query{Selectors: two}},
		{"two matchers by pod", m, Query{Selectors: two, By: []string{"pod"}}},
		{"two matchers of a sample", sampled, Query{Selectors: two, By: []string{"namespace"}, Examples: 5}},
		{"histograms by le", families, Query{By: []string{"le"}}},
		{"a function", m, Query{Match: func(ls series.Labels, v Verdict) bool { return ls.Get("method") == "GET" }}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var t Tally
			for b.Loop() {
				t.groups = nil
				bb.m.Gather(1, &bb.q, 0, 0, &t)
			}
		})
	}
}

func BenchmarkScans(b *testing.B) {
	m := filled(benchRows)
	b.Run("each", func(b *testing.B) {
		for b.Loop() {
			m.Each(1, func(r Row) bool { return true })
		}
	})
	b.Run("pairs", func(b *testing.B) {
		for b.Loop() {
			m.CountPairs(1, nil, 0, m.v.NewPairs())
		}
	})
	b.Run("expire nothing", func(b *testing.B) {
		for b.Loop() {
			m.Expire(1, nil)
		}
	})
	b.Run("write", func(b *testing.B) {
		var buf []byte
		for b.Loop() {
			buf = m.AppendBinary(buf[:0])
		}
		b.SetBytes(int64(len(buf)))
	})
	buf := m.AppendBinary(nil)
	b.Run("read and merge", func(b *testing.B) {
		for b.Loop() {
			o, _, err := ReadMetric(buf, Version)
			if err != nil {
				b.Fatal(err)
			}
			into := New().NewMetric()
			into.Merge(o)
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("lower", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			into := New().NewMetric()
			into.Merge(m)
			b.StartTimer()
			into.Lower()
		}
	})
}

// Many small metrics: what a query over all of them costs.
func BenchmarkSmallMetrics(b *testing.B) {
	v := New()
	var metrics []*Metric
	list := workload("", 10)
	for i := range 10_000 {
		name := fmt.Sprintf("metric_number_%d_total", i)
		m := v.NewMetric()
		for _, ls := range list {
			ls[0].Value = name
			m.Observe(seen(1, ls))
		}
		metrics = append(metrics, m)
	}
	two := []*series.Selector{selector(b, `{namespace=~"team-.*",method!="POST"}`)}
	b.Run("gather", func(b *testing.B) {
		for b.Loop() {
			var t Tally
			for _, m := range metrics {
				m.Gather(1, &Query{Selectors: two}, 0, 0, &t)
			}
		}
	})
	b.Run("pairs", func(b *testing.B) {
		for b.Loop() {
			p := v.NewPairs()
			for _, m := range metrics {
				m.CountPairs(1, nil, 0, p)
			}
		}
	})
	b.Run("expire and raise", func(b *testing.B) {
		for b.Loop() {
			for _, m := range metrics {
				m.Expire(1, func(sketch.Hash) {})
				m.Raise(1)
			}
		}
	})
}
