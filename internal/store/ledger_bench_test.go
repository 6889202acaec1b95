package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

func eachDatabase(b *testing.B, bench func(b *testing.B, url string)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, storetest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { bench(b, storetest.Postgres(b)) })
}

// flush returns a batch of as many cells of 200 teams, with ten series each, which
// are others with another seed.
func flush(b *testing.B, sequence, seed uint64, h attribution.Hour, cells int) *attribution.Batch {
	out := batch(b.Name(), sequence)
	hashes := make([]uint64, 10)
	for i := range hashes {
		hashes[i] = seed<<32 | uint64(i)
	}
	for i := range cells {
		k := key(h, "shop", fmt.Sprintf("team%03d", i*200/cells), fmt.Sprintf("metric_%06d_total", i))
		out.Deltas = append(out.Deltas, attribution.Delta{Key: k, Samples: attribution.Counts{100, 2}, Series: series(hashes...)})
	}
	return out
}

// BenchmarkCommit stores 5000 cells: of an hour that has them, with the series that
// it has or with new ones, and of a new hour.
func BenchmarkCommit(b *testing.B) {
	for name, next := range map[string]func(b *testing.B, i uint64) *attribution.Batch{
		"same series": func(b *testing.B, i uint64) *attribution.Batch { return flush(b, i, 1, noonHour, 5000) },
		"new series":  func(b *testing.B, i uint64) *attribution.Batch { return flush(b, i, i, noonHour, 5000) },
		"new hour": func(b *testing.B, i uint64) *attribution.Batch {
			return flush(b, i, 1, noonHour+attribution.Hour(i), 5000)
		},
	} {
		b.Run(name, func(b *testing.B) {
			eachDatabase(b, func(b *testing.B, url string) {
				l := ledger(open(b, url))
				commit(b, l, next(b, 1))
				for i := uint64(2); b.Loop(); i++ {
					commit(b, l, next(b, i))
				}
			})
		})
	}
}

// BenchmarkMonth opens a store with a month of 1000 cells an hour, 720 000 rows,
// and reads them as reports do.
func BenchmarkMonth(b *testing.B) {
	eachDatabase(b, func(b *testing.B, url string) {
		db := open(b, url)
		commit(b, ledger(db), flush(b, 1, 1, november.From(), 1000))
		if err := ledger(db).Settle(b.Context(), november.To()); err != nil {
			b.Fatal(err)
		}
		_, err := db.Writer().ExecContext(b.Context(), `
			WITH RECURSIVE hours(h) AS (SELECT 1 UNION ALL SELECT h + 1 FROM hours WHERE h < 719)
			INSERT INTO ledger_cells (hour, key_id, tenant, forwarded, dropped, downsampled, shed, rejected, failed, series)
			SELECT c.hour + h, key_id, tenant, forwarded + h, dropped, downsampled, shed, rejected, failed, series FROM hours, ledger_cells c`)
		if err != nil {
			b.Fatal(err)
		}
		if path, ok := strings.CutPrefix(url, "sqlite://"); ok {
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.Logf("the file has %d MB", info.Size()>>20)
		}
		b.Run("open", func(b *testing.B) {
			for b.Loop() {
				db, err := store.Open(b.Context(), url, discard)
				if err != nil {
					b.Fatal(err)
				}
				_ = db.Close()
			}
		})
		for name, q := range map[string]attribution.Query{
			"by team":           {By: []attribution.Column{attribution.ByTeam}},
			"by day and metric": {By: []attribution.Column{attribution.ByDay, attribution.ByMetric}},
			"of one metric":     {Metric: "metric_000007_total"},
		} {
			b.Run(name, func(b *testing.B) {
				q.From, q.To = november.From(), november.To()
				tariff, err := attribution.NewTariff([]attribution.Price{{Currency: "USD", PerMillionSamples: 1e11}})
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					builder := attribution.NewBuilder(q, tariff)
					for c, err := range ledger(db).Cells(b.Context(), q, nil) {
						if err != nil {
							b.Fatal(err)
						}
						builder.Add(&c)
					}
					if _, err := builder.Report(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run("commit", func(b *testing.B) {
			l := ledger(db)
			for i := uint64(1); b.Loop(); i++ {
				commit(b, l, flush(b, i, 1, november.To(), 1000))
			}
		})
	})
}
