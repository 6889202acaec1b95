package profiler

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
)

func profilerOf(t *testing.T, cfg Config) *Profiler {
	t.Helper()
	p, err := New(cfg, time.Now(), func(Explosion) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func drawn(t *testing.T, p *Profiler, id tenant.ID, texts ...string) map[string]int {
	t.Helper()
	var selectors []*series.Selector
	for _, text := range texts {
		s, err := series.ParseSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		selectors = append(selectors, s)
	}
	rows := map[string]int{}
	var d inventory.Draw
	p.Draw(id, selectors, &d, func(metric string) bool {
		if _, twice := rows[metric]; twice {
			t.Errorf("metric %s is visited twice", metric)
		}
		rows[metric] = len(d.Rows)
		return true
	})
	return rows
}

func seenOf(t *testing.T, texts ...string) []Seen {
	t.Helper()
	var list []Seen
	for _, text := range texts {
		ls, err := series.ParseLabels(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, Seen{Labels: ls, Verdict: inventory.Verdict{Team: "shop", Action: "keep"}, Forwarded: true, New: true, IntervalMs: 15_000})
	}
	return list
}

func TestDrawVisitsWhatMayMatch(t *testing.T) {
	cfg := DefaultConfig()
	cfg.File, cfg.MaxMetrics = "", 400
	p := profilerOf(t, cfg)
	var texts []string
	for i := range 500 { // some of them share a name
		texts = append(texts, fmt.Sprintf(`m_%03d{job="a"}`, i), fmt.Sprintf(`m_%03d{job="b"}`, i))
	}
	p.Observe("a", Sender{}, p.Clock().At(time.Now()), seenOf(t, texts...))

	all := drawn(t, p, "a")
	if len(all) != 401 || all["m_007"] != 2 || all[Overflow] != 200 {
		t.Errorf("%d metrics are drawn, %d rows of the overflow", len(all), all[Overflow])
	}
	if got := drawn(t, p, "a", `m_007{job="a"}`, `m_008`); len(got) != 2 || got["m_007"] != 1 || got["m_008"] != 2 {
		t.Errorf("drawn by name: %v", got)
	}
	// What is named is found among those of the overflow, too, once each.
	if got := drawn(t, p, "a", `m_007`, `m_007{job="b"}`, `m_450{job="a"}`, `{__name__=~"m_451|m_009|none"}`); len(got) != 3 || got["m_007"] != 2 || got["m_009"] != 2 || got[Overflow] != 3 {
		t.Errorf("drawn by names: %v", got)
	}
	if got := drawn(t, p, "a", `m_007`, `{__name__=~"m_00[78]"}`, `{__name__=~"m_00[78]",job="a"}`, `{__name__!~"m_.*",job="a"}`); len(got) != 2 || got["m_007"] != 2 || got["m_008"] != 2 {
		t.Errorf("drawn by patterns of names: %v", got)
	}
	if got := drawn(t, p, "a", `{job="b"}`); len(got) != 401 || got["m_399"] != 1 || got[Overflow] != 100 {
		t.Errorf("drawn by label: %d metrics, %d of the overflow", len(got), got[Overflow])
	}
	many := []string{`m_007{job="a"}`}
	for i := range maxMatched {
		many = append(many, fmt.Sprintf(`{job="%d"}`, i))
	}
	if got := drawn(t, p, "a", many...); got["m_007"] != 2 {
		t.Errorf("by very many selectors %d rows are drawn, want all", got["m_007"])
	}
	if got := drawn(t, p, "b"); len(got) != 0 {
		t.Errorf("of an unknown tenant: %v", got)
	}
	var d inventory.Draw
	if !p.DrawMetric("a", "m_001", &d) || len(d.Rows) != 2 || p.DrawMetric("a", "none", &d) || p.DrawMetric("b", "m_001", &d) {
		t.Error("DrawMetric does not draw the metric of that name alone")
	}
	visits := 0
	p.Draw("a", nil, &d, func(string) bool { visits++; return visits < 3 })
	if visits != 3 {
		t.Errorf("%d visits, want 3", visits)
	}
}

// A series that stopped is known for a while, with the time when it was received last.
func TestFindKnowsSeriesThatStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.File = ""
		p := profilerOf(t, cfg)
		begin := time.Now()
		seen := seenOf(t, `up{job="a"}`, `up{job="b"}`)
		p.Observe("a", Sender{}, p.Clock().At(begin), seen)
		p.Count("a", []MetricSamples{{"up", 60}}, 30*time.Second)
		if s := p.Find("a", seen[0].Labels); !s.Known || !s.Active || !s.Forwarded || s.Mean || s.PerSecond != 1000./15000 || s.Verdict.Team != "shop" {
			t.Errorf("a series that is received: %+v", s)
		}
		time.Sleep(90 * time.Minute)
		p.Observe("a", Sender{}, p.Clock().At(time.Now()), seen[1:])
		s := p.Find("a", seen[0].Labels)
		if !s.Known || s.Active || s.Forwarded || s.Last.After(begin) || s.Last.Add(s.Within).Before(begin) || !s.First.Equal(s.Last) {
			t.Errorf("a series that stopped at %s: %+v", begin, s)
		}
		other := seenOf(t, `up{job="c"}`)
		if s := p.Find("a", other[0].Labels); s.Known || !s.Certain || !s.Mean {
			t.Errorf("a series never seen: %+v", s)
		}
		for _, id := range []tenant.ID{"a", "b"} {
			if s := p.Find(id, seenOf(t, `none`)[0].Labels); s.Known || !s.Certain || s.PerSecond != 0 {
				t.Errorf("of a metric never seen, tenant %s: %+v", id, s)
			}
		}
		p.turn(p.Clock().At(time.Now()))
		if s := p.Find("a", seen[0].Labels); s.Known {
			t.Errorf("a series that was let go of: %+v", s)
		}
	})
}

// While a part of the window has not ended, nothing is known of the time between a
// series' samples; what its metric receives is known within seconds.
func TestSelectTakesTheMetricsRateWhereNoIntervalIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.File = ""
		p := profilerOf(t, cfg)
		seen := seenOf(t, `up{job="a"}`, `up{job="b"}`, `up{job="c"}`, `up{job="d"}`)
		for i := range seen {
			seen[i].IntervalMs = 0
		}
		p.Observe("a", Sender{}, p.Clock().At(time.Now()), seen)
		p.Count("a", []MetricSamples{{"up", 120}}, 30*time.Second)
		sel, err := series.ParseSelector(`up{job=~"a|b"}`)
		if err != nil {
			t.Fatal(err)
		}
		res := p.Select("a", &inventory.Query{Selectors: []*series.Selector{sel}})
		if res.Series.Value != 2 || res.PerSecond.Value != 2 {
			t.Errorf("two of four series that send four samples a second: %+v", res)
		}
	})
}
