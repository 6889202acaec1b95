package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/headgate/headgate/attribution"
)

// packSummedDays is the migration after 0013: it packs the days that are summed up in a
// row for each key, a fifth of a second for each day of 50 000 keys, and deletes those
// rows. Other days are packed while the program runs.
func packSummedDays(ctx context.Context, tx *sql.Tx) error {
	var days []attribution.Hour
	var day attribution.Hour
	err := scanAll(ctx, tx, "SELECT day FROM ledger_summed ORDER BY day", nil, []any{&day}, func() error {
		days = append(days, day)
		return nil
	})
	if err != nil {
		return err
	}
	for _, day := range days {
		err := packSummedDay(ctx, tx, day)
		if err != nil && !errors.Is(err, attribution.ErrTooMuch) { // such a day is read by its hours
			return fmt.Errorf("pack %s: %w", day, err)
		}
	}
	for _, table := range []string{"ledger_summed", "ledger_days", "ledger_day_rules"} {
		if _, err := tx.ExecContext(ctx, "DROP TABLE "+table); err != nil {
			return err
		}
	}
	return nil
}

func packSummedDay(ctx context.Context, tx *sql.Tx, day attribution.Hour) error {
	more, err := cellSums(ctx, tx,
		"SELECT key_id, forwarded, dropped, downsampled, shed, rejected, failed, series FROM ledger_days WHERE day = $1 ORDER BY key_id",
		"SELECT key_id, rule, dropped, downsampled, series FROM ledger_day_rules WHERE day = $1 ORDER BY key_id, rule", []any{int64(day)})
	if err != nil {
		return err
	}
	sums, err := pack(nil).with(more)
	if err != nil {
		return err
	}
	p := packed{day: day, until: day + 24}
	err = tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(hour), $1) FROM ledger_cells WHERE hour >= $1 AND hour < $2", int64(day), int64(day+24)).Scan(&p.last)
	if err != nil {
		return err
	}
	return putPack(ctx, tx, p, sums)
}
