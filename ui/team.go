package ui

import (
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
)

// A teamView is one team and what makes its cost.
type teamView struct {
	Head     headView
	Title    string
	Month    monthView
	Notes    []string
	Stats    []statView
	Chart    *costChartView
	Drivers  driversView
	Findings []findingView
	Currency string // "" where nothing has a price
	Metrics  partsView
	Services partsView
	Savings  []savingView
	Members  []string
	Entities []string
	Hidden   string // how many of these are not shown
	Lesson   *emptyView
}

// A findingView is what a team could change.
type findingView struct {
	Metric nameView
	Tenant string
	Saving string
	Cost   string
	Text   string
	Href   templ.SafeURL
	Go     string
	Draft  templ.SafeURL // of a rule that does it here; "" for those who may make none
}

// A partsView is a team's cost by metric or service. The rows are the total.
type partsView struct {
	ID, Title, What string
	Rows            []partView
	Total           partView
	More            templ.SafeURL
}

// A partView is one part of a team's cost.
type partView struct {
	Name            nameView // without Text: of Words
	Words           string
	Cost            string
	Figure          templ.SafeURL
	Share           barView
	Samples, Series string
}

// A savingView is what a rule removed of a team's samples.
type savingView struct {
	Rule    nameView
	Samples string
	Saved   string
}

// namesShown is how many members or entities of a team are shown.
const namesShown = 50

func (r *request) team() (page, error) {
	name := r.http.PathValue("team")
	t, err := r.control.Team(r.context(), name, control.TeamsQuery{Tenant: r.tenant(), Month: r.month()})
	if err != nil {
		return page{}, err
	}
	return page{
		Title: "Team " + short(name), Place: "Teams & cost", Tenant: allTenants,
		Crumbs: []crumb{{"Teams & cost", r.link("/teams", "month", r.month())}}, Body: teamPage(newTeamView(r, t)),
	}, nil
}

func newTeamView(r *request, t control.TeamDetail) teamView {
	s := t.Summary
	month := s.Query.From.Month().String()
	v := teamView{
		Head: headView{
			Title: short(t.Name), Code: true, Lead: period(s.Query) + ", in days of UTC. " + sharingWords(s.Query.Shared), AsOf: newWhen(s.At, r.now),
			Tools: []toolView{
				{"Report", r.link("/costs", "team", t.Name, "by", "metric", "month", r.month())},
				{"Flow", r.link("/flow", "by", flowByMetric, "team", t.Name, "from", s.Query.From.Time().Format(minute), "to", s.Query.To.Time().Format(minute))},
				{"CSV", r.exportLink("csv", "team", t.Name, "by", "day,metric", "month", month)},
			},
		},
		Month: r.months(s.Query.From.Month()), Currency: s.Currency,
	}
	if t.Title != t.Name {
		v.Title = short(t.Title)
	}
	v.Members, v.Entities, v.Hidden = people(t.Members, t.Entities)
	if s.Currency == "" {
		lesson := priceLesson()
		v.Lesson = &lesson
	} else {
		for _, n := range s.Notes {
			v.Notes = append(v.Notes, sentence(n)+".")
		}
		v.Head.Tools = append(v.Head.Tools, toolView{"FOCUS", r.exportLink("focus", "team", t.Name, "by", "metric", "month", month)})
		v.Stats = newTeamStats(r, t)
		if v.Chart = newCostChart(s, s.Currency); v.Chart != nil {
			v.Chart.addDays(r, s)
		}
		v.Drivers = newDriversView(r, s)
	}
	for _, f := range t.Findings {
		v.Findings = append(v.Findings, newFindingView(r, f))
	}
	v.Metrics = newParts(r, t, "Metric", t.Metrics)
	if len(t.Services) > 0 {
		v.Services = newParts(r, t, "Service", t.Services)
	}
	for _, row := range s.Savings {
		v.Savings = append(v.Savings, savingView{
			Rule:    newNameView(row.Rule, r.link(rulePath(row.Rule))),
			Samples: count(float64(row.Samples[attribution.Dropped] + row.Samples[attribution.Downsampled])), Saved: amount(row.Saved),
		})
	}
	return v
}

func newTeamStats(r *request, t control.TeamDetail) []statView {
	s := t.Summary
	cost := statView{Label: "Month to date", Value: amount(t.Cost), Unit: s.Currency, Note: changePart(t.Before, t.Cost) + " against " + period(s.Before)}
	if t.Cost != 0 {
		cost.Href = r.figureLink([]string{"month", s.Query.From.Month().String()}, "team", t.Name)
	}
	stats := []statView{cost, {Label: "Expected of the month", Value: amount(t.Forecast.Expected), Unit: s.Currency, Note: forecastNote(t.Forecast)}}
	if t.Budget != nil {
		stats = append(stats, budgetStat(*t.Budget, s.Currency))
	} else {
		stats = append(stats, statView{Label: "Budget", Value: "none", Note: "attribution.budgets sets one, or PUT /api/v1/budgets"})
	}
	return append(stats, statView{Label: "Saved by rules", Value: amount(t.Saved), Unit: s.Currency, Note: "what they removed, at its price"})
}

func newFindingView(r *request, f control.Finding) findingView {
	v := findingView{
		Metric: newNameView(f.Metric, r.link("/profile/metric", "tenant", string(f.Tenant), "metric", f.Metric)), Tenant: string(f.Tenant),
		Saving: amount(f.Saving) + " " + f.Currency, Cost: amount(f.CostPerMonth) + " " + f.Currency, Text: shown(f.Text),
	}
	v.Href, v.Go = v.Metric.Href, "How to change it"
	if f.Label != "" {
		v.Href = r.link("/profile/metric", "tenant", string(f.Tenant), "metric", f.Metric, "label", f.Label)
	}
	if r.mayChangeRules() {
		v.Draft = r.findingDraft(f)
	}
	return v
}

// findingDraft returns the form for a rule that does here what a finding would change
// at the source: a rule removes no label, but what has it.
func (r *request) findingDraft(f control.Finding) templ.SafeURL {
	s := rules.Spec{
		Name: slug("thin", f.Metric), Tenant: string(f.Tenant), Match: rules.Selectors{selectorOf(f.Metric)}, Action: rules.Downsample.String(), Interval: "60s",
		Mode: rules.Shadow.String(), Team: r.ownTeam(f.Team),
	}
	if f.Kind == control.FindLabel {
		s.Name, s.Match = slug("drop", f.Metric, f.Label), rules.Selectors{withLabel(f.Metric, f.Label)}
		s.Action, s.Interval = rules.Drop.String(), ""
	}
	return r.draftLink(s)
}

// newParts shows parts of a team's cost with what is left of it.
func newParts(r *request, t control.TeamDetail, what string, parts []control.CostPart) partsView {
	column := strings.ToLower(what)
	v := partsView{ID: column + "s", Title: "By " + column, What: what, More: r.link("/costs", "team", t.Name, "by", column, "month", r.month())}
	rest := t.Own
	for _, p := range parts {
		rest -= p.Cost
		row := partView{
			Name: newNameView(p.Name, r.link("/profile/metric", "metric", p.Name)), Cost: amount(p.Cost), Samples: count(float64(p.Samples)), Series: count(float64(p.SeriesHours)),
			Share: barView{Share: share(p.Cost, t.Cost), Title: percent(share(p.Cost, t.Cost)) + " of the team’s cost"},
		}
		if what == "Service" {
			row.Name.Href = r.link("/costs", "team", t.Name, "service", p.Name, "by", "metric", "month", r.month())
		}
		if p.Cost != 0 {
			row.Figure = r.figureLink([]string{"month", t.Summary.Query.From.Month().String(), "team", t.Name, "shared", string(attribution.Keep)}, column, p.Name)
		}
		v.Rows = append(v.Rows, row)
	}
	add := func(words string, cost attribution.Micro, figure templ.SafeURL) {
		if cost != 0 {
			v.Rows = append(v.Rows, partView{Words: words, Cost: amount(cost), Figure: figure, Share: barView{Share: share(cost, t.Cost), Title: percent(share(cost, t.Cost)) + " of the team’s cost"}})
		}
	}
	if what == "Service" {
		add("Other services, none, and corrections", rest, "")
	} else {
		add("Other metrics, and corrections", rest, "")
	}
	if pays := t.Cost - t.Own; pays < 0 {
		add("Paid by the other teams", pays, "")
	} else {
		add("Share of what nobody owns", pays, r.figureLink([]string{"month", t.Summary.Query.From.Month().String(), "team", t.Name}, "metric", ""))
	}
	v.Total = partView{Words: "Together", Cost: amount(t.Cost)}
	return v
}

// people are who and what a catalog says belongs to a team, as far as a page shows it.
func people(members, entities []string) (some, things []string, hidden string) {
	cut := func(list []string) (cut []string) {
		for _, name := range list[:min(len(list), namesShown)] {
			cut = append(cut, short(name))
		}
		return cut
	}
	n := max(0, len(members)-namesShown) + max(0, len(entities)-namesShown)
	if n > 0 {
		hidden = "and " + grouped(uint64(n)) + " more: the API has all"
	}
	return cut(members), cut(entities), hidden
}
