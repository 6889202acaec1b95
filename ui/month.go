package ui

import (
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/attribution"
)

// monthsBack is how many months can be chosen from.
const monthsBack = 13

// A monthView is what somebody chooses a month by.
type monthView struct {
	Action templ.SafeURL
	Keep   []param
	Months []optionView
}

// An optionView is one of what can be chosen.
type optionView struct {
	Value, Text string
	Chosen      bool
}

// months returns what to choose a month by, with the one that is shown.
func (r *request) months(current attribution.Month) monthView {
	v := monthView{Action: r.site.address(r.http.URL.EscapedPath(), nil), Keep: r.keep("tenant")}
	m := attribution.HourOf(r.now).Month()
	if current.From() > m.From() {
		m = current
	}
	var list []attribution.Month
	for range monthsBack {
		list = append(list, m)
		m = m.Previous()
	}
	if !slices.Contains(list, current) {
		list = append(list, current)
	}
	for _, m := range list {
		v.Months = append(v.Months, optionView{m.String(), monthName(m), m == current})
	}
	return v
}

func monthName(m attribution.Month) string { return m.From().Time().Format("January 2006") }

// month returns the parameter month for links: what the page was asked for.
func (r *request) month() string { return r.get("month") }

// period says in words which time a query is about.
func period(q attribution.Query) string {
	m := q.From.Month()
	if q.From == m.From() && q.To == m.To() {
		return monthName(m)
	}
	from, to := q.From.Time(), (q.To - 1).Time()
	if q.To == q.To.Day() || q.From == m.From() && to.Month() == from.Month() && to.Year() == from.Year() {
		if from.Year() == to.Year() && from.YearDay() == to.YearDay() {
			return from.Format("2 January 2006")
		}
		if from.Month() == to.Month() && from.Year() == to.Year() {
			return from.Format("2") + " to " + to.Format("2 January 2006")
		}
		return from.Format("2 January 2006") + " to " + to.Format("2 January 2006")
	}
	return q.From.String() + " to " + q.To.String()
}

// sharingWords say who pays for what nobody owns.
func sharingWords(s attribution.Sharing) string {
	const inFiles = " FOCUS has no shares: there it stays with unowned."
	switch s {
	case attribution.Even:
		return "Teams pay even parts of what nobody owns." + inFiles
	case attribution.Proportional:
		return "Teams pay for what nobody owns in proportion to their own cost." + inFiles
	}
	return "What nobody owns stays with unowned."
}

// figureLink returns the address of how a row of a report came about. The columns
// and their values are given as pairs; filters are other parameters.
func (r *request) figureLink(filters []string, row ...string) templ.SafeURL {
	q := r.values(filters)
	var by []string
	for i := 0; i < len(row); i += 2 {
		by = append(by, row[i])
		q.Add("row", row[i]+":"+row[i+1])
	}
	if len(by) > 0 {
		q.Set("by", strings.Join(by, ","))
	}
	return r.site.address("/costs/figure", q)
}

// priceLesson says how to set a price.
func priceLesson() emptyView {
	return emptyView{
		Title: "Nothing has a price yet",
		Text: []string{
			"Headgate counts every sample and series that it forwards. Say what the store behind it costs, and each of them has a price: those of earlier days, too, as long as their month is not closed.",
			"Take the figures from your contract, or divide last month’s bill.",
		},
		Copy: &copyView{
			ID: "price-yaml", Title: "headgate.yml",
			Text: "attribution:\n  prices:\n    currency: USD\n    per_million_samples: 0.10\n    per_thousand_series_month: 5.00\n",
			Note: "Then reload Headgate. The API takes prices, too: PUT /api/v1/prices.",
		},
	}
}
