package usage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// needText writes a need for tests.
func needText(n Need) string {
	var b strings.Builder
	b.WriteString(n.Selector())
	if n.Variable {
		b.WriteString(" +variable")
	}
	if n.Func != "" {
		fmt.Fprintf(&b, " %s", n.Func)
	}
	if n.Range > 0 {
		fmt.Fprintf(&b, " [%s]", words(n.Range))
	}
	if n.RangeByName != "" {
		fmt.Fprintf(&b, " [$%s]", n.RangeByName)
	}
	for _, d := range n.Ranges {
		fmt.Fprintf(&b, " %s", words(d))
	}
	if n.Subquery {
		fmt.Fprintf(&b, " step %s", words(n.Step))
	}
	if len(n.Labels) > 0 {
		fmt.Fprintf(&b, " by %s", strings.Join(n.Labels, ","))
	}
	if n.AllLabels {
		b.WriteString(" all")
	}
	if n.Absent {
		b.WriteString(" absent")
	}
	if n.Quantile {
		b.WriteString(" quantile")
	}
	if n.Aggregated != "" {
		b.WriteString(" " + n.Aggregated)
	}
	return b.String()
}

func TestNeeds(t *testing.T) {
	variables := map[string]variable{
		"interval": newVariable([]string{"1m", "5m"}), "auto": {}, "limit": newVariable([]string{"5", "10"}),
		"unit": newVariable([]string{"m", "h"}),
	}
	f := func(expr string, want ...string) {
		t.Helper()
		needs, trouble := needsOfTemplate(expr, variables)
		got := []string{}
		for _, n := range needs {
			got = append(got, needText(n))
		}
		if trouble != "" {
			got = append(got, "trouble: "+trouble)
		}
		if want == nil {
			want = []string{}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", expr, diff)
		}
	}
	f(`up`, `up all`)
	f(`sum by (job) (rate(x_total{code="500"}[5m]))`, `x_total{code="500"} rate [5m] by job sum`)
	f(`sum without (pod) (x)`, `x by pod all sum`)
	f(`a / on (job) group_left (team) b`, `a by job,team all`, `b by job,team all`)
	f(`sum by (x) (a / ignoring (y) b)`, `a by x,y all sum`, `b by x,y all sum`)
	f(`sum by (x) (a * on (y) b)`, `a by x,y sum`, `b by x,y sum`)
	f(`histogram_quantile(0.9, sum by (le, job) (rate(x_bucket[5m])))`, `x_bucket rate [5m] by job,le quantile sum`)
	f(`absent(up{job="a"})`, `up{job="a"} all absent`)
	f(`topk by (a) (3, sum by (b) (x))`, `x by b sum`)
	f(`label_replace(x, "dst", "$1", "src", "(.*)")`, `x by dst,src all`)
	f(`label_join(x, "dst", "-", "a", "b")`, `x by a,b,dst all`)
	f(`sort_by_label(x, "a", "b")`, `x by a,b all`)
	f(`max_over_time(rate(x[1m])[1h:30s])`, `x rate [1m] all`)
	f(`max_over_time(x[1h:30s])`, `x max_over_time [1h] step 30s all`)
	f(`max_over_time((x > 0)[1h:])`, `x max_over_time [1h] step 0s all`)
	f(`time() - timestamp(x)`, `x timestamp all`)
	f(`info(x)`, `x all`, `target_info all`)
	f(`info(x, {__name__="build_info", a="b"})`, `x all`, `build_info all`)
	f(`{"utf8.name", "a.b"="c"}`, `{__name__="utf8.name", "a.b"="c"} all`)
	f(`vector(1) + time()`)
	f(`rate(x[5m] offset 1w) @ 3`, `trouble: it cannot be parsed: 1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector selector or a subquery`)
	f(`rate(x[step()])`, `x rate [$an expression] all`)
	f(`rate(x[5m] anchored)`, `x rate [5m] all`)

	// Variables.
	f(`rate(x[$__rate_interval])`, `x rate [$__rate_interval] all`)
	f(`rate(x[${__rate_interval}])`, `x rate [$__rate_interval] all`)
	f(`rate(x[[[interval]]])`, `x rate [$interval] 1m 5m all`)
	f(`rate(x[1$unit])`, `x rate [$unit] all`)
	f(`rate(x[1$interval])`, `x rate [$interval] all`)
	f(`rate(x[${limit}m])`, `x rate [$limit] all`)
	f(`max_over_time(x[$__range:$interval])`, `x max_over_time [$__range] step 0s all`)
	f(`max_over_time(x[1h:$interval])`, `x max_over_time [$interval] step 0s all`)
	f(`x{a="$b", c="d"}`, `x{c="d"} +variable by a all`)
	f(`x{a=~"${b:regex}|[[c:pipe]]"}`, `x +variable by a all`)
	f(`x{a!~'$b'}`, `x +variable by a all`)
	f("x{a=`${b}`}", `x +variable by a all`)
	f(`x{a="b$"}`, `x{a="b$"} all`)
	f(`x{a=~"b$|c"}`, `x{a=~"b$|c"} all`)
	f(`x{$label="b"}`, `x +variable all`)
	f(`x{a="b", $filters}`, `x{a="b"} +variable all`)
	f(`x{a="\"$b"}`, `x +variable by a all`)
	f(`$metric{a="b"}`, `{a="b"} +variable all`)
	f(`${prefix}_total{a="b"}`, `{a="b", __name__=~".*_total"} +variable all`)
	f(`node_$kind`, `{__name__=~"node_.*"} +variable all`)
	f(`{__name__=~"$metric"}`, `{} +variable by __name__ all`)
	f(`sum by ($group) (x)`, `x all sum`)
	f(`sum by (a, ${group:csv}) (x)`, `x by a all sum`)
	f(`topk($n, x)`, `x all`)
	f(`topk($n, $m)`, `{} +variable all`)
	f(`topk($limit, x) > $limit`, `x all`)
	f(`x > $threshold`, `x all`, `{} +variable all`)
	f(`x * $__interval_ms / $__range_s`, `x all`)
	f(`x offset $shift`, `x all`)
	f(`$agg by (a) (x)`, `x by a sum`)
	f(`$fn(x[5m])`, `x $fn [5m] all`)
	f(`${fn}_over_time(x[5m])`, `x $fn [5m] all`)
	f(`$query`, `{} +variable all`)
	f("x # $y", `x all`)
	f(`x $op 3`, `trouble: it cannot be parsed: 1:3: parse error: unexpected identifier "$op"`)
	f(`x{`, `trouble: it cannot be parsed: 1:3: parse error: unexpected end of input inside braces`)
	f(``, `trouble: it cannot be parsed: unknown position: parse error: no expression found in input`)
	f(strings.Repeat("(", 40000)+"x", `trouble: it has 40001 bytes, more than the 32768 that are read`)
}

func TestLists(t *testing.T) {
	f := func(query string, want ...string) {
		t.Helper()
		b := &board{}
		needs, trouble, ok := b.listQuery(query)
		got := []string{fmt.Sprint(ok)}
		for _, n := range needs {
			got = append(got, needText(n))
			if !n.Exists && !strings.HasPrefix(query, "query_result") {
				t.Errorf("%s asks for samples", query)
			}
		}
		if trouble != "" {
			got = append(got, trouble)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	f(`label_values(up, job)`, "true", `up by job`)
	f(`label_values(up{a="b,c", d=~"$e"},job)`, "true", `up{a="b,c"} +variable by job`)
	f(` label_values( {__name__=~"a|b"} , "x.y" ) `, "true", `{__name__=~"a|b"} by x.y`)
	f(`label_values(job)`, "true", `{job!=""} by job`)
	f(`label_values($label)`, "true", `{} all`)
	f(`label_values(up, $label)`, "true", `up all`)
	f(`label_names()`, "true", `{} all`)
	f(`label_names(up)`, "true", `up all`)
	f(`metrics(node_.*)`, "true", `{__name__=~".*(?:node_.*).*"} all`)
	f(`metrics($x)`, "true", `{} +variable all`)
	f(`metrics(()`, "true", `{} +variable all`)
	f(`query_result(topk(3, sum by (a) (rate(x[$__range]))))`, "true", `x rate [$__range] by a sum`)
	f(`label_values(up{, job)`, "true", `it cannot be parsed: 1:4: parse error: unexpected end of input inside braces`)
	f(`up`, "false")
}
