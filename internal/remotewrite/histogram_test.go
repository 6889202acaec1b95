package remotewrite

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/prompb"
)

func TestHostileLengthsCostNothing(t *testing.T) {
	body := wire{}.bytes(1, wire{}.bytes(4, bytes.Repeat(wire{}.bytes(11, wire{}.varint(2, math.MaxUint32)), 1000)))
	r := parse(t, V1, body)
	items := r.AppendItems(nil, 0)
	if err := r.CheckHistogram(items[0]); !errors.Is(err, errHistogramSpans) {
		t.Errorf("got %v, want %v", err, errHistogramSpans)
	}
}

func TestCheckHistogramNamesTheFault(t *testing.T) {
	f := func(name string, want error, change func(h *prompb.Histogram)) {
		t.Helper()
		for _, h := range []prompb.Histogram{intHistogram(1), floatHistogram(1), customHistogram(1)} {
			if h.Schema == customSchema != strings.HasPrefix(name, "custom") || h.IsFloatHistogram() != strings.HasPrefix(name, "float") {
				continue
			}
			change(&h)
			r := parse(t, V1, wire{}.bytes(1, wire{}.bytes(4, marshal(t, &h))))
			it := r.AppendItems(nil, 0)[0]
			if err := r.CheckHistogram(it); err != want {
				t.Errorf("%s: got %v, want %v", name, err, want)
			}
			checkHistogramVerdict(t, r, it, histogramV2(h))
		}
	}
	f("sound", nil, func(*prompb.Histogram) {})
	f("float sound", nil, func(*prompb.Histogram) {})
	f("custom sound", nil, func(*prompb.Histogram) {})
	f("schema of finer buckets, which a receiver merges", nil, func(h *prompb.Histogram) { h.Schema = 20 })
	f("schema", errHistogramSchema, func(h *prompb.Histogram) { h.Schema = 53 })
	f("spans", errHistogramSpans, func(h *prompb.Histogram) { h.PositiveSpans[0].Length++ })
	f("offset", errHistogramOffset, func(h *prompb.Histogram) { h.PositiveSpans[1].Offset = -1 })
	f("negative", errHistogramNegative, func(h *prompb.Histogram) { h.NegativeDeltas[1] = -9 })
	f("count", errHistogramCount, func(h *prompb.Histogram) { h.Count = &prompb.Histogram_CountInt{CountInt: 14} })
	f("count with a sum that is no number", nil, func(h *prompb.Histogram) {
		h.Count, h.Sum = &prompb.Histogram_CountInt{CountInt: 14}, math.NaN()
	})
	f("bounds of an exponential schema", errHistogramCustom, func(h *prompb.Histogram) { h.CustomValues = []float64{1} })
	f("float count", errHistogramNegative, func(h *prompb.Histogram) { h.Count = &prompb.Histogram_CountFloat{CountFloat: -1} })
	f("float zero count", errHistogramNegative, func(h *prompb.Histogram) { h.ZeroCount = &prompb.Histogram_ZeroCountFloat{ZeroCountFloat: -1} })
	f("float bucket", errHistogramNegative, func(h *prompb.Histogram) { h.PositiveCounts[1] = -1 })
	f("custom bounds", errHistogramBounds, func(h *prompb.Histogram) { h.CustomValues[1] = 0.1 })
	f("custom infinite bound", errHistogramBounds, func(h *prompb.Histogram) { h.CustomValues[2] = math.Inf(1) })
	f("custom too few", errHistogramBounds, func(h *prompb.Histogram) { h.CustomValues = nil })
	f("custom offset", errHistogramOffset, func(h *prompb.Histogram) { h.PositiveSpans[0].Offset = -1 })
	f("custom zero bucket", errHistogramCustomNot, func(h *prompb.Histogram) { h.ZeroThreshold = 1 })
}
