package control

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
)

// A Team is who owns series and pays for them, and how its month stands.
type Team struct {
	Name     string
	Title    string   // for people; "" where no catalog has one
	Members  []string // of the catalogs' groups
	Entities []string // that it owns, by the catalogs
	Cost     attribution.Micro
	Before   attribution.Micro // in the same days of the month before
	Saved    attribution.Micro
	Forecast attribution.Forecast
	Budget   *attribution.BudgetState // nil where there is none
}

// Teams are all that are known: of catalogs, owners, budgets, and the ledger of
// this month and the one before.
type Teams struct {
	At       time.Time // when this was found
	Currency string
	Query    attribution.Query // of the month up to now
	Before   attribution.Query
	Teams    []Team            // the dearest first
	Total    attribution.Micro // of the month, of all of them
	Coverage float64           // the part of it that somebody owns
	Notes    []string
}

// A TeamsQuery says whose costs of a month are meant.
type TeamsQuery struct {
	Tenant string // whose cost is counted; "" for all
	Month  string // as in 2026-11; "" for this one
}

// Teams returns the teams and how their month stands.
func (c *Control) Teams(ctx context.Context, q TeamsQuery) (Teams, error) {
	now := c.now()
	t, err := c.tenantOrAll(auth.ReadCosts, q.Tenant)
	if err != nil {
		return Teams{}, err
	}
	m, err := parseMonth(q.Month, now)
	if err != nil {
		return Teams{}, err
	}
	month := attribution.Query{From: m.From(), To: min(m.To(), soon(now)), Shared: c.parts.Policies.Shared(), Tenant: t, By: []attribution.Column{attribution.ByTeam}}
	return recently(ctx, c, "teams", month, t, few, func() (Teams, error) { return c.listTeams(ctx, month, now) })
}

func (c *Control) listTeams(ctx context.Context, month attribution.Query, now time.Time) (Teams, error) {
	list := Teams{At: time.Now(), Query: month, Before: month.Before()}
	known := c.knownTeams()
	if month.Tenant != "" { // a budget is for what all tenants cost
		for name, of := range known {
			of.Budget = nil
			known[name] = of
		}
	}
	err := c.read(ctx, func(ctx context.Context, r *ledgerReader) error { return list.fill(ctx, r, known, now) })
	if err != nil {
		return Teams{}, err
	}
	list.Teams = slices.SortedFunc(maps.Values(known), func(a, b Team) int {
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// fill reads the ledger, and adds the teams that only it knows.
func (list *Teams) fill(ctx context.Context, r *ledgerReader, known map[string]Team, now time.Time) error {
	before56, days := trailing(list.Query, attribution.ByDay, attribution.ByTeam)
	all := list.Query
	all.From, all.By = before56.From, nil
	reports, err := r.within(ctx, all, before56, days, list.Query, list.Before)
	if err != nil {
		return err
	}
	month, before := reports[2], reports[3]
	list.Currency, list.Total, list.Coverage, list.Notes = month.Currency, month.Total, month.Coverage, notes(month)
	for _, row := range month.Rows {
		t := knownTeam(known, row.Team)
		t.Cost += row.Cost
		t.Saved += row.Saved
		known[row.Team] = t
	}
	for _, row := range before.Rows {
		t := knownTeam(known, row.Team)
		t.Before += row.Cost
		known[row.Team] = t
	}
	past, current := daysByTeam(reports[0]), daysByTeam(reports[1])
	for name, t := range known {
		history, days := past(name), current(name)
		for i := range days { // each sum is rounded once, and that of days may differ in the last digit
			if days[i].Total != 0 || i == len(days)-1 {
				days[i].Total += t.Cost - sumOf(days)
				break
			}
		}
		t.Forecast = forecast(history, days, now)
		if t.Budget != nil {
			state := t.Budget.State(t.Forecast, days)
			t.Budget = &state
		}
		known[name] = t
	}
	return nil
}

func knownTeam(known map[string]Team, name string) Team {
	t := known[name]
	t.Name = name
	return t
}

func sumOf(days []attribution.DayTotal) (sum attribution.Micro) {
	for _, d := range days {
		sum += d.Total
	}
	return sum
}

// daysByTeam returns what a report by day and team says of one team's days.
func daysByTeam(r *attribution.Report) func(team string) []attribution.DayTotal {
	empty := *r
	empty.Rows = nil
	byTeam := map[string][]attribution.Row{}
	for _, row := range r.Rows {
		byTeam[row.Team] = append(byTeam[row.Team], row)
	}
	return func(team string) []attribution.DayTotal {
		one := empty
		one.Rows = byTeam[team]
		return one.Days()
	}
}

// knownTeams returns the teams that policies name, by name.
func (c *Control) knownTeams() map[string]Team {
	known := map[string]Team{}
	for _, catalog := range c.parts.Policies.Catalogs() {
		for _, of := range catalog.Teams() {
			t := knownTeam(known, of.Name)
			t.Title = cmp.Or(t.Title, of.Title)
			t.Members, t.Entities = union(t.Members, of.Members), union(t.Entities, of.Entities)
			known[of.Name] = t
		}
	}
	for _, clause := range c.parts.Policies.Owners().Clauses() {
		if clause.Match != nil {
			known[clause.Team] = knownTeam(known, clause.Team)
		}
	}
	for _, b := range c.parts.Policies.Budgets() {
		if b.Team != "" && b.Tenant == "" {
			t := knownTeam(known, b.Team)
			t.Budget = &attribution.BudgetState{Budget: b}
			known[b.Team] = t
		}
	}
	return known
}

// union returns what is in a or b, sorted.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// A CostPart is a metric's or a service's part of a team's cost.
type CostPart struct {
	Name        string
	Samples     uint64 // forwarded
	SeriesHours uint64
	Cost        attribution.Micro
}

// A TeamDetail is a team with what makes its cost.
type TeamDetail struct {
	Team
	Summary  CostSummary
	Own      attribution.Micro // the cost of its own use, without a share of what nobody owns
	Metrics  []CostPart        // of its own use this month, the dearest first
	Services []CostPart        // likewise; empty where the ledger knows no services
	Findings []Finding         // that would save most
}

// maxParts is how many metrics and services of a team are shown.
const maxParts = 10

// Team returns one team, or an ErrNotFound.
func (c *Control) Team(ctx context.Context, name string, q TeamsQuery) (TeamDetail, error) {
	t, err := c.tenantOrAll(auth.ReadCosts, q.Tenant)
	if err != nil {
		return TeamDetail{}, err
	}
	return recently(ctx, c, "team", [2]any{name, q}, t, few, func() (TeamDetail, error) { return c.readTeam(ctx, name, q) })
}

func (c *Control) readTeam(ctx context.Context, name string, q TeamsQuery) (TeamDetail, error) {
	t, known := c.knownTeams()[name]
	if name == "" {
		return TeamDetail{}, &missing{"a team has a name; GET /api/v1/teams lists those that are known"}
	}
	s, err := c.CostSummary(ctx, SummaryQuery{Month: q.Month, Tenant: q.Tenant, Team: name})
	if err != nil {
		return TeamDetail{}, err
	}
	own := s.Query
	own.Shared = attribution.Keep
	d := TeamDetail{Team: t, Summary: s}
	var tenants *attribution.Report
	err = c.read(ctx, func(ctx context.Context, r *ledgerReader) error {
		byTenant, byMetric, byService := own, own, own
		byTenant.By = []attribution.Column{attribution.ByTenant}
		byMetric.By = []attribution.Column{attribution.ByMetric}
		byService.By = []attribution.Column{attribution.ByService}
		all := own
		all.By = []attribution.Column{attribution.ByMetric, attribution.ByService}
		reports, err := r.within(ctx, all, byTenant, byMetric, byService)
		if err != nil {
			return err
		}
		tenants = reports[0]
		d.Metrics = costParts(reports[1], func(r *attribution.Row) string { return r.Metric })
		d.Services = costParts(reports[2], func(r *attribution.Row) string { return r.Service })
		return nil
	})
	if err != nil {
		return TeamDetail{}, err
	}
	if !known && len(tenants.Rows) == 0 && s.Total == 0 && s.TotalBefore == 0 {
		return TeamDetail{}, &missing{fmt.Sprintf("team %.200q is not known: no catalog, owner or budget names it, and it used nothing in the month or the one before", name)}
	}
	d.Name, d.Cost, d.Before, d.Saved, d.Forecast = name, s.Total, s.TotalBefore, s.Saved, s.Forecast
	d.Budget, d.Own = s.Budget, tenants.Total
	for _, row := range tenants.Rows {
		if row.Adjustment == nil {
			d.Findings = append(d.Findings, c.findings(row.Tenant, name)...)
		}
	}
	d.Findings = worst(d.Findings)
	return d, nil
}

// costParts returns the dearest rows that have a name. What is in no service has
// none, nor have corrections.
func costParts(r *attribution.Report, name func(*attribution.Row) string) []CostPart {
	var parts []CostPart
	for i := range r.Rows {
		row := &r.Rows[i]
		if n := name(row); n != "" && len(parts) < maxParts {
			parts = append(parts, CostPart{n, row.Samples[attribution.Forwarded], row.SeriesHours, row.Cost})
		}
	}
	return parts
}
