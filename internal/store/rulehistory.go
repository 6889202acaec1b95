package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A RuleRevision is one change of a rule.
type RuleRevision struct {
	Name     string
	Revision int64
	At       time.Time
	By       string
	Reason   string
	Action   RuleAction
	Before   json.RawMessage // nil where there was no such rule
	After    json.RawMessage // nil where there is none since
}

const maxRuleReason = 4 << 10 // bytes

const revisionColumns = "name, revision, at_ms, changed_by, reason, action, was, became"

// noteRule adds to the history of a rule.
func noteRule(ctx context.Context, tx *sql.Tx, name string, revision int64, e RuleEdit, before, after json.RawMessage) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO rule_revisions ("+revisionColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		name, revision, e.At.UnixMilli(), tidyText(e.By, maxWho), tidyText(e.Reason, maxRuleReason), string(e.Action), string(before), string(after))
	return err
}

// RuleRevisions returns up to limit changes of a rule, the newest first: those
// before the revision given, where that is not 0.
func (db *DB) RuleRevisions(ctx context.Context, name string, before int64, limit int) ([]RuleRevision, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	var list []RuleRevision
	err := db.query(ctx, func(rows *sql.Rows) error {
		r, err := scanRevision(rows)
		list = append(list, r)
		return err
	}, "SELECT "+revisionColumns+" FROM rule_revisions WHERE name = $1 AND revision < $2 ORDER BY revision DESC LIMIT $3", name, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list the history of rule %s: %w", name, err)
	}
	return list, nil
}

// RuleRevision returns one change of a rule, or [ErrNotFound].
func (db *DB) RuleRevision(ctx context.Context, name string, revision int64) (RuleRevision, error) {
	r, err := scanRevision(db.read.QueryRowContext(ctx, "SELECT "+revisionColumns+" FROM rule_revisions WHERE name = $1 AND revision = $2", name, revision))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return RuleRevision{}, fmt.Errorf("read revision %d of rule %s: %w", revision, name, db.engine.explain(err))
	}
	return r, nil
}

func scanRevision(row interface{ Scan(...any) error }) (RuleRevision, error) {
	var r RuleRevision
	var atMs int64
	var was, became string
	if err := row.Scan(&r.Name, &r.Revision, &atMs, &r.By, &r.Reason, &r.Action, &was, &became); err != nil {
		return RuleRevision{}, err
	}
	r.At, r.Before, r.After = fromMs(atMs), rawOf(was), rawOf(became)
	return r, nil
}

// rawOf returns JSON as it is stored; nil for "".
func rawOf(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}
