package ui

import (
	"net/url"
	"time"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
)

// An auditView is who changed what, newest first.
type auditView struct {
	Head     headView
	Tabs     []tabView
	Action   templ.SafeURL
	Tenant   string
	Who      string
	Verb     string
	Verbs    []string
	Object   string
	Team     string
	From, To string // as a browser's field for a time holds them, UTC
	Wrong    string // what is wrong with the filter
	Entries  []entryView
	Pager    pagerView
}

// A tabView is one of several lists on a page.
type tabView struct {
	Text    string
	Href    templ.SafeURL
	Current bool
}

// An entryView is one change that somebody made.
type entryView struct {
	At        when
	Who, From string
	WhoHref   templ.SafeURL
	Verb      badgeView
	Object    nameView
	Tenant    nameView
	Reason    string
	Changes   []changeView
	Cut       string // what is left out of Changes
	Check     string // sequence and hash
}

// verbs are the words of what is audited; the first of one alone stands for all that
// begin with it.
var verbs = []string{
	"rule", "limit", "bypass", "token", "session",
	"rule.create", "rule.save", "rule.delete", "rule.revert", "rule.expire", "rule.move", "limit.set", "limit.delete", "owners.set", "prices.set", "budgets.set",
	"bypass.set", "bypass.end", "token.create", "token.revoke", "session.begin", "session.end", "session.refuse",
}

// activityTabs lead to the lists of what happened and of who changed what. Who may
// read only one of them needs none.
func activityTabs(r *request, audit bool) []tabView {
	if !r.may(auth.ReadAudit) {
		return nil
	}
	return []tabView{{"Events", r.link("/activity"), !audit}, {"Changes", r.link("/activity/audit"), audit}}
}

// auditQuery returns which changes are asked for, and what is wrong with their times.
func (r *request) auditQuery() (q control.AuditQuery, wrong string) {
	q = control.AuditQuery{Who: r.get("who"), Verb: r.get("verb"), Object: r.get("object"), Tenant: r.tenant(), Team: r.get("team"), Limit: eventsPerPage, Cursor: r.get("cursor")}
	wrong = r.times(&q.From, &q.To)
	return q, wrong
}

func (r *request) audit() (page, error) {
	q, wrong := r.auditQuery()
	var entries control.AuditPage
	if wrong == "" {
		var err error
		if entries, err = r.control.Audit(r.context(), q); err != nil {
			return page{}, err
		}
	}
	v := newAuditView(r, entries)
	v.Wrong = wrong
	p := page{Title: "Changes", Place: "Activity", Tenant: allTenants, Body: auditPage(v)}
	if wrong != "" {
		p.Status = unprocessable
	}
	return p, nil
}

func newAuditView(r *request, entries control.AuditPage) auditView {
	v := auditView{
		Head: headView{Title: "Changes", Lead: "Who changed what and who signed in, newest first, in a record that shows if any of it is altered: headgate audit verify. Times are UTC.", AsOf: newWhen(r.now, r.now), Tools: []toolView{{"CSV", r.file("/activity/audit.csv")}}},
		Tabs: activityTabs(r, true), Action: r.site.address("/activity/audit", url.Values{}), Tenant: r.tenant(),
		Who: r.get("who"), Verb: r.get("verb"), Verbs: choices(verbs, r.get("verb")), Object: r.get("object"), Team: r.get("team"), From: r.get("from"), To: r.get("to"),
	}
	for _, e := range entries.Entries {
		v.Entries = append(v.Entries, newEntryView(r, e))
	}
	if r.get("cursor") != "" {
		v.Pager.First = r.here()
	}
	if entries.Next != "" {
		v.Pager.Next = r.here("cursor", entries.Next)
	}
	v.Pager.Shown = plural(len(v.Entries), "change") + " on this page"
	return v
}

func newEntryView(r *request, e control.AuditEntry) entryView {
	v := entryView{
		At: newWhen(e.At, r.now), Who: short(e.Who), From: short(e.From), WhoHref: r.here("who", e.Who), Verb: badgeView{Text: shown(e.Verb)},
		Object: newNameView(e.Object, r.here("object", e.Object)), Reason: shown(e.Reason),
		Check: "entry " + grouped(uint64(max(0, e.Sequence))) + ", SHA-256 " + shown(e.Hash),
	}
	if v.Who == "" {
		v.Who, v.WhoHref = "somebody", "" // where nobody signs in
	}
	if e.Tenant != "" {
		v.Tenant = newNameView(string(e.Tenant), r.here("tenant", string(e.Tenant)))
	}
	v.Changes, v.Cut = newChanges(e.Before, e.After)
	return v
}

// times reads the fields from and to, and returns what is wrong with them.
func (r *request) times(from, to *time.Time) (wrong string) {
	for _, field := range []struct {
		name string
		at   *time.Time
	}{{"from", from}, {"to", to}} {
		text := r.get(field.name)
		if text == "" {
			continue
		}
		t, err := time.Parse(minute, text)
		if err != nil {
			t, err = time.Parse(time.RFC3339, text)
		}
		if err != nil {
			wrong = field.name + " is no time; write it as in 2026-01-02T15:04, in UTC"
			continue
		}
		*field.at = t
	}
	return wrong
}

// choices are those of a list, and what is chosen by now.
func choices(list []string, chosen string) []string {
	for _, c := range list {
		if c == chosen {
			return list
		}
	}
	if chosen == "" {
		return list
	}
	return append(list[:len(list):len(list)], chosen)
}
