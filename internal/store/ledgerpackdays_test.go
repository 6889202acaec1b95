package store_test

import (
	"fmt"
	"testing"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// A store whose days and months are summed up in rows, as they were before packs, says
// the same of each day as its cells.
func TestSummedDaysOfAnOlderSchemaArePacked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		store.MakeVersion(t, url, 12)
		day := noonHour.Day() - 72
		statements := []string{
			"INSERT INTO ledger_keys (id, tenant, team, service, metric, used_hour) VALUES (3, 'shop', 'a', '', 'm0', 0), (9, 'shop', 'b', '', 'm1', 0)",
			"UPDATE revisions SET last = 9 WHERE name = 'ledger_keys'",
			fmt.Sprintf("INSERT INTO ledger_summed_months (month, until) VALUES (%d, %d)", day.Month().From(), day+24),
		}
		for h := day; h < day+72; h += 6 { // the third day is not summed up
			for i, id := range []int{3, 9} {
				statements = append(statements,
					fmt.Sprintf("INSERT INTO ledger_cells VALUES (%d, %d, %d, 5, 1, 0, 0, 0, %d)", h, id, 100*i+int(h%24), 7+i),
					fmt.Sprintf("INSERT INTO ledger_rules VALUES (%d, %d, 'r%d', 5, 1, %d)", h, id, h%12, 2+i))
			}
		}
		statements = append(statements, `
			INSERT INTO ledger_team_days SELECT c.hour - c.hour % 24, k.tenant, k.team, k.service,
				SUM(c.forwarded), SUM(c.dropped), SUM(c.downsampled), SUM(c.shed), SUM(c.rejected), SUM(c.failed), SUM(c.series)
			FROM ledger_cells c JOIN ledger_keys k ON k.id = c.key_id GROUP BY 1, 2, 3, 4`)
		for _, d := range []attribution.Hour{day, day + 24} {
			statements = append(statements,
				fmt.Sprintf("INSERT INTO ledger_summed VALUES (%d)", d),
				fmt.Sprintf(`INSERT INTO ledger_days SELECT %d, key_id, SUM(forwarded), SUM(dropped), SUM(downsampled), SUM(shed), SUM(rejected), SUM(failed), SUM(series)
					FROM ledger_cells WHERE hour >= %d AND hour < %d GROUP BY key_id`, d, d, d+24),
				fmt.Sprintf(`INSERT INTO ledger_day_rules SELECT %d, key_id, rule, SUM(dropped), SUM(downsampled), SUM(series)
					FROM ledger_rules WHERE hour >= %d AND hour < %d GROUP BY key_id, rule`, d, d, d+24))
		}
		store.ExecAt(t, url, statements...)

		db := open(t, url)
		l := ledger(db)
		if n := count(t, db, "ledger_packs"); n != 2 {
			t.Fatalf("%d days are packed, want 2", n)
		}
		q := attribution.Query{From: day, To: day + 72, By: []attribution.Column{attribution.ByDay, attribution.ByMetric, attribution.ByRule}}
		packed := cells(t, l, q)
		if err := l.Settle(t.Context(), noonHour-6); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "ledger_packs"); n != 3 {
			t.Errorf("%d days are packed after the upkeep, want 3", n)
		}
		expect(t, "after the upkeep", packed, cells(t, l, q))
		store.Exec(t, db, "DELETE FROM ledger_packs")
		expect(t, "by hours", cells(t, l, q), packed)
		late := attribution.Delta{Key: key(day+30, "shop", "a", "m0"), Samples: attribution.Counts{1000}}
		if err := l.Settle(t.Context(), noonHour-6); err != nil {
			t.Fatal(err)
		}
		commit(t, l, batch("late", 1, late))
		withLate := cells(t, l, q)
		store.Exec(t, db, "DELETE FROM ledger_packs")
		expect(t, "with late samples, by hours", cells(t, l, q), withLate)
		if withLate == packed {
			t.Error("late samples are not in the pack of their day")
		}
	})
}
