package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/headgate/headgate/internal/tenant"
)

// An AuditQuery says which entries are meant. What is zero restricts nothing.
type AuditQuery struct {
	Who, Object string
	Verb        string // such as rule.save, or rule for all that begin so
	Tenant      tenant.ID
	Team        string    // that what was, or what became, names as its team
	From, To    time.Time // From belongs to the entries meant, To does not
	Before      int64     // only entries of a lower sequence
	Limit       int       // how many at most: 100 where it is 0, never more than 1000
}

// Audit returns the entries that q means, newest first.
func (db *DB) Audit(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	query := "SELECT " + auditColumns + " FROM audit WHERE 1 = 1"
	var args []any
	arg := func(value any) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	where := func(condition string, value any) { query += " AND " + condition + " " + arg(value) }
	for column, value := range map[string]string{"who": q.Who, "object": q.Object, "tenant": string(q.Tenant)} {
		if value != "" {
			where(column+" =", tidyText(value, maxWho))
		}
	}
	if q.Verb != "" {
		verb := tidyText(q.Verb, maxVerb)
		query += " AND (verb = " + arg(verb) + " OR substr(verb, 1, " + strconv.Itoa(utf8.RuneCountInString(verb)+1) + ") = " + arg(verb+".") + ")"
	}
	if q.Team != "" {
		// The documents are JSON without spaces. Nothing else is as exact in both databases.
		quoted, err := json.Marshal(q.Team)
		if err != nil {
			return nil, fmt.Errorf("list the audit: %w", err)
		}
		text := arg(`"team":` + string(quoted))
		query += " AND (replace(was, " + text + ", '') <> was OR replace(became, " + text + ", '') <> became)"
	}
	if !q.From.IsZero() {
		where("at_ms >=", q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		where("at_ms <", q.To.UnixMilli())
	}
	if q.Before > 0 {
		where("sequence <", q.Before)
	}
	query += " ORDER BY sequence DESC LIMIT " + strconv.Itoa(EventQuery{Limit: q.Limit}.limit())
	var list []AuditEntry
	err := db.query(ctx, func(rows *sql.Rows) error {
		e, err := scanAudit(rows)
		list = append(list, e)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list the audit: %w", err)
	}
	return list, nil
}

// An AuditChain is the audit, found unbroken.
type AuditChain struct {
	Entries int64
	Hash    string // of the last entry: who notes it elsewhere can tell later whether all was rewritten
}

// A BrokenAudit is the first entry that is not as it was appended.
type BrokenAudit struct {
	Sequence int64
	What     string
}

// Error names the entry and what is wrong with it.
func (b *BrokenAudit) Error() string {
	return fmt.Sprintf("the audit is broken at entry %d: %s", b.Sequence, b.What)
}

// verifyPage is how many entries are read at once.
const verifyPage = 100

// VerifyAudit walks the audit from its first entry. Where one was changed, put in
// or taken out, the error is a [*BrokenAudit].
func (db *DB) VerifyAudit(ctx context.Context) (AuditChain, error) {
	// The counter first: what is appended meanwhile is read besides.
	var counted int64
	if err := db.read.QueryRowContext(ctx, "SELECT last FROM revisions WHERE name = 'audit'").Scan(&counted); err != nil {
		return AuditChain{}, fmt.Errorf("verify the audit: %w", db.engine.explain(err))
	}
	var c AuditChain
	for {
		n := 0
		err := db.query(ctx, func(rows *sql.Rows) error {
			n++
			e, err := scanAudit(rows)
			if err != nil {
				return err
			}
			return c.add(&e)
		}, "SELECT "+auditColumns+" FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT $2", c.Entries, verifyPage)
		switch {
		case err != nil:
			return c, fmt.Errorf("verify the audit: %w", err)
		case n < verifyPage && c.Entries < counted:
			return c, fmt.Errorf("verify the audit: %w", &BrokenAudit{c.Entries + 1, fmt.Sprintf("it is missing, as are all behind it; %d were appended", counted)})
		case n < verifyPage:
			return c, nil
		}
	}
}

// add checks the entry behind those of c.
func (c *AuditChain) add(e *AuditEntry) error {
	switch {
	case e.Sequence != c.Entries+1:
		return &BrokenAudit{c.Entries + 1, fmt.Sprintf("it is missing; the next one there is %d", e.Sequence)}
	case e.Previous != c.Hash:
		return &BrokenAudit{e.Sequence, "it does not hold the hash of the entry before"}
	case e.Hash != e.hash():
		return &BrokenAudit{e.Sequence, "its hash is not that of what it says"}
	}
	c.Entries, c.Hash = e.Sequence, e.Hash
	return nil
}
