//go:build unix

package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// The synthetic year: twelve months, of which the last is open and whole; 200 teams,
// 20 000 metrics of which every tenth is of two teams; and what twenty rules removed
// of every tenth cell.
const (
	yearTeams   = 200
	yearMetrics = 20_000
)

var (
	yearFrom = attribution.Month{Year: 2025, Month: time.December}
	yearOpen = november
	yearNow  = yearOpen.To() - 1 // the hour under way
)

// makeYear writes the year into an empty store: what is old in bulk, the sums by the
// ledger itself, and the last hours as a gateway would.
func makeYear(b *testing.B, url string) {
	db, err := store.Open(b.Context(), url, discard)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	exec := func(statement string, args ...any) {
		b.Helper()
		if _, err := db.Writer().ExecContext(b.Context(), statement, args...); err != nil {
			b.Fatal(err)
		}
	}
	now := func() time.Time { return yearNow.Time() }
	l := db.Ledger(store.Sketches, now)
	for hours := range attribution.Hour(6) { // that are not settled
		batch := &attribution.Batch{Writer: "year", Sequence: uint64(hours + 1)}
		for i := range yearMetrics + yearMetrics/10 {
			m := i % yearMetrics
			k := key(yearNow-5+hours, "shop", fmt.Sprintf("team-%03d", (m+i/yearMetrics)%yearTeams), fmt.Sprintf("service_%02d_metric_%05d_total", m%40, m))
			s := store.Sketches.New()
			for n := range 50 {
				s.Insert(uint64(i*1000+n+1) * 0x9e3779b97f4a7c15)
			}
			d := attribution.Delta{Key: k, Samples: attribution.Counts{12_000, 300}}
			d.Series, _ = s.AppendBinary(nil)
			batch.Deltas = append(batch.Deltas, d)
		}
		commit(b, l, batch)
	}
	fill := func(from, to, step attribution.Hour, times int) {
		for h := from; h < to; h += step {
			exec(`INSERT INTO ledger_cells (hour, key_id, forwarded, dropped, downsampled, shed, rejected, failed, series)
				SELECT $1, id, $2 * (id * 7919 % 20000 + 100 + $1 % 50), $2 * (id % 10 = 0) * (100 + $1 % 24), 0, 0, 0, 0, $2 * (id * 7919 % 100 + 1)
				FROM ledger_keys ORDER BY id`, int64(h), times)
			exec(`INSERT INTO ledger_rules (hour, key_id, rule, dropped, downsampled, series)
				SELECT $1, id, 'drop-' || (id / 10 % 20), $2 * (100 + $1 % 24), 0, $2 * (id % 7) FROM ledger_keys WHERE id % 10 = 0 ORDER BY id`, int64(h), times)
		}
	}
	fill(yearFrom.From(), yearOpen.From(), 24, 24)
	fill(yearOpen.From(), yearNow-5, 1, 1)
	exec("DELETE FROM ledger_team_days")
	for day := yearFrom.From(); day < yearOpen.To(); day += 24 {
		exec(`INSERT INTO ledger_team_days (day, tenant, team, service, forwarded, dropped, downsampled, shed, rejected, failed, series)
			SELECT $1, k.tenant, k.team, k.service, SUM(forwarded), SUM(dropped), SUM(downsampled), SUM(shed), SUM(rejected), SUM(failed), SUM(series)
			FROM ledger_cells c JOIN ledger_keys k ON k.id = c.key_id WHERE hour >= $1 AND hour < $1 + 24 GROUP BY 2, 3, 4`, int64(day))
		exec(`INSERT INTO ledger_team_rules (day, tenant, team, service, rule, dropped, downsampled, series)
			SELECT $1, k.tenant, k.team, k.service, rule, SUM(dropped), SUM(downsampled), SUM(series)
			FROM ledger_rules r JOIN ledger_keys k ON k.id = r.key_id WHERE hour >= $1 AND hour < $1 + 24 GROUP BY 2, 3, 4, 5`, int64(day))
	}
	for m := yearFrom; m != yearOpen; m = m.Next() {
		if err := l.Close(b.Context(), attribution.Closing{Month: m, At: noon}); err != nil {
			b.Fatal(err)
		}
		exec("UPDATE ledger_closings SET rolled = $1 WHERE month = $2", int64(m.To()), int64(m.From()))
	}
	begun, cpu := time.Now(), used()
	if err := l.Settle(b.Context(), yearNow-5); err != nil {
		b.Fatal(err)
	}
	say("29 days of %d cells an hour summed up by key: %s a day (%s CPU)", yearMetrics+yearMetrics/10, short((time.Since(begun))/29), short((used()-cpu)/29))
	begun = time.Now()
	commit(b, l, batch("next", 1, attribution.Delta{Key: key(yearNow, "shop", "team-000", "service_00_metric_00000_total"), Samples: attribution.Counts{1}}))
	say("a commit of one cell: %s", short(time.Since(begun)))
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func short(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }

// BenchmarkYear makes a store with the year and prints its size, how long it takes to
// open, and how long reports take: the first after the store was opened, whose file
// the kernel still has in memory, and the fastest of three more. It takes minutes and
// a gigabyte, and is run by its name: go test -run '^$' -bench Year ./internal/store
func BenchmarkYear(b *testing.B) {
	url := storetest.SQLite(b)
	begun := time.Now()
	makeYear(b, url)
	say("made in %s", time.Since(begun).Round(time.Second))
	info, err := os.Stat(strings.TrimPrefix(url, "sqlite://"))
	if err != nil {
		b.Fatal(err)
	}
	say("size on disk: %d MB", info.Size()>>20)
	func() {
		db := open(b, url)
		for _, table := range []string{"ledger_keys", "ledger_cells", "ledger_rules", "ledger_packs", "ledger_team_days", "ledger_sketches"} {
			say("%s: %d rows", table, count(b, db, table))
		}
	}()

	month := attribution.Query{From: yearOpen.From(), To: yearOpen.To()}
	closed := attribution.Query{From: yearOpen.Previous().From(), To: yearOpen.From()}
	year := attribution.Query{From: yearFrom.From(), To: yearOpen.To()}
	by := func(q attribution.Query, columns ...attribution.Column) attribution.Query {
		q.By = columns
		return q
	}
	team := by(month, attribution.ByMetric)
	team.Team = "team-007"
	part := by(month, attribution.ByTeam)
	part.To -= 12
	say("\n| report | rows | first | CPU | again | CPU |\n| --- | --- | --- | --- | --- | --- |")
	for _, r := range []struct {
		name    string
		query   attribution.Query
		changes []attribution.Hour
	}{
		{"open month by team", by(month, attribution.ByTeam), nil},
		{"open month by tenant", by(month, attribution.ByTenant), nil},
		{"open month by day", by(month, attribution.ByDay), nil},
		{"open month by team, day", by(month, attribution.ByTeam, attribution.ByDay), nil},
		{"open month by rule", by(month, attribution.ByRule), nil},
		{"open month by metric", by(month, attribution.ByMetric), nil},
		{"open month by metric, one team", team, nil},
		{"open month by team, up to noon", part, nil},
		{"open month by team, a price begins at a noon", by(month, attribution.ByTeam), []attribution.Hour{month.From + 36}},
		{"closed month by team", by(closed, attribution.ByTeam), nil},
		{"closed month by metric", by(closed, attribution.ByMetric), nil},
		{"year by team", by(year, attribution.ByTeam), nil},
		{"year by metric", by(year, attribution.ByMetric), nil},
	} {
		db, err := store.Open(b.Context(), url, discard)
		if err != nil {
			b.Fatal(err)
		}
		rows, first, cpu := yearReport(b, db, r.query, r.changes)
		_, again, againCPU := yearReport(b, db, r.query, r.changes)
		for range 2 {
			if _, t, c := yearReport(b, db, r.query, r.changes); t < again {
				again, againCPU = t, c
			}
		}
		say("| %s | %d | %s | %s | %s | %s |", r.name, rows, short(first), short(cpu), short(again), short(againCPU))
		_ = db.Close()
	}
	var opened []time.Duration
	for range 3 {
		begun := time.Now()
		db, err := store.Open(b.Context(), url, discard)
		if err != nil {
			b.Fatal(err)
		}
		opened = append(opened, time.Since(begun))
		_ = db.Close()
	}
	say("\nopening the store: %v", opened)
}

// yearReport makes a report, and returns how many rows it has, and what it took.
func yearReport(b *testing.B, db *store.DB, q attribution.Query, changes []attribution.Hour) (rows int, took, cpu time.Duration) {
	tariff, err := attribution.NewTariff([]attribution.Price{{Currency: "USD", PerMillionSamples: 1000}})
	if err != nil {
		b.Fatal(err)
	}
	begun, before := time.Now(), used()
	builder := attribution.NewBuilder(q, tariff)
	for c, err := range db.Ledger(store.Sketches, time.Now).Cells(b.Context(), q, changes) {
		if err != nil {
			b.Fatal(err)
		}
		builder.Add(&c)
	}
	r, err := builder.Report()
	if err != nil {
		b.Fatal(err)
	}
	return len(r.Rows), time.Since(begun), used() - before
}
