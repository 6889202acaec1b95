package ui

import (
	"strings"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
)

// unownedPerPage is how many groups of series that nobody owns are shown.
const unownedPerPage = 50

// An unownedView is what nobody owns, and who might.
type unownedView struct {
	Head     headView
	By       string
	Keep     []param
	Stats    []statView
	Currency string
	Labels   []string
	Rows     []unownedRowView
	Rest     string // how many groups are not shown
	Clauses  *copyView
	Empty    emptyView
}

// An unownedRowView is one group of series.
type unownedRowView struct {
	Values        []valueView
	Series, Error string
	Samples       string
	Cost          string
	Owner         *nameView // who might own it
	Why           string
}

func (r *request) unownedQuery(limit int) control.UnownedQuery {
	q := control.UnownedQuery{Tenant: r.profiled(), Limit: limit}
	for _, name := range strings.Split(r.get("by"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			q.By = append(q.By, name)
		}
	}
	return q
}

func (r *request) unowned() (page, error) {
	u, err := r.control.Unowned(r.context(), r.unownedQuery(unownedPerPage))
	if err != nil {
		return page{}, err
	}
	return page{Title: "Unowned", Place: "Teams & cost", Crumbs: []crumb{{"Teams & cost", r.link("/teams")}}, Body: unownedPage(newUnownedView(r, u))}, nil
}

func newUnownedView(r *request, u control.Unowned) unownedView {
	v := unownedView{
		Head: headView{
			Title: "What nobody owns", Lead: "Series of tenant " + r.profiled() + " that no clause of owners decides, received lately. ± holds in 95 of 100 cases.", AsOf: newWhen(r.now, r.now),
			Tools: []toolView{{"CSV", r.link("/unowned.csv", "by", r.get("by"))}},
		},
		By: strings.Join(u.By, ", "), Keep: r.keep("tenant"), Currency: u.Currency, Labels: u.By,
		Stats: []statView{{Label: "Series", Value: count(u.Series.Value), Error: plusMinus(confidence * u.Series.Error)}},
	}
	if u.Currency != "" {
		v.Stats = append(v.Stats, statView{Label: "Cost", Value: amount(u.Cost), Unit: u.Currency + " a month", Note: "at the price of now: an estimate"})
		if u.Recorded {
			month := statView{Label: "This month so far", Value: amount(u.Month), Unit: u.Currency, Note: "by the ledger"}
			if u.Month != 0 {
				month.Href = r.figureLink([]string{"tenant", r.profiled(), "shared", string(attribution.Keep)}, "team", attribution.Unowned)
			}
			v.Stats = append(v.Stats, month)
			if u.Month != 0 || u.Coverage < 1 { // else there may be no cost at all
				v.Stats = append(v.Stats, statView{Label: "Somebody owns", Value: percent(u.Coverage), Unit: "of the cost"})
			}
		}
	}
	var clauses []attribution.OwnerConfig
	for _, g := range u.Groups {
		v.Rows = append(v.Rows, newUnownedRow(r, u, g))
		if g.Owner != nil {
			clauses = append(clauses, g.Owner.Clause)
		}
	}
	if u.Rest > 0 {
		v.Rest = plural(u.Rest, "smaller group") + ": the CSV file has all"
	}
	if clauses = distinct(clauses); len(clauses) > 0 {
		v.Clauses = &copyView{
			ID: "owners-yaml", Title: "headgate.yml", Text: yamlOf(map[string]any{"attribution": map[string]any{"owners": clauses}}),
			Note: "These clauses would give the groups above to the teams that own most of what shares a label with them. Keep those that are true, and put them before more general ones.",
		}
	}
	v.Empty = emptyView{Title: "Everything has an owner", Text: []string{"Each series that tenant " + r.profiled() + " sent within the window belongs to a team, or the tenant sent none."}, Link: r.link("/teams"), Go: "Teams"}
	return v
}

// distinct returns the clauses, each once.
func distinct(list []attribution.OwnerConfig) (once []attribution.OwnerConfig) {
	seen := map[attribution.OwnerConfig]bool{}
	for _, c := range list {
		if !seen[c] {
			once = append(once, c)
		}
		seen[c] = true
	}
	return once
}

func newUnownedRow(r *request, u control.Unowned, g control.UnownedGroup) unownedRowView {
	v := unownedRowView{Series: count(g.Series.Value), Error: plusMinus(confidence * g.Series.Error), Samples: rate(g.PerSecond.Value), Cost: amount(g.Cost)}
	var match series.Labels
	for i, value := range g.Values {
		match = append(match, series.Label{Name: u.By[i], Value: value})
	}
	for _, value := range g.Values {
		one := valueView{Words: "–"}
		if value != "" {
			one = valueView{Name: newNameView(value, r.link("/profile/series", "match", match.String()))}
		}
		v.Values = append(v.Values, one)
	}
	if g.Owner != nil {
		owner := newNameView(g.Owner.Team, r.teamLink(g.Owner.Team))
		v.Owner = &owner
		v.Why = "owns " + percent(g.Owner.Share) + " of " + plural(g.Owner.Series, "owned series") + " with " + short(g.Owner.Label) + " " + short(g.Owner.Value)
	}
	return v
}

func (r *request) unownedCSV() (table, error) {
	u, err := r.control.Unowned(r.context(), r.unownedQuery(0))
	if err != nil {
		return table{}, err
	}
	t := table{name: "unowned-" + r.profiled()}
	for _, label := range u.By {
		t.header = append(t.header, cell(label))
	}
	t.header = append(t.header, "series", "series_error", "samples_per_second", "cost_per_month", "currency", "suggested_team", "suggested_by", "suggested_share")
	t.rows = func(yield func([]string) bool) {
		for _, g := range u.Groups {
			row := append([]string{}, g.Values...)
			row = append(row, number(g.Series.Value), number(g.Series.Error), number(g.PerSecond.Value), g.Cost.String(), u.Currency)
			if o := g.Owner; o != nil {
				row = append(row, o.Team, o.Clause.Match, number(o.Share))
			} else {
				row = append(row, "", "", "")
			}
			if !yield(row) {
				return
			}
		}
	}
	return t, nil
}
