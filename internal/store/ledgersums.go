package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/attribution"
)

// sumBack is how long ago, in hours, a day may be to be summed up by key: more
// than two months, after which a month is closed where it ever is.
const sumBack = 70 * 24

// A teamDay is what the sums by team are named by.
type teamDay struct {
	day                   attribution.Hour
	tenant, team, service string
}

func teamDayOf(h attribution.Hour, n *keyName) teamDay {
	return teamDay{h.Day(), n.tenant, n.team, n.service}
}

// add adds the cells and rules of p to those stored, and to the sums that they are
// in. summed are the days that have sums by key.
func (l *Ledger) add(ctx context.Context, tx *sql.Tx, p *posting, summed map[attribution.Hour]bool) error {
	if err := l.addCells(ctx, tx, &cellTable, p.cells); err != nil {
		return err
	}
	if err := l.addRules(ctx, tx, &ruleTable, p.rules); err != nil {
		return err
	}
	if err := l.addTeams(ctx, tx, p); err != nil {
		return err
	}
	if len(summed) == 0 {
		return nil
	}
	var cells []postedCell
	for _, c := range p.cells {
		if c.hour = c.hour.Day(); summed[c.hour] {
			cells = append(cells, c)
		}
	}
	var rules []postedRule
	for _, r := range p.rules {
		if r.hour = r.hour.Day(); summed[r.hour] {
			rules = append(rules, r)
		}
	}
	cells = sumCells(cells, func(c *postedCell) cellID { return c.cellID })
	if err := l.addCells(ctx, tx, &dayTable, cells); err != nil {
		return err
	}
	rules = sumRules(rules, func(r *postedRule) sketchID { return r.sketchID })
	return l.addRules(ctx, tx, &dayRuleTable, rules)
}

func (l *Ledger) addCells(ctx context.Context, tx *sql.Tx, t *sumTable, cells []postedCell) error {
	return addTo(ctx, tx, t, l.rows, cells, func(args []any, c *postedCell) []any {
		return append(outcomes(append(args, int64(c.hour), c.key), &c.samples), c.series)
	})
}

func (l *Ledger) addRules(ctx context.Context, tx *sql.Tx, t *sumTable, rules []postedRule) error {
	return addTo(ctx, tx, t, l.rows, rules, func(args []any, r *postedRule) []any {
		return append(args, int64(r.hour), r.key, r.rule, int64(r.dropped), int64(r.downsampled), r.series)
	})
}

func (l *Ledger) addTeams(ctx context.Context, tx *sql.Tx, p *posting) error {
	cells := sumCells(slices.Clone(p.cells), func(c *postedCell) teamDay { return teamDayOf(c.hour, c.name) })
	err := addTo(ctx, tx, &teamTable, l.rows, cells, func(args []any, c *postedCell) []any {
		t := teamDayOf(c.hour, c.name)
		return append(outcomes(append(args, int64(t.day), t.tenant, t.team, t.service), &c.samples), c.series)
	})
	if err != nil {
		return err
	}
	type teamRule struct {
		teamDay
		rule string
	}
	rules := sumRules(slices.Clone(p.rules), func(r *postedRule) teamRule { return teamRule{teamDayOf(r.hour, r.name), r.rule} })
	return addTo(ctx, tx, &teamRuleTable, l.rows, rules, func(args []any, r *postedRule) []any {
		t := teamDayOf(r.hour, r.name)
		return append(args, int64(t.day), t.tenant, t.team, t.service, r.rule, int64(r.dropped), int64(r.downsampled), r.series)
	})
}

// sumUp makes the sums by key of the days that are over by h, each in a
// transaction. Those of closed months are left to RollUp.
func (l *Ledger) sumUp(ctx context.Context, h attribution.Hour) error {
	closings, err := l.Closings(ctx)
	if err != nil {
		return err
	}
	var days []attribution.Hour
	err = l.db.query(ctx, func(rows *sql.Rows) error {
		var day attribution.Hour
		err := rows.Scan(&day)
		closed := func(c attribution.Closing) bool { return c.Month == day.Month() }
		if err == nil && !slices.ContainsFunc(closings, closed) {
			days = append(days, day)
		}
		return err
	}, `
		SELECT DISTINCT day FROM ledger_team_days
		WHERE day >= $1 AND day <= $2 AND day NOT IN (SELECT day FROM ledger_summed) ORDER BY day`, int64(h-sumBack), int64(h-24))
	if err != nil {
		return err
	}
	for _, day := range days {
		if err := l.db.tx(ctx, func(tx *sql.Tx) error { return sumUpDay(ctx, tx, day) }); err != nil {
			return fmt.Errorf("sum up %s: %w", day, err)
		}
	}
	return nil
}

func sumUpDay(ctx context.Context, tx *sql.Tx, day attribution.Hour) error {
	if err := alone(ctx, tx); err != nil {
		return err
	}
	n, err := changed(tx.ExecContext(ctx, "INSERT INTO ledger_summed (day) VALUES ($1) ON CONFLICT (day) DO NOTHING", int64(day)))
	if err != nil || n == 0 { // another process was faster
		return err
	}
	for _, of := range []struct{ from, to *sumTable }{{&cellTable, &dayTable}, {&ruleTable, &dayRuleTable}} {
		key := strings.Join(of.from.key[1:], ", ")
		_, err := tx.ExecContext(ctx, of.to.into()+fmt.Sprintf(`
			SELECT CAST($1 AS BIGINT), %s, %s FROM %s WHERE hour >= $1 AND hour < $2 GROUP BY %s`,
			key, of.from.summed(), of.from.name, key), int64(day), int64(day+24))
		if err != nil {
			return err
		}
	}
	return nil
}

// unsum deletes the sums by key of a day.
func unsum(ctx context.Context, tx *sql.Tx, day attribution.Hour) error {
	for _, table := range []string{"ledger_days", "ledger_day_rules", "ledger_summed"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE day = $1", int64(day)); err != nil {
			return err
		}
	}
	return nil
}
