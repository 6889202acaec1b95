package ui

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/rules"
)

func TestADiffSaysWhatCameAndWent(t *testing.T) {
	tests := map[string]struct{ before, after, want string }{
		"nothing and nothing":     {"", "", ""},
		"a rule that is made":     {"", "a\nb\n", "+a +b"},
		"a rule that is deleted":  {"a\nb\n", "", "-a -b"},
		"the same":                {"a\nb", "a\nb", " a  b"},
		"a line that changes":     {"a\nb\nc", "a\nx\nc", " a -b +x  c"},
		"a line in between":       {"a\nc", "a\nb\nc", " a +b  c"},
		"lines that change place": {"a\nb", "b\na", "-a  b +a"},
		"more than is compared":   {strings.Repeat("a\n", diffDepth+1), "b", strings.TrimSpace(strings.Repeat("-a ", diffDepth+1)) + " +b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var words []string
			for _, l := range diff(tt.before, tt.after) {
				words = append(words, l.Sign+l.Text)
			}
			if d := cmp.Diff(tt.want, strings.Join(words, " ")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// What a form shows of a rule, and sends back, is the rule.
func TestADraftIsTheRuleItWasMadeOf(t *testing.T) {
	for name, s := range map[string]rules.Spec{
		"a rule of all that drops": {Name: "a", Match: rules.Selectors{"up"}, Action: "drop"},
		"a rule with all of it": {
			Name: "b", Tenant: "t", Match: rules.Selectors{`{a="b, \"c\"\n"}`, "up"}, Action: "downsample", Interval: "10m", AllowGaps: true, When: "over_limit",
			Mode: "shadow", Canary: 5, Expires: "2027-01-01T10:11:12.345Z", Team: "x", Reason: "why",
		},
		"a priority": {Name: "c", Match: rules.Selectors{"up"}, Action: "prioritize", Priority: "low", Mode: "off"},
	} {
		t.Run(name, func(t *testing.T) {
			want, errs := s.Rule()
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			again, wrong := draftOf(draftOfSpec(want.Spec()).values()).spec()
			if len(wrong) > 0 {
				t.Fatal(wrong)
			}
			got, errs := again.Rule()
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if d := cmp.Diff(want.Spec(), got.Spec()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
