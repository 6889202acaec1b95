package querylog

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
)

// ruleOf makes a rule of "drop selector" or "interval selector".
func ruleOf(t rapid.TB, text string) *rules.Rule {
	t.Helper()
	interval, match, _ := strings.Cut(text, " ")
	s := rules.Spec{Name: "test", Match: rules.Selectors{match}, Action: "downsample", Interval: interval}
	if interval == "drop" {
		s.Action, s.Interval = "drop", ""
	}
	r, errs := s.Rule()
	if r == nil {
		t.Fatalf("%s: %v", text, errs)
	}
	return r
}

// broken returns what a rule breaks, as lines.
func broken(t rapid.TB, e *Evidence, rule string) (list []string) {
	t.Helper()
	for _, b := range e.Index().Breaks(ruleOf(t, rule), nil) {
		list = append(list, fmt.Sprintf("%s %s%s: %s", b.Verdict, b.Query.Name, b.Query.Expr, b.Why))
	}
	return list
}

// long makes a query longer than what is kept.
var long = ` or on() label_replace(vector(1), "a", "` + strings.Repeat("x", maxText) + `", "", "")`

func TestWhatARuleBreaksOfQueriesThatWereAsked(t *testing.T) {
	for _, tt := range []struct {
		name, expr, rule string
		want             string // how the only line begins; "" for none
	}{
		{"a rate over a minute, thinned to a minute", "rate( calls [1m])", "60s calls", "breaks rate(calls[1m]): rate of calls, with a sample every 1m: a range of 1m holds fewer than 2"},
		{"a rate over an hour", "rate(calls[1h])", "60s calls", ""},
		{"a rate that is close", "rate(calls[3m])", "60s calls", "may_break rate(calls[3m]): "},
		{"a subquery", "max_over_time(rate(calls[1m])[1h:])", "60s calls", "breaks max_over_time(rate(calls[1m])[1h:]): "},
		{"the newest sample", "sum(calls)", "60s calls", ""},
		{"what is dropped", "sum(calls)", "drop calls", "breaks sum(calls): every series of calls is dropped"},
		{"what is dropped of another job", `calls{job="a"}`, `drop calls{job="b"}`, ""},
		{"a pattern", `{__name__=~"ca.*"}`, "drop calls", "may_break "},
		{"a query that cannot be parsed", "calls default 0", "drop calls", "may_break a query that cannot be parsedcalls default 0: "},
		{"a query that cannot be parsed, thinned", "rate(calls) default 0", "60s calls", "may_break a query that cannot be parsedrate(calls) default 0: something of calls, with a sample every 1m: its range is not known"},
		{"a query of others that cannot be parsed", "errors default 0", "drop calls", ""},
		{"one that may read anything", `rate({job="a"}) default 0`, "drop calls", "may_break "},
		{"one that is too long to be kept", "rate(calls[1m])" + long, "60s calls", "may_break queries of calls that are not kept: rate of calls, with a sample every 1m: a range of 1m holds"},
		{"one that is too long to be kept, of another label", `calls{job="a"}` + long, `drop calls{job="b"}`, "may_break queries of calls that are not kept: "},
		{"one that is too long to be kept, of others", "rate(errors[1m])" + long, "drop calls", ""},
		{"one with an expression that takes much memory", `calls{job=~"(a{500}b{500}){2}c{999}"}`, "drop calls", "may_break queries of calls that are not kept: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := new(Evidence)
			e.Watch(noon)
			e.Note(tt.expr, noon, 1, Source{})
			for _, when := range []string{"at once", "after a restart"} {
				got := broken(t, e, tt.rule)
				if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], tt.want)) {
					t.Errorf("%s, %s: %q, want %q", tt.rule, when, got, tt.want)
				}
				e = restarted(t, e)
			}
		})
	}
}

// restarted returns e as it is after a restart.
func restarted(t *testing.T, e *Evidence) *Evidence {
	t.Helper()
	var file bytes.Buffer
	if err := e.Save(&file, NewTail(e, discard)); err != nil {
		t.Fatal(err)
	}
	again := new(Evidence)
	if err := again.Load(&file, NewTail(again, discard)); err != nil {
		t.Fatal(err)
	}
	return again
}

// Whoever asks, and however spaces stand, a query is one.
func TestQueriesAreSeen(t *testing.T) {
	e := new(Evidence)
	e.Watch(noon.Add(-24 * time.Hour))
	e.Note("sum by(job)(rate(calls[5m]))", noon.Add(-2*time.Hour), 3, Source{By: "10.0.0.7", Step: time.Minute, Log: true})
	e.Note(" sum  by (job) (rate(calls[ 5m ])) ", noon.Add(-time.Hour), 2, Source{By: "rule group shop", Step: 15 * time.Second, Log: true})
	e.Note("rate(calls[1m])", noon.Add(-3*time.Hour), 1, Source{By: strings.Repeat("ü", maxByText)})
	e.Note("errors", noon, 1, Source{})
	e.Note("calls offset 1h default", noon, 1, Source{})
	for i := range maxBy + 3 {
		e.Note("errors", noon, 1, Source{By: fmt.Sprint("host ", i)})
	}
	for _, when := range []string{"at once", "after a restart"} {
		f := func(metric, label string, want ...string) {
			t.Helper()
			var got []string
			for _, s := range e.SeenFor(metric, label, noon) {
				if len(s.By) > maxBy {
					t.Errorf("%d asked", len(s.By))
				}
				got = append(got, fmt.Sprintf("%d %s by %s every %s to %s: %s", s.Count, s.Use.How, strings.Join(s.By, ", "), s.Step, noon.Sub(s.First), s.Use.Query.Expr))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s, %s (-want +got):\n%s", metric, label, when, diff)
			}
		}
		const bad = "1 unknown by  every 0s to 0s: calls offset 1h default"
		const sum = "5 name by 10.0.0.7, rule group shop every 15s to 2h0m0s: sum by (job) (rate(calls[5m]))"
		name := "1 name by " + strings.Repeat("ü", maxByText/2) + "… every 0s to 3h0m0s: rate(calls[1m])"
		f("calls", "", bad, sum, name)
		f("calls", "job", bad, sum, strings.Replace(name, "name", "result", 1))
		f("calls", "pod", bad, strings.Replace(name, "name", "result", 1))
		f("other", "")
		a, _ := e.Of("calls", "", noon)
		if diff := cmp.Diff([]Span{unknownSpan, {Func: "rate", Range: time.Minute}}, a.Ranges); diff != "" || a.Step != 15*time.Second {
			t.Errorf("%s: every %s, ranges (-want +got):\n%s", when, a.Step, diff)
		}
		e = restarted(t, e)
	}
	if a, _ := e.Of("calls", "", noon); a.Logged != 5 || a.Told != 11 {
		t.Errorf("%d are of logs and %d were told, want 5 and 11", a.Logged, a.Told)
	}
	if q, ok := e.Kept("errors"); !ok || q.Count != uint64(maxBy+4) {
		t.Errorf("errors is %+v", q)
	}
	e.Forget(noon.Add(Kept + time.Minute - 2*time.Hour))
	if got := e.SeenFor("calls", "", noon); len(got) != 2 || len(broken(t, e, "60s calls")) != 1 {
		t.Errorf("after the oldest was forgotten: %v", got)
	}
}

// A file of before the text of queries was kept leaves metrics that were asked for,
// in ways that are not known.
func TestFilesWithoutTextAreLoaded(t *testing.T) {
	e := new(Evidence)
	file := `{"version":1,"since":"2024-11-20T00:00:00Z","metrics":{"calls":{"asked":{"last":"2024-11-21T00:00:00Z","count":2}}},"patterns":[]}`
	if err := e.Load(strings.NewReader(file), NewTail(e, discard)); err != nil {
		t.Fatal(err)
	}
	if says(t, e, "calls", "") != "2 by name" || len(broken(t, e, "60s calls")) != 1 || len(broken(t, e, "drop errors")) != 0 {
		t.Errorf("%s, %q", says(t, e, "calls", ""), broken(t, e, "60s calls"))
	}
}

// Whatever is kept, evicted or never kept: what breaks a query by itself is never
// safe for the evidence of it.
func TestNoRuleThatBreaksAnAskedQueryIsSafe(t *testing.T) {
	exprs := []string{
		"rate(a_x[1m])", "sum by (job) (rate(a_x[5m]))", "a_x", `a_y{job="api"}`, `count_over_time(b_x{job=~"w.*"}[10m])`, `{__name__=~"a_.*"}`,
		"max_over_time(a_x[1h:1m])", "absent(b_x)", "rate(a_x[1m]) + a_y", "increase(b_y[90s])", "time() - timestamp(a_y)", `{job="api"}`, "irate(b_x[1h])",
	}
	ruleTexts := []string{
		"drop a_x", `drop a_y{job="api"}`, `drop {__name__=~"b_.*"}`, "60s a_x", "30s b_x", `60s {__name__=~"[ab]_x"}`, `drop b_x{job="web"}`, "45s b_y", `drop {job=~"a.i"}`,
	}
	rapid.Check(t, func(t *rapid.T) {
		e := new(Evidence)
		e.Watch(noon)
		asked := rapid.SliceOfN(rapid.SampledFrom(exprs), 1, 6).Draw(t, "asked")
		for i, expr := range asked {
			if rapid.Bool().Draw(t, "too long") {
				expr += long
			}
			e.Note(expr, noon.Add(time.Duration(i)*time.Second), 1, Source{})
			if rapid.Bool().Draw(t, "look") {
				e.Index()
			}
		}
		if rapid.Bool().Draw(t, "evict") {
			e.mu.Lock()
			e.evict()
			e.mu.Unlock()
		}
		rule := rapid.SampledFrom(ruleTexts).Draw(t, "rule")
		got := broken(t, e, rule)
		for _, expr := range asked {
			q := &usage.Query{Expr: expr}
			_, q.Needs, q.Trouble = usage.Parse(expr)
			if v, why := usage.Judge(ruleOf(t, rule), q, nil); v != usage.Safe && len(got) == 0 {
				t.Fatalf("%s: %s is %s (%s), and nothing is said to break", rule, expr, v, why)
			}
		}
	})
}

// However many different queries are asked, few are kept, and the rest is known by
// metric.
func TestKeptQueriesAreBounded(t *testing.T) {
	e := new(Evidence)
	e.Watch(noon)
	for i := range maxQueries + 1 {
		e.Note(fmt.Sprintf(`rate(calls{pod="%d"}[1m])`, i), noon.Add(time.Duration(i)*time.Second), 1, Source{})
	}
	if len(e.queries) != maxQueries+1-evicted || e.textBytes > maxTextBytes {
		t.Errorf("%d queries are kept in %d bytes", len(e.queries), e.textBytes)
	}
	seen := e.SeenFor("calls", "", noon.Add(24*time.Hour))
	if len(seen) != len(e.queries) || !slices.ContainsFunc(seen, func(s Seen) bool { return s.Use.Query.Expr == fmt.Sprintf(`rate(calls{pod="%d"}[1m])`, maxQueries) }) {
		t.Errorf("%d are seen; the latest has to be among them", len(seen))
	}
	unkept := func() bool {
		return slices.ContainsFunc(broken(t, e, `drop calls{pod="0"}`), func(line string) bool {
			return strings.HasPrefix(line, "may_break queries of calls that are not kept: ")
		})
	}
	if !unkept() {
		t.Error("the oldest is not kept, and safe")
	}
	for i := range 3 * maxTextBytes / maxText {
		e.Note(fmt.Sprintf("c%d_%s", i, strings.Repeat("a", 1000)), noon, 1, Source{})
	}
	if e.textBytes > maxTextBytes {
		t.Errorf("%d bytes of text", e.textBytes)
	}
}
