package prom

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/api"
	apiv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/tsdb/index"
)

// Prometheus' own client reads headgate's statistics, and they are those of the
// database that everything went to.
func TestPrometheusClientReadsTheStatistics(t *testing.T) {
	t.Parallel()
	c := openChain(t, 2, "", NewFaults(*seed, 0), NewFaults(*seed, 0))
	must(t, newWorkload(*seed, 40).load(c.ctx, c.sender, 40, 1<<30))
	must(t, c.sender.Wait(c.ctx))

	const all = 10_000
	client, err := api.NewClient(api.Config{Address: "http://" + c.headgate.web})
	must(t, err)
	got, err := apiv1.NewAPI(client).TSDB(c.ctx, apiv1.WithLimit(all))
	must(t, err)
	want := c.receiver.db.Head().Stats(model.MetricNameLabel, all)
	if got.HeadStats.NumSeries != int(want.NumSeries) || got.HeadStats.NumLabelPairs != want.IndexPostingStats.NumLabelPairs {
		t.Errorf("%d series and %d label pairs, want %d and %d", got.HeadStats.NumSeries, got.HeadStats.NumLabelPairs, want.NumSeries, want.IndexPostingStats.NumLabelPairs)
	}
	if got.HeadStats.MinTime >= got.HeadStats.MaxTime {
		t.Errorf("the window is from %d to %d", got.HeadStats.MinTime, got.HeadStats.MaxTime)
	}
	for _, list := range []struct {
		name string
		got  []apiv1.Stat
		want []index.Stat
	}{
		{"series by metric", got.SeriesCountByMetricName, want.IndexPostingStats.CardinalityMetricsStats},
		{"values by label", got.LabelValueCountByLabelName, want.IndexPostingStats.CardinalityLabelStats},
		{"bytes by label", got.MemoryInBytesByLabelName, want.IndexPostingStats.LabelValueStats},
		{"series by pair", got.SeriesCountByLabelValuePair, want.IndexPostingStats.LabelValuePairsStats},
	} {
		stats := make([]apiv1.Stat, len(list.want))
		for i, s := range list.want {
			stats[i] = apiv1.Stat{Name: s.Name, Value: s.Count}
		}
		byName := func(a, b apiv1.Stat) int { return cmp.Compare(a.Name, b.Name) }
		slices.SortFunc(stats, byName)
		slices.SortFunc(list.got, byName)
		if diff := gocmp.Diff(stats, list.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", list.name, diff)
		}
	}
}
