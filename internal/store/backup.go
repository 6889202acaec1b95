package store

import (
	"context"
	"fmt"
)

// Backup writes a consistent copy of the store to the file path, which must not
// exist. Writers go on meanwhile. A PostgreSQL database has tools of its own for
// that: the error says so, and is [errors.ErrUnsupported].
func (db *DB) Backup(ctx context.Context, path string) error {
	return backup(ctx, db.engine, path)
}

// Backup is [DB.Backup] for a store that this process has not opened. It leaves
// the schema as it is, so that a newer program can save what an older one wrote
// before it takes over.
func Backup(ctx context.Context, url, path string) error {
	e, err := locate(url)
	if err != nil {
		return fmt.Errorf("storage.url: %w", err)
	}
	return backup(ctx, e, path)
}

func backup(ctx context.Context, e engine, path string) error {
	if err := e.backup(ctx, path); err != nil {
		return fmt.Errorf("back up store %s to %s: %w", e, path, err)
	}
	return nil
}
