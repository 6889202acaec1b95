package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/headgate/headgate/attribution"
)

// Told returns what was told of budgets in a month. Of a budget that is not there
// nothing was.
func (db *DB) Told(ctx context.Context, m attribution.Month) (map[attribution.Budget]attribution.Told, error) {
	told := map[attribution.Budget]attribution.Told{}
	err := db.query(ctx, func(rows *sql.Rows) error {
		var b attribution.Budget
		var over int
		t := attribution.Told{Month: m}
		if err := rows.Scan(&b.Tenant, &b.Team, &b.Month, &t.Threshold, &over); err != nil {
			return err
		}
		t.Over = over != 0
		told[b] = t
		return nil
	}, "SELECT tenant, team, amount_micro, threshold, over FROM budgets_told WHERE month = $1", m.String())
	if err != nil {
		return nil, fmt.Errorf("read what was told of budgets in %s: %w", m, err)
	}
	return told, nil
}

// Tell notes that after was told of a budget, where what was told of it is still
// before, of the same month. Otherwise another process was faster and tells it;
// then the error is [ErrConflict]. The events that tell it are stored with it, or
// nothing is. What was told in months before the last is forgotten.
func (db *DB) Tell(ctx context.Context, b attribution.Budget, before, after attribution.Told, events ...Event) error {
	over := func(t attribution.Told) int {
		if t.Over {
			return 1
		}
		return 0
	}
	err := db.tx(ctx, func(tx *sql.Tx) error {
		if err := db.insertEvents(ctx, tx, events); err != nil {
			return err
		}
		month := after.Month.String()
		if _, err := tx.ExecContext(ctx, "DELETE FROM budgets_told WHERE month < $1", after.Month.Previous().String()); err != nil {
			return err
		}
		var threshold, isOver int
		err := tx.QueryRowContext(ctx, `
			SELECT threshold, over FROM budgets_told
			WHERE month = $1 AND tenant = $2 AND team = $3 AND amount_micro = $4`,
			month, string(b.Tenant), b.Team, int64(b.Month)).Scan(&threshold, &isOver)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			if before.Threshold != 0 || before.Over {
				return ErrConflict
			}
			return changesOne(tx.ExecContext(ctx, `
				INSERT INTO budgets_told (month, tenant, team, amount_micro, threshold, over)
				VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (month, tenant, team, amount_micro) DO NOTHING`,
				month, string(b.Tenant), b.Team, int64(b.Month), after.Threshold, over(after)))
		case err != nil:
			return err
		}
		return changesOne(tx.ExecContext(ctx, `
			UPDATE budgets_told SET threshold = $5, over = $6
			WHERE month = $1 AND tenant = $2 AND team = $3 AND amount_micro = $4 AND threshold = $7 AND over = $8`,
			month, string(b.Tenant), b.Team, int64(b.Month), after.Threshold, over(after), before.Threshold, over(before)))
	})
	if err != nil {
		return fmt.Errorf("tell of the budget of %s: %w", b, err)
	}
	return nil
}

// ToldBreaks returns the keys of what was told to break, and still did when that was
// looked at last.
func (db *DB) ToldBreaks(ctx context.Context) (map[string]bool, error) {
	keys := map[string]bool{}
	err := db.query(ctx, func(rows *sql.Rows) error {
		var key string
		err := rows.Scan(&key)
		keys[key] = true
		return err
	}, "SELECT key FROM breaks_told")
	if err != nil {
		return nil, fmt.Errorf("read what was told to break: %w", err)
	}
	return keys, nil
}

// TellBreaks notes that what the keys stand for was told to break by e, which is
// stored with them. Where others have told all of it, the error is [ErrConflict].
func (db *DB) TellBreaks(ctx context.Context, keys []string, e Event) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		var fresh int64
		for _, key := range keys {
			result, err := tx.ExecContext(ctx, "INSERT INTO breaks_told (key, at_ms) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING", key, e.At.UnixMilli())
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			fresh += n
		}
		if fresh == 0 {
			return ErrConflict
		}
		return db.insertEvents(ctx, tx, []Event{e})
	})
	if err != nil {
		return fmt.Errorf("tell of %d breaks: %w", len(keys), err)
	}
	return nil
}

// ForgetBreaks notes that what the keys stand for breaks no more, so that it is
// told again if it does.
func (db *DB) ForgetBreaks(ctx context.Context, keys []string) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		for _, key := range keys {
			if _, err := tx.ExecContext(ctx, "DELETE FROM breaks_told WHERE key = $1", key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget %d breaks: %w", len(keys), err)
	}
	return nil
}
