package ui

import (
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
)

// An incidentView is a metric that makes too many series, and what stops it.
type incidentView struct {
	ID      string
	Metric  nameView
	Tenant  string
	State   badgeView
	Grown   string // from how many series to how many
	Since   when
	Labels  []incidentLabelView
	Samples []nameView // of new values; each leads to its series
	Looks   string
	Team    nameView
	Sender  string
	Origins []factView
	Actions []incidentAction
	Drafts  bool // some of these are drafts of rules
	Message copyView
}

// An incidentLabelView is a label whose values made the series.
type incidentLabelView struct {
	Name nameView
	Text string
}

// An incidentAction leads to what would stop an incident, filled in: it acts only once
// it is saved.
type incidentAction struct {
	Text, Title string
	Href        templ.SafeURL
	First       bool
}

// incidentRuleFor is how long a rule lasts that an incident begins, where nobody
// chooses another length.
const incidentRuleFor = "4h"

func newIncidentView(r *request, id string, n control.Incident) incidentView {
	about := func(path string, pairs ...string) templ.SafeURL {
		return r.link(path, append([]string{"tenant", string(n.Tenant)}, pairs...)...)
	}
	v := incidentView{
		ID: id, Metric: newNameView(n.Metric, about("/profile/metric", "metric", n.Metric)), Tenant: string(n.Tenant),
		State: badgeView{Text: "exploding", Tone: "bad", Title: "It makes many more series than it did"},
		Grown: count(n.From) + " → " + count(n.To), Since: newWhen(n.Since, r.now), Looks: n.Looks, Sender: short(n.Sender),
		Drafts: r.mayChangeRules(),
	}
	if n.Settled {
		v.State = badgeView{Text: "stays high", Tone: "warn", Title: "It grows no more, and its series stay"}
	}
	if n.From > 0 && n.To > n.From {
		v.Grown += ", × " + times(n.To/n.From)
	}
	match := selectorOf(n.Metric)
	for _, l := range n.Labels {
		v.Labels = append(v.Labels, incidentLabelView{
			Name: newNameView(l.Label, about("/profile/series", "match", match, "by", l.Label)), Text: "from " + count(l.From) + " to " + count(l.To) + " values",
		})
	}
	for _, value := range n.Samples {
		sample := newNameView(value, "")
		if uncut(value) && len(n.Labels) > 0 {
			sample.Href = about("/profile/series", "match", narrowed(match, n.Labels[0].Label, value))
		}
		v.Samples = append(v.Samples, sample)
	}
	if n.Team != "" {
		v.Team = newNameView(n.Team, r.teamLink(n.Team))
	}
	for _, o := range n.Origins {
		v.Origins = append(v.Origins, factView{Name: short(o.Label), Text: short(o.Value) + ", " + count(o.Series) + " series"})
	}
	if v.Drafts {
		v.Actions = r.incidentDrafts(n, match)
	}
	v.Actions = append(v.Actions, incidentAction{
		Text: "Limit of the tenant", Title: "What the tenant may send, and what is shed beyond it", Href: r.site.address(pathOf("/limits", string(n.Tenant)), nil),
	})
	v.Message = copyView{
		ID: id + "-message", Title: "Message for the team", Text: r.incidentMessage(n, v),
		Note: "Headgate sends nothing itself: paste it where the team reads.",
	}
	return v
}

// uncut reports whether the value of a label is all of it, not only how it begins.
func uncut(value string) bool { return !strings.HasSuffix(value, "…") }

// incidentDrafts are the rules that would stop an incident.
func (r *request) incidentDrafts(n control.Incident, match string) (list []incidentAction) {
	offer := func(text, title, verb, match string, change func(*rules.Spec)) {
		s := rules.Spec{
			Name: slug(verb, n.Metric), Tenant: string(n.Tenant), Match: rules.Selectors{match}, Action: rules.Drop.String(), Mode: rules.Enforce.String(),
			Reason: "incident: " + cut(shown(n.Metric), 100) + " explodes", Team: r.ownTeam(n.Team),
		}
		if change != nil {
			change(&s)
		}
		list = append(list, incidentAction{Text: text, Title: title, Href: r.boxedDraftLink(s, incidentRuleFor), First: len(list) == 0})
	}
	if len(n.Labels) > 0 {
		label := n.Labels[0].Label
		offer("Drop what has the label", "Drops the series of the metric that have the label "+short(label), "drop-label", withLabel(n.Metric, label), nil)
		if len(n.Samples) > 0 && uncut(n.Samples[0]) {
			offer("Drop one value", "Drops the series with "+short(label)+"="+short(n.Samples[0]), "drop-value", narrowed(match, label, n.Samples[0]), nil)
		}
	}
	offer("Cap to a tenth", "Drops nine in ten of its families", "cap", match, func(s *rules.Spec) { s.Canary = 90 })
	offer("Thin to 2 min", "Lets one sample of each series pass in two minutes", "thin", match, func(s *rules.Spec) { s.Action, s.Interval = rules.Downsample.String(), "2m" })
	return list
}

// ownTeam returns the team that a rule has to act on: that of the series for those who
// change the rules of their teams alone, none for those who may change any.
func (r *request) ownTeam(team string) string {
	if r.may(auth.WriteRules) {
		return ""
	}
	return team
}
