// Package series holds the words that every engine shares: labels, selectors
// and priorities.
package series

import (
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
)

// MetricName is the label that holds a series' metric name.
const MetricName = "__name__"

// A Label is a name and its value.
type Label struct{ Name, Value string }

// Labels are the labels of one series, sorted by name in byte order, no name
// twice. Labels read from a request point into its body and live only as long
// as it does; [Labels.Clone] makes a copy that may be kept.
type Labels []Label

// Get returns the value of the label called name, or "" where there is none.
func (ls Labels) Get(name string) string {
	for i := range ls {
		if ls[i].Name == name {
			return ls[i].Value
		}
	}
	return ""
}

// Metric returns the metric name.
func (ls Labels) Metric() string { return ls.Get(MetricName) }

// Clone returns a copy that shares no memory with ls.
func (ls Labels) Clone() Labels {
	c := make(Labels, len(ls))
	for i, l := range ls {
		c[i] = Label{strings.Clone(l.Name), strings.Clone(l.Value)}
	}
	return c
}

// Sort puts ls into the order that Labels promise.
func (ls Labels) Sort() {
	slices.SortStableFunc(ls, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
}

// String writes ls as PromQL does: metric{name="value"}. Names that are not
// of the classic alphabet are quoted, every value is.
func (ls Labels) String() string {
	var b strings.Builder
	metric := ls.Metric()
	classic := model.LegacyValidation.IsValidMetricName(metric)
	if classic {
		b.WriteString(metric)
	}
	b.WriteByte('{')
	first := true
	for _, l := range ls {
		if l.Name == MetricName {
			if classic || metric == "" {
				continue
			}
		}
		if !first {
			b.WriteString(", ")
		}
		first = false
		switch {
		case l.Name == MetricName:
			b.WriteString(strconv.Quote(l.Value))
			continue
		case model.LegacyValidation.IsValidLabelName(l.Name):
			b.WriteString(l.Name)
		default:
			b.WriteString(strconv.Quote(l.Name))
		}
		b.WriteByte('=')
		b.WriteString(strconv.Quote(l.Value))
	}
	b.WriteByte('}')
	return b.String()
}
