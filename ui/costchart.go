package ui

import (
	"fmt"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
)

// A costChartView is what a month has come to by each day, what is expected of the
// rest, and the budget, in a box of chartWidth by chartHeight.
type costChartView struct {
	Box            string
	Area, Line     string // month to date
	Band, Expected string // of the rest; "" where the month is over
	Budget         string // the height of its line; "" where there is none
	Most, Half     string
	From, To       string
	Title, Summary string
	Currency       string
	Days           []costDayView
}

// A costDayView is one day of the chart's table.
type costDayView struct {
	Day            string
	Cost           string // "" where the day is yet to come
	Figure         templ.SafeURL
	ToDate         string
	Expected, Band string // of the month by the end of the day; "" where it is over
}

// newCostChart draws how a month stands; it is nil where nothing costs anything.
func newCostChart(s control.CostSummary, currency string) *costChartView {
	m := s.Query.From.Month()
	hours := float64(m.To() - m.From())
	most := float64(max(s.Total, s.Forecast.High))
	if s.Budget != nil {
		most = max(most, float64(s.Budget.Month))
	}
	if most <= 0 || currency == "" {
		return nil
	}
	most = axisTop(most)
	x := func(h attribution.Hour) string { return units(chartWidth * float64(h-m.From()) / hours) }
	y := func(a attribution.Micro) string { return units(chartHeight * (1 - min(1, max(0, float64(a)/most)))) }
	v := &costChartView{
		Box:  fmt.Sprintf("0 0 %g %g", chartWidth, chartHeight),
		Most: whole(most), Half: whole(most / 2), From: m.From().Time().Format("2 January"), To: (m.To() - 1).Time().Format("2 January"),
		Title: "Cost of " + monthName(m) + " by day, added up", Currency: currency,
	}
	line, sum := x(m.From())+","+y(0), attribution.Micro(0)
	for _, d := range s.Days {
		sum += d.Total
		line += " " + x(min(d.Day+24, s.Query.To)) + "," + y(sum)
	}
	v.Line = line
	v.Area = line + " " + x(s.Query.To) + "," + units(chartHeight)
	if days := s.Forecast.Days; len(days) > 0 {
		begin := x(s.Query.To) + "," + y(sum)
		expected, low := begin, ""
		high := begin
		for _, d := range days {
			end := x(min(d.Day+24, m.To()))
			expected += " " + end + "," + y(d.ToDate)
			high += " " + end + "," + y(d.High)
			low = " " + end + "," + y(d.Low) + low
		}
		v.Expected = expected
		if band(s.Forecast) != "" {
			v.Band = high + low
		}
	}
	over := s.Forecast.Basis == control.MonthOver
	v.Summary = amount(s.Total) + " " + currency
	if !over {
		v.Summary += " so far"
	}
	if b := band(s.Forecast); b != "" {
		v.Summary += "; by the end of the month " + amount(s.Forecast.Expected) + " are expected, and nine months of ten end between " + strings.Replace(b, " to ", " and ", 1)
	}
	if s.Budget != nil {
		v.Budget = y(s.Budget.Month)
		v.Summary += "; the budget is " + amount(s.Budget.Month)
	}
	v.Summary += "."
	if s.Forecast.Basis != "" && !over {
		v.Summary += " Forecast: " + s.Forecast.Basis + "."
	}
	return v
}

// whole writes an amount at an axis.
func whole(micro float64) string {
	if micro >= 100e6 {
		return count(micro / 1e6)
	}
	return amount(attribution.Micro(micro))
}

// addDays adds the table of the chart.
func (v *costChartView) addDays(r *request, s control.CostSummary) {
	filters := []string{"month", s.Query.From.Month().String(), "team", s.Query.Team}
	expected := map[attribution.Hour]attribution.DayForecast{}
	for _, d := range s.Forecast.Days {
		expected[d.Day] = d
	}
	costs := map[attribution.Hour]attribution.Micro{}
	for _, d := range s.Days {
		costs[d.Day] = d.Total
	}
	m, sum := s.Query.From.Month(), attribution.Micro(0)
	for day := m.From(); day < m.To(); day += 24 {
		row := costDayView{Day: day.Time().Format("2 Jan")}
		if day < s.Query.To {
			sum += costs[day]
			row.Cost, row.ToDate = amount(costs[day]), amount(sum)
			if costs[day] != 0 {
				row.Figure = r.figureLink(filters, "day", day.String())
			}
		}
		if d, ok := expected[day]; ok {
			row.Expected, row.Band = amount(d.ToDate), amount(d.Low)+" to "+amount(d.High)
		}
		v.Days = append(v.Days, row)
	}
}
