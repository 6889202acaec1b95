//go:build unix

package store_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

func eachDatabase(b *testing.B, bench func(b *testing.B, url string)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { bench(b, storetest.Postgres(b)) })
}

// benchLedger counts series as Headgate does.
func benchLedger(db *store.DB) *store.Ledger {
	return db.Ledger(store.Sketches, func() time.Time { return noon })
}

// flush returns a batch of 20 000 cells of 200 teams, with as many series each, from
// the first on. They are the sketch's of a gateway.
func flush(b testing.TB, sequence uint64, h attribution.Hour, first, n int) *attribution.Batch {
	out := batch(b.Name(), sequence)
	for i := range 20_000 {
		d := attribution.Delta{Key: key(h, "shop", fmt.Sprintf("team%03d", i%200), fmt.Sprintf("metric_%06d_total", i)), Samples: attribution.Counts{100, 2}}
		if n > 0 {
			s := store.Sketches.New()
			for k := range n {
				s.Insert(uint64(i*1_000_003+first+k+1) * 0x9e3779b97f4a7c15)
			}
			d.Series, _ = s.AppendBinary(nil)
		}
		out.Deltas = append(out.Deltas, d)
	}
	return out
}

// used returns what the process has used of its processors.
func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCommit stores 20 000 cells, some 50 series in each: of a new hour; of an
// hour that has them, with ten series that it has not, with none that it has not, and
// with none at all. cpu-ms is of this process, which SQLite runs in and PostgreSQL
// does not.
func BenchmarkCommit(b *testing.B) {
	for _, bb := range []struct {
		name string
		next func(b *testing.B, i int) *attribution.Batch
	}{
		{"new hour", func(b *testing.B, i int) *attribution.Batch {
			return flush(b, uint64(i), noonHour+attribution.Hour(i), 0, 50)
		}},
		{"more series", func(b *testing.B, i int) *attribution.Batch { return flush(b, uint64(i), noonHour, 40+10*i, 10) }},
		{"same series", func(b *testing.B, i int) *attribution.Batch { return flush(b, uint64(i), noonHour, 0, 50) }},
		{"samples", func(b *testing.B, i int) *attribution.Batch { return flush(b, uint64(i), noonHour, 0, 0) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			eachDatabase(b, func(b *testing.B, url string) {
				l := benchLedger(open(b, url))
				commit(b, l, flush(b, 1, noonHour, 0, 50))
				var took, cpu time.Duration
				i := 1
				for b.Loop() {
					i++
					next := bb.next(b, i)
					begun, before := time.Now(), used()
					commit(b, l, next)
					took, cpu = took+time.Since(begun), cpu+used()-before
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(20_000*(i-1))/took.Seconds(), "cells/s")
				b.ReportMetric(float64(cpu.Milliseconds())/float64(i-1), "cpu-ms/commit")
			})
		})
	}
}
