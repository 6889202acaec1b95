package ui

import (
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
)

// costsPerPage is how many rows of a report a page shows.
const costsPerPage = 100

// A costsView is a report, grouped as somebody asks for.
type costsView struct {
	Head     headView
	Form     costsFormView
	Notes    []string
	Filters  []linkView // each leads to the report without it
	Stats    []statView
	Currency string // "" where nothing has a price
	Columns  []string
	Rows     []costRowView
	Rest     *costRowView // of other pages
	Total    costRowView
	Pager    pagerView
	Empty    emptyView
	Lesson   *emptyView // how to set a price
	Copies   []copyView
}

// A costsFormView is what a report is chosen by.
type costsFormView struct {
	Action  templ.SafeURL
	Keep    []param
	Month   monthView
	Columns []optionView
	Sharing []optionView
}

// A costRowView is one row of a report.
type costRowView struct {
	Values          []valueView // one for each column
	Fixed           string      // of which month it is a correction; "" for none
	Samples, Series string
	Cost            string
	Figure          templ.SafeURL
	Share           barView
	Saved           string
}

// A valueView is the value of a column.
type valueView struct {
	Name  nameView
	Words string // in place of the name
}

func (r *request) costs() (page, error) {
	q := r.costQuery("team")
	report, err := r.control.Costs(r.context(), q)
	if err != nil {
		return page{}, err
	}
	return page{
		Title: "Costs", Place: "Teams & cost", Tenant: allTenants,
		Crumbs: []crumb{{"Teams & cost", r.link("/teams", "month", r.month())}}, Body: costsPage(newCostsView(r, q, report)),
	}, nil
}

// costQuery returns the report that a page is asked for.
func (r *request) costQuery(by string) control.CostQuery {
	q := control.CostQuery{
		From: r.get("from"), To: r.get("to"), Month: r.get("month"), By: by, Shared: r.get("shared"), Tenant: r.tenant(),
		Team: r.query.Get("team"), Service: r.query.Get("service"), Metric: r.query.Get("metric"),
	}
	if q.Month != "" { // the field of months stands beside what else was asked for
		q.From, q.To = "", ""
	}
	if list := r.query["by"]; len(list) > 0 {
		q.By = strings.Trim(strings.Join(list, ","), ",")
	}
	return q
}

// costPairs are the parameters of q besides by, for links.
func costPairs(q control.CostQuery) []string {
	return []string{"tenant", q.Tenant, "month", q.Month, "from", q.From, "to", q.To, "shared", q.Shared, "team", q.Team, "service", q.Service, "metric", q.Metric}
}

// columnWords are the columns of reports for people.
var columnWords = map[attribution.Column]string{
	attribution.ByDay: "Day", attribution.ByTenant: "Tenant", attribution.ByTeam: "Team", attribution.ByService: "Service",
	attribution.ByMetric: "Metric", attribution.ByRule: "Rule",
}

func newCostsView(r *request, q control.CostQuery, report control.CostReport) costsView {
	pairs := costPairs(q)
	by := append(slices.Clone(pairs), "by", q.By)
	v := costsView{
		Head: headView{
			Title: "Costs", Lead: sentence(period(report.Query)) + ", in days of UTC. " + sharingWords(report.Query.Shared), AsOf: newWhen(report.At, r.now),
			Tools: []toolView{{"CSV", r.exportLink("csv", by...)}},
		},
		Form: newCostsForm(r, q, report), Currency: report.Currency,
		Copies: []copyView{{ID: "costs-curl", Title: "From the API", Text: r.curl("/costs", by...)}},
	}
	for _, n := range report.Notes {
		v.Notes = append(v.Notes, sentence(n)+".")
	}
	if report.Currency == "" {
		lesson := priceLesson()
		v.Lesson, v.Notes = &lesson, nil
	} else {
		v.Head.Tools = append(v.Head.Tools, toolView{"FOCUS", r.exportLink("focus", focusPairs(q, report.By)...)})
	}
	for _, f := range []struct{ name, value string }{{"team", q.Team}, {"service", q.Service}, {"metric", q.Metric}} {
		if f.value != "" {
			v.Filters = append(v.Filters, linkView{Text: f.name + " " + short(f.value), Href: r.here(f.name, "")})
		}
	}
	for _, c := range report.By {
		v.Columns = append(v.Columns, columnWords[c])
	}
	v.addRows(r, q, report)
	v.Empty = emptyView{
		Title: "Nothing is recorded of this",
		Text:  []string{"Within " + period(report.Query) + " the ledger has no sample of what is asked for. Choose another month or tenant, or leave out a filter."},
		Link:  r.link("/costs"), Go: "This month’s report",
	}
	return v
}

// addRows adds one page of rows, and what the others come to.
func (v *costsView) addRows(r *request, q control.CostQuery, report control.CostReport) {
	at, _ := strconv.Atoi(r.get("cursor"))
	at = min(max(0, at), len(report.Rows))
	end := min(at+costsPerPage, len(report.Rows))
	var rest attribution.Row
	for i := range report.Rows {
		row := &report.Rows[i]
		if i >= at && i < end {
			v.Rows = append(v.Rows, newCostRow(r, q, report, row))
			continue
		}
		rest.Cost += row.Cost
		rest.Saved += row.Saved
		rest.Samples[attribution.Forwarded] += row.Samples[attribution.Forwarded]
		rest.SeriesHours += row.SeriesHours
	}
	all := rest
	for _, row := range report.Rows[at:end] {
		all.Samples[attribution.Forwarded] += row.Samples[attribution.Forwarded]
		all.SeriesHours += row.SeriesHours
	}
	all.Cost, all.Saved = report.Total, report.Saved
	v.Total = sumRow(&all, report)
	v.Total.Share = barView{}
	if report.Total != 0 {
		v.Total.Figure = r.figureLink(costPairs(q))
	}
	if end-at < len(report.Rows) {
		sum := sumRow(&rest, report)
		v.Rest = &sum
	}
	v.Pager.Shown = plural(end-at, "row") + " of " + grouped(uint64(len(report.Rows)))
	if at > 0 {
		v.Pager.First = r.here()
	}
	if end < len(report.Rows) {
		v.Pager.Next = r.here("cursor", strconv.Itoa(end))
	}
}

func sumRow(row *attribution.Row, report control.CostReport) costRowView {
	v := costRowView{Samples: count(float64(row.Samples[attribution.Forwarded])), Series: count(float64(row.SeriesHours)), Cost: amount(row.Cost), Saved: amount(row.Saved)}
	if report.Total > 0 {
		v.Share = barView{Share: share(row.Cost, report.Total), Title: percent(share(row.Cost, report.Total)) + " of the cost"}
	}
	return v
}

func newCostRow(r *request, q control.CostQuery, report control.CostReport, row *attribution.Row) costRowView {
	v := sumRow(row, report)
	var values []string
	for _, c := range report.By {
		value := columnValue(c, row)
		values = append(values, string(c), value)
		v.Values = append(v.Values, newCostValue(r, q, c, value, row))
	}
	if row.Adjustment != nil {
		v.Fixed = "correction of " + row.Adjustment.Of.String()
	}
	if row.Cost != 0 {
		v.Figure = r.figureLink(costPairs(q), values...)
	}
	return v
}

func columnValue(c attribution.Column, row *attribution.Row) string {
	switch c {
	case attribution.ByDay:
		return row.Day.String()
	case attribution.ByTenant:
		return string(row.Tenant)
	case attribution.ByTeam:
		return row.Team
	case attribution.ByService:
		return row.Service
	case attribution.ByMetric:
		return row.Metric
	}
	return row.Rule
}

// newCostValue shows a value of a column, and leads one step further down: from a
// day or a tenant to teams, from a team or a service to metrics, from a metric to
// its labels.
func newCostValue(r *request, q control.CostQuery, c attribution.Column, value string, row *attribution.Row) valueView {
	switch {
	case value != "":
	case row.Adjustment != nil:
		return valueView{Words: "correction"}
	case row.Shared > 0:
		return valueView{Words: "share of what nobody owns"}
	case row.Shared < 0:
		return valueView{Words: "paid by the others"}
	default:
		return valueView{Words: "none"}
	}
	pairs := costPairs(q)
	down := func(by string, more ...string) templ.SafeURL {
		return r.link("/costs", append(append(slices.Clone(pairs), more...), "by", by)...)
	}
	var href templ.SafeURL
	switch c {
	case attribution.ByDay:
		if day, err := attribution.ParseHour(value); err == nil {
			href = down("team", "month", "", "from", value, "to", (day + 24).String())
		}
	case attribution.ByTenant:
		href = down("team", "tenant", value)
	case attribution.ByTeam:
		href = down("metric", "team", value)
	case attribution.ByService:
		href = down("metric", "service", value)
	case attribution.ByMetric:
		href = r.link("/profile/metric", "metric", value)
	case attribution.ByRule:
		href = r.link(rulePath(value))
	}
	return valueView{Name: newNameView(value, href)}
}

func newCostsForm(r *request, q control.CostQuery, report control.CostReport) costsFormView {
	v := costsFormView{Action: r.site.address("/costs", nil), Keep: r.keep("tenant", "team", "service", "metric"), Month: r.months(report.From.Month())}
	if q.From != "" || q.To != "" {
		v.Month.Months = append([]optionView{{"", period(report.Query), true}}, unchosen(v.Month.Months)...)
		v.Keep = append(v.Keep, r.keep("from", "to")...)
	}
	for _, c := range attribution.Columns {
		v.Columns = append(v.Columns, optionView{string(c), columnWords[c], slices.Contains(report.By, c)})
	}
	for _, s := range []optionView{
		{"", "as in force", q.Shared == ""}, {string(attribution.Keep), "kept apart", false}, {string(attribution.Even), "shared evenly", false}, {string(attribution.Proportional), "shared in proportion", false},
	} {
		s.Chosen = s.Value == q.Shared
		v.Sharing = append(v.Sharing, s)
	}
	return v
}

func unchosen(list []optionView) []optionView {
	for i := range list {
		list[i].Chosen = false
	}
	return list
}

// focusPairs are the parameters of the charges of q: by service and metric where q
// is. Rules have none.
func focusPairs(q control.CostQuery, by []attribution.Column) []string {
	var columns []string
	for _, c := range by {
		if c == attribution.ByService || c == attribution.ByMetric {
			columns = append(columns, string(c))
		}
	}
	return append(costPairs(q), "shared", "", "by", strings.Join(columns, ","))
}
