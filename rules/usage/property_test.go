package usage

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
)

// A small universe: every series of these values. "" is a label that is absent.
var universe = map[string][]string{
	"__name__": {"a_x", "a_y", "b_x", "b_bucket", "ab"},
	"job":      {"", "api", "web", "API"},
	"le":       {"", "1", "+Inf"},
}

// expressions that match some of the values, and none, in many ways.
var universeExpressions = []string{
	".*", ".+", "a_.*", "a_x|b_x", ".*_x", "(a|b)_.*", "a?b.*", ".*bucket", "[a-b]_[x-y]", "a.", "", "a",
	"api|web", "(?i:api)", "(?i)a.*", "[^w].*", "w.b", `\d+`, `[+]Inf`, "1|", ".{3}", "^api$", "a|^$", `\bapi`,
	// How they begin, end, overlap and repeat.
	"a_(x|y|bucket)", "(a|b)_(x|bucket)", ".*_(x|y)", "(a|ab|b)_?.*", "a(_x)?b?", "(a_)+x", ".*_.+t", "b_b.+et", "a_.*|b_.*", "(b_)?bucket|ab",
	"(?i:A)_x", "(?i)B_.*|ab", ".+I", "(ap|we).+", ".*(pi|eb)", "ap?i?", `[+]?(Inf|1)`, ".*f", `a\b_?.*`, ".*_x|.*_y|.*t", "[ab]_x|ab|", "(|a)(|b)_[^b].*",
}

var allSeries = func() (all []series.Labels) {
	for _, name := range universe["__name__"] {
		for _, job := range universe["job"] {
			for _, le := range universe["le"] {
				var ls series.Labels
				for _, l := range []series.Label{{Name: "__name__", Value: name}, {Name: "job", Value: job}, {Name: "le", Value: le}} {
					if l.Value != "" {
						ls = append(ls, l)
					}
				}
				ls.Sort()
				all = append(all, ls)
			}
		}
	}
	return all
}()

// drawSelector draws a selector that does not match everything.
func drawSelector(t *rapid.T, name string) string {
	var parts []string
	draw := func(label string) {
		op := rapid.SampledFrom([]string{"=", "!=", "=~", "!~"}).Draw(t, name+" "+label)
		var v string
		if op == "=" || op == "!=" {
			v = rapid.SampledFrom(universe[label]).Draw(t, "value")
		} else {
			v = rapid.SampledFrom(universeExpressions).Draw(t, "expression")
		}
		parts = append(parts, fmt.Sprintf("%s%s%q", label, op, v))
	}
	for _, label := range []string{"__name__", "job", "le"} {
		for range rapid.IntRange(0, 2).Draw(t, "matchers") {
			draw(label)
		}
	}
	s := "{" + strings.Join(parts, ",") + "}"
	if _, err := series.ParseSelector(s); err != nil {
		return fmt.Sprintf("{__name__=%q}", rapid.SampledFrom(universe["__name__"]).Draw(t, "metric"))
	}
	return s
}

// wraps are queries that read a selector.
var wraps = []string{
	"%s", "sum by (job) (rate(%s[1m]))", "absent(%s)", "vector(1) / on() group_left %s", "max_over_time(%s[1h:1m])",
	"histogram_quantile(0.9, sum by (le) (rate(%s[5m])))", "topk($n, %s)", "label_replace(%s, \"a\", \"$1\", \"b\", \"(.*)\")",
	"avg(count_over_time(%s[$__rate_interval])) > $threshold", "info(%s)", "(%s) or vector(0)", "sum(increase((%s[$__range])))",
}

// Whenever some series matches both the rule and the query, the rule is not safe.
func TestNoRuleThatDropsWhatIsReadIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dropped, read := drawSelector(t, "rule"), drawSelector(t, "query")
		q := query(fmt.Sprintf(rapid.SampledFrom(wraps).Draw(t, "wrap"), read))
		if q.Trouble != "" {
			t.Fatalf("%s: %s", q.Expr, q.Trouble)
		}
		r := drop(t, dropped)
		var known Known
		if rapid.Bool().Draw(t, "something is known") {
			known = arrived{`a_x{job="api"}`, `b_bucket{le="1"}`}
		}
		v, why := Judge(r, q, known)
		if (v == Safe) != (why == "") {
			t.Fatalf("%s of %s: %v, because %q", dropped, q.Expr, v, why)
		}
		a, b := r.Match[0].Matchers(), mustMatchers(t, read)
		for _, ls := range allSeries {
			if matches(a, ls) && matches(b, ls) && v == Safe {
				t.Fatalf("dropping %s is safe for %s, which reads %s", dropped, q.Expr, ls)
			}
		}
		ix := NewIndex([]*Query{q}, nil)
		if got := ix.Breaks(r, known); (len(got) > 0) != (v != Safe) {
			t.Fatalf("the index says %v of %v", got, v)
		}
		for _, ls := range allSeries {
			if matches(b, ls) && len(ix.UsedBy(ls.Metric(), "")) == 0 {
				t.Fatalf("%s is not used by %s", ls.Metric(), q.Expr)
			}
		}
	})
}

// What a rule is said to cover it covers, and where it is said that no series can
// be in both, none is.
func TestMeetAndCoversAgainstEverySeries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := drawSelector(t, "one"), drawSelector(t, "other")
		a, b := mustMatchers(t, x), mustMatchers(t, y)
		meets, whole := newDecider(new(expressions)).meet(a, b), newDecider(new(expressions)).covers(a, b)
		for _, ls := range allSeries {
			inA, inB := matches(a, ls), matches(b, ls)
			if inA && inB && meets == no {
				t.Fatalf("%s and %s do not meet, and match %s", x, y, ls)
			}
			if inB && !inA && whole {
				t.Fatalf("%s covers %s, and not %s", x, y, ls)
			}
		}
	})
}

// Values begin and end as their expressions demand.
func TestEndsAgainstEveryValue(t *testing.T) {
	for _, expr := range universeExpressions {
		m, err := labels.NewMatcher(labels.MatchRegexp, "a", expr)
		if err != nil {
			t.Fatal(err)
		}
		x := newExpression(expr)
		e, fold := x.ends, func(s string) string { return s }
		if x.folds {
			e, fold = e.lower(), strings.ToLower
		}
		for _, v := range slices.Concat(universe["__name__"], universe["job"], universe["le"]) {
			if !m.Matches(v) {
				continue
			}
			begins := slices.ContainsFunc(e.prefixes, func(p string) bool { return strings.HasPrefix(fold(v), p) })
			stops := slices.ContainsFunc(e.suffixes, func(p string) bool { return strings.HasSuffix(fold(v), p) })
			if !begins || !stops || e.whole && !slices.Contains(e.prefixes, fold(v)) {
				t.Errorf("%s matches %q, which has not the ends %+v", expr, v, e)
			}
		}
	}
}

// A query with a variable is never safer than it is for one of its values.
func TestVariablesAreEveryValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		job := rapid.SampledFrom([]string{"api", "web", "API"}).Draw(t, "job")
		name := rapid.SampledFrom(universe["__name__"]).Draw(t, "metric")
		template := rapid.SampledFrom([]string{
			`METRIC{job="JOB"}`, `METRIC{job=~"x|JOB"}`, `{__name__="METRIC"}`, `METRIC`, `sum(rate(METRIC{job!~"JOB"}[5m]))`,
			`{__name__=~"METRIC|zz", job="JOB"}`, `count(METRIC) > 3`, `METRIC{job="JOB"} / METRIC`,
		}).Draw(t, "query")
		metricVariable := rapid.SampledFrom([]string{name, "$metric", "${metric}", "${metric:raw}", "[[metric]]"}).Draw(t, "metric is")
		jobVariable := rapid.SampledFrom([]string{job, "$job", "${job:regex}", "[[job:pipe]]"}).Draw(t, "job is")
		plain := query(strings.NewReplacer("METRIC", name, "JOB", job).Replace(template))
		general := query(strings.NewReplacer("METRIC", metricVariable, "JOB", jobVariable).Replace(template))
		for _, r := range []string{drawSelector(t, "rule"), drawSelector(t, "rule")} {
			v, _ := Judge(drop(t, r), plain, nil)
			w, _ := Judge(drop(t, r), general, nil)
			if v != Safe && w == Safe {
				t.Fatalf("dropping %s is safe for %s and %v for %s", r, general.Expr, v, plain.Expr)
			}
		}
	})
}

// Where thinning is safe, every range holds the samples that its function needs.
func TestThinnedRangesHoldWhatIsNeeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := time.Duration(rapid.IntRange(1, 240).Draw(t, "interval")) * time.Second
		scrape := time.Duration(rapid.IntRange(1, int(interval/time.Second)).Draw(t, "scrape")) * time.Second
		span := time.Duration(rapid.IntRange(1, 1200).Draw(t, "range")) * time.Second
		fn := rapid.SampledFrom([]string{"rate", "deriv", "avg_over_time", "absent_over_time"}).Draw(t, "function")
		q := query(fmt.Sprintf("%s(x[%ds])", fn, span/time.Second))
		v, _ := Judge(thin(t, interval.String(), "x"), q, nil)
		need := 1
		if classOf(fn) == slopes {
			need = 2
		}
		if v == Safe && span < time.Duration(need)*interval {
			t.Fatalf("%s of %s is safe at %s", fn, span, interval)
		}
		if v != Safe {
			return
		}
		var kept []time.Duration
		offset := time.Duration(rapid.IntRange(0, int(scrape/time.Second)-1).Draw(t, "offset")) * time.Second
		last := time.Duration(-1)
		for at := offset; at < span+3*interval; at += scrape {
			if at/interval != last {
				kept = append(kept, at)
				last = at / interval
			}
		}
		for end := span + interval; end <= span+2*interval; end += time.Second {
			n := 0
			for _, at := range kept {
				if at > end-span && at <= end {
					n++
				}
			}
			if n < need {
				t.Fatalf("%s[%s] at %s holds %d of the samples every %s, scraped every %s", fn, span, end, n, interval, scrape)
			}
		}
	})
}
