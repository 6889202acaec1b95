package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestTraceAgreesWithEvaluate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs := drawRules(t, 12)
		p := policyOf(t, rs, testNow)
		ls, team := drawLabels(t), rapid.SampledFrom(testTeams).Draw(t, "series' team")
		var v Verdict
		p.Evaluate(ls, team, &v)
		var want, got []string
		for _, r := range p.Rules() {
			if r == v.Within.Rule || r == v.Over.Rule || r == v.PriorityRule {
				want = append(want, r.Name)
			}
		}
		steps := p.Trace(ls, team, 0)
		for i, s := range steps {
			if s.Rule != p.Rules()[i] || s.Detail == "" || s.Decides && !s.Matched {
				t.Fatalf("step %d: %+v", i, s)
			}
			if s.Decides {
				got = append(got, s.Rule.Name)
			}
		}
		if len(steps) != len(p.Rules()) || !slices.Equal(got, want) {
			t.Fatalf("%s of team %q: the trace says %q decide, Evaluate %q", ls, team, got, want)
		}
	})
}

func TestTraceSaysWhy(t *testing.T) {
	rs := mustParse(t, `rules:
  - {name: is-off, match: up, action: drop, mode: "off"}
  - {name: expired, match: up, action: drop, expires: 2025-06-01T02:00:00+02:00}
  - {name: other-team, match: up, action: drop, team: search}
  - {name: other-job, match: 'up{job="web",zone="a"}', action: drop}
  - {name: no-zone, match: 'up{zone=~"a.*"}', action: drop}
  - {name: none-of, match: [a, b, c, d, e], action: drop}
  - {name: shadow, match: up, action: drop, mode: shadow}
  - {name: shadow-keep, match: up, action: keep, mode: shadow}
  - {name: shadow-low, match: up, action: prioritize, priority: low, mode: shadow}
  - {name: shadow-over, match: up, action: drop, mode: shadow, when: over_limit}
  - {name: when-over, match: up, action: downsample, interval: 90s, when: over_limit}
  - {name: shadow-within, match: up, action: drop, mode: shadow}
  - {name: decides, match: up, action: keep}
  - {name: too-late, match: up, action: drop}
  - {name: too-late-over, match: up, action: drop, when: over_limit}
  - {name: high, match: up, action: prioritize, priority: high}
  - {name: low, match: up, action: prioritize, priority: low}
`)
	var got []string
	for _, s := range policyOf(t, rs, testNow).Trace(mustLabels(t, `up{job="api"}`), "checkout", 0) {
		got = append(got, fmt.Sprintf("%s %v: %s", s.Rule.Name, s.Matched, s.Detail))
	}
	want := strings.Split(strings.TrimSpace(`
is-off false: its mode is off
expired false: it expired at 2025-06-01T00:00:00Z
other-team false: it acts only on series of team "search", this one is of "checkout"
other-job false: job="web" refuses "api"
no-zone false: zone=~"a.*" refuses a series without that label
none-of false: __name__="a" refuses "up"; __name__="b" refuses "up"; __name__="c" refuses "up"; and 2 more selectors do not match
shadow true: it would drop; its mode is shadow
shadow-keep true: it would keep the series; its mode is shadow
shadow-low true: it would set the priority low; its mode is shadow
shadow-over true: over the limit it would drop; its mode is shadow
when-over true: over the limit: downsample to one sample in 1m30s
shadow-within true: within the limit it would drop; its mode is shadow
decides true: within the limit: keep; over it an earlier rule decided: when-over
too-late true: an earlier rule decided: decides
too-late-over true: an earlier rule decided: when-over
high true: set the priority high
low true: an earlier rule set the priority: high
`), "\n")
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("steps (-got +want):\n%s", diff)
	}
}
