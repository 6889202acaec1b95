//go:build unix

package control

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// BenchmarkReports makes what the pages of costs show, of two months of 10 000 and of
// 50 000 cells an hour, which is the most that a gateway keeps: days that are over in
// one hour each, which is what they are rolled up to. Before each report a tenth of the
// cells of the hour under way grow, outside of what is measured. cpu-ms is of the
// process. It takes minutes, and is run by its name:
// go test -run '^$' -bench Reports -benchtime 5x ./internal/control
func BenchmarkReports(b *testing.B) {
	for _, n := range []int{10_000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchReports(b, n) })
	}
}

// reportTeams own the metrics of the benchmark, and the last nobody.
var reportTeams = []string{"catalog", "checkout", "identity", "inventory", "payments", "pricing", "search", attribution.Unowned}

// hourOfMetrics returns n cells of an hour, or a tenth of them.
func hourOfMetrics(h attribution.Hour, n, step int, times uint64, series []byte) (list []attribution.Delta) {
	for i := 0; i < n; i += step {
		k := attribution.Key{Hour: h, Tenant: "shop", Team: reportTeams[i%len(reportTeams)], Metric: fmt.Sprintf("service_%02d_requests_%05d_total", i%40, i)}
		list = append(list, attribution.Delta{Key: k, Samples: attribution.Counts{uint64(240*(1+i*7919%97)) * times}, Series: series})
	}
	return list
}

func benchReports(b *testing.B, n int) {
	db, err := store.Open(b.Context(), storetest.SQLite(b), discard)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	l := db.Ledger(exactly, func() time.Time { return halfPast })
	sequence := uint64(0)
	commit := func(deltas []attribution.Delta) {
		b.Helper()
		sequence++
		if err := l.Commit(b.Context(), &attribution.Batch{Writer: "bench", Sequence: sequence, Deltas: deltas}); err != nil {
			b.Fatal(err)
		}
	}
	hour := attribution.HourOf(halfPast)
	for h := hour.Month().Previous().From(); h < hour; {
		times, next := uint64(24), h+24
		if h >= hour.Day() {
			times, next = 1, h+1
		}
		commit(hourOfMetrics(h, n, 1, times, someSeries(1+int(h)%5)))
		h = next
	}
	begun, cpu := time.Now(), usedCPU()
	if err := l.Settle(b.Context(), hour-6); err != nil {
		b.Fatal(err)
	}
	b.Logf("packed in %s (%s CPU)", time.Since(begun).Round(time.Millisecond), (usedCPU() - cpu).Round(time.Millisecond))
	commit(hourOfMetrics(hour, n, 1, 1, someSeries(3)))

	cfg := attribution.DefaultConfig()
	cfg.Prices = attribution.Prices{{Currency: "USD", PerMillionSamples: 100_000_000_000, PerThousandSeriesMonth: 5_000_000_000_000}}
	policies, err := NewPolicies(PolicyFile{Name: "headgate.yml", Config: cfg}, noPolicyStore, discard)
	if err != nil {
		b.Fatal(err)
	}
	c := New(Parts{Policies: policies, Events: NewEvents(discard), Ledger: func() attribution.Store { return l }, Now: func() time.Time { return halfPast }})
	metric := hourOfMetrics(hour, 1, 1, 1, nil)[0].Metric
	costs := func(q CostQuery) func() error {
		return func() error { _, err := c.Costs(b.Context(), q); return err }
	}
	for _, page := range []struct {
		name string
		ask  func() error
	}{
		{"by metric", costs(CostQuery{By: "metric"})},
		{"by team and metric", costs(CostQuery{By: "team,metric"})},
		{"by metric of a team", costs(CostQuery{By: "metric", Team: "checkout"})},
		{"by day of a metric", costs(CostQuery{By: "day", Metric: metric})},
		{"by metric of the last month", costs(CostQuery{By: "metric", Month: "2026-10"})},
		{"a figure of a metric", func() error {
			_, err := c.CostFigures(b.Context(), CostQuery{By: "metric"}, []string{"metric:" + metric})
			return err
		}},
		{"a team", func() error { _, err := c.CostSummary(b.Context(), SummaryQuery{Team: "checkout"}); return err }},
		{"teams", func() error { _, err := c.Teams(b.Context(), TeamsQuery{}); return err }},
	} {
		b.Run(page.name, func(b *testing.B) {
			b.ReportAllocs()
			var cpu time.Duration
			for b.Loop() {
				b.StopTimer()
				commit(hourOfMetrics(hour, n, 10, 1, nil))
				b.StartTimer()
				before := usedCPU()
				if err := page.ask(); err != nil {
					b.Fatal(err)
				}
				cpu += usedCPU() - before
			}
			b.ReportMetric(float64(cpu.Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// usedCPU returns what the process has used of its processors.
func usedCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
