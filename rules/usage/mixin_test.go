package usage

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/rules"
)

// mixins are rule files and dashboards of the shapes that people have.
func mixins(tb testing.TB) *Index {
	tb.Helper()
	return Load(Config{RuleFiles: []string{"mixins/*.yml"}, Dashboards: []string{"mixins"}}, "testdata")
}

func TestMixinsAreRead(t *testing.T) {
	ix := mixins(t)
	var problems []string
	for _, p := range ix.Problems() {
		problems = append(problems, p.String())
	}
	want := []string{`mixins/pods.json:30: dashboard "Pods / Odd": it cannot be parsed: 1:36: parse error: unexpected identifier "$op"; until it is mended, every rule may break it`}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	counts := map[Kind]int{}
	for _, q := range ix.Queries() {
		counts[q.Kind]++
	}
	if diff := cmp.Diff(map[Kind]int{Alert: 32, Record: 13, Dashboard: 23}, counts); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

// asked are the queries of testdata/queries.txt.
func asked(t *testing.T) (list []*Query) {
	t.Helper()
	text, err := os.ReadFile("testdata/queries.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		q := &Query{Kind: Asked}
		if q.Expr, q.Needs, q.Trouble = Parse(line); q.Trouble != "" {
			t.Fatalf("%s: %s", line, q.Trouble)
		}
		q.Name = q.Expr
		list = append(list, q)
	}
	return list
}

// Verdicts are those of testdata/verdicts.txt, which people wrote.
func TestVerdictsAreThoseMadeByHand(t *testing.T) {
	text, err := os.ReadFile("testdata/verdicts.txt")
	if err != nil {
		t.Fatal(err)
	}
	ix := NewIndex(slices.Concat(mixins(t).Queries(), asked(t)), nil)
	blocks := 0
	for block := range strings.SplitSeq(string(text), "\n\n") {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		if strings.HasPrefix(lines[0], "#") {
			continue
		}
		blocks++
		t.Run(lines[0], func(t *testing.T) {
			want := map[string]string{}
			for _, line := range lines[1:] {
				if line == "any" {
					for _, name := range []string{"Pods / $team", "Pods / Free", "Pods / Odd"} {
						want["dashboard "+name] = MayBreak.String()
					}
					continue
				}
				verdict, query, _ := strings.Cut(line, " ")
				want[query] = verdict
			}
			got, why := map[string]string{}, []string{}
			for _, b := range ix.Breaks(ruleOf(t, lines[0]), nil) {
				query := fmt.Sprintf("%s %s", b.Query.Kind, b.Query.Name)
				if got[query] != Breaks.String() {
					got[query] = b.Verdict.String()
				}
				why = append(why, query+": "+b.Why)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("verdicts (-want +got):\n%s\n%s", diff, strings.Join(why, "\n"))
			}
		})
	}
	if blocks < 40 {
		t.Errorf("only %d rules were judged", blocks)
	}
}

// ruleOf makes a rule of "action [interval] selector".
func ruleOf(t *testing.T, text string) *rules.Rule {
	t.Helper()
	action, rest, _ := strings.Cut(text, " ")
	interval := ""
	if action == "downsample" {
		interval, rest, _ = strings.Cut(rest, " ")
	}
	s := rules.Spec{Name: "test", Match: rules.Selectors{rest}, Action: action, Interval: interval, AllowGaps: interval != ""}
	if action == "prioritize" {
		s.Priority = "low"
	}
	r, errs := s.Rule()
	if r == nil {
		t.Fatal(errs)
	}
	return r
}

func TestUsedBy(t *testing.T) {
	ix := mixins(t)
	f := func(metric, label string, want ...string) {
		t.Helper()
		var got []string
		for _, u := range ix.UsedBy(metric, label) {
			if u.Query.Name == "Pods / $team" || u.Query.Name == "Pods / Free" || u.Query.Name == "Pods / Odd" {
				continue // they may read anything
			}
			got = append(got, fmt.Sprintf("%s %s %s %s", u.How, u.Query.Kind, u.Query.Name, u.Query.Link))
		}
		for i := range want {
			if strings.Contains(want[i], " dashboard ") {
				continue
			}
			want[i] += " "
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, %s (-want +got):\n%s", metric, label, diff)
		}
	}
	f("node_load1", "", "name record instance:node_load1_per_cpu:ratio", "name dashboard Nodes / one node / Load /d/nodes-one?viewPanel=2")
	f("node_load1", "instance", "name dashboard Nodes / one node / Load /d/nodes-one?viewPanel=2", "result record instance:node_load1_per_cpu:ratio")
	f("node_network_transmit_bytes_total", "", "pattern dashboard Nodes / one node / Any metric /d/nodes-one?viewPanel=7")
	f("apiserver_request_sli_duration_seconds_bucket", "le",
		"name record cluster_quantile:apiserver_request_sli_duration_seconds:histogram_quantile",
		"name record cluster_verb_scope_le:apiserver_request_sli_duration_seconds_bucket:increase1h",
		"name dashboard Pods / Requests /d/pods%2F1?viewPanel=3")
	f("apiserver_request_sli_duration_seconds_bucket", "pod")
	f("kube_pod_info", "node",
		"name record node_namespace_pod_container:container_cpu_usage_seconds_total:sum_irate",
		"name record node_namespace_pod_container:container_memory_working_set_bytes")
	f("kube_pod_info", "uid")
	f("node_systemd_unit_state", "type", "result alert UnitFailed", "result alert UnitFlaps")
	f("go_goroutines", "")

	every := ix.UsedBy("go_goroutines", "")
	var hows []string
	for _, u := range every {
		hows = append(hows, string(u.How)+" "+u.Query.Name)
	}
	if want := []string{"pattern Pods / $team", "pattern Pods / Free", "unknown Pods / Odd"}; !slices.Equal(hows, want) {
		t.Errorf("what may read anything is %q, want %q", hows, want)
	}
}
