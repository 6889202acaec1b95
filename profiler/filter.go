package profiler

import (
	"fmt"
	"slices"

	prometheus "github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
)

// A filter tells which selectors may match series of a metric, by its name. What many
// selectors ask of a name is asked once. It belongs to one goroutine.
type filter struct {
	selectors []*series.Selector
	matchers  []*prometheus.Matcher // of names, each once
	asks      [][]int               // numbers of matchers, by selector
	ways      [][]int               // the same, each once
	names     []string              // of the metrics that may be meant, where all selectors say; each once
	said      []answer              // of the metric at hand, by number
	may       []*series.Selector
}

// An answer is what a matcher says of a name.
type answer uint8

const (
	unasked answer = iota
	no
	yes
)

func newFilter(selectors []*series.Selector) *filter {
	x := &filter{selectors: selectors, asks: make([][]int, len(selectors))}
	known, ways := map[string]int{}, map[string]bool{}
	for i, s := range selectors {
		for _, m := range s.Matchers() {
			if m.Name != series.MetricName {
				continue
			}
			n, ok := known[m.String()]
			if !ok {
				n = len(x.matchers)
				known[m.String()] = n
				x.matchers = append(x.matchers, m)
			}
			x.asks[i] = append(x.asks[i], n)
		}
		if way := fmt.Sprint(x.asks[i]); !ways[way] {
			ways[way] = true
			x.ways = append(x.ways, x.asks[i])
		}
	}
	x.said = make([]answer, len(x.matchers))
	x.names = namesOf(selectors)
	return x
}

// namesOf returns the metrics that selectors name, each once; nil where one of them
// does not say which it may match.
func namesOf(selectors []*series.Selector) []string {
	var list []string
	seen := map[string]bool{}
	for _, s := range selectors {
		names := s.Names()
		if names == nil {
			return nil
		}
		for _, n := range names {
			if !seen[n] {
				seen[n] = true
				list = append(list, n)
			}
		}
	}
	return list
}

// metric returns the metric at a place among those of f that may be meant: of all, or
// of those that are named, the overflow first. It is nil where there is none of a name;
// more is false behind the last. The lock is held.
func (x *filter) metric(f *profile, at int) (m *metric, more bool) {
	switch {
	case x.names == nil:
		if at < len(f.list) {
			return f.list[at], true
		}
		return nil, false
	case at == 0:
		return f.overflow, true
	case at <= len(x.names):
		if m = f.metrics[x.names[at-1]]; m == f.overflow {
			m = nil
		}
		return m, true
	}
	return nil, false
}

// any reports whether series of the metric may be meant. No selector means all.
func (x *filter) any(metric string) bool {
	if len(x.selectors) == 0 {
		return true
	}
	clear(x.said)
	return slices.ContainsFunc(x.ways, func(asks []int) bool { return x.allows(asks, metric) })
}

// of returns the selectors that may match series of the metric, until the next call.
func (x *filter) of(metric string) []*series.Selector {
	clear(x.said)
	x.may = x.may[:0]
	for i, s := range x.selectors {
		if x.allows(x.asks[i], metric) {
			x.may = append(x.may, s)
		}
	}
	return x.may
}

// allows reports whether a selector with these matchers may match.
func (x *filter) allows(asks []int, metric string) bool {
	for _, n := range asks {
		if x.said[n] == unasked {
			x.said[n] = no
			if x.matchers[n].Matches(metric) {
				x.said[n] = yes
			}
		}
		if x.said[n] == no {
			return false
		}
	}
	return true
}
