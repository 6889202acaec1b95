package control

import (
	"context"
	"time"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/rules"
)

// idleWindow is how long a rule has to match nothing before it may be needless.
const idleWindow = 24 * time.Hour

// IdleEach returns for how long each rule is known to match nothing: 24 hours where
// the ledger has them and says so, else the window of the profile; 0 where it matched
// something, and where nothing is known. matched is what MatchedEach said of them.
//
// The ledger knows what enforced rules removed: of others, it is the profile that
// knows.
func (c *Control) IdleEach(ctx context.Context, list []Rule, matched []Matched) []time.Duration {
	out := make([]time.Duration, len(list))
	removed, covered := c.removedByRule(ctx)
	window := time.Duration(0)
	if p := c.parts.Profiler; p != nil {
		window = p.Clock().Window()
	}
	since := c.now().Add(-idleWindow)
	for i, r := range list {
		if matched[i].Known && matched[i].Series > 0 {
			continue
		}
		removes := r.Rule.Action == rules.Drop || r.Rule.Action == rules.Downsample
		judged := covered && removes && r.Rule.When == rules.Always && r.State == "active" && r.UpdatedAt.Before(since)
		switch {
		case judged && removed[r.Rule.Name] > 0:
		case judged:
			out[i] = idleWindow
		case matched[i].Known:
			out[i] = window
		}
	}
	return out
}

// removedByRule returns how many samples each rule removed in the last 24 hours, of
// all tenants; covered is false where the ledger does not go back that far, and for
// those who may not see all of it.
func (c *Control) removedByRule(ctx context.Context) (removed map[string]uint64, covered bool) {
	if c.parts.Ledger == nil || c.mayAll(auth.ReadTraffic) != nil {
		return nil, false
	}
	from := c.now().Add(-idleWindow)
	before, err := c.LedgerFlow(ctx, FlowQuery{From: from.Add(-time.Hour), To: from})
	if err != nil || before.Counts.Received == 0 {
		return nil, false
	}
	flow, err := c.LedgerFlow(ctx, FlowQuery{From: from, By: gateway.ByRule})
	if err != nil {
		return nil, false
	}
	removed = map[string]uint64{}
	for _, row := range flow.Rows {
		removed[row.Key] += row.Counts.Dropped + row.Counts.Downsampled
	}
	return removed, true
}
