package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/headgate/headgate/attribution"
)

// A packed says which cells of a day are in its pack.
type packed struct {
	day   attribution.Hour
	until attribution.Hour // all cells before it
	last  attribution.Hour // the latest hour of which there are any
}

// packDays packs the hours that are over, the latest days first.
func (l *Ledger) packDays(ctx context.Context) error {
	now := attribution.HourOf(l.now())
	var days []attribution.Hour
	err := l.db.query(ctx, func(rows *sql.Rows) error {
		var day attribution.Hour
		err := rows.Scan(&day)
		days = append(days, day)
		return err
	}, `
		SELECT DISTINCT t.day FROM ledger_team_days t LEFT JOIN ledger_packs p ON p.day = t.day
		WHERE t.day < $1 AND (p.until IS NULL OR p.until < t.day + 24 AND p.until < $1) ORDER BY t.day DESC`, int64(now))
	if err != nil {
		return err
	}
	for _, day := range days {
		if err := l.packDay(ctx, day, min(day+24, now)); err != nil {
			return fmt.Errorf("sum up %s: %w", day, err)
		}
	}
	return nil
}

// packDay packs the hours of a day before end, each in a transaction: commits wait
// meanwhile, some hundred milliseconds where there are 50 000 cells an hour. An hour
// with which sums do not fit is left out, and those after it: reports of them say so.
func (l *Ledger) packDay(ctx context.Context, day, end attribution.Hour) error {
	for over := false; !over; {
		err := l.db.tx(ctx, func(tx *sql.Tx) (err error) {
			over, err = packHour(ctx, tx, day, end)
			return err
		})
		if errors.Is(err, attribution.ErrTooMuch) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// packHour puts the cells of one more hour of a day into its pack. It reports whether
// all cells before end are in it. A pack that cannot be read is made anew.
func packHour(ctx context.Context, tx *sql.Tx, day, end attribution.Hour) (over bool, err error) {
	if _, err := alone(ctx, tx); err != nil {
		return false, err
	}
	p, sums, err := storedPack(ctx, tx, day)
	if err != nil {
		return false, err
	}
	var next, after sql.Null[int64]
	err = tx.QueryRowContext(ctx, "SELECT MIN(hour) FROM ledger_cells WHERE hour >= $1 AND hour < $2", int64(p.until), int64(end)).Scan(&next)
	if err != nil {
		return false, err
	}
	p.until = end
	if h := attribution.Hour(next.V); next.Valid {
		more, err := hourSums(ctx, tx, h)
		if err != nil {
			return false, err
		}
		if sums, err = sums.with(more); errors.Is(err, errPack) {
			return false, deletePack(ctx, tx, day)
		} else if err != nil {
			return false, err
		}
		p.last = h
		err = tx.QueryRowContext(ctx, "SELECT MIN(hour) FROM ledger_cells WHERE hour > $1 AND hour < $2", next.V, int64(end)).Scan(&after)
		if err != nil {
			return false, err
		}
		if after.Valid {
			p.until = h + 1
		}
	}
	return !after.Valid, putPack(ctx, tx, p, sums)
}

// storedPack returns the pack of a day, which is empty where there is none.
func storedPack(ctx context.Context, tx *sql.Tx, day attribution.Hour) (packed, pack, error) {
	p := packed{day, day, day}
	var sums []byte
	err := tx.QueryRowContext(ctx, "SELECT until, last, sums FROM ledger_packs WHERE day = $1", int64(day)).Scan(&p.until, &p.last, &sums)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil, nil
	}
	return p, sums, err
}

func putPack(ctx context.Context, tx *sql.Tx, p packed, sums pack) error {
	if sums == nil {
		sums, _ = sums.with(nil)
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO ledger_packs (day, until, last, sums) VALUES ($1, $2, $3, $4)
		ON CONFLICT (day) DO UPDATE SET until = excluded.until, last = excluded.last, sums = excluded.sums`,
		int64(p.day), int64(p.until), int64(p.last), []byte(sums))
	return err
}

// deletePack deletes the pack of a day: it is read from its cells until the next is
// made.
func deletePack(ctx context.Context, tx *sql.Tx, day attribution.Hour) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM ledger_packs WHERE day = $1", int64(day))
	return err
}

// hourSums returns the cells of an hour in the order of keys.
func hourSums(ctx context.Context, tx *sql.Tx, h attribution.Hour) ([]keySum, error) {
	const cells = "SELECT key_id, forwarded, dropped, downsampled, shed, rejected, failed, series FROM ledger_cells WHERE hour = $1 ORDER BY key_id"
	const rules = "SELECT key_id, rule, dropped, downsampled, series FROM ledger_rules WHERE hour = $1 ORDER BY key_id, rule"
	return cellSums(ctx, tx, cells, rules, []any{int64(h)})
}

// cellSums returns what two queries do: for cells and for what rules removed, both in
// the order of keys. A number that is none, which SQLite makes of integers that
// overflow, is [attribution.ErrTooMuch].
func cellSums(ctx context.Context, tx *sql.Tx, cells, rules string, args []any) ([]keySum, error) {
	var sums []keySum
	var n [1 + len(keySum{}.counts)]any // other types are converted, which takes longer than to read them
	into := make([]any, len(n))
	for i := range n {
		into[i] = &n[i]
	}
	err := scanAll(ctx, tx, cells, args, into, func() error {
		var s keySum
		s.key, _ = n[0].(int64)
		for i := range s.counts {
			v, whole := n[1+i].(int64)
			if !whole {
				return attribution.ErrTooMuch
			}
			s.counts[i] = uint64(v)
		}
		sums = append(sums, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var key, dropped, downsampled, series int64
	var rule string
	at := 0
	err = scanAll(ctx, tx, rules, args, []any{&key, &rule, &dropped, &downsampled, &series}, func() error {
		for at < len(sums) && sums[at].key < key {
			at++
		}
		if at < len(sums) && sums[at].key == key { // what rules removed is a part of a cell
			r := attribution.RuleCount{Rule: rule, Dropped: uint64(dropped), Downsampled: uint64(downsampled), SeriesHours: uint64(series)}
			sums[at].rules = append(sums[at].rules, r)
		}
		return nil
	})
	return sums, err
}

// addPacks adds the cells and rules of p to the packs that they are in. until is, by
// day, up to which hour there is one.
func addPacks(ctx context.Context, tx *sql.Tx, p *posting, until map[attribution.Hour]attribution.Hour) error {
	if len(until) == 0 {
		return nil
	}
	for h, more := range p.hours() {
		if h >= until[h.Day()] {
			continue
		}
		of, sums, err := storedPack(ctx, tx, h.Day())
		if err != nil {
			return err
		}
		if sums, err = sums.with(more); err != nil {
			delete(until, h.Day())
			if err := deletePack(ctx, tx, h.Day()); err != nil {
				return err
			}
			continue
		}
		of.last = max(of.last, h)
		if err := putPack(ctx, tx, of, sums); err != nil {
			return err
		}
	}
	return nil
}

// hours returns what is added in each hour, in the order of hours and keys.
func (p *posting) hours() iter.Seq2[attribution.Hour, []keySum] {
	return func(yield func(attribution.Hour, []keySum) bool) {
		rules := p.rules
		for i := 0; i < len(p.cells); {
			h := p.cells[i].hour
			var sums []keySum
			for ; i < len(p.cells) && p.cells[i].hour == h; i++ {
				c := &p.cells[i]
				s := keySum{key: c.key}
				copy(s.counts[:], c.samples[:])
				s.counts[attribution.Outcomes] = uint64(c.series)
				for ; len(rules) > 0 && rules[0].cellID.compare(c.cellID) <= 0; rules = rules[1:] { // each is a part of a cell
					r := &rules[0]
					s.rules = append(s.rules, attribution.RuleCount{Rule: r.rule, Dropped: r.dropped, Downsampled: r.downsampled, SeriesHours: uint64(r.series)})
				}
				sums = append(sums, s)
			}
			if !yield(h, sums) {
				return
			}
		}
	}
}
