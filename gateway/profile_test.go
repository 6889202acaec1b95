package gateway

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
)

// profiled returns a gateway with a profiler.
func profiled(t testing.TB, ruleText string) *fixture {
	t.Helper()
	cfg := profiler.DefaultConfig()
	cfg.File = ""
	p, err := profiler.New(cfg, time.Now(), func(profiler.Explosion) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, ruleText)
	f.engines.Profiler = p
	f.states.clock = p.Clock()
	return f
}

// A series counts once, however it comes: by 1.0 and 2.0, with its labels in order
// or not, once or often, and through two gateways whose profiles are merged.
func TestASeriesIsProfiledOnce(t *testing.T) {
	a, b := profiled(t, ""), profiled(t, "")
	const n = 50
	var plain, reversed []entry
	for i := range n {
		labels := fmt.Sprintf(`requests_total{path="/%d",team="search",zone="%d"}`, i, i%3)
		plain = append(plain, at(labels, 1, 1000))
		reversed = append(reversed, at("!"+labels, 1, 2000))
	}
	own := at(`requests_total{path="/only-here",team="search",zone="0"}`, 1, 1000)
	a.send(t, 204, plain...)
	a.send(t, 204, reversed...)
	a.post(remotewrite.V2, bodyV2(slices.Concat(plain, reversed)...))
	b.post(remotewrite.V2, bodyV2(append(plain, own)...))
	b.send(t, 204, plain...)

	check := func(f *fixture, want float64) {
		t.Helper()
		d, ok := f.engines.Profiler.Metric("default", "requests_total")
		if !ok || d.Series != want || d.Team != "search" || d.Labels[0].Label != "path" || d.Labels[0].Values != want || d.Labels[0].SeriesWithout != 3 {
			t.Errorf("%+v; want %v series of team search, as many paths, and 3 series without path", d, want)
		}
	}
	check(a, n)
	check(b, n+1)
	var file bytes.Buffer
	if err := b.engines.Profiler.Write(&file); err != nil {
		t.Fatal(err)
	}
	if err := a.engines.Profiler.Merge(&file, int64(file.Len())); err != nil {
		t.Fatal(err)
	}
	check(a, n+1)
}

// Every series that is received is profiled, before a rule hides it; forwarded are
// those of which a rule leaves anything.
func TestProfileIsOfWhatIsReceived(t *testing.T) {
	f := profiled(t, "- {name: d, match: 'm{a=\"0\"}', action: drop}\n- {name: t, match: 'm{a=\"1\"}', action: downsample, interval: 60s}\n")
	for round := range int64(3) {
		for i := range 9 {
			f.send(t, 204, at(fmt.Sprintf(`m{a="%d",b="%d"}`, i%3, i), 1, 1000+round*15_000))
		}
	}
	d, _ := f.engines.Profiler.Metric("default", "m")
	if d.Series != 9 || d.SeriesForwarded != 6 {
		t.Errorf("%v series, %v forwarded; want 9 and 6", d.Series, d.SeriesForwarded)
	}
	f.load(t, "")
	for i := range 9 {
		f.send(t, 204, at(fmt.Sprintf(`m{a="%d",b="%d"}`, i%3, i), 1, 60_000))
	}
	if d, _ := f.engines.Profiler.Metric("default", "m"); d.Series != 9 || d.SeriesForwarded != 9 {
		t.Errorf("%v series, %v forwarded after the rules went; want 9 and 9", d.Series, d.SeriesForwarded)
	}
}

func TestRefusedSeriesAreNotProfiled(t *testing.T) {
	f := profiled(t, "")
	f.post(remotewrite.V1, bodyV1(at(`good`, 1, 1000), at("!"+`bad{a="1",b="2"}`, 1, 1000)), "X-Scope-OrgID", "other")
	f.post(remotewrite.V1, bodyV1(entry{labels: `{a="nameless"}`, points: []point{{1000, 1}}}))
	if page, err := f.engines.Profiler.Metrics(profiler.Query{Tenant: "other"}); err != nil || page.TotalMetrics != 2 {
		t.Errorf("%+v, %v; want good and bad, whose labels are only out of order", page, err)
	}
	if page, err := f.engines.Profiler.Metrics(profiler.Query{Tenant: "default"}); err != nil || page.TotalMetrics != 0 {
		t.Errorf("%+v, %v; want nothing of a series that can never be stored", page, err)
	}
}

// What senders say of metrics is kept: by 1.0 in requests of their own.
func TestMetadataReachesTheProfile(t *testing.T) {
	f := profiled(t, "")
	f.send(t, 204, at(`requests_total`, 1, 1000))
	req := prompb.WriteRequest{Metadata: []prompb.MetricMetadata{{Type: prompb.MetricMetadata_COUNTER, MetricFamilyName: "requests_total", Help: "All of them.", Unit: "requests"}}}
	body, err := req.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if rec := f.post(remotewrite.V1, body); rec.Code != 204 {
		t.Fatalf("answer %d %s", rec.Code, rec.Body)
	}
	d, _ := f.engines.Profiler.Metric("default", "requests_total")
	if d.About != (profiler.About{Type: "counter", Help: "All of them.", Unit: "requests"}) {
		t.Errorf("the profile says %+v", d.About)
	}
}

// Each series is profiled again once in a part of the window, at a moment that its
// key decides: never all of them at once.
func TestReprofilingIsSpread(t *testing.T) {
	f := profiled(t, "")
	var entries []entry
	for i := range 2000 {
		entries = append(entries, at(fmt.Sprintf(`m{i="%d"}`, i), 1, 1000))
	}
	f.send(t, 204, entries...)
	s := f.states.find(tenant.ID("default"))
	now := s.table.now
	due := func(part int64, turn int) (n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.table.turn(profiler.Moment{Part: part, Turn: uint8(turn)})
		for i := uint32(1); i < s.table.used; i++ {
			if s.table.visit(s.table.at(i)) {
				n++
			}
		}
		return n
	}
	for turn := int(now.Turn); turn < 256; turn++ { // to the end of the part under way
		due(now.Part, turn)
	}
	again := 0
	for turn := 0; turn < 256; turn += 16 {
		n := due(now.Part+1, turn)
		if again += n; n > 2000/8 {
			t.Errorf("%d of 2000 series are due at once", n)
		}
	}
	if again < 1800 {
		t.Errorf("%d series were due in fifteen sixteenths of a part, want nearly all of 2000", again)
	}
}

// The time between samples is learned from samples that all pass: of a series that
// is dropped or thinned, the one before may lie far back.
func TestIntervalsAreLearnedOfWhatPasses(t *testing.T) {
	const look = "- {name: look, match: m, action: prioritize, priority: high}\n"
	for name, rule := range map[string]string{
		"dropped": "- {name: r, match: m, action: drop}\n", "thinned": "- {name: r, match: m, action: downsample, interval: 120s}\n",
	} {
		t.Run(name, func(t *testing.T) {
			f := profiled(t, "")
			ms := int64(1_200_000)
			f.send(t, 204, at(`m{a="b"}`, 1, ms))
			for _, text := range []string{look, rule, rule + look, look, ""} { // each is news of the series
				f.load(t, text)
				for range 8 {
					ms += 15_000
					f.send(t, 204, at(`m{a="b"}`, 1, ms))
				}
				s := f.engines.Profiler.Find("default", at(`m{a="b"}`, 0).labelList())
				if s.Mean || s.PerSecond != 1000./15_000 {
					t.Errorf("after %q: %v samples a second (a mean: %v), want one in 15 s", text, s.PerSecond, s.Mean)
				}
			}
		})
	}
}
