package ui

import (
	"fmt"
	"strconv"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
)

// A previewView is what a rule would do, beside the form that describes it.
type previewView struct {
	Teach     bool     // there is nothing to be previewed yet
	Wrong     []string // why there is none
	Lead      string
	Stats     []statView
	Breaks    []breakView
	Unbroken  string // what was looked at, where nothing breaks
	Torn      []string
	Conflicts []conflictView
	Groups    []groupsView
	Examples  []exampleView
	Of        string // what the examples are of
	Notes     []string
}

// A breakView is a query that a rule breaks or may break.
type breakView struct {
	Kind  badgeView
	Name  nameView
	Does  badgeView
	Why   string
	Where string
}

// A conflictView is another rule that matches some of the series.
type conflictView struct {
	Name   nameView
	Says   string
	Series string
	Error  string
}

// A groupsView is a table of the parts of what is removed.
type groupsView struct {
	Title    string
	Noun     string
	Rows     []groupRowView
	Rest     string // what has no row
	Currency string // "" where nothing has a price
}

// A groupRowView is one part of what is removed.
type groupRowView struct {
	Name                  nameView
	Series, SeriesError   string
	Samples, SamplesError string
	Cost                  string
}

// breaksShown is how many queries a preview lists.
const breaksShown = 50

func newPreviewView(r *request, p control.Preview) previewView {
	v := previewView{Torn: p.Torn, Notes: p.Notes, Lead: "Of what was received lately, beside the other rules, were it enforced. Estimates carry what they may be off by, in 95 of 100 cases."}
	if p.Exact {
		v.Lead = "Of what was received lately, beside the other rules, were it enforced. All series are known: the figures are exact."
	}
	v.Stats = newPreviewStats(p)
	for _, b := range p.Breaks[:min(len(p.Breaks), breaksShown)] {
		v.Breaks = append(v.Breaks, newBreakView(b))
	}
	if n := len(p.Breaks) - breaksShown; n > 0 {
		v.Notes = append(v.Notes, grouped(uint64(n))+" more alerts, rules, panels or queries may break, too.")
	}
	if r.control.KnowsQueries() && len(p.Breaks) == 0 {
		v.Unbroken = "No alert, recording rule or dashboard that is loaded breaks."
		if !r.control.Watched().Queries.Since.IsZero() {
			v.Unbroken = "No alert, recording rule or dashboard that is loaded breaks, and no query that was asked."
		}
	}
	for _, c := range p.Conflicts {
		says := "comes after it, and would take some of the same series"
		if c.Kind == control.ShadowedBy {
			says = "comes first, and takes some of the same series"
		}
		v.Conflicts = append(v.Conflicts, conflictView{newNameView(c.Rule, r.link(rulePath(c.Rule), "tenant", "")), says, count(c.Series.Value), plusMinus(c.Series.Error)})
	}
	link := func(path string, parameter string) func(string) templ.SafeURL {
		return func(name string) templ.SafeURL {
			if name == "" || parameter == "" {
				return ""
			}
			return r.link(path, "tenant", string(p.Rule.Tenant), parameter, name)
		}
	}
	v.groups(p, "By metric", "metric", p.Metrics, link("/profile/metric", "metric"))
	v.groups(p, "By team", "team", p.Teams, link("", ""))
	if p.Rule.Tenant == "" && len(p.Tenants.Rows) > 1 {
		v.groups(p, "By tenant", "tenant", p.Tenants, link("", ""))
	}
	v.Examples = newExamples(r, inventory.Result{Examples: p.Examples})
	v.Of = "Some of the series that match"
	if p.Removed.Value > 0 || p.Thinned.Value > 0 {
		v.Of = "Some of the series that it acts on"
	}
	return v
}

func newPreviewStats(p control.Preview) []statView {
	list := []statView{
		{Label: "Series removed", Value: count(p.Removed.Value), Error: plusMinus(p.Removed.Error), Note: "of " + count(p.SeriesBefore)},
		{Label: "Samples removed", Value: rate(p.SamplesRemoved.Value), Error: plusMinus(p.SamplesRemoved.Error), Unit: "samples/s"},
	}
	switch {
	case !p.RatesKnown() && p.SamplesRemoved.Value == 0:
		list[1] = statView{Label: list[1].Label, Value: "unknown", Note: "so soon after the start"}
	case p.RatesKnown() && p.SamplesBefore >= p.SamplesRemoved.Value: // it is learned later than the rate of single metrics
		list[1].Note = "of " + rate(p.SamplesBefore)
	}
	if p.Currency != "" {
		list = append(list, statView{Label: "Saves in a month", Value: amount(p.Cost), Unit: p.Currency, Note: "at the prices of now"})
	}
	list = append(list, statView{Label: "Series matched", Value: count(p.Matched.Value), Error: plusMinus(p.Matched.Error)})
	if p.Thinned.Value > 0 {
		list = append(list, statView{Label: "Series thinned", Value: count(p.Thinned.Value), Error: plusMinus(p.Thinned.Error), Note: "they lose samples, and stay"})
	}
	if p.Restored.Value > 0 || p.SamplesRestored.Value > 0 {
		list = append(list, statView{
			Label: "Series restored", Value: count(p.Restored.Value), Error: plusMinus(p.Restored.Error), Note: rate(p.SamplesRestored.Value) + " samples/s are no longer removed",
		})
	}
	return list
}

func newBreakView(b control.Break) breakView {
	v := breakView{Kind: badgeView{Text: string(b.Query.Kind)}, Name: newNameView(b.Query.Name, ""), Why: shown(b.Why), Where: short(b.Query.File)}
	if b.Query.Kind == usage.Alert {
		v.Kind.Tone = "warn"
	}
	if b.Query.Kind == usage.Asked {
		v.Where = short(b.Query.Name)
		if b.Query.Expr != "" {
			v.Name = newNameView(b.Query.Expr, "")
		}
	}
	if b.Query.Line > 0 {
		v.Where += ":" + strconv.Itoa(b.Query.Line)
	}
	v.Does = badgeView{Text: "may break", Tone: "warn", Title: "It cannot be said for certain"}
	if b.Verdict == usage.Breaks {
		v.Does = badgeView{Text: "breaks", Tone: "bad", Title: "It needs what the rule takes"}
	}
	return v
}

// groups adds a table of parts, where there are any.
func (v *previewView) groups(p control.Preview, title, noun string, g control.PreviewGroups, link func(string) templ.SafeURL) {
	if len(g.Rows) == 0 {
		return
	}
	t := groupsView{Title: title, Noun: noun, Currency: p.Currency}
	for _, row := range g.Rows {
		name := newNameView(row.Name, link(row.Name))
		if row.Name == "" {
			name.Text = "no " + noun
		}
		t.Rows = append(t.Rows, groupRowView{
			name, count(row.Series.Value), plusMinus(row.Series.Error), rate(row.Samples.Value), plusMinus(row.Samples.Error), amount(row.Cost),
		})
	}
	if g.More > 0 {
		t.Rest = fmt.Sprintf("%s more: %s series, %s samples/s", grouped(uint64(g.More)), count(g.Rest.Series.Value), rate(g.Rest.Samples.Value))
	}
	v.Groups = append(v.Groups, t)
}

// alertsBroken returns how many alerts the rule breaks for certain, as it is to be
// saved.
func alertsBroken(p control.Preview) (n int) {
	if p.Rule.Mode != rules.Enforce {
		return 0
	}
	for _, b := range p.Breaks {
		if b.Query.Kind == usage.Alert && b.Verdict == usage.Breaks {
			n++
		}
	}
	return n
}
