package shop

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// at returns the series that a shop shows once it has been open for so long, by
// metric.
func at(t *testing.T, open time.Duration) map[string]map[string]bool {
	t.Helper()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := New(func() time.Time { return now })
	now = now.Add(open)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("answer %d: %s", w.Code, w.Body)
	}
	seen := map[string]map[string]bool{}
	for line := range strings.Lines(w.Body.String()) {
		metric, rest, ok := strings.Cut(line, "{")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if seen[metric] == nil {
			seen[metric] = map[string]bool{}
		}
		series := rest[:strings.LastIndexByte(rest, '}')]
		if seen[metric][series] {
			t.Errorf("%s{%s} stands there twice", metric, series)
		}
		seen[metric][series] = true
	}
	return seen
}

func TestHowMuchThereIs(t *testing.T) {
	tests := []struct {
		open time.Duration
		want map[string]int
	}{
		{0, map[string]int{
			"checkout_orders_total": 3, "checkout_cart_requests_total": 200, "debug_request_duration_seconds": 150,
			"search_requests_total": 100, Exploding: 1, "search_latency_seconds_bucket": 246, "search_latency_seconds_sum": 6, "search_latency_seconds_count": 6,
			"pod_cpu_seconds_total": 60, "pod_memory_bytes": 60,
			"warehouse_stock_items": 300,
		}},
		{ReleaseAfter + 10*time.Second, map[string]int{
			"checkout_orders_total": 3, "checkout_cart_requests_total": 300, "debug_request_duration_seconds": 150,
			"search_requests_total": 175, Exploding: 1100, "search_latency_seconds_bucket": 246, "search_latency_seconds_sum": 6, "search_latency_seconds_count": 6,
			"pod_cpu_seconds_total": 60, "pod_memory_bytes": 60,
			"warehouse_stock_items": 300,
		}},
		{time.Hour, map[string]int{
			"checkout_orders_total": 3, "checkout_cart_requests_total": 2000, "debug_request_duration_seconds": 150,
			"search_requests_total": 1500, Exploding: 6000, "search_latency_seconds_bucket": 246, "search_latency_seconds_sum": 6, "search_latency_seconds_count": 6,
			"pod_cpu_seconds_total": 60, "pod_memory_bytes": 60,
			"warehouse_stock_items": 300,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.open.String(), func(t *testing.T) {
			got := map[string]int{}
			for name, series := range at(t, tt.open) {
				got[name] = len(series)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("series by metric, -want +got:\n%s", diff)
			}
		})
	}
}

func TestWhatChurns(t *testing.T) {
	tests := []struct {
		name   string
		metric string
		after  time.Duration
		want   int // series of the beginning that are still there
	}{
		{"every request has a series of its own", "debug_request_duration_seconds", 5 * time.Second, 0},
		{"a third of the pods is replaced in 30 seconds", "pod_cpu_seconds_total", 30 * time.Second, 40},
		{"all pods are replaced in their life", "pod_cpu_seconds_total", 90 * time.Second, 0},
		{"users stay", "checkout_cart_requests_total", 90 * time.Second, 200},
		{"shelves stay", "warehouse_stock_items", time.Hour, 300},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, after := at(t, 0)[tt.metric], at(t, tt.after)[tt.metric]
			got := 0
			for series := range before {
				if after[series] {
					got++
				}
			}
			if got != tt.want {
				t.Errorf("%d series of %s are left, want %d", got, tt.metric, tt.want)
			}
		})
	}
}
