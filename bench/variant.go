package bench

import (
	"strconv"
	"strings"
)

// A label is a name and its value.
type label struct{ name, value string }

// A variant is one series of a target before the target's own labels: a metric
// name and one combination of the labels that the metric adds.
type variant struct {
	name  string
	extra []label
	kind  kind
	ours  bool
	share float64 // of a histogram's observations, for kind bucket; 1 is all
	first bool    // begins a family: the series up to the next first share one count
}

// expand returns every variant of ms, in the order an exporter writes them.
func expand(ms []metric) []variant {
	var out []variant
	for _, m := range ms {
		for _, extra := range combine(m.dims) {
			if m.buckets == "" {
				out = append(out, variant{name: m.name, extra: extra, kind: m.kind, ours: m.ours, share: 1, first: true})
				continue
			}
			out = append(out, histogram(m, extra)...)
		}
	}
	return out
}

// combine returns the product of dims: every row of each with every other.
func combine(dims []dim) [][]label {
	out := [][]label{nil}
	for _, d := range dims {
		var next [][]label
		for _, have := range out {
			for _, row := range d.rows {
				ls := append([]label(nil), have...)
				for i, n := range d.labels {
					ls = append(ls, label{n, row[i]})
				}
				next = append(next, ls)
			}
		}
		out = next
	}
	return out
}

// histogram returns the buckets, sum and count of one classic histogram. The
// buckets' shares grow as those of a service whose median is near 0.1 s.
func histogram(m metric, extra []label) []variant {
	var out []variant
	for i, le := range append(strings.Fields(m.buckets), "+Inf") {
		share := 1.0
		if bound, err := strconv.ParseFloat(le, 64); err == nil && le != "+Inf" {
			share = bound / (bound + 0.1)
		}
		ls := append(append([]label(nil), extra...), label{"le", le})
		out = append(out, variant{name: m.name + "_bucket", extra: ls, kind: bucket, ours: m.ours, share: share, first: i == 0})
	}
	return append(out,
		variant{name: m.name + "_sum", extra: extra, kind: seconds, ours: m.ours, share: 1},
		variant{name: m.name + "_count", extra: extra, kind: bucket, ours: m.ours, share: 1},
	)
}
