package control

import (
	"testing"

	"github.com/headgate/headgate/rules"
)

func TestSeriesThatRulesMatchAreCounted(t *testing.T) {
	c := profiling(t, "shop", append(calls("http_calls", 5), calls("rpc_calls", 3)...)...)
	if got := c.Matched(&rules.Rule{}); got.Known {
		t.Errorf("%+v are counted without a book of rules, want nothing", got)
	}
	book, err := NewRuleBook(c.parts.Rules, nil, nothingStored, c.parts.Events, discard)
	if err != nil {
		t.Fatal(err)
	}
	c.parts.RuleBook = book
	for _, tt := range []struct {
		name string
		spec rules.Spec
		want float64
	}{
		{"every tenant's", dropping("a", "http_calls"), 5},
		{"of any selector, each once", rules.Spec{Name: "a", Match: rules.Selectors{"http_calls", `{pod="p-0"}`}, Action: "drop"}, 6},
		{"of one tenant", rules.Spec{Name: "a", Tenant: "shop", Match: rules.Selectors{"rpc_calls"}, Action: "drop"}, 3},
		{"of another tenant", rules.Spec{Name: "a", Tenant: "other", Match: rules.Selectors{"rpc_calls"}, Action: "drop"}, 0},
		{"that are not there", dropping("a", "up"), 0},
	} {
		r, errs := tt.spec.Rule()
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		for _, got := range append(c.MatchedEach([]Rule{{Rule: r}}), c.Matched(r)) { // the second is remembered
			if want := (Matched{Series: tt.want, Known: true}); got != want {
				t.Errorf("%s: %+v, want %+v", tt.name, got, want)
			}
		}
	}
}
