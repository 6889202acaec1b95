package usage

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/rules"
)

// everything is a rule that removes whatever has a name.
func everything(tb testing.TB) *rules.Rule { return drop(tb, `{__name__=~".+"}`) }

// checkQueries checks what holds for the queries of any file.
func checkQueries(t *testing.T, qs []*Query, ps []Problem) {
	t.Helper()
	ix := NewIndex(qs, ps)
	broken := map[*Query]bool{}
	for _, b := range ix.Breaks(everything(t), nil) {
		if b.Verdict == Safe || b.Why == "" {
			t.Fatalf("%q: %s because %q", b.Query.Expr, b.Verdict, b.Why)
		}
		broken[b.Query] = true
	}
	for _, q := range qs {
		if q.Line < 0 || q.File != "file" || q.Kind == "" {
			t.Fatalf("query %+v", q)
		}
		if q.Trouble != "" && (len(q.Needs) > 0 || !broken[q]) {
			t.Fatalf("%q is not known, and not broken: %q", q.Expr, q.Trouble)
		}
		for i := range q.Needs {
			if !q.Needs[i].MayRead("") && !broken[q] {
				t.Fatalf("%q reads %s, and would not miss it", q.Expr, q.Needs[i].Selector())
			}
		}
	}
	for _, p := range ps {
		if p.File != "file" || p.Text == "" || len(p.Text) > 2000 {
			t.Fatalf("problem %+v", p)
		}
	}
	ix.UsedBy("up", "job")
}

func FuzzReadRuleFile(f *testing.F) {
	f.Add([]byte("groups: [{rules: [{alert: a, expr: up}, {record: b, expr: 'x{'}, {}, 3]}, 4]"))
	f.Add([]byte("a: &a [*a]\ngroups: *a"))
	f.Add([]byte("groups:\n- rules: &r [{alert: a, expr: up}]\n- rules: *r\n---\nkind: List\nitems: [{spec: {groups: []}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		qs, ps := ReadRuleFile("file", data)
		checkQueries(t, qs, ps)
	})
}

func FuzzReadDashboard(f *testing.F) {
	f.Add([]byte(`{"title":"a","uid":"u","templating":{"list":[{"name":"v","type":"query","query":"label_values(up, job)"},{"name":"w","type":"custom","query":"1,2"}]},` +
		`"annotations":{"list":[{"name":"n","expr":"x{a=\"$v\"} > $w"}]},"panels":[{"id":1,"title":"p","targets":[{"expr":"rate(x[$__rate_interval])"}]}]}`))
	f.Add([]byte(`{"panels":[{"targets":[{"expr":"up"},{"expr":""},{"expr":3}],"datasource":{"type":"loki"}}],"title":"a","title":"b"}`))
	f.Add([]byte(`{"spec":{"elements":{"a":{"kind":"Panel","spec":{"id":1,"title":"t","data":{"spec":{"queries":[{"spec":{"query":{"kind":"DataQuery","group":"prometheus","spec":{"expr":"up"}}}}]}}}}},` +
		`"variables":[{"kind":"IntervalVariable","spec":{"name":"i","query":"1m,5m"}}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		qs, ps := ReadDashboard("file", data)
		checkQueries(t, qs, ps)
	})
}

func FuzzSubstitute(f *testing.F) {
	for _, w := range wraps {
		f.Add(strings.ReplaceAll(w, "%s", "up"), "i")
	}
	f.Add(`x{a="$b", $c="d", $d} [[e]] ${f:g} $$h [$i:$__interval] [[[j]]] "\$k`, "i")
	f.Fuzz(func(t *testing.T, expr, name string) {
		variables := map[string]variable{name: newVariable([]string{"1m", "5m"})}
		s := substitute(expr, variables, map[string]bool{name: true})
		if utf8.ValidString(expr) != utf8.ValidString(s.out) && !utf8.ValidString(s.out) {
			t.Fatalf("%q becomes %q", expr, s.out)
		}
		end := 0
		for _, at := range s.spans {
			if at.begin < end || at.end < at.begin || at.end > len(s.out) {
				t.Fatalf("%q: span %+v after %d, of %d", expr, at, end, len(s.out))
			}
			end = at.end
		}
		if len(s.spans) == 0 && !strings.Contains(expr, "#") && s.out != expr {
			t.Fatalf("%q has no variables and becomes %q", expr, s.out)
		}
		needs, trouble := needsOfTemplate(expr, variables)
		if trouble != "" && len(needs) > 0 {
			t.Fatalf("%q is trouble, and reads something", expr)
		}
		for i := range needs {
			for _, m := range needs[i].Matchers {
				if hasMark(m.Name) || hasMark(m.Value) {
					t.Fatalf("%q: the matcher %s has a mark", expr, m)
				}
			}
		}
	})
}

// FuzzMeet looks for a value that two expressions match and that are said not to
// meet.
func FuzzMeet(f *testing.F) {
	f.Add("a.*", ".*b", "ab")
	f.Add("(a|b)+c{2,3}", "[^a]*", "bcc")
	f.Add("^$|x", "x?", "")
	f.Add(`(?i)ſ`, "s", "s")
	f.Add("app[0-9]+_(a|b)_.*", "app5_.+_info", "app5_a_info")
	f.Add(".*_(bucket|total)", "(a|b)_.*(sum)?", "a_total")
	f.Fuzz(func(t *testing.T, one, other, value string) {
		if len(one)+len(other) > 200 || !utf8.ValidString(one+other+value) {
			return
		}
		a, err := labels.NewMatcher(labels.MatchRegexp, "a", one)
		if err != nil {
			return
		}
		b, err := labels.NewMatcher(labels.MatchNotRegexp, "a", other)
		if err != nil {
			return
		}
		list := []*labels.Matcher{a, b}
		if newDecider(new(expressions)).satisfiable(list) == no && a.Matches(value) && b.Matches(value) {
			t.Fatalf("nothing satisfies %s and %s, and %q does", a, b, value)
		}
		if inverse, err := b.Inverse(); err == nil && newDecider(new(expressions)).satisfiable([]*labels.Matcher{a, inverse}) == no && a.Matches(value) && inverse.Matches(value) {
			t.Fatalf("nothing satisfies %s and %s, and %q does", a, inverse, value)
		}
	})
}
