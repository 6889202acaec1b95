package control

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/rules"
)

// A Rule is a rule in force, where it comes from, and what it does.
type Rule struct {
	Rule                    *rules.Rule
	Source                  string // FromFile or FromAPI
	Position                int    // in the order of precedence, from 1
	State                   rules.State
	RemovedSamplesPerSecond float64 // over the last minute; of a shadow rule: what it would remove

	Revision  int64     // where Source is FromAPI, as are the next two
	UpdatedAt time.Time // of the last change
	UpdatedBy string
}

// List returns the rules that concern the actor, in the order of their precedence.
func (c *Control) List() []Rule {
	if c.may(auth.ReadTraffic) != nil {
		return nil
	}
	now := time.Now()
	perSecond := c.rates.perSecond()
	var list []Rule
	position := 0
	add := func(r Rule) {
		if position++; !c.seesRule(r.Rule) {
			return
		}
		r.Position, r.State, r.RemovedSamplesPerSecond = position, r.Rule.State(now), perSecond[r.Rule.Name]
		list = append(list, r)
	}
	if c.parts.RuleBook == nil {
		for _, r := range c.parts.Rules.Rules() {
			add(Rule{Rule: r, Source: FromFile})
		}
		return list
	}
	set := c.parts.RuleBook.current.Load()
	for _, r := range set.files {
		add(Rule{Rule: r, Source: FromFile})
	}
	for _, r := range set.acting() {
		add(Rule{Rule: r.rule, Source: FromAPI, Revision: r.Revision, UpdatedAt: r.UpdatedAt, UpdatedBy: r.UpdatedBy})
	}
	return list
}

// Rule returns the rule called name, or ErrNotFound.
func (c *Control) Rule(name string) (Rule, error) {
	list := c.List()
	if i := slices.IndexFunc(list, func(r Rule) bool { return r.Rule.Name == name }); i >= 0 {
		return list[i], nil
	}
	if c.parts.RuleBook != nil {
		if r := c.parts.RuleBook.current.Load().byName[name]; r != nil && r.err != nil {
			return Rule{}, &missing{fmt.Sprintf("rule %s is in the store, and this version cannot use it (%v): save it anew, delete it, or run the version that wrote it", name, r.err)}
		}
	}
	return Rule{}, noRule(name)
}

// A RulesQuery says which rules are meant.
type RulesQuery struct {
	Limit  int    // 0 for all
	Cursor string // the Next of the page before
}

// A RulesPage is a list of rules.
type RulesPage struct {
	Rules []Rule // in the order of their precedence
	Next  string // cursor of the next page; "" where there is none
}

// RulesPage returns rules in the order of their precedence.
func (c *Control) RulesPage(q RulesQuery) (RulesPage, error) {
	list, err := rulesAfter(c.List(), q.Cursor)
	if err != nil {
		return RulesPage{}, err
	}
	page := RulesPage{Rules: list}
	if q.Limit > 0 && len(list) > q.Limit {
		page.Rules = list[:q.Limit]
		last := page.Rules[q.Limit-1]
		page.Next = strconv.Itoa(last.Position) + "." + last.Rule.Name
	}
	return page, nil
}

// rulesAfter returns the rules behind the one that the cursor names, or where that
// is gone, behind the place where it was.
func rulesAfter(list []Rule, cursor string) ([]Rule, error) {
	if cursor == "" {
		return list, nil
	}
	text, name, ok := strings.Cut(cursor, ".")
	position, err := strconv.Atoi(text)
	if !ok || err != nil || position < 1 {
		return nil, &Invalid{"cursor", "it is none that a page before gave; leave it out to begin anew"}
	}
	if i := slices.IndexFunc(list, func(r Rule) bool { return r.Rule.Name == name }); i >= 0 {
		return list[i+1:], nil
	}
	return list[min(position-1, len(list)):], nil
}
