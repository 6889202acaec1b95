package ui

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
)

// An eventView is something that happened.
type eventView struct {
	At     when
	Kind   badgeView
	Tenant nameView
	Text   string
	More   string   // how many were like it
	Onward linkView // to the metric that explodes
}

// kinds are the words of events, with what they are about.
var kinds = []struct{ word, tone, about string }{
	{"explosion", "bad", "A metric made many new series"},
	{"upstream", "bad", "The upstream misbehaved"},
	{"limit", "warn", "A tenant met its limit, or a limit changed"},
	{"bypass", "warn", "Rules and limits were switched off or on"},
	{"rule", "", "A rule changed"},
	{"policy", "", "Owners, prices or budgets changed"},
	{"budget", "warn", "A budget is being used up"},
	{"ledger", "warn", "What is recorded of samples"},
	{"reload", "", "The configuration was read"},
	{"config", "", "Something about the configuration"},
	{"signin", "", "Somebody signed in"},
	{"token", "", "An API token was made or revoked"},
	{"catalog", "", "Something about an owner catalog"},
}

func newEventView(r *request, e control.Event) eventView {
	v := eventView{At: newWhen(e.At, r.now), Kind: badgeView{Text: shown(e.Kind)}, Text: shown(e.Text)}
	for _, k := range kinds {
		if k.word == e.Kind {
			v.Kind.Tone, v.Kind.Title = k.tone, k.about
		}
	}
	if metric := control.ExplodedMetric(e); metric != "" {
		v.Onward = linkView{Text: "What makes its series", Href: r.link("/profile/metric", "tenant", string(e.Tenant), "metric", metric)}
	}
	if e.Tenant != "" {
		v.Tenant = newNameView(string(e.Tenant), r.link("/activity", "tenant", string(e.Tenant)))
	}
	return v
}

// An activityView is what happened, newest first.
type activityView struct {
	Head     headView
	Tabs     []tabView
	Action   templ.SafeURL
	Tenant   string
	Kind     string
	Kinds    []string
	Team     string
	Who      string
	From, To string // as a browser's field for a time holds them, UTC
	Wrong    string // what is wrong with the filter
	Memory   bool   // the store could not be asked
	Events   []eventView
	Pager    pagerView
}

// eventsPerPage is how many events a page shows.
const eventsPerPage = 50

// minute is how a browser's field for a time writes it.
const minute = "2006-01-02T15:04"

// eventQuery returns which events are asked for, and what is wrong with their times.
func (r *request) eventQuery() (q control.EventQuery, wrong string) {
	q = control.EventQuery{Kind: r.get("kind"), Tenant: r.tenant(), Team: r.get("team"), Who: r.get("who"), Limit: eventsPerPage, Cursor: r.get("cursor")}
	wrong = r.times(&q.From, &q.To)
	return q, wrong
}

func (r *request) activity() (page, error) {
	q, wrong := r.eventQuery()
	var events control.EventPage
	if wrong == "" {
		var err error
		if events, err = r.control.Events(r.context(), q); err != nil {
			return page{}, err
		}
	}
	v := newActivityView(r, events)
	v.Wrong = wrong
	p := page{Title: "Activity", Place: "Activity", Tenant: allTenants, Body: activityPage(v)}
	if wrong != "" {
		p.Status = unprocessable
	}
	return p, nil
}

func newActivityView(r *request, events control.EventPage) activityView {
	v := activityView{
		Head:   headView{Title: "Activity", Lead: "What happened, newest first. Times are UTC.", AsOf: newWhen(r.now, r.now), Tools: []toolView{{"CSV", r.file("/activity.csv")}}},
		Action: r.site.address("/activity", url.Values{}), Tenant: r.tenant(), Kind: r.get("kind"), Team: r.get("team"), Who: r.get("who"),
		From: r.get("from"), To: r.get("to"),
		Memory: events.FromMemory, Tabs: activityTabs(r, false),
	}
	for _, k := range kinds {
		v.Kinds = append(v.Kinds, k.word)
	}
	v.Kinds = choices(v.Kinds, v.Kind)
	for _, e := range events.Events {
		v.Events = append(v.Events, newEventView(r, e))
	}
	if r.get("cursor") != "" {
		v.Pager.First = r.here()
	}
	if events.Next != "" {
		v.Pager.Next = r.here("cursor", events.Next)
	}
	v.Pager.Shown = strings.TrimSpace(plural(len(v.Events), "event") + " on this page")
	return v
}
