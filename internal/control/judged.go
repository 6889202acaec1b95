package control

import (
	"maps"
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
	"github.com/headgate/headgate/rules"
)

// maxNameMatchers is how many matchers of names are asked of each metric. Where rules
// have more, metrics share nothing.
const maxNameMatchers = 64

// maxOutcomes is how many outcomes are remembered, of some 200 bytes each.
const maxOutcomes = 1 << 16

// judged remembers what becomes of series: those that rules cannot tell apart are
// judged once, whatever their metric. It is exact.
type judged struct {
	names  []string  // of the labels that rules look at
	rates  []float64 // samples per second that rules thin to
	canary bool      // what a rule does depends on the family, and nothing is remembered
	splits bool      // rules may tell the series of a family apart, whatever their names

	literal map[string]bool   // metrics that rules name
	others  []*labels.Matcher // what else rules ask of names, each once
	classes map[nameClass]int // of metrics that rules cannot tell apart
	metric  string            // the latest
	class   int               // of it

	epoch    int
	outcomes map[kindOf]outcome
}

// A nameClass is what rules see of a metric's name.
type nameClass struct {
	name string // where rules name it
	says uint64 // what others say, by bit
}

// A kindOf is a class of metrics and a kind of rows.
type kindOf struct{ class, kind int }

// newJudged returns a judged without outcomes, by the rules of all lists.
func newJudged(lists ...[]*rules.Rule) *judged {
	j := &judged{literal: map[string]bool{}, classes: map[nameClass]int{}, outcomes: map[kindOf]outcome{}}
	names, rates, others := map[string]bool{series.MetricName: true}, map[float64]bool{}, map[string]bool{}
	for _, list := range lists {
		for _, r := range list {
			j.canary, j.splits = j.canary || r.Canary > 0, j.splits || r.Team != ""
			if r.Action == rules.Downsample {
				rates[1/r.Interval.Seconds()] = true
			}
			for _, s := range r.Match {
				for _, m := range s.Matchers() {
					names[m.Name] = true
					switch {
					case m.Name != series.MetricName:
					case m.Type == labels.MatchEqual || m.Type == labels.MatchNotEqual:
						j.literal[m.Value] = true
					case !others[m.String()]:
						others[m.String()] = true
						j.others = append(j.others, m)
					}
				}
			}
		}
	}
	j.splits = j.splits || names[sketch.Le] || names[sketch.Quantile]
	j.names, j.rates = slices.Sorted(maps.Keys(names)), slices.Sorted(maps.Keys(rates))
	return j
}

// tears reports whether rules may tell series of one family apart, whose metrics have
// these names.
func (j *judged) tears(metrics ...string) bool {
	return j.splits || slices.ContainsFunc(metrics, func(m string) bool { return j.classOf(m) != j.classOf(metrics[0]) })
}

// forget forgets all outcomes.
func (j *judged) forget() { clear(j.outcomes) }

// outcome returns what becomes of a row, which find finds where it is not known.
func (j *judged) outcome(row *inventory.Drawn, epoch int, find func() outcome) outcome {
	if j.canary {
		return find()
	}
	if epoch != j.epoch {
		j.forget()
		j.epoch = epoch
	}
	k := kindOf{j.classOf(row.Labels.Metric()), row.Kind}
	o, ok := j.outcomes[k]
	if !ok {
		if len(j.outcomes) >= maxOutcomes {
			j.forget()
		}
		o = find()
		j.outcomes[k] = o
	}
	o.pass(row.PerSecond)
	return o
}

// classOf returns the number of a metric's class.
func (j *judged) classOf(metric string) int {
	if metric == j.metric && j.class > 0 {
		return j.class
	}
	c := nameClass{}
	if j.literal[metric] || len(j.others) > maxNameMatchers {
		c.name = metric
	} else {
		for i, m := range j.others {
			if m.Matches(metric) {
				c.says |= 1 << i
			}
		}
	}
	n, ok := j.classes[c]
	if !ok {
		n = len(j.classes) + 1
		j.classes[c] = n
	}
	j.metric, j.class = metric, n
	return n
}
