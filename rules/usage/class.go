package usage

import (
	"fmt"
	"time"
)

// A class is what a function needs of the samples of its range.
type class uint8

const (
	// unknownClass is for functions that are not known, and for those of variables.
	unknownClass class = iota
	// slopes need two samples, and are as right with fewer of them.
	slopes
	// lastTwo are slopes over the last two samples, however far apart.
	lastTwo
	// means need one sample, and are about as right with fewer of them.
	means
	// presences need one sample.
	presences
	// spreads need samples enough to show how values are spread.
	spreads
	// extremes need the very sample that is the greatest or the least.
	extremes
	// transitions need both sides of every change.
	transitions
	// totals need every sample.
	totals
	// moments tell the times of samples.
	moments
)

// classes are the functions over ranges, by what they need.
var classes = map[string]class{
	"rate": slopes, "increase": slopes, "delta": slopes, "deriv": slopes,
	"predict_linear": slopes, "double_exponential_smoothing": slopes, "holt_winters": slopes,
	"irate": lastTwo, "idelta": lastTwo,
	"avg_over_time":  means,
	"last_over_time": presences, "first_over_time": presences,
	"present_over_time": presences, "absent_over_time": presences,
	"quantile_over_time": spreads, "stddev_over_time": spreads, "stdvar_over_time": spreads, "mad_over_time": spreads,
	"max_over_time": extremes, "min_over_time": extremes,
	"changes": transitions, "resets": transitions,
	"count_over_time": totals, "sum_over_time": totals,
	"ts_of_first_over_time": moments, "ts_of_last_over_time": moments,
	"ts_of_max_over_time": moments, "ts_of_min_over_time": moments,
}

// classOf returns the class of a function.
func classOf(fn string) class { return classes[fn] }

// Of a range of n intervals, n-1 lie in it as a whole wherever it begins, and each
// of them holds a sample as long as the series is scraped once in it. Ranges of
// fewer than twice the intervals that a function needs leave nothing for a scrape
// that is lost.
const (
	slopeIntervals = 2 // fewer: less than two samples, now and then or always
	meanIntervals  = 1
	room           = 2
)

// thinned says what a function of the class makes of a range of a need, where
// there is one sample in each interval.
func (c class) thinned(n *Need, selector string, interval time.Duration) (Verdict, string) {
	every := fmt.Sprintf("%s of %s, with a sample every %s", n.Func, selector, words(interval))
	need := time.Duration(meanIntervals)
	switch c {
	case slopes, lastTwo, transitions:
		need = slopeIntervals
	}
	if n.Subquery {
		return c.steps(n, every, interval, need)
	}
	shortest, known := n.shortest()
	switch {
	case c == totals:
		return Breaks, every + ": it counts or adds up every sample, so its value falls"
	case !known:
		return MayBreak, fmt.Sprintf("%s: its range is %s, which may be shorter than %s", every, rangeName(n), words(need*room*interval))
	case shortest < need*interval:
		return Breaks, fmt.Sprintf("%s: a range of %s%s holds fewer than %d", every, words(shortest), byVariable(n), need)
	case shortest < need*room*interval:
		return MayBreak, fmt.Sprintf("%s: a range of %s%s is shorter than %s and may hold fewer than %d",
			every, words(shortest), byVariable(n), words(need*room*interval), need)
	}
	return c.changed(every)
}

// changed says whether a function of the class gives another value where the range
// is long enough.
func (c class) changed(every string) (Verdict, string) {
	switch c {
	case slopes, means, presences:
		return Safe, ""
	case lastTwo:
		return MayBreak, every + ": its last two samples are an interval apart, so short peaks are averaged away"
	case spreads:
		return MayBreak, every + ": the spread of fewer samples may be another"
	case extremes:
		return MayBreak, every + ": peaks between the samples that are kept are not seen"
	case transitions:
		return MayBreak, every + ": changes between the samples that are kept are not seen"
	case totals:
		return Breaks, every + ": it counts or adds up every sample, so its value falls"
	case moments:
		return MayBreak, every + ": the times of samples are others"
	}
	return MayBreak, every + ": what the function needs is not known"
}

// steps says what a function of the class makes of a subquery, whose steps each
// read the newest sample: steps shorter than the interval read one sample again.
func (c class) steps(n *Need, every string, interval, need time.Duration) (Verdict, string) {
	shortest, known := n.shortest()
	switch {
	case !known:
		return MayBreak, fmt.Sprintf("%s: the range or step of its subquery is %s", every, rangeName(n))
	case c == totals || c == presences: // a step finds a sample, or the one before
		return Safe, ""
	case shortest < need*room*interval && c != means:
		return MayBreak, fmt.Sprintf("%s: a subquery of %s may read one sample only", every, words(shortest))
	case n.Step >= room*interval && c != unknownClass:
		return Safe, "" // steps leave out more samples than the rule
	case c == slopes || c == means:
		return Safe, ""
	}
	return MayBreak, every + ": steps of its subquery read some samples twice and others never"
}

// What stands for the variable of a range that is of none.
const (
	ComputedRange = "an expression"
	UnknownRange  = "not known"
)

func rangeName(n *Need) string {
	if n.RangeByName == ComputedRange || n.RangeByName == UnknownRange {
		return n.RangeByName
	}
	return "$" + n.RangeByName
}

// byVariable names the variable that a range is a value of.
func byVariable(n *Need) string {
	if n.RangeByName == "" {
		return ""
	}
	return " (a value of $" + n.RangeByName + ")"
}
