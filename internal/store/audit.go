package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// An AuditEntry is one change that somebody made. Entries are never changed, and
// each holds the hash of the one before.
type AuditEntry struct {
	Sequence int64 // from 1; given by the store, as are the hashes
	At       time.Time
	Who      string
	From     string // the address it was asked from
	Verb     string // such as rule.save
	Object   string // such as rules/drop-debug
	Tenant   tenant.ID
	Before   json.RawMessage // nil where there was none
	After    json.RawMessage // nil where there is none since
	Reason   string
	Previous string // hash of the entry before, in hex; "" in the first
	Hash     string
}

// What an entry may hold, in bytes.
const (
	maxWho           = 512
	maxVerb          = 64
	maxAuditReason   = 4 << 10
	maxAuditDocument = 1 << 20
)

// auditFormat begins what is hashed.
const auditFormat = "headgate audit 1"

// tidy returns e as both databases take it.
func (e AuditEntry) tidy() AuditEntry {
	e.At = fromMs(e.At.UnixMilli())
	e.Who, e.From = tidyText(e.Who, maxWho), tidyText(e.From, maxWho)
	e.Verb, e.Object = tidyText(e.Verb, maxVerb), tidyText(e.Object, maxWho)
	e.Tenant = tenant.ID(tidyText(string(e.Tenant), maxTenant))
	e.Reason = tidyText(e.Reason, maxAuditReason)
	e.Before, e.After = auditDocument(e.Before), auditDocument(e.After)
	return e
}

// auditDocument returns JSON as both databases take it. Of what is too long, its
// hash is kept.
func auditDocument(raw json.RawMessage) json.RawMessage {
	switch {
	case len(raw) == 0:
		return nil
	case len(raw) > maxAuditDocument:
		return json.RawMessage(fmt.Sprintf(`{"omitted_bytes":%d,"sha256":"%x"}`, len(raw), sha256.Sum256(raw)))
	case !json.Valid(raw):
		quoted, _ := json.Marshal(tidyText(string(raw), maxAuditDocument/8))
		return quoted
	}
	return json.RawMessage(strings.ToValidUTF8(string(raw), "\uFFFD"))
}

// hash returns the hash of all of e but of its own: SHA-256 over each field, its
// length before it.
func (e *AuditEntry) hash() string {
	h := sha256.New()
	for _, field := range []string{
		auditFormat, strconv.FormatInt(e.Sequence, 10), strconv.FormatInt(e.At.UnixMilli(), 10), e.Who, e.From, e.Verb, e.Object,
		string(e.Tenant), string(e.Before), string(e.After), e.Reason, e.Previous,
	} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field))))
		h.Write([]byte(field))
	}
	return hex.EncodeToString(h.Sum(nil))
}

type auditKey struct{}

// WithAudit returns ctx for one change: the transaction that makes it also
// appends e, so that there is no change without its entry, and no entry of a
// change that was not made.
func WithAudit(ctx context.Context, e AuditEntry) context.Context {
	return context.WithValue(ctx, auditKey{}, e)
}

// audited appends the entry that ctx carries. Its lock is taken last, so that
// whoever changes something waits for others in one order.
func audited(ctx context.Context, tx *sql.Tx) error {
	e, ok := ctx.Value(auditKey{}).(AuditEntry)
	if !ok {
		return nil
	}
	return appendAudit(ctx, tx, &e)
}

const auditColumns = "sequence, at_ms, who, source, verb, object, tenant, was, became, reason, previous, hash"

// appendAudit makes e the last entry. Others wait until tx is over.
func appendAudit(ctx context.Context, tx *sql.Tx, e *AuditEntry) error {
	*e = e.tidy()
	err := tx.QueryRowContext(ctx, "UPDATE revisions SET last = last + 1 WHERE name = 'audit' RETURNING last").Scan(&e.Sequence)
	if err != nil {
		return err
	}
	e.Previous = ""
	if e.Sequence > 1 {
		err := tx.QueryRowContext(ctx, "SELECT hash FROM audit WHERE sequence = $1", e.Sequence-1).Scan(&e.Previous)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("entry %d of the audit is missing: what is changed from here on cannot be chained to it; see headgate audit verify, and put a backup in its place", e.Sequence-1)
		}
		if err != nil {
			return err
		}
	}
	e.Hash = e.hash()
	_, err = tx.ExecContext(ctx, "INSERT INTO audit ("+auditColumns+") VALUES "+placeholders(1, 12),
		e.Sequence, e.At.UnixMilli(), e.Who, e.From, e.Verb, e.Object, string(e.Tenant), string(e.Before), string(e.After), e.Reason, e.Previous, e.Hash)
	return err
}

// AppendAudit appends what changed outside of the store.
func (db *DB) AppendAudit(ctx context.Context, e AuditEntry) (AuditEntry, error) {
	if err := db.tx(ctx, func(tx *sql.Tx) error { return appendAudit(ctx, tx, &e) }); err != nil {
		return AuditEntry{}, fmt.Errorf("append to the audit: %w", err)
	}
	return e, nil
}

func scanAudit(row interface{ Scan(...any) error }) (AuditEntry, error) {
	var e AuditEntry
	var atMs int64
	var was, became string
	err := row.Scan(&e.Sequence, &atMs, &e.Who, &e.From, &e.Verb, &e.Object, &e.Tenant, &was, &became, &e.Reason, &e.Previous, &e.Hash)
	e.At, e.Before, e.After = fromMs(atMs), rawOf(was), rawOf(became)
	return e, err
}
