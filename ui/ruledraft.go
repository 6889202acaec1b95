package ui

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
)

// A ruleDraft is a rule as the fields of a form hold it: what has mistakes is kept.
type ruleDraft struct {
	Name, Tenant string
	Match        string // a selector in each line
	Action       string
	Interval     string
	AllowGaps    bool
	Priority     string
	When, Mode   string
	Canary       string
	Expires      string // as a browser's field for a time holds it, UTC
	Team         string
	Reason       string
	Position     string
	Why          string // why the rule is changed
	Revision     string // that it was read at; "" for a new one
}

// draftKeys are the parameters that say what a rule says.
var draftKeys = []string{"name", "tenant", "match", "action", "interval", "allow_gaps", "priority", "when", "mode", "canary", "expires", "team", "reason", "position", "why", "revision"}

// draftOf returns the draft that parameters hold. match may be there several times.
func draftOf(q url.Values) ruleDraft {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	d := ruleDraft{
		Name: get("name"), Tenant: get("tenant"), Match: strings.TrimSpace(strings.ReplaceAll(strings.Join(q["match"], "\n"), "\r\n", "\n")),
		Action: get("action"), Interval: get("interval"), AllowGaps: get("allow_gaps") != "", Priority: get("priority"), When: get("when"), Mode: get("mode"),
		Canary: get("canary"), Expires: get("expires"), Team: get("team"), Reason: get("reason"), Position: get("position"), Why: get("why"), Revision: get("revision"),
	}
	if t, err := time.Parse(time.RFC3339Nano, d.Expires); err == nil {
		d.Expires = t.UTC().Format(second)
	}
	return d
}

// draftOfSpec returns the draft of a rule as it is.
func draftOfSpec(s rules.Spec) ruleDraft {
	d := ruleDraft{
		Name: s.Name, Tenant: s.Tenant, Match: strings.Join(s.Match, "\n"), Action: s.Action, Interval: s.Interval, AllowGaps: s.AllowGaps,
		Priority: s.Priority, When: s.When, Mode: s.Mode, Expires: s.Expires, Team: s.Team, Reason: s.Reason,
	}
	if d.When == "" {
		d.When = rules.Always.String()
	}
	if d.Mode == "" {
		d.Mode = rules.Enforce.String()
	}
	if s.Canary != 0 {
		d.Canary = strconv.Itoa(s.Canary)
	}
	if t, err := time.Parse(time.RFC3339Nano, s.Expires); err == nil {
		d.Expires = t.UTC().Format(second)
	}
	return d
}

// second is how a browser's field for a time writes it, with seconds and their
// thousandths where there are any.
const second = "2006-01-02T15:04:05.999"

// expireIn lets the draft expire after one of the durations to choose from.
func (d *ruleDraft) expireIn(length string, now time.Time) {
	if span, err := model.ParseDuration(length); err == nil && length != "" && known(expiryChoices, length) {
		d.Expires = now.Add(time.Duration(span)).UTC().Format(minute)
	}
}

// values returns the parameters of the draft, without what is empty.
func (d ruleDraft) values() url.Values {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("name", d.Name)
	set("tenant", d.Tenant)
	set("match", d.Match)
	set("action", d.Action)
	set("interval", d.Interval)
	if d.AllowGaps {
		set("allow_gaps", "on")
	}
	set("priority", d.Priority)
	set("when", d.When)
	set("mode", d.Mode)
	set("canary", d.Canary)
	set("expires", d.Expires)
	set("team", d.Team)
	set("reason", d.Reason)
	set("position", d.Position)
	set("why", d.Why)
	set("revision", d.Revision)
	return q
}

// spec returns the rule that the draft describes, and what of it is none. What
// another action would need is left out, as the form hides it.
func (d ruleDraft) spec() (rules.Spec, faults) {
	wrong := faults{}
	s := rules.Spec{Name: d.Name, Tenant: d.Tenant, Action: d.Action, When: d.When, Mode: d.Mode, Team: d.Team, Reason: d.Reason}
	for line := range strings.Lines(d.Match) {
		if line = strings.TrimSpace(line); line != "" {
			s.Match = append(s.Match, line)
		}
	}
	switch d.Action {
	case rules.Downsample.String():
		s.Interval, s.AllowGaps = d.Interval, d.AllowGaps
	case rules.Prioritize.String():
		s.Priority = d.Priority
	}
	if d.Canary != "" && (d.Action == rules.Drop.String() || d.Action == rules.Downsample.String()) {
		n, err := strconv.Atoi(d.Canary)
		if err != nil {
			wrong.add("canary", "it is no number; write 1 to 99, or leave it empty for all")
		}
		s.Canary = n
	}
	if d.Expires != "" {
		t, err := time.Parse(second, d.Expires)
		if err != nil {
			t, err = time.Parse(minute, d.Expires)
		}
		if err != nil {
			wrong.add("expires", "it is no time; write it as in 2027-01-01T00:00, in UTC")
		} else {
			s.Expires = t.Format(time.RFC3339Nano)
		}
	}
	return s, wrong
}

// position returns where in the order of precedence the rule is to stand, 0 for
// where it stands.
func (d ruleDraft) position() (int, faults) {
	if d.Position == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(d.Position)
	if err != nil || n < 1 {
		wrong := faults{}
		wrong.add("position", "it is no position; they begin at 1. Leave it empty to let the rule stand where it is, a new one last")
		return 0, wrong
	}
	return n, nil
}

// change returns how the draft is to be saved.
func (d ruleDraft) change() (control.RuleChange, faults) {
	position, wrong := d.position()
	return control.RuleChange{Change: control.Change{Revision: revisionOf(d.Revision)}, Reason: d.Why, Position: position}, wrong
}

// revisionOf returns the revision that a form carries.
func revisionOf(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case text == "":
		return control.NoRevision
	case err != nil || n < 1:
		return control.NotRevision
	}
	return n
}

// ordinal returns the number that people count an item by, which has an index.
func ordinal(index string) (string, bool) {
	n, err := strconv.Atoi(index)
	return strconv.Itoa(n + 1), err == nil
}

// draftLink returns the address of the form for a new rule, filled in.
func (r *request) draftLink(s rules.Spec) templ.SafeURL {
	return r.site.address("/rules/new", draftOfSpec(s).values())
}

// boxedDraftLink is draftLink for a rule that expires a while after the form is
// opened, by one of expiryChoices.
func (r *request) boxedDraftLink(s rules.Spec, length string) templ.SafeURL {
	q := draftOfSpec(s).values()
	q.Set("for", length)
	return r.site.address("/rules/new", q)
}
