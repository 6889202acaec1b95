package querylog

import (
	"cmp"
	"slices"
	"time"

	"github.com/headgate/headgate/rules/usage"
)

// A Span is the smallest range that a function was asked to read of a metric.
type Span struct {
	Func     string        `json:"func,omitempty"` // "" where even that is not known
	Range    time.Duration `json:"range,omitempty"`
	Step     time.Duration `json:"step,omitempty"`     // of the subquery that it is the range of
	Subquery bool          `json:"subquery,omitempty"` // likewise
	Unknown  bool          `json:"unknown,omitempty"`  // it may be any range, too
}

// spanBytes is what a Span takes, about.
const spanBytes = 64

// unknownSpan is what is known of a query that cannot be parsed.
var unknownSpan = Span{Unknown: true}

// spanOf returns the range that a need reads; ok is false where it reads the
// newest sample.
func spanOf(n *usage.Need) (s Span, ok bool) {
	if n.Func == "" || n.Func == "timestamp" {
		return Span{}, false
	}
	return Span{n.Func, n.Range, n.Step, n.Subquery, n.RangeByName != ""}, true
}

// addSpan adds s to a list in which every function stands once, or twice where it
// reads subqueries too, and reports whether anything changed.
func addSpan(list []Span, s Span) (_ []Span, changed bool) {
	i := slices.IndexFunc(list, func(o Span) bool { return o.Func == s.Func && o.Subquery == s.Subquery })
	if i < 0 {
		return append(list, s), true
	}
	is, was := &list[i], list[i]
	is.Range, is.Step, is.Unknown = shorter(is.Range, s.Range), shorter(is.Step, s.Step), is.Unknown || s.Unknown
	return list, *is != was
}

// shorter returns the lesser of two durations of which 0 is none.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// sortSpans sorts for those who read them.
func sortSpans(list []Span) {
	slices.SortFunc(list, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Range, b.Range), cmp.Compare(a.Func, b.Func), cmp.Compare(a.Step, b.Step))
	})
}
