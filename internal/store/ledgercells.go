package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/headgate/headgate/attribution"
)

// errEnough stops a query whose other rows nobody wants.
var errEnough = errors.New("enough")

// Cells is that of [attribution.Store]. It goes day by day, each in one statement
// and as it is at that moment: what is settled meanwhile is counted once.
func (l *Ledger) Cells(ctx context.Context, q attribution.Query, changes []attribution.Hour) iter.Seq2[attribution.Cell, error] {
	return func(yield func(attribution.Cell, error) bool) {
		from, to, err := l.extent(ctx)
		from, to = max(from, q.From), min(to, q.To)
		for err == nil && from < to {
			end := min(endOfSpan(from, changes), to)
			err = l.cellsOf(ctx, &q, from, end, yield)
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

// extent returns the hours [from, to) that there are cells of.
func (l *Ledger) extent(ctx context.Context) (from, to attribution.Hour, err error) {
	err = l.db.read.QueryRowContext(ctx, `
		SELECT COALESCE((SELECT MIN(hour) FROM ledger_cells), 0), COALESCE((SELECT MAX(hour) + 1 FROM ledger_cells), 0)`).Scan(&from, &to)
	return from, to, l.db.engine.explain(err)
}

// A cellQuery is the SQL for the cells of some hours.
type cellQuery struct {
	names  [2]string // of the columns service and metric, or ''
	rule   string    // likewise
	among  string    // which rows
	args   []any
	sorted string // by what is not ''
}

func newCellQuery(q *attribution.Query, from, to attribution.Hour) cellQuery {
	c := cellQuery{names: [2]string{"''", "''"}, rule: "''", sorted: "tenant, team", args: []any{int64(from), int64(to)}, among: "hour >= $1 AND hour < $2"}
	bind := func(v string) string {
		c.args = append(c.args, v)
		return "$" + strconv.Itoa(len(c.args))
	}
	if q.Tenant != "" {
		c.among += " AND tenant = " + bind(string(tenantText(q.Tenant)))
	}
	var keys []string
	restrict := func(column, v string) {
		if v != "" {
			keys = append(keys, column+" = "+bind(v))
		}
	}
	if shared := q.Shared == attribution.Even || q.Shared == attribution.Proportional; !shared || q.Team == attribution.Unowned {
		restrict("team", ownerText(q.Team))
	}
	restrict("service", ownerText(q.Service))
	restrict("metric", tidyText(q.Metric, maxMetric))
	if len(keys) > 0 {
		c.among += " AND key_id IN (SELECT id FROM ledger_keys WHERE " + strings.Join(keys, " AND ") + ")"
	}
	if q.Groups(attribution.ByService) || q.Service != "" {
		c.names[0] = "k.service"
		c.sorted += ", service"
	}
	if q.Groups(attribution.ByMetric) || q.Metric != "" {
		c.names[1] = "k.metric"
		c.sorted += ", metric"
	}
	if q.Groups(attribution.ByRule) {
		c.rule = "rule"
	}
	return c
}

// The kinds of rows of a cellQuery, in the order in which a cell's come.
const (
	cellRow = iota
	ruleRow
	sketchRow
)

// text returns the query. Rows are summed by their keys, which are numbers,
// before they are by name. Sketches are not: their numbers are summed, in Go.
func (c *cellQuery) text() string {
	named := fmt.Sprintf("k.tenant AS tenant, k.team AS team, %s AS service, %s AS metric", c.names[0], c.names[1])
	counts := []string{"forwarded", "dropped", "downsampled", "shed", "rejected", "failed", "series"}
	sum := func(columns []string) string {
		var b strings.Builder
		for _, column := range counts {
			if slices.Contains(columns, column) {
				fmt.Fprintf(&b, ", CAST(SUM(%s) AS BIGINT) AS %s", column, column)
			} else {
				fmt.Fprintf(&b, ", 0 AS %s", column)
			}
		}
		return b.String()
	}
	part := func(kind int, rule, table string, columns []string) string {
		byKey, byName := "key_id", "k.tenant, k.team"
		for _, name := range c.names {
			if name != "''" {
				byName += ", " + name
			}
		}
		if rule != "''" {
			byKey, byName = byKey+", rule", byName+", x.rule"
		}
		return fmt.Sprintf(`
			SELECT %s, %d AS kind, x.rule AS rule%s, CAST(NULL AS BYTEA) AS sketch FROM (
				SELECT key_id, %s AS rule%s FROM %s WHERE %s GROUP BY %s
			) x JOIN ledger_keys k ON k.id = x.key_id GROUP BY %s, x.rule`,
			named, kind, sum(counts), rule, sum(columns), table, c.among, byKey, byName)
	}
	return part(cellRow, "''", "ledger_cells", counts) + `
		UNION ALL` + part(ruleRow, c.rule, "ledger_rules", []string{"dropped", "downsampled", "series"}) + fmt.Sprintf(`
		UNION ALL
			SELECT %s, %d, x.rule, 0, 0, 0, 0, 0, 0, 0, x.sketch FROM (
				SELECT key_id, rule, sketch FROM ledger_sketches WHERE %s
			) x JOIN ledger_keys k ON k.id = x.key_id
		ORDER BY `+c.sorted+", kind", named, sketchRow, c.among)
}

// cellsOf yields the sums of the cells in [from, to), or returns errEnough where
// no more are wanted.
func (l *Ledger) cellsOf(ctx context.Context, q *attribution.Query, from, to attribution.Hour, yield func(attribution.Cell, error) bool) error {
	var cell attribution.Cell
	begun := false
	byRule := q.Groups(attribution.ByRule)
	c := newCellQuery(q, from, to)
	err := l.db.query(ctx, func(rows *sql.Rows) error {
		key := attribution.Key{Hour: from}
		var kind int
		var rule string
		var counts attribution.Counts
		var series uint64
		var sketch sql.RawBytes
		err := rows.Scan(&key.Tenant, &key.Team, &key.Service, &key.Metric, &kind, &rule,
			&counts[0], &counts[1], &counts[2], &counts[3], &counts[4], &counts[5], &series, &sketch)
		if err != nil {
			return err
		}
		if !begun || cell.Key != key {
			if begun && !yield(cell, nil) {
				return errEnough
			}
			begun, cell = true, attribution.Cell{Key: key}
		}
		if sketch != nil {
			series, _ = l.estimate(sketch) // Settle says which cannot be read
		}
		switch {
		case kind == cellRow:
			cell.Samples, cell.SeriesHours = counts, series
		case kind == sketchRow && rule == "":
			cell.SeriesHours += series
		default:
			if !byRule {
				rule = ""
			}
			r := ruleOf(&cell, rule)
			r.Dropped += counts[attribution.Dropped]
			r.Downsampled += counts[attribution.Downsampled]
			r.SeriesHours += series
		}
		return nil
	}, c.text(), c.args...)
	if err == nil && begun && !yield(cell, nil) {
		return errEnough
	}
	return err
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
