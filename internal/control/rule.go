package control

import (
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/rules"
)

// A Rule is a rule in force, where it comes from, and what it does.
type Rule struct {
	Rule                    *rules.Rule
	Position                int // in the order of precedence, from 1
	State                   rules.State
	RemovedSamplesPerSecond float64 // over the last minute; of a shadow rule: what it would remove
}

// List returns the rules that concern the actor, in the order of their precedence.
func (c *Control) List() []Rule {
	if c.may(auth.ReadTraffic) != nil {
		return nil
	}
	now := time.Now()
	perSecond := c.rates.perSecond()
	var list []Rule
	for i, r := range c.parts.Rules.Rules() {
		if !c.seesRule(r) {
			continue
		}
		list = append(list, Rule{r, i + 1, r.State(now), perSecond[r.Name]})
	}
	return list
}

// Rule returns the rule called name, or ErrNotFound.
func (c *Control) Rule(name string) (Rule, error) {
	list := c.List()
	if i := slices.IndexFunc(list, func(r Rule) bool { return r.Rule.Name == name }); i >= 0 {
		return list[i], nil
	}
	return Rule{}, fmt.Errorf("rule %.80q: %w", name, ErrNotFound)
}
