//go:build !race

package bench

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
)

// The profile of the workload agrees with exact counts: exactly for the metrics
// that are kept as rows, within the errors of a sketch for the largest.
func TestProfileOfTheWorkload(t *testing.T) {
	const n = 250_000
	cfg := profiler.DefaultConfig()
	cfg.File = ""
	now := time.Now()
	p, err := profiler.New(cfg, now, func(profiler.Explosion) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	exact := map[string]*counted{}
	var batch []profiler.Seen
	for _, s := range newPopulation(n, 0, 1).series {
		pairs := s.Decode()
		ls := make(series.Labels, 0, len(pairs)/2)
		for i := 0; i < len(pairs); i += 2 {
			ls = append(ls, series.Label{Name: pairs[i], Value: pairs[i+1]})
		}
		c := exact[s.Metric]
		if c == nil {
			c = &counted{series: map[string]bool{}, values: map[string]map[string]bool{}, without: map[string]map[string]bool{}}
			exact[s.Metric] = c
		}
		c.add(ls)
		if batch = append(batch, profiler.Seen{Labels: ls, Verdict: inventory.Verdict{Action: "keep"}, Forwarded: true}); len(batch) == 256 {
			p.Observe("default", profiler.Sender{}, p.Clock().At(now), batch)
			batch = batch[:0]
		}
	}
	p.Observe("default", profiler.Sender{}, p.Clock().At(now), batch)
	p.Recount(p.Clock().At(now.Add(time.Minute)))

	var errs []float64
	sketched, figures := 0, 0
	for metric, c := range exact {
		d, ok := p.Metric("default", metric)
		if !ok {
			t.Fatalf("metric %s is not known", metric)
		}
		if d.Detail != profiler.Exact {
			sketched++
		}
		note := func(what string, got, want float64) {
			figures++
			switch {
			case d.Detail == profiler.Exact && got != want:
				t.Errorf("%s of %s: %v, want %v exactly", what, metric, got, want)
			case d.Detail != profiler.Exact && math.Abs(got-want) > 0.04*want:
				t.Errorf("%s of %s: %v, want %v within 4 %%", what, metric, got, want)
			}
			errs = append(errs, got/want-1)
		}
		note("series", d.Series, float64(len(c.series)))
		for _, l := range d.Labels {
			note("values of "+l.Label, l.Values, float64(len(c.values[l.Label])))
			note("series without "+l.Label, l.SeriesWithout, float64(len(c.without[l.Label])))
		}
		if len(d.Labels) != len(c.values) {
			t.Errorf("%s has %d labels, want %d", metric, len(d.Labels), len(c.values))
		}
	}
	slices.Sort(errs)
	t.Logf("%d figures of %d metrics, %d of them estimated: errors from %.2f %% to %.2f %%", figures, len(exact), sketched, 100*errs[0], 100*errs[len(errs)-1])
	if sketched == 0 || sketched == len(exact) {
		t.Errorf("%d of %d metrics are estimated: the test is to see both", sketched, len(exact))
	}
}

// counted is an exact count of one metric's series and labels. What a series lacks
// counts for the labels that others have, too: their names are known beforehand.
type counted struct {
	series  map[string]bool
	values  map[string]map[string]bool
	without map[string]map[string]bool
}

func (c *counted) add(ls series.Labels) {
	text := func(leave string) string {
		var b strings.Builder
		for _, l := range ls {
			if l.Name != leave {
				fmt.Fprintf(&b, "%s\x00%s\x00", l.Name, l.Value)
			}
		}
		return b.String()
	}
	whole := text("")
	for name := range c.without {
		if ls.Get(name) == "" {
			c.without[name][whole] = true
		}
	}
	for _, l := range ls {
		if l.Name == series.MetricName {
			continue
		}
		if c.values[l.Name] == nil {
			c.values[l.Name], c.without[l.Name] = map[string]bool{}, map[string]bool{}
			for s := range c.series {
				c.without[l.Name][s] = true
			}
		}
		c.values[l.Name][l.Value] = true
		c.without[l.Name][text(l.Name)] = true
	}
	c.series[whole] = true
}
