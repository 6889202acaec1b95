package usage

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/headgate/headgate/rules"
)

// What functions of each class make of thinning, and why.
func TestThinning(t *testing.T) {
	f := func(interval, expr string, want Verdict, because string) {
		t.Helper()
		got, why := Judge(thin(t, interval, "x"), query(expr), nil)
		if got != want || !strings.Contains(why, because) {
			t.Errorf("%s at %s is %s, because %q; want %s, because %q", expr, interval, got, why, want, because)
		}
	}
	// The newest sample.
	f("4m", `x == 0`, Safe, "")
	f("4m30s", `x == 0`, MayBreak, "a late scrape makes a gap")
	f("5m", `sum(x)`, Breaks, "beyond the lookback of 5m")
	f("60s", `absent(x)`, Safe, "")
	f("60s", `time() - timestamp(x) > 60`, MayBreak, "up to 1m older")
	f("60s", `y == 0`, Safe, "")
	// Two samples.
	for _, fn := range []string{"rate", "increase", "delta", "deriv"} {
		f("60s", fn+`(x[1m])`, Breaks, "a range of 1m holds fewer than 2")
		f("60s", fn+`(x[119s])`, Breaks, "fewer than 2")
		f("60s", fn+`(x[2m])`, MayBreak, "shorter than 4m")
		f("60s", fn+`(x[4m])`, Safe, "")
		f("60s", fn+`(x[$__rate_interval])`, MayBreak, "its range is $__rate_interval, which may be shorter than 4m")
	}
	f("60s", `predict_linear(x[1m], 3600)`, Breaks, "fewer than 2")
	f("60s", `irate(x[1m])`, Breaks, "fewer than 2")
	f("60s", `irate(x[10m])`, MayBreak, "short peaks are averaged away")
	f("60s", `changes(x[1m])`, Breaks, "fewer than 2")
	f("60s", `resets(x[1h])`, MayBreak, "changes between the samples")
	// One sample.
	f("60s", `absent_over_time(x[30s])`, Breaks, "fewer than 1")
	f("60s", `last_over_time(x[1m])`, MayBreak, "may hold fewer than 1")
	f("60s", `present_over_time(x[2m])`, Safe, "")
	f("60s", `avg_over_time(x[2m])`, Safe, "")
	// Particular samples, and all of them.
	f("60s", `max_over_time(x[1h])`, MayBreak, "peaks between the samples")
	f("60s", `quantile_over_time(0.9, x[1h])`, MayBreak, "the spread")
	f("60s", `count_over_time(x[1h])`, Breaks, "every sample")
	f("60s", `sum_over_time(x[$__range])`, Breaks, "every sample")
	f("60s", `ts_of_max_over_time(x[1h])`, MayBreak, "times")
	// Subqueries read the newest sample at each step.
	f("60s", `count_over_time(x[1h:1m])`, Safe, "")
	f("60s", `rate(x[1m:10s])`, MayBreak, "one sample only")
	f("60s", `rate(x[1h:10s])`, Safe, "")
	f("60s", `max_over_time(x[1h:2m])`, Safe, "")
	f("60s", `max_over_time(x[1h:10s])`, MayBreak, "some samples twice")
	f("5m", `max_over_time(x[1h:10m])`, Breaks, "lookback")
	f("60s", `max_over_time(rate(x[1m])[1h:5m])`, Breaks, "fewer than 2")
	f("60s", `rate(x[range()])`, MayBreak, "its range is an expression")
	f("60s", `$fn(x[1h])`, MayBreak, "what the function needs is not known")
}

// Every function over ranges that Prometheus has is of a class.
func TestEveryRangeFunctionHasAClass(t *testing.T) {
	for name, fn := range rangeFunctions() {
		if fn && classOf(name) == unknownClass {
			t.Errorf("%s has no class: what does it need of its samples?", name)
		}
	}
}

func TestJudge(t *testing.T) {
	f := func(name string, r *rules.Rule, expr string, known Known, want Verdict, because string) {
		t.Helper()
		got, why := Judge(r, query(expr), known)
		if got != want || !strings.Contains(why, because) {
			t.Errorf("%s: %s, because %q; want %s, because %q", name, got, why, want, because)
		}
	}
	f("all that is read", drop(t, `x{job=~"a|b"}`), `rate(x{job="a"}[5m])`, nil, Breaks, "it finds nothing")
	f("all that is missed", drop(t, `x`), `absent(x)`, nil, Breaks, "missing forever")
	f("some of a sum", drop(t, `x{pod="a"}`), `sum(rate(x[5m]))`, nil, Breaks, "its sum changes without a word")
	f("some buckets", drop(t, `x_bucket{le="1"}`), `histogram_quantile(0.9, rate(x_bucket[5m]))`, nil, Breaks, "quantiles of what is left may be wrong")
	f("others", drop(t, `x{pod="a"}`), `x{pod="b"}`, nil, Safe, "")
	f("any of several selectors", drop(t, `y`, `x{pod="a"}`), `x`, nil, Breaks, "of which those")
	f("a pattern", drop(t, `x`), `{__name__=~"x|y.*"}`, nil, MayBreak, "it reads metrics by pattern")
	f("a pattern, as a whole", drop(t, `{__name__=~"x.*"}`), `{__name__=~"xy.*"}`, nil, Breaks, "it finds nothing")
	f("what cannot be parsed", drop(t, `x`), `y{`, nil, MayBreak, "cannot be parsed")
	f("what cannot be decided", drop(t, `x{job=~"a\\by.*"}`), `x{job=~"a.+"}`, nil, MayBreak, "their patterns do not tell")
	f("what is known to be read", drop(t, `x{pod="a"}`), `x{job="b"}`, arrived{`x{pod="a",job="b"}`}, Breaks, `1 known series are concerned, such as x{job="b", pod="a"}`)
	f("a pattern that is known to read it", drop(t, `x`), `{__name__=~"x|y.*"}`, arrived{`x`}, Breaks, "1 known series")
	f("a list of other metrics, too", drop(t, `x`), `count({job!=""})`, arrived{`x{job="b"}`}, Breaks, "1 known series")
	f("what is not known to be read", drop(t, `x{pod="a"}`), `x{job="b"}`, arrived{`x{pod="a"}`}, MayBreak, "none of the known series is concerned")
	f("all of what is not known", drop(t, `x`), `x{job="b"}`, arrived{}, Breaks, "none is known at present")
	f("what is known never makes safe", drop(t, `x{pod="a"}`), `x`, arrived{`x{pod="b"}`}, MayBreak, "none of the known series")

	keep := mustRule(t, "keep", "", `x`)
	f("what is kept", keep, `x`, nil, Safe, "")
	team := drop(t, `x`)
	team.Team = "shop"
	f("series of a team", team, `x`, arrived{`x`}, MayBreak, `where its series belong to team "shop"`)
	over := drop(t, `x`)
	over.When = rules.OverLimit
	f("over the limit", over, `x`, nil, Breaks, "while the tenant is over its limit")
	shadow := drop(t, `x`)
	shadow.Mode, shadow.Expires = rules.Shadow, time.Unix(0, 0)
	f("a rule that does not act yet", shadow, `x`, nil, Breaks, "it finds nothing")
	some := thin(t, "60s", `x_bucket{le="1"}`)
	f("some buckets thinned", some, `histogram_quantile(0.9, rate(x_bucket[1h]))`, nil, Breaks, "quantiles of buckets of different times")
}

// rangeFunctions are the functions of PromQL, and whether they take a range.
func rangeFunctions() map[string]bool {
	list := map[string]bool{}
	for name, fn := range parser.Functions {
		list[name] = slices.Contains(fn.ArgTypes, parser.ValueTypeMatrix)
	}
	return list
}
