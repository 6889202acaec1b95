package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/series"
)

func TestParseFile(t *testing.T) {
	rs := mustParse(t, `rules:
  - name: drop-debug-histograms
    tenant: payments
    match: '{__name__=~"debug_.*"}'
    action: downsample
    interval: 1m30s
    when: over_limit
    mode: shadow
    expires: 2027-01-01T00:00:00+01:00
    team: checkout
    reason: "INC-123: debug histograms left on"
  - name: low
    match:
      - up
      - '{job="x"}'
    action: prioritize
    priority: low
  - {name: slow, match: up, action: downsample, interval: 1h, allow_gaps: true}
`)
	if len(rs) != 3 {
		t.Fatalf("%d rules, want 3", len(rs))
	}
	r := rs[0]
	r.Expires = r.Expires.UTC()
	got := *r
	got.Match = nil
	want := Rule{
		Name: "drop-debug-histograms", Tenant: "payments", Action: Downsample, Interval: 90 * time.Second,
		When: OverLimit, Mode: Shadow, Expires: time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC),
		Team: "checkout", Reason: "INC-123: debug histograms left on", File: "test.yml", Line: 2,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("rule (-got +want):\n%s", diff)
	}
	if len(r.Match) != 1 || r.Match[0].String() != `{__name__=~"debug_.*"}` {
		t.Errorf("match %v", r.Match)
	}
	if low := rs[1]; len(low.Match) != 2 || low.Priority != series.Low || low.Line != 12 {
		t.Errorf("second rule %+v", low)
	}
	if slow := rs[2]; slow.Interval != time.Hour || !slow.AllowGaps {
		t.Errorf("third rule %+v", slow)
	}
}

func TestParseFileWithoutRules(t *testing.T) {
	for _, text := range []string{"", "# nothing yet\n", "---\n", "rules:\n", "rules: []\n", "null\n"} {
		if rs, problems := ParseFile("test.yml", []byte(text)); len(rs) > 0 || len(problems) > 0 {
			t.Errorf("%q: %d rules, problems %v", text, len(rs), problems)
		}
	}
}

func TestParseFileProblems(t *testing.T) {
	rule := func(more string) string { return "rules:\n  - name: a\n    match: up\n    action: drop\n" + more }
	tests := []struct {
		name, text string
		want       []string
	}{
		{"not YAML", "rules:\n  - name: [a\n", []string{"f:2: the file is not YAML: did not find expected ',' or ']'; mend or quote what stands there"}},
		{"a scanner's error", "rules:\n  - name: \"a\n", []string{"f:2: the file is not YAML: found unexpected end of stream; mend or quote what stands there"}},
		{"a rule out of line", "rules:\n  - name: a\n  match: up\n", []string{"f:2: the file is not YAML: did not find expected '-' indicator; mend or quote what stands there"}},
		{"bytes that are no text", "rules: \xff", []string{"f: the file is not YAML: invalid leading UTF-8 octet; mend or quote what stands there"}},
		{"another kind of file", "groups: []\n", []string{`f:1:1: unknown key "groups"; known are rules`}},
		{"a list instead of a mapping", "- name: a\n", []string{"f:1:1: a rule file is a mapping with the key rules; this is a list"}},
		{"a mapping instead of a list", "rules: {a: b}\n", []string{"f:1:8: rules is a list; this is a mapping"}},
		{"a rule that is a word", "rules: [drop]\n", []string{"f:1:9: a rule is a mapping with name, match and action; this is a string"}},
		{"two documents", rule("---\nrules: []\n"), []string{"f:5:1: a second YAML document begins here; put it into a file of its own"}},
		{"an alias", "rules:\n  - &a {name: a, match: up, action: drop}\n  - *a\n", []string{"f:3:5: the alias *a cannot be used here; write the value out"}},
		{"a merge key", rule("    <<: {tenant: x}\n"), []string{"f:5:5: a key is a plain word here; write the keys out"}},
		{"a key twice", rule("    match: up\n"), []string{`f:5:5: "match" is there twice, first on line 3; remove one`}},
		{"a key that is misspelt", rule("    prioritiy: low\n"), []string{`f:5:5: unknown key "prioritiy"; did you mean priority?`}},
		{"a key that is like none", rule("    labels: low\n"), []string{`f:5:5: unknown key "labels"; known are name, tenant, match, action, interval, allow_gaps, priority, when, mode, canary, expires, team, reason`}},
		{"an empty rule", "rules:\n  - {}\n", []string{
			"f:2:5: name: is missing; every rule has one of its own, of a-z, 0-9 and -",
			`f:2:5: match: a rule needs a selector; write match: '{__name__=~"debug_.*"}'`,
			"f:2:5: action: is missing; write one of keep, drop, downsample, prioritize",
		}},
		{"all problems of a file at once", "rules:\n  - {name: A, match: up, action: drop}\n  - {name: b, match: up, action: remove}\n  - {name: c, match: 'up{', action: drop}\n", []string{
			`f:2:12: name: "A" is no rule name; use 1 to 63 of a-z, 0-9 and -`,
			`f:3:34: action: "remove" is none of keep, drop, downsample, prioritize; use one of them`,
			`f:4:26: match: unexpected end of input inside braces; write a PromQL series selector such as {__name__=~"debug_.*"}`,
		}},
		{"a name twice", "rules:\n  - {name: a, match: up, action: drop}\n  - {name: a, match: up, action: keep}\n", []string{
			"f:3: name: the rule a is there already, at f:2; rename one of them",
		}},
		{"a number for a name", "rules:\n  - {name: 1, match: up, action: drop}\n", []string{"f:2:12: name is a string, this is a number; put it in quotes"}},
		{"a name without value", "rules:\n  - {name: , match: up, action: drop}\n", []string{"f:2:12: name has no value; give it one or remove the key"}},
		{"a list for a word", rule("    team: [a]\n"), []string{"f:5:11: team is a string; this is a list"}},
		{"an empty word", rule("    team: \"\"\n"), []string{"f:5:11: team is empty; give it a value or remove the key"}},
		{"a tenant with a slash", rule("    tenant: a/b\n"), []string{"f:5:13: tenant: tenant ID has a character other than 0-9 A-Z a-z ! - _ . * ' ( ); leave tenant out where the rule is for every tenant"}},
		{"a team that is too long", rule("    team: " + strings.Repeat("x", 257) + "\n"), []string{"f:5:11: team: a team is at most 256 bytes of UTF-8; shorten it"}},
		{"a reason that is too long", rule("    reason: " + strings.Repeat("x", 1025) + "\n"), []string{"f:5:13: reason: a reason is at most 1024 bytes of UTF-8; shorten it"}},
		{"words that are none", rule("    when: overlimit\n    mode: on\n"), []string{
			`f:5:11: when: "overlimit" is none of always, over_limit; did you mean over_limit?`,
			`f:6:11: mode: "on" is none of enforce, shadow, off; use one of them`,
		}},
		{"a date for a time", rule("    expires: 2027-01-01\n"), []string{`f:5:14: expires: "2027-01-01" is no time; write it as in 2027-01-01T00:00:00Z`}},
		{"thinning's keys on a drop", rule("    interval: 60s\n"), []string{"f:5:15: interval: only action: downsample has an interval; remove it"}},
		{"gaps on a drop", rule("    allow_gaps: true\n"), []string{"f:5:17: allow_gaps: only action: downsample has allow_gaps; remove it"}},
		{"a word for a truth value", rule("    allow_gaps: yes\n"), []string{"f:5:17: allow_gaps is true or false, this is a string; write true or false without quotes"}},
		{"a priority on a drop", rule("    priority: low\n"), []string{"f:5:15: priority: only action: prioritize has a priority; remove it"}},
		{"no selectors", "rules:\n  - {name: a, match: [], action: drop}\n", []string{`f:2:22: match is an empty list; write a selector such as {__name__=~"debug_.*"}`}},
		{"a selector without quotes", "rules:\n  - {name: a, match: {x: y}, action: drop}\n", []string{
			`f:2:22: match: without quotes YAML reads a selector as a mapping; write it in single quotes, as in '{__name__=~"debug_.*"}'`,
		}},
		{"a selector that is a number", "rules:\n  - {name: a, match: [up, 5], action: drop}\n", []string{"f:2:27: a selector is a string, this is a number; put it in quotes"}},
		{"a selector for everything", "rules:\n  - {name: a, match: '{job=~\".*\"}', action: drop}\n", []string{
			`f:2:23: match: selector matches the empty series, and so everything; where that is meant, write {__name__=~".+"}`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rs, problems := ParseFile("f", []byte(tt.text))
			if rs != nil {
				t.Errorf("there are rules in spite of problems: %v", rs)
			}
			wantProblems(t, problems, tt.want)
		})
	}
}

func TestIntervalProblems(t *testing.T) {
	for value, want := range map[string]string{
		"":                                   "f:2:5: interval: action: downsample needs an interval; write interval: 60s",
		"interval: 60":                       `f:5:15: interval: "60" lacks its unit; write it as in 60s`,
		"interval: soon":                     `f:5:15: interval: "soon" is no duration; write it as in 60s or 1m30s`,
		"interval: 999ms":                    "f:5:15: interval: 999ms is shorter than 1s; make it at least 1s",
		"interval: 0":                        `f:5:15: interval: "0" lacks its unit; write it as in 60s`,
		"interval: 4m1s":                     "f:5:15: interval: 4m1s is longer than 4m, so graphs and alerts would see gaps (lookback is 5m); shorten it or add allow_gaps: true",
		"interval: 4m":                       "",
		"interval: 1s":                       "",
		"interval: 1d\n    allow_gaps: true": "",
	} {
		_, problems := ParseFile("f", []byte("rules:\n  - name: a\n    match: up\n    action: downsample\n    "+value+"\n"))
		var wants []string
		if want != "" {
			wants = []string{want}
		}
		wantProblems(t, problems, wants)
	}
}

func TestPriorityProblems(t *testing.T) {
	for value, want := range map[string]string{
		"":                                       "f:2:5: priority: action: prioritize needs a priority: critical, high, default or low",
		"priority: urgent":                       `f:5:15: priority: "urgent" is none of critical, high, default, low; use one of them`,
		"priority: lo":                           `f:5:15: priority: "lo" is none of critical, high, default, low; did you mean low?`,
		"priority: default":                      "",
		"priority: low\n    when: over_limit":    "f:6:11: when: a priority is one for all times, it cannot depend on the limit; remove when",
		"priority: high\n    interval: 60s":      "f:6:15: interval: only action: downsample has an interval; remove it",
		"priority: critical\n    when: always":   "",
		"priority: critical\n    mode: \"off\"":  "",
		"priority: critical\n    mode: off":      "",
		"priority: critical\n    mode: 'shadow'": "",
	} {
		_, problems := ParseFile("f", []byte("rules:\n  - name: a\n    match: up\n    action: prioritize\n    "+value+"\n"))
		var wants []string
		if want != "" {
			wants = []string{want}
		}
		wantProblems(t, problems, wants)
	}
}

func TestSelectorProblemsPointIntoTheFile(t *testing.T) {
	tests := []struct {
		name, match string
		line, col   int
	}{
		{"plain", `match: up{a=}`, 4, 12 + 5},
		{"single quotes", `match: '{a="x", b=}'`, 4, 12 + 1 + 10},
		{"a doubled quote counts as written", `match: '{a="''", b=}'`, 4, 12 + 1 + 11},
		{"double quotes", `match: "{a='x', b=}"`, 4, 12 + 1 + 10},
		{"escapes count as written", `match: "{a=\"\u00fc\x41\", b=}"`, 4, 12 + 1 + 21},
		{"characters count, not bytes", `match: '{"ü"="ü", b=}'`, 4, 12 + 1 + 12},
		{"an item of a list", "match:\n      - up\n      - up{a=}", 6, 9 + 5},
		{"a literal block", "match: |\n      {a=\"x\",\n       b=}", 6, 7 + 3},
		{"a folded block points at its beginning", "match: >\n      {a=\"x\",\n       b=}", 4, 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "rules:\n  - name: a\n    action: drop\n    " + tt.match + "\n"
			_, problems := ParseFile("f", []byte(text))
			if len(problems) != 1 {
				t.Fatalf("problems %v, want one", problems)
			}
			if p := problems[0]; p.Line != tt.line || p.Col != tt.col {
				t.Errorf("%s\nwant line %d, column %d of\n%s", p, tt.line, tt.col, text)
			}
		})
	}
}

func TestProblemString(t *testing.T) {
	for want, p := range map[string]Problem{
		"a.yml:3:5: what": {"a.yml", 3, 5, "what"},
		"a.yml:3: what":   {"a.yml", 3, 0, "what"},
		"a.yml: what":     {"a.yml", 0, 0, "what"},
	} {
		if p.String() != want || p.Error() != want {
			t.Errorf("got %q, want %q", p, want)
		}
	}
}

func TestNearest(t *testing.T) {
	for s, want := range map[string]string{
		"mach": "match", "actoin": "action", "Mode": "mode", "prioirty": "priority", "": "",
		"tenants": "tenant", "foo": "", "x": "", strings.Repeat("match", 1000): "",
	} {
		if got := Nearest(s, specKeys); got != want {
			t.Errorf("nearest to %.20q: %q, want %q", s, got, want)
		}
	}
}
