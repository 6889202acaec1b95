package api

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/profiler"
)

func TestTSDBStatusHasPrometheusShape(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_123)
	got, err := json.Marshal(newTSDBStatus(profiler.TSDBStats{
		NumSeries: 5, NumLabelPairs: 3, MinTime: at.Add(-time.Hour), MaxTime: at,
		SeriesByMetric: []profiler.NamedCount{{Name: "up", Value: 5}}, ValuesByLabel: []profiler.NamedCount{{Name: "job", Value: 2}},
		BytesByLabel: []profiler.NamedCount{{Name: "job", Value: 6}}, SeriesByPair: []profiler.NamedCount{{Name: "job=api", Value: 4}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"headStats":{"numSeries":5,"numLabelPairs":3,"chunkCount":0,"minTime":1699996400123,"maxTime":1700000000123},` +
		`"seriesCountByMetricName":[{"name":"up","value":5}],"labelValueCountByLabelName":[{"name":"job","value":2}],` +
		`"memoryInBytesByLabelName":[{"name":"job","value":6}],"seriesCountByLabelValuePair":[{"name":"job=api","value":4}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestTSDBStatus(t *testing.T) {
	h := profiled(t, someCalls()...)
	var got struct {
		Status string
		Data   TSDBStatus
	}
	get(t, h, "/status/tsdb", url.Values{"tenant": {"t"}, "limit": {"2"}}, &got)
	d := got.Data
	if got.Status != "success" || d.HeadStats.NumSeries != 14 || d.HeadStats.MaxTime-d.HeadStats.MinTime != time.Hour.Milliseconds() {
		t.Errorf("the totals are %s, %+v", got.Status, d.HeadStats)
	}
	for _, list := range []struct {
		name string
		got  []NamedCount
		want []NamedCount
	}{
		{"series by metric", d.SeriesCountByMetricName, []NamedCount{{"calls", 12}, {"up", 2}}},
		{"values by label", d.LabelValueCountByLabelName, []NamedCount{{"pod", 12}, {"__name__", 2}}},
		{"bytes by label", d.MemoryInBytesByLabelName, []NamedCount{{"__name__", 204}, {"job", 111}}},
		{"series by pair", d.SeriesCountByLabelValuePair, []NamedCount{{"job=api", 13}, {"__name__=calls", 12}}},
	} {
		if diff := cmp.Diff(list.want, list.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", list.name, diff)
		}
	}
	get(t, h, "/status/tsdb", url.Values{"tenant": {"nobody"}}, &got)
	if got.Data.HeadStats.NumSeries != 0 || got.Data.SeriesCountByMetricName == nil || len(got.Data.SeriesCountByLabelValuePair) != 0 {
		t.Errorf("of a tenant that nobody knows: %+v, want empty lists", got.Data)
	}
}
