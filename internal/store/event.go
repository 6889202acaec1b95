package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// An Event is something that an operator should know of.
type Event struct {
	ID     string          // made by the store or the journal where it is empty
	At     time.Time       // kept to the millisecond, in UTC
	Kind   string          // a stable word, such as upstream or bypass
	Tenant tenant.ID       // empty where it concerns the whole installation
	Team   string          // whose series, rule or budget it is about; empty where it is no team's
	Who    string          // made it happen; empty where nobody did
	Text   string          // at most 4 KiB
	Detail json.RawMessage // at most 16 KiB, nil where there is none
}

// What an event may hold, in bytes. Its text may quote what senders sent.
const (
	maxKind   = 64
	maxTenant = tenant.MaxLen
	maxText   = 4 << 10
	maxDetail = 16 << 10
)

// tidy returns e as both databases take it: valid UTF-8 without the character
// NUL, which PostgreSQL has no place for, within bounds, and with an ID of ids.
// An event is never refused: one that cannot be stored would keep those behind
// it from the store.
func (e Event) tidy(ids *ids) Event {
	e.At = fromMs(e.At.UnixMilli())
	e.Kind = tidyText(e.Kind, maxKind)
	e.Tenant = tenant.ID(tidyText(string(e.Tenant), maxTenant))
	e.Team, e.Who = tidyText(e.Team, maxWho), tidyText(e.Who, maxWho)
	e.Text = tidyText(e.Text, maxText)
	switch {
	case len(e.Detail) > maxDetail:
		e.Detail = json.RawMessage(fmt.Sprintf(`{"omitted_bytes":%d}`, len(e.Detail)))
	case len(e.Detail) == 0:
		e.Detail = nil
	case !json.Valid(e.Detail):
		e.Detail, _ = json.Marshal(tidyText(string(e.Detail), maxDetail/8)) // escaped, a byte takes up to six
	default:
		e.Detail = json.RawMessage(strings.ToValidUTF8(string(e.Detail), "\uFFFD")) // JSON's parser lets it pass
	}
	if e.ID == "" {
		e.ID = ids.next(e.At)
	}
	return e
}

func tidyText(s string, most int) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most-len("…")], "") + "…"
	}
	return s
}

// An EventQuery says which events are meant. What is zero restricts nothing.
type EventQuery struct {
	Kind     string
	Tenant   tenant.ID
	Team     string
	Who      string
	From, To time.Time // From belongs to the events meant, To does not
	Limit    int       // how many at most: 100 where it is 0, never more than 1000
	Before   string    // the Next of the page that comes before
}

// An EventPage is one page of events, newest first.
type EventPage struct {
	Events []Event
	Next   string // the Before of the page behind this one; empty where there is none
	// FromMemory means that the store could not be asked: these are the
	// events that the journal remembers.
	FromMemory bool
}

func (q EventQuery) limit() int {
	if q.Limit <= 0 {
		return 100
	}
	return min(q.Limit, 1000)
}

// A place is where an event stands in the order of events.
type place struct {
	atMs int64
	id   string
}

func (e Event) place() place { return place{e.At.UnixMilli(), e.ID} }

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.atMs, o.atMs), cmp.Compare(p.id, o.id))
}

func (p place) cursor() string { return strconv.FormatInt(p.atMs, 36) + "." + p.id }

func parseCursor(s string) (place, error) {
	at, id, ok := strings.Cut(s, ".")
	atMs, err := strconv.ParseInt(at, 36, 64)
	if !ok || err != nil || len(id) != 36 || tidyText(id, 36) != id {
		return place{}, fmt.Errorf("%q: %w", tidyText(s, 64), ErrCursor)
	}
	return place{atMs, id}, nil
}

// AppendEvents stores events, all or none. What is stored already, by its ID,
// stays as it is: after an error that leaves open what happened, the same events
// can be given again.
func (db *DB) AppendEvents(ctx context.Context, events []Event) error {
	err := db.tx(ctx, func(tx *sql.Tx) error { return db.insertEvents(ctx, tx, events) })
	if err != nil {
		return fmt.Errorf("append %d events: %w", len(events), err)
	}
	return nil
}

// insertEvents stores events with what else tx changes.
func (db *DB) insertEvents(ctx context.Context, tx *sql.Tx, events []Event) error {
	const columns, most = 8, 50
	for chunk := range slices.Chunk(events, most) {
		args := make([]any, 0, len(chunk)*columns)
		for _, e := range chunk {
			e = e.tidy(&db.ids)
			args = append(args, e.ID, e.At.UnixMilli(), e.Kind, string(e.Tenant), e.Team, e.Who, e.Text, string(e.Detail))
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO events (id, at_ms, kind, tenant, team, who, text, detail)
			VALUES `+placeholders(len(chunk), columns)+`
			ON CONFLICT (id) DO NOTHING`, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// placeholders returns ($1,$2),($3,$4) for two rows of two columns. A few hundred
// in a statement are enough: SQLite looks each up by its name among all of them,
// and 3000 take six times as long as ten times 300.
func placeholders(rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteString("($")
		case i%columns == 0:
			b.WriteString("),($")
		default:
			b.WriteString(",$")
		}
		b.WriteString(strconv.Itoa(i + 1))
	}
	b.WriteByte(')')
	return b.String()
}

// Events returns a page of the events that q means. A Before that is no cursor
// is [ErrCursor].
func (db *DB) Events(ctx context.Context, q EventQuery) (EventPage, error) {
	var where []string
	var args []any
	restrict := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		where = append(where, condition)
	}
	if q.Kind != "" {
		restrict("kind = ?", q.Kind)
	}
	if q.Tenant != "" {
		restrict("tenant = ?", string(q.Tenant))
	}
	if q.Team != "" {
		restrict("team = ?", tidyText(q.Team, maxWho))
	}
	if q.Who != "" {
		restrict("who = ?", tidyText(q.Who, maxWho))
	}
	if !q.From.IsZero() {
		restrict("at_ms >= ?", q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		restrict("at_ms < ?", q.To.UnixMilli())
	}
	if q.Before != "" {
		before, err := parseCursor(q.Before)
		if err != nil {
			return EventPage{}, err
		}
		restrict("(at_ms, id) < (?, ?)", before.atMs, before.id)
	}
	query := "SELECT id, at_ms, kind, tenant, team, who, text, detail FROM events"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	limit := q.limit()
	query += " ORDER BY at_ms DESC, id DESC LIMIT " + strconv.Itoa(limit+1) // one more tells whether there are

	var events []Event
	err := db.query(ctx, func(rows *sql.Rows) error {
		var e Event
		var atMs int64
		var detail string
		if err := rows.Scan(&e.ID, &atMs, &e.Kind, &e.Tenant, &e.Team, &e.Who, &e.Text, &detail); err != nil {
			return err
		}
		e.At = fromMs(atMs)
		if detail != "" {
			e.Detail = json.RawMessage(detail)
		}
		events = append(events, e)
		return nil
	}, query, args...)
	if err != nil {
		return EventPage{}, fmt.Errorf("list events: %w", err)
	}
	return pageOf(events, limit), nil
}

// pageOf returns the first limit of events, which stand newest first, as a page.
func pageOf(events []Event, limit int) EventPage {
	if len(events) <= limit {
		return EventPage{Events: events}
	}
	return EventPage{Events: events[:limit:limit], Next: events[limit-1].place().cursor()}
}

// DeleteEventsBefore deletes what happened before t and returns how many events
// that were. It goes by transactions of batch events, so that others can write
// in between; an error leaves those deleted that were.
func (db *DB) DeleteEventsBefore(ctx context.Context, t time.Time, batch int) (deleted int64, err error) {
	for {
		var n int64
		err := db.tx(ctx, func(tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, `
				DELETE FROM events WHERE id IN
				(SELECT id FROM events WHERE at_ms < $1 ORDER BY at_ms, id LIMIT $2)`, t.UnixMilli(), batch)
			if err != nil {
				return err
			}
			n, err = result.RowsAffected()
			return err
		})
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("delete events before %s: %w", t.UTC().Format(time.RFC3339), err)
		}
		if n < int64(batch) {
			return deleted, nil
		}
	}
}
