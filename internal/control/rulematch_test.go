package control

import (
	"testing"
	"time"

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

// Where there is no time for all of them, those are counted that were counted longest
// ago, and of the others it is shown what is not too old.
func TestRulesThatWereCountedLongestAgoAreCountedFirst(t *testing.T) {
	c := profiling(t, "shop", calls("http_calls", 5)...)
	book, err := NewRuleBook(c.parts.Rules, nil, nothingStored, c.parts.Events, discard)
	if err != nil {
		t.Fatal(err)
	}
	c.parts.RuleBook = book
	r, errs := dropping("a", "http_calls").Rule()
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var list []Rule
	for _, ago := range []time.Duration{10 * time.Second, 2 * time.Minute, time.Minute, 6 * time.Minute} {
		one := *r
		list = append(list, Rule{Rule: &one})
		book.matched.keep(&one, matchCount{time.Now().Add(-ago), Matched{Series: ago.Seconds(), Known: true}})
	}
	for _, want := range [][4]float64{{10, 120, 60, 5}, {10, 5, 60, 5}, {10, 5, 5, 5}, {10, 5, 5, 5}} {
		var got [4]float64
		for i, m := range c.matchedEach(list, 0) {
			got[i] = m.Series
		}
		if got != want {
			t.Errorf("the rules match %v series, want %v", got, want)
		}
	}
}
