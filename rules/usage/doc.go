// Package usage knows which alerts, recording rules and dashboards read which
// series, and says what a rule would break of them.
//
//	rule files, dashboards → Load → Index ─┬─▶ UsedBy(metric, label)
//	                                       └─▶ Breaks(rule)
//
// A [Query] is one PromQL expression of theirs; its [Need]s are the series that it
// reads, and how. A verdict errs on one side only: what cannot be read, cannot be
// parsed or cannot be decided may break, and nothing that could break is called
// safe.
package usage
