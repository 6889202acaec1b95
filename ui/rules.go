package ui

import (
	"strconv"

	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/rules"
)

// A rulesView is the list of rules.
type rulesView struct {
	Head headView
	Rows []ruleRowView
}

// A ruleRowView is one rule in the list.
type ruleRowView struct {
	Position string
	Name     nameView
	Tenant   string
	Does     string
	State    badgeView
	When     string
	Match    string
	More     string // selectors
	Effect   string // samples per second, with what they are
	Would    bool   // the effect is what it would be
	Expires  when
	Source   string
}

// ruleTones are the states of rules, with how they look and what they mean.
var ruleTones = map[rules.State]badgeView{
	"active":  {Text: "active", Tone: "good", Title: "It acts"},
	"shadow":  {Text: "shadow", Tone: "warn", Title: "It changes nothing; what it would remove is counted"},
	"off":     {Text: "off", Title: "It does nothing"},
	"expired": {Text: "expired", Title: "Its time is over: it does nothing"},
}

func (r *request) rules() (page, error) {
	return page{Title: "Rules", Place: "Rules", Tenant: allTenants, Body: rulesPage(newRulesView(r, r.control.List()))}, nil
}

func newRulesView(r *request, list []control.Rule) rulesView {
	v := rulesView{Head: headView{
		Title: "Rules", Lead: "In the order of their precedence: the first that keeps, drops or downsamples a series decides.",
		AsOf: newWhen(r.now, r.now),
	}}
	for _, rule := range list {
		if t := rule.Rule.Tenant; t != "" && r.tenant() != "" && r.tenant() != string(t) {
			continue
		}
		v.Rows = append(v.Rows, newRuleRowView(r, rule))
	}
	return v
}

func newRuleRowView(r *request, c control.Rule) ruleRowView {
	rule := c.Rule
	v := ruleRowView{
		Position: strconv.Itoa(c.Position), Name: newNameView(rule.Name, r.link(pathOf("/rules", rule.Name))),
		Tenant: string(rule.Tenant), Does: does(rule), State: ruleTones[c.State],
		Effect: rate(c.RemovedSamplesPerSecond), Would: c.State == "shadow", Expires: newWhen(rule.Expires, r.now), Source: source(c),
	}
	if rule.When == rules.OverLimit {
		v.When = "over the limit"
	}
	if len(rule.Match) > 0 {
		v.Match = short(rule.Match[0].String())
	}
	if n := len(rule.Match) - 1; n > 0 {
		v.More = "or " + plural(n, "other")
	}
	return v
}

// does says in words what a rule does to what it matches.
func does(rule *rules.Rule) string {
	switch rule.Action {
	case rules.Downsample:
		return "downsample to one in " + model.Duration(rule.Interval).String()
	case rules.Prioritize:
		return "priority " + rule.Priority.String()
	}
	text := rule.Action.String()
	if rule.Priority != series.Default {
		text += ", priority " + rule.Priority.String()
	}
	return text
}

// source says where a rule lives.
func source(c control.Rule) string {
	if c.Source == control.FromAPI {
		return "store, by " + shown(c.UpdatedBy)
	}
	return shown(c.Rule.File) + ":" + strconv.Itoa(c.Rule.Line)
}

// A ruleView is one rule.
type ruleView struct {
	Head   headView
	State  badgeView
	Locked string // why it cannot be changed here
	Stats  []statView
	Facts  []factView
	Match  []string
	Copies []copyView
	Torn   []string // families that it tears

	History []revisionView // newest first
}

// revisionsShown is how many changes of a rule its page shows.
const revisionsShown = 20

// A revisionView is one change of a rule.
type revisionView struct {
	At     when
	Action badgeView
	By     string
	Reason string
}

func newRevisions(r *request, past control.RuleHistoryPage) (list []revisionView) {
	for _, c := range past.History {
		list = append(list, revisionView{newWhen(c.At, r.now), badgeView{Text: shown(string(c.Action))}, shown(c.By), shown(c.Reason)})
	}
	return list
}

// A factView is a name with what it is.
type factView struct {
	Name, Text string
	Link       linkView
}

func (r *request) rule() (page, error) {
	rule, err := r.control.Rule(r.http.PathValue("name"))
	if err != nil {
		return page{}, err
	}
	v := newRuleView(r, rule)
	if rule.Source == control.FromAPI {
		past, err := r.control.RuleHistory(r.context(), rule.Rule.Name, revisionsShown, "")
		if err != nil {
			return page{}, err
		}
		v.History = newRevisions(r, past)
	}
	return page{
		Title: shown(rule.Rule.Name), Place: "Rules", Tenant: noTenant, Crumbs: []crumb{{"Rules", r.link("/rules")}},
		Body: rulePage(v),
	}, nil
}

func newRuleView(r *request, c control.Rule) ruleView {
	rule := c.Rule
	v := ruleView{
		Head:  headView{Title: shown(rule.Name), Code: true, Lead: shown(rule.Reason), AsOf: newWhen(r.now, r.now)},
		State: ruleTones[c.State], Torn: rules.FamilyWarnings(rule),
	}
	removes := statView{Label: "Removes", Value: rate(c.RemovedSamplesPerSecond), Unit: "samples/s", Note: "over the last minute"}
	if c.State == "shadow" {
		removes.Label = "Would remove"
	}
	v.Stats = []statView{removes, {Label: "Does", Value: sentence(does(rule))}, {Label: "Precedence", Value: strconv.Itoa(c.Position), Note: "1 is asked first"}}
	if c.Source == control.FromFile {
		v.Locked = "It is managed by " + source(c) + ": change it there and reload."
	}
	fact := func(name, text string) {
		if text != "" {
			v.Facts = append(v.Facts, factView{Name: name, Text: text})
		}
	}
	tenant := string(rule.Tenant)
	if tenant == "" {
		tenant = "every tenant"
	}
	fact("Tenant", tenant)
	fact("Acts on team", shown(rule.Team))
	fact("When", map[bool]string{true: "while the tenant is over its limit", false: "always"}[rule.When == rules.OverLimit])
	if !rule.Expires.IsZero() {
		w := newWhen(rule.Expires, r.now)
		fact("Expires", w.Exact+", "+w.Ago)
	}
	if c.Source == control.FromAPI {
		fact("Changed", newWhen(c.UpdatedAt, r.now).Exact+" by "+shown(c.UpdatedBy))
	}
	for _, s := range rule.Match {
		v.Match = append(v.Match, shown(s.String()))
	}
	if text, err := rules.FormatFile([]*rules.Rule{rule}); err == nil {
		v.Copies = append(v.Copies, copyView{ID: "rule-yaml", Title: "YAML", Text: string(text)})
	}
	v.Copies = append(v.Copies, copyView{ID: "rule-curl", Title: "From the API", Text: "curl " + shell(r.apiURL(pathOf("/rules", rule.Name)))})
	return v
}
