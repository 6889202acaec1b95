package profiler

import (
	"fmt"
	"testing"

	"github.com/headgate/headgate/internal/series"
)

// BenchmarkPages times what pages ask for, at 100 000 metrics of five series.
func BenchmarkPages(b *testing.B) {
	f := newFixture(b)
	for i := range 100_000 {
		list := make([]series.Labels, 5)
		for k := range list {
			list[k] = labels(fmt.Sprintf("service_%d_requests_total", i), "instance", fmt.Sprintf("10.0.0.%d", k), "job", fmt.Sprint(i%50), "team", fmt.Sprint(i%20))
		}
		f.see(list...)
	}
	sel, err := series.ParseSelector(`{job="7"}`)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("metrics", func(b *testing.B) {
		for b.Loop() {
			_, _ = f.Metrics(Query{Tenant: shop, Limit: 100})
		}
	})
	b.Run("metrics by label", func(b *testing.B) {
		for b.Loop() {
			_, _ = f.Metrics(Query{Tenant: shop, Limit: 100, Match: []*series.Selector{sel}})
		}
	})
	b.Run("labels", func(b *testing.B) {
		for b.Loop() {
			_, _ = f.Labels(shop, nil, nil)
		}
	})
	b.Run("tsdb", func(b *testing.B) {
		for b.Loop() {
			f.TSDB(shop, 10)
		}
	})
}
