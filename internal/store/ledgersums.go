package store

import (
	"context"
	"database/sql"
	"slices"

	"github.com/headgate/headgate/attribution"
)

// A teamDay is what the sums by team are named by.
type teamDay struct {
	day                   attribution.Hour
	tenant, team, service string
}

func teamDayOf(h attribution.Hour, n *keyName) teamDay {
	return teamDay{h.Day(), n.tenant, n.team, n.service}
}

// add adds the cells and rules of p to those stored, and to the sums that they are
// in. until is, by day, up to which hour there is a pack.
func (l *Ledger) add(ctx context.Context, tx *sql.Tx, p *posting, until map[attribution.Hour]attribution.Hour) error {
	if err := l.addCells(ctx, tx, &cellTable, p.cells); err != nil {
		return err
	}
	if err := l.addRules(ctx, tx, &ruleTable, p.rules); err != nil {
		return err
	}
	if err := l.addTeams(ctx, tx, p); err != nil {
		return err
	}
	return addPacks(ctx, tx, p, until)
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
