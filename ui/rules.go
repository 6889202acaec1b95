package ui

import (
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/rules"
)

// A rulesView is the list of rules.
type rulesView struct {
	Head     headView
	Rows     []ruleRowView
	Currency string        // "" where nothing has a price
	New      templ.SafeURL // "" for those who may make none
}

// A ruleRowView is one rule in the list.
type ruleRowView struct {
	Position     string
	Name         nameView
	Tenant       string
	Does         string
	State        badgeView
	When         string
	Match        nameView
	More         string // selectors
	Effect       string // samples per second, with what they are
	Would        bool   // the effect is what it would be
	Money        string // that the samples of the effect cost in a month
	Matched      string // series, "" where it is not known
	MatchedError string
	Idle         string // for how long nothing matches; "" where something does
	Team         string
	Edit         templ.SafeURL // "" where it cannot be changed here
	Expires      when
	Source       string
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
	if r.mayChangeRules() {
		v.New = r.link("/rules/new")
		v.Head.Tools = append(v.Head.Tools, toolView{"New rule", v.New})
	}
	v.Head.Tools = append(v.Head.Tools, toolView{"Recommendations", r.link("/recommendations")}, toolView{"Flow", r.link("/flow", "by", flowByRule)}, toolView{"CSV", r.link("/rules.csv")})
	list = r.rulesShown(list)
	matched := r.control.MatchedEach(list)
	idle := r.control.IdleEach(r.context(), list, matched)
	for i, rule := range list {
		row := newRuleRowView(r, rule)
		if m := matched[i]; m.Known {
			row.Matched, row.MatchedError = count(m.Series), plusMinus(m.Error)
		}
		if idle[i] > 0 {
			row.Idle = "nothing in " + hours(idle[i])
		}
		if money, currency := r.control.SamplesPerMonth(rule.Rule.Tenant, rule.RemovedSamplesPerSecond); currency != "" {
			row.Money, v.Currency = amount(money), currency
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

func newRuleRowView(r *request, c control.Rule) ruleRowView {
	rule := c.Rule
	v := ruleRowView{
		Position: strconv.Itoa(c.Position), Name: newNameView(rule.Name, r.link(rulePath(rule.Name))),
		Tenant: string(rule.Tenant), Does: does(rule), State: ruleTones[c.State],
		Effect: rate(c.RemovedSamplesPerSecond), Would: c.State == "shadow", Expires: newWhen(rule.Expires, r.now), Source: source(c),
	}
	v.Team = short(rule.Team)
	if c.Source == control.FromAPI && r.actor.MayChangeRule(rule.Tenant, rule.Team) {
		v.Edit = r.site.address(pathOf("/rules", rule.Name)+"/edit", nil)
	}
	if rule.When == rules.OverLimit {
		v.When = "over the limit"
	}
	if len(rule.Match) > 0 {
		v.Match = newNameView(rule.Match[0].String(), "")
	}
	if n := len(rule.Match) - 1; n > 0 {
		v.More = "or " + plural(n, "other")
	}
	return v
}

// hours writes a duration in hours, where it is some.
func hours(d time.Duration) string {
	if d < time.Hour {
		return span(d)
	}
	return strconv.Itoa(int(d.Hours())) + " h"
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

	Actions *ruleActionsView // nil where it cannot be changed here
	History []revisionView   // the latest, newest first
	More    templ.SafeURL    // all of them
}

// A ruleActionsView is what can be done to a rule at once.
type ruleActionsView struct {
	Edit, Enforce, Delete templ.SafeURL // Enforce is "" where it is
	Switch                templ.SafeURL // that takes a mode
	Shadow, Off           bool          // can be switched to
	Revision              string
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
		v.More = r.site.address(pathOf("/rules", rule.Rule.Name)+"/history", nil)
		v.History = newRevisions(r, rule, past)
		if r.actor.MayChangeRule(rule.Rule.Tenant, rule.Rule.Team) {
			v.Actions = newRuleActions(r, rule)
		}
	}
	return page{
		Title: shown(rule.Rule.Name), Place: "Rules", Tenant: noTenant, Crumbs: []crumb{{"Rules", r.link("/rules")}},
		Body: rulePage(v),
	}, nil
}

func newRuleActions(r *request, c control.Rule) *ruleActionsView {
	path := pathOf("/rules", c.Rule.Name)
	v := &ruleActionsView{
		Edit: r.site.address(path+"/edit", nil), Delete: r.site.address(path+"/delete", nil), Switch: r.site.address(path+"/mode", nil),
		Shadow: c.Rule.Mode != rules.Shadow, Off: c.Rule.Mode != rules.Off, Revision: revisionText(c),
	}
	if c.Rule.Mode != rules.Enforce {
		v.Enforce = r.site.address(path+"/edit", url.Values{"mode": {rules.Enforce.String()}})
	}
	return v
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
