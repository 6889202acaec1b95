package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/rules/usage"
)

// What metrics can be sorted by besides the profiler's words: the growth of a day,
// and of a week.
const (
	ByDayChange  = "change_1d"
	ByWeekChange = "change_7d"
)

// A MetricsQuery says which metrics of the profile are meant, and in which order.
type MetricsQuery struct {
	Tenant string   // "" for that of senders that name none
	Match  []string // PromQL selectors, any of which may match; none for all
	Search string   // a part of the metric's name, in any case; "" for all
	Team   string   // whose series are meant; "" for all
	Phase  string   // which part of their samples is meant, one of Phases; "" for all
	Sort   string   // "" for series
	Limit  int      // 0 for all
	Cursor string   // as the page before gave it
	Brief  bool     // the profiler's figures alone are asked for
}

// A MetricsPage is a list of metrics, and what a month of them costs.
type MetricsPage struct {
	profiler.MetricsPage
	Price     MonthlyPrice
	Day, Week *Past    // a day and a week ago; nil where nothing is known
	NoPast    error    // why the past could not be read
	Notes     []string // what figures do not tell, in sentences

	judging *judging
	readers *usage.Index // nil where no files of queries are known
	asked   func(metric string) *Asked
}

// ProfileMetrics returns the metrics that make a tenant's series.
func (c *Control) ProfileMetrics(ctx context.Context, q MetricsQuery) (MetricsPage, error) {
	t, match, err := c.profiled(q.Tenant, q.Match)
	if err != nil {
		return MetricsPage{}, err
	}
	page := MetricsPage{judging: c.judging(t), readers: c.readers(), asked: c.asking()}
	passing, err := page.judging.passing(q.Team, q.Phase)
	if err != nil {
		return MetricsPage{}, err
	}
	price := c.monthlyPrice(t)
	if q.Phase != PhaseForwarded { // samples that rules thin away are none of those
		price = c.metricPrice(t, match, passing)
	}
	if q.Sort == profiler.ByCost && price.Currency() == "" {
		return MetricsPage{}, &Invalid{"sort", fmt.Sprintf("tenant %s has no price, so nothing of it has a cost: set attribution.prices in the configuration file, or PUT /api/v1/prices; or sort by series, samples or churn", t)}
	}
	page.Price = price
	ask := profiler.Query{Tenant: t, Match: match, Sort: q.Sort, Cost: price.ofPart, Passes: passing, Limit: q.Limit, Cursor: q.Cursor, Judged: !q.Brief}
	had, note, err := c.hadOutcome(ctx, t, q.Phase)
	if err != nil {
		return MetricsPage{}, err
	}
	if note != "" {
		page.Notes = append(page.Notes, note)
	}
	ask.Name = named(q.Search, had)
	if !q.Brief {
		page.Day, page.Week, page.NoPast = c.pasts(ctx, t, c.now())
	}
	if past, ok := map[string]*Past{ByDayChange: page.Day, ByWeekChange: page.Week}[q.Sort]; ok {
		ask.Sort, ask.Growth = profiler.ByGrowth, past.rank
	}
	page.MetricsPage, err = c.parts.Profiler.Metrics(ask)
	switch {
	case errors.Is(err, profiler.ErrSort):
		err = &Invalid{"sort", err.Error()}
	case errors.Is(err, profiler.ErrCursor):
		err = &Invalid{"cursor", err.Error()}
	}
	return page, err
}

// named returns what accepts metrics whose names have a part, in any case, and that
// are in a set; nil where everything is to be accepted.
func named(part string, set map[string]bool) func(string) bool {
	if part == "" && set == nil {
		return nil
	}
	part = strings.ToLower(part)
	return func(metric string) bool {
		return (set == nil || set[metric]) && (part == "" || strings.Contains(strings.ToLower(metric), part))
	}
}

// hadOutcome returns the metrics of which samples had an outcome that the profile does
// not know, since the hour before this began, and says so; nil where the profile knows.
func (c *Control) hadOutcome(ctx context.Context, t tenant.ID, phase string) (map[string]bool, string, error) {
	if phase != PhaseRejected && phase != PhaseFailed {
		return nil, "", nil
	}
	from := (attribution.HourOf(c.now()) - 1).Time()
	f, err := c.LedgerFlow(ctx, FlowQuery{Tenant: string(t), By: "metric", From: from})
	if err != nil {
		return nil, "", err
	}
	had := map[string]bool{}
	for _, row := range f.Rows {
		if phase == PhaseRejected && row.Counts.Rejected > 0 || phase == PhaseFailed && row.Counts.Failed > 0 {
			had[row.Key] = true
		}
	}
	return had, fmt.Sprintf("These metrics had samples that were %s since %s: figures are of all their samples, whatever became of them.",
		phase, from.Format("15:04 UTC")), nil
}

// readers returns what is known of alerts, recording rules and dashboards; nil where
// no files of them are named.
func (c *Control) readers() *usage.Index {
	if c.parts.Usage == nil || !c.parts.Usage.Configured() {
		return nil
	}
	return c.parts.Usage.Index()
}

// asking returns what says what queries asked for of a metric; nil where they are
// not watched.
func (c *Control) asking() func(metric string) *Asked {
	if any, _ := c.watchesQueries(); !any {
		return nil
	}
	return func(metric string) *Asked { return c.askedFor(metric, "") }
}

// UsedBy returns how many alerts, recording rules and dashboards read a metric, or
// may; known is false where no files of them are named.
func (p *MetricsPage) UsedBy(metric string) (n int, known bool) {
	if p.readers == nil {
		return 0, false
	}
	return len(p.readers.UsedBy(metric, "")), true
}

// AskedFor returns what queries asked for of a metric; nil where they are not watched.
func (p *MetricsPage) AskedFor(metric string) *Asked {
	if p.asked == nil {
		return nil
	}
	return p.asked(metric)
}

// Growth returns by how much a metric of the page has grown since p.Day or p.Week. Of
// a part of a metric it is not known.
func (p *MetricsPage) Growth(since *Past, m *profiler.MetricRow) Growth {
	if !m.Whole {
		return Growth{}
	}
	return since.Growth(m.Metric, m.Series)
}

// Fate returns what becomes of the series of a metric of the page.
func (p *MetricsPage) Fate(m *profiler.MetricRow) Fate { return p.judging.fate(m.Judged) }

// An Owner is a team, and its part of a metric's series.
type Owner struct {
	Team  string
	Share float64
}

// Owners returns the teams of a metric of the page, most series first.
func (p *MetricsPage) Owners(m *profiler.MetricRow) []Owner {
	var list []Owner
	for _, v := range m.Judged {
		team := ownerOf(v.Verdict)
		i := slices.IndexFunc(list, func(o Owner) bool { return o.Team == team })
		if i < 0 {
			i, list = len(list), append(list, Owner{Team: team})
		}
		list[i].Share += v.Share
	}
	slices.SortStableFunc(list, func(a, b Owner) int { return cmp.Compare(b.Share, a.Share) })
	return list
}

// Priority returns that of most series of a metric of the page, "" where nothing is
// known of them.
func (p *MetricsPage) Priority(m *profiler.MetricRow) string {
	shares, most, of := map[series.Priority]float64{}, 0.0, ""
	for _, v := range m.Judged {
		if shares[v.Priority] += v.Share; shares[v.Priority] > most {
			most, of = shares[v.Priority], v.Priority.String()
		}
	}
	return of
}
