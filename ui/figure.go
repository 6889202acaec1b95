package ui

import (
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
)

// A figureView says how the cost of a row of a report came about.
type figureView struct {
	Head    headView
	Facts   []factView
	Formula string
	Figures []formulaView
	Back    templ.SafeURL
	Copy    copyView
}

// A formulaView is one figure with what went into it.
type formulaView struct {
	Title, Cost, Currency string
	Share                 string
	Lines                 []string
}

func (r *request) figure() (page, error) {
	q, row := r.costQuery(""), r.query["row"]
	figures, err := r.control.CostFigures(r.context(), q, row)
	if err != nil {
		return page{}, err
	}
	return page{
		Title: "How a figure came about", Place: "Teams & cost", Tenant: allTenants,
		Crumbs: []crumb{{"Teams & cost", r.link("/teams", "month", q.Month)}, {"Costs", r.backToCosts(q)}},
		Body:   figurePage(newFigureView(r, q, row, figures)),
	}, nil
}

func (r *request) backToCosts(q control.CostQuery) templ.SafeURL {
	return r.link("/costs", append(costPairs(q), "by", q.By)...)
}

func newFigureView(r *request, q control.CostQuery, row []string, figures []control.CostFigure) figureView {
	v := figureView{
		Head: headView{Title: "How this figure came about", Lead: "Quantities of the ledger, times the price that held in their hour.", AsOf: newWhen(figures[0].At, r.now)},
		Back: r.backToCosts(q), Formula: sentence(attribution.Formula) + ".",
	}
	for _, text := range row {
		name, value, _ := strings.Cut(text, ":")
		if value == "" {
			value = "–"
		}
		v.Facts = append(v.Facts, factView{Name: sentence(name), Text: short(value)})
	}
	for _, f := range []struct{ name, value string }{
		{"Only tenant", q.Tenant}, {"Only team", q.Team}, {"Only service", q.Service}, {"Only metric", q.Metric}, {"What nobody owns", q.Shared},
	} {
		if f.value != "" {
			v.Facts = append(v.Facts, factView{Name: f.name, Text: short(f.value)})
		}
	}
	v.Facts = append(v.Facts, factView{Name: "Time", Text: sentence(period(figures[0].Query)) + ", in days of UTC"})
	for _, f := range figures {
		one := formulaView{Title: "The row", Cost: amount(f.Cost), Currency: f.Currency, Share: percent(share(f.Cost, f.Total)) + " of the report’s " + amount(f.Total)}
		if f.Fixed != nil {
			one.Title = "A correction of " + f.Fixed.Of.String() + ", which was closed"
		}
		for _, line := range f.Lines(f.Currency) {
			one.Lines = append(one.Lines, shown(line))
		}
		v.Figures = append(v.Figures, one)
	}
	pairs := append(costPairs(q), "by", q.By)
	for _, text := range slices.Sorted(slices.Values(row)) {
		pairs = append(pairs, "row", text)
	}
	v.Copy = copyView{ID: "figure-curl", Title: "From the API", Text: r.curl("/costs/figure", pairs...)}
	return v
}
