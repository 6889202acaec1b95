package rules

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
)

// answer is a verdict without its scratch, for comparing.
type answer struct {
	Within, Over, Priority string
	Shadows                []string
	OverShadows            int
}

func nameOf(r *Rule) string {
	if r == nil {
		return "-"
	}
	return r.Name
}

func (v *Verdict) answer() answer {
	a := answer{
		Within:      v.Within.Action.String() + " " + nameOf(v.Within.Rule),
		Over:        v.Over.Action.String() + " " + nameOf(v.Over.Rule),
		Priority:    v.Priority.String() + " " + nameOf(v.PriorityRule),
		OverShadows: v.OverShadows,
	}
	for _, r := range v.Shadows {
		a.Shadows = append(a.Shadows, r.Name)
	}
	return a
}

// expected says by the words of the design, one question at a time, what the
// rules of tenant t1 say of a series.
func expected(rs []*Rule, now time.Time, ls series.Labels, team string) answer {
	var live []*Rule
	for _, r := range rs {
		if r.For("t1") && r.Mode != Off && (r.Expires.IsZero() || now.Before(r.Expires)) &&
			(r.Team == "" || r.Team == team) && r.Matches(ls) {
			live = append(live, r)
		}
	}
	decides := func(over bool) (string, int) {
		for i, r := range live {
			if r.Action != Prioritize && r.Mode == Enforce && (over || r.When == Always) {
				return r.Action.String() + " " + r.Name, i
			}
		}
		return "keep -", len(live)
	}
	a := answer{Priority: "default -"}
	var within, over int
	a.Within, within = decides(false)
	a.Over, over = decides(true)
	for _, r := range live {
		if r.Action == Prioritize && r.Mode == Enforce {
			a.Priority = r.Priority.String() + " " + r.Name
			break
		}
	}
	for i, r := range live {
		if r.Mode != Shadow || r.Action != Drop && r.Action != Downsample {
			continue
		}
		if i < over {
			a.OverShadows++
		}
		if i < over || r.When == Always && i < within {
			a.Shadows = append(a.Shadows, r.Name)
		}
	}
	return a
}

func TestEvaluateMeansWhatTheDesignSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rs := drawRules(t, 12)
		p := policyOf(t, rs, testNow)
		var v Verdict
		for range 10 {
			ls, team := drawLabels(t), rapid.SampledFrom(testTeams).Draw(t, "series' team")
			p.Evaluate(ls, team, &v)
			if diff := cmp.Diff(v.answer(), expected(rs, testNow, ls, team)); diff != "" {
				t.Fatalf("%s of team %q (-got +want):\n%s", ls, team, diff)
			}
		}
	})
}

// More clauses than fit on the stack take another path through Evaluate.
func TestEvaluateWithVeryManyRules(t *testing.T) {
	fillers := make([]*Rule, 64*stackWords) // match no series of these tests
	for i := range fillers {
		fillers[i] = mustRule(t, Spec{Name: fmt.Sprintf("filler-%d", i), Match: Selectors{fmt.Sprintf("filler_%d", i)}, Action: "drop"})
	}
	rapid.Check(t, func(t *rapid.T) {
		rs := drawRules(t, 8)
		rs = slices.Insert(rs, rapid.IntRange(0, len(rs)).Draw(t, "at"), fillers...)
		p := policyOf(t, rs, testNow)
		var v Verdict
		ls, team := drawLabels(t), rapid.SampledFrom(testTeams).Draw(t, "series' team")
		for range 2 {
			p.Evaluate(ls, team, &v)
			if diff := cmp.Diff(v.answer(), expected(rs, testNow, ls, team)); diff != "" {
				t.Fatalf("%s of team %q (-got +want):\n%s", ls, team, diff)
			}
		}
	})
}

func TestRulesHoldsThoseThatDoNothingToo(t *testing.T) {
	rs := mustParse(t, `rules:
  - {name: a, match: up, action: drop, mode: "off"}
  - {name: b, match: up, action: drop, expires: 2020-01-01T00:00:00Z}
  - {name: c, match: up, action: drop, tenant: t2}
  - {name: d, match: up, action: drop}
`)
	p := policyOf(t, rs, testNow)
	var names []string
	for _, r := range p.Rules() {
		names = append(names, r.Name+" "+string(r.State(testNow)))
	}
	if want := []string{"a off", "b expired", "d active"}; !slices.Equal(names, want) {
		t.Errorf("rules %q, want %q", names, want)
	}
}

// policies are rule sets of one kind, each of n rules, that series meet rarely.
var policies = []struct {
	kind string
	spec func(i int) Spec
}{
	{"name", func(i int) Spec { return Spec{Match: Selectors{fmt.Sprintf(`debug_%d_total`, i)}} }},
	{"name-prefix", func(i int) Spec { return Spec{Match: Selectors{fmt.Sprintf(`{__name__=~"debug_%d_.*"}`, i)}} }},
	{"label", func(i int) Spec { return Spec{Match: Selectors{fmt.Sprintf(`{namespace="team-%d"}`, i)}} }},
	{"label-suffix", func(i int) Spec { return Spec{Match: Selectors{fmt.Sprintf(`{pod=~".+-debug-%d"}`, i)}} }},
	{"label-absent", func(i int) Spec {
		return Spec{Match: Selectors{fmt.Sprintf(`{__name__!~"debug_%d|",zone=""}`, i)}, Team: "x"}
	}},
	{"mixed", func(i int) Spec {
		return Spec{Match: Selectors{[]string{
			fmt.Sprintf(`debug_%d_total{job="api"}`, i),
			fmt.Sprintf(`{__name__=~"debug_%d_(a|b).*"}`, i),
			fmt.Sprintf(`{__name__=~"go_.*",namespace="team-%d"}`, i),
			fmt.Sprintf(`{user_id=~".+",namespace!="team-%d"}`, i),
		}[i%4]}}
	}},
}

func benchPolicy(tb testing.TB, n int, spec func(int) Spec) *Policy {
	rs := make([]*Rule, n)
	for i := range rs {
		s := spec(i)
		s.Name, s.Action = fmt.Sprintf("r%d", i), "drop"
		rs[i] = mustRule(tb, s)
	}
	return policyOf(tb, rs, testNow)
}

const benchSeries = `http_request_duration_seconds_bucket{cluster="eu-1", container="api", endpoint="http", handler="/api/v1/items", instance="10.1.2.3:8080", job="checkout", le="0.25", namespace="payments", pod="api-7f9c4d5b6-x2x9z", service="api"}`

func TestEvaluateDoesNotAllocate(t *testing.T) {
	ls := mustLabels(t, benchSeries)
	for _, kind := range policies {
		for _, n := range []int{10, 1000, 2000} {
			p := benchPolicy(t, n, kind.spec)
			d := p.Since(policyOf(t, nil, testNow))
			var v Verdict
			p.Evaluate(ls, "checkout", &v)
			if n := testing.AllocsPerRun(20, func() { p.Evaluate(ls, "checkout", &v) }); n != 0 {
				t.Errorf("%s: Evaluate allocates %v times, want 0", kind.kind, n)
			}
			if n := testing.AllocsPerRun(20, func() { d.Touches(ls, "checkout") }); n != 0 {
				t.Errorf("%s: Touches allocates %v times, want 0", kind.kind, n)
			}
		}
	}
}

func TestEvaluateWithShadowsDoesNotAllocate(t *testing.T) {
	p := policyOf(t, mustParse(t, `rules:
  - {name: a, match: up, action: drop, mode: shadow}
  - {name: b, match: up, action: downsample, interval: 60s, mode: shadow}
  - {name: c, match: '{__name__=~"u.*"}', action: prioritize, priority: low}
`), testNow)
	ls := mustLabels(t, `up{job="api"}`)
	var v Verdict
	p.Evaluate(ls, "", &v)
	if n := testing.AllocsPerRun(100, func() { p.Evaluate(ls, "", &v) }); n != 0 || len(v.Shadows) != 2 {
		t.Errorf("Evaluate allocates %v times with %d shadows, want 0 with 2", n, len(v.Shadows))
	}
}

func BenchmarkEvaluate(b *testing.B) {
	ls := mustLabels(b, benchSeries)
	for _, kind := range policies {
		for _, n := range []int{10, 1000} {
			p := benchPolicy(b, n, kind.spec)
			b.Run(fmt.Sprintf("kind=%s/rules=%d", kind.kind, n), func(b *testing.B) {
				b.ReportAllocs()
				var v Verdict
				for b.Loop() {
					p.Evaluate(ls, "checkout", &v)
				}
			})
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{10, 1000} {
		rs := benchPolicy(b, n, policies[len(policies)-1].spec).Rules()
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			for b.Loop() {
				compile(rs, testNow)
			}
		})
	}
}
