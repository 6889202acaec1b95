package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/auth"
)

// TokenRevision returns the revision of the latest change of tokens.
func (db *DB) TokenRevision(ctx context.Context) (int64, error) {
	var last int64
	err := db.read.QueryRowContext(ctx, "SELECT last FROM revisions WHERE name = 'tokens'").Scan(&last)
	if err != nil {
		return 0, fmt.Errorf("read the tokens' revision: %w", db.engine.explain(err))
	}
	return last, nil
}

// Tokens returns every token.
func (db *DB) Tokens(ctx context.Context) ([]auth.Token, error) {
	var tokens []auth.Token
	err := db.query(ctx, func(rows *sql.Rows) error {
		t, err := scanToken(rows)
		tokens = append(tokens, t)
		return err
	}, "SELECT id, digest, name, role, tenants, teams, created_ms, created_by, expires_ms, used_ms FROM tokens")
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return tokens, nil
}

func scanToken(rows *sql.Rows) (auth.Token, error) {
	var t auth.Token
	var digest, tenants, teams string
	var created, expires, used int64
	if err := rows.Scan(&t.ID, &digest, &t.Name, &t.Role, &tenants, &teams, &created, &t.CreatedBy, &expires, &used); err != nil {
		return t, err
	}
	t.CreatedAt = fromMs(created)
	if expires != 0 {
		t.ExpiresAt = fromMs(expires)
	}
	if used != 0 {
		t.UsedAt = fromMs(used)
	}
	if b, err := hex.DecodeString(digest); err != nil || copy(t.Digest[:], b) != len(t.Digest) {
		return t, fmt.Errorf("token %s: its digest is none", t.ID)
	}
	// A reach that cannot be read must not become that of all tenants.
	if err := json.Unmarshal([]byte(tenants), &t.Tenants); err != nil {
		return t, fmt.Errorf("token %s: tenants: %w", t.ID, err)
	}
	if err := json.Unmarshal([]byte(teams), &t.Teams); err != nil {
		return t, fmt.Errorf("token %s: teams: %w", t.ID, err)
	}
	return t, nil
}

// AddToken stores t under an id of its own and returns it with that.
func (db *DB) AddToken(ctx context.Context, t auth.Token) (auth.Token, error) {
	t.ID = db.ids.next(t.CreatedAt)
	t.CreatedAt = fromMs(t.CreatedAt.UnixMilli())
	var expires int64
	if !t.ExpiresAt.IsZero() {
		expires = t.ExpiresAt.UnixMilli()
		t.ExpiresAt = fromMs(expires)
	}
	tenants, err := json.Marshal(t.Tenants)
	if err != nil {
		return auth.Token{}, err
	}
	teams, err := json.Marshal(t.Teams)
	if err != nil {
		return auth.Token{}, err
	}
	err = db.tx(ctx, func(tx *sql.Tx) error {
		if err := nextTokenRevision(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO tokens (id, digest, name, role, tenants, teams, created_ms, created_by, expires_ms, used_ms)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)`,
			t.ID, hex.EncodeToString(t.Digest[:]), t.Name, string(t.Role), string(tenants), string(teams), t.CreatedAt.UnixMilli(), t.CreatedBy, expires)
		return err
	})
	if err != nil {
		return auth.Token{}, fmt.Errorf("add token: %w", err)
	}
	return t, nil
}

// DeleteToken deletes a token, and reports whether there was one.
func (db *DB) DeleteToken(ctx context.Context, id string) (was bool, err error) {
	err = db.tx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "DELETE FROM tokens WHERE id = $1", id)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		switch {
		case err != nil:
			return err
		case n == 0:
			return ErrNotFound
		}
		return nextTokenRevision(ctx, tx)
	})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("delete token: %w", err)
	}
	return true, nil
}

// TokenUsed notes that a token was used, unless a later use is noted.
func (db *DB) TokenUsed(ctx context.Context, id string, at time.Time) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE tokens SET used_ms = $2 WHERE id = $1 AND used_ms < $2", id, at.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("note the use of a token: %w", err)
	}
	return nil
}

func nextTokenRevision(ctx context.Context, tx *sql.Tx) error {
	return changesOne(tx.ExecContext(ctx, "UPDATE revisions SET last = last + 1 WHERE name = 'tokens'"))
}
