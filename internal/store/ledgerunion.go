package store

import (
	"bytes"
	"context"
	"database/sql"

	"github.com/headgate/headgate/attribution"
)

// soughtAtOnce is how many sketches a statement looks for at most, and soughtGap how
// many keys it may read in vain for each, and once.
const (
	soughtAtOnce = 1000
	soughtGap    = 4
)

// count unites the sketches of p with those stored, puts what they count more than
// before into the cells and rules of p, and leaves in p those that changed. What is
// settled, of the hours before settled, counts no more.
func (l *Ledger) count(ctx context.Context, tx *sql.Tx, p *posting, settled attribution.Hour) error {
	cells := make(map[cellID]*postedCell, len(p.cells))
	for i := range p.cells {
		cells[p.cells[i].cellID] = &p.cells[i]
	}
	rules := make(map[sketchID]*postedRule, len(p.rules))
	for i := range p.rules {
		rules[p.rules[i].sketchID] = &p.rules[i]
	}
	var changed []postedSketch
	for sketches := l.unite(p.sketches); len(sketches) > 0; {
		n := together(sketches)
		stored, err := storedSketches(ctx, tx, sketches[:n], sketches[0].hour < settled)
		if err != nil {
			return err
		}
		for _, s := range sketches[:n] {
			old, known := stored[s.sketchID]
			if known && old.bytes == nil { // settled
				continue
			}
			if s.bytes, s.series = l.union(old.bytes, s.bytes); known && bytes.Equal(s.bytes, old.bytes) {
				continue
			}
			changed = append(changed, s)
			if more := int64(s.series) - int64(old.series); s.rule == "" {
				cells[s.cellID].series += more
			} else {
				rules[s.sketchID].series += more
			}
		}
		sketches = sketches[n:]
	}
	p.sketches = changed
	return nil
}

// unite unites sketches of the same, which are beside each other.
func (l *Ledger) unite(sketches []postedSketch) []postedSketch {
	united := sketches[:0]
	for _, s := range sketches {
		if n := len(united); n > 0 && united[n-1].sketchID == s.sketchID {
			united[n-1].bytes, _ = l.union(united[n-1].bytes, s.bytes)
			continue
		}
		united = append(united, s)
	}
	return united
}

// together returns how many of the first sketches are to be looked for by one
// statement: they are of one hour, and their keys lie close.
func together(sketches []postedSketch) int {
	n := 1
	for n < len(sketches) && n < soughtAtOnce && sketches[n].hour == sketches[0].hour &&
		sketches[n].key-sketches[0].key <= soughtGap*int64(n+soughtGap) {
		n++
	}
	return n
}

// storedSketches returns what is stored of the cells of sketches, which are of one
// hour, and maybe of others: without bytes where it is settled. That is looked for
// only where it may be.
func storedSketches(ctx context.Context, tx *sql.Tx, sketches []postedSketch, maySettled bool) (map[sketchID]postedSketch, error) {
	const those = " WHERE hour = $1 AND key_id >= $2 AND key_id <= $3"
	stored := make(map[sketchID]postedSketch, len(sketches))
	for _, statement := range []string{
		"SELECT key_id, rule, series, sketch FROM ledger_sketches",
		"SELECT key_id, '', series, NULL FROM ledger_cells",
		"SELECT key_id, rule, series, NULL FROM ledger_rules",
	} {
		rows, err := tx.QueryContext(ctx, statement+those, int64(sketches[0].hour), sketches[0].key, sketches[len(sketches)-1].key)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			s := postedSketch{sketchID: sketchID{cellID: cellID{hour: sketches[0].hour}}}
			if err := rows.Scan(&s.key, &s.rule, &s.series, &s.bytes); err != nil {
				_ = rows.Close()
				return nil, err
			}
			if _, known := stored[s.sketchID]; !known && (s.bytes != nil || s.series > 0) {
				stored[s.sketchID] = s
			}
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
		if !maySettled {
			break
		}
	}
	return stored, nil
}

func (l *Ledger) putSketches(ctx context.Context, tx *sql.Tx, sketches []postedSketch) error {
	return insert(ctx, tx, l.rows, sketches, 5, `
		INSERT INTO ledger_sketches (hour, key_id, rule, series, sketch)
		VALUES `, `
		ON CONFLICT (hour, key_id, rule) DO UPDATE SET series = excluded.series, sketch = excluded.sketch`,
		func(args []any, s *postedSketch) []any {
			return append(args, int64(s.hour), s.key, s.rule, int64(s.series), s.bytes)
		})
}

// union returns what counts the series of both, a being what is stored or nil, and
// how many they are. Of two that do not go together, because one is damaged or of
// another kind, it is the one that counts more: a batch that could not be stored
// would keep those behind it from the store.
func (l *Ledger) union(a, b []byte) (both []byte, series uint64) {
	y, yerr := l.sketching.Read(b)
	if a != nil {
		x, xerr := l.sketching.Read(a)
		switch {
		case xerr == nil && yerr != nil:
			return a, x.Estimate()
		case xerr == nil:
			if x.Union(y) == nil {
				return written(x, a)
			}
			if n := l.estimate(a); n >= y.Estimate() {
				return a, n
			}
		}
	}
	if yerr != nil {
		return b, 0
	}
	return written(y, b)
}

func (l *Ledger) estimate(b []byte) uint64 {
	s, err := l.sketching.Read(b)
	if err != nil {
		return 0
	}
	return s.Estimate()
}

// written returns s as it is stored, and how many series it counts. One that was
// counted is written in one way, however it came about. Where it cannot be written,
// it is b.
func written(s attribution.Sketch, b []byte) ([]byte, uint64) {
	n := s.Estimate()
	if w, err := s.AppendBinary(nil); err == nil {
		return w, n
	}
	return b, n
}
