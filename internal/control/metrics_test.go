package control

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
)

// remembering returns what profiling does, with a history in a store.
func remembering(t *testing.T, id tenant.ID, texts ...string) (*Control, *store.DB) {
	t.Helper()
	c := profiling(t, id, texts...)
	db, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "headgate.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c.parts.History = func() SeriesStore { return db }
	return c, db
}

func metricNames(page MetricsPage) (names []string) {
	for _, m := range page.Metrics {
		names = append(names, m.Metric)
	}
	return names
}

func TestMetricsAreComparedWithADayAndAWeekAgo(t *testing.T) {
	c, db := remembering(t, "a", slices.Concat(calls("grown", 5), calls("shrunk", 2), calls("fresh", 1), calls("small", 3))...)
	h := attribution.HourOf(time.Now())
	read := func(ago attribution.Hour, metrics int64, top map[string]int64) {
		t.Helper()
		r := store.SeriesReading{Hour: h - ago, Tenant: "a", Metrics: metrics, SeriesCount: store.SeriesCount{Series: 100}, Top: map[string]store.SeriesCount{}}
		for name, n := range top {
			r.Top[name] = store.SeriesCount{Series: n}
		}
		if err := db.NoteSeries(t.Context(), []store.SeriesReading{r}); err != nil {
			t.Fatal(err)
		}
	}
	read(23, 1, map[string]int64{"grown": 5})              // too young
	read(26, 2, map[string]int64{"grown": 1, "shrunk": 9}) // of all metrics
	read(7*24+1, 40, map[string]int64{"shrunk": 2})        // of the largest alone
	read(8*24, 1, map[string]int64{"grown": 5})            // too old

	page, err := c.ProfileMetrics(t.Context(), MetricsQuery{Tenant: "a", Sort: ByDayChange})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"grown", "small", "fresh", "shrunk"}, metricNames(page)); diff != "" {
		t.Errorf("by the change of a day (-want +got):\n%s", diff)
	}
	type growths struct{ Day, Week Growth }
	got := map[string]growths{}
	for i := range page.Metrics {
		m := &page.Metrics[i]
		got[m.Metric] = growths{page.Growth(page.Day, m), page.Growth(page.Week, m)}
	}
	want := map[string]growths{
		"grown":  {Growth{Known: true, Series: 4, Before: 1}, Growth{Known: true, Series: 3, Before: 2, AtLeast: true}},
		"shrunk": {Growth{Known: true, Series: -7, Before: 9}, Growth{Known: true, Before: 2}},
		"fresh":  {Growth{Known: true, Series: 1}, Growth{}},
		"small":  {Growth{Known: true, Series: 3}, Growth{Known: true, Series: 1, Before: 2, AtLeast: true}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("growths (-want +got):\n%s", diff)
	}
	part, err := c.ProfileMetrics(t.Context(), MetricsQuery{Tenant: "a", Match: []string{`{pod="p-0"}`}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range part.Metrics {
		if m := &part.Metrics[i]; part.Growth(part.Day, m).Known != (m.Metric == "fresh") {
			t.Errorf("of one pod of %s the growth is %+v, want it of whole metrics alone", m.Metric, part.Growth(part.Day, m))
		}
	}
}

func TestAStoreThatFailsCostsTheChangesAlone(t *testing.T) {
	c, db := remembering(t, "a", calls("many", 5)...)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	page, err := c.ProfileMetrics(t.Context(), MetricsQuery{Tenant: "a", Sort: ByWeekChange})
	if err != nil || len(page.Metrics) != 1 || !errors.Is(page.NoPast, ErrUnavailable) {
		t.Errorf("the page is %v, %v, and its past %v; want one metric without a past", metricNames(page), err, page.NoPast)
	}
	if err := c.NoteSeries(t.Context(), 1); err == nil {
		t.Error("a store that is closed took a reading")
	}
}

func TestSeriesAreNotedWhenAnHourEnds(t *testing.T) {
	c, db := remembering(t, "a", slices.Concat(calls("many", 5), []string{"up"})...)
	h := attribution.HourOf(time.Now()) + 1
	if err := c.NoteSeries(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	got, err := db.SeriesReading(t.Context(), "a", h, h)
	want := store.SeriesReading{
		Hour: h, Tenant: "a", Metrics: 2, SeriesCount: store.SeriesCount{Series: 6, Forwarded: 6},
		Top: map[string]store.SeriesCount{"many": {Series: 5, Forwarded: 5}, "up": {Series: 1, Forwarded: 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	c.parts.Now = func() time.Time { return h.Time() }
	history, err := c.SeriesHistory(t.Context(), "a", "many")
	if diff := cmp.Diff(SeriesHistory{Points: []SeriesAt{{h.Time(), 5, 5}}, From: h.Time()}, history); diff != "" || err != nil {
		t.Errorf("%v, history (-want +got):\n%s", err, diff)
	}
}

// A notedHours is a store that remembers in which hours something was noted. It
// fails as often as it is told.
type notedHours struct {
	SeriesStore
	hours []attribution.Hour
	fails int
}

func (n *notedHours) NoteSeries(_ context.Context, list []store.SeriesReading) error {
	if n.fails > 0 {
		n.fails--
		return errors.New("it is full")
	}
	n.hours = append(n.hours, list[0].Hour)
	return nil
}

func (n *notedHours) ThinSeries(context.Context, attribution.Hour) error { return nil }

func TestTheHistoryIsKeptOnceAnHour(t *testing.T) {
	c := profiling(t, "a", calls("many", 5)...)
	synctest.Test(t, func(t *testing.T) {
		noted := &notedHours{fails: 2}
		c.parts.History = func() SeriesStore { return noted }
		c.parts.Now = nil
		p, err := profiler.New(profiler.DefaultConfig(), time.Now(), func(profiler.Explosion) {}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		c.parts.Profiler = p
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		begin := attribution.HourOf(time.Now())
		go func() { done <- c.KeepHistory(ctx, slog.New(slog.DiscardHandler)) }()
		for range 5 * 30 { // two and a half hours
			time.Sleep(time.Minute)
			p.Observe("a", profiler.Sender{}, p.Clock().At(time.Now()), []profiler.Seen{{Labels: series.Labels{{Name: series.MetricName, Value: "up"}}, New: true}})
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]attribution.Hour{begin + 1, begin + 2}, noted.hours); diff != "" {
			t.Errorf("hours (-want +got):\n%s", diff)
		}
	})
}

func TestPhasesAddUpToWhatIsReceived(t *testing.T) {
	j := &judging{
		intervals: map[string]time.Duration{"thin": 10 * time.Second}, pools: map[string]string{"checkout": "shop"},
		shed: map[poolOf]float64{{"shop", series.Low}: 0.25, {"default", series.Default}: 1},
	}
	for _, tt := range []struct {
		name string
		v    inventory.Verdict
		want map[string]float64 // of 8 samples a second
	}{
		{"what is kept is forwarded", inventory.Verdict{Action: "keep", Priority: series.High}, map[string]float64{PhaseForwarded: 8}},
		{"what is dropped is dropped, shed or not", inventory.Verdict{Action: "drop"}, map[string]float64{PhaseDropped: 8}},
		{"of what is thinned one in an interval is forwarded", inventory.Verdict{Action: "downsample", Rule: "thin", Priority: series.High}, map[string]float64{PhaseForwarded: 0.1, PhaseDownsampled: 7.9}},
		{"a part of the families of a priority is shed", inventory.Verdict{Action: "keep", Team: "checkout", Priority: series.Low}, map[string]float64{PhaseForwarded: 6, PhaseShed: 2}},
		{"all of it is", inventory.Verdict{Action: "keep", Team: "search"}, map[string]float64{PhaseShed: 8}},
		{"what is left by thinning is shed", inventory.Verdict{Action: "downsample", Rule: "thin", Team: "search"}, map[string]float64{PhaseDownsampled: 7.9, PhaseShed: 0.1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, sum := map[string]float64{}, 0.0
			for _, phase := range []string{PhaseForwarded, PhaseDropped, PhaseDownsampled, PhaseShed} {
				pass, err := j.passing("", phase)
				if err != nil {
					t.Fatal(err)
				}
				if n, ok := pass(tt.v, 8); ok {
					got[phase] = n
					sum += n
				}
			}
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })); diff != "" || sum < 8-1e-9 || sum > 8+1e-9 {
				t.Errorf("in all %v of 8 (-want +got):\n%s", sum, diff)
			}
			if f := j.fate([]inventory.Judged{{Verdict: tt.v, Share: 1}}); f.Forwarded+f.Dropped+f.Downsampled+f.Shed != 1 {
				t.Errorf("the fate %+v is not that of all series", f)
			}
		})
	}
	pass, err := j.passing("checkout", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := pass(inventory.Verdict{Team: "search"}, 1); ok {
		t.Error("another team's series are meant")
	}
	if _, err := j.passing("", "lost"); err == nil || err.Error() != `phase: "lost" is none of received, forwarded, dropped, downsampled, shed, rejected, failed` {
		t.Errorf("an unknown phase: %v", err)
	}
}

func TestMetricsCanBeSearched(t *testing.T) {
	c := profiling(t, "a", slices.Concat(calls("Http_requests", 3), calls("http:duration", 2), []string{"up"})...)
	for search, want := range map[string][]string{"HTTP_": {"Http_requests"}, ":": {"http:duration"}, "p": {"Http_requests", "http:duration", "up"}, "none": nil} {
		page, err := c.ProfileMetrics(t.Context(), MetricsQuery{Tenant: "a", Search: search})
		if diff := cmp.Diff(want, metricNames(page)); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", search, err, diff)
		}
	}
	for team, want := range map[string]int{"shop": 3, "unowned": 0} {
		if page, err := c.ProfileMetrics(t.Context(), MetricsQuery{Tenant: "a", Team: team}); err != nil || page.TotalMetrics != want {
			t.Errorf("team %s has %d metrics, %v; want %d", team, page.TotalMetrics, err, want)
		}
	}
	if _, err := c.ProfileMetrics(t.Context(), MetricsQuery{Tenant: "a", Phase: PhaseRejected}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("rejected without a ledger: %v, want ErrUnavailable", err)
	}
}
