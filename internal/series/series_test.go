package series

import (
	"errors"
	"slices"
	"testing"
)

func mustLabels(t *testing.T, s string) Labels {
	t.Helper()
	ls, err := ParseLabels(s)
	if err != nil {
		t.Fatalf("ParseLabels(%q): %v", s, err)
	}
	return ls
}

func TestSelectorMatches(t *testing.T) {
	tests := []struct {
		name, selector, series string
		want                   bool
	}{
		{"a bare name matches any labels", `up`, `up{job="api"}`, true},
		{"another name does not match", `up`, `down{job="api"}`, false},
		{"a regular expression is anchored", `{__name__=~"http"}`, `http_requests_total`, false},
		{"a prefix needs its wildcard", `{__name__=~"http.*"}`, `http_requests_total`, true},
		{"an absent label is empty", `up{zone=""}`, `up{job="api"}`, true},
		{"an absent label differs from any value", `up{zone!="a"}`, `up`, true},
		{"every matcher has to accept", `up{job="api",zone="a"}`, `up{job="api",zone="b"}`, false},
		{"a dot matches a line break, as in Prometheus", `up{job=~"a.b"}`, "up{job=\"a\\nb\"}", true},
		{"names may be any UTF-8", `{"http.requests","ü.b"="1"}`, `{"http.requests", "ü.b"="1"}`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sel, err := ParseSelector(tt.selector)
			if err != nil {
				t.Fatal(err)
			}
			ls := mustLabels(t, tt.series)
			if got := sel.Matches(ls); got != tt.want {
				t.Errorf("%s matches %s: %v, want %v", tt.selector, tt.series, got, tt.want)
			}
			if m, v, miss := sel.Mismatch(ls); miss == tt.want {
				t.Errorf("Mismatch = %q, %q, %v; contradicts Matches", m, v, miss)
			}
		})
	}
}

func TestSelectorNames(t *testing.T) {
	for selector, want := range map[string][]string{
		`up`:                        {"up"},
		`{__name__=~"a|b"}`:         {"a", "b"},
		`{__name__=~"a.*"}`:         nil,
		`{job="api"}`:               nil,
		`{__name__!="a",job="api"}`: nil,
	} {
		sel, err := ParseSelector(selector)
		if err != nil {
			t.Fatal(err)
		}
		if got := sel.Names(); !slices.Equal(got, want) {
			t.Errorf("names of %s: %q, want %q", selector, got, want)
		}
	}
}

func TestParseSelectorRefuses(t *testing.T) {
	long := `{a="` + string(make([]byte, maxSelectorBytes)) + `"}`
	for _, s := range []string{``, `{}`, `{a=~".*"}`, `up{`, `up[5m]`, `sum(up)`, `{a=~"("}`, long} {
		if _, err := ParseSelector(s); err == nil {
			t.Errorf("ParseSelector(%.40q) succeeded, want an error", s)
		}
	}
}

func TestSelectorErrorsPointAtTheirPlace(t *testing.T) {
	for selector, want := range map[string]int{
		`up{job=}`:       7,
		`{"ü"="1", 5}`:   11,
		`up{a=~"("}`:     3,
		`up{job="a"} up`: 12,
	} {
		_, err := ParseSelector(selector)
		e, ok := errors.AsType[*SelectorError](err)
		if !ok || e.Text == "" || e.Offset != want {
			t.Errorf("ParseSelector(%q): %#v, want an error at byte %d", selector, err, want)
		}
	}
}

func TestSelectorMatchersBeginWithTheMetricName(t *testing.T) {
	sel, err := ParseSelector(`{job!="a",__name__=~"b.*",zone="c"}`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range sel.Matchers() {
		got = append(got, m.String())
	}
	if want := []string{`__name__=~"b.*"`, `zone="c"`, `job!="a"`}; !slices.Equal(got, want) {
		t.Errorf("matchers %q, want %q", got, want)
	}
}

func TestLabelsStringParsesBack(t *testing.T) {
	for _, s := range []string{
		`up{}`, `up{job="api", zone="a"}`, `{"http.requests", "a b"="1"}`,
		`up{path="C:\\x\n\"q\""}`, `{job="nameless"}`,
	} {
		ls := mustLabels(t, s)
		if got := mustLabels(t, ls.String()); !slices.Equal(got, ls) {
			t.Errorf("%s written and parsed again: %v, want %v", s, got, ls)
		}
	}
}

func TestLabelsCloneSharesNothing(t *testing.T) {
	ls := Labels{{"__name__", "up"}, {"job", "api"}}
	c := ls.Clone()
	ls[1].Value = "changed"
	if c.Get("job") != "api" || c.Metric() != "up" {
		t.Errorf("clone follows its original: %v", c)
	}
}

func TestPriorityParsesBack(t *testing.T) {
	for p := Low; p <= Critical; p++ {
		if got, err := ParsePriority(p.String()); err != nil || got != p {
			t.Errorf("ParsePriority(%q) = %v, %v", p, got, err)
		}
	}
	if _, err := ParsePriority("urgent"); err == nil {
		t.Error("ParsePriority accepted a word that is no priority")
	}
	if !(Critical > High && High > Default && Default > Low) {
		t.Error("priorities are not ordered")
	}
}
