package ui

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/control/controltest"
)

// Server time of the pages that look at every metric.
func BenchmarkPages(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		hg := controltest.New(b, controltest.Config{})
		for list := controltest.Metrics(n); len(list) > 0; list = list[min(len(list), 10_000):] {
			hg.Send(b, "", time.Now(), list[:min(len(list), 10_000)]...)
		}
		hg.Measure(b)
		h := New(hg.Control, Options{})
		for _, path := range []string{"/", "/profile/metrics", "/profile/metrics?q=metric_0999", "/profile/labels", "/profile/metric?metric=generated_metric_000001", "/profile/series?match=%7Bjob!=%22%22%7D&by=job", "/flow?by=metric", "/limits/default/edit?samples_per_second=1"} {
			b.Run(fmt.Sprintf("metrics=%d%s", n, path), func(b *testing.B) {
				for b.Loop() {
					if rec := browse(h, path); rec.Code != http.StatusOK {
						b.Fatal(rec.Code)
					}
				}
			})
		}
	}
}
