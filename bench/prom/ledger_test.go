package prom

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Recorded asks headgate's ledger for what became of samples yesterday, today and
// tomorrow, over all its starts.
func (h *Headgate) Recorded(ctx context.Context) (Flow, error) {
	day := time.Now().UTC().Truncate(24 * time.Hour)
	query := url.Values{
		"from": {day.Add(-24 * time.Hour).Format(time.RFC3339)},
		"to":   {day.Add(48 * time.Hour).Format(time.RFC3339)},
	}
	var f Flow
	status, body, err := h.call(ctx, http.MethodGet, "/api/v1/flow?"+query.Encode())
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %s", status, body)
	}
	if err == nil {
		err = json.Unmarshal(body, &f)
	}
	if err != nil {
		return f, fmt.Errorf("read the ledger: %w", err)
	}
	return f, nil
}

// stored waits until nothing waits for the store, and returns what the ledger holds.
func (c *chain) stored(t *testing.T) Flow {
	t.Helper()
	must(t, eventually(c.ctx, "the ledger is stored", func() bool {
		waiting, err := c.headgate.Metric(c.ctx, "headgate_ledger_waiting_samples")
		if err != nil || waiting > 0 {
			return false
		}
		flow, err := c.headgate.Flow(c.ctx)
		recorded, errRecorded := c.headgate.Recorded(c.ctx)
		return err == nil && errRecorded == nil && recorded.Received >= flow.Received
	}))
	f, err := c.headgate.Recorded(c.ctx)
	must(t, err)
	return f
}

// From the wire to the report: under faults and retries, over restarts, the ledger
// holds what the upstream acknowledged and headgate heard, exactly. Where headgate
// is killed, what it had not stored by then is missing, and never more is there.
func TestTheLedgerHoldsWhatTheUpstreamAcknowledged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ends [3]end
	}{
		{"ended well twice", [3]end{sigterm, sigterm, none}},
		{"killed", [3]end{sigterm, sigkill, none}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachRun(t, func(t *testing.T, seed uint64) {
				c := openChain(t, 1, policy, NewFaults(seed, 0.3, Clean()...), NewFaults(seed+1000, 0.3, Clean()...))
				const rounds, unlimited = 120, 1 << 30
				w := newWorkload(seed, rounds)
				acknowledged := func() int { return c.out.Tally().Acknowledged - c.madeMarkers(t) }
				most := 0 // samples that may be missing
				for _, end := range tt.ends {
					if end == none {
						must(t, w.load(c.ctx, c.sender, rounds/3, 1500))
						continue
					}
					must(t, w.load(c.ctx, c.sender, rounds/3, unlimited))
					if end == sigterm {
						c.drain(t)
						continue
					}
					before, err := c.headgate.Recorded(c.ctx)
					must(t, err)
					must(t, eventually(c.ctx, "the upstream acknowledges more than is recorded", func() bool {
						return c.out.Tally().Acknowledged > before.Forwarded+200
					}))
					c.restart(t)
					most = acknowledged() - before.Forwarded
				}
				c.finish(t)
				c.rest(t)
				recorded, want := c.stored(t), acknowledged()
				if recorded.Forwarded > want || recorded.Forwarded < want-most {
					t.Errorf("the ledger holds %d samples forwarded, the upstream acknowledged %d, of which %d may be missing: %+v", recorded.Forwarded, want, most, recorded)
				}
				if recorded.Received != recorded.Outcomes() || recorded.Failed == 0 || recorded.Dropped == 0 || recorded.Downsampled == 0 {
					t.Errorf("the ledger holds %+v; want every outcome but shed and rejected", recorded)
				}
				t.Logf("run: seed=%d ledger %+v, acknowledged %d, lost with a process %d of at most %d", seed, recorded, want, want-recorded.Forwarded, most)
			})
		})
	}
}
