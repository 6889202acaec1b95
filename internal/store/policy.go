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
)

// A PolicyKind says what a Policy is of.
type PolicyKind string

// The kinds.
const (
	OwnersPolicy  PolicyKind = "owners"
	PricesPolicy  PolicyKind = "prices"
	BudgetsPolicy PolicyKind = "budgets"
)

// A Policy is all that somebody set of one kind, beside what files name.
type Policy struct {
	Kind      PolicyKind
	Document  json.RawMessage
	Revision  int64 // given by the store, see [DB.PolicyRevision]
	UpdatedAt time.Time
	UpdatedBy string
}

// Policies returns what was set of every kind, by kind.
func (db *DB) Policies(ctx context.Context) ([]Policy, error) {
	var policies []Policy
	err := db.query(ctx, func(rows *sql.Rows) error {
		p, err := scanPolicy(rows)
		policies = append(policies, p)
		return err
	}, "SELECT kind, document, revision, updated_ms, updated_by FROM policies")
	if err != nil {
		return nil, fmt.Errorf("list policies: %w", err)
	}
	slices.SortFunc(policies, func(a, b Policy) int { return cmp.Compare(a.Kind, b.Kind) })
	return policies, nil
}

// Policy returns what was set of a kind, or [ErrNotFound].
func (db *DB) Policy(ctx context.Context, kind PolicyKind) (Policy, error) {
	p, err := scanPolicy(db.read.QueryRowContext(ctx, `
		SELECT kind, document, revision, updated_ms, updated_by FROM policies WHERE kind = $1`, string(kind)))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return Policy{}, fmt.Errorf("read policy %s: %w", kind, db.engine.explain(err))
	}
	return p, nil
}

func scanPolicy(row interface{ Scan(...any) error }) (Policy, error) {
	var p Policy
	var document string
	var updatedMs int64
	if err := row.Scan(&p.Kind, &document, &p.Revision, &updatedMs, &p.UpdatedBy); err != nil {
		return Policy{}, err
	}
	p.Document = json.RawMessage(document)
	p.UpdatedAt = fromMs(updatedMs)
	return p, nil
}

// PutPolicy stores p if what was set of its kind still has the revision expected,
// 0 meaning that nobody set anything, and returns it with its new revision.
// Otherwise nothing changes, and the error is [ErrConflict].
func (db *DB) PutPolicy(ctx context.Context, p Policy, expected int64) (Policy, error) {
	if !json.Valid(p.Document) {
		return Policy{}, fmt.Errorf("put policy %s: its document is not JSON", p.Kind)
	}
	p.UpdatedAt = fromMs(p.UpdatedAt.UnixMilli())
	err := db.tx(ctx, func(tx *sql.Tx) error {
		var err error
		if p.Revision, err = nextRevision(ctx, tx); err != nil {
			return err
		}
		if expected == 0 {
			return changesOne(tx.ExecContext(ctx, `
				INSERT INTO policies (kind, document, revision, updated_ms, updated_by)
				VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (kind) DO NOTHING`,
				string(p.Kind), string(p.Document), p.Revision, p.UpdatedAt.UnixMilli(), p.UpdatedBy))
		}
		return changesOne(tx.ExecContext(ctx, `
			UPDATE policies SET document = $2, revision = $3, updated_ms = $4, updated_by = $5
			WHERE kind = $1 AND revision = $6`,
			string(p.Kind), string(p.Document), p.Revision, p.UpdatedAt.UnixMilli(), p.UpdatedBy, expected))
	})
	if err != nil {
		return Policy{}, fmt.Errorf("put policy %s: %w", p.Kind, err)
	}
	return p, nil
}
