package control

import (
	"context"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/rules"
)

// idleWindow is how long a rule has to match nothing before it may be needless.
const idleWindow = 24 * time.Hour

// IdleEach returns for how long each rule is known to match nothing: since the
// midnight before the last 24 hours where the ledger has them and says so, else the
// window of the profile; 0 where it matched something, and where nothing is known.
// matched is what MatchedEach said of them.
//
// The ledger knows what enforced rules removed: of others, it is the profile that
// knows.
func (c *Control) IdleEach(ctx context.Context, list []Rule, matched []Matched) []time.Duration {
	out := make([]time.Duration, len(list))
	since := attribution.HourOf(c.now().Add(-idleWindow)).Day().Time()
	removed, covered := c.removedByRule(ctx, since)
	window := time.Duration(0)
	if p := c.parts.Profiler; p != nil {
		window = p.Clock().Window()
	}
	for i, r := range list {
		if matched[i].Known && matched[i].Series > 0 {
			continue
		}
		removes := r.Rule.Action == rules.Drop || r.Rule.Action == rules.Downsample
		judged := covered && removes && r.Rule.When == rules.Always && r.State == "active" && r.UpdatedAt.Before(since)
		switch {
		case judged && removed[r.Rule.Name] > 0:
		case judged:
			out[i] = c.now().Sub(since)
		case matched[i].Known:
			out[i] = window
		}
	}
	return out
}

// removedByRule returns how many samples each rule removed since a midnight, of all
// tenants; covered is false where the ledger does not go back to the day before, and
// for those who may not see all of it. Whole days are quick to be read.
func (c *Control) removedByRule(ctx context.Context, since time.Time) (removed map[string]uint64, covered bool) {
	if c.parts.Ledger == nil || c.mayAll(auth.ReadTraffic) != nil {
		return nil, false
	}
	before, err := c.LedgerFlow(ctx, FlowQuery{From: since.Add(-24 * time.Hour), To: since})
	if err != nil || before.Counts.Received == 0 {
		return nil, false
	}
	flow, err := c.LedgerFlow(ctx, FlowQuery{From: since, By: gateway.ByRule})
	if err != nil {
		return nil, false
	}
	removed = map[string]uint64{}
	for _, row := range flow.Rows {
		removed[row.Key] += row.Counts.Dropped + row.Counts.Downsampled
	}
	return removed, true
}
