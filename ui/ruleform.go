package ui

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
)

// A ruleFormView is a rule to be made or changed, with what it would do.
type ruleFormView struct {
	Head       headView
	Action     templ.SafeURL // that answers with a preview, and takes what is saved
	Draft      ruleDraft
	New        bool
	Wrong      faults
	Refused    string // why it was not saved
	Latest     templ.SafeURL
	Tenants    []string
	Teams      []string
	Preview    previewView
	Broken     string // alerts that it breaks, in words; "" where it breaks none
	Overrode   bool
	Cancel     templ.SafeURL
	Actions    []choiceView
	Whens      []choiceView
	Modes      []choiceView
	Priorities []choiceView
	Expiries   []choiceView // durations from now
}

// A choiceView is a word that a field may hold.
type choiceView struct{ Value, Text string }

var (
	actionChoices   = []choiceView{{"drop", "drop"}, {"downsample", "downsample: one in an interval"}, {"keep", "keep: whatever rules behind say"}, {"prioritize", "prioritize: for shedding"}}
	whenChoices     = []choiceView{{"always", "always"}, {"over_limit", "while the tenant is over its limit"}}
	modeChoices     = []choiceView{{"shadow", "shadow: only count"}, {"enforce", "enforce"}, {"off", "off"}}
	expiryChoices   = []choiceView{{"1h", "1 h"}, {"4h", "4 h"}, {"1d", "1 d"}, {"7d", "7 d"}}
	priorityChoices = []choiceView{{"critical", "critical"}, {"high", "high"}, {"default", "default"}, {"low", "low: shed first"}}
)

// formFields are those that show what is wrong with them.
var formFields = []string{"name", "tenant", "match", "action", "interval", "allow_gaps", "priority", "when", "mode", "canary", "expires", "team", "reason", "position", "why", "override"}

func (r *request) mayChangeRules() bool { return r.actor.May(auth.WriteTeamRules) }

// needEditor returns the page for those who may not change rules.
func (r *request) needEditor() (page, bool) {
	if r.mayChangeRules() {
		return page{}, false
	}
	return failure(http.StatusForbidden, "You may not do that", "To change rules takes the role "+auth.WriteTeamRules.Roles()+"."), true
}

// needOwner returns the page for those who may not change a rule.
func (r *request) needOwner(rule control.Rule) (page, bool) {
	if r.actor.MayChangeRule(rule.Rule.Tenant, rule.Rule.Team) {
		return page{}, false
	}
	return failure(http.StatusForbidden, "You may not do that", "To change the rule "+shown(rule.Rule.Name)+" takes the role admin, or editor of its team and tenant."), true
}

func (r *request) newRule() (page, error) {
	if p, no := r.needEditor(); no {
		return p, nil
	}
	d := draftOf(r.query)
	d.expireIn(r.get("for"), r.now)
	d.Revision = ""
	if d.Action == "" {
		d.Action = rules.Drop.String()
	}
	if d.Mode == "" {
		d.Mode = rules.Shadow.String()
	}
	if !r.query.Has("team") && !r.actor.May(auth.WriteRules) && len(r.actor.Teams) > 0 {
		d.Team = r.actor.Teams[0]
	}
	return r.ruleForm(d, nil), nil
}

func (r *request) createRule() (templ.SafeURL, page, error) {
	d := draftOf(r.query)
	d.Revision = ""
	err := r.save(d, func(s rules.Spec, by control.RuleChange) (control.Rule, error) {
		return r.control.CreateRule(r.context(), s, by)
	})
	if err != nil {
		return "", r.ruleForm(d, err), nil
	}
	return r.site.address(rulePath(d.Name), map[string][]string{"done": {"created"}}), page{}, nil
}

func (r *request) editRule() (page, error) {
	if p, no := r.needEditor(); no {
		return p, nil
	}
	rule, err := r.control.Rule(r.http.PathValue("name"))
	if err != nil {
		return page{}, err
	}
	if rule.Source != control.FromAPI {
		return failure(http.StatusConflict, "It is managed by a file", "The rule "+rule.Rule.Name+" is in "+source(rule)+": change it there and reload. Its page has it as YAML."), nil
	}
	if p, no := r.needOwner(rule); no {
		return p, nil
	}
	d := draftOfSpec(rule.Rule.Spec())
	if r.query.Has("action") {
		d = draftOf(r.query)
	} else if mode := r.get("mode"); mode != "" {
		d.Mode = mode
	}
	d.expireIn(r.get("for"), r.now)
	d.Name = rule.Rule.Name
	if d.Revision == "" {
		d.Revision = revisionText(rule)
	}
	return r.ruleForm(d, nil), nil
}

func (r *request) saveRule() (templ.SafeURL, page, error) {
	d := draftOf(r.query)
	d.Name = r.http.PathValue("name")
	err := r.save(d, func(s rules.Spec, by control.RuleChange) (control.Rule, error) {
		return r.control.SaveRule(r.context(), s, by)
	})
	if err != nil {
		return "", r.ruleForm(d, err), nil
	}
	return r.site.address(rulePath(d.Name), map[string][]string{"done": {"saved"}}), page{}, nil
}

// save saves a draft by a verb, or returns what is wrong with it.
func (r *request) save(d ruleDraft, verb func(rules.Spec, control.RuleChange) (control.Rule, error)) error {
	s, wrong := d.spec()
	by, wrongChange := d.change()
	var errs []error
	for _, f := range []faults{wrong, wrongChange} {
		errs = append(errs, f.errs()...)
	}
	if by.Override = r.get("override") != ""; by.Override && d.Why == "" && d.Revision != "" {
		errs = append(errs, &control.Invalid{Field: "why", Text: "why is it meant although it breaks alerts?"})
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	_, err := verb(s, by)
	return err
}

// ruleForm returns the page of a draft. err is why it was not saved, nil where it was
// not to be.
func (r *request) ruleForm(d ruleDraft, err error) page {
	p := page{Title: "New rule", Place: "Rules", Tenant: noTenant, Crumbs: []crumb{{"Rules", r.link("/rules", "tenant", "")}}}
	v := ruleFormView{
		Head:    headView{Title: "New rule", Lead: "It acts on what matches from the moment it is saved. In mode shadow it only counts what it would remove."},
		Action:  r.site.address("/rules/new", nil),
		Cancel:  r.site.address("/rules", nil),
		Draft:   d,
		New:     d.Revision == "",
		Wrong:   faults{},
		Teams:   r.actor.Teams,
		Actions: actionChoices, Whens: whenChoices, Modes: modeChoices, Priorities: priorityChoices, Expiries: expiryChoices,
	}
	if !v.New {
		path := pathOf("/rules", d.Name)
		v.Head = headView{Title: shown(d.Name), Code: true, Lead: "Changes are in force from the moment they are saved, and each can be taken back."}
		v.Action, v.Cancel = r.site.address(path+"/edit", nil), r.site.address(rulePath(d.Name), nil)
		p.Title, p.Crumbs = "Change "+shown(d.Name), append(p.Crumbs, crumb{shown(d.Name), v.Cancel})
	}
	for _, t := range r.control.Tenants() {
		v.Tenants = append(v.Tenants, string(t))
	}
	v.Tenants = v.Tenants[:min(len(v.Tenants), manyTenants)]
	p.Status = v.explain(r, err)
	if status := r.previewDraft(&v); p.Status == 0 {
		p.Status = status
	}
	p.Body = ruleFormPage(v)
	return p
}

// explain says why a draft was not saved, and returns the status of that.
func (v *ruleFormView) explain(r *request, err error) int {
	if err == nil {
		return 0
	}
	var status int
	v.Wrong, v.Refused, status = r.unsaved("a rule", v.Draft.Name, err)
	if len(v.Wrong["override"]) > 0 {
		v.Refused = "It is not saved: the rule breaks alerts. Try it in mode shadow, or say below that it is meant."
	}
	if errors.Is(err, control.ErrConflict) {
		v.Latest = v.Action
	}
	return status
}

// previewDraft adds what the draft would do.
func (r *request) previewDraft(v *ruleFormView) int {
	d := v.Draft
	if d.Match == "" && len(v.Wrong) == 0 {
		v.Preview.Teach = true
		return 0
	}
	s, wrong := d.spec()
	position, wrongPosition := d.position()
	for field, texts := range wrongPosition {
		wrong[field] = texts
	}
	var p control.Preview
	var err error
	if len(wrong) == 0 {
		if p, err = r.control.Preview(r.context(), s, position); err != nil {
			more, ok := faultsOf(err)
			if !ok {
				return v.unpreviewed(r, err)
			}
			wrong = more
		}
	}
	if len(wrong) > 0 {
		for field, texts := range wrong {
			if len(v.Wrong[field]) == 0 {
				v.Wrong[field] = texts
			}
			for _, text := range texts {
				v.Preview.Wrong = append(v.Preview.Wrong, field+": "+text)
			}
		}
		slices.Sort(v.Preview.Wrong)
		return unprocessable
	}
	v.Preview = newPreviewView(r, p)
	if n := alertsBroken(p); n > 0 {
		v.Broken = plural(n, "alert")
	}
	return 0
}

// unpreviewed says why there is no preview. The rule can be saved nevertheless.
func (v *ruleFormView) unpreviewed(r *request, err error) int {
	text := "Something went wrong here. The log says more."
	if _, _, words, ok := refused(err); ok {
		text = words + "."
	} else if errors.Is(err, control.ErrNotFound) {
		text = sentence(shown(err.Error())) + "."
	} else if r.context().Err() == nil {
		r.site.options.Log.Error("a rule was not previewed", "rule", v.Draft.Name, "err", err)
	}
	v.Preview.Wrong = []string{"There is no preview. " + text}
	return 0
}

// field returns what is wrong with a field, in one text.
func (v ruleFormView) field(name string) string { return v.Wrong.text(name) }

// known reports whether a choice is on the list, or none is made.
func known(list []choiceView, current string) bool {
	for _, c := range list {
		if c.Value == current {
			return true
		}
	}
	return current == ""
}

// fieldErrors ties a field to what is wrong with it.
func fieldErrors(v ruleFormView, name string) templ.Attributes { return errorsOf(v.Wrong, name) }

// errorsOf ties a field to what is wrong with it.
func errorsOf(wrong faults, name string) templ.Attributes {
	if len(wrong[name]) == 0 {
		return nil
	}
	return wrongAttributes(name)
}

// wrongAttributes are those of a field with which something is wrong.
func wrongAttributes(id string) templ.Attributes {
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": id + "-wrong"}
}

// positionHint says what the field for the position takes.
func positionHint(isNew bool) string {
	if isNew {
		return "1 is asked first; empty for the last"
	}
	return "1 is asked first; empty to stay"
}

// rows returns how high the field for selectors is.
func rows(match string) int { return min(12, max(3, 2+strings.Count(match, "\n"))) }
