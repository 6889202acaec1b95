//go:build !race

package control

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

// To judge together what rules cannot tell apart says the same as to judge every
// series by itself, and to look at every family: of exact metrics and of samples.
func TestWhatRulesCannotTellApartIsJudgedOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for name, n := range map[string]int{"exact": 1200, "samples": 33_500} {
		t.Run(name, func(t *testing.T) {
			s := seeing(t, 0, "")
			s.learn(t, "a", trafficOf(rng, n), truthRules)
			var on sheet
			for range 40 {
				r, errs := anyRule(rng).Rule()
				if len(errs) > 0 {
					t.Fatal(errs)
				}
				got, want := s.tried(t, r, &on, false), s.tried(t, r, &sheet{}, true)
				if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Preview{}, "Rule", "Examples"), cmpopts.EquateApprox(1e-9, 1e-6),
					cmpopts.SortSlices(func(a, b PreviewRow) bool { return a.Name < b.Name })); diff != "" {
					t.Errorf("%v %s (-each by itself +together):\n%s", r.Match, r.Action, diff)
				}
				if len(got.Examples) == 0 && len(want.Examples) > 0 {
					t.Errorf("%v: no example", r.Match)
				}
				for _, ls := range got.Examples {
					if got.Matched.Value > 0 && !r.Matches(ls) {
						t.Errorf("%v is no example of %v", ls, r.Match)
					}
				}
			}
		})
	}
}

// tried returns the preview of a rule; each says that every series is judged by itself.
func (s *seer) tried(t *testing.T, r *rules.Rule, on *sheet, each bool) Preview {
	t.Helper()
	e, err := newEffect(s.engine.Rules(), r, 0, on)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	e.ctx, e.profiler, e.until, e.now = t.Context(), s.parts.Profiler, now.Add(time.Minute), now
	e.passing = func(tenant.ID) inventory.Result { return inventory.Result{} }
	if each {
		e.judged.canary, e.judged.splits = true, true
	}
	e.tenant("a")
	p := e.preview()
	s.price(&p, e)
	return p
}

// Rules that name very many metrics in other ways than literally share nothing between
// metrics; what they say is the same.
func TestMetricsAreClassedByWhatRulesSeeOfTheirNames(t *testing.T) {
	of := func(texts ...string) *judged {
		var list []*rules.Rule
		for i, text := range texts {
			r, errs := rules.Spec{Name: fmt.Sprint("rule-", i), Match: rules.Selectors{text}, Action: "drop"}.Rule()
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			list = append(list, r)
		}
		return newJudged(list)
	}
	j := of(`up`, `{__name__=~"http_.*",pod="a"}`, `{__name__!="down",job="x"}`)
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"one", "two", true}, {"http_a", "http_b", true}, {"http_a", "two", false}, {"up", "two", false}, {"down", "two", false}, {"up", "down", false},
	} {
		if got := j.classOf(tt.a) == j.classOf(tt.b); got != tt.same {
			t.Errorf("%s and %s are of one class: %v", tt.a, tt.b, got)
		}
	}
	if j.tears("wait", "wait_bucket", "wait_sum", "wait_count") || !j.tears("http_wait", "up") {
		t.Error("a family is torn by what rules do not see, or not by what they see")
	}
	if !of(`{le="0.5"}`).tears("wait", "wait_bucket") {
		t.Error("a rule about le tears nothing")
	}
	var many []string
	for i := range maxNameMatchers + 1 {
		many = append(many, fmt.Sprintf(`{__name__=~".*_%dx?"}`, i))
	}
	if j = of(many...); j.classOf("one") == j.classOf("two") {
		t.Error("very many matchers of names do not tell metrics apart")
	}
}

func TestWhatIsJudgedTogetherHasAsManyExamples(t *testing.T) {
	s := seeing(t, 0, "")
	var texts []string
	for i := range 3 * previewExamples {
		texts = append(texts, fmt.Sprintf(`{__name__="requests_total", pod="p-%d"}`, i))
	}
	s.learn(t, "a", sending(t, 15, texts...), "")
	r, errs := rules.Spec{Name: "requests", Match: rules.Selectors{`{__name__="requests_total"}`}, Action: "drop"}.Rule()
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	p := s.tried(t, r, &sheet{}, false)
	if len(p.Examples) != previewExamples || p.Removed.Value != float64(len(texts)) {
		t.Errorf("of %v series removed there are %d examples, want %d", p.Removed.Value, len(p.Examples), previewExamples)
	}
}
