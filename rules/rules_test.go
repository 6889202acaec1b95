package rules

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// testNow is the time at which the tests evaluate.
var testNow = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func mustParse(tb testing.TB, text string) []*Rule {
	tb.Helper()
	rs, problems := ParseFile("test.yml", []byte(text))
	for _, p := range problems {
		tb.Error(p)
	}
	if tb.Failed() {
		tb.FailNow()
	}
	return rs
}

func mustLabels(tb testing.TB, s string) series.Labels {
	tb.Helper()
	ls, err := series.ParseLabels(s)
	if err != nil {
		tb.Fatal(err)
	}
	return ls
}

// mustRule makes a rule of what matters to a test.
func mustRule(tb testing.TB, s Spec) *Rule {
	tb.Helper()
	if s.Action == "downsample" && s.Interval == "" {
		s.Interval = "60s"
	}
	if s.Action == "prioritize" && s.Priority == "" {
		s.Priority = "low"
	}
	r, errs := s.Rule()
	for _, err := range errs {
		tb.Errorf("rule %+v: %v", s, err)
	}
	if tb.Failed() {
		tb.FailNow()
	}
	return r
}

// Few words and few values, so that random rules and series meet often.
var (
	testSelectors = []string{
		`a`, `b_total`, `{__name__=~"a|b_total"}`, `{__name__=~"b_.*"}`, `{__name__=~"b.*|c.*"}`,
		`{__name__=~".+_total"}`, `{__name__!="a",__name__!=""}`, `{__name__!~"b.*|"}`, `{x="1"}`, `{x=~"1|2"}`,
		`{x=~"2.*"}`, `{x!="1",y!=""}`, `{y=~".*2"}`, `{x="",y="1"}`, `a{x!~"1.*"}`, `{__name__=~".+",x=""}`,
		`{"ü.x"="1"}`, `{x=~"(?i)ABC"}`, `{__name__=~"^b_.+"}`, `{__name__=~"(.*_total|.+_sum$)"}`,
		`{x=~"(?i)a.*",y=~"1|2.*"}`, `{x=~".*(2|c)"}`,
	}
	testMetrics = []string{"a", "b_total", "b_sum", "c", "d_total"}
	testValues  = []string{"", "1", "2", "22", "abc", "Abc"}
	testTeams   = []string{"", "red", "blue"}
)

func drawLabels(t *rapid.T) series.Labels {
	ls := series.Labels{{Name: series.MetricName, Value: rapid.SampledFrom(testMetrics).Draw(t, "metric")}}
	for _, name := range []string{"x", "y", "ü.x"} {
		if v := rapid.SampledFrom(testValues).Draw(t, name); v != "" || rapid.Bool().Draw(t, name+" present") {
			ls = append(ls, series.Label{Name: name, Value: v})
		}
	}
	return ls
}

func drawRule(t *rapid.T, name string) *Rule {
	s := Spec{
		Name:   name,
		Match:  rapid.SliceOfN(rapid.SampledFrom(testSelectors), 1, 3).Draw(t, "match"),
		Action: rapid.SampledFrom(actionWords).Draw(t, "action"),
		Mode:   rapid.SampledFrom([]string{"", "", "enforce", "shadow", "off"}).Draw(t, "mode"),
		Team:   rapid.SampledFrom(testTeams).Draw(t, "team"),
		Tenant: rapid.SampledFrom([]string{"", "", "t1", "t2"}).Draw(t, "tenant"),
	}
	switch s.Action {
	case "downsample":
		s.Interval = rapid.SampledFrom([]string{"1s", "1m", "4m"}).Draw(t, "interval")
	case "prioritize":
		s.Priority = rapid.SampledFrom([]string{"critical", "high", "default", "low"}).Draw(t, "priority")
	}
	if s.Action != "prioritize" {
		s.When = rapid.SampledFrom([]string{"", "always", "over_limit"}).Draw(t, "when")
	}
	if rapid.IntRange(0, 3).Draw(t, "expires") == 0 {
		in := rapid.SampledFrom([]time.Duration{-time.Hour, time.Hour, 2 * time.Hour}).Draw(t, "expires in")
		s.Expires = testNow.Add(in).Format(time.RFC3339)
	}
	r, errs := s.Rule()
	if len(errs) > 0 {
		t.Fatalf("rule %+v: %v", s, errs)
	}
	return r
}

func drawRules(t *rapid.T, most int) []*Rule {
	rs := make([]*Rule, rapid.IntRange(0, most).Draw(t, "rules"))
	for i := range rs {
		rs[i] = drawRule(t, fmt.Sprintf("r%d", i))
	}
	return rs
}

// policyOf returns the policy of tenant t1 under rs at now.
func policyOf(tb interface{ Fatal(...any) }, rs []*Rule, now time.Time) *Policy {
	e := NewEngine()
	if err := e.Load(rs); err != nil {
		tb.Fatal(err)
	}
	return e.For(tenant.ID("t1"), now)
}
