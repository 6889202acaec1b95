package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/headgate/headgate/attribution"
)

// Close is that of [attribution.Store]. Batches that are being stored are in the
// month; those to come are late.
func (l *Ledger) Close(ctx context.Context, c attribution.Closing) error {
	prices, err := json.Marshal(c.Prices)
	if err == nil {
		err = l.db.tx(ctx, func(tx *sql.Tx) error {
			if _, err := alone(ctx, tx); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `
				INSERT INTO ledger_closings (month, at_ms, prices, rolled) VALUES ($1, $2, $3, $1)
				ON CONFLICT (month) DO NOTHING`, int64(c.Month.From()), c.At.UnixMilli(), string(prices))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("close month %s: %w", c.Month, err)
	}
	return nil
}

// FirstOpen returns the first month that has cells and is not closed; ok is false
// where there is none.
func (l *Ledger) FirstOpen(ctx context.Context) (m attribution.Month, ok bool, err error) {
	err = l.db.query(ctx, func(rows *sql.Rows) error {
		var hour, closed sql.NullInt64
		if err := rows.Scan(&hour, &closed); err != nil || !hour.Valid {
			return err
		}
		m, ok = attribution.Hour(hour.Int64).Month(), true
		if closed.Valid { // months are closed one after the other
			if next := attribution.Hour(closed.Int64).Month().Next(); next.From() > m.From() {
				m = next
			}
		}
		return nil
	}, `SELECT (SELECT MIN(hour) FROM ledger_cells), (SELECT MAX(month) FROM ledger_closings)`)
	if err != nil {
		return m, false, fmt.Errorf("find the first open month: %w", err)
	}
	return m, ok, nil
}

// Closings is that of [attribution.Store].
func (l *Ledger) Closings(ctx context.Context) ([]attribution.Closing, error) {
	var closings []attribution.Closing
	err := l.db.query(ctx, func(rows *sql.Rows) error {
		var month attribution.Hour
		var atMs int64
		var prices string
		if err := rows.Scan(&month, &atMs, &prices); err != nil {
			return err
		}
		c := attribution.Closing{Month: month.Month(), At: fromMs(atMs)}
		if err := json.Unmarshal([]byte(prices), &c.Prices); err != nil {
			return fmt.Errorf("prices of %s: %w", c.Month, err)
		}
		closings = append(closings, c)
		return nil
	}, "SELECT month, at_ms, prices FROM ledger_closings ORDER BY month")
	if err != nil {
		return nil, fmt.Errorf("list closed months: %w", err)
	}
	return closings, nil
}

// Adjust stores a correction that somebody made, under an id that they made for
// it: the same id again changes nothing. It must be of a closed month and stand
// in one that is not; otherwise the error is [ErrConflict].
func (l *Ledger) Adjust(ctx context.Context, id string, a attribution.Adjustment) error {
	err := l.db.tx(ctx, func(tx *sql.Tx) error {
		if _, err := alone(ctx, tx); err != nil {
			return err
		}
		var of, at, known int
		err := tx.QueryRowContext(ctx, `
			SELECT (SELECT count(*) FROM ledger_closings WHERE month = $1),
			       (SELECT count(*) FROM ledger_closings WHERE month = $2),
			       (SELECT count(*) FROM ledger_adjustments WHERE id = $3)`,
			int64(a.Of.From()), int64(a.At.Month().From()), id).Scan(&of, &at, &known)
		switch {
		case err != nil:
			return err
		case of == 0:
			return fmt.Errorf("it is not closed: %w", ErrConflict)
		case known > 0:
			return nil
		case at > 0:
			return fmt.Errorf("the month of %s is closed: %w", a.At, ErrConflict)
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO ledger_adjustments (id, at_hour, month, tenant, team, micro, reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			id, int64(a.At), int64(a.Of.From()), string(tenantText(a.Tenant)), ownerText(a.Team), int64(a.Amount), tidyText(a.Reason, maxText))
		return err
	})
	if err != nil {
		return fmt.Errorf("adjust month %s: %w", a.Of, err)
	}
	return nil
}

// Adjustments is that of [attribution.Store]: what Adjust stored and what samples
// cost that came after their month was closed, one adjustment for each hour in
// which some came, by month, tenant and team.
func (l *Ledger) Adjustments(ctx context.Context, from, to attribution.Hour) ([]attribution.Adjustment, error) {
	var as []attribution.Adjustment
	err := l.db.query(ctx, func(rows *sql.Rows) error {
		var a attribution.Adjustment
		var of attribution.Hour
		if err := rows.Scan(&a.At, &of, &a.Tenant, &a.Team, &a.Amount, &a.Reason); err != nil {
			return err
		}
		a.Of = of.Month()
		as = append(as, a)
		return nil
	}, `
		SELECT at_hour, month, tenant, team, micro, reason FROM ledger_adjustments
		WHERE at_hour >= $1 AND at_hour < $2 ORDER BY at_hour, id`, int64(from), int64(to))
	if err == nil {
		as, err = l.appendLate(ctx, as, from, to)
	}
	if err != nil {
		return nil, fmt.Errorf("list adjustments: %w", err)
	}
	return as, nil
}

// A lateness says when samples came too late, and for which month.
type lateness struct {
	at attribution.Hour
	of attribution.Month
}

func (l *Ledger) appendLate(ctx context.Context, as []attribution.Adjustment, from, to attribution.Hour) ([]attribution.Adjustment, error) {
	builders := map[lateness]*attribution.Builder{}
	var order []lateness
	var tariff *attribution.Tariff // read when it is needed: late samples are rare
	err := l.db.query(ctx, func(rows *sql.Rows) error {
		var at attribution.Hour
		var c attribution.Cell
		var forwarded int64
		if err := rows.Scan(&at, &c.Hour, &c.Tenant, &c.Team, &forwarded); err != nil {
			return err
		}
		c.Samples[attribution.Forwarded] = uint64(forwarded)
		if tariff == nil {
			closings, err := l.Closings(ctx)
			if err != nil {
				return err
			}
			if tariff, err = attribution.NewTariff(nil, closings...); err != nil {
				return err
			}
		}
		k := lateness{at, c.Hour.Month()}
		if builders[k] == nil {
			by := []attribution.Column{attribution.ByTenant, attribution.ByTeam}
			builders[k] = attribution.NewBuilder(attribution.Query{From: k.of.From(), To: k.of.To(), By: by}, tariff)
			order = append(order, k)
		}
		builders[k].Add(&c)
		return nil
	}, `
		SELECT c.at_hour, c.hour, k.tenant, k.team, CAST(SUM(c.forwarded) AS BIGINT)
		FROM ledger_late c JOIN ledger_keys k ON k.id = c.key_id
		WHERE c.at_hour >= $1 AND c.at_hour < $2
		GROUP BY c.at_hour, c.hour, k.tenant, k.team
		ORDER BY c.at_hour, c.hour`, int64(from), int64(to))
	if err != nil {
		return nil, err
	}
	for _, k := range order {
		r, err := builders[k].Report()
		if err != nil {
			return nil, err
		}
		for i := range r.Rows {
			if row := &r.Rows[i]; row.Cost != 0 {
				as = append(as, attribution.Adjustment{At: k.at, Of: k.of, Tenant: row.Tenant, Team: row.Team, Amount: row.Cost,
					Reason: fmt.Sprintf("%d samples of %s were stored after it was closed", row.Samples[attribution.Forwarded], k.of)})
			}
		}
	}
	return as, nil
}
