package profiler

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

// disks are n gauges.
func disks(n int) []series.Labels {
	list := make([]series.Labels, n)
	for i := range list {
		list[i] = labels("disk_bytes", "disk", fmt.Sprint("d-", i))
	}
	return list
}

// valued shows the profiler series in the next part, with a value for each.
func (f *fixture) valued(list []series.Labels, value func(i int) float64) {
	f.at.Part++
	seen := make([]Seen, len(list))
	for i, ls := range list {
		seen[i] = Seen{Labels: ls, Forwarded: true, Value: math.Float64bits(value(i)), Valued: true}
	}
	f.Observe(shop, Sender{}, f.at, seen)
}

// What is known of movement outlives a restart, and goes on from the value before.
func TestMovementOutlivesARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "profile")
	f := newFixture(t, func(c *Config) { c.File = file })
	f.at.Part -= 2 * sketch.Parts
	for part := range 2 * sketch.Parts {
		f.valued(disks(10), func(i int) float64 { return float64(min(i, 1) * part / sketch.Parts) })
	}
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	g, log := reopened(t, f.cfg)
	g.at = f.at
	want := inventory.Movement{Rows: 10, Known: 10, Looks: 110, Moves: 9, Most: 11}
	if got := g.metric(t, "disk_bytes").Movement; log != "" || got.Movement != want || got.Every != 10*time.Minute {
		t.Errorf("%+v, want %+v every ten minutes; the log says %q", got, want, log)
	}
	g.valued(disks(10), func(i int) float64 { return float64(min(i, 1)) })
	want.Looks, want.Most = 120, 12
	if got := g.metric(t, "disk_bytes").Movement.Movement; got != want {
		t.Errorf("looked at once more: %+v, want %+v", got, want)
	}
}

// Of a metric that is too large for rows of all series, the sample says it.
func TestMovementOfASample(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.exactRows = 500 })
	for part := range 2 * sketch.Parts {
		f.valued(disks(4000), func(i int) float64 { return float64(part * (1 - min(i%10, 1))) })
	}
	got := f.metric(t, "disk_bytes").Movement
	if got.Known < 64 || got.Known > 500 || got.Looks != 11*got.Known || got.Moves != 11*got.Busy || math.Abs(got.Share()-0.1) > 0.1 {
		t.Errorf("%+v of a sample; want that one in ten moves always, the others never", got)
	}
}

// A profile that was saved before there were looks is read: a file of format 1, with
// a metric of rows and one of sketches.
func TestFormatOneIsRead(t *testing.T) {
	file, err := os.ReadFile("testdata/format-1.profile")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(1_800_000_000, 0))) // when it was written
		f := newFixture(t, func(c *Config) { c.exactRows = 100 })
		if err := f.Merge(bytes.NewReader(file), int64(len(file))); err != nil {
			t.Fatal(err)
		}
		d := f.metric(t, "disk_bytes")
		if d.Series != 12 || d.About.Type != "gauge" || d.Movement.Movement != (inventory.Movement{Rows: 12}) {
			t.Errorf("%+v, want 12 gauges of which it is not known whether they move", d)
		}
		if large := f.metric(t, "large"); large.Series < 125 || large.Series > 135 || large.Detail != Sketched {
			t.Errorf("%+v, want about 130 series in sketches", large.MetricRow)
		}
		for range sketch.Parts + 1 {
			f.valued(disks(12), func(int) float64 { return 1 })
		}
		want := inventory.Movement{Rows: 12, Known: 12, Looks: 12 * sketch.Parts, Most: sketch.Parts}
		if got := f.metric(t, "disk_bytes").Movement.Movement; got != want {
			t.Errorf("a window later: %+v, want %+v", got, want)
		}
	})
}
