package prom

import (
	"fmt"
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
)

// staleHistogram stands for every stale marker of a native histogram: whether
// it counts in integers or floats depends on who wrote it.
const staleHistogram = "stale"

// integerPoint is the point of an integer histogram. The reset hint is left
// out but for gauges: the database derives it anew from neighbours in a chunk.
func integerPoint(ms int64, h *histogram.Histogram) Point {
	if value.IsStaleNaN(h.Sum) {
		return Point{Ms: ms, Bits: value.StaleNaN, Histogram: staleHistogram}
	}
	return Point{Ms: ms, Bits: math.Float64bits(h.Sum), Histogram: fmt.Sprintf(
		"int gauge=%t schema=%d zero=%x/%d count=%d +%v%v -%v%v custom=%x",
		h.CounterResetHint == histogram.GaugeType, h.Schema, h.ZeroThreshold, h.ZeroCount, h.Count,
		h.PositiveSpans, h.PositiveBuckets, h.NegativeSpans, h.NegativeBuckets, h.CustomValues)}
}

// floatPoint is integerPoint for a histogram of floats.
func floatPoint(ms int64, h *histogram.FloatHistogram) Point {
	if value.IsStaleNaN(h.Sum) {
		return Point{Ms: ms, Bits: value.StaleNaN, Histogram: staleHistogram}
	}
	return Point{Ms: ms, Bits: math.Float64bits(h.Sum), Histogram: fmt.Sprintf(
		"float gauge=%t schema=%d zero=%x/%x count=%x +%v%x -%v%x custom=%x",
		h.CounterResetHint == histogram.GaugeType, h.Schema, h.ZeroThreshold, h.ZeroCount, h.Count,
		h.PositiveSpans, h.PositiveBuckets, h.NegativeSpans, h.NegativeBuckets, h.CustomValues)}
}
