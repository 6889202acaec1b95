package remotewrite

import (
	"math"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// Only what the symbols table of the kept series needs may leave the house.
func TestSymbolsOfRemovedSeriesLeave(t *testing.T) {
	r := parse(t, V2, marshal(t, toV2(&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{
		{Labels: labelsV1(pairs("__name__", "secret", "user", "alice")), Samples: []prompb.Sample{{Value: 1, Timestamp: 5}}},
		{Labels: labelsV1(pairs("__name__", "up")), Samples: []prompb.Sample{{Value: stale, Timestamp: 5}}},
	}})))
	var got writev2.Request
	if err := got.Unmarshal(r.AppendFiltered(nil, []Fate{Gone, Whole}, nil)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(got.Symbols, []string{"", "__name__", "up", "Whether.", "bool"}); d != "" {
		t.Errorf("symbols (-got +want):\n%s", d)
	}
	if got := math.Float64bits(got.Timeseries[0].Samples[0].Value); got != staleNaN {
		t.Errorf("value: got bits %x, want %x", got, uint64(staleNaN))
	}
}

// Two entries of one series become one, in order, and without the duplicate.
func TestEntriesOfASeriesMerge(t *testing.T) {
	req := requestV1()
	for v, body := range map[Version][]byte{V1: marshal(t, req), V2: marshal(t, toV2(req))} {
		r := parse(t, v, body)
		first, second := r.AppendItems(nil, 0), r.AppendItems(nil, 1)
		fates := []Fate{Changed, Gone, Gone, Gone, Gone, Gone, Gone}
		out := r.AppendFiltered(nil, fates, []Change{{Entry: 0, Items: append(second, first...)}})
		back := parse(t, v, out)
		if got := back.AppendLabels(nil, &back.Entries[0]).String(); got != `up{instance="a:9090", job="node"}` {
			t.Errorf("%s: labels: got %s", names[v], got)
		}
		var ms []int64
		for _, it := range back.AppendItems(nil, 0) {
			ms = append(ms, it.Ms)
		}
		if want := []int64{1_760_000_015_000, 1_760_000_000_000}; !reflect.DeepEqual(ms, want) {
			t.Errorf("%s: timestamps: got %v, want %v", names[v], ms, want)
		}
		if v == V1 && !back.Others {
			t.Error("the metadata is gone")
		}
	}
}
