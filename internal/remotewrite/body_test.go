package remotewrite

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/headgate/headgate/internal/series"
)

var stale = math.Float64frombits(staleNaN)

// pairs makes labels of name, value, name, value …
func pairs(s ...string) series.Labels {
	var ls series.Labels
	for i := 0; i < len(s); i += 2 {
		ls = append(ls, series.Label{Name: s[i], Value: s[i+1]})
	}
	return ls
}

func labelsV1(ls series.Labels) []prompb.Label {
	var out []prompb.Label
	for _, l := range ls {
		out = append(out, prompb.Label{Name: l.Name, Value: l.Value})
	}
	return out
}

func marshal(t testing.TB, m interface{ Marshal() ([]byte, error) }) []byte {
	t.Helper()
	b, err := m.Marshal()
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	return b
}

// intHistogram is a consistent native histogram of integers.
func intHistogram(ms int64) prompb.Histogram {
	return prompb.Histogram{
		Count: &prompb.Histogram_CountInt{CountInt: 13}, Sum: 18.4, Schema: 1, ZeroThreshold: 0.001,
		ZeroCount:     &prompb.Histogram_ZeroCountInt{ZeroCountInt: 2},
		PositiveSpans: []prompb.BucketSpan{{Offset: -2, Length: 2}, {Offset: 1, Length: 2}}, PositiveDeltas: []int64{1, 1, -1, 0},
		NegativeSpans: []prompb.BucketSpan{{Offset: 0, Length: 2}}, NegativeDeltas: []int64{3, 0},
		ResetHint: prompb.Histogram_NO, Timestamp: ms,
	}
}

func floatHistogram(ms int64) prompb.Histogram {
	return prompb.Histogram{
		Count: &prompb.Histogram_CountFloat{CountFloat: 6.5}, Sum: math.NaN(), Schema: 8,
		ZeroCount:     &prompb.Histogram_ZeroCountFloat{ZeroCountFloat: 0.5},
		PositiveSpans: []prompb.BucketSpan{{Offset: 4, Length: 3}}, PositiveCounts: []float64{1, 2, 3},
		ResetHint: prompb.Histogram_GAUGE, Timestamp: ms,
	}
}

func customHistogram(ms int64) prompb.Histogram {
	return prompb.Histogram{
		Count: &prompb.Histogram_CountInt{CountInt: 4}, Sum: 9, Schema: customSchema,
		PositiveSpans: []prompb.BucketSpan{{Offset: 0, Length: 2}}, PositiveDeltas: []int64{1, 2},
		CustomValues: []float64{0.1, 1, 10}, Timestamp: ms, ResetHint: prompb.Histogram_YES,
	}
}

// staleHistogram is the stale marker of a histogram.
func staleHistogram(ms int64) prompb.Histogram {
	return prompb.Histogram{Sum: stale, Timestamp: ms}
}

// requestV1 is a request with everything that 1.0 knows.
func requestV1() *prompb.WriteRequest {
	const ms = 1_760_000_000_000
	up := labelsV1(pairs("__name__", "up", "instance", "a:9090", "job", "node"))
	lat := labelsV1(pairs("__name__", "latency", "job", "api"))
	return &prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{
			{Labels: up, Samples: []prompb.Sample{{Value: 1, Timestamp: ms}}},
			{Labels: up, Samples: []prompb.Sample{{Value: 0, Timestamp: ms + 15_000}}},
			{Labels: up, Exemplars: []prompb.Exemplar{{Labels: labelsV1(pairs("trace_id", "abc")), Value: 0.5, Timestamp: ms}}},
			{Labels: lat, Histograms: []prompb.Histogram{intHistogram(ms), floatHistogram(ms + 1), customHistogram(ms + 2), staleHistogram(ms + 3)}},
			{Labels: up, Samples: []prompb.Sample{{Value: stale, Timestamp: ms + 30_000}, {Value: 2, Timestamp: ms - 1}, {Value: -0.5, Timestamp: -5}}},
			{Labels: labelsV1(pairs("z", "1", "__name__", "odd", "empty", "", "long", strings.Repeat("x", 300)))},
			{},
		},
		Metadata: []prompb.MetricMetadata{{Type: prompb.MetricMetadata_GAUGE, MetricFamilyName: "up", Help: "Whether.", Unit: "bool"}},
	}
}

// toV2 says the same in 2.0, as far as it can.
func toV2(in *prompb.WriteRequest) *writev2.Request {
	st := writev2.NewSymbolTable()
	refs := func(ls []prompb.Label) []uint32 {
		var out []uint32
		for _, l := range ls {
			out = append(out, st.Symbolize(l.Name), st.Symbolize(l.Value))
		}
		return out
	}
	out := &writev2.Request{}
	for i, ts := range in.Timeseries {
		var v writev2.TimeSeries
		v.LabelsRefs = refs(ts.Labels)
		for _, s := range ts.Samples {
			v.Samples = append(v.Samples, writev2.Sample{Value: s.Value, Timestamp: s.Timestamp, StartTimestamp: s.Timestamp - 1000*int64(i%2)})
		}
		for _, h := range ts.Histograms {
			v.Histograms = append(v.Histograms, histogramV2(h))
		}
		for _, x := range ts.Exemplars {
			v.Exemplars = append(v.Exemplars, writev2.Exemplar{LabelsRefs: refs(x.Labels), Value: x.Value, Timestamp: x.Timestamp})
		}
		v.Metadata = writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_GAUGE, HelpRef: st.Symbolize("Whether."), UnitRef: st.Symbolize("bool")}
		out.Timeseries = append(out.Timeseries, v)
	}
	out.Symbols = st.Symbols()
	return out
}

// histogramV2 is h in 2.0, where it has the same wire form.
func histogramV2(h prompb.Histogram) writev2.Histogram {
	unknown := h.XXX_unrecognized // a start timestamp is known to 2.0 alone
	h.XXX_unrecognized = nil
	b, err := h.Marshal()
	if err != nil {
		panic(err)
	}
	var out writev2.Histogram
	if err := out.Unmarshal(b); err != nil {
		panic(err)
	}
	out.XXX_unrecognized = unknown
	return out
}

// wire writes fields by hand.
type wire []byte

func (w wire) varint(num int, v uint64) wire {
	w = binary.AppendUvarint(w, uint64(num)<<3|wireVarint)
	return binary.AppendUvarint(w, v)
}

func (w wire) fixed(num int, bits uint64) wire {
	w = binary.AppendUvarint(w, uint64(num)<<3|wireFixed64)
	return binary.LittleEndian.AppendUint64(w, bits)
}

func (w wire) bytes(num int, b []byte) wire {
	w = binary.AppendUvarint(w, uint64(num)<<3|wireBytes)
	w = binary.AppendUvarint(w, uint64(len(b)))
	return append(w, b...)
}

func (w wire) text(num int, s string) wire { return w.bytes(num, []byte(s)) }

// scatteredV1 are series whose labels are in every shape but the plain one.
func scatteredV1() []byte {
	sample := wire{}.fixed(1, math.Float64bits(3)).varint(2, 1_760_000_000_000)
	l := func(name, value string) wire { return wire{}.text(1, name).text(2, value) }
	var w wire
	w = w.bytes(1, wire{}.bytes(1, l("__name__", "a")).bytes(2, sample).bytes(1, l("b", "c")))           // after the sample
	w = w.bytes(1, wire{}.bytes(2, sample).bytes(1, l("__name__", "a")))                                 // sample first
	w = w.bytes(1, wire{}.bytes(1, wire{}.text(2, "a").text(1, "__name__")).bytes(2, sample))            // value first
	w = w.bytes(1, wire{}.bytes(1, l("x", "y").text(1, "__name__").text(2, "a")).bytes(2, sample))       // the last holds
	w = w.bytes(1, wire{}.bytes(1, l("__name__", "a").varint(9, 7)).bytes(2, sample))                    // unknown in a label
	w = w.bytes(1, wire{}.text(7, "new").bytes(1, l("__name__", "a")).varint(8, 1).bytes(2, sample))     // unknown in a series
	w = w.bytes(1, wire{}.bytes(1, wire{}.text(1, "__name__")).bytes(1, nil).bytes(2, nil))              // nothing there
	w = append(w, 0x8a, 0x00)                                                                            // a padded tag
	w = append(w, wire{}.bytes(1, wire{}.bytes(1, l("__name__", "a")))[1:]...)                           // and its series
	w = w.bytes(1, append(wire{}.bytes(1, wire{0x0a, 0x81, 0x00, 'a', 0x12, 0x01, 'b'}), 0x12, 0x80, 0)) // padded lengths
	w = w.bytes(1, wire{}.bytes(4, wire{}.varint(15, 5)).bytes(2, sample).bytes(4, wire{}.varint(15, 4)))
	return w.varint(12, 99).text(2, "reserved").bytes(3, wire{}.varint(1, 2).text(2, "up"))
}

// scatteredV2 has symbols after and between series, packed and single
// references in one series, and the start timestamp of rc.3.
func scatteredV2() []byte {
	sample := wire{}.fixed(1, staleNaN).varint(2, 1_760_000_000_000).varint(3, 1_750_000_000_000)
	var w wire
	w = w.text(4, "").text(4, "__name__")
	w = w.bytes(5, wire{}.bytes(1, []byte{1, 2}).bytes(2, sample).varint(6, 1_700_000_000_000))
	w = w.text(4, "up").text(4, "job").text(4, "a").text(4, strings.Repeat("v", 200)).text(4, "unused")
	w = w.bytes(5, wire{}.varint(1, 1).varint(1, 2).bytes(1, []byte{3, 4}).bytes(2, sample))
	w = w.bytes(5, wire{}.bytes(2, sample).bytes(1, []byte{1, 2, 3, 5}))
	w = w.bytes(5, wire{}.bytes(1, []byte{1, 0x82, 0}).bytes(4, wire{}.bytes(1, []byte{3, 4}).fixed(2, 1).varint(3, 5)))
	w = w.bytes(5, wire{}.bytes(1, []byte{1, 2}).bytes(4, wire{}.varint(1, 3).varint(1, 0).varint(9, 1)).bytes(5, wire{}.varint(1, 1).varint(3, 5).varint(4, 4).varint(7, 1)))
	w = w.bytes(5, wire{}.bytes(1, []byte{1, 2}).bytes(3, wire{}.varint(15, 5).varint(14, 2).varint(17, 3)).bytes(5, nil))
	return w.varint(12, 99).text(2, "reserved")
}

// realistic is a request of n series of 11 labels and about 300 bytes, in the
// order of a sender. Every fifth value is zero.
func realistic(n int) *prompb.WriteRequest {
	rng := rand.New(rand.NewPCG(1, 2))
	req := &prompb.WriteRequest{}
	for i := range n {
		pod := fmt.Sprintf("checkout-api-%08x-%05x", i/40, i/10)
		ls := pairs(
			"__name__", fmt.Sprintf("container_network_receive_packets_dropped_total_%d", i%130),
			"cluster", "production-eu-west-1",
			"container", fmt.Sprintf("container-%d", i%3),
			"endpoint", "https-metrics",
			"id", fmt.Sprintf("/kubepods/burstable/pod%016x", rng.Uint64()),
			"instance", fmt.Sprintf("10.12.%d.%d:10250", i%250, i%199),
			"job", "kubelet",
			"metrics_path", "/metrics/cadvisor",
			"namespace", fmt.Sprintf("team-%d", i%17),
			"node", fmt.Sprintf("ip-10-12-%d-%d.eu-west-1.compute.internal", i%250, i%199),
			"pod", pod,
		)
		v := rng.Float64() * 1e6
		if i%5 == 0 {
			v = 0
		}
		req.Timeseries = append(req.Timeseries, prompb.TimeSeries{
			Labels: labelsV1(ls), Samples: []prompb.Sample{{Value: v, Timestamp: 1_760_000_000_000 + rng.Int64N(15_000)}},
		})
	}
	return req
}
