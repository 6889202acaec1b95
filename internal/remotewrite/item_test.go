package remotewrite

import (
	"math"
	"testing"

	"github.com/prometheus/prometheus/prompb"
)

func TestSame(t *testing.T) {
	const ms = 1_760_000_000_000
	nan := math.Float64frombits(0x7ff8000000000001)
	r := parse(t, V1, marshal(t, &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Samples: []prompb.Sample{
			{Value: 1, Timestamp: ms}, {Value: 1, Timestamp: ms}, {Value: 2, Timestamp: ms}, {Value: 1, Timestamp: ms + 1},
			{Value: nan, Timestamp: ms}, {Value: nan, Timestamp: ms}, {Value: stale, Timestamp: ms},
		},
		Histograms: []prompb.Histogram{intHistogram(ms), intHistogram(ms), floatHistogram(ms)},
	}}}))
	items := r.AppendItems(nil, 0)
	for _, c := range []struct {
		a, b int
		want bool
	}{{0, 1, true}, {0, 2, false}, {0, 3, false}, {4, 5, true}, {5, 6, false}, {7, 8, true}, {8, 9, false}, {0, 7, false}} {
		if got := r.Same(items[c.a], items[c.b]); got != c.want {
			t.Errorf("items %d and %d: got %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
