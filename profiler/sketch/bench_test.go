package sketch

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/headgate/headgate/internal/series"
)

// typical are the labels of a series as servers send them.
var typical = series.Labels{
	{Name: "__name__", Value: "http_request_duration_seconds_bucket"}, {Name: "cluster", Value: "eu-west-1"},
	{Name: "instance", Value: "10.12.7.33:8080"}, {Name: "job", Value: "api"}, {Name: "le", Value: "0.25"},
	{Name: "method", Value: "GET"}, {Name: "namespace", Value: "payments"},
	{Name: "pod", Value: "api-7d4b9c6f5-x2x7k"}, {Name: "status", Value: "200"},
}

func BenchmarkHash(b *testing.B) {
	b.Run("pair", func(b *testing.B) {
		for b.Loop() {
			Pair("instance", "10.12.7.33:8080")
		}
	})
	b.Run("pair=name-known", func(b *testing.B) {
		name := Name("instance")
		for b.Loop() {
			PairOf(name, Value("10.12.7.33:8080"))
		}
	})
	b.Run("sum=9-labels", func(b *testing.B) {
		for b.Loop() {
			Sum(typical)
		}
	})
	b.Run("family=9-labels", func(b *testing.B) {
		for b.Loop() {
			Family(typical)
		}
	})
	b.Run("family=sum-known", func(b *testing.B) {
		sum := Sum(typical)
		for b.Loop() {
			FamilyOf(typical, sum)
		}
	})
}

// hashes returns n hashes that differ from those of another seed.
func hashes(seed, n int) []Hash {
	hs := make([]Hash, n)
	for i := range hs {
		hs[i] = Final(uint64(seed)<<40 + uint64(i) + 1)
	}
	return hs
}

// filled returns a window that saw the same n hashes in each of its parts.
func filled(precision uint8, sparse bool, n int) *Window {
	w := NewWindow(precision, sparse)
	hs := hashes(1, n)
	for part := range int64(Parts) {
		for _, h := range hs {
			w.Insert(part, h)
		}
	}
	return w
}

func BenchmarkInsert(b *testing.B) {
	for _, sparse := range []bool{false, true} {
		for _, n := range []int{100, 1000, 5000, 100_000} {
			b.Run(fmt.Sprintf("sparse=%v/series=%d", sparse, n), func(b *testing.B) {
				hs := hashes(1, n)
				w := NewWindow(14, sparse)
				part := int64(0)
				for i := 0; b.Loop(); i++ {
					if i == n {
						i = 0
						part++
					}
					w.Insert(part, hs[i])
				}
			})
		}
	}
}

func BenchmarkUnion(b *testing.B) {
	for _, tt := range []struct {
		precision uint8
		sparse    bool
		n         int
	}{
		{14, false, 100_000}, {12, false, 100_000}, {10, false, 100_000},
		{14, true, 10}, {14, true, 100}, {14, true, 1000}, {14, true, 5000}, {14, true, 100_000},
		{10, true, 100}, {10, true, 300},
	} {
		b.Run(fmt.Sprintf("precision=%d/sparse=%v/series=%d", tt.precision, tt.sparse, tt.n), func(b *testing.B) {
			w := filled(tt.precision, tt.sparse, tt.n)
			b.ReportMetric(float64(w.Bytes()), "window-bytes")
			b.Run("union", func(b *testing.B) {
				for b.Loop() {
					w.Union(Parts - 1)
				}
			})
			b.Run("clone", func(b *testing.B) {
				for b.Loop() {
					w.Clone()
				}
			})
			b.Run("estimate", func(b *testing.B) {
				u := w.Union(Parts - 1)
				for b.Loop() {
					Estimate(u)
				}
			})
			b.Run("bytes", func(b *testing.B) {
				for b.Loop() {
					w.Bytes()
				}
			})
		})
	}
}

func BenchmarkTop(b *testing.B) {
	for _, values := range []int{10, 60, 100_000} {
		b.Run(fmt.Sprintf("values=%d", values), func(b *testing.B) {
			vs := make([]string, values)
			for i := range vs {
				vs[i] = "10.12." + strconv.Itoa(i) + ":8080"
			}
			t := NewTop(64)
			for i := 0; b.Loop(); i++ {
				if i == values {
					i = 0
				}
				t.Add(1, vs[i], 1)
			}
		})
	}
}
