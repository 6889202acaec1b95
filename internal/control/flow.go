package control

import (
	"time"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
)

// A FlowQuery says which flow is meant.
type FlowQuery struct {
	Tenant   string // "" for all
	Team     string // "" for all; which only LedgerFlow knows
	By       string // metric, team or rule; "" for the totals alone
	From, To time.Time
}

// Counts are samples by what became of them. Received is the sum of the others.
type Counts struct {
	Received, Forwarded, Dropped, Downsampled, Shed, Rejected, Failed uint64
}

// A Flow is what became of samples between two times: in all, and by something.
type Flow struct {
	From, To time.Time
	Counts   Counts
	Rows     []FlowRow // most received first
}

// A FlowRow is one metric's, team's or rule's part of a flow.
type FlowRow struct {
	Key         string // of samples that no rule decided: ""
	Counts      Counts
	Shadow      bool   // the row is that of a rule in shadow mode
	WouldRemove uint64 // samples that the rule removed in shadow mode only
}

// Flow returns what became of samples since the process started, not by time: of
// other times, LedgerFlow knows.
func (c *Control) Flow(q FlowQuery) (Flow, error) {
	t, err := c.tenantOrAll(auth.ReadTraffic, q.Tenant)
	if err != nil {
		return Flow{}, err
	}
	const since = "samples are counted since the process started and not by time; leave from and to out"
	switch {
	case !q.From.IsZero():
		return Flow{}, &Invalid{"from", since}
	case !q.To.IsZero():
		return Flow{}, &Invalid{"to", since}
	case q.Team != "":
		return Flow{}, &Invalid{"team", "samples of a team are counted by the ledger, in hours; say from when, as in from=2026-11-02T03:00:00Z"}
	}
	g, err := c.parts.Gateway.Flow(t, q.By)
	if err != nil {
		return Flow{}, &Invalid{"by", err.Error()}
	}
	shadows := map[string]bool{}
	if q.By == gateway.ByRule {
		for _, r := range c.List() {
			shadows[r.Rule.Name] = r.State == "shadow"
		}
	}
	f := Flow{From: g.From, To: g.To, Counts: countsOf(g.Counts)}
	for _, r := range g.Rows {
		f.Rows = append(f.Rows, FlowRow{r.Key, countsOf(r.Counts), shadows[r.Key] || r.Would > 0, r.Would})
	}
	return f, nil
}

func countsOf(c gateway.Counts) Counts {
	return Counts{
		Received:    c.Received(),
		Forwarded:   c[gateway.Forwarded],
		Dropped:     c[gateway.Dropped],
		Downsampled: c[gateway.Downsampled],
		Shed:        c[gateway.Shed],
		Rejected:    c[gateway.Rejected],
		Failed:      c[gateway.Failed],
	}
}
