package usage

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
)

// A Need is the series of one selector of a query, and what the query does with
// them.
type Need struct {
	Matchers []*labels.Matcher // what variables restrict is not among them: they may be anything
	Variable bool              // it had matchers that are left out for that

	Labels    []string // that the result depends on besides the matchers', sorted
	AllLabels bool     // the result carries, or is matched by, every label

	Func        string          // that reads the samples of a range; "" for the newest sample
	Range       time.Duration   // 0 where only the newest sample is read
	RangeByName string          // the variable that sets the range, Range being 0
	Ranges      []time.Duration // that the variable offers, where that is known
	Step        time.Duration   // of the subquery that Range is of
	Subquery    bool            // Func reads a subquery, whose steps read the newest sample

	Absent     bool   // it asks whether series are missing
	Exists     bool   // it asks which series there are, not for samples
	Aggregated string // the aggregation that adds series up: "sum"
	Quantile   bool   // it computes quantiles of buckets

	selector string   // what Selector returns
	names    []string // what Names returns
}

// Sealed returns needs whose matchers do not change any more. What is asked for
// often of them is worked out once.
func Sealed(needs ...Need) []Need {
	for i := range needs {
		n := &needs[i]
		n.selector, n.names = selectorText(n.Matchers), namesOf(n.Matchers)
	}
	return needs
}

// Selector returns the matchers as PromQL writes them.
func (n *Need) Selector() string { return n.selector }

func selectorText(ms []*labels.Matcher) string {
	var b strings.Builder
	var rest []*labels.Matcher
	for _, m := range ms {
		if m.Name == series.MetricName && m.Type == labels.MatchEqual && b.Len() == 0 && model.LegacyValidation.IsValidMetricName(m.Value) {
			b.WriteString(m.Value)
			continue
		}
		rest = append(rest, m)
	}
	if len(rest) == 0 && b.Len() > 0 {
		return b.String()
	}
	b.WriteByte('{')
	for i, m := range rest {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(m.String())
	}
	b.WriteByte('}')
	return b.String()
}

// Names returns the metric names that the need can match at most, or nil where it
// does not name them literally. The caller must not change them.
func (n *Need) Names() []string { return n.names }

func namesOf(ms []*labels.Matcher) (names []string) {
	for _, m := range ms {
		if m.Name != series.MetricName {
			continue
		}
		switch m.Type {
		case labels.MatchEqual:
			return []string{m.Value}
		case labels.MatchRegexp:
			if set := m.SetMatches(); len(set) > 0 && names == nil {
				names = set
			}
		}
	}
	return names
}

// MayRead reports whether the need could match a series of the metric.
func (n *Need) MayRead(metric string) bool {
	for _, m := range n.Matchers {
		if m.Name == series.MetricName && !m.Matches(metric) {
			return false
		}
	}
	return true
}

// Uses says how the need depends on a label: by name, or only since its result
// carries every label.
func (n *Need) Uses(label string) (byName, carried bool) {
	byName = slices.Contains(n.Labels, label) ||
		slices.ContainsFunc(n.Matchers, func(m *labels.Matcher) bool { return m.Name == label })
	return byName, n.AllLabels || n.Variable
}
