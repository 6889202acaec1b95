package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Session returns the data of a session that is not over by now, and reports
// whether there is one.
func (db *DB) Session(ctx context.Context, id string, now time.Time) (data []byte, found bool, err error) {
	err = db.read.QueryRowContext(ctx, "SELECT data FROM sessions WHERE id = $1 AND expires_ms > $2", id, now.UnixMilli()).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read session: %w", db.engine.explain(err))
	}
	return data, true, nil
}

// PutSession stores a session, in place of one with the same id.
func (db *DB) PutSession(ctx context.Context, id string, data []byte, expires time.Time) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO sessions (id, data, expires_ms) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET data = excluded.data, expires_ms = excluded.expires_ms`,
			id, data, expires.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("put session: %w", err)
	}
	return nil
}

// KeepSession is PutSession for a session that is there; where it is not, nothing
// changes.
func (db *DB) KeepSession(ctx context.Context, id string, data []byte, expires time.Time) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE sessions SET data = $2, expires_ms = $3 WHERE id = $1", id, data, expires.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	return nil
}

// DeleteSession deletes a session, where there is one.
func (db *DB) DeleteSession(ctx context.Context, id string) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE id = $1", id)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete session: %w", err)
	}
	return nil
}

// DeleteSessionsOver deletes the sessions that are over by now.
func (db *DB) DeleteSessionsOver(ctx context.Context, now time.Time) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM sessions WHERE expires_ms <= $1", now.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("delete sessions that are over: %w", err)
	}
	return nil
}
