package control_test

import (
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/limiter"
)

const idleRules = `rules:
  - {name: drops-much, match: '{__name__=~"gone_.*"}', action: drop}
  - {name: drops-nothing, match: '{__name__=~"never_.*"}', action: drop}
  - {name: drops-what-is-there, match: up, action: drop}
  - {name: keeps, match: '{__name__=~"never_.*"}', action: keep}
  - {name: counts, match: '{__name__=~"never_.*"}', action: drop, mode: shadow}
`

// Of a day, the ledger knows what the profile has forgotten: a rule that removed
// something this morning is not idle, though nothing that it matches is active.
func TestARuleIsIdleByTheLedgerOfADay(t *testing.T) {
	idle := func(record bool) map[string]time.Duration {
		t.Helper()
		h := controltest.New(t, controltest.Config{Rules: idleRules, Limits: limiter.DefaultConfig(), Ledger: true, Now: controltest.Noon, Owners: []attribution.OwnerConfig{{Label: "team"}}})
		h.Send(t, "", time.Now(), controltest.Series(t, `up{job="api"}`)...)
		h.Measure(t)
		if record {
			for i, at := range []time.Duration{-37, -24, -6} {
				day := controltest.Noon.Truncate(time.Hour).Add(at * time.Hour).Format(time.RFC3339)
				h.Record(t, uint64(i+1), controltest.Use{Day: day, Tenant: "default", Metric: "gone_total", Forwarded: 10, Dropped: 5, Rule: "drops-much"})
			}
		}
		list := h.List()
		out := map[string]time.Duration{}
		for i, d := range h.IdleEach(t.Context(), list, h.MatchedEach(list)) {
			out[list[i].Rule.Name] = d
		}
		return out
	}
	for name, tt := range map[string]struct{ unrecorded, recorded time.Duration }{
		"drops-much":          {time.Hour, 0},
		"drops-nothing":       {time.Hour, 36*time.Hour + 30*time.Minute},
		"drops-what-is-there": {0, 0},
		"keeps":               {time.Hour, time.Hour},
		"counts":              {time.Hour, time.Hour},
	} {
		if got := idle(false)[name]; got != tt.unrecorded {
			t.Errorf("without a day of ledger %s matches nothing for %s, want %s", name, got, tt.unrecorded)
		}
		if got := idle(true)[name]; got != tt.recorded {
			t.Errorf("with a day of ledger %s matches nothing for %s, want %s", name, got, tt.recorded)
		}
	}
}
