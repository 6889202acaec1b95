package ui

import (
	"github.com/a-h/templ"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
)

// A driversView is what made a month's cost differ from that of the one before.
type driversView struct {
	Currency      string
	What          string // Team or Metric
	Before, After string // the times that are compared
	Rows          []driverView
	Total         driverView
}

// A driverView is what one group changed.
type driverView struct {
	Name                 nameView // without Text: of Words
	Words                string
	Before, After        string
	BeforeFigure, Figure templ.SafeURL // how they came about
	Change, ChangePart   string
}

// newDriversView shows the drivers of a summary: teams, or of one team metrics.
func newDriversView(r *request, s control.CostSummary) driversView {
	v := driversView{Currency: s.Currency, What: "Team", Before: period(s.Before), After: period(s.Query), Total: newDriverView("Together", s.TotalBefore, s.Total)}
	if s.Query.Team != "" {
		v.What = "Metric"
	}
	for _, d := range s.Drivers {
		v.Rows = append(v.Rows, namedDriver(r, s, d))
	}
	if len(v.Rows) > 0 && (s.Rest.Before != 0 || s.Rest.After != 0) {
		v.Rows = append(v.Rows, newDriverView("All others", s.Rest.Before, s.Rest.After))
	}
	return v
}

func newDriverView(words string, before, after attribution.Micro) driverView {
	return driverView{
		Words: words, Before: amount(before), After: amount(after), Change: change(after - before), ChangePart: changePart(before, after),
	}
}

func namedDriver(r *request, s control.CostSummary, d attribution.Driver) driverView {
	v := newDriverView("", d.Before, d.After)
	month := []string{"month", s.Query.From.Month().String()}
	earlier := []string{"from", s.Before.From.String(), "to", s.Before.To.String()}
	column, value := "team", d.Team
	switch {
	case s.Query.Team == "":
		v.Name = newNameView(d.Team, r.teamLink(d.Team))
	case d.Metric == "":
		v.Words = "Share of what nobody owns, and corrections"
		return v
	default:
		v.Name = newNameView(d.Metric, r.link("/profile/metric", "metric", d.Metric))
		of := []string{"team", s.Query.Team, "shared", string(attribution.Keep)}
		month, earlier, column, value = append(month, of...), append(earlier, of...), "metric", d.Metric
	}
	if d.After != 0 {
		v.Figure = r.figureLink(month, column, value)
	}
	if d.Before != 0 {
		v.BeforeFigure = r.figureLink(earlier, column, value)
	}
	return v
}
