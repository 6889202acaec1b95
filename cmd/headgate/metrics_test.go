package main

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// A metricLine is a row of docs/METRICS.md: name | type | labels.
type metricLine string

var metricRow = regexp.MustCompile("(?m)^\\| `([a-z_*]+)` \\| (\\w+) \\| ([^|]*) \\| (.+) \\|$")

// documented returns the rows of docs/METRICS.md.
func documented(t *testing.T) []metricLine {
	t.Helper()
	text, err := os.ReadFile("../../docs/METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines []metricLine
	for _, m := range metricRow.FindAllStringSubmatch(string(text), -1) {
		labels := strings.ReplaceAll(strings.TrimSpace(m[3]), "`", "")
		lines = append(lines, metricLine(m[1]+" | "+m[2]+" | "+labels))
	}
	return lines
}

func TestMetricsAreDocumented(t *testing.T) {
	up := newStore(t)
	const limits = "limits: {tenants: {default: {samples_per_second: 1000, hard_samples_per_second: 1000, active_series: 1000}}}\n"
	r := launch(t, map[string]string{"headgate.yml": configFor(up.URL, ruleFiles+limits), "rules/a.yml": someRules}, "--config.file=DIR/headgate.yml")
	r.wantSent(wire1, wire1.body(t, 1000, "up", "debug_calls", "seen user=u")) // what has labels exists once it is used
	r.get("/metrics", http.StatusOK)

	var got []metricLine
	for name, f := range r.metrics() {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") || strings.HasPrefix(name, "promhttp_") {
			continue // theirs, and documented there
		}
		got = append(got, metricLine(fmt.Sprintf("%s | %s | %s", name, strings.ToLower(f.GetType().String()), labelsOfFamily(f))))
		if f.GetHelp() == "" {
			t.Errorf("metric %s has no help", name)
		}
	}
	slices.Sort(got)
	want := documented(t)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/METRICS.md and /metrics differ (-documented +there):\n%s", diff)
	}
}

// The alerts that docs/METRICS.md recommends are rules that Prometheus takes, and
// their metrics are on the page.
func TestTheAlertsAreOfMetricsThatExist(t *testing.T) {
	var doc struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	for _, text := range blocks(t, "docs/METRICS.md") {
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		for _, r := range doc.Groups[0].Rules {
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
			if err != nil {
				t.Errorf("%s: %v", r.Alert, err)
				continue
			}
			for _, selectors := range parser.ExtractSelectors(expr) {
				name := selectors[slices.IndexFunc(selectors, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel })].Value
				if !slices.ContainsFunc(documented(t), func(l metricLine) bool { return strings.HasPrefix(string(l), name+" |") }) {
					t.Errorf("%s asks for %s, which is not on the page", r.Alert, name)
				}
			}
		}
	}
}

// labelsOfFamily returns the names of a metric's labels, sorted.
func labelsOfFamily(f *dto.MetricFamily) string {
	var names []string
	for _, m := range f.Metric {
		for _, l := range m.Label {
			if !slices.Contains(names, l.GetName()) {
				names = append(names, l.GetName())
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
