package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// A sumTable is a table of the ledger whose rows are added to.
type sumTable struct {
	name string
	key  []string // columns
	sums []string // columns
}

// What cells and their rules count.
var (
	cellCounts = []string{"forwarded", "dropped", "downsampled", "shed", "rejected", "failed", "series"}
	ruleCounts = []string{"dropped", "downsampled", "series"}
)

// The tables of cells and of what rules removed, by hour, and by day and team.
var (
	cellTable     = sumTable{"ledger_cells", []string{"hour", "key_id"}, cellCounts}
	ruleTable     = sumTable{"ledger_rules", []string{"hour", "key_id", "rule"}, ruleCounts}
	teamTable     = sumTable{"ledger_team_days", []string{"day", "tenant", "team", "service"}, cellCounts}
	teamRuleTable = sumTable{"ledger_team_rules", []string{"day", "tenant", "team", "service", "rule"}, ruleCounts}
	lateTable     = sumTable{"ledger_late", []string{"at_hour", "hour", "key_id"}, cellCounts[:6]}
)

// columns returns all columns, those of the key first.
func (t *sumTable) columns() []string { return append(t.key[:len(t.key):len(t.key)], t.sums...) }

// into returns the begin of a statement that adds rows to those of t.
func (t *sumTable) into() string {
	return fmt.Sprintf("INSERT INTO %s (%s) ", t.name, strings.Join(t.columns(), ", "))
}

// adding returns its end.
func (t *sumTable) adding() string {
	sums := make([]string, len(t.sums))
	for i, c := range t.sums {
		sums[i] = fmt.Sprintf("%s = %s.%s + excluded.%s", c, t.name, c, c)
	}
	return fmt.Sprintf(" ON CONFLICT (%s) DO UPDATE SET %s", strings.Join(t.key, ", "), strings.Join(sums, ", "))
}

// summed returns the sums in the words of a SELECT.
func (t *sumTable) summed() string {
	sums := make([]string, len(t.sums))
	for i, c := range t.sums {
		sums[i] = fmt.Sprintf("CAST(SUM(%s) AS BIGINT)", c)
	}
	return strings.Join(sums, ", ")
}

// addTo adds rows to a table. args appends the columns of one.
func addTo[R any](ctx context.Context, tx *sql.Tx, t *sumTable, atOnce int, rows []R, args func([]any, *R) []any) error {
	return insert(ctx, tx, atOnce, rows, len(t.key)+len(t.sums), t.into()+"VALUES ", t.adding(), args)
}

// insert inserts rows, some at a time. The statement is prepared if it is needed
// more than once: to read it takes longer than to carry it out.
func insert[R any](ctx context.Context, tx *sql.Tx, atOnce int, rows []R, columns int, before, after string, args func([]any, *R) []any) error {
	exec := func(values []any) error {
		_, err := tx.ExecContext(ctx, before+placeholders(len(values)/columns, columns)+after, values...)
		return err
	}
	values := make([]any, 0, min(len(rows), atOnce)*columns)
	if len(rows) >= 2*atOnce {
		s, err := tx.PrepareContext(ctx, before+placeholders(atOnce, columns)+after)
		if err != nil {
			return err
		}
		defer s.Close()
		for ; len(rows) >= atOnce; rows = rows[atOnce:] {
			values = values[:0]
			for i := range atOnce {
				values = args(values, &rows[i])
			}
			if _, err := s.ExecContext(ctx, values...); err != nil {
				return err
			}
		}
	}
	for len(rows) > 0 {
		n := min(len(rows), atOnce)
		values = values[:0]
		for i := range n {
			values = args(values, &rows[i])
		}
		if err := exec(values); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
