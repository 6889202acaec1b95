package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/headgate/headgate/attribution"
)

// skew is how many hours clocks may differ, and keyUse more, before a key that
// cells still have would be deleted.
const skew = 24

// DeleteLedgerBefore deletes the cells of days before that of t, and what belongs
// to them, and returns how many rows that were. Closings and the adjustments that
// somebody made stay. It goes by transactions of batch rows, so that others can
// write in between; an error leaves those deleted that were.
//
// A writer's sequence goes with the cells of its newest batch: whoever sends that
// batch again, after all this time, adds what the next call deletes.
func (db *DB) DeleteLedgerBefore(ctx context.Context, t time.Time, batch int) (deleted int64, err error) {
	h := int64(attribution.HourOf(t).Day())
	var any bool
	if err := db.read.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM ledger_cells WHERE hour < $1)", h).Scan(&any); err != nil {
		return 0, fmt.Errorf("delete the ledger before %s: %w", t.UTC().Format(time.RFC3339), db.engine.explain(err))
	}
	for _, of := range []struct {
		table, id, column string
		before            int64
	}{
		{"ledger_sketches", "hour, key_id, rule", "hour", h},
		{"ledger_rules", "hour, key_id, rule", "hour", h},
		{"ledger_cells", "hour, key_id", "hour", h},
		{"ledger_packs", "day", "day", h},
		{"ledger_team_rules", "day, tenant, team, service, rule", "day", h},
		{"ledger_team_days", "day, tenant, team, service", "day", h},
		{"ledger_late", "at_hour, hour, key_id", "at_hour", h},
		{"ledger_writers", "writer", "at_ms", h*time.Hour.Milliseconds() - skew*time.Hour.Milliseconds()},
		{"ledger_keys", "id", "used_hour", h - keyUse - skew},
	} {
		statement := fmt.Sprintf("DELETE FROM %s WHERE (%s) IN (SELECT %s FROM %s WHERE %s < $1 ORDER BY %s LIMIT $2)",
			of.table, of.id, of.id, of.table, of.column, of.id)
		if of.table == "ledger_keys" || of.table == "ledger_writers" {
			// On PostgreSQL a row may be used while it is being chosen.
			statement += " AND " + of.column + " < $1"
		}
		for n := int64(batch); n >= int64(batch); {
			err := db.tx(ctx, func(tx *sql.Tx) (err error) {
				if any { // what others know of the ledger is no more
					if _, err := alone(ctx, tx); err != nil {
						return err
					}
				}
				n, err = changed(tx.ExecContext(ctx, statement, of.before, batch))
				return err
			})
			if err != nil {
				return deleted, fmt.Errorf("delete %s before %s: %w", of.table, t.UTC().Format(time.RFC3339), err)
			}
			deleted += n
		}
	}
	return deleted, nil
}

// RollUp adds the cells of closed months up, those of a day before h in its first
// hour, and changes no sum: a day that a price of the month begins in is added up
// in parts. It goes hour by hour, each in a transaction; what an error leaves is
// right, and the next call goes on. Settle must have come before: a month with
// sketches is left alone.
func (l *Ledger) RollUp(ctx context.Context, h attribution.Hour) error {
	rolled, err := l.unrolled(ctx)
	if err != nil {
		return fmt.Errorf("roll up the ledger: %w", err)
	}
	closings, err := l.Closings(ctx)
	if err != nil {
		return err
	}
	for _, c := range closings {
		from, pending := rolled[c.Month]
		if !pending {
			continue
		}
		tariff, err := attribution.NewTariff(c.Prices)
		if err != nil {
			return fmt.Errorf("roll up %s: %w", c.Month, err)
		}
		changes := tariff.Changes(c.Month.From(), c.Month.To())
		for from < c.Month.To() {
			to := min(endOfSpan(from, changes), c.Month.To())
			if to > h {
				break
			}
			if err := l.rollSpan(ctx, c.Month, from, to); err != nil {
				return fmt.Errorf("roll up %s: %w", from, err)
			}
			from = to
		}
	}
	return nil
}

// unrolled returns the hour from which on cells are to be rolled up, by month.
func (l *Ledger) unrolled(ctx context.Context) (map[attribution.Month]attribution.Hour, error) {
	from := map[attribution.Month]attribution.Hour{}
	err := l.db.query(ctx, func(rows *sql.Rows) error {
		var month, rolled attribution.Hour
		if err := rows.Scan(&month, &rolled); err != nil {
			return err
		}
		if m := month.Month(); rolled < m.To() {
			from[m] = rolled
		}
		return nil
	}, `
		SELECT month, rolled FROM ledger_closings c
		WHERE NOT EXISTS (SELECT 1 FROM ledger_sketches s WHERE s.hour < c.month + 744)`) // 31 days
	return from, err
}

// rollSpan moves the cells of the hours after from and before to into from.
func (l *Ledger) rollSpan(ctx context.Context, m attribution.Month, from, to attribution.Hour) error {
	for {
		var h sql.Null[int64]
		err := l.db.write.QueryRowContext(ctx, "SELECT MIN(hour) FROM ledger_cells WHERE hour > $1 AND hour < $2", int64(from), int64(to)).Scan(&h)
		if err != nil {
			return l.db.engine.explain(err)
		}
		if !h.Valid {
			break
		}
		err = l.db.tx(ctx, func(tx *sql.Tx) error {
			if _, err := alone(ctx, tx); err != nil { // two who moved a row would add it twice
				return err
			}
			// A pack that goes up to an hour in between would not have what is moved before it.
			_, err := tx.ExecContext(ctx, "DELETE FROM ledger_packs WHERE day = $1 AND until > $2 AND until < $3", int64(from.Day()), int64(from), int64(to))
			if err != nil {
				return err
			}
			for _, t := range []*sumTable{&cellTable, &ruleTable} {
				_, err := tx.ExecContext(ctx, t.into()+"SELECT CAST($1 AS BIGINT), "+strings.Join(t.columns()[1:], ", ")+
					" FROM "+t.name+" WHERE hour = $2"+t.adding(), int64(from), h.V)
				if err != nil {
					return err
				}
			}
			for _, table := range []string{"ledger_cells", "ledger_rules"} {
				if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE hour = $1", h.V); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return l.db.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE ledger_closings SET rolled = $2 WHERE month = $1 AND rolled < $2", int64(m.From()), int64(to))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE ledger_packs SET last = COALESCE((SELECT MAX(hour) FROM ledger_cells WHERE hour >= day AND hour < until), day)
			WHERE day = $1`, int64(from.Day()))
		return err
	})
}
