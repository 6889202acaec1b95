package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/headgate/headgate/attribution"
)

// errEnough stops a query whose other rows nobody wants.
var errEnough = errors.New("enough")

// Cells is that of [attribution.Store]. It goes day by day, each as it is at one
// moment: what is settled or rolled up meanwhile is counted once. A whole day comes
// from its sums, if metrics are not asked for from those by team; where they are, and
// days are not told apart, what is over of a month comes from the sums of the month;
// the rest from the cells of hours.
func (l *Ledger) Cells(ctx context.Context, q attribution.Query, changes []attribution.Hour) iter.Seq2[attribution.Cell, error] {
	return func(yield func(attribution.Cell, error) bool) {
		first, last, err := l.extent(ctx)
		r := newCellReader(q, first)
		from, to := max(first.Day(), q.From), min(last+1, q.To)
		for err == nil && from < to {
			end := from
			err = l.db.snapshot(ctx, func(tx *sql.Tx) (err error) {
				if end, err = r.month(ctx, tx, from, changes, yield); err != nil || end > from {
					return err
				}
				end = min(endOfSpan(from, changes), q.To)
				return r.span(ctx, tx, from, end, yield)
			})
			from = end
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(attribution.Cell{}, fmt.Errorf("read the ledger: %w", err))
		}
	}
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

	names map[int64]attribution.Key // of the keys of the query
	last  int64                     // all keys up to it are in names
}

func newCellReader(q attribution.Query, first attribution.Hour) *cellReader {
	r := &cellReader{query: q, first: first, metric: q.Groups(attribution.ByMetric) || q.Metric != "", names: map[int64]attribution.Key{}}
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
	terms []string
	args  []any
}

func (w *ledgerWhere) add(column, value string) {
	w.args = append(w.args, value)
	w.terms = append(w.terms, column+" = $")
}

// text returns w in the words of SQL, its placeholders counted from n on.
func (w *ledgerWhere) text(n int) string {
	var b strings.Builder
	for i, term := range w.terms {
		if i > 0 {
			b.WriteString(" AND ")
		}
		fmt.Fprintf(&b, "%s%d", term, n+i)
	}
	return b.String()
}

// span yields the cells of [from, end), which may be summed up.
func (r *cellReader) span(ctx context.Context, tx *sql.Tx, from, end attribution.Hour, yield func(attribution.Cell, error) bool) error {
	whole, err := r.whole(ctx, tx, from, end)
	if err != nil {
		return err
	}
	if whole && !r.metric {
		return r.teams(ctx, tx, from, yield)
	}
	cells, rules, when, args := &cellTable, &ruleTable, "hour >= $1 AND hour < $2", []any{int64(from), int64(end)}
	if whole {
		var summed bool
		err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM ledger_summed WHERE day = $1)", int64(from)).Scan(&summed)
		if err != nil {
			return err
		}
		if summed {
			cells, rules, when, args = &dayTable, &dayRuleTable, "day = $1", args[:1]
		}
	}
	if err := r.learn(ctx, tx); err != nil {
		return err
	}
	return r.keys(ctx, tx, from, cells, rules, when, args, yield)
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
	if len(r.where.terms) > 0 {
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

// keys yields the sums of a table of cells by key. Where metrics are not asked for
// they are few by name, and are summed up first.
func (r *cellReader) keys(ctx context.Context, tx *sql.Tx, from attribution.Hour, cells, rules *sumTable, when string, args []any, yield func(attribution.Cell, error) bool) error {
	where := " WHERE " + when
	if len(r.where.terms) > 0 {
		where += " AND key_id IN (SELECT id FROM ledger_keys WHERE " + r.where.text(len(args)+1) + ")"
		args = append(args, r.where.args...)
	}
	var key int64
	names := []any{&key}
	removed := map[int64][]attribution.RuleCount{}
	err := r.rules(ctx, tx, rules, "key_id", where, args, names, func(c attribution.RuleCount) { removed[key] = append(removed[key], c) })
	if err != nil {
		return err
	}
	sums := map[attribution.Key]*attribution.Cell{}
	err = r.cells(ctx, tx, cells, "key_id", where, args, names, func(c *attribution.Cell) error {
		name, known := r.names[key]
		if !known {
			return nil
		}
		name.Hour = max(from, r.first)
		c.Key, c.Rules = name, removed[key]
		if r.metric {
			if !yield(*c, nil) {
				return errEnough
			}
			return nil
		}
		sum := sums[name]
		if sum == nil {
			sum = &attribution.Cell{Key: name}
			sums[name] = sum
		}
		sum.Samples.Add(&c.Samples)
		sum.SeriesHours += c.SeriesHours
		for _, more := range c.Rules {
			of := ruleOf(sum, more.Rule)
			of.Dropped += more.Dropped
			of.Downsampled += more.Downsampled
			of.SeriesHours += more.SeriesHours
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range slices.SortedFunc(maps.Keys(sums), compareNames) {
		if !yield(*sums[k], nil) {
			return errEnough
		}
	}
	return nil
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
	sums, group := t.summed(), " GROUP BY "+by
	if t == &dayTable || t == &monthTable { // has one row by key
		sums, group = strings.Join(t.sums, ", "), ""
	}
	return scanAll(ctx, tx, fmt.Sprintf("SELECT %s, %s FROM %s%s%s", by, sums, t.name, where, group), args, into, func() error {
		var c attribution.Cell
		for o := range c.Samples {
			c.Samples[o] = uint64(n[o])
		}
		c.SeriesHours = uint64(n[attribution.Outcomes])
		return each(&c)
	})
}

// learn reads the names of keys that came since it last did. Keys count up, so that
// a cell that can be seen has one that was learnt.
func (r *cellReader) learn(ctx context.Context, tx *sql.Tx) error {
	where := " WHERE id > $1"
	if len(r.where.terms) > 0 {
		where += " AND " + r.where.text(2)
	}
	var id int64
	var k attribution.Key
	byService := r.query.Service != "" || r.query.Groups(attribution.ByService)
	args := append([]any{r.last}, r.where.args...)
	return scanAll(ctx, tx, "SELECT id, tenant, team, service, metric FROM ledger_keys"+where, args, []any{&id, &k.Tenant, &k.Team, &k.Service, &k.Metric}, func() error {
		name := k
		if !byService {
			name.Service = ""
		}
		if !r.metric {
			name.Metric = ""
		}
		r.names[id] = name
		r.last = max(r.last, id)
		return nil
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

func compareNames(a, b attribution.Key) int {
	return strings.Compare(string(a.Tenant)+"\x00"+a.Team+"\x00"+a.Service, string(b.Tenant)+"\x00"+b.Team+"\x00"+b.Service)
}

func ruleOf(c *attribution.Cell, rule string) *attribution.RuleCount {
	for i := range c.Rules {
		if c.Rules[i].Rule == rule {
			return &c.Rules[i]
		}
	}
	c.Rules = append(c.Rules, attribution.RuleCount{Rule: rule})
	return &c.Rules[len(c.Rules)-1]
}
