package ui

import (
	"slices"
	"strconv"

	"github.com/headgate/headgate/internal/control"
)

// rulesCSV holds the list that the page of rules shows.
func (r *request) rulesCSV() (table, error) {
	list := r.rulesShown(r.control.List())
	t := table{name: "rules", header: []string{
		"position", "rule", "state", "mode", "action", "tenant", "team", "when", "match", "interval_seconds", "priority", "removes_samples_per_second", "matched_series", "matched_series_error",
		"saves_per_month", "currency", "expires", "source", "file", "line", "updated_by", "updated_at", "reason",
	}}
	matched := r.control.MatchedEach(list)
	t.rows = func(yield func([]string) bool) {
		for i, c := range list {
			if !yield(r.ruleCells(c, matched[i])) {
				return
			}
		}
	}
	return t, nil
}

// rulesShown returns the rules that concern the tenant that is asked about.
func (r *request) rulesShown(list []control.Rule) []control.Rule {
	if r.tenant() == "" {
		return list
	}
	return slices.DeleteFunc(list, func(c control.Rule) bool { return c.Rule.Tenant != "" && string(c.Rule.Tenant) != r.tenant() })
}

func (r *request) ruleCells(c control.Rule, m control.Matched) []string {
	rule := c.Rule
	series, plus, saves := "", "", ""
	if m.Known {
		series, plus = number(m.Series), number(m.Error)
	}
	money, currency := r.control.SamplesPerMonth(rule.Tenant, c.RemovedSamplesPerSecond)
	if currency != "" {
		saves = money.String()
	}
	match := ""
	for i, s := range rule.Match {
		if i > 0 {
			match += " or "
		}
		match += s.String()
	}
	interval := ""
	if rule.Interval > 0 {
		interval = number(rule.Interval.Seconds())
	}
	line := ""
	if rule.Line > 0 {
		line = strconv.Itoa(rule.Line)
	}
	return []string{
		strconv.Itoa(c.Position), rule.Name, string(c.State), rule.Mode.String(), rule.Action.String(), string(rule.Tenant), rule.Team, rule.When.String(), match, interval, rule.Priority.String(),
		number(c.RemovedSamplesPerSecond), series, plus, saves, currency, stamp(rule.Expires), c.Source, rule.File, line, c.UpdatedBy, stamp(c.UpdatedAt), rule.Reason,
	}
}
