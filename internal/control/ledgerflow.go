package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
)

// LedgerFlow returns what became of samples in the hours that q's time touches, by
// the ledger: its answer says which these are. Without q.To it is up to now.
func (c *Control) LedgerFlow(ctx context.Context, q FlowQuery) (Flow, error) {
	t, err := c.tenantOrAll(auth.ReadTraffic, q.Tenant)
	if err != nil {
		return Flow{}, err
	}
	now := c.now()
	if q.From.IsZero() {
		return Flow{}, &Invalid{"from", "from when? leave to out as well for what was received since the process started"}
	}
	ask := attribution.Query{From: attribution.HourOf(q.From), To: soon(now), Tenant: t, Team: q.Team, Shared: attribution.Keep}
	if !q.To.IsZero() {
		ask.To = attribution.HourOf(q.To.Add(time.Hour - 1))
	}
	if err := checkSpan(ask.From, ask.To, now); err != nil {
		return Flow{}, err
	}
	columns := map[string][]attribution.Column{
		"": nil, gateway.ByTeam: {attribution.ByTeam}, gateway.ByMetric: {attribution.ByMetric}, gateway.ByRule: {attribution.ByRule},
	}
	by, ok := columns[q.By]
	if !ok {
		return Flow{}, &Invalid{"by", fmt.Sprintf("%.64q is none of metric, team, rule", q.By)}
	}
	ask.By = by
	f := Flow{From: ask.From.Time(), To: ask.To.Time()}
	err = c.read(ctx, func(ctx context.Context, r *ledgerReader) error {
		report, err := r.report(ctx, ask)
		if err != nil {
			return err
		}
		f.add(report, q.By)
		return nil
	})
	return f, err
}

// add adds the rows of a report; corrections of closed months are no samples.
func (f *Flow) add(r *attribution.Report, by string) {
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Adjustment != nil {
			continue
		}
		n := ledgerCounts(&row.Samples)
		f.Counts.add(&n)
		if by != "" {
			f.Rows = append(f.Rows, FlowRow{Key: row.Team + row.Metric + row.Rule, Counts: n}) // one of them is there
		}
	}
	slices.SortFunc(f.Rows, func(a, b FlowRow) int {
		return cmp.Or(cmp.Compare(b.Counts.Received, a.Counts.Received), cmp.Compare(a.Key, b.Key))
	})
}

func ledgerCounts(c *attribution.Counts) Counts {
	return Counts{
		Received:    c.Received(),
		Forwarded:   c[attribution.Forwarded],
		Dropped:     c[attribution.Dropped],
		Downsampled: c[attribution.Downsampled],
		Shed:        c[attribution.Shed],
		Rejected:    c[attribution.Rejected],
		Failed:      c[attribution.Failed],
	}
}

// add adds d to c.
func (c *Counts) add(d *Counts) {
	c.Received += d.Received
	c.Forwarded += d.Forwarded
	c.Dropped += d.Dropped
	c.Downsampled += d.Downsampled
	c.Shed += d.Shed
	c.Rejected += d.Rejected
	c.Failed += d.Failed
}
