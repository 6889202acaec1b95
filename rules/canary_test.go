package rules

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// tried returns the policy of a rule that drops up on so many percent of families,
// before one that keeps it.
func tried(t *testing.T, percent string) *Policy {
	t.Helper()
	rs, problems := ParseFile("a.yml", []byte("rules:\n- {name: a, match: up, action: drop, canary: "+percent+"}\n- {name: b, match: up, action: keep}\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return compile(rs, testNow)
}

func TestACanaryActsOnItsPartAndIsAShadowToTheRest(t *testing.T) {
	p := tried(t, "10")
	if !p.Canary() {
		t.Error("the policy does not know of its canary")
	}
	ls := mustLabels(t, "up")
	var v Verdict
	dropped := 0
	const families = 100_000
	for i := range uint64(families) {
		v.Family = (i + 1) * 0xbf58476d1ce4e5b9 // spread as hashes are
		p.Evaluate(ls, "", &v)
		switch {
		case v.Within.Rule.Name == "a" && len(v.Shadows) == 0:
			dropped++
		case v.Within.Rule.Name != "b" || len(v.Shadows) != 1 || v.Shadows[0].Name != "a" || v.OverShadows != 1:
			t.Fatalf("the verdict is %+v, want a to drop it, or b to keep it and a to be its shadow", v)
		}
	}
	if share := float64(dropped) / families; share < 0.09 || share > 0.11 {
		t.Errorf("%v of the families are dropped, want a tenth", share)
	}
	v.Family = 0
	if p.Evaluate(ls, "", &v); v.Within.Rule.Name != "a" {
		t.Error("what is asked without a family is not dropped")
	}
}

func TestALargerCanaryTakesWhatASmallerTook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		family := rapid.Uint64().Draw(t, "family")
		small := rapid.IntRange(1, 98).Draw(t, "small")
		large := rapid.IntRange(small+1, 99).Draw(t, "large")
		if !(&Rule{Canary: small}).Spares(family) && (&Rule{Canary: large}).Spares(family) {
			t.Errorf("family %x is taken by %d %% and not by %d %%", family, small, large)
		}
		if (&Rule{}).Spares(family) {
			t.Error("a rule without a canary spares a family")
		}
	})
}

func TestATraceSaysThatACanarySparesAFamily(t *testing.T) {
	p := tried(t, "1")
	var spared uint64
	for f := uint64(1); spared == 0; f += 0x9e3779b9 {
		if canaryPlace(f) >= 1 {
			spared = f
		}
	}
	steps := p.Trace(mustLabels(t, "up"), "", spared)
	if want := "it would drop; it is tried on 1 % of families, and this one is not among them"; steps[0].Detail != want || !steps[0].Matched || steps[0].Decides || !steps[1].Decides {
		t.Errorf("the steps are %+v, want the first to say %q, and the second to decide", steps, want)
	}
}

func TestCanariesThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"action: drop, canary: 0":                       "canary: 0 takes no family",
		"action: drop, canary: 100":                     "100 is no part; write 1 to 99",
		"action: drop, canary: -1":                      "-1 is no part",
		"action: drop, canary: 10%":                     "canary is a number of 1 to 99",
		"action: drop, canary: [1]":                     "canary is a number",
		"action: keep, canary: 10":                      "only action: drop and downsample have a canary",
		"action: prioritize, priority: low, canary: 10": "only action: drop and downsample have a canary",
	} {
		_, problems := ParseFile("a.yml", []byte("rules: [{name: a, match: up, "+text+"}]"))
		if len(problems) != 1 || !strings.Contains(problems[0].Text, want) {
			t.Errorf("%s: %v, want %q", text, problems, want)
		}
	}
}
