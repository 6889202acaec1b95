package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/tenant"
)

// A Ledger is the [attribution.Store] in a DB. Its methods may be called from any
// goroutine, and any number of processes may have one on the same database.
//
// An hour's cells have a row each, and where they have series, a sketch beside
// it. Settle puts the sketch's number into the row and deletes the sketch. A row
// that has a number takes no series any more; a row that has none still does,
// whatever its hour, so that what a gateway could not store for hours is counted.
//
// A closed month takes nothing any more. Samples that come for it are kept apart,
// and Adjustments makes of them what they cost at the month's prices.
type Ledger struct {
	db        *DB
	sketching attribution.Sketching
	now       func() time.Time

	mu   sync.Mutex
	keys map[keyName]usedKey
}

var _ attribution.Store = (*Ledger)(nil)

// Ledger returns the ledger in db. All who share db must sketch alike. now is
// the clock: samples for a closed month stand in the hour that it shows.
func (db *DB) Ledger(s attribution.Sketching, now func() time.Time) *Ledger {
	return &Ledger{db: db, sketching: s, now: now, keys: map[keyName]usedKey{}}
}

// ledgerRows is how many rows of up to ten columns a statement has, see
// placeholders.
const ledgerRows = 30

// A cellID says which cell is meant.
type cellID struct {
	hour attribution.Hour
	key  int64
}

// A sketchID says whose series a sketch counts: those of a cell, or where there
// is a rule, those that it dropped of the cell.
type sketchID struct {
	cellID
	rule string
}

func (c cellID) compare(o cellID) int {
	return cmp.Or(cmp.Compare(c.hour, o.hour), cmp.Compare(c.key, o.key))
}

func (s sketchID) compare(o sketchID) int {
	return cmp.Or(s.cellID.compare(o.cellID), cmp.Compare(s.rule, o.rule))
}

// A posting is what a batch adds, by row, in the order of rows.
type posting struct {
	cells    []postedCell
	rules    []postedRule
	sketches []postedSketch
	late     []postedCell
}

type postedCell struct {
	cellID
	tenant  tenant.ID
	samples attribution.Counts
	series  uint64
}

type postedRule struct {
	sketchID
	tenant                       tenant.ID
	dropped, downsampled, series uint64
}

type postedSketch struct {
	sketchID
	tenant tenant.ID
	bytes  []byte
}

// Commit is that of [attribution.Committer].
func (l *Ledger) Commit(ctx context.Context, b *attribution.Batch) error {
	now := l.now()
	ids, err := l.resolve(ctx, b.Deltas, attribution.HourOf(now))
	if err != nil {
		return fmt.Errorf("name the cells of batch %d of %s: %w", b.Sequence, b.Writer, err)
	}
	err = l.db.tx(ctx, func(tx *sql.Tx) error {
		fresh, err := noteBatch(ctx, tx, b, now)
		if err != nil || !fresh {
			return err
		}
		closed, err := closedMonths(ctx, tx, b.Deltas)
		if err != nil {
			return err
		}
		p := l.post(b.Deltas, ids, closed)
		if err := addCells(ctx, tx, p.cells); err != nil {
			return err
		}
		if err := addRules(ctx, tx, p.rules); err != nil {
			return err
		}
		if err := l.addSketches(ctx, tx, p.sketches); err != nil {
			return err
		}
		return addLate(ctx, tx, attribution.HourOf(now), p.late)
	})
	if err != nil {
		return fmt.Errorf("store batch %d of %s: %w", b.Sequence, b.Writer, err)
	}
	return nil
}

// noteBatch notes the batch and reports whether it is new. Until tx is over the
// writer's row is locked: the same batch, sent again while the first is still
// under way, waits and finds itself stored; and alone waits, too.
func noteBatch(ctx context.Context, tx *sql.Tx, b *attribution.Batch, now time.Time) (fresh bool, err error) {
	n, err := changed(tx.ExecContext(ctx, `
		UPDATE ledger_writers SET sequence = $2, at_ms = $3
		WHERE writer = $1 AND sequence < $2`, b.Writer, int64(b.Sequence), now.UnixMilli()))
	if err != nil || n > 0 {
		return n > 0, err
	}
	var known int
	err = tx.QueryRowContext(ctx, "SELECT count(*) FROM ledger_writers WHERE writer = $1", b.Writer).Scan(&known)
	if err != nil || known > 0 {
		return false, err
	}
	// A row that is not there yet cannot be waited for.
	if err := gate(ctx, tx); err != nil {
		return false, err
	}
	n, err = changed(tx.ExecContext(ctx, `
		INSERT INTO ledger_writers (writer, sequence, at_ms) VALUES ($1, $2, $3)
		ON CONFLICT (writer) DO NOTHING`, b.Writer, int64(b.Sequence), now.UnixMilli()))
	return n > 0, err
}

// gate keeps out, until tx is over, all others who call it.
func gate(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "UPDATE revisions SET last = last + 1 WHERE name = 'ledger'")
	return err
}

// alone waits for every commit under way and keeps out those to come until tx is
// over. On SQLite each transaction is alone as it is.
func alone(ctx context.Context, tx *sql.Tx) error {
	if err := gate(ctx, tx); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE ledger_writers SET sequence = sequence")
	return err
}

func changed(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// post sorts deltas into rows. ids has the key of each.
func (l *Ledger) post(deltas []attribution.Delta, ids []int64, closed map[attribution.Month]bool) posting {
	var p posting
	at := make(map[cellID]int, len(deltas)) // names that are too long may have become one
	for i := range deltas {
		d := &deltas[i]
		id := cellID{d.Hour, ids[i]}
		t := tenantText(d.Tenant)
		late := len(closed) > 0 && closed[d.Hour.Month()]
		into := &p.cells
		if late {
			into = &p.late
		}
		j, again := at[id]
		if !again {
			j = len(*into)
			at[id] = j
			*into = append(*into, postedCell{cellID: id, tenant: t})
		}
		(*into)[j].samples.Add(&d.Samples)
		if late {
			continue
		}
		if d.Series != nil {
			p.sketches = append(p.sketches, postedSketch{sketchID{id, ""}, t, d.Series})
		}
		for k := range d.Rules {
			r := &d.Rules[k]
			sid := sketchID{id, ruleText(r.Rule)}
			p.rules = append(p.rules, postedRule{sid, t, r.Dropped, r.Downsampled, 0})
			if r.Series != nil {
				p.sketches = append(p.sketches, postedSketch{sid, t, r.Series})
			}
		}
	}
	p.rules = sumRules(p.rules)
	p.sketches = l.unite(p.sketches)
	// In one order by all, so that no two wait for each other.
	slices.SortFunc(p.cells, func(a, b postedCell) int { return a.compare(b.cellID) })
	slices.SortFunc(p.late, func(a, b postedCell) int { return a.compare(b.cellID) })
	slices.SortFunc(p.rules, func(a, b postedRule) int { return a.compare(b.sketchID) })
	slices.SortFunc(p.sketches, func(a, b postedSketch) int { return a.compare(b.sketchID) })
	return p
}

func sumRules(rules []postedRule) []postedRule {
	at := make(map[sketchID]int, len(rules))
	sums := rules[:0]
	for _, r := range rules {
		j, again := at[r.sketchID]
		if !again {
			at[r.sketchID] = len(sums)
			sums = append(sums, r)
			continue
		}
		sums[j].dropped += r.dropped
		sums[j].downsampled += r.downsampled
	}
	return sums
}

func (l *Ledger) unite(sketches []postedSketch) []postedSketch {
	at := make(map[sketchID]int, len(sketches))
	united := sketches[:0]
	for _, s := range sketches {
		j, again := at[s.sketchID]
		if !again {
			at[s.sketchID] = len(united)
			united = append(united, s)
			continue
		}
		united[j].bytes = l.union(united[j].bytes, s.bytes)
	}
	return united
}

// addCells adds to cells, which are there or not.
func addCells(ctx context.Context, tx *sql.Tx, cells []postedCell) error {
	return insert(ctx, tx, cells, 10, `
		INSERT INTO ledger_cells (hour, key_id, tenant, forwarded, dropped, downsampled, shed, rejected, failed, series)
		VALUES `, `
		ON CONFLICT (hour, key_id) DO UPDATE SET `+sums("ledger_cells", "forwarded", "dropped", "downsampled", "shed", "rejected", "failed", "series"),
		func(args []any, c *postedCell) []any {
			args = append(args, int64(c.hour), c.key, string(c.tenant))
			return append(outcomes(args, &c.samples), int64(c.series))
		})
}

func addRules(ctx context.Context, tx *sql.Tx, rules []postedRule) error {
	return insert(ctx, tx, rules, 7, `
		INSERT INTO ledger_rules (hour, key_id, rule, tenant, dropped, downsampled, series)
		VALUES `, `
		ON CONFLICT (hour, key_id, rule) DO UPDATE SET `+sums("ledger_rules", "dropped", "downsampled", "series"),
		func(args []any, r *postedRule) []any {
			return append(args, int64(r.hour), r.key, r.rule, string(r.tenant), int64(r.dropped), int64(r.downsampled), int64(r.series))
		})
}

func addLate(ctx context.Context, tx *sql.Tx, at attribution.Hour, cells []postedCell) error {
	return insert(ctx, tx, cells, 9, `
		INSERT INTO ledger_late (at_hour, hour, key_id, forwarded, dropped, downsampled, shed, rejected, failed)
		VALUES `, `
		ON CONFLICT (at_hour, hour, key_id) DO UPDATE SET `+sums("ledger_late", "forwarded", "dropped", "downsampled", "shed", "rejected", "failed"),
		func(args []any, c *postedCell) []any {
			return outcomes(append(args, int64(at), int64(c.hour), c.key), &c.samples)
		})
}

func outcomes(args []any, c *attribution.Counts) []any {
	for _, n := range c {
		args = append(args, int64(n))
	}
	return args
}

// sums returns assignments that add what is inserted to the row that is there.
func sums(table string, columns ...string) string {
	var b strings.Builder
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s = %s.%s + excluded.%s", c, table, c, c)
	}
	return b.String()
}

// insert inserts rows, some at a time.
func insert[R any](ctx context.Context, tx *sql.Tx, rows []R, columns int, before, after string, args func([]any, *R) []any) error {
	for len(rows) > 0 {
		n := min(len(rows), ledgerRows)
		values := make([]any, 0, n*columns)
		for i := range n {
			values = args(values, &rows[i])
		}
		if _, err := tx.ExecContext(ctx, before+placeholders(n, columns)+after, values...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
