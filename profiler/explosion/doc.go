// Package explosion notices when a metric begins to make too many series, and
// says what did it.
//
// A [Detector] is fed once a minute with what one metric does, and answers when
// an explosion begins, grows on, stays or is over. [Culprits] names the labels
// whose values made it, and [Shape] what those values look like.
//
// # What counts as an explosion
//
// Active series alone cannot tell. They are counted over a sliding window of an
// hour, so a deploy that gives every pod a new name doubles them for an hour, and
// nothing is wrong. What stays the same in a deploy is the rate of samples: so
// many series live, so many samples arrive. Hence the live series: what the rate
// explains, in units of active series,
//
//	live = min(active, rate × series per rate)
//
// where the series per rate are learnt, as a low quantile, over half a day: no
// deploy moves them. The minimum guards the other side: a sender that catches up
// on a backlog, or scrapes more often, raises the rate and not the series.
//
// Live series are compared with two references. The trailing one is an hour old
// at least, so that constant growth cannot keep up with it (a comparison of one
// minute's growth with the last one's would never see it). The usual one is what
// the metric reached on two of the last eight days: a leak over a day rises above
// it, while the tide of daily autoscaling does not, nor the job of every night.
// Active series far beyond what the live ones explain are churn: series that come
// and go faster than they live.
//
// What it cannot know: a leak before it has seen a day; on a detector begun on a
// quiet weekend, that Monday is no leak; growth within what the metric reached on
// two of the last days; and four whole deploys within an hour, which are churn.
//
// Everything here is pure: the clock is an argument, nothing is shared, and
// nothing is allocated per reading.
package explosion
