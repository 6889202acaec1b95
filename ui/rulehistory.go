package ui

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
)

const (
	revisionsShown   = 5  // on the page of a rule
	revisionsPerPage = 50 // of its history
)

// A historyView is what became of a rule, newest first.
type historyView struct {
	Head      headView
	Gone      bool // the rule is deleted
	Revisions []revisionView
	Pager     pagerView
}

// A revisionView is one change of a rule.
type revisionView struct {
	Number  string
	At      when
	Action  badgeView
	By      string
	Reason  string
	Diff    []diffLine
	Current bool
	Revert  templ.SafeURL // "" where it cannot be gone back to
}

// newRevisions returns changes of a rule, which is as it is now.
func newRevisions(r *request, rule control.Rule, past control.RuleHistoryPage) (list []revisionView) {
	may := rule.Source != control.FromFile && r.actor.MayChangeRule(rule.Rule.Tenant, rule.Rule.Team)
	if rule.Source == "" {
		may = r.mayChangeRules()
	}
	for _, c := range past.History {
		v := revisionView{
			Number: strconv.FormatInt(c.Revision, 10), At: newWhen(c.At, r.now), Action: badgeView{Text: shown(string(c.Action))}, By: shown(c.By), Reason: shown(c.Reason),
			Diff: diff(documentText(c.Before), documentText(c.After)), Current: c.Revision == rule.Revision,
		}
		if may && !v.Current && len(c.After) > 0 {
			v.Revert = r.site.address(pathOf("/rules", rule.Rule.Name)+"/revert", url.Values{"to": {v.Number}})
		}
		list = append(list, v)
	}
	return list
}

// current returns the rule that a name stands for; its revision is 0 where it was
// deleted.
func (r *request) current(name string) (control.Rule, error) {
	rule, err := r.control.Rule(name)
	if errors.Is(err, control.ErrNotFound) {
		return control.Rule{Rule: &rules.Rule{Name: name}}, nil
	}
	return rule, err
}

// revisionText returns the revision of a rule as forms carry it; "" for one that the
// store does not have.
func revisionText(rule control.Rule) string {
	if rule.Revision == 0 {
		return ""
	}
	return strconv.FormatInt(rule.Revision, 10)
}

// rulePage returns a page about a rule, without its body.
func (r *request) rulePage(title, name string, gone bool) page {
	p := page{Title: title + " " + shown(name), Place: "Rules", Tenant: noTenant, Crumbs: []crumb{{"Rules", r.site.address("/rules", nil)}}}
	if !gone {
		p.Crumbs = append(p.Crumbs, crumb{short(name), r.site.address(rulePath(name), nil)})
	}
	return p
}

func (r *request) ruleHistory() (page, error) {
	name := r.http.PathValue("name")
	past, err := r.control.RuleHistory(r.context(), name, revisionsPerPage, r.get("cursor"))
	if err != nil {
		return page{}, err
	}
	rule, err := r.current(name)
	if err != nil {
		return page{}, err
	}
	v := historyView{
		Head: headView{Title: "History of " + shown(name), Lead: "Who changed it, when, and what. Each revision can be gone back to.", AsOf: newWhen(r.now, r.now)},
		Gone: rule.Source == "", Revisions: newRevisions(r, rule, past),
	}
	v.Pager.Shown = plural(len(v.Revisions), "change") + " on this page"
	if r.get("cursor") != "" {
		v.Pager.First = r.here()
	}
	if past.Next != "" {
		v.Pager.Next = r.here("cursor", past.Next)
	}
	p := r.rulePage("History of", name, v.Gone)
	p.Body = historyPage(v)
	return p, nil
}

// A confirmView asks whether something is meant.
type confirmView struct {
	Head     headView
	Refused  []string // why it was not done
	Text     []string
	Diff     []diffLine
	Action   templ.SafeURL
	Hidden   []param
	Reason   string
	Override bool // it breaks alerts, and can be meant nevertheless
	Do       string
	Danger   bool
	Cancel   templ.SafeURL
}

func (r *request) askRevert() (page, error) { return r.revertPage(r.get("to"), nil) }

// revertPage asks whether a rule is to go back to a revision. err is why it did not.
func (r *request) revertPage(to string, err error) (page, error) {
	if p, no := r.needEditor(); no {
		return p, nil
	}
	name := r.http.PathValue("name")
	n, parseErr := strconv.ParseInt(to, 10, 64)
	if parseErr != nil || n < 1 {
		return page{}, &control.Invalid{Field: "to", Text: "which revision? The history of the rule lists them"}
	}
	then, findErr := r.revision(name, n)
	if findErr != nil {
		return page{}, findErr
	}
	now, findErr := r.current(name)
	if findErr != nil {
		return page{}, findErr
	}
	gone := now.Source == ""
	is := ""
	if !gone {
		if p, no := r.needOwner(now); no {
			return p, nil
		}
		is = yamlOf(now.Rule.Spec())
	}
	v := confirmView{
		Head: headView{Title: "Go back to revision " + to, Lead: "The rule " + shown(name) + " says again what it said " + newWhen(then.At, r.now).Ago + ", by " + shown(then.By) + "."},
		Diff: diff(is, documentText(then.After)), Action: r.site.address(pathOf("/rules", name)+"/revert", nil),
		Hidden: []param{{"to", to}, {"revision", r.revisionShown(now)}}, Reason: r.get("reason"), Do: "Revert", Cancel: r.site.address(pathOf("/rules", name)+"/history", nil),
	}
	p := r.rulePage("Revert", name, gone)
	if err != nil {
		p.Status = v.refuse(r, err)
	}
	p.Body = confirmPage(v)
	return p, nil
}

// revisionShown returns the revision that a form is about: the one it was made for
// where it comes back, so that nobody overwrites what nobody saw.
func (r *request) revisionShown(rule control.Rule) string {
	if text := r.get("revision"); text != "" {
		return text
	}
	return revisionText(rule)
}

// revision returns one change of a rule.
func (r *request) revision(name string, n int64) (control.RuleRevision, error) {
	past, err := r.control.RuleHistory(r.context(), name, 1, strconv.FormatInt(n+1, 10))
	if err != nil {
		return control.RuleRevision{}, err
	}
	if len(past.History) == 0 || past.History[0].Revision != n || len(past.History[0].After) == 0 {
		return control.RuleRevision{}, &control.Invalid{Field: "to", Text: "the rule has no such revision to go back to; its history lists those it has"}
	}
	return past.History[0], nil
}

// refuse says why what was to be confirmed was not done, and returns the status.
func (v *confirmView) refuse(r *request, err error) int {
	if wrong, ok := faultsOf(err); ok {
		v.Override = len(wrong["override"]) > 0 || r.get("override") != ""
		v.Refused = wrong.rest()
		return unprocessable
	}
	p := r.failed(err)
	if _, _, text, ok := refused(err); ok {
		v.Refused = []string{text + "."}
	} else {
		v.Refused = []string{p.Title + "."}
	}
	return p.Status
}

func (r *request) revertRule() (templ.SafeURL, page, error) {
	name := r.http.PathValue("name")
	to, _ := strconv.ParseInt(r.get("to"), 10, 64)
	by := control.RuleChange{Change: control.Change{Revision: revisionOf(r.get("revision"))}, Reason: r.get("reason"), Override: r.get("override") != ""}
	if _, err := r.control.RevertRule(r.context(), name, to, by); err != nil {
		p, pageErr := r.revertPage(r.get("to"), err)
		return "", p, pageErr
	}
	return r.site.address(rulePath(name), url.Values{"done": {"reverted"}}), page{}, nil
}

func (r *request) askDelete() (page, error) { return r.deletePage(nil) }

// deletePage asks whether a rule is to go. err is why it did not.
func (r *request) deletePage(err error) (page, error) {
	if p, no := r.needEditor(); no {
		return p, nil
	}
	name := r.http.PathValue("name")
	rule, findErr := r.control.Rule(name)
	if findErr != nil {
		return page{}, findErr
	}
	if rule.Source != control.FromAPI {
		return failure(http.StatusConflict, "It is managed by a file", "The rule "+name+" is in "+source(rule)+": remove it there and reload."), nil
	}
	if p, no := r.needOwner(rule); no {
		return p, nil
	}
	v := confirmView{
		Head: headView{Title: "Delete " + shown(name)}, Diff: diff(yamlOf(rule.Rule.Spec()), ""), Danger: true,
		Text:   []string{"It removes " + rate(rule.RemovedSamplesPerSecond) + " samples/s now; these come through again at once. Its history stays, and brings it back."},
		Action: r.site.address(pathOf("/rules", name)+"/delete", nil), Hidden: []param{{"revision", r.revisionShown(rule)}}, Reason: r.get("reason"),
		Do: "Delete the rule", Cancel: r.site.address(rulePath(name), nil),
	}
	if rule.State != rules.StateActive {
		v.Text = []string{"It removes nothing now: it is " + string(rule.State) + ". Its history stays, and brings it back."}
	}
	p := r.rulePage("Delete", name, false)
	if err != nil {
		p.Status = v.refuse(r, err)
	}
	p.Body = confirmPage(v)
	return p, nil
}

func (r *request) deleteRule() (templ.SafeURL, page, error) {
	name := r.http.PathValue("name")
	by := control.RuleChange{Change: control.Change{Revision: revisionOf(r.get("revision"))}, Reason: r.get("reason")}
	if err := r.control.DeleteRule(r.context(), name, by); err != nil {
		p, pageErr := r.deletePage(err)
		return "", p, pageErr
	}
	return r.site.address(pathOf("/rules", name)+"/history", url.Values{"done": {"deleted"}}), page{}, nil
}

// switchRule puts a rule into another mode. Where that is refused, the form says
// why, with the preview beside it.
func (r *request) switchRule() (templ.SafeURL, page, error) {
	rule, err := r.control.Rule(r.http.PathValue("name"))
	if err != nil {
		return "", page{}, err
	}
	d := draftOfSpec(rule.Rule.Spec())
	d.Mode, d.Revision, d.Why = r.get("mode"), r.get("revision"), r.get("why")
	err = r.save(d, func(s rules.Spec, by control.RuleChange) (control.Rule, error) {
		return r.control.SaveRule(r.context(), s, by)
	})
	if err != nil {
		if d.Revision == "" {
			d.Revision = revisionText(rule)
		}
		return "", r.ruleForm(d, err), nil
	}
	return r.site.address(rulePath(rule.Rule.Name), url.Values{"done": {"saved"}}), page{}, nil
}
