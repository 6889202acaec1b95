package ui

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
)

// flowsShown is how many metrics, teams or rules the page of flows shows.
const flowsShown = 100

// A flowsView is what became of samples, by metric, team or rule.
type flowsView struct {
	Head     headView
	Action   templ.SafeURL
	Keep     []param
	By       []optionView
	Phases   []optionView
	Team     string
	From, To string // as a browser's field for a time holds them, UTC
	Spans    []linkView
	Wrong    string // what is wrong with the question
	Picture  flowView
	Caption  string
	Of       string // what a row is
	Sorts    []sortView
	Rows     []flowRowView
	Rest     *flowRowView // what is not shown, or counted by none; nil for nothing
	All      flowRowView
	Empty    emptyView
}

// A flowRowView is the part of one metric, team or rule.
type flowRowView struct {
	Name    nameView
	Words   string   // instead of a name
	Would   string   // a rule in shadow mode would have removed
	Samples []string // received, then as outcomes has them
}

// What flows can be shown by, as the API calls it.
const (
	flowByTeam   = "team"
	flowByMetric = "metric"
	flowByRule   = "rule"
)

// flowKeys are what flows can be shown by, with the word for one of them.
var flowKeys = []struct{ key, one, none string }{
	{flowByTeam, "Team", attribution.Unowned},
	{flowByMetric, "Metric", "no metric"},
	{flowByRule, "Rule", "no rule decides"},
}

// flowSpans are how far back the page offers to look, beside the start of the process.
var flowSpans = []struct {
	text string
	back time.Duration
}{{"24 hours", 24 * time.Hour}, {"7 days", 7 * 24 * time.Hour}, {"30 days", 30 * 24 * time.Hour}}

// flowQuery returns which flow is asked for, and what is wrong with its times.
func (r *request) flowQuery() (q control.FlowQuery, wrong string) {
	q = control.FlowQuery{Tenant: r.tenant(), Team: r.get("team"), By: cmp.Or(r.get("by"), flowByTeam)}
	wrong = r.times(&q.From, &q.To)
	return q, wrong
}

// askFlow returns a flow: by the ledger where it begins at a time, else since the
// process started.
func (r *request) askFlow(q control.FlowQuery) (control.Flow, error) {
	if q.From.IsZero() && q.To.IsZero() {
		return r.control.Flow(q)
	}
	return r.control.LedgerFlow(r.context(), q)
}

func (r *request) flows() (page, error) {
	p := page{Title: "Flow", Place: "Overview", Crumbs: []crumb{{"Overview", r.link("/")}}, Tenant: allTenants}
	q, wrong := r.flowQuery()
	phase, err := flowPhase(r.get("phase"))
	var f control.Flow
	if err == nil && wrong == "" {
		f, err = r.askFlow(q)
	}
	if invalid, ok := errors.AsType[*control.Invalid](err); ok {
		wrong, err = fieldWords(invalid.Field)+": "+invalid.Text, nil
	}
	if err != nil {
		return page{}, err
	}
	v := newFlowsView(r, q, f, phase)
	if v.Wrong = wrong; wrong != "" {
		p.Status = unprocessable
	}
	p.Body = flowsPage(v)
	return p, nil
}

// flowPhase returns which outcome a word means: that of outcomes, -1 for any.
func flowPhase(word string) (int, error) {
	if word == "" || word == control.PhaseReceived {
		return -1, nil
	}
	for i, o := range outcomes {
		if o.name == word {
			return i, nil
		}
	}
	return -1, &control.Invalid{Field: "phase", Text: "it is none of what can become of samples: choose one"}
}

// samplesOf returns the samples of an outcome, of -1 those received.
func samplesOf(c control.Counts, outcome int) uint64 {
	if outcome < 0 {
		return c.Received
	}
	return outcomes[outcome].of(c)
}

// narrowedFlow returns the rows that have samples of a phase, most of what they are
// sorted by first.
func (r *request) narrowedFlow(f control.Flow, phase int) []control.FlowRow {
	sort, err := flowPhase(r.get("sort"))
	if err != nil || r.get("sort") == "" {
		sort = phase
	}
	rows := slices.DeleteFunc(slices.Clone(f.Rows), func(row control.FlowRow) bool {
		return phase >= 0 && samplesOf(row.Counts, phase) == 0
	})
	slices.SortStableFunc(rows, func(a, b control.FlowRow) int {
		return cmp.Compare(samplesOf(b.Counts, sort), samplesOf(a.Counts, sort))
	})
	return rows
}

func newFlowsView(r *request, q control.FlowQuery, f control.Flow, phase int) flowsView {
	v := flowsView{
		Head: headView{
			Title: "Flow", Lead: "What became of the samples received. Each row adds up, and the rows add up to all of them.", AsOf: newWhen(r.now, r.now),
			Tools: []toolView{{"CSV", r.link("/flow.csv", "by", q.By, "phase", r.get("phase"), "sort", r.get("sort"), "team", q.Team, "from", r.get("from"), "to", r.get("to"))}},
		},
		Action: r.site.address("/flow", nil), Keep: r.keep("tenant", "sort"), Team: q.Team, From: r.get("from"), To: r.get("to"),
		Picture: newFlowView(r, f, control.Rates{}, false),
		Empty:   emptyView{Title: "There are none", Text: []string{"No sample of this time became that. Choose another time or outcome."}},
	}
	v.Spans = append(v.Spans, linkView{"Since the start", r.here("from", "", "to", ""), v.From == "" && v.To == ""})
	for _, s := range flowSpans {
		from := r.now.UTC().Add(-s.back).Truncate(time.Hour).Format(minute)
		v.Spans = append(v.Spans, linkView{s.text, r.here("from", from, "to", ""), v.From == from && v.To == ""})
	}
	none := ""
	for _, k := range flowKeys {
		v.By = append(v.By, optionView{k.key, "by " + k.key, k.key == q.By})
		if k.key == q.By {
			v.Of, none = k.one, k.none
		}
	}
	v.Caption = "Samples by " + q.By + " and by what became of them"
	v.Phases = append(v.Phases, optionView{"", "any", phase < 0})
	sort := cmp.Or(r.get("sort"), r.get("phase"), control.PhaseReceived)
	v.Sorts = []sortView{{"Received", "Samples received", r.here("sort", control.PhaseReceived), sort == control.PhaseReceived}}
	for i, o := range outcomes {
		v.Phases = append(v.Phases, optionView{o.name, o.name, phase == i})
		v.Sorts = append(v.Sorts, sortView{sentence(o.name), o.means, r.here("sort", o.name), sort == o.name})
	}
	rows := r.narrowedFlow(f, phase)
	rest := f.Counts
	for _, row := range rows[:min(len(rows), flowsShown)] {
		view := newFlowRow(row.Counts)
		if row.Key == "" {
			view.Words = none
		} else {
			view.Name = newNameView(row.Key, r.flowLink(q.By, row.Key))
		}
		if row.WouldRemove > 0 {
			view.Would = "would remove " + count(float64(row.WouldRemove))
		}
		v.Rows = append(v.Rows, view)
		rest = less(rest, row.Counts)
	}
	if rest != (control.Counts{}) {
		others := newFlowRow(rest)
		others.Words = "All others"
		v.Rest = &others
	}
	v.All = newFlowRow(f.Counts)
	return v
}

func newFlowRow(c control.Counts) flowRowView {
	v := flowRowView{Samples: []string{count(float64(c.Received))}}
	for _, o := range outcomes {
		v.Samples = append(v.Samples, count(float64(o.of(c))))
	}
	return v
}

// less returns a without b, which may be read a moment later.
func less(a, b control.Counts) control.Counts {
	sub := func(x, y uint64) uint64 { return x - min(x, y) }
	return control.Counts{
		Received: sub(a.Received, b.Received), Forwarded: sub(a.Forwarded, b.Forwarded), Dropped: sub(a.Dropped, b.Dropped), Downsampled: sub(a.Downsampled, b.Downsampled),
		Shed: sub(a.Shed, b.Shed), Rejected: sub(a.Rejected, b.Rejected), Failed: sub(a.Failed, b.Failed),
	}
}

// flowLink leads to what a row is about.
func (r *request) flowLink(by, key string) templ.SafeURL {
	switch by {
	case flowByMetric:
		return r.link("/profile/metric", "metric", key)
	case flowByRule:
		return r.link(rulePath(key))
	}
	return r.site.address(pathOf("/teams", key), url.Values{})
}

// flowsCSV holds the rows that the page of flows is asked for, all of them.
func (r *request) flowsCSV() (table, error) {
	q, wrong := r.flowQuery()
	if wrong != "" {
		return table{}, &control.Invalid{Field: "time", Text: wrong}
	}
	phase, err := flowPhase(r.get("phase"))
	if err != nil {
		return table{}, err
	}
	f, err := r.askFlow(q)
	if err != nil {
		return table{}, err
	}
	t := table{name: "flow-by-" + q.By, header: []string{q.By, control.PhaseReceived}}
	for _, o := range outcomes {
		t.header = append(t.header, o.name)
	}
	t.header = append(t.header, "would_remove", "from", "to")
	rows := r.narrowedFlow(f, phase)
	t.rows = func(yield func([]string) bool) {
		for _, row := range rows {
			cells := []string{row.Key}
			for i := -1; i < len(outcomes); i++ {
				cells = append(cells, strconv.FormatUint(samplesOf(row.Counts, i), 10))
			}
			if !yield(append(cells, strconv.FormatUint(row.WouldRemove, 10), stamp(f.From), stamp(f.To))) {
				return
			}
		}
	}
	return t, nil
}
