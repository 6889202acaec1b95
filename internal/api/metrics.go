package api

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
)

// A MetricRow is a metric in a list.
type MetricRow struct {
	Profile
	Labels          int           `json:"labels" doc:"How many label names are in use."`
	CostPerMonth    *float64      `json:"cost_per_month" doc:"An estimate in whole units of currency: series_forwarded and their share of samples_per_second, going on for 730 hours at the price of now. Null where there is no price."`
	Change1d        *float64      `json:"change_1d" doc:"Series now, less those of a day ago. Null where that is not known: see day_ago; or the metric had too few series to be remembered, then and now; or only a part of it is meant."`
	Change1dAtLeast bool          `json:"change_1d_at_least" doc:"The metric had too few series then to be remembered: it has grown by change_1d or by more."`
	Change7d        *float64      `json:"change_7d" doc:"Likewise of a week ago."`
	Change7dAtLeast bool          `json:"change_7d_at_least"`
	Owners          []MetricOwner `json:"owners" doc:"The teams of its series, most series first."`
	UsedBy          *int          `json:"used_by" doc:"How many alerts, recording rules and dashboards read it, or may. Null where no files of them are named."`
	LastQueried     *time.Time    `json:"last_queried" doc:"When a query asked for it last. Null where none was seen, or queries are not watched."`
	Priority        string        `json:"priority" doc:"Of most of its series; empty where nothing is known of them."`
	Status          MetricStatus  `json:"status"`
}

// A MetricOwner is a team, and its part of a metric.
type MetricOwner struct {
	Team  string  `json:"team"`
	Share float64 `json:"share" doc:"Of the series, from 0 to 1."`
}

// A MetricStatus is what becomes of a metric's series, in parts of one.
type MetricStatus struct {
	Forwarded   float64 `json:"forwarded" doc:"Every sample is forwarded."`
	Dropped     float64 `json:"dropped"`
	Downsampled float64 `json:"downsampled" doc:"Samples are thinned, and the others forwarded."`
	Shed        float64 `json:"shed" doc:"By the limiter, now."`
}

// A MetricsPage is a list of metrics.
type MetricsPage struct {
	Metrics               []MetricRow `json:"metrics" doc:"Greatest first."`
	TotalSeries           int64       `json:"total_series" doc:"Of all metrics that are meant, on this page or not."`
	TotalSeriesError      float64     `json:"total_series_error" doc:"Its standard error, in series; 0 where it is exact."`
	TotalSeriesForwarded  int64       `json:"total_series_forwarded"`
	TotalSamplesPerSecond float64     `json:"total_samples_per_second"`
	TotalCostPerMonth     *float64    `json:"total_cost_per_month" doc:"Null where there is no price."`
	TotalMetrics          int         `json:"total_metrics"`
	AsOf                  time.Time   `json:"as_of"`
	DayAgo                *time.Time  `json:"day_ago" doc:"When series were read that change_1d is the change from. Null where there was no reading."`
	WeekAgo               *time.Time  `json:"week_ago" doc:"Likewise of change_7d."`
	Currency              string      `json:"currency" doc:"Of costs; empty where there is no price."`
	LetGo                 []string    `json:"let_go" doc:"What memory did not allow, in sentences."`
	Notes                 []string    `json:"notes" doc:"What figures do not tell, in sentences."`
	NextCursor            string      `json:"next_cursor" doc:"Of the next page; empty where there is none."`
}

type metricsInput struct {
	Tenant string   `query:"tenant" doc:"The tenant of senders that name none, where absent."`
	Match  []string `query:"match,explode" maxItems:"64" doc:"A PromQL series selector, such as {job=\"api\"}; may be repeated: any of them. Where a metric matches in part, that part is shown."`
	Search string   `query:"q" maxLength:"1024" doc:"A part of the metric's name, in any case."`
	Team   string   `query:"team" maxLength:"1024" doc:"Whose series are meant: a team, or unowned."`
	Phase  string   `query:"phase" enum:"received,forwarded,dropped,downsampled,shed,rejected,failed" doc:"Which part of what is received is meant, by what the rules and the limiter do with it now: series of which samples are forwarded, or dropped, and so on, and those samples. rejected and failed are the metrics that had such samples within the last one to two hours, by the ledger."`
	Sort   string   `query:"sort" enum:"series,samples,churn,cost,change_1d,change_7d" default:"series" doc:"cost needs a price. What has no change that is known comes last."`
	Limit  int      `query:"limit" minimum:"1" maximum:"10000" default:"100"`
	Cursor string   `query:"cursor" maxLength:"16384" doc:"next_cursor of the page before. Figures move between pages: what passes the cursor meanwhile is shown twice or not at all."`
}

type metricsOutput struct{ Body MetricsPage }

func registerMetrics(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/profile/metrics", "list-profiled-metrics", "The metrics that make the series"),
		func(ctx context.Context, in *metricsInput) (*metricsOutput, error) {
			page, err := c.As(actor(ctx)).ProfileMetrics(ctx, control.MetricsQuery{
				Tenant: in.Tenant, Match: in.Match, Search: in.Search, Team: in.Team, Phase: in.Phase, Sort: in.Sort, Limit: in.Limit, Cursor: in.Cursor,
			})
			if err != nil {
				return nil, problem(err)
			}
			return &metricsOutput{newMetricsPage(page)}, nil
		})
}

func newMetricsPage(p control.MetricsPage) MetricsPage {
	out := MetricsPage{
		Metrics: make([]MetricRow, len(p.Metrics)), TotalSeries: whole(p.TotalSeries), TotalSeriesError: errorDigits(p.TotalError),
		TotalSeriesForwarded: whole(p.TotalForwarded), TotalSamplesPerSecond: rateDigits(p.TotalPerSecond), TotalMetrics: p.TotalMetrics,
		AsOf: p.AsOf.UTC(), Currency: p.Price.Currency(), LetGo: append([]string{}, p.LetGo...), Notes: append([]string{}, p.Notes...), NextCursor: p.Next,
	}
	if p.NoPast != nil {
		out.Notes = append(out.Notes, "No change is known: "+p.NoPast.Error()+".")
	}
	if p.Day != nil {
		out.DayAgo = &p.Day.At
	}
	if p.Week != nil {
		out.WeekAgo = &p.Week.At
	}
	if out.Currency != "" {
		cost := rateDigits(p.TotalCost)
		out.TotalCostPerMonth = &cost
	}
	for i := range p.Metrics {
		out.Metrics[i] = newMetricRow(&p, &p.Metrics[i])
	}
	return out
}

func newMetricRow(p *control.MetricsPage, r *profiler.MetricRow) MetricRow {
	fate := p.Fate(r)
	out := MetricRow{
		Profile: newProfile(*r), Labels: r.Labels, Owners: []MetricOwner{}, Priority: p.Priority(r),
		Status: MetricStatus{rateDigits(fate.Forwarded), rateDigits(fate.Dropped), rateDigits(fate.Downsampled), rateDigits(fate.Shed)},
	}
	for _, o := range p.Owners(r) {
		out.Owners = append(out.Owners, MetricOwner{o.Team, rateDigits(o.Share)})
	}
	if p.Price.Currency() != "" {
		cost := rateDigits(p.Price.OfMetric(r))
		out.CostPerMonth = &cost
	}
	out.Change1d, out.Change1dAtLeast = newGrowth(p.Growth(p.Day, r))
	out.Change7d, out.Change7dAtLeast = newGrowth(p.Growth(p.Week, r))
	if used, known := p.UsedBy(r.Metric); known {
		out.UsedBy = &used
	}
	if a := p.AskedFor(r.Metric); a != nil && a.Count > 0 {
		last := a.Last.UTC()
		out.LastQueried = &last
	}
	return out
}

func newGrowth(g control.Growth) (*float64, bool) {
	if !g.Known {
		return nil, false
	}
	n := math.Round(g.Series)
	return &n, g.AtLeast
}
