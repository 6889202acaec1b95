package rules

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestWhatADeltaDoesNotTouchIsJudgedAlike(t *testing.T) {
	touched, untouched := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		before := drawRules(t, 8)
		// The next rules: some removed, some changed, some new, some moved.
		var after []*Rule
		for _, r := range before {
			switch rapid.IntRange(0, 7).Draw(t, "fate of "+r.Name) {
			case 0:
			case 1:
				after = append(after, drawRule(t, r.Name))
			default:
				after = append(after, r)
			}
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "new rules") {
			r := drawRule(t, fmt.Sprintf("new%d", i))
			after = slices.Insert(after, rapid.IntRange(0, len(after)).Draw(t, "at"), r)
		}
		if len(after) > 1 && rapid.IntRange(0, 3).Draw(t, "move") == 0 {
			i, j := rapid.IntRange(0, len(after)-1).Draw(t, "i"), rapid.IntRange(0, len(after)-1).Draw(t, "j")
			after[i], after[j] = after[j], after[i]
		}
		later := rapid.SampledFrom([]time.Duration{0, 90 * time.Minute}).Draw(t, "later")

		e := NewEngine()
		if err := e.Load(before); err != nil {
			t.Fatal(err)
		}
		old := e.For("t1", testNow)
		if err := e.Load(after); err != nil {
			t.Fatal(err)
		}
		p := e.For("t1", testNow.Add(later))
		for _, d := range []struct {
			name     string
			from, to *Policy
		}{{"forth", old, p}, {"back", p, old}} {
			delta := d.to.Since(d.from)
			for range 8 {
				ls, team := drawLabels(t), rapid.SampledFrom(testTeams).Draw(t, "series' team")
				if delta.Touches(ls, team) {
					touched++
					continue
				}
				untouched++
				var a, b Verdict
				d.from.Evaluate(ls, team, &a)
				d.to.Evaluate(ls, team, &b)
				if diff := cmp.Diff(b.answer(), a.answer()); diff != "" {
					t.Fatalf("%s: %s of team %q is not touched, but (-after +before):\n%s", d.name, ls, team, diff)
				}
				if a.Within.Rule != b.Within.Rule || a.Over.Rule != b.Over.Rule || a.PriorityRule != b.PriorityRule || !slices.Equal(a.Shadows, b.Shadows) {
					t.Fatalf("%s: %s of team %q is not touched, but its rules are other objects", d.name, ls, team)
				}
			}
		}
	})
	if touched < 100 || untouched < 100 {
		t.Errorf("%d series touched and %d not: the property was hardly tried", touched, untouched)
	}
}

func TestDelta(t *testing.T) {
	const text = `rules:
  - {name: a, match: a_total, action: drop}
  - {name: b, match: b_total, action: drop, team: red}
  - {name: c, match: c_total, action: drop}
  - {name: d, match: '{x=~".+"}', action: keep}
`
	rs := mustParse(t, text)
	a, b, c, d := rs[0], rs[1], rs[2], rs[3]
	tests := []struct {
		name          string
		before, after []*Rule
		want          string // series of the four below that are touched
	}{
		{"nothing changed", []*Rule{a, b, c, d}, []*Rule{a, b, c, d}, ""},
		{"one rule more touches what it matches", []*Rule{a, d}, []*Rule{a, c, d}, "c"},
		{"one rule less does, too", []*Rule{a, c, d}, []*Rule{a, d}, "c"},
		{"changes at both ends leave the middle alone", []*Rule{b, c}, []*Rule{a, b, c, d}, "ad"},
		{"rules that change places touch what they match", []*Rule{a, b, c, d}, []*Rule{a, c, b, d}, "bc"},
		{"the first going last moves all", []*Rule{a, b, c, d}, []*Rule{b, c, d, a}, "abcd"},
		{"all gone", []*Rule{a, b, c, d}, nil, "abcd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			delta := policyOf(t, tt.after, testNow).Since(policyOf(t, tt.before, testNow))
			got := ""
			for name, s := range map[string]string{"a": "a_total", "b": "b_total", "c": "c_total", "d": `d{x="1"}`} {
				if delta.Touches(mustLabels(t, s), "red") {
					got += name
				}
			}
			sorted := []byte(got)
			slices.Sort(sorted)
			if string(sorted) != tt.want {
				t.Errorf("touched %q, want %q", sorted, tt.want)
			}
			if delta.Empty() != (tt.want == "") {
				t.Errorf("Empty() = %v with %q touched", delta.Empty(), tt.want)
			}
			if slices.Contains(tt.before, b) != slices.Contains(tt.after, b) && delta.Touches(mustLabels(t, "b_total"), "blue") {
				t.Error("a rule of team red touches a series of team blue")
			}
		})
	}
}

func TestSinceNothingTouchesEverything(t *testing.T) {
	p := policyOf(t, nil, testNow)
	if d := p.Since(nil); !d.Touches(mustLabels(t, "up"), "") || d.Empty() {
		t.Error("without an older policy everything may differ")
	}
	if d := p.Since(p); d.Touches(mustLabels(t, "up"), "") || !d.Empty() {
		t.Error("a policy differs from itself")
	}
}
