package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"github.com/headgate/headgate/attribution"
)

// settledAtOnce is how many sketches a transaction of Settle holds: they have
// up to some ten kilobytes each, and commits wait meanwhile.
const settledAtOnce = 300

// addSketches adds the series of sketches to those stored, by union. Those of
// what is settled stay out. It comes after addCells and addRules, whose rows it
// looks at.
func (l *Ledger) addSketches(ctx context.Context, tx *sql.Tx, sketches []postedSketch) error {
	var changed []postedSketch
	for len(sketches) > 0 {
		n := 1
		for n < len(sketches) && n < 10*ledgerRows && sketches[n].hour == sketches[0].hour {
			n++
		}
		stored, err := storedSketches(ctx, tx, sketches[:n])
		if err != nil {
			return err
		}
		for _, s := range sketches[:n] {
			old, known := stored[s.sketchID]
			switch {
			case known && old == nil: // settled
				continue
			case known:
				if s.bytes = l.union(old, s.bytes); bytes.Equal(s.bytes, old) {
					continue
				}
			}
			changed = append(changed, s)
		}
		sketches = sketches[n:]
	}
	return insert(ctx, tx, changed, 5, `
		INSERT INTO ledger_sketches (hour, key_id, rule, tenant, sketch)
		VALUES `, `
		ON CONFLICT (hour, key_id, rule) DO UPDATE SET sketch = excluded.sketch`,
		func(args []any, s *postedSketch) []any {
			return append(args, int64(s.hour), s.key, s.rule, string(s.tenant), s.bytes)
		})
}

// storedSketches returns what is stored of the cells of sketches, which are of
// one hour: nil where it is settled.
func storedSketches(ctx context.Context, tx *sql.Tx, sketches []postedSketch) (map[sketchID][]byte, error) {
	args := make([]any, 0, len(sketches)+1)
	args = append(args, int64(sketches[0].hour))
	for i := range sketches {
		if i == 0 || sketches[i].key != sketches[i-1].key {
			args = append(args, sketches[i].key)
		}
	}
	those := "hour = $1 AND key_id IN " + list(2, len(args)-1)
	rows, err := tx.QueryContext(ctx, `
		SELECT key_id, rule, sketch FROM ledger_sketches WHERE `+those+`
		UNION ALL SELECT key_id, '', NULL FROM ledger_cells WHERE `+those+` AND series > 0
		UNION ALL SELECT key_id, rule, NULL FROM ledger_rules WHERE `+those+` AND series > 0`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	stored := map[sketchID][]byte{}
	for rows.Next() {
		id := sketchID{cellID: cellID{hour: sketches[0].hour}}
		var sketch []byte
		if err := rows.Scan(&id.key, &id.rule, &sketch); err != nil {
			return nil, err
		}
		stored[id] = sketch
	}
	return stored, rows.Err()
}

// union returns what counts the series of both. Of two that do not go together,
// because one is damaged or of another kind, it is the one that counts more: a
// batch that could not be stored would keep those behind it from the store.
func (l *Ledger) union(a, b []byte) []byte {
	if bytes.Equal(a, b) {
		return a
	}
	x, err := l.sketching.Read(a)
	if err != nil {
		return b
	}
	y, err := l.sketching.Read(b)
	if err != nil {
		return a
	}
	nx, ny := x.Estimate(), y.Estimate()
	if err := x.Union(y); err == nil {
		if both, err := x.AppendBinary(nil); err == nil {
			return both
		}
	}
	if nx >= ny {
		return a
	}
	return b
}

// Settle is that of [attribution.Store]. It goes by transactions of some hundred
// sketches, so that commits come in between. A sketch that cannot be read counts
// nothing; the error says how many there were, and the others are settled.
func (l *Ledger) Settle(ctx context.Context, h attribution.Hour) error {
	var damaged []error
	for {
		var n int
		var bad []error
		err := l.db.tx(ctx, func(tx *sql.Tx) (err error) {
			n, bad, err = l.settleSome(ctx, tx, h)
			return err
		})
		if err != nil {
			return fmt.Errorf("settle the ledger before %s: %w", h, err)
		}
		damaged = append(damaged, bad...)
		if n < settledAtOnce {
			break
		}
	}
	if n := len(damaged); n > 0 {
		return fmt.Errorf("settle the ledger before %s: %d sketches of series cannot be read and are not counted, such as that of %w", h, n, damaged[0])
	}
	return nil
}

// settleSome settles up to settledAtOnce sketches. It returns how many, and what
// is wrong with those that are damaged.
func (l *Ledger) settleSome(ctx context.Context, tx *sql.Tx, h attribution.Hour) (n int, damaged []error, err error) {
	var any bool
	err = tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM ledger_sketches WHERE hour < $1)", int64(h)).Scan(&any)
	if err != nil || !any {
		return 0, nil, err
	}
	if err := alone(ctx, tx); err != nil {
		return 0, nil, err
	}
	due, err := dueSketches(ctx, tx, h)
	if err != nil || len(due) == 0 {
		return 0, nil, err
	}
	var cells []postedCell
	var rules []postedRule
	for _, s := range due {
		series, err := l.estimate(s.bytes)
		switch {
		case err != nil:
			damaged = append(damaged, fmt.Errorf("hour %s, key %d, rule %q: %w", s.hour, s.key, s.rule, err))
		case s.rule == "":
			cells = append(cells, postedCell{cellID: s.cellID, tenant: s.tenant, series: series})
		default:
			rules = append(rules, postedRule{sketchID: s.sketchID, tenant: s.tenant, series: series})
		}
	}
	if err := addCells(ctx, tx, cells); err != nil {
		return 0, nil, err
	}
	if err := addRules(ctx, tx, rules); err != nil {
		return 0, nil, err
	}
	last := due[len(due)-1]
	_, err = tx.ExecContext(ctx, "DELETE FROM ledger_sketches WHERE (hour, key_id, rule) <= ($1, $2, $3)",
		int64(last.hour), last.key, last.rule)
	return len(due), damaged, err
}

func (l *Ledger) estimate(b []byte) (uint64, error) {
	s, err := l.sketching.Read(b)
	if err != nil {
		return 0, err
	}
	return s.Estimate(), nil
}

// dueSketches returns the first sketches before h.
func dueSketches(ctx context.Context, tx *sql.Tx, h attribution.Hour) ([]postedSketch, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT hour, key_id, rule, tenant, sketch FROM ledger_sketches WHERE hour < $1
		ORDER BY hour, key_id, rule LIMIT $2`, int64(h), settledAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var due []postedSketch
	for rows.Next() {
		var s postedSketch
		if err := rows.Scan(&s.hour, &s.key, &s.rule, &s.tenant, &s.bytes); err != nil {
			return nil, err
		}
		due = append(due, s)
	}
	return due, rows.Err()
}
