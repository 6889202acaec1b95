package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/headgate/headgate/attribution"
)

// settledAtOnce is how many sketches a transaction of Settle deletes: they have up
// to some ten kilobytes each, and commits wait meanwhile.
const settledAtOnce = 2000

// Settle is that of [attribution.Store]: their numbers are in the cells already, and
// the sketches are deleted. It goes by transactions of some thousand, so that commits
// come in between. A sketch that cannot be read counts nothing; the error says how
// many there were, and the others are settled. Then it packs the hours that are over.
func (l *Ledger) Settle(ctx context.Context, h attribution.Hour) error {
	n, damage, err := l.damaged(ctx, h)
	if err == nil {
		err = l.settle(ctx, h)
	}
	if err == nil {
		err = l.packDays(ctx)
	}
	if err != nil {
		return fmt.Errorf("settle the ledger before %s: %w", h, err)
	}
	if n > 0 {
		return fmt.Errorf("settle the ledger before %s: %d sketches of series cannot be read and are not counted, such as that of %w", h, n, damage)
	}
	return nil
}

// damaged returns how many sketches before h cannot be read, and what is wrong with
// the first.
func (l *Ledger) damaged(ctx context.Context, h attribution.Hour) (n int, damage, err error) {
	err = l.db.query(ctx, func(rows *sql.Rows) error {
		var id sketchID
		var sketch []byte
		if err := rows.Scan(&id.hour, &id.key, &id.rule, &sketch); err != nil {
			return err
		}
		if _, err := l.sketching.Read(sketch); err != nil {
			if n++; n == 1 {
				damage = fmt.Errorf("hour %s, key %d, rule %q: %w", id.hour, id.key, id.rule, err)
			}
		}
		return nil
	}, `
		SELECT hour, key_id, rule, sketch FROM ledger_sketches WHERE hour < $1 AND series = 0
		ORDER BY hour, key_id, rule`, int64(h))
	return n, damage, err
}

func (l *Ledger) settle(ctx context.Context, h attribution.Hour) error {
	var any bool
	err := l.db.read.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM ledger_sketches WHERE hour < $1)", int64(h)).Scan(&any)
	if err != nil || !any {
		return l.db.engine.explain(err)
	}
	for n := int64(settledAtOnce); n >= settledAtOnce; {
		err := l.db.tx(ctx, func(tx *sql.Tx) error {
			if _, err := alone(ctx, tx); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "UPDATE revisions SET last = $1 WHERE name = 'ledger_settled' AND last < $1", int64(h))
			if err != nil {
				return err
			}
			n, err = changed(tx.ExecContext(ctx, `
				DELETE FROM ledger_sketches WHERE (hour, key_id, rule) IN (
					SELECT hour, key_id, rule FROM ledger_sketches WHERE hour < $1
					ORDER BY hour, key_id, rule LIMIT $2)`, int64(h), settledAtOnce))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
