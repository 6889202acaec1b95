package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/headgate/headgate/attribution"
)

// summedAtOnce is how many hours a transaction adds to the sums of a month: commits
// wait meanwhile, a second where there are some 50 000 cells an hour.
const summedAtOnce = 7 * 24

// sumMonths adds to the sums of months by key the hours that are over, a week a
// transaction at most: those of months that are not over for longer than sumBack.
func (l *Ledger) sumMonths(ctx context.Context) error {
	now := attribution.HourOf(l.now())
	var months []attribution.Month
	err := l.db.query(ctx, func(rows *sql.Rows) error {
		var day attribution.Hour
		if err := rows.Scan(&day); err != nil {
			return err
		}
		if m := day.Month(); len(months) == 0 || months[len(months)-1] != m {
			months = append(months, m)
		}
		return nil
	}, "SELECT DISTINCT day FROM ledger_team_days WHERE day >= $1 ORDER BY day", int64(now-sumBack))
	if err != nil {
		return err
	}
	for _, m := range months {
		for over := false; !over; {
			err := l.db.tx(ctx, func(tx *sql.Tx) (err error) {
				over, err = sumMonth(ctx, tx, m, min(now, m.To()))
				return err
			})
			if err != nil {
				return fmt.Errorf("sum up month %s: %w", m, err)
			}
		}
	}
	return nil
}

// sumMonth adds a week, or what of it is before end, to the sums of m. It reports
// whether they go up to end.
func sumMonth(ctx context.Context, tx *sql.Tx, m attribution.Month, end attribution.Hour) (over bool, err error) {
	if err := alone(ctx, tx); err != nil {
		return false, err
	}
	until, err := summedUntil(ctx, tx, m)
	if err != nil {
		return false, err
	}
	if until == 0 {
		until = m.From()
		if err := beginMonth(ctx, tx, m); err != nil {
			return false, err
		}
	}
	next := min(until.Day()+summedAtOnce, end)
	if next <= until {
		return true, nil
	}
	for _, of := range []struct{ from, to *sumTable }{{&cellTable, &monthTable}, {&ruleTable, &monthRuleTable}} {
		key := strings.Join(of.from.key[1:], ", ")
		_, err := tx.ExecContext(ctx, of.to.into()+fmt.Sprintf(`
			SELECT CAST($1 AS BIGINT), %s, %s FROM %s WHERE hour >= $2 AND hour < $3 GROUP BY %s`,
			key, of.from.summed(), of.from.name, key)+of.to.adding(), int64(m.From()), int64(until), int64(next))
		if err != nil {
			return false, err
		}
	}
	_, err = tx.ExecContext(ctx, "UPDATE ledger_summed_months SET until = $2 WHERE month = $1", int64(m.From()), int64(next))
	return next == end, err
}

// beginMonth makes sums of m that have nothing yet. What is there of sums that were
// given up goes.
func beginMonth(ctx context.Context, tx *sql.Tx, m attribution.Month) error {
	for _, table := range []string{"ledger_months", "ledger_month_rules"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE month = $1", int64(m.From())); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO ledger_summed_months (month, until) VALUES ($1, $1)", int64(m.From()))
	return err
}

// summedUntil returns the hour up to which the cells of m are in its sums; 0 where
// there are none.
func summedUntil(ctx context.Context, tx *sql.Tx, m attribution.Month) (until attribution.Hour, err error) {
	err = tx.QueryRowContext(ctx, "SELECT until FROM ledger_summed_months WHERE month = $1", int64(m.From())).Scan(&until)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return until, err
}

// addMonths adds the cells and rules of p to the sums of months that they are in.
// until is up to which hour there are sums.
func (l *Ledger) addMonths(ctx context.Context, tx *sql.Tx, p *posting, until map[attribution.Month]attribution.Hour) error {
	if len(until) == 0 {
		return nil
	}
	in := func(h attribution.Hour) bool { return h < until[h.Month()] }
	var cells []postedCell
	for _, c := range p.cells {
		if in(c.hour) {
			c.hour = c.hour.Month().From()
			cells = append(cells, c)
		}
	}
	var rules []postedRule
	for _, r := range p.rules {
		if in(r.hour) {
			r.hour = r.hour.Month().From()
			rules = append(rules, r)
		}
	}
	if err := l.addCells(ctx, tx, &monthTable, sumCells(cells, func(c *postedCell) cellID { return c.cellID })); err != nil {
		return err
	}
	return l.addRules(ctx, tx, &monthRuleTable, sumRules(rules, func(r *postedRule) sketchID { return r.sketchID }))
}

// month yields the sums by key of the month that from lies in, if they are of all of
// its cells before an hour of the query and no change lies in between. It returns
// that hour, or from.
func (r *cellReader) month(ctx context.Context, tx *sql.Tx, from attribution.Hour, changes []attribution.Hour, yield func(attribution.Cell, error) bool) (attribution.Hour, error) {
	m := from.Month()
	if !r.metric || r.query.Groups(attribution.ByDay) || from > max(m.From(), r.first.Day()) {
		return from, nil
	}
	until, err := summedUntil(ctx, tx, m)
	if err != nil || until <= from || until > r.query.To {
		return from, err
	}
	for _, c := range changes {
		if from < c && c < until {
			return from, nil
		}
	}
	if err := r.learn(ctx, tx); err != nil {
		return from, err
	}
	return until, r.keys(ctx, tx, from, &monthTable, &monthRuleTable, "month = $1", []any{int64(m.From())}, yield)
}
