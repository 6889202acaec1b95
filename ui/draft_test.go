package ui

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/rules"
)

func TestWhatOneLooksForBecomesASelector(t *testing.T) {
	for _, tt := range []struct{ name, give, metric, want string }{
		{"a part of a name, in any case", "REQ", "http_requests_total", "yes"},
		{"a part with signs of regular expressions", "a.b", "axb", "no"},
		{"a selector", `{__name__="up"}`, "up", "yes"},
		{"a selector that does not match", `up{job="x"}`, "up", "no"},
	} {
		s, err := series.ParseSelector(matchOf(tt.give)[0])
		if err != nil {
			t.Fatal(err)
		}
		got := "no"
		if s.Matches(series.Labels{{Name: series.MetricName, Value: tt.metric}}) {
			got = "yes"
		}
		if got != tt.want {
			t.Errorf("%s: %s finds %s: %s, want %s", tt.name, tt.give, tt.metric, got, tt.want)
		}
	}
	if matchOf("") != nil {
		t.Error("nothing is a selector")
	}
}

// Whatever a metric is called, its selector finds it, and it alone.
func FuzzSelectors(f *testing.F) {
	for _, name := range controltest.HostileNames {
		f.Add(name, name)
	}
	f.Fuzz(func(t *testing.T, metric, value string) {
		if metric == "" || value == "" || strings.ToValidUTF8(metric, "") != metric || strings.ToValidUTF8(value, "") != value {
			return
		}
		s, err := series.ParseSelector(narrowed(selectorOf(metric), "l", value))
		if err != nil {
			t.Fatal(err)
		}
		ls := series.Labels{{Name: series.MetricName, Value: metric}, {Name: "l", Value: value}}
		if !s.Matches(ls) || s.Matches(series.Labels{{Name: series.MetricName, Value: metric + "x"}, ls[1]}) {
			t.Errorf("%s does not select %q alone", s, metric)
		}
		if metricOf(s.String()) != metric {
			t.Errorf("%s names %q, want %q", s, metricOf(s.String()), metric)
		}
	})
}

func TestDraftsAreRules(t *testing.T) {
	for _, name := range append(controltest.HostileNames, "http_requests_total") {
		list, problems := rules.ParseFile("x.yml", []byte(draftRule("t", selectorOf(name), name)))
		if len(problems) > 0 || len(list) != 1 || list[0].Mode != rules.Shadow {
			t.Errorf("the draft for %.40q is %v, %v; want a rule in shadow mode", name, list, problems)
		}
		var doc struct {
			Configs []struct{ Regex, TargetLabel string } `yaml:"metric_relabel_configs"`
		}
		if err := yaml.Unmarshal([]byte(relabelling(name, "pod")), &doc); err != nil || len(doc.Configs) != 1 {
			t.Errorf("the relabelling for %.40q: %v", name, err)
		}
	}
}

func TestShellWords(t *testing.T) {
	for give, want := range map[string]string{"a b": "'a b'", "it's": `'it'\''s'`, "$(rm -r /)": "'$(rm -r /)'"} {
		if got := shell(give); got != want {
			t.Errorf("%s is written as %s, want %s", give, got, want)
		}
	}
}
