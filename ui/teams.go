package ui

import (
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
)

// A teamsView is all teams and how their month stands.
type teamsView struct {
	Head     headView
	Month    monthView
	Notes    []string
	Stats    []statView
	Chart    *costChartView
	Drivers  driversView
	Currency string // "" where nothing has a price
	Rows     []teamRowView
	Total    teamRowView
	Lesson   *emptyView // how to set a price, or how owners come about
}

// A teamRowView is one team in the list.
type teamRowView struct {
	Name         nameView
	Title        string
	Mine         bool
	Cost, Before string
	Figure       templ.SafeURL // "" where there is none
	BeforeFigure templ.SafeURL
	Share        barView
	Change       string
	ChangePart   string
	Expected     string
	Band         string
	Budget       *budgetView
}

// A budgetView is a budget and how much of it is used.
type budgetView struct {
	State badgeView
	Bar   barView
	Text  string
}

func (r *request) teams() (page, error) {
	q := control.TeamsQuery{Tenant: r.tenant(), Month: r.month()}
	list, err := r.control.Teams(r.context(), q)
	if err != nil {
		return page{}, err
	}
	summary, err := r.control.CostSummary(r.context(), control.SummaryQuery{Tenant: q.Tenant, Month: q.Month})
	if err != nil {
		return page{}, err
	}
	return page{Title: "Teams & cost", Place: "Teams & cost", Tenant: allTenants, Body: teamsPage(newTeamsView(r, list, summary))}, nil
}

func newTeamsView(r *request, list control.Teams, s control.CostSummary) teamsView {
	m := list.Query.From.Month()
	v := teamsView{
		Head: headView{
			Title: "Teams & cost", Lead: period(list.Query) + ", in days of UTC. " + sharingWords(list.Query.Shared), AsOf: newWhen(list.At, r.now),
			Tools: []toolView{
				{"Report", r.link("/costs", "month", r.month())}, {"Unowned", r.link("/unowned")},
				{"CSV", r.link("/teams.csv", "month", r.month())},
			},
		},
		Month: r.months(m), Currency: list.Currency,
	}
	for _, n := range list.Notes {
		v.Notes = append(v.Notes, sentence(n)+".")
	}
	mine := r.actor.Teams
	slices.SortStableFunc(list.Teams, func(a, b control.Team) int {
		switch x, y := slices.Contains(mine, a.Name), slices.Contains(mine, b.Name); {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	before := attribution.Micro(0)
	for _, t := range list.Teams {
		before += t.Before
		row := newTeamRowView(r, list, t)
		row.Mine = slices.Contains(mine, t.Name)
		v.Rows = append(v.Rows, row)
	}
	v.Total = teamRowView{
		Cost: amount(list.Total), Before: amount(before), Change: change(list.Total - before), ChangePart: changePart(before, list.Total),
		Figure: r.figureLink([]string{"month", m.String()}), Expected: amount(s.Forecast.Expected), Band: band(s.Forecast),
	}
	if list.Total == 0 {
		v.Total.Figure = ""
	}
	switch {
	case list.Currency == "":
		lesson := priceLesson()
		v.Lesson, v.Notes = &lesson, nil
	case len(list.Teams) == 0:
		v.Lesson = &emptyView{
			Title: "Nothing is recorded of this month",
			Text:  []string{"The ledger fills as samples arrive, every five seconds. Choose another month or tenant, or look at the overview for what is received now."},
			Link:  r.link("/"), Go: "Overview",
		}
	}
	if v.Currency == "" || v.Lesson != nil {
		return v
	}
	v.Head.Tools = append(v.Head.Tools, toolView{"FOCUS", r.exportLink("focus", "month", m.String())})
	v.Stats = newTeamsStats(r, list, s, before)
	if v.Chart = newCostChart(s, v.Currency); v.Chart != nil {
		v.Chart.addDays(r, s)
	}
	v.Drivers = newDriversView(r, s)
	return v
}

func newTeamsStats(r *request, list control.Teams, s control.CostSummary, before attribution.Micro) []statView {
	stats := []statView{
		{Label: "Cost of " + period(list.Query), Value: amount(list.Total), Unit: list.Currency, Note: changePart(before, list.Total) + " against " + period(list.Before)},
		{Label: "Expected of the month", Value: amount(s.Forecast.Expected), Unit: list.Currency, Note: forecastNote(s.Forecast)},
	}
	if s.Budget != nil {
		stats = append(stats, budgetStat(*s.Budget, list.Currency))
	}
	owned := statView{Label: "Somebody owns", Value: percent(list.Coverage), Unit: "of the cost", Href: r.link("/unowned"), Note: "the rest has no team"}
	switch {
	case list.Total == 0:
		owned.Value, owned.Unit, owned.Note = "–", "", "nothing has cost anything yet"
	case list.Coverage >= 1:
		owned.Note = ""
	}
	return append(stats, owned, statView{Label: "Saved by rules", Value: amount(s.Saved), Unit: list.Currency, Href: r.link("/costs", "by", "rule", "month", r.month()), Note: "what they removed, at its price"})
}

// forecastNote says between what the month will end.
func forecastNote(f attribution.Forecast) string {
	if b := band(f); b != "" {
		return b + " in nine months of ten"
	}
	return f.Basis
}

// budgetStat shows how much of a budget is used, and until when it lasts.
func budgetStat(b attribution.BudgetState, currency string) statView {
	s := statView{Label: "Budget used", Value: percent(b.Used), Unit: "of " + amount(b.Month) + " " + currency, Note: exhaustion(b)}
	switch {
	case b.Used >= 1:
		s.Tone = "bad"
	case b.Over:
		s.Tone = "warn"
	}
	return s
}

// exhaustion says when a budget is used up.
func exhaustion(b attribution.BudgetState) string {
	switch {
	case b.Used >= 1 && b.Exhausted != 0:
		return "used up on " + b.Exhausted.Time().Format("2 January")
	case b.Used >= 1:
		return "used up"
	case b.DaysLeft == 0:
		return "expected to be used up today"
	case b.DaysLeft > 0 && b.Exhausted != 0:
		return "used up in " + plural(b.DaysLeft, "day") + ", on " + b.Exhausted.Time().Format("2 January") + ", as it looks"
	case b.Over:
		return "expected to be exceeded"
	}
	if b.Forecast.Basis == control.MonthOver {
		return "it lasted the month"
	}
	return "expected to last the month"
}

func newBudgetView(b attribution.BudgetState) *budgetView {
	v := &budgetView{
		State: badgeView{Text: "within", Tone: "good", Title: exhaustion(b)},
		Bar:   barView{Share: b.Used, Title: percent(b.Used) + " of the budget is used"}, Text: percent(b.Used) + " of " + amount(b.Month),
	}
	switch {
	case b.Used >= 1:
		v.State.Text, v.State.Tone = "used up", "bad"
	case b.Over:
		v.State.Text, v.State.Tone = "over by month’s end", "warn"
	}
	return v
}

func newTeamRowView(r *request, list control.Teams, t control.Team) teamRowView {
	v := teamRowView{
		Name: newNameView(t.Name, r.teamLink(t.Name)), Title: short(t.Title),
		Cost: amount(t.Cost), Before: amount(t.Before), Change: change(t.Cost - t.Before), ChangePart: changePart(t.Before, t.Cost),
		Expected: amount(t.Forecast.Expected), Band: band(t.Forecast),
		Share: barView{Share: share(t.Cost, list.Total), Title: percent(share(t.Cost, list.Total)) + " of the cost"},
	}
	if v.Title == v.Name.Text {
		v.Title = ""
	}
	if t.Cost != 0 {
		v.Figure = r.figureLink([]string{"month", list.Query.From.Month().String()}, "team", t.Name)
	}
	if t.Before != 0 {
		v.BeforeFigure = r.figureLink([]string{"from", list.Before.From.String(), "to", list.Before.To.String()}, "team", t.Name)
	}
	if t.Budget != nil {
		v.Budget = newBudgetView(*t.Budget)
	}
	return v
}

// teamLink returns the address of a team's page, of the same month.
func (r *request) teamLink(name string) templ.SafeURL {
	return r.link(pathOf("/teams", name), "month", r.month())
}

// exportLink returns where the API has a report as a file: csv, or focus.
func (r *request) exportLink(format string, pairs ...string) templ.SafeURL {
	return r.link("/api/v1/costs", append(slices.Clone(pairs), "format", format)...)
}

func (r *request) teamsCSV() (table, error) {
	list, err := r.control.Teams(r.context(), control.TeamsQuery{Tenant: r.tenant(), Month: r.month()})
	if err != nil {
		return table{}, err
	}
	t := table{name: "teams-" + list.Query.From.Month().String(), header: []string{
		"team", "title", "currency", "from", "to", "cost", "before_from", "before_to", "cost_before", "saved", "expected", "expected_low", "expected_high", "budget", "members",
	}}
	t.rows = func(yield func([]string) bool) {
		for _, of := range list.Teams {
			budget := ""
			if of.Budget != nil {
				budget = of.Budget.Month.String()
			}
			if !yield([]string{
				of.Name, of.Title, list.Currency, list.Query.From.String(), list.Query.To.String(), of.Cost.String(), list.Before.From.String(), list.Before.To.String(), of.Before.String(),
				of.Saved.String(), of.Forecast.Expected.String(), of.Forecast.Low.String(), of.Forecast.High.String(), budget, strings.Join(of.Members, " "),
			}) {
				return
			}
		}
	}
	return t, nil
}
