package remotewrite

import (
	"math"
	"testing"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// checkHistogramVerdict holds CheckHistogram against model/histogram.
func checkHistogramVerdict(t *testing.T, r *Request, it Item, h writev2.Histogram) {
	t.Helper()
	if h.Schema > histogram.ExponentialSchemaMax && h.Schema <= histogram.ExponentialSchemaMaxReserved {
		h.Schema = histogram.ExponentialSchemaMax // the receiver lowers it
	}
	var want error
	if h.IsFloatHistogram() {
		want = h.ToFloatHistogram().Validate()
	} else {
		want = h.ToIntHistogram().Validate()
	}
	if got := r.CheckHistogram(it); (got == nil) != (want == nil) {
		t.Fatalf("CheckHistogram: got %v, Prometheus says %v", got, want)
	}
}

// FuzzHistogram holds CheckHistogram against model/histogram, for one
// histogram of arbitrary bytes.
func FuzzHistogram(f *testing.F) {
	for _, h := range []prompb.Histogram{intHistogram(1), floatHistogram(2), customHistogram(3), staleHistogram(4), {}} {
		f.Add(marshal(f, &h))
	}
	f.Add([]byte(wire{}.bytes(11, wire{}.varint(2, math.MaxUint32)).varint(12, 2)))
	f.Add([]byte(wire{}.varint(4, 105).bytes(16, make([]byte, 16)).bytes(11, wire{}.varint(1, 3))))
	f.Add([]byte(wire{}.varint(1, 3).varint(7, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var want prompb.Histogram
		wantErr := want.Unmarshal(b)
		var r Request
		err := r.Parse(V1, wire{}.bytes(1, wire{}.bytes(4, b)), Limits{})
		if (err == nil) != (wantErr == nil) {
			if !deviates(err) {
				t.Fatalf("Parse: got %v, prompb says %v", err, wantErr)
			}
			return
		}
		if err != nil {
			return
		}
		items := r.AppendItems(nil, 0)
		checkHistogramVerdict(t, &r, items[0], histogramV2(want))
	})
}
