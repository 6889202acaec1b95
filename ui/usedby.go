package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules/usage"
)

const (
	usesShown   = 25 // alerts, recording rules and panels of a metric
	seenShown   = 25 // queries that were asked
	labelsShown = 8  // that one of them needs
	exprShown   = 400
)

// A usedByView says who uses a metric, and how that is known.
type usedByView struct {
	Lead   string   // what is loaded
	Asked  string   // what was asked for, since when
	Notes  []string // what is not known
	Uses   []useView
	More   string
	Seen   []seenView
	SeenOf string // what of how many is shown
	Ranges string
}

// A useView is an alert, a recording rule or a panel that uses a metric.
type useView struct {
	Kind   badgeView
	Name   nameView
	Where  string
	How    string
	Labels []string
	Expr   string
}

// A seenView is a query that was asked.
type seenView struct {
	Expr   string
	Count  string
	Last   when
	By     string
	Step   string
	How    string
	Labels []string
}

// An evidence is what its page says of who uses it.
type evidence struct {
	metric  string
	uses    []control.Use
	seen    []control.SeenQuery
	more    int // queries that are not among seen
	asked   *control.Asked
	watched control.Watched
	known   bool // of uses, or of queries
}

// evidenceOf asks who uses a metric. What the one who asks may not know is not
// known.
func (r *request) evidenceOf(metric string) evidence {
	e := evidence{metric: metric, watched: r.control.Watched()}
	var err error
	if e.uses, err = r.control.UsedBy(metric, ""); err == nil {
		e.known = true
	}
	if e.asked, err = r.control.AskedFor(metric, ""); err == nil && e.asked != nil {
		e.known = true
		e.seen, e.more, _ = r.control.SeenQueries(metric, "") // there is none where that is refused
	}
	return e
}

func newUsedByView(r *request, e evidence) usedByView {
	w := e.watched
	v := usedByView{Lead: loadedText(e)}
	if e.asked != nil {
		v.Asked = e.asked.Text
		v.Ranges = rangesText(e.asked)
	} else {
		v.Notes = append(v.Notes, "Queries are not watched: usage.query_log names Prometheus’ query log, and POST /api/v1/usage/queries takes queries of others.")
	}
	if w.Alerts+w.Records+w.Panels+w.Problems == 0 {
		v.Notes = append(v.Notes, "No rule files or dashboards are loaded: usage.rule_files and usage.dashboards name them.")
	}
	if w.Problems > 0 {
		v.Notes = append(v.Notes, sentence(queriesText(w.Problems))+" of files that cannot be read may use it: the status page names them.")
	}
	for _, u := range e.uses[:min(usesShown, len(e.uses))] {
		v.Uses = append(v.Uses, newUseView(e, u))
	}
	if n := len(e.uses) - usesShown; n > 0 {
		v.More = fmt.Sprintf("%s more use it, or may: GET /api/v1/usage lists all.", grouped(uint64(n)))
	}
	shownSeen := e.seen[:min(seenShown, len(e.seen))]
	for _, q := range shownSeen {
		v.Seen = append(v.Seen, newSeenView(r, e.metric, q))
	}
	switch all := len(e.seen) + e.more; {
	case len(e.seen) == 0 && e.more > 0:
		v.SeenOf = queriesText(all) + ", shown to those who see every tenant."
	case all > len(shownSeen):
		v.SeenOf = fmt.Sprintf("The latest %d of %s.", len(shownSeen), queriesText(all))
	}
	return v
}

// loadedText says how many of what is loaded use the metric.
func loadedText(e evidence) string {
	w := e.watched
	if w.Alerts+w.Records+w.Panels == 0 {
		return ""
	}
	counts := kindCounts(e.uses, func(h usage.How) bool { return h != usage.ByUnknown })
	unknown := len(e.uses) - counts.total()
	text := sentence(counts.text())
	switch counts.total() {
	case 0:
		text = fmt.Sprintf("Not seen in what is loaded: %s.", kindsText{w.Alerts, w.Records, w.Panels}.text())
	case 1:
		text += " uses it."
	default:
		text += " use it."
	}
	if unknown > 0 {
		text += " " + strconv.Itoa(unknown) + " that cannot be read may."
	}
	return text
}

// A kindsText is how many of each kind there are.
type kindsText struct{ alerts, records, panels int }

func kindCounts(uses []control.Use, counts func(usage.How) bool) (k kindsText) {
	for _, u := range uses {
		if counts(u.How) {
			k.add(u.Query.Kind)
		}
	}
	return k
}

func (k *kindsText) add(kind usage.Kind) {
	switch kind {
	case usage.Alert:
		k.alerts++
	case usage.Record:
		k.records++
	case usage.Dashboard:
		k.panels++
	}
}

func (k kindsText) total() int { return k.alerts + k.records + k.panels }

func (k kindsText) text() string {
	var parts []string
	for _, p := range []struct {
		n    int
		noun string
	}{{k.alerts, "alert"}, {k.records, "recording rule"}, {k.panels, "panel"}} {
		if p.n > 0 {
			parts = append(parts, plural(p.n, p.noun))
		}
	}
	return listed(parts)
}

// listed joins words as a sentence does.
func listed(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// rangesText names the shortest ranges that were asked for.
func rangesText(a *control.Asked) string {
	const named = 6
	var parts []string
	for _, s := range a.Ranges {
		if s.Func == "" || s.Range == 0 || len(parts) >= named {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s over %s", shown(s.Func), span(s.Range)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "The shortest ranges that were asked for: " + listed(parts) + ". A rule that thins has to leave samples enough in them."
}

// hows are the ways in which a query uses a metric, in words.
var hows = map[usage.How]string{
	usage.ByName: "by name", usage.ByPattern: "by pattern", usage.ByResult: "in its result", usage.ByUnknown: "may use it",
}

func newUseView(e evidence, u control.Use) useView {
	q := u.Query
	v := useView{Kind: newKindBadge(q.Kind), How: hows[u.How], Labels: neededLabels(q, e.metric), Expr: cut(q.Expr, exprShown), Where: short(q.File)}
	if q.Line > 0 {
		v.Where += ":" + strconv.Itoa(q.Line)
	}
	var link templ.SafeURL
	if e.watched.Grafana != "" && strings.HasPrefix(q.Link, "/") {
		link = templ.SafeURL(e.watched.Grafana + q.Link) // the address is the operator's, and http or https
	}
	v.Name = newNameView(q.Name, link)
	return v
}

func newKindBadge(kind usage.Kind) badgeView {
	v := badgeView{Text: string(kind)}
	switch kind {
	case usage.Alert:
		v.Tone = "warn"
	case usage.Record:
		v.Text, v.Title = "rule", "A recording rule"
	case usage.Dashboard:
		v.Text, v.Title = "panel", "A panel or a variable of a dashboard"
	}
	return v
}

func newSeenView(r *request, metric string, q control.SeenQuery) seenView {
	v := seenView{
		Expr: cut(q.Use.Query.Expr, exprShown), Count: grouped(q.Count), Last: newWhen(q.Last, r.now),
		By: "not known", How: hows[q.Use.How], Labels: neededLabels(q.Use.Query, metric),
	}
	if len(q.By) > 0 {
		v.By = some(q.By)
	}
	if q.Step > 0 {
		v.Step = "every " + span(q.Step)
	}
	return v
}

// neededLabels names the labels of a metric that a query needs.
func neededLabels(q *usage.Query, metric string) []string {
	names, all := q.LabelsOf(metric)
	var list []string
	for _, n := range names[:min(labelsShown, len(names))] {
		list = append(list, short(n))
	}
	if n := len(names) - labelsShown; n > 0 {
		list = append(list, strconv.Itoa(n)+" more")
	}
	if all {
		list = append(list, "every label, in its result")
	}
	return list
}

// A labelUse says what uses a label of a metric.
type labelUse struct {
	Text, Title string
	Seen        bool
}

// ofLabel says what uses a label, as far as that is known.
func (r *request) ofLabel(e evidence, label string) labelUse {
	if !e.known {
		return labelUse{}
	}
	var named kindsText
	var names []string
	carried, unread := 0, 0
	for _, u := range e.uses {
		switch how, ok := u.Query.Uses(e.metric, label); {
		case !ok:
		case how == usage.ByName || how == usage.ByPattern:
			named.add(u.Query.Kind)
			names = append(names, u.Query.Name)
		case how == usage.ByResult:
			carried++
		default:
			unread++
		}
	}
	var parts []string
	if named.total() > 0 {
		parts = append(parts, named.text())
	}
	window := "none of what is loaded names it"
	if asked, err := r.control.AskedFor(e.metric, label); err == nil && asked != nil {
		window = strings.TrimSuffix(asked.Text, ".")
		switch {
		case asked.Count > 0 && (asked.How == usage.ByName || asked.How == usage.ByPattern):
			parts = append(parts, "asked "+timesText(asked.Count))
		case asked.Count > 0 && asked.How == usage.ByResult:
			carried++
		case asked.Count > 0 || asked.Others.Count > 0:
			unread++
		}
	}
	slices.Sort(names)
	use := labelUse{Text: strings.Join(parts, ", "), Title: some(slices.Compact(names)), Seen: len(parts) > 0}
	switch {
	case use.Seen:
	case carried > 0:
		use.Text, use.Title = "in results only", "No query names it; results of queries carry every label, and so this one"
	case unread > 0:
		use.Text, use.Title = "not known", "Queries that cannot be read, or that there was no room for, may use it"
	default:
		use.Text, use.Title = e.notSeen(r), sentence(window)
	}
	return use
}

// notSeen says that something was not seen, and where that was looked for.
func (e evidence) notSeen(r *request) string {
	if e.asked == nil {
		return "not seen in what is loaded"
	}
	return "not seen in " + span(r.now.Sub(e.asked.Since))
}

func queriesText(n int) string {
	if n == 1 {
		return "1 query"
	}
	return grouped(uint64(max(0, n))) + " queries"
}

func timesText(n uint64) string {
	if n == 1 {
		return "once"
	}
	return grouped(n) + " times"
}
