package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// A Limit is the limit of one tenant as somebody set it, beside what files name.
type Limit struct {
	Tenant    tenant.ID
	Document  json.RawMessage
	Revision  int64 // given by the store, see [DB.PolicyRevision]
	UpdatedAt time.Time
	UpdatedBy string
}

// Limits returns every limit, by tenant.
func (db *DB) Limits(ctx context.Context) ([]Limit, error) {
	var limits []Limit
	err := db.query(ctx, func(rows *sql.Rows) error {
		l, err := scanLimit(rows)
		limits = append(limits, l)
		return err
	}, "SELECT tenant, document, revision, updated_ms, updated_by FROM limits")
	if err != nil {
		return nil, fmt.Errorf("list limits: %w", err)
	}
	// Sorted here: the order of texts in SQL differs with the database.
	slices.SortFunc(limits, func(a, b Limit) int { return cmp.Compare(a.Tenant, b.Tenant) })
	return limits, nil
}

// Limit returns the limit of t, or [ErrNotFound].
func (db *DB) Limit(ctx context.Context, t tenant.ID) (Limit, error) {
	l, err := scanLimit(db.read.QueryRowContext(ctx, `
		SELECT tenant, document, revision, updated_ms, updated_by FROM limits WHERE tenant = $1`, string(t)))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Limit{}, fmt.Errorf("read limit of tenant %s: %w", t, db.engine.explain(err))
	}
	return l, nil
}

func scanLimit(row interface{ Scan(...any) error }) (Limit, error) {
	var l Limit
	var document string
	var updatedMs int64
	if err := row.Scan(&l.Tenant, &document, &l.Revision, &updatedMs, &l.UpdatedBy); err != nil {
		return Limit{}, err
	}
	l.Document = json.RawMessage(document)
	l.UpdatedAt = fromMs(updatedMs)
	return l, nil
}

// PutLimit stores l if the tenant's limit still has the revision expected, 0
// meaning that there is none, and returns it with its new revision. Otherwise
// nothing changes, and the error is [ErrConflict].
func (db *DB) PutLimit(ctx context.Context, l Limit, expected int64) (Limit, error) {
	if !json.Valid(l.Document) {
		return Limit{}, fmt.Errorf("put limit of tenant %s: its document is not JSON", l.Tenant)
	}
	l.UpdatedAt = fromMs(l.UpdatedAt.UnixMilli())
	err := db.tx(ctx, func(tx *sql.Tx) error {
		var err error
		if l.Revision, err = nextRevision(ctx, tx); err != nil {
			return err
		}
		if expected == 0 {
			return changesOne(tx.ExecContext(ctx, `
				INSERT INTO limits (tenant, document, revision, updated_ms, updated_by)
				VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (tenant) DO NOTHING`,
				string(l.Tenant), string(l.Document), l.Revision, l.UpdatedAt.UnixMilli(), l.UpdatedBy))
		}
		return changesOne(tx.ExecContext(ctx, `
			UPDATE limits SET document = $2, revision = $3, updated_ms = $4, updated_by = $5
			WHERE tenant = $1 AND revision = $6`,
			string(l.Tenant), string(l.Document), l.Revision, l.UpdatedAt.UnixMilli(), l.UpdatedBy, expected))
	})
	if err != nil {
		return Limit{}, fmt.Errorf("put limit of tenant %s: %w", l.Tenant, err)
	}
	return l, nil
}

// DeleteLimit deletes the limit of t if it still has the revision expected.
// Otherwise the error is [ErrConflict], or [ErrNotFound] where there is none.
func (db *DB) DeleteLimit(ctx context.Context, t tenant.ID, expected int64) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		if _, err := nextRevision(ctx, tx); err != nil {
			return err
		}
		var is int64
		err := tx.QueryRowContext(ctx, "SELECT revision FROM limits WHERE tenant = $1", string(t)).Scan(&is)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return ErrNotFound
		case err != nil:
			return err
		case is != expected:
			return ErrConflict
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM limits WHERE tenant = $1", string(t))
		return err
	})
	if err != nil {
		return fmt.Errorf("delete limit of tenant %s: %w", t, err)
	}
	return nil
}

// changesOne turns a statement that changed no row into ErrConflict.
func changesOne(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return ErrConflict
	}
	return err
}
