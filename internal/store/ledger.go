package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/headgate/headgate/attribution"
)

// A Ledger is the [attribution.Store] in a DB. Its methods may be called from any
// goroutine, and any number of processes may have one on the same database.
//
// An hour's cells have a row each, and where they have series, a sketch beside
// it, whose number is in the row. Settle deletes the sketch. A row that has a
// number but no sketch takes no series any more; a row that has none still does,
// whatever its hour, so that what a gateway could not store for hours is counted.
//
// Beside them are sums: of every day by team, and of what is over of it by key, in a
// pack. Whatever is added to a cell is added to them in the same transaction.
//
// A closed month takes nothing any more. Samples that come for it are kept apart,
// and Adjustments makes of them what they cost at the month's prices.
type Ledger struct {
	db        *DB
	sketching attribution.Sketching
	now       func() time.Time
	rows      int // that a statement stores

	mu   sync.Mutex
	keys map[keyName]usedKey

	names ledgerNames
	live  live
}

var _ attribution.Store = (*Ledger)(nil)

// Ledger returns the ledger in db. All who share db must sketch alike. now is
// the clock: samples for a closed month stand in the hour that it shows.
func (db *DB) Ledger(s attribution.Sketching, now func() time.Time) *Ledger {
	return &Ledger{db: db, sketching: s, now: now, rows: db.engine.rowsAtOnce(), keys: map[keyName]usedKey{}, names: ledgerNames{most: namesMemory}}
}

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
	name    *keyName
	samples attribution.Counts
	series  int64 // by which it counts more than before
}

type postedRule struct {
	sketchID
	name                 *keyName
	dropped, downsampled uint64
	series               int64
}

type postedSketch struct {
	sketchID
	series uint64 // what it counts
	bytes  []byte
}

// Commit is that of [attribution.Committer].
func (l *Ledger) Commit(ctx context.Context, b *attribution.Batch) error {
	now := l.now()
	names := make([]keyName, len(b.Deltas))
	for i := range b.Deltas {
		names[i] = keyNameOf(&b.Deltas[i].Key)
	}
	ids, err := l.resolve(ctx, names, attribution.HourOf(now))
	if err != nil {
		return fmt.Errorf("name the cells of batch %d of %s: %w", b.Sequence, b.Writer, err)
	}
	var p posting
	var revision int64
	err = l.db.tx(ctx, func(tx *sql.Tx) (err error) {
		if revision, err = alone(ctx, tx); err != nil {
			return err
		}
		fresh, err := noteBatch(ctx, tx, b, now)
		if err != nil || !fresh {
			return err
		}
		past, err := pastOf(ctx, tx, b.Deltas)
		if err != nil {
			return err
		}
		p = post(b.Deltas, names, ids, past.closed)
		if err := l.count(ctx, tx, &p, past.settled); err != nil {
			return err
		}
		if err := l.add(ctx, tx, &p, past.packed); err != nil {
			return err
		}
		if err := l.putSketches(ctx, tx, p.sketches); err != nil {
			return err
		}
		return l.addLate(ctx, tx, attribution.HourOf(now), p.late)
	})
	if err != nil {
		l.live.lose()
		return fmt.Errorf("store batch %d of %s: %w", b.Sequence, b.Writer, err)
	}
	l.live.commit(revision, &p)
	return nil
}

// noteBatch notes the batch and reports whether it is new. Until tx, which is alone, is
// over others wait: the same batch, sent again while the first is still under way, then
// finds itself stored.
func noteBatch(ctx context.Context, tx *sql.Tx, b *attribution.Batch, now time.Time) (fresh bool, err error) {
	n, err := changed(tx.ExecContext(ctx, `
		INSERT INTO ledger_writers (writer, sequence, at_ms) VALUES ($1, $2, $3)
		ON CONFLICT (writer) DO UPDATE SET sequence = excluded.sequence, at_ms = excluded.at_ms
		WHERE ledger_writers.sequence < excluded.sequence`, b.Writer, int64(b.Sequence), now.UnixMilli()))
	return n > 0, err
}

// alone keeps out, until tx is over, all others who call it. Gateways that share a
// store see the same metrics: what two of them add to, one after the other must.
// On SQLite each transaction is alone as it is. It returns the ledger's revision.
func alone(ctx context.Context, tx *sql.Tx) (revision int64, err error) {
	err = tx.QueryRowContext(ctx, "UPDATE revisions SET last = last + 1 WHERE name = 'ledger' RETURNING last").Scan(&revision)
	return revision, err
}

// A past is what became of the hours of a batch.
type past struct {
	closed  map[attribution.Month]bool
	packed  map[attribution.Hour]attribution.Hour // by day, up to which hour there is a pack
	settled attribution.Hour                      // cells before it may be settled
}

// pastOf returns the past of deltas, which are sorted.
func pastOf(ctx context.Context, tx *sql.Tx, deltas []attribution.Delta) (past, error) {
	p := past{closed: map[attribution.Month]bool{}, packed: map[attribution.Hour]attribution.Hour{}}
	if len(deltas) == 0 {
		return p, nil
	}
	first := deltas[0].Hour
	rows, err := tx.QueryContext(ctx, `
		SELECT 0, month, month FROM ledger_closings WHERE month >= $1
		UNION ALL SELECT 1, day, until FROM ledger_packs WHERE day >= $2
		UNION ALL SELECT 2, last, last FROM revisions WHERE name = 'ledger_settled'`, int64(first.Month().From()), int64(first.Day()))
	if err != nil {
		return p, err
	}
	defer rows.Close()
	for rows.Next() {
		var kind int
		var h, until attribution.Hour
		if err := rows.Scan(&kind, &h, &until); err != nil {
			return p, err
		}
		switch kind {
		case 0:
			p.closed[h.Month()] = true
		case 1:
			p.packed[h] = until
		default:
			p.settled = h
		}
	}
	return p, rows.Err()
}

// post sorts deltas into rows. names has the name of each, and ids the key.
func post(deltas []attribution.Delta, names []keyName, ids []int64, closed map[attribution.Month]bool) posting {
	var p posting
	for i := range deltas {
		d := &deltas[i]
		id := cellID{d.Hour, ids[i]}
		c := postedCell{cellID: id, name: &names[i], samples: d.Samples}
		if closed[d.Hour.Month()] {
			p.late = append(p.late, c)
			continue
		}
		p.cells = append(p.cells, c)
		if d.Series != nil {
			p.sketches = append(p.sketches, postedSketch{sketchID{id, ""}, 0, d.Series})
		}
		for k := range d.Rules {
			r := &d.Rules[k]
			sid := sketchID{id, ruleText(r.Rule)}
			p.rules = append(p.rules, postedRule{sid, &names[i], r.Dropped, r.Downsampled, 0})
			if r.Series != nil {
				p.sketches = append(p.sketches, postedSketch{sid, 0, r.Series})
			}
		}
	}
	// Names that are too long may have become one.
	p.cells = sumCells(p.cells, func(c *postedCell) cellID { return c.cellID })
	p.late = sumCells(p.late, func(c *postedCell) cellID { return c.cellID })
	p.rules = sumRules(p.rules, func(r *postedRule) sketchID { return r.sketchID })
	// In the order of the tables.
	slices.SortFunc(p.cells, func(a, b postedCell) int { return a.compare(b.cellID) })
	slices.SortFunc(p.rules, func(a, b postedRule) int { return a.compare(b.sketchID) })
	slices.SortStableFunc(p.sketches, func(a, b postedSketch) int { return a.compare(b.sketchID) })
	return p
}

// sumCells adds up, in place, the cells that have the same of something.
func sumCells[K comparable](cells []postedCell, of func(*postedCell) K) []postedCell {
	at := make(map[K]int, len(cells))
	sums := cells[:0]
	for _, c := range cells {
		k := of(&c)
		j, again := at[k]
		if !again {
			at[k] = len(sums)
			sums = append(sums, c)
			continue
		}
		sums[j].samples.Add(&c.samples)
		sums[j].series += c.series
	}
	return sums
}

// sumRules is sumCells for what rules removed.
func sumRules[K comparable](rules []postedRule, of func(*postedRule) K) []postedRule {
	at := make(map[K]int, len(rules))
	sums := rules[:0]
	for _, r := range rules {
		k := of(&r)
		j, again := at[k]
		if !again {
			at[k] = len(sums)
			sums = append(sums, r)
			continue
		}
		sums[j].dropped += r.dropped
		sums[j].downsampled += r.downsampled
		sums[j].series += r.series
	}
	return sums
}

func (l *Ledger) addLate(ctx context.Context, tx *sql.Tx, at attribution.Hour, cells []postedCell) error {
	return addTo(ctx, tx, &lateTable, l.rows, cells, func(args []any, c *postedCell) []any {
		return outcomes(append(args, int64(at), int64(c.hour), c.key), &c.samples)
	})
}

func outcomes(args []any, c *attribution.Counts) []any {
	for _, n := range c {
		args = append(args, int64(n))
	}
	return args
}

func changed(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
