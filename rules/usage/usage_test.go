package usage

import (
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/rules"
)

// A failer is a test, of testing or of rapid.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func mustRule(tb failer, action, interval string, match ...string) *rules.Rule {
	tb.Helper()
	r, errs := rules.Spec{Name: "test", Match: match, Action: action, Interval: interval, AllowGaps: interval != ""}.Rule()
	if r == nil {
		tb.Fatalf("%q: %v", match, errs)
	}
	return r
}

func drop(tb failer, match ...string) *rules.Rule { return mustRule(tb, "drop", "", match...) }

func thin(tb failer, interval string, match ...string) *rules.Rule {
	return mustRule(tb, "downsample", interval, match...)
}

func mustMatchers(tb failer, selector string) []*labels.Matcher {
	tb.Helper()
	ms, err := parser.NewParser(promQL).ParseMetricSelector(selector)
	if err != nil {
		tb.Fatalf("%s: %v", selector, err)
	}
	return ms
}

// query returns a dashboard's query as Judge takes it.
func query(expr string) *Query {
	q := &Query{Kind: Dashboard, Name: "test", Expr: expr}
	q.Needs, q.Trouble = needsOfTemplate(expr, nil)
	return q
}

// arrived is a Known of some series.
type arrived []string

func (a arrived) Seen(_ tenant.ID, all []*labels.Matcher) (count float64, example series.Labels, asked bool) {
	for _, s := range a {
		ls, err := series.ParseLabels(s)
		if err != nil {
			panic(err)
		}
		if matches(all, ls) {
			count, example = count+1, ls
		}
	}
	return count, example, true
}

func matches(ms []*labels.Matcher, ls series.Labels) bool {
	for _, m := range ms {
		if !m.Matches(ls.Get(m.Name)) {
			return false
		}
	}
	return true
}

func TestMeet(t *testing.T) {
	tests := []struct {
		a, b   string
		want   answer
		covers bool // a covers b
	}{
		{`up`, `up`, yes, true},
		{`up`, `down`, no, false},
		{`up`, `up{job="api"}`, yes, true},
		{`up{job="api"}`, `up`, yes, false},
		{`up{job="api"}`, `up{job="web"}`, no, false},
		{`up{job="api"}`, `up{instance="a"}`, yes, false},
		{`{__name__=~"node_.+"}`, `node_load1`, yes, true},
		{`{__name__=~"node_.+"}`, `node_`, no, false},
		{`{__name__=~"node_.+"}`, `{__name__=~"(node|process)_cpu.*"}`, yes, false},
		{`{__name__=~"(node|process)_.*"}`, `{__name__=~"node_cpu.*"}`, yes, true},
		{`{__name__=~"go_.*"}`, `{__name__=~"(node|process)_.*"}`, no, false},
		{`{__name__=~".*_bucket"}`, `{__name__=~"http_.*"}`, yes, false},
		{`{__name__=~".*_bucket"}`, `{__name__=~".*_(sum|count)"}`, no, false},
		{`{__name__=~".*_bucket", le!="+Inf"}`, `x_bucket{le="+Inf"}`, no, false},
		{`up{job!~"a.*"}`, `up{job=~"ab+"}`, no, false},
		{`up{job!~"a.*"}`, `up{job=~"(a|b)b+"}`, yes, false},
		{`up{job!="a"}`, `up{job=~"a?"}`, yes, false}, // the empty one
		{`up{job!="", job!="a"}`, `up{job=~"a?"}`, no, false},
		{`up{job=""}`, `up`, yes, false},
		{`up{job=""}`, `up{job=~".+"}`, no, false},
		{`up{job=~".+"}`, `up{job!=""}`, yes, true},
		{`up{job=~"a$|b"}`, `up{job="a"}`, yes, true},
		{`up{job=~"(?i:api.*)"}`, `up{job=~"API-.*"}`, yes, false}, // where case is ignored, little is certain
		{`up{job=~"(?i:api.*)"}`, `up{job=~"web-.*"}`, perhaps, false},
		{`up{job=~"\\bapi.*"}`, `up{job=~"api.+"}`, yes, false}, // a value that both match is found
		{`up{job=~"a\\by.*"}`, `up{job=~"a.+"}`, perhaps, false},
		{`up{job=~"a\\by.*"}`, `up{job=~"b.+"}`, no, false}, // by how they begin
		{`{__name__=~"app[0-9]+_component_.*"}`, `{__name__=~"app5_.+_info"}`, yes, false},
		{`{__name__=~"app[0-9]+_component_.*"}`, `{__name__=~"apps_.+_info"}`, no, false},
		{`{__name__=~"a_.*"}`, `{__name__=~".*_b"}`, yes, false}, // where they overlap: a_b
		{`{__name__=~"a.+a|b"}`, `{__name__=~"aa?"}`, no, false},
		{`{__name__=~"x(_a)+"}`, `{__name__=~".*_b|x"}`, no, false},
		{`{__name__=~"(?i)APP_.*"}`, `{__name__=~"web_.*"}`, perhaps, false},
		{`up{job=~"[^a]+"}`, `up{job=~"a+"}`, no, false},
		{`up{job=~"\\p{Greek}+"}`, `up{job=~"[a-z]+"}`, no, false},
		{`up{job=~"ä.*"}`, `up{job=~".*ö"}`, yes, false},
		{`up{job=~"(a|b)*c{20}"}`, `up{job=~"a*c*"}`, yes, false},
		{`up{job=~"^a^b"}`, `up{job=~"a.*"}`, no, false},
	}
	for _, tt := range tests {
		t.Run(tt.a+" and "+tt.b, func(t *testing.T) {
			a, b := mustMatchers(t, tt.a), mustMatchers(t, tt.b)
			if got := newDecider(new(expressions)).meet(a, b); got != tt.want {
				t.Errorf("meet is %d, want %d", got, tt.want)
			}
			if got := newDecider(new(expressions)).meet(b, a); got != tt.want {
				t.Errorf("turned round it is %d, want %d", got, tt.want)
			}
			if got := newDecider(new(expressions)).covers(a, b); got != tt.covers {
				t.Errorf("covers is %v, want %v", got, tt.covers)
			}
		})
	}
}
