package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

const engineRules = `rules:
  - {name: all, match: up, action: drop}
  - {name: payments, tenant: payments, match: up, action: drop}
  - {name: soon-over, tenant: search, match: up, action: drop, expires: 2026-01-01T01:00:00Z}
`

func mustLoad(tb testing.TB, e *Engine, text string) {
	tb.Helper()
	if err := e.Load(mustParse(tb, text)); err != nil {
		tb.Fatal(err)
	}
}

func TestAnEngineWithoutRulesKeepsEverything(t *testing.T) {
	var v Verdict
	NewEngine().For("payments", testNow).Evaluate(mustLabels(t, "up"), "", &v)
	if v.Within != (Decision{}) || v.Over != (Decision{}) || v.Within.Action != Keep {
		t.Errorf("verdict %+v", v)
	}
}

func TestForReturnsTheTenantsRules(t *testing.T) {
	e := NewEngine()
	mustLoad(t, e, engineRules)
	for id, want := range map[tenant.ID]string{
		"payments": "all payments", "search": "all soon-over", "other": "all", "": "all",
	} {
		var names []string
		for _, r := range e.For(id, testNow).Rules() {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("tenant %q has the rules %q, want %q", id, got, want)
		}
	}
}

func TestTenantsThatNoRuleNamesShareOnePolicy(t *testing.T) {
	e := NewEngine()
	mustLoad(t, e, engineRules)
	p := e.For("tenant-0", testNow)
	for i := range 1000 {
		if e.For(tenant.ID(fmt.Sprintf("tenant-%d", i)), testNow) != p {
			t.Fatal("a tenant has a policy of its own, though no rule names it")
		}
	}
	if e.For("payments", testNow) == p {
		t.Error("a tenant that a rule names has the policy of all others")
	}
}

func TestAPolicyStaysWhileItsRulesStay(t *testing.T) {
	e := NewEngine()
	mustLoad(t, e, engineRules)
	payments, other := e.For("payments", testNow), e.For("other", testNow)

	mustLoad(t, e, "# read again, moved, and with a rule for somebody else\n"+engineRules+
		"  - {name: new, tenant: search, match: up, action: keep}\n")
	if e.For("payments", testNow) != payments || e.For("other", testNow) != other {
		t.Error("a policy changed though its rules did not")
	}
	if line := e.Rules()[0].Line; line != 3 {
		t.Errorf("the first rule is on line %d, want 3, where it is now", line)
	}

	mustLoad(t, e, strings.Replace(engineRules, "action: drop}\n  - {name: soon", "action: keep}\n  - {name: soon", 1))
	if e.For("payments", testNow) == payments {
		t.Error("a policy did not change though its rules did")
	}
	if e.For("other", testNow) != other {
		t.Error("another tenant's policy changed")
	}
}

func TestAPolicyStaysThroughLoadsNobodyAskedIn(t *testing.T) {
	e := NewEngine()
	mustLoad(t, e, engineRules)
	p := e.For("payments", testNow)
	mustLoad(t, e, engineRules)
	mustLoad(t, e, engineRules)
	if e.For("payments", testNow) != p {
		t.Error("the policy changed though its rules did not")
	}
}

func TestARuleKeepsItsIdentityWhileItsContentStays(t *testing.T) {
	e := NewEngine()
	mustLoad(t, e, engineRules)
	before := e.For("payments", testNow).Rules()
	mustLoad(t, e, strings.Replace(engineRules, "name: payments, tenant: payments", "name: payments, reason: new, tenant: payments", 1))
	after := e.For("payments", testNow).Rules()
	if after[0] != before[0] {
		t.Error("an unchanged rule became another object")
	}
	if after[1] == before[1] {
		t.Error("a changed rule is the old object")
	}
}

func TestLoadRefusesRepeatedNamesAndStaysAsItWas(t *testing.T) {
	e := NewEngine()
	mustLoad(t, e, engineRules)
	p := e.For("payments", testNow)
	rs := mustParse(t, engineRules)
	err := e.Load(append(rs, mustRule(t, Spec{Name: "payments", Match: Selectors{"up"}, Action: "drop"})))
	if want := `rule "payments" is there twice: test.yml:3 and in no file; rename one`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if e.For("payments", testNow) != p || len(e.Rules()) != 3 {
		t.Error("the refused rules replaced the old ones")
	}
}

func TestExpiryIsHonouredByTheClock(t *testing.T) {
	e := NewEngine()
	mustLoad(t, e, engineRules)
	ls := mustLabels(t, "up")
	drops := func(at time.Time) string {
		var v Verdict
		e.For("search", at).Evaluate(ls, "", &v)
		return nameOf(v.Within.Rule)
	}
	mustLoad(t, e, strings.Replace(engineRules, "name: all, match: up", "name: all, match: down", 1))
	expiry := testNow.Add(time.Hour)
	before := e.For("search", testNow)
	if got := drops(expiry.Add(-time.Nanosecond)); got != "soon-over" {
		t.Errorf("just before it expires the rule decides: got %s", got)
	}
	if e.For("search", expiry.Add(-time.Nanosecond)) != before {
		t.Error("the policy changed before a rule expired")
	}
	if got := drops(expiry); got != "-" {
		t.Errorf("from its expiry on the rule does nothing: got %s", got)
	}
	after := e.For("search", expiry)
	if after == before || e.For("search", expiry.Add(time.Hour)) != after {
		t.Error("the policy has to change when a rule expires, and only then")
	}
	if !after.Since(before).Touches(ls, "") {
		t.Error("the expiry is not in the delta")
	}
	mustLoad(t, e, strings.Replace(engineRules, "name: all, match: up", "name: all, match: down", 1))
	if e.For("search", expiry.Add(time.Hour)) != after {
		t.Error("the policy changed though its rules did not")
	}
}

func TestForAndLoadAtOnce(t *testing.T) {
	e := NewEngine()
	ls := mustLabels(t, "up")
	a := mustParse(t, engineRules)
	b := mustParse(t, strings.ReplaceAll(engineRules, "action: drop", "action: keep"))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			var v Verdict
			for j := range 2000 {
				p := e.For(tenant.ID([]string{"payments", "search", "other"}[j%3]), testNow.Add(time.Duration(j)*time.Second*3))
				p.Evaluate(ls, "", &v)
				if d := v.Within; d.Rule != nil && d.Rule.Name != "all" || d.Rule == nil && len(p.Rules()) > 0 {
					t.Errorf("goroutine %d: verdict by %s", i, nameOf(d.Rule))
					return
				}
			}
		})
	}
	for i := range 200 {
		if err := e.Load(slices.Clone([][]*Rule{a, b}[i%2])); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func TestForDoesNotAllocate(t *testing.T) {
	e := NewEngine()
	mustLoad(t, e, engineRules)
	for _, id := range []tenant.ID{"payments", "search", "other"} {
		e.For(id, testNow)
		if n := testing.AllocsPerRun(100, func() { e.For(id, testNow) }); n != 0 {
			t.Errorf("For(%q) allocates %v times, want 0", id, n)
		}
	}
}

func BenchmarkFor(b *testing.B) {
	e := NewEngine()
	mustLoad(b, e, engineRules)
	for _, id := range []tenant.ID{"search", "other"} {
		b.Run("tenant="+string(id), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				e.For(id, testNow)
			}
		})
	}
}
