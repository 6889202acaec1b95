package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
)

const exampleRelabel = `global:
  scrape_interval: 15s
remote_write:
  - url: http://127.0.0.1:9391/api/v1/write
    write_relabel_configs:
      - source_labels: [__name__]
        regex: debug_.*
        action: drop
      - source_labels: [__name__, le]
        regex: (.+)_bucket;(0\.1|0\.5)
        action: Drop
      - {source_labels: [namespace], regex: payments|search, action: keep}
      - {source_labels: [job, env], regex: api;(dev|test), action: keep}
      - {source_labels: [__name__, job], regex: "up;node|down;api", action: drop}
      - regex: pod_uid
        action: labeldrop
      - {source_labels: [job], regex: node, action: drop}
  - url: http://127.0.0.1:9999/
`

func TestImportRelabel(t *testing.T) {
	rs, problems := ImportRelabel("prometheus.yml", []byte(exampleRelabel))
	wantProblems(t, problems, []string{
		`prometheus.yml:9:9: action drop has no equal rule: it is not certain which part of the regex is for which of the 2 source labels; write one part for each, none of which can match the separator ";" (say [^;]* for .*), or write the rule by hand`,
		"prometheus.yml:15:9: action labeldrop removes labels, and rules never change a series' labels; leave this step in Prometheus",
		`prometheus.yml:17:9: action drop reads the label "job", which the step on line 15 may have changed, and rules see series as they arrive; leave both steps in Prometheus`,
	})
	got, err := FormatFile(rs)
	if err != nil {
		t.Fatal(err)
	}
	want := `rules:
  - name: prometheus-relabel-1
    match: '{__name__=~"debug_.*"}'
    action: drop
    reason: 'action: drop of prometheus.yml, line 6'
  - name: prometheus-relabel-3
    match: '{__name__!="",namespace!~"payments|search"}'
    action: drop
    reason: 'action: keep of prometheus.yml, line 12'
  - name: prometheus-relabel-4
    match:
      - '{__name__!="",job!="api"}'
      - '{__name__!="",env!~"(?:dev|test)"}'
    action: drop
    reason: 'action: keep of prometheus.yml, line 13'
  - name: prometheus-relabel-5
    match:
      - '{__name__="up",job="node"}'
      - '{__name__="down",job="api"}'
    action: drop
    reason: 'action: drop of prometheus.yml, line 14'
`
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("rules (-got +want):\n%s", diff)
	}
}

func TestImportRelabelSelectors(t *testing.T) {
	tests := []struct {
		name, config string
		want         Selectors // nil: there is no equal rule
	}{
		{"a literal", `{source_labels: [job], regex: node, action: drop}`, Selectors{`{job="node"}`}},
		{"dots are no literals", `{source_labels: [job], regex: a.b, action: drop}`, Selectors{`{job=~"a.b"}`}},
		{"escaped dots are", `{source_labels: [job], regex: 'a\.b', action: drop}`, Selectors{`{job="a.b"}`}},
		{"a regex that matches the absent label", `{source_labels: [job], regex: '(node)?', action: drop}`, Selectors{`{__name__!="",job=~"(node)?"}`}},
		{"the default regex", `{source_labels: [job], action: drop}`, Selectors{`{__name__!="",job=~"(.*)"}`}},
		{"an empty regex", `{source_labels: [job], regex: "", action: drop}`, Selectors{`{__name__!="",job=""}`}},
		{"keep the absent label", `{source_labels: [job], regex: "", action: keep}`, Selectors{`{job!=""}`}},
		{"keep a name", `{source_labels: [__name__], regex: 'up|a.*', action: keep}`, Selectors{`{__name__!="",__name__!~"up|a.*"}`}},
		{"a number", `{source_labels: [code], regex: 500, action: drop}`, Selectors{`{code="500"}`}},
		{"a name of any characters", `{source_labels: ["ü b"], regex: "ß\n", action: drop}`, Selectors{`{"ü b"="ß\n"}`}},
		{"anchors", `{source_labels: [a, b], regex: '^x;y$', action: drop}`, Selectors{`{a="x",b="y"}`}},
		{"captures", `{source_labels: [a, b, c], regex: '(x);([^;]+);z', action: drop}`, Selectors{`{a="x",b=~"(?:[^;]+)",c="z"}`}},
		{"a separator of several characters", `{source_labels: [a, b], separator: "::", regex: 'x::(y|z)w', action: drop}`, Selectors{`{a="x",b=~"(?:[yz])w"}`}},
		{"an empty part", `{source_labels: [a, b], regex: 'x;', action: drop}`, Selectors{`{a="x",b=""}`}},
		{"no separator", `{source_labels: [a, b], separator: "", regex: 'xy', action: drop}`, nil},
		{"too few separators", `{source_labels: [a, b], regex: 'x', action: drop}`, nil},
		{"too many", `{source_labels: [a, b], regex: 'x;y;z', action: drop}`, nil},
		{"a part that may match the separator", `{source_labels: [a, b], regex: 'x;.*', action: drop}`, nil},
		{"a class that may", `{source_labels: [a, b], regex: 'x;[^y]', action: drop}`, nil},
		{"an assertion that depends on its neighbour", `{source_labels: [a, b], separator: "_", regex: 'x\b_y', action: drop}`, nil},
		{"a separator inside of a group", `{source_labels: [a, b], regex: 'x(;y|z;)', action: drop}`, nil},
		{"letters of any case as separator", `{source_labels: [a, b], separator: S, regex: '(?i)xsy', action: drop}`, nil},
		{"keeping one of several alternatives", `{source_labels: [a, b], regex: 'x;y|z;w', action: keep}`, nil},
		{"no labels", `{regex: x, action: drop}`, nil},
		{"an expression that is none", `{source_labels: [a], regex: '(', action: drop}`, nil},
		{"an expression that ends the group it is put in", `{source_labels: [a], regex: 'a)|(b', action: drop}`, nil},
		{"an expression that is too long", `{source_labels: [a], regex: '` + strings.Repeat("x.", 3000) + `', action: drop}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rs, problems := ImportRelabel("f.yml", []byte("- "+tt.config+"\n"))
			if tt.want == nil {
				if len(rs) > 0 || len(problems) != 1 || problems[0].Line != 1 || problems[0].Col != 3 {
					t.Fatalf("rules %v, problems %v; want one problem", rs, problems)
				}
				return
			}
			if len(problems) > 0 || len(rs) != 1 {
				t.Fatalf("rules %v, problems %v; want one rule", rs, problems)
			}
			if diff := cmp.Diff(rs[0].Spec().Match, tt.want); diff != "" {
				t.Errorf("match (-got +want):\n%s", diff)
			}
		})
	}
}

func TestImportRelabelProblems(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"an empty file", "", []string{"f: the file is empty; give a list of relabel configs or a prometheus.yml"}},
		{"a file of something else", "a: b\n", []string{"f:1:1: there is neither remote_write nor write_relabel_configs nor metric_relabel_configs; give a file that has one of them, or a list of relabel configs"}},
		{"a word", "drop\n", []string{"f:1:1: relabel configs are a list, or a mapping with write_relabel_configs; this is a string"}},
		{"an unknown key", "- {source_label: [a], action: drop}\n", []string{`f:1:4: unknown key "source_label"; did you mean source_labels?`}},
		{"an unknown action", "- {action: remove}\n", []string{`f:1:3: action "remove" is none of Prometheus'; mend it, or remove the step`}},
		{"no action means replace", "- {target_label: a}\n", []string{"f:1:3: action replace changes labels, and rules never change a series' labels; leave this step in Prometheus"}},
		{"actions that compare", "- {action: KeepEqual, source_labels: [a], target_label: b}\n", []string{"f:1:3: action keepequal compares two labels, and a selector compares a label with a constant; leave this step in Prometheus"}},
		{"a changed label", "- {target_label: a, replacement: x}\n- {source_labels: [b], regex: x, action: drop}\n- {source_labels: [b, a], regex: x;y, action: drop}\n", []string{
			"f:1:3: action replace changes labels, and rules never change a series' labels; leave this step in Prometheus",
			`f:3:3: action drop reads the label "a", which the step on line 1 may have changed, and rules see series as they arrive; leave both steps in Prometheus`,
		}},
		{"a changed label whose name is computed", "- {target_label: 'a$1', source_labels: [x]}\n- {source_labels: [b], regex: x, action: drop}\n", []string{
			"f:1:3: action replace changes labels, and rules never change a series' labels; leave this step in Prometheus",
			`f:2:3: action drop reads the label "b", which the step on line 1 may have changed, and rules see series as they arrive; leave both steps in Prometheus`,
		}},
		{"two remote_write sections", "remote_write:\n  - write_relabel_configs: []\n  - write_relabel_configs: []\n", []string{
			"f:3:5: another remote_write section, on line 2, has relabel configs too, and a rule cannot tell them apart; keep the rules of the section that writes to Headgate",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := ImportRelabel("f", []byte(tt.text))
			wantProblems(t, problems, tt.want)
		})
	}
}

func TestImportedNamesAreRuleNames(t *testing.T) {
	for file, want := range map[string]string{
		"prometheus.yml": "prometheus-relabel-1", "/etc/Über Config.v2.yaml": "ber-config-v2-relabel-1",
		strings.Repeat("x", 100): strings.Repeat("x", 40) + "-relabel-1", "-": "relabel-1",
	} {
		rs, problems := ImportRelabel(file, []byte("- {source_labels: [a], regex: b, action: drop}\n"))
		if len(rs) != 1 || rs[0].Name != want {
			t.Errorf("%s: rules %v, problems %v; want the name %s", file, rs, problems, want)
		}
	}
}

// Prometheus itself is the oracle: a series is dropped by an imported rule
// exactly where relabelling drops it.
func TestImportedRulesRemoveWhatPrometheusRemoves(t *testing.T) {
	parts := []string{
		"a", "b.*", "[^;]*", "", "(a|b)", ".*", ".+", "(?i)A", "b+", "[^b;]+", "a|bb", "(a)?", `\w+`, "a;b", "^a", "b$",
	}
	values := []string{"", "a", "b", "bb", "A", "a;b", ";", "b;"}
	imported := 0
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{series.MetricName, "x", "ü y"}), 1, 3, rapid.ID).Draw(t, "source labels")
		exprs := make([]string, len(names))
		for i := range exprs {
			exprs[i] = rapid.SampledFrom(parts).Draw(t, "part")
		}
		sep := rapid.SampledFrom([]string{";", ";", "_", ";;", "b"}).Draw(t, "separator")
		expr := strings.Join(exprs, sep)
		if rapid.IntRange(0, 3).Draw(t, "alternatives") == 0 {
			expr += "|" + strings.Join(slices.Repeat([]string{"b"}, len(names)), sep)
		}
		step, err := yaml.Marshal([]map[string]any{{
			"source_labels": names, "separator": sep, "regex": expr,
			"action": rapid.SampledFrom([]string{"drop", "keep"}).Draw(t, "action"),
		}})
		if err != nil {
			t.Fatal(err)
		}
		rs, problems := ImportRelabel("f.yml", step)
		if len(rs) == 0 {
			if len(problems) == 0 {
				t.Fatalf("neither a rule nor a problem:\n%s", step)
			}
			return
		}
		imported++
		var cfgs []*relabel.Config
		if err := yaml.Unmarshal(step, &cfgs); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			ls := series.Labels{{Name: series.MetricName, Value: rapid.SampledFrom(values[1:]).Draw(t, "name")}}
			for _, l := range []string{"x", "ü y"} {
				if v := rapid.SampledFrom(values).Draw(t, l); v != "" {
					ls = append(ls, series.Label{Name: l, Value: v})
				}
			}
			b := labels.NewBuilder(labels.EmptyLabels())
			for _, l := range ls {
				b.Set(l.Name, l.Value)
			}
			drops := slices.ContainsFunc(rs, func(r *Rule) bool { return r.Matches(ls) })
			if want := !relabel.ProcessBuilder(b, cfgs...); drops != want {
				t.Fatalf("%s dropped: %v, by Prometheus %v\n%s%s", ls, drops, want, step, fmt.Sprint(rs[0].Spec()))
			}
		}
	})
	if imported < 20 {
		t.Errorf("only %d steps had a rule: the property was hardly tried", imported)
	}
}
