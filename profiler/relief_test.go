package profiler

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/series"
)

// Whatever arrives, memory stays within its limit, and the figures that are left
// stay true: series of large metrics are still counted.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 8<<20 + (16<<20)/share/share
	tests := []struct {
		name   string
		series func(i int) series.Labels
		n      int
		check  func(t *testing.T, f *fixture)
	}{
		{"one metric with a new value each time", func(i int) series.Labels {
			return labels("requests", "request_id", fmt.Sprintf("%032x", i*7919), "team", "search")
		}, 400_000 / share, func(t *testing.T, f *fixture) {
			d := f.metric(t, "requests")
			if l := d.label(t, "request_id"); math.Abs(l.Values-400_000/share) > 0.03*400_000/share || l.SeriesWithout != 1 {
				t.Errorf("request_id: %+v, want 400000 values and 1 series without it", l)
			}
		}},
		{"thousands of metrics of some size", func(i int) series.Labels {
			return labels(fmt.Sprintf("m%04d", i%2000), "instance", fmt.Sprintf("10.1.%d.%d", i/2000, i%251), "path", fmt.Sprintf("/p/%x", i))
		}, 400_000 / share, func(t *testing.T, f *fixture) {
			page, err := f.metricsAt(Query{Tenant: shop, Limit: 1}, f.at, time.Now())
			if err != nil || math.Abs(page.TotalSeries-400_000/share) > 0.03*400_000/share || page.TotalMetrics < 1000/share {
				t.Errorf("%.0f series in %d metrics (%v), want 400000 in about 2000", page.TotalSeries, page.TotalMetrics, err)
			}
			if len(page.LetGo) == 0 {
				t.Error("the page does not say what was let go")
			}
		}},
		{"a name for every series", func(i int) series.Labels {
			return labels(fmt.Sprintf("metric_with_a_long_name_%07d", i), "a", "1")
		}, 200_000 / share, func(t *testing.T, f *fixture) {
			page, err := f.metricsAt(Query{Tenant: shop, Limit: 1}, f.at, time.Now())
			if err != nil || page.TotalMetrics > 100_001 || page.Metrics[0].Metric != Overflow || math.Abs(page.TotalSeries-200_000/share) > 0.05*200_000/share {
				t.Errorf("%.0f series, %d metrics, first %+v (%v); want 200000, most of them in the overflow", page.TotalSeries, page.TotalMetrics, page.Metrics, err)
			}
		}},
		{"a label name for every series", func(i int) series.Labels {
			return labels("m", fmt.Sprintf("label_%07d", i), "1")
		}, 200_000 / share, func(t *testing.T, f *fixture) {
			if d := f.metric(t, "m"); math.Abs(d.Series-200_000/share) > 0.03*200_000/share {
				t.Errorf("%.0f series, want 200000", d.Series)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := heap()
			f := newFixture(t, func(c *Config) { c.MemoryLimitBytes = limit })
			var most int64
			list := make([]series.Labels, 0, 256)
			for range 2 { // what lost its name counts as overflow when it comes by again
				for i := range tt.n {
					if list = append(list, tt.series(i)); len(list) == cap(list) || i == tt.n-1 {
						f.see(list...)
						list = list[:0]
						most = max(most, f.Bytes())
					}
				}
				f.at.Part++
			}
			if most > limit+limit/8 {
				t.Errorf("%d bytes at most, the limit is %d", most, limit)
			}
			if grown := heap() - before; grown > limit*13/10 {
				t.Errorf("the heap grew by %d bytes while %d are known of", grown, f.Bytes())
			}
			f.count()
			t.Logf("%d bytes known of, %d on the heap", f.Bytes(), heap()-before)
			tt.check(t, f)
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
