package remotewrite

import (
	"fmt"
	"math"
	"strings"

	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

func fp(f float64) string { return fmt.Sprintf("%016x", math.Float64bits(f)) }

func fps(fs []float64) string {
	var b strings.Builder
	for _, f := range fs {
		b.WriteString(fp(f) + ",")
	}
	return b.String()
}

// dumpV1 writes all of a series, floats by their bits.
func dumpV1(ts *prompb.TimeSeries) string {
	var b strings.Builder
	for _, l := range ts.Labels {
		fmt.Fprintf(&b, "label %q=%q %q\n", l.Name, l.Value, l.XXX_unrecognized)
	}
	for _, s := range ts.Samples {
		fmt.Fprintf(&b, "sample %s %d %q\n", fp(s.Value), s.Timestamp, s.XXX_unrecognized)
	}
	for _, h := range ts.Histograms {
		fmt.Fprintf(&b, "histogram %s\n", dumpHistogram(histogramV2(h)))
	}
	for _, x := range ts.Exemplars {
		fmt.Fprintf(&b, "exemplar %v %s %d %q\n", x.Labels, fp(x.Value), x.Timestamp, x.XXX_unrecognized)
	}
	fmt.Fprintf(&b, "unknown %q\n", ts.XXX_unrecognized)
	return b.String()
}

func dumpHistogram(h writev2.Histogram) string {
	count, zero := "", ""
	switch c := h.Count.(type) {
	case *writev2.Histogram_CountInt:
		count = fmt.Sprint(c.CountInt)
	case *writev2.Histogram_CountFloat:
		count = fp(c.CountFloat)
	}
	switch c := h.ZeroCount.(type) {
	case *writev2.Histogram_ZeroCountInt:
		zero = fmt.Sprint(c.ZeroCountInt)
	case *writev2.Histogram_ZeroCountFloat:
		zero = fp(c.ZeroCountFloat)
	}
	return fmt.Sprintf("%s %s %d %s %s %v %v %s %v %v %s %d %d %s %d %q", count, fp(h.Sum), h.Schema, fp(h.ZeroThreshold), zero,
		h.NegativeSpans, h.NegativeDeltas, fps(h.NegativeCounts), h.PositiveSpans, h.PositiveDeltas, fps(h.PositiveCounts),
		h.ResetHint, h.Timestamp, fps(h.CustomValues), h.StartTimestamp, h.XXX_unrecognized)
}

// dumpV2 writes all of a series, its references resolved.
func dumpV2(ts *writev2.TimeSeries, symbols []string) string {
	resolve := func(refs []uint32) []string {
		var out []string
		for _, r := range refs {
			out = append(out, symbols[r])
		}
		return out
	}
	var b strings.Builder
	fmt.Fprintf(&b, "labels %q\n", resolve(ts.LabelsRefs))
	for _, s := range ts.Samples {
		fmt.Fprintf(&b, "sample %s %d %d %q\n", fp(s.Value), s.Timestamp, s.StartTimestamp, s.XXX_unrecognized)
	}
	for _, h := range ts.Histograms {
		fmt.Fprintf(&b, "histogram %s\n", dumpHistogram(h))
	}
	for _, x := range ts.Exemplars {
		fmt.Fprintf(&b, "exemplar %q %s %d %q\n", resolve(x.LabelsRefs), fp(x.Value), x.Timestamp, x.XXX_unrecognized)
	}
	fmt.Fprintf(&b, "metadata %d %q %q\n", ts.Metadata.Type, resolve([]uint32{ts.Metadata.HelpRef, ts.Metadata.UnitRef}), ts.Metadata.XXX_unrecognized)
	fmt.Fprintf(&b, "unknown %q\n", ts.XXX_unrecognized)
	return b.String()
}
