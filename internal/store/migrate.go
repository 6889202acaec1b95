package store

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

// migrate brings the schema up to date. The caller holds the engine's lock.
func (db *DB) migrate(ctx context.Context, log *slog.Logger) error {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(db.engine.dialect(), db.write, schema{steps, db.engine.clustered()},
		goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(goose.NewGoMigration(14, &goose.GoFunc{RunTx: packSummedDays}, nil)))
	if err != nil {
		return err
	}
	from, to, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if from > to {
		return fmt.Errorf("%w: it is version %d and this program knows %d: run the newer program, or put back the backup made before it ran", ErrNewer, from, to)
	}
	applied, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("bring the schema from version %d to %d: %w", from, to, err)
	}
	if len(applied) > 0 {
		log.InfoContext(ctx, "the store's schema is brought up to date", slog.String("store", db.String()), slog.Int64("from", from), slog.Int64("to", to))
	}
	return nil
}
