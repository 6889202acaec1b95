package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"

	"github.com/headgate/headgate/attribution"
)

// errEnough stops a query whose other rows nobody wants.
var errEnough = errors.New("enough")

// Cells is that of [attribution.Store]. It goes span by span, each as it is at one
// moment: what is settled or rolled up meanwhile is counted once. Where metrics are not
// asked for, a whole day comes from its sums by team; the rest from packs, as far as
// they go, and from the cells of hours. A span is as long as the query allows.
func (l *Ledger) Cells(ctx context.Context, q attribution.Query, changes []attribution.Hour) iter.Seq2[attribution.Cell, error] {
	return func(yield func(attribution.Cell, error) bool) {
		first, last, err := l.extent(ctx)
		r := newCellReader(q, first, l)
		from, to := max(first.Day(), q.From), min(last+1, q.To)
		for err == nil && from < to {
			end := min(r.endOfSpan(from, changes), q.To)
			err = l.db.snapshot(ctx, func(tx *sql.Tx) error { return r.span(ctx, tx, from, end, yield) })
			from = end
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(attribution.Cell{}, fmt.Errorf("read the ledger: %w", err))
		}
	}
}

// endOfSpan returns the end of the hours from h on that may be summed up: of a day, or
// where metrics are told apart and days are not, of a month.
func (r *cellReader) endOfSpan(h attribution.Hour, changes []attribution.Hour) attribution.Hour {
	end := endOfSpan(h, changes)
	if !r.metric || r.query.Groups(attribution.ByDay) {
		return end
	}
	for end == end.Day() && end < h.Month().To() && !slices.Contains(changes, end) {
		end = endOfSpan(end, changes)
	}
	return end
}

// endOfSpan returns the end of the hours from h on that may be summed up: that of
// the day, or the first change before it.
func endOfSpan(h attribution.Hour, changes []attribution.Hour) attribution.Hour {
	end := h.Day() + 24
	for _, c := range changes {
		if h < c {
			end = min(end, c)
		}
	}
	return end
}

// extent returns the first and the last hour that there are cells of. Where there are
// none, the last is before the first.
func (l *Ledger) extent(ctx context.Context) (first, last attribution.Hour, err error) {
	err = l.db.read.QueryRowContext(ctx, `
		SELECT COALESCE((SELECT MIN(hour) FROM ledger_cells), 0), COALESCE((SELECT MAX(hour) FROM ledger_cells), -1)`).Scan(&first, &last)
	return first, last, l.db.engine.explain(err)
}

// A cellReader reads the cells that a query covers.
type cellReader struct {
	query  attribution.Query
	metric bool // metrics are told apart, or one is asked for
	where  ledgerWhere
	first  attribution.Hour // of all cells
	known  keyNames
	ledger *Ledger
}

func newCellReader(q attribution.Query, first attribution.Hour, l *Ledger) *cellReader {
	r := &cellReader{query: q, first: first, metric: q.Groups(attribution.ByMetric) || q.Metric != "", ledger: l}
	if q.Tenant != "" {
		r.where.add("tenant", string(tenantText(q.Tenant)))
	}
	shared := q.Shared == attribution.Even || q.Shared == attribution.Proportional
	if q.Team != "" && (!shared || q.Team == attribution.Unowned) {
		r.where.add("team", ownerText(q.Team))
	}
	if q.Service != "" {
		r.where.add("service", ownerText(q.Service))
	}
	if q.Metric != "" {
		r.where.add("metric", tidyText(q.Metric, maxMetric))
	}
	return r
}

// A ledgerWhere says which names are asked for.
type ledgerWhere struct {
	columns []string
	args    []any // strings
}

func (w *ledgerWhere) add(column, value string) {
	w.args = append(w.args, value)
	w.columns = append(w.columns, column)
}

// covers reports whether k is asked for.
func (w *ledgerWhere) covers(k *attribution.Key) bool {
	for i, column := range w.columns {
		var value string
		switch column {
		case "tenant":
			value = string(k.Tenant)
		case "team":
			value = k.Team
		case "service":
			value = k.Service
		default:
			value = k.Metric
		}
		if value != w.args[i] {
			return false
		}
	}
	return true
}

// text returns w in the words of SQL, its placeholders counted from n on.
func (w *ledgerWhere) text(n int) string {
	var b strings.Builder
	for i, column := range w.columns {
		if i > 0 {
			b.WriteString(" AND ")
		}
		fmt.Fprintf(&b, "%s = $%d", column, n+i)
	}
	return b.String()
}

// span yields the cells of [from, end), which may be summed up.
func (r *cellReader) span(ctx context.Context, tx *sql.Tx, from, end attribution.Hour, yield func(attribution.Cell, error) bool) error {
	if !r.metric {
		if whole, err := r.whole(ctx, tx, from, end); err != nil {
			return err
		} else if whole {
			return r.teams(ctx, tx, from, yield)
		}
	}
	return r.keys(ctx, tx, from, end, yield)
}

// whole reports whether [from, end) has all cells of its day, as today has where the
// hours to come are left out.
func (r *cellReader) whole(ctx context.Context, tx *sql.Tx, from, end attribution.Hour) (bool, error) {
	if from != from.Day() || end == from+24 {
		return from == from.Day(), nil
	}
	var more bool
	err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM ledger_cells WHERE hour >= $1 AND hour < $2)", int64(end), int64(from+24)).Scan(&more)
	return !more, err
}

// teams yields the sums of a day by team.
func (r *cellReader) teams(ctx context.Context, tx *sql.Tx, day attribution.Hour, yield func(attribution.Cell, error) bool) error {
	by := "tenant, team"
	if r.query.Service != "" || r.query.Groups(attribution.ByService) {
		by += ", service"
	}
	where := " WHERE day = $1"
	if len(r.where.columns) > 0 {
		where += " AND " + r.where.text(2)
	}
	args := append([]any{int64(day)}, r.where.args...)
	key := attribution.Key{Hour: max(day, r.first)}
	names := []any{&key.Tenant, &key.Team}
	if by != "tenant, team" {
		names = append(names, &key.Service)
	}

	rules := map[attribution.Key][]attribution.RuleCount{}
	err := r.rules(ctx, tx, &teamRuleTable, by, where, args, names, func(c attribution.RuleCount) { rules[key] = append(rules[key], c) })
	if err != nil {
		return err
	}
	return r.cells(ctx, tx, &teamTable, by, where, args, names, func(c *attribution.Cell) error {
		c.Key, c.Rules = key, rules[key]
		if !yield(*c, nil) {
			return errEnough
		}
		return nil
	})
}

// rules reads the sums of what rules removed: names is where those that they are
// summed by go.
func (r *cellReader) rules(ctx context.Context, tx *sql.Tx, t *sumTable, by, where string, args, names []any, each func(attribution.RuleCount)) error {
	rule := ""
	var c attribution.RuleCount
	if r.query.Groups(attribution.ByRule) {
		rule = ", rule"
		names = append(names[:len(names):len(names)], &c.Rule)
	}
	var n [3]int64
	into := append(names[:len(names):len(names)], &n[0], &n[1], &n[2])
	return scanAll(ctx, tx, fmt.Sprintf("SELECT %s, %s FROM %s%s GROUP BY %s", by+rule, t.summed(), t.name, where, by+rule), args, into, func() error {
		c.Dropped, c.Downsampled, c.SeriesHours = uint64(n[0]), uint64(n[1]), uint64(n[2])
		each(c)
		return nil
	})
}

// cells reads the sums of cells.
func (r *cellReader) cells(ctx context.Context, tx *sql.Tx, t *sumTable, by, where string, args, names []any, each func(*attribution.Cell) error) error {
	var n [attribution.Outcomes + 1]int64
	into := names[:len(names):len(names)]
	for i := range n {
		into = append(into, &n[i])
	}
	return scanAll(ctx, tx, fmt.Sprintf("SELECT %s, %s FROM %s%s GROUP BY %s", by, t.summed(), t.name, where, by), args, into, func() error {
		var c attribution.Cell
		for o := range c.Samples {
			c.Samples[o] = uint64(n[o])
		}
		c.SeriesHours = uint64(n[attribution.Outcomes])
		return each(&c)
	})
}

// scanAll runs a query, scans each of its rows, and calls each after it.
func scanAll(ctx context.Context, tx *sql.Tx, query string, args, into []any, each func() error) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for n := 1; rows.Next(); n++ {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := each(); err != nil {
			return err
		}
		if n%yieldAfter == 0 {
			runtime.Gosched()
		}
	}
	return rows.Err()
}

// yieldAfter is how many rows, of a microsecond or two each, are read before what
// waits for a processor has precedence.
const yieldAfter = 64
