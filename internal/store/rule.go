package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Rule is a rule as somebody saved it, beside those of files.
type Rule struct {
	Name      string
	Position  int64 // rules are in its order
	Document  json.RawMessage
	Revision  int64 // given by the store, see [DB.PolicyRevision]
	Expired   bool  // its history says that it has expired
	UpdatedAt time.Time
	UpdatedBy string
}

// A RuleAction is what was done to a rule.
type RuleAction string

// What is done to rules.
const (
	RuleSaved    RuleAction = "saved"
	RuleMoved    RuleAction = "moved"
	RuleDeleted  RuleAction = "deleted"
	RuleReverted RuleAction = "reverted"
	RuleExpired  RuleAction = "expired"
)

// A RuleEdit is who does what to a rule, and why.
type RuleEdit struct {
	Action   RuleAction
	At       time.Time
	By       string
	Reason   string
	Expected int64 // the revision that the rule must have; 0: there must be none
}

// A RulePlace says where a rule is put among the others.
type RulePlace struct {
	Move   bool   // false: it stays where it is, a new one becomes the last
	Before string // the rule that it is put before; "": it becomes the last
}

// positionGap is how far apart rules are put, so that others fit between them.
const positionGap = 1 << 20

const ruleColumns = "name, position, document, revision, expired, updated_ms, updated_by"

// Rules returns every rule, in order.
func (db *DB) Rules(ctx context.Context) ([]Rule, error) {
	var list []Rule
	err := db.query(ctx, func(rows *sql.Rows) error {
		r, err := scanRule(rows)
		list = append(list, r)
		return err
	}, "SELECT "+ruleColumns+" FROM rules ORDER BY position, revision")
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	return list, nil
}

func scanRule(row interface{ Scan(...any) error }) (Rule, error) {
	var r Rule
	var document string
	var expired, updatedMs int64
	if err := row.Scan(&r.Name, &r.Position, &document, &r.Revision, &expired, &updatedMs, &r.UpdatedBy); err != nil {
		return Rule{}, err
	}
	r.Document, r.Expired, r.UpdatedAt = json.RawMessage(document), expired != 0, fromMs(updatedMs)
	return r, nil
}

// PutRule stores what a rule says, and its history, if the rule still has the
// revision expected. Otherwise nothing changes, and the error is [ErrConflict]; so
// it is where the rule that it is to stand before is gone.
func (db *DB) PutRule(ctx context.Context, name string, document json.RawMessage, place RulePlace, e RuleEdit) (Rule, error) {
	r := Rule{Name: name, Document: document, UpdatedAt: fromMs(e.At.UnixMilli()), UpdatedBy: tidyText(e.By, maxWho)}
	if !json.Valid(document) {
		return Rule{}, fmt.Errorf("put rule %s: its document is not JSON", name)
	}
	err := db.tx(ctx, func(tx *sql.Tx) error {
		was, err := beginRule(ctx, tx, name, e, &r.Revision)
		if err != nil {
			return err
		}
		r.Position = was.Position
		if place.Move || e.Expected == 0 {
			if r.Position, err = placeRule(ctx, tx, name, place.Before); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO rules (`+ruleColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (name) DO UPDATE SET position = excluded.position, document = excluded.document, revision = excluded.revision,
				expired = excluded.expired, updated_ms = excluded.updated_ms, updated_by = excluded.updated_by`,
			name, r.Position, string(document), r.Revision, 0, r.UpdatedAt.UnixMilli(), r.UpdatedBy)
		if err != nil {
			return err
		}
		return noteRule(ctx, tx, name, r.Revision, e, was.Document, document)
	})
	if err != nil {
		return Rule{}, fmt.Errorf("put rule %s: %w", name, err)
	}
	return r, nil
}

// DeleteRule deletes a rule, but for its history, if it still has the revision
// expected; otherwise the error is [ErrConflict].
func (db *DB) DeleteRule(ctx context.Context, name string, e RuleEdit) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		var revision int64
		was, err := beginRule(ctx, tx, name, e, &revision)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM rules WHERE name = $1", name); err != nil {
			return err
		}
		return noteRule(ctx, tx, name, revision, e, was.Document, nil)
	})
	if err != nil {
		return fmt.Errorf("delete rule %s: %w", name, err)
	}
	return nil
}

// ExpireRule notes that a rule has expired, once: where that was noted, or the
// rule has another revision, the error is [ErrConflict]. The rule keeps its
// revision.
func (db *DB) ExpireRule(ctx context.Context, name string, e RuleEdit) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		var revision int64
		was, err := beginRule(ctx, tx, name, e, &revision)
		if err != nil {
			return err
		}
		if was.Expired {
			return ErrConflict
		}
		if _, err := tx.ExecContext(ctx, "UPDATE rules SET expired = 1 WHERE name = $1", name); err != nil {
			return err
		}
		return noteRule(ctx, tx, name, revision, e, was.Document, was.Document)
	})
	if err != nil {
		return fmt.Errorf("expire rule %s: %w", name, err)
	}
	return nil
}

// beginRule sets next to the revision of the change, and returns the rule as it
// is, if it has the revision expected.
func beginRule(ctx context.Context, tx *sql.Tx, name string, e RuleEdit, next *int64) (Rule, error) {
	var err error
	if *next, err = nextRevision(ctx, tx); err != nil {
		return Rule{}, err
	}
	is, err := scanRule(tx.QueryRowContext(ctx, "SELECT "+ruleColumns+" FROM rules WHERE name = $1", name))
	if errors.Is(err, sql.ErrNoRows) {
		is, err = Rule{}, nil
	}
	if err == nil && is.Revision != e.Expected {
		err = ErrConflict
	}
	return is, err
}

// placeRule returns the position at which name stands before another rule, or as
// the last.
func placeRule(ctx context.Context, tx *sql.Tx, name, before string) (int64, error) {
	if before == "" {
		var last int64
		err := tx.QueryRowContext(ctx, "SELECT coalesce(max(position), 0) FROM rules WHERE name <> $1", name).Scan(&last)
		return last + positionGap, err
	}
	names, positions, err := otherRules(ctx, tx, name)
	if err != nil {
		return 0, err
	}
	at := -1
	for i := range names {
		if names[i] == before {
			at = i
		}
	}
	switch {
	case at < 0:
		return 0, ErrConflict
	case at == 0:
		return positions[0] - positionGap, nil
	}
	if between := positions[at-1] + (positions[at]-positions[at-1])/2; between > positions[at-1] {
		return between, nil
	}
	for i, n := range names {
		position := int64(i+1) * positionGap
		if i >= at {
			position += positionGap
		}
		if _, err := tx.ExecContext(ctx, "UPDATE rules SET position = $2 WHERE name = $1", n, position); err != nil {
			return 0, err
		}
	}
	return int64(at+1) * positionGap, nil
}

// otherRules returns the rules but for name, in order, and their positions.
func otherRules(ctx context.Context, tx *sql.Tx, name string) (names []string, positions []int64, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT name, position FROM rules WHERE name <> $1 ORDER BY position, revision", name)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n string
		var p int64
		if err := rows.Scan(&n, &p); err != nil {
			return nil, nil, err
		}
		names, positions = append(names, n), append(positions, p)
	}
	return names, positions, rows.Err()
}
