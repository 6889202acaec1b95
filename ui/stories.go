package ui

import (
	"time"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
)

// A chapterView is the components of one part of the pages, with what is hard to show.
type chapterView struct {
	Title  string
	Back   templ.SafeURL
	Scenes []sceneView
}

// A sceneView is a component.
type sceneView struct {
	Title string
	Body  templ.Component
}

// stories are the parts of the pages, by the word that the address of a chapter has.
var stories = []struct {
	name, title string
	tell        func(*request, hostile) []sceneView
}{
	{"overview", "Overview and flow", overviewStories},
	{"profile", "Profile", profileStories},
	{"rules", "Rules", ruleStories},
	{"limits", "Limits", limitStories},
	{"costs", "Costs", costStories},
	{"operation", "Operation", operationStories},
}

// A hostile is what others chose: names that a page must bear, as its components want
// them.
type hostile struct {
	names []nameView
	long  string // a text without an end
	here  templ.SafeURL
	at    when
}

func newHostile(r *request) hostile {
	h := hostile{long: shown(hostileNames[len(hostileNames)-2]), here: r.here(), at: newWhen(r.now.Add(-time.Hour), r.now)}
	for _, name := range hostileNames {
		h.names = append(h.names, newNameView(name, h.here))
	}
	return h
}

// of returns the name of a number, from the first again after the last.
func (h hostile) of(i int) nameView { return h.names[i%len(h.names)] }

// script is a name that would run where it is not escaped.
func (h hostile) script() nameView { return h.names[1] }

func (h hostile) copy(id string) copyView {
	return copyView{ID: id, Title: "headgate.yml", Text: h.long + "\n" + h.script().Whole + "\n", Note: "Where it goes."}
}

func overviewStories(r *request, h hostile) []sceneView {
	incident := incidentView{
		ID: "incident", Metric: h.script(), Tenant: "shop", State: badgeView{Text: "exploding", Tone: "bad"}, Grown: "96 → 3 000, × 31", Since: h.at,
		Labels: []incidentLabelView{{h.of(10), "from 12 to 3 000 values"}}, Samples: h.names[:4], Looks: "UUIDs", Team: h.of(2), Sender: h.long,
		Origins: []factView{{Name: "pod", Text: h.long}}, Actions: []incidentAction{{"Drop what has the label", "It drops", h.here, true}, {"Cap to a tenth", "It caps", h.here, false}},
		Drafts: true, Message: h.copy("incident-message"),
	}
	mine := landingView{
		Sets: true, All: h.here,
		Teams: []myTeamView{
			{ID: "team-1", Name: h.of(11), Stats: []statView{{Label: "Month to date", Value: "1 234.56", Unit: "EUR", Tone: "bad"}}, Findings: storyFindings(h)},
			{ID: "team-2", Name: h.of(1), Wrong: "Its costs cannot be read now: the status says more."},
		},
		Close: []closeView{{h.of(10), badgeView{Text: "over", Tone: "bad"}, "120 of 100 samples/s", barView{Share: 1, Title: "all of its limit"}}},
	}
	flows := flowsView{Caption: "Samples by metric", Of: "Metric", Sorts: []sortView{{"Received", "Samples received", h.here, true}}}
	for i, name := range h.names {
		row := flowRowView{Name: name, Samples: []string{count(float64(i) * 1e7)}}
		for range outcomes {
			flows.Sorts, row.Samples = flows.Sorts[:1], append(row.Samples, count(float64(i)*1e6))
		}
		flows.Rows = append(flows.Rows, row)
	}
	for _, o := range outcomes {
		flows.Sorts = append(flows.Sorts, sortView{Text: o.name, Title: o.means, Href: h.here})
	}
	flows.Rest = &flowRowView{Words: "All others", Samples: flows.Rows[1].Samples}
	flows.All = flows.Rows[2]
	waiting := overviewView{
		First: &copyView{ID: "remote-write", Title: "prometheus.yml", Text: "remote_write:\n"}, Demo: h.copy("demo"), Poll: "", // which asks for nothing
		Events: []eventView{{At: h.at, Kind: badgeView{Text: "limit", Tone: "warn"}, Text: h.long, More: "9 more like it before"}},
	}
	return []sceneView{
		{"An incident", incidents([]incidentView{incident})},
		{"What concerns who asks", landing(mine)},
		{"Flow by metric", flowsTable(flows)},
		{"A choice", options("Outcome", "phase", []optionView{{"", "any", false}, {"dropped", "dropped", true}})},
		{"The first sample", firstSample(waiting)},
	}
}

func storyFindings(h hostile) []findingView {
	return []findingView{
		{Metric: h.of(10), Tenant: "shop", Saving: "120.00 EUR", Cost: "140.00 EUR", Text: h.long, Href: h.here, Go: "What makes its series", Draft: h.here},
		{Metric: h.script(), Saving: "1.00 EUR", Cost: "1.20 EUR", Text: "Nothing that is known uses it.", Href: h.here, Go: "Its page"},
	}
}

func profileStories(r *request, h hostile) []sceneView {
	filter := metricFilterView{
		Action: h.here, Query: h.script().Whole, Team: h.long, Phase: control.Phases[1], Phases: control.Phases,
		Chips: []chipView{{"team " + h.long, h.here}, {"outcome dropped", h.here}}, Clear: h.here,
	}
	var labels []labelRowView
	groups := seriesView{Rest: &groupView{Name: nameView{Text: "1 234 more values: the CSV file has all"}, Series: "5 000", Samples: "50"}, All: groupView{Series: "12 000", Error: "± 120", Samples: "1 200"}}
	for i, name := range h.names {
		bar := barView{Share: 1 / float64(i+1), Error: 0.05, Title: "a part"}
		labels = append(labels, labelRowView{
			Name: name, Values: count(float64(i * 1000)), ValuesError: plusMinus(float64(i)), Without: "12", Bar: bar, Reduction: "99 %", Top: []topView{{h.of(i + 1), "7", h.here}, {h.of(i + 2), "3", ""}},
			Use: labelUse{Text: "3 alerts", Title: h.long, Seen: i%2 == 0}, Fix: h.here, Draft: h.here, Chosen: i == 2,
		})
		groups.Groups = append(groups.Groups, groupView{Name: name, Absent: i == 3, Series: count(float64(i * 1000)), Error: plusMinus(float64(i)), Share: bar, Samples: rate(float64(i)), Draft: h.here})
	}
	var points []control.SeriesAt
	for i := range 28 * 4 {
		if i/12 != 3 { // three days without a reading
			points = append(points, control.SeriesAt{At: r.now.Add(time.Duration(i-28*4) * 6 * time.Hour), Received: float64(1000 + i*i), Forwarded: float64(1000 + i)})
		}
	}
	history := newSeriesChart(control.SeriesHistory{From: r.now.Add(-30 * 24 * time.Hour), Points: points}, &profiler.MetricRow{Series: 13_000, SeriesForwarded: 1100}, r.now)
	used := usedByView{
		Lead: "7 alerts are loaded.", Asked: "Asked by queries 70 times in 12 days.", Notes: []string{h.long}, More: "and 5 more", SeenOf: "1 of 70", Ranges: "Ranges of 5 min to 1 d.",
		Uses: []useView{{badgeView{Text: "alert", Tone: "warn"}, h.script(), h.long, "by name", []string{h.long, "job"}, h.long}},
		Seen: []seenView{{h.long, "70", h.at, "grafana", "15s", "by name", []string{"job", h.script().Text}}},
	}
	return []sceneView{
		{"What narrows the list of metrics", metricFilter(filter)},
		{"What narrows it now", metricChips(filter)},
		{"Labels of a metric", labelsTable(labels, true)},
		{"Series by value", groupsTable(groups)},
		{"Thirty days, with a gap", seriesChart(*history)},
		{"Used by", usedBy(used)},
	}
}

func ruleStories(r *request, h hostile) []sceneView {
	form := ruleFormView{
		Action: h.here, Cancel: h.here, New: true, Wrong: faults{"name": {"it is taken"}, "override": {"say that it is meant"}}, Broken: "2 alerts", Tenants: []string{h.long}, Teams: []string{h.script().Whole},
		Draft:   ruleDraft{Name: h.long, Match: h.long + "\n" + h.script().Whole, Action: "downsample", Interval: "1m", Mode: "enforce", When: "always", Tenant: h.long, Team: h.long, Reason: h.long},
		Actions: actionChoices, Whens: whenChoices, Modes: modeChoices, Priorities: priorityChoices, Expiries: expiryChoices,
	}
	form.Preview = previewView{
		Lead: "It removes a tenth.", Stats: []statView{{Label: "Series removed", Value: "3 000", Error: "± 30", Note: "of 30 000"}}, Unbroken: "3 alerts were looked at.",
		Breaks: []breakView{{badgeView{Text: "alert", Tone: "bad"}, h.script(), badgeView{Text: "breaks", Tone: "bad"}, h.long, h.long}},
		Torn:   []string{h.long}, Conflicts: []conflictView{{h.of(10), "is asked before it", "12", "± 1"}}, Notes: []string{h.long},
		Groups:   []groupsView{{"By team", "Team", []groupRowView{{h.of(11), "3 000", "± 30", "200", "", "12.00"}}, "and 3 more", "EUR"}},
		Examples: []exampleView{{h.long, h.here}}, Of: "Some that go",
	}
	change := revisionView{
		Number: "3", At: h.at, Action: badgeView{Text: "save"}, By: h.long, Reason: h.long, Revert: h.here,
		Diff: []diffLine{{" ", "rules:"}, {"-", h.long}, {"+", h.script().Whole}},
	}
	return []sceneView{
		{"A rule to be made", ruleForm(form)},
		{"What it would do", ruleBeside(form)},
		{"What can be done to a rule", ruleActions(ruleActionsView{Edit: h.here, Enforce: h.here, Delete: h.here, Switch: h.here, Shadow: true, Off: true, Revision: "3"})},
		{"A revision", itemOf("revisions", revision(change))},
	}
}

func limitStories(r *request, h hostile) []sceneView {
	part := barView{Share: 0.4, Title: "40 %"}
	form := limitFormView{
		Action: h.here, Cancel: h.here, Modes: limitModeChoices, Priorities: priorityChoices, Sliders: map[string]sliderView{"samples_per_second": newSlider("1000", 900), "active_series": newSlider("", 900)},
		Wrong: faults{"burst": {"it is no duration"}, "pools[0].name": {h.long}},
		Draft: limitDraft{SamplesPerSecond: "1000", Burst: "soon", Priority: "default", Mode: "enforce", Pools: []poolDraft{{Name: h.long, Share: "0.4", Teams: h.long, Match: h.long}, {}}},
		Effect: limitEffectView{
			State: badgeView{Text: "over", Tone: "bad"}, Lead: "Now nothing is shed; then it would be 7 samples/s.", Stats: []statView{{Label: "Shed", Value: "7", Unit: "samples/s"}},
			Parts: []limitPartView{{h.long, "low", "9", "0", "7", part, "40 %"}}, Teams: []limitTeamView{{Name: h.of(10), Now: "0", Then: "7", ThenError: "± 1", Series: "70", SeriesNow: "0"}}, MoreTeams: "2 more teams lose less.",
			Rooms:       []limitRoomsView{{"Of 5 active series", []limitRoomView{{"low", "80", "all", "75"}}}},
			Suggestions: []suggestionView{{"samples per second", "1 200", h.long, h.here}}, Notes: []string{h.long},
			Shares: []shareView{{"0", "40", "books: 40 %", false}, {"40", "60", "default: 60 %", true}}, Shared: []factView{{Name: h.long, Text: "40 %"}},
		},
	}
	form.Pools = newPoolsForm(form)
	pool := poolView{h.long, badgeView{Text: "over", Tone: "warn"}, "40 %", "400", "700", "400", part, h.long}
	return []sceneView{
		{"A limit to be changed", limitForm(form)},
		{"What it would do", limitBeside(form)},
		{"Pools", poolsTable([]poolView{pool, pool})},
		{"What is shed", shedTable([]shedView{{h.long, "low", "7", part, "40 %"}})},
	}
}
