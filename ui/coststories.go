package ui

import (
	"strconv"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
)

func costStories(r *request, h hostile) []sceneView {
	const currency = "EUR"
	m := attribution.HourOf(r.now).Month()
	summary := control.CostSummary{Total: 900e6, Budget: &attribution.BudgetState{Budget: attribution.Budget{Month: 1000e6}}}
	summary.Query.From, summary.Query.To = m.From(), m.From()+15*24
	for i := range attribution.Hour(15) {
		summary.Days = append(summary.Days, attribution.DayTotal{Day: m.From() + 24*i, Total: 60e6})
	}
	for day := m.From() + 15*24; day < m.To(); day += 24 {
		sum := 900e6 + attribution.Micro(day-m.From()-14*24)*2.5e6
		summary.Forecast.Days = append(summary.Forecast.Days, attribution.DayForecast{Day: day, ToDate: sum, Low: sum - sum/10, High: sum + sum/10})
		summary.Forecast.Expected, summary.Forecast.Low, summary.Forecast.High = sum, sum-sum/10, sum+sum/10
	}
	chart := newCostChart(summary, currency)
	chart.addDays(r, summary)

	share := barView{Share: 0.4, Title: "40 %"}
	figures := costRowView{Samples: "12 345 M", Series: "1 234", Cost: "1 234.56", Figure: h.here, Share: share, Saved: "12.00"}
	report := costsView{Currency: currency, Columns: []string{"Team", "Metric"}, Rest: &figures, Total: figures}
	teams := teamsView{Currency: currency, Total: teamRowView{Cost: "1 234.56", Before: "1 000.00", Expected: "2 000.00"}}
	owned := unownedView{Currency: currency, Labels: []string{h.long, "job"}}
	drivers := driversView{Currency: currency, What: "Team", Before: "October", After: "November", Total: driverView{Before: "0.00", After: "7.00", Change: "+7.00"}}
	byMetric := partsView{ID: "parts", Title: "By metric", What: "Metric", Total: partView{Words: "Together", Cost: "7.00", Share: share, Samples: "1", Series: "1"}, More: h.here}
	var savings []savingView
	for i, name := range h.names {
		row := figures
		row.Values = []valueView{{Name: name}, {Name: h.of(i + 1)}}
		if i == 2 {
			row.Values[1], row.Fixed = valueView{Words: "share of what nobody owns"}, "October 2026"
		}
		report.Rows = append(report.Rows, row)
		teams.Rows = append(teams.Rows, teamRowView{
			Name: name, Title: h.long, Mine: i == 0, Cost: "1 234.56", Before: "1 000.00", Figure: h.here, BeforeFigure: h.here, Share: share, Change: "+234.56", ChangePart: "+23 %",
			Expected: "2 000.00", Band: "1 900.00 to 2 100.00", Budget: &budgetView{badgeView{Text: "over", Tone: "bad"}, barView{Share: 1, Title: "all of it"}, "123 % of 1 000.00"},
		})
		owner := h.of(i + 1)
		owned.Rows = append(owned.Rows, unownedRowView{Values: []valueView{{Name: name}, {Words: "–"}}, Series: "12", Error: "± 1", Samples: "3", Cost: "1.00", Owner: &owner, Why: h.long})
		drivers.Rows = append(drivers.Rows, driverView{Name: name, Before: "0.00", After: strconv.Itoa(i) + ".00", BeforeFigure: h.here, Figure: h.here, Change: "+" + strconv.Itoa(i) + ".00", ChangePart: "new"})
		byMetric.Rows = append(byMetric.Rows, partView{Name: name, Cost: "1.00", Figure: h.here, Share: share, Samples: "12 M", Series: "1 234"})
		savings = append(savings, savingView{name, "12 M", "1.00"})
	}
	month := r.months(m)
	return []sceneView{
		{"A month", monthForm(month)},
		{"What a report is about", costsForm(costsFormView{
			Action: h.here, Month: month, Columns: []optionView{{"team", "team", true}, {"metric", "metric", false}}, Sharing: []optionView{{"keep", "stays with nobody", true}},
		})},
		{"What is to be known", notes([]string{h.long, "The ledger has gaps."})},
		{"A month by day, over its budget", costChart(*chart)},
		{"Teams", teamsTable(teams)},
		{"A report", costsTable(report)},
		{"What changed most", driversTable(drivers)},
		{"Parts of a team's cost", parts(byMetric, currency)},
		{"What rules save", savingsTable(savings, currency)},
		{"What nobody owns", unownedTable(owned)},
	}
}

func operationStories(r *request, h hostile) []sceneView {
	failing := badgeView{Text: "failing", Tone: "bad"}
	change := entryView{
		At: h.at, Who: h.long, From: h.long, WhoHref: h.here, Verb: badgeView{Text: "rule.save"}, Object: h.script(), Tenant: h.of(10), Reason: h.long, Check: "entry 7",
		Changes: []changeView{{h.long, h.long, h.script().Whole, true, true}, {"mode", "", "shadow", false, true}}, Cut: "5 more values changed.",
	}
	return []sceneView{
		{"Lists of a page", tabs([]tabView{{"Events", h.here, true}, {"Changes", h.here, false}})},
		{"A change", itemOf("events audit", entry(change))},
		{"Upstreams", upstreams([]upstreamView{
			{Words: "Of all tenants without their own", Address: h.long, State: failing, Since: h.at, Answer: "503 " + h.long, At: h.at, Errors: "50 %", Of: "12", Share: barView{Share: 0.5, Title: "half"}, Refused: "3", Retries: "7", Waiting: "2", Bytes: "1 MiB", P50: "2 ms", P99: "20 s"},
			{Name: h.of(10), State: badgeView{Text: "answers", Tone: "good"}, Answer: "204", At: h.at, Errors: "0 %", Of: "12", P50: "1 ms", P99: "2 ms"},
		}, "5 min")},
		{"Tenants", senders(sendersView{More: "12 more are not shown.", All: h.here, Rows: []senderView{
			{Name: h.of(10), Seen: h.at, Credentials: h.long, Rate: "1 234", Failed: "12", Limit: "1 000", Series: "12 of 100", State: failing, Own: true}, {Name: h.script(), Open: true, Rate: "0", Limit: "none"},
		}})},
		{"The configuration", configuration(configurationView{State: failing, Facts: []factView{{Name: "File", Text: h.long}}, Failure: h.long, Failed: h.at, Waiting: "storage", Text: h.copy("configuration-yaml")})},
		{"What was read", sources(sourcesView{Catalogs: []factView{{Name: h.long, Text: "12 services"}}, Skipped: []string{h.long}, Unread: []string{h.script().Text}, More: [2]string{"and 5 more", ""}})},
		{"The bypass", bypassSwitch(bypassForm{Set: h.here, End: h.here, For: "1h", Reason: h.long, Do: "Set anew", Wrong: h.long, Fault: faults{"for": {"it is too long"}}})},
		{"A token to be made", newToken(tokenForm{Action: h.here, Name: h.long, Tenants: h.long, Teams: h.long, Role: "viewer", Roles: []string{"viewer", "admin"}, Lifetimes: lifetimes, Field: "name", Problem: "it is taken"})},
	}
}
