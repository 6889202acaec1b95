package ui

import (
	"github.com/prometheus/common/version"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
)

// A statusView is how the process itself is doing.
type statusView struct {
	Head   headView
	Stats  []statView
	LetGo  []string
	Build  []factView
	Store  []factView
	Ledger []factView // none where nothing is recorded
	Files  sourcesView

	Upstreams     []upstreamView
	Window        string // that the counts of upstreams are of
	Configuration *configurationView
	Senders       sendersView

	Bypass *bypassView
	Switch []copyView  // how the bypass is turned on or off elsewhere
	Form   *bypassForm // nil for those who may not
	Links  []linkView
}

func (r *request) status() (page, error) { return r.statusWith(nil) }

// statusWith returns the page of the status, after a change of the bypass was not
// made because of wrong.
func (r *request) statusWith(wrong error) (page, error) {
	tenant := ""
	if wrong == nil {
		tenant = r.tenant()
	}
	s, err := r.control.Status(tenant)
	if err != nil {
		return page{}, err
	}
	upstreams, err := r.control.Upstreams()
	if err != nil {
		return page{}, err
	}
	list, more, err := r.control.Senders()
	if err != nil {
		return page{}, err
	}
	v := newStatusView(r, s, r.control.Bypass())
	v.Form = r.bypassForm(wrong)
	v.Stats = append([]statView{upstreamStat(upstreams)}, v.Stats...)
	for _, u := range upstreams[:min(len(upstreams), sendersShown)] {
		v.Upstreams = append(v.Upstreams, newUpstreamView(r, u))
	}
	v.Senders = newSendersView(r, list, more)
	v.Configuration = newConfigurationView(r)
	return page{Title: "Status", Place: "Status", Body: statusPage(v)}, nil
}

func newStatusView(r *request, s control.Status, bypass *control.Bypass) statusView {
	v := statusView{
		Head:  headView{Title: "Status", Lead: "How Headgate itself is doing.", AsOf: newWhen(r.now, r.now)},
		LetGo: s.LetGo, Window: span(control.UpstreamWindow),
		Build: []factView{
			{Name: "Version", Text: orUnknown(version.Version)}, {Name: "Revision", Text: orUnknown(version.Revision)},
			{Name: "Built", Text: orUnknown(version.BuildDate)}, {Name: "Go", Text: version.GoVersion + ", " + version.GoOS + "/" + version.GoArch},
		},
	}
	v.Stats = append(v.Stats, statView{Label: "Running", Value: span(r.now.Sub(s.Since)), Note: "samples are counted since"})
	if s.Profiled {
		profile := statView{Label: "Profile", Value: size(s.ProfileBytes), Note: "never saved"}
		if !s.ProfileSaved.IsZero() {
			profile.Note = "saved " + ago(s.ProfileSaved, r.now)
		}
		v.Stats = append(v.Stats, profile)
	} else {
		v.Stats = append(v.Stats, statView{Label: "Profile", Value: "off", Note: "profiler.memory_limit_bytes is 0"})
	}
	waiting := statView{Label: "Events that wait for the store", Value: count(float64(s.Journal.Queued)), Note: count(float64(s.Journal.Stored)) + " were stored"}
	if !s.Journal.Failing.IsZero() {
		waiting.Tone = "bad"
	}
	v.Stats = append(v.Stats, waiting)
	store := "takes what is given to it"
	if !s.Journal.Failing.IsZero() {
		store = "takes nothing since " + newWhen(s.Journal.Failing, r.now).Exact + "; samples are forwarded regardless, and the log says why"
	}
	v.Store = []factView{{Name: "Store", Text: store}, {Name: "Events lost", Text: count(float64(s.Journal.Dropped))}}
	if bypass != nil {
		v.Bypass = &bypassView{Until: newWhen(bypass.Until, r.now), Reason: shown(bypass.Reason)}
		v.Switch = []copyView{
			{ID: "bypass-off", Title: "End it", Text: "headgate bypass off"},
			{ID: "bypass-off-api", Title: "By API", Text: "curl -X DELETE " + shell(r.apiURL("/bypass"))},
		}
	} else {
		v.Switch = []copyView{
			{ID: "bypass-on-api", Title: "Turn every rule and limit off for an hour", Text: "curl " + shell(r.apiURL("/bypass")) +
				" \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"for\":\"1h\",\"reason\":\"say why\"}'"},
		}
	}
	v.Ledger, v.Files = newLedgerFacts(r, s.StoreOpen), newSourcesView(r.control)
	for _, l := range []struct {
		text, path string
		shown      bool
	}{
		{"Headgate’s own metrics", "/metrics", r.mayAll(auth.ReadStatus)}, {"The API, described", "/api/v1/openapi.json", true},
		{"Is it ready?", "/-/ready", true}, {"Profiles of the program", "/debug/pprof/", r.mayAll(auth.Debug)},
	} {
		if l.shown {
			v.Links = append(v.Links, linkView{Text: l.text, Href: r.site.address(l.path, nil)})
		}
	}
	return v
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
