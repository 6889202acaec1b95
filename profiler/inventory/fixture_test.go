package inventory

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// sighting returns a sighting of the series written as in PromQL.
func sighting(t testing.TB, part int64, text string) *Seen {
	t.Helper()
	ls, err := series.ParseLabels(text)
	if err != nil {
		t.Fatal(err)
	}
	return seen(part, ls)
}

func seen(part int64, ls series.Labels) *Seen {
	sum := sketch.Sum(ls)
	return &Seen{
		Labels: ls, Sum: sum, Hash: sketch.Final(sum), Family: sketch.FamilyOf(ls, sum), Part: part,
		Verdict: Verdict{Team: "checkout", Action: "keep"}, Forwarded: true, IntervalMs: 15000,
	}
}

func selector(t testing.TB, text string) *series.Selector {
	t.Helper()
	s, err := series.ParseSelector(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// workload returns n series of a metric with nine labels besides its name, two of
// which have many values. Sorted by name, as senders do.
func workload(metric string, n int) []series.Labels {
	list := make([]series.Labels, n)
	for i := range list {
		pod := i / 20
		list[i] = series.Labels{
			{Name: series.MetricName, Value: metric},
			{Name: "cluster", Value: "eu-central-1"},
			{Name: "container", Value: "app"},
			{Name: "handler", Value: fmt.Sprintf("/api/v1/resource/%d", i%20)},
			{Name: "instance", Value: fmt.Sprintf("10.%d.%d.%d:8080", pod>>16&255, pod>>8&255, pod&255)},
			{Name: "job", Value: "kubernetes-pods"},
			{Name: "method", Value: []string{"GET", "POST"}[i%2]},
			{Name: "namespace", Value: fmt.Sprintf("team-%d", pod%40)},
			{Name: "pod", Value: fmt.Sprintf("app-%d-7d9f8b6c4-%05d", pod%40, pod)},
			{Name: "status", Value: []string{"200", "404", "500", "503"}[i/2%4]},
		}
	}
	return list
}

// histogram returns the buckets of n families with so many buckets each.
func histogram(n, buckets int) []series.Labels {
	var list []series.Labels
	for i := range n {
		for le := range buckets {
			list = append(list, series.Labels{
				{Name: series.MetricName, Value: "request_seconds_bucket"},
				{Name: "le", Value: fmt.Sprint(le)},
				{Name: "pod", Value: fmt.Sprintf("pod-%d", i)},
			})
		}
	}
	return list
}

// observe notes one sighting of each.
func observe(m *Metric, part int64, list []series.Labels) {
	for _, ls := range list {
		m.Observe(seen(part, ls))
	}
}

// heap returns the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
