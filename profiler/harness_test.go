package profiler

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
)

// A fixture is a profiler whose time a test decides.
type fixture struct {
	*Profiler
	at    Moment
	found []Explosion
}

const shop tenant.ID = "shop"

func newFixture(t testing.TB, configure ...func(*Config)) *fixture {
	t.Helper()
	cfg := DefaultConfig()
	cfg.File = ""
	for _, c := range configure {
		c(&cfg)
	}
	f := &fixture{}
	p, err := New(cfg, time.Now(), func(x Explosion) { f.found = append(f.found, x) }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f.Profiler, f.at = p, p.clock.At(time.Now())
	return f
}

// see shows the profiler series of the tenant shop.
func (f *fixture) see(list ...series.Labels) {
	seen := make([]Seen, len(list))
	for i, ls := range list {
		seen[i] = Seen{Labels: ls, Verdict: inventory.Verdict{Action: "keep", Team: ls.Get("team")}, Forwarded: true, New: true}
	}
	for len(seen) > 0 {
		n := min(256, len(seen))
		f.Observe(shop, Sender{Agent: "Prometheus/3", Address: "10.0.0.1"}, f.at, seen[:n])
		seen = seen[n:]
		select {
		case <-f.heavy: // as Run does
			f.relieve()
		default:
		}
	}
}

// metric returns what is known of a metric now.
func (f *fixture) metric(t testing.TB, name string) MetricDetail {
	t.Helper()
	f.count()
	d, ok := f.Profiler.metricAt(shop, name, f.at, time.Now())
	if !ok {
		t.Fatalf("metric %s is not known", name)
	}
	return d
}

// count estimates everything anew.
func (f *fixture) count() {
	f.at.Unix += freshFor
	f.Recount(f.at)
}

// label returns what is known of one label of a metric.
func (d *MetricDetail) label(t testing.TB, name string) LabelRow {
	t.Helper()
	for _, l := range d.Labels {
		if l.Label == name {
			return l
		}
	}
	t.Fatalf("metric %s has no label %s: %+v", d.Metric, name, d.Labels)
	return LabelRow{}
}

// labels makes a series of name and pairs of label name and value, in order.
func labels(pairs ...string) series.Labels {
	ls := series.Labels{{Name: series.MetricName, Value: pairs[0]}}
	for i := 1; i < len(pairs); i += 2 {
		ls = append(ls, series.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	ls.Sort()
	return ls
}

// users makes n series of a metric, one for each user from first on.
func users(metric string, first, n int) []series.Labels {
	list := make([]series.Labels, n)
	for i := range list {
		list[i] = labels(metric, "team", "checkout", "user", fmt.Sprintf("user-%07d", first+i), "zone", fmt.Sprint(i%3))
	}
	return list
}
