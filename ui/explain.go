package ui

import (
	"errors"
	"strconv"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
)

// An explainView says why a series is, or is not, forwarded.
type explainView struct {
	Head    headView
	Action  templ.SafeURL
	Tenant  string
	Series  string
	Wrong   string
	Verdict *verdictView // nil where nothing was asked
	Steps   []stepView
	Copies  []copyView

	Matching []exampleView // of what was asked for, where that is a selector and no series that is known
	Matches  string        // how many there are
}

// explained is how many series a selector is answered with.
const explained = 20

// A verdictView is what becomes of the series.
type verdictView struct {
	Tone, Word string
	Text       string
	Facts      []factView
}

// A stepView is one thing that was looked at.
type stepView struct {
	Step    string
	Name    nameView
	Matched bool
	Decides bool
	Detail  string
}

func (r *request) explain() (page, error) {
	text := r.get("series")
	p := page{Title: "Explain", Place: "Explain"}
	var x control.Explanation
	var err error
	if text != "" {
		x, err = r.control.Explain(r.tenant(), text)
	}
	wrong, isWrong := errors.AsType[*control.Invalid](err)
	if err != nil && !isWrong {
		return page{}, err
	}
	v := newExplainView(r, x, text != "" && err == nil)
	if text != "" && x.Outcome == "" {
		v.addMatching(r, text)
	}
	if isWrong && len(v.Matching) == 0 {
		v.Wrong, p.Status = wrong.Text, unprocessable
	}
	p.Body = explainPage(v)
	return p, nil
}

// addMatching adds series that a selector matches, which each can be explained. What
// is none matches nothing.
func (v *explainView) addMatching(r *request, text string) {
	found, err := r.control.ProfileSeries(control.SeriesQuery{Tenant: r.profiled(), Match: []string{text}, Examples: explained})
	if err != nil || len(found.Examples) == 0 {
		return
	}
	v.Matching = newExamples(r, found)
	v.Matches = count(found.Series.Value) + " series match"
	if n := len(v.Matching); float64(n) < found.Series.Value {
		v.Matches += ", of which these are " + strconv.Itoa(n)
	}
}

func newExplainView(r *request, x control.Explanation, asked bool) explainView {
	v := explainView{
		Head:   headView{Title: "Explain", Lead: "Why a series is forwarded, or is not: what the policy in force makes of it, step by step."},
		Action: r.site.address("/explain", nil), Tenant: r.tenant(), Series: r.get("series"),
	}
	if !asked {
		return v
	}
	v.Head.AsOf = newWhen(r.now, r.now)
	v.Verdict = newVerdictView(r, x)
	for _, s := range x.Steps {
		step := stepView{Step: s.Step, Name: newNameView(s.Name, ""), Matched: s.Matched, Detail: shown(s.Detail)}
		if s.Step == "rule" || s.Step == "priority" {
			step.Name.Href = r.link(rulePath(s.Name))
		}
		if s.Step == "rule" {
			step.Decides = s.Matched && s.Name == x.Rule
		}
		v.Steps = append(v.Steps, step)
	}
	v.Copies = []copyView{{ID: "explain-curl", Title: "The same from the API", Text: r.curl("/explain", "tenant", r.profiled(), "series", v.Series)}}
	return v
}

func newVerdictView(r *request, x control.Explanation) *verdictView {
	v := &verdictView{Tone: "good", Word: "Forwarded", Text: "No rule removes it."}
	if x.Rule != "" {
		v.Text = "Rule " + shown(x.Rule) + " keeps it."
	}
	switch {
	case x.Refused != "":
		v.Tone, v.Word, v.Text = "bad", "Rejected", "It can never be stored: "+shown(x.Refused)+"."
	case x.Action == "drop":
		v.Tone, v.Word, v.Text = "bad", "Dropped", "Rule "+shown(x.Rule)+" drops it."
	case x.Shed:
		v.Tone, v.Word, v.Text = "warn", "Shed", "The tenant is over its limit, and the series is among those that do not pass now."
	case x.Action == "downsample":
		v.Tone, v.Word, v.Text = "warn", "Downsampled", "Rule "+shown(x.Rule)+" lets some of its samples pass."
	}
	fact := func(name, text string) {
		if text != "" {
			v.Facts = append(v.Facts, factView{Name: name, Text: shown(text)})
		}
	}
	fact("Team", x.Team)
	fact("Priority", x.Priority)
	fact("Pool", x.Pool)
	if x.Outcome == "" {
		fact("Seen", "not within the window: this is what would become of it")
	} else {
		fact("Its samples by now", x.Outcome)
		if !x.At.IsZero() {
			w := newWhen(x.At, r.now)
			fact("Newest sample", w.Exact+", "+w.Ago)
		}
	}
	return v
}
