package control

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/explosion"
	"github.com/headgate/headgate/rules"
)

// unused finds a metric that nothing uses, where it is known what is used.
func (f *finder) unused(r *profiler.MetricRow) {
	if _, enough := f.c.watchesQueries(); !enough && !f.c.KnowsQueries() {
		return
	}
	names := []string{r.Metric}
	for _, ending := range []string{"_bucket", "_sum", "_count"} {
		// A histogram goes as a whole, under the name of its buckets.
		base, ok := strings.CutSuffix(r.Metric, ending)
		if !ok {
			continue
		}
		if ending != "_bucket" && f.has(base+"_bucket") {
			return
		}
		if f.has(base+"_bucket") || f.has(base) {
			names = []string{base + "_bucket", base + "_sum", base + "_count"}
		}
	}
	var match rules.Selectors
	for _, n := range names {
		if f.used(n, "") {
			if strings.HasSuffix(r.Metric, "_bucket") && n != r.Metric && !f.used(r.Metric, "") {
				f.buckets(r)
			}
			return
		}
		match = append(match, selector(series.MetricName, "=", n))
	}
	text := fmt.Sprintf("No alert, recording rule or dashboard that is loaded uses %s, which has %.0f series.", r.Metric, r.Series)
	if !f.c.KnowsQueries() {
		text = fmt.Sprintf("No query that was watched uses %s, which has %.0f series.", r.Metric, r.Series)
	}
	if a := f.c.askedFor(r.Metric, ""); a != nil {
		text += " Queries: n" + a.Text[1:]
	}
	f.add(Recommendation{
		Kind: Unused, Metric: r.Metric, rough: r.SeriesForwarded,
		Text:  text,
		Loses: "The metric as a whole. What is not loaded may still use it.",
		Rule:  rules.Spec{Match: match, Action: rules.Drop.String()},
	})
}

// buckets finds a histogram of which only the sum or the count is used.
func (f *finder) buckets(r *profiler.MetricRow) {
	base := strings.TrimSuffix(r.Metric, "_bucket")
	f.add(Recommendation{
		Kind: Buckets, Metric: r.Metric, rough: r.SeriesForwarded,
		Text: fmt.Sprintf("Nothing that is known uses %s, which has %.0f series; %s_sum and %s_count are used, and stay: rates and averages go on.",
			r.Metric, r.Series, base, base),
		Loses: "Quantiles and shares of the histogram. What is not loaded may still use them.",
		Rule:  rules.Spec{Match: rules.Selectors{selector(series.MetricName, "=", r.Metric)}, Action: rules.Drop.String()},
	})
}

// has reports whether a metric is among those that are looked at.
func (f *finder) has(metric string) bool {
	for i := range f.rows {
		if f.rows[i].Metric == metric {
			return true
		}
	}
	return false
}

// A pair is what is known of a label that may tell a pair of servers apart.
type pair struct {
	all, twice float64 // series that have it, and those that come twice
	values     []string
	metrics    []string
}

// isReplica reports whether a label is called as those are that tell replicas apart.
func isReplica(label string) bool { return strings.Contains(strings.ToLower(label), "replica") }

// notePair notes what a metric says of a label that may tell replicas apart.
func notePair(pairs map[string]*pair, r *profiler.MetricRow, l *profiler.LabelRow) {
	if !isReplica(l.Label) {
		return
	}
	p := pairs[l.Label]
	if p == nil {
		p = &pair{}
		pairs[l.Label] = p
	}
	p.all += r.Series
	p.metrics = append(p.metrics, r.Metric)
	if l.Values != 2 || len(l.Top) != 2 || math.Abs(l.SeriesWithout-r.Series/2) > leastReplicas*r.Series {
		return
	}
	a, b := l.Top[0].Value, l.Top[1].Value
	if a > b {
		a, b = b, a
	}
	if p.values == nil {
		p.values = []string{a, b}
	}
	if p.values[0] == a && p.values[1] == b {
		p.twice += r.Series
	}
}

// duplicate finds a pair of servers that sends everything twice.
func (f *finder) duplicate(label string, p *pair) {
	if p.values == nil || p.twice < replicaParts*p.all {
		return
	}
	for _, m := range p.metrics {
		if f.used(m, label) {
			return
		}
	}
	first, second := p.values[0], p.values[1]
	f.add(Recommendation{
		Kind: Duplicate, Label: label, rough: p.twice / 2,
		Text: fmt.Sprintf("%.0f of the %.0f series with the label %s that were looked at come twice, from %s and %s, else with the same labels: a pair of servers for high availability. The rule drops those of %s.",
			p.twice, p.all, label, first, second, second),
		Loses: fmt.Sprintf("The second copy: while %s is down, its series are missing. Where the store drops the copies of a pair by itself (Mimir's HA tracker), let it do so instead: it changes over.", first),
		Rule:  rules.Spec{Match: rules.Selectors{selector(label, "=", second)}, Action: rules.Drop.String()},
	})
}

const (
	explosiveValues    = 100 // of a label that explodes
	explosiveReduction = 0.5 // of the series, without it
)

// explosive finds a label whose values make the series, and mean nothing to queries.
func (f *finder) explosive(r *profiler.MetricRow, l *profiler.LabelRow) {
	if l.Values < explosiveValues || l.Reduction < explosiveReduction || l.Label == "le" || l.Label == "quantile" || isReplica(l.Label) ||
		f.used(r.Metric, "") || f.used(r.Metric, l.Label) {
		return
	}
	var values []string
	for _, v := range l.Top {
		values = append(values, v.Value)
	}
	look := explosion.Shape(values)
	expr, known := expressions[look.Form]
	if !known {
		return
	}
	match, all := selector(series.MetricName, "=", r.Metric, l.Label, "=~", expr), "with such a value"
	if !fits(expr, values) {
		match, all = selector(series.MetricName, "=", r.Metric, l.Label, "!=", ""), "with that label"
	}
	source, err := relabelling(r.Metric, l.Label)
	if err != nil {
		return
	}
	f.add(Recommendation{
		Kind: Explosive, Metric: r.Metric, Label: l.Label, rough: r.SeriesForwarded * l.Reduction,
		Text: fmt.Sprintf("The label %s of %s has %.0f values, by their look of the kind %s: without it %.0f of %.0f series would remain. Best is not to set it in the code; values like these belong into logs or traces.",
			l.Label, r.Metric, l.Values, look.Form, l.SeriesWithout, r.Series),
		Loses:  fmt.Sprintf("Every series of %s %s, and with them what they add to its sums: nothing adds them up beforehand.", r.Metric, all),
		Rule:   rules.Spec{Match: rules.Selectors{match}, Action: rules.Drop.String()},
		Source: source,
		Warning: fmt.Sprintf("Without the label %.0f series become %.0f: those of one target that differ by nothing else collide, and Prometheus refuses all but one of them at every scrape. "+
			"It fits only where each target has one series for each set of the other labels.", r.Series, l.SeriesWithout),
	})
}

// expressions match the values of a form.
var expressions = map[explosion.Form]string{
	explosion.UUID:      `[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}`,
	explosion.Number:    `-?[0-9]+([.][0-9]+)?`,
	explosion.Sequence:  `-?[0-9]+`,
	explosion.Timestamp: `[0-9].*`,
	explosion.Hash:      `[0-9a-fA-F]{8,}`,
	explosion.Email:     `.+@.+`,
	explosion.Token:     `.{8,}`,
	explosion.URL:       `[a-zA-Z]+://.*`,
	explosion.IP:        `[0-9a-fA-F:.]+(:[0-9]+)?`,
}

// fits reports whether nearly all of the values match.
func fits(expr string, values []string) bool {
	re, err := regexp.Compile("^(?:" + expr + ")$")
	if err != nil {
		return false
	}
	n := 0
	for _, v := range values {
		if re.MatchString(v) {
			n++
		}
	}
	return n*10 >= len(values)*9
}

// relabelling returns the metric_relabel_configs that take a label from a metric.
func relabelling(metric, label string) (string, error) {
	type step struct {
		SourceLabels []string `yaml:"source_labels,flow"`
		Regex        string   `yaml:"regex"`
		TargetLabel  string   `yaml:"target_label"`
		Replacement  string   `yaml:"replacement"`
	}
	b, err := yaml.Marshal(map[string]any{"metric_relabel_configs": []step{{[]string{series.MetricName}, regexp.QuoteMeta(metric), label, ""}}})
	return string(b), err
}
