package store

import (
	"context"
	"database/sql"
	"fmt"
)

// PolicyRevision returns the revision of the latest change of policy: who kept
// it and finds another one has something to read again. Every change gets the
// next number, whatever it changes, so that what is deleted and made again never
// bears a revision that it had before.
func (db *DB) PolicyRevision(ctx context.Context) (int64, error) {
	var last int64
	err := db.read.QueryRowContext(ctx, "SELECT last FROM revisions WHERE name = 'policy'").Scan(&last)
	if err != nil {
		return 0, fmt.Errorf("read the policy's revision: %w", db.engine.explain(err))
	}
	return last, nil
}

// nextRevision returns the revision of the change that tx makes. Other changes
// of policy wait until tx is over, so that what tx reads of policy stays as it
// is.
func nextRevision(ctx context.Context, tx *sql.Tx) (int64, error) {
	var next int64
	err := tx.QueryRowContext(ctx, "UPDATE revisions SET last = last + 1 WHERE name = 'policy' RETURNING last").Scan(&next)
	return next, err
}
