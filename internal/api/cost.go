package api

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
)

// Costs are what was used and what it cost. Money is in millionths of the currency.
type Costs struct {
	Currency string    `json:"currency" doc:"Empty where nothing has a price."`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	By       []string  `json:"by"`
	Shared   string    `json:"shared" doc:"Who pays for what nobody owns."`
	Coverage float64   `json:"coverage" doc:"The part of the cost that somebody owns."`
	Unpriced uint64    `json:"unpriced_samples" doc:"In hours without a price."`
	Saved    int64     `json:"saved_micro" doc:"What rules removed, at its price."`
	Total    int64     `json:"total_micro" doc:"Of all rows, written or not: the sum of their cost_micro."`
	RestRows int       `json:"rest_rows" doc:"Rows beyond limit, that are not written. CSV has all."`
	Rest     int64     `json:"rest_micro" doc:"Their cost."`
	Notes    []string  `json:"notes" doc:"Sentences to be read with the figures."`
	Rows     []CostRow `json:"rows" doc:"By day first where there are days; then the dearest first."`
}

// A CostRow is one row. It has those columns that by names.
type CostRow struct {
	Day         *string `json:"day,omitempty" doc:"Of UTC."`
	Tenant      *string `json:"tenant,omitempty"`
	Team        *string `json:"team,omitempty"`
	Service     *string `json:"service,omitempty"`
	Metric      *string `json:"metric,omitempty" doc:"Empty for a share of what nobody owns, and for corrections."`
	Rule        *string `json:"rule,omitempty" doc:"Empty for what no rule removed."`
	Samples     uint64  `json:"samples" doc:"Forwarded: what is paid for."`
	SeriesHours uint64  `json:"series_hours" doc:"Distinct series forwarded, summed over the hours."`
	Dropped     uint64  `json:"dropped"`
	Downsampled uint64  `json:"downsampled"`
	Shed        uint64  `json:"shed"`
	Rejected    uint64  `json:"rejected"`
	Failed      uint64  `json:"failed"`
	Cost        int64   `json:"cost_micro"`
	Shared      int64   `json:"shared_micro" doc:"The part of cost_micro that is a share of what nobody owns; of the team unowned, what the others took, below zero."`
	Saved       int64   `json:"saved_micro"`
	Adjusts     string  `json:"adjusts,omitempty" doc:"The closed month that the row corrects."`
	Reason      string  `json:"reason,omitempty"`
}

// A CostFilter says which costs are meant.
type CostFilter struct {
	From    string `query:"from" maxLength:"64" doc:"A day, or a full hour in RFC 3339. The begin of the month of to where absent." example:"2026-11-01"`
	To      string `query:"to" maxLength:"64" doc:"Likewise; it is not included. Now where absent."`
	Month   string `query:"month" maxLength:"64" doc:"In place of from and to." example:"2026-11"`
	By      string `query:"by" maxLength:"256" doc:"Columns of the rows: some of day, tenant, team, service, metric, rule. One row where absent." example:"team,metric"`
	Tenant  string `query:"tenant" doc:"Of this tenant alone. Likewise team, service and metric."`
	Team    string `query:"team"`
	Service string `query:"service"`
	Metric  string `query:"metric"`
	Shared  string `query:"shared" enum:"keep,even,proportional" doc:"Who pays for what nobody owns; as attribution.shared says where absent."`
}

func (f *CostFilter) query() control.CostQuery {
	return control.CostQuery{From: f.From, To: f.To, Month: f.Month, By: f.By, Shared: f.Shared, Tenant: f.Tenant, Team: f.Team, Service: f.Service, Metric: f.Metric}
}

type costsInput struct {
	CostFilter
	Format string `query:"format" enum:"json,csv,focus" default:"json" doc:"focus: FOCUS 1.2, as CSV, by day, tenant and team in any case, and by service and metric where by names them."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100000" default:"10000" doc:"Of rows in JSON; CSV has all."`
}

type figuresInput struct {
	CostFilter
	Row []string `query:"row,explode" maxItems:"6" doc:"A value of the row, such as team:checkout; one for each column of by."`
}

// Figures are how a row's cost came about.
type Figures struct {
	Currency string   `json:"currency"`
	Formula  string   `json:"formula"`
	Total    int64    `json:"total_micro" doc:"Of the report, with whose other rows the cost was rounded."`
	Figures  []Figure `json:"figures" doc:"That of the row, then those of corrections with the same values."`
}

// A Figure is how one cost came about. Exact amounts are text, in whole units of
// the currency.
type Figure struct {
	Cost    int64       `json:"cost_micro"`
	Exact   string      `json:"exact" doc:"Before it was rounded."`
	Terms   []CostTerm  `json:"terms" doc:"The row's own use, by price."`
	Shares  []CostShare `json:"shares" doc:"What it pays for what nobody owns."`
	Given   string      `json:"given,omitempty" doc:"Of the team unowned: what the others pay."`
	Adjusts string      `json:"adjusts,omitempty" doc:"The closed month that is corrected."`
	Lines   []string    `json:"lines" doc:"All of it for people."`
}

// A CostTerm is what one price makes of quantities.
type CostTerm struct {
	Price       *TermPrice `json:"price" doc:"Null where there was none."`
	Samples     uint64     `json:"samples"`
	SeriesHours uint64     `json:"series_hours"`
	SamplesCost string     `json:"samples_cost"`
	SeriesCost  string     `json:"series_cost"`
}

// A TermPrice is what was paid for samples and series, in whole units of the
// currency.
type TermPrice struct {
	Tenant                 string `json:"tenant" doc:"Empty where it is that of every tenant without its own."`
	PerMillionSamples      string `json:"per_million_samples"`
	PerThousandSeriesMonth string `json:"per_thousand_series_month" doc:"Of 730 hours."`
	ValidFrom              string `json:"valid_from" doc:"Empty for always."`
}

// A CostShare is what a row pays of the unowned cost of a tenant.
type CostShare struct {
	Tenant string `json:"tenant"`
	Shared string `json:"shared" enum:"even,proportional"`
	Teams  int    `json:"teams" doc:"That share it."`
	Part   string `json:"part,omitempty" doc:"The team's, where the row is of one."`
	Cost   string `json:"cost"`
}

type figuresOutput struct{ Body Figures }

func registerCosts(a huma.API, c *control.Control) {
	costs := operation(http.MethodGet, "/costs", "get-costs", "What was used and what it cost")
	costs.Responses = map[string]*huma.Response{"200": {Description: "The report, whole in any case: errors come before it.", Content: map[string]*huma.MediaType{
		"application/json": {Schema: a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Costs](), true, "Costs")},
		"text/csv":         {Schema: &huma.Schema{Type: huma.TypeString}},
	}}}
	huma.Register(a, costs, func(ctx context.Context, in *costsInput) (*huma.StreamResponse, error) {
		ask := c.As(actor(ctx)).Costs
		if in.Format == "focus" {
			ask = c.As(actor(ctx)).FocusCosts
		}
		r, err := ask(ctx, in.query())
		if err != nil {
			return nil, problem(err)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) { writeCosts(ctx, &r, in.Format, in.Limit) }}, nil
	})
	huma.Register(a, operation(http.MethodGet, "/costs/figure", "get-cost-figure", "How the cost of a row came about: the formula and what went into it"),
		func(ctx context.Context, in *figuresInput) (*figuresOutput, error) {
			list, err := c.As(actor(ctx)).CostFigures(ctx, in.query(), in.Row)
			if err != nil {
				return nil, problem(err)
			}
			return &figuresOutput{newFigures(list)}, nil
		})
}

// writeCosts writes a report row by row. Whoever reads it may go away meanwhile.
func writeCosts(ctx huma.Context, r *control.CostReport, format string, limit int) {
	kind, write := "text/csv; charset=utf-8", r.WriteCSV
	switch format {
	case "json":
		kind, write = "application/json", func(w io.Writer) error { return r.WriteJSON(w, limit, r.Notes...) }
	case "focus":
		write = func(w io.Writer) error { return r.WriteFocus(w, attribution.FocusNames{}) }
	}
	ctx.SetHeader("Content-Type", kind)
	if format != "json" {
		ctx.SetHeader("Content-Disposition", `attachment; filename="`+costFile(r.Report, format)+`"`)
	}
	w := bufio.NewWriterSize(ctx.BodyWriter(), 64<<10)
	if write(w) == nil {
		_ = w.Flush()
	}
}

// costFile names the file of a report. Nothing in it comes from senders.
func costFile(r *attribution.Report, format string) string {
	name := func(h attribution.Hour) string { return strings.NewReplacer(":", "", "Z", "").Replace(h.String()) }
	file := "headgate-costs-" + name(r.From) + "-to-" + name(r.To)
	if format == "focus" {
		return file + "-focus-" + attribution.FocusVersion + ".csv"
	}
	return file + ".csv"
}

func newFigures(list []control.CostFigure) Figures {
	out := Figures{Currency: list[0].Currency, Formula: list[0].Formula, Total: int64(list[0].Total)}
	for _, f := range list {
		of := Figure{Cost: int64(f.Cost), Exact: f.Exact, Given: f.Given, Terms: []CostTerm{}, Shares: []CostShare{}, Lines: f.Lines(f.Currency)}
		for _, t := range f.Terms {
			of.Terms = append(of.Terms, CostTerm{newTermPrice(t.Price), t.Samples, t.SeriesHours, t.SamplesCost, t.SeriesCost})
		}
		for _, s := range f.Shares {
			of.Shares = append(of.Shares, CostShare{string(s.Tenant), string(s.Sharing), s.Teams, s.Part, s.Cost})
		}
		if f.Fixed != nil {
			of.Adjusts = f.Fixed.Of.String()
		}
		out.Figures = append(out.Figures, of)
	}
	return out
}

func newTermPrice(p *attribution.Price) *TermPrice {
	if p == nil {
		return nil
	}
	out := &TermPrice{string(p.Tenant), p.PerMillionSamples.String(), p.PerThousandSeriesMonth.String(), ""}
	if p.ValidFrom != 0 {
		out.ValidFrom = p.ValidFrom.String()
	}
	return out
}
