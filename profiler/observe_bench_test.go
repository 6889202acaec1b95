package profiler

import (
	"fmt"
	"testing"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/inventory"
)

// benchmarkObserve shows series of 11 labels, 256 at a time, once a part. From the
// second time on they are known, unless they are always new.
func benchmarkObserve(b *testing.B, n int, isNew bool) {
	f := newFixture(b)
	seen := make([]Seen, n)
	for i := range seen {
		seen[i] = Seen{Labels: manyLabels(i), Verdict: inventory.Verdict{Action: "keep", Team: "search"}, Forwarded: true, IntervalMs: 15000}
	}
	show := func(from int) { f.Observe(shop, Sender{}, f.at, seen[from:from+256]) }
	for from := 0; from+256 <= n; from += 256 {
		show(from)
	}
	b.ReportAllocs()
	i, fresh := 0, n
	for b.Loop() {
		from := i * 256 % (n / 256 * 256)
		if from == 0 {
			f.at.Part++
		}
		if isNew {
			b.StopTimer()
			for k := range 256 {
				seen[from+k].Labels, seen[from+k].New = manyLabels(fresh), true
				fresh++
			}
			b.StartTimer()
		}
		show(from)
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*256), "ns/series")
}

func manyLabels(i int) series.Labels {
	return labels(fmt.Sprintf("container_metric_%d_total", i%130), "cluster", "prod-eu-1", "container", "app", "endpoint", "https-metrics",
		"id", fmt.Sprintf("/kubepods/burstable/pod%08x", i), "image", fmt.Sprintf("registry.example/app:v1.%d", i%7), "instance", fmt.Sprintf("10.%d.%d.17:10250", i%250, i/250),
		"job", "kubelet", "namespace", fmt.Sprintf("team-%d", i%20), "node", fmt.Sprintf("node-%d", i%50), "pod", fmt.Sprintf("app-%d-%08x", i%99, i))
}

func BenchmarkObserve(b *testing.B) {
	b.Run("known", func(b *testing.B) { benchmarkObserve(b, 100_000, false) })
	b.Run("new", func(b *testing.B) { benchmarkObserve(b, 100_000, true) })
}
