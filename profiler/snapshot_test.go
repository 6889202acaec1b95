package profiler

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headgate/headgate/profiler/inventory"
)

// reopened is what another process makes of the profiler's file.
func reopened(t *testing.T, cfg Config) (*fixture, string) {
	t.Helper()
	var log bytes.Buffer
	f := &fixture{}
	p, err := New(cfg, time.Now(), func(Explosion) {}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Load(); err != nil {
		t.Fatal(err)
	}
	f.Profiler, f.at = p, p.clock.At(time.Now())
	return f, log.String()
}

func saved(t *testing.T) (*fixture, Config) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "data", "profile")
	f := newFixture(t, func(c *Config) { c.File, c.exactRows = file, 1000 })
	f.see(users("small", 0, 300)...)
	f.see(users("large", 0, 5000)...)
	f.Describe(shop, []Account{{"small", About{"counter", "Small.", "users"}}})
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	return f, f.cfg
}

// What was saved is known again: rows, sketches, names, and what senders said.
func TestProfileOutlivesARestart(t *testing.T) {
	f, cfg := saved(t)
	if f.Saved() == 0 {
		t.Error("the profiler does not know that it was saved")
	}
	g, log := reopened(t, cfg)
	if log != "" {
		t.Errorf("loading logs %s", log)
	}
	for _, name := range []string{"small", "large"} {
		want, got := f.metric(t, name), g.metric(t, name)
		if got.Series != want.Series || got.Detail != want.Detail || got.About != want.About || got.Team != want.Team || got.FirstSeen != want.FirstSeen || got.Churn != want.Churn {
			t.Errorf("%s is %+v, was %+v", name, got.MetricRow, want.MetricRow)
		}
		for _, l := range want.Labels {
			if again := got.label(t, l.Label); again.Values != l.Values || again.SeriesWithout != l.SeriesWithout {
				t.Errorf("%s of %s is %+v, was %+v", l.Label, name, again, l)
			}
		}
	}
	// The same series seen again are no others.
	g.see(users("small", 0, 300)...)
	g.see(users("large", 0, 5000)...)
	if small, large := g.metric(t, "small").Series, g.metric(t, "large").Series; small != 300 || large != f.metric(t, "large").Series {
		t.Errorf("%v and %v series after they were seen again", small, large)
	}
}

// A file that cannot be used is set aside, whatever is wrong with it, and said so.
func TestUnusableFileIsSetAside(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"a byte turned":     func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"the end is gone":   func(b []byte) []byte { return b[:len(b)-7] },
		"another program's": func([]byte) []byte { return []byte("SQLite format 3") },
		"empty":             func([]byte) []byte { return nil },
		"another version":   func(b []byte) []byte { b[len(snapshotMagic)] = 99; return b },
		"a huge length":     func(b []byte) []byte { copy(b[len(snapshotMagic)+10:], "\xff\xff\xff\xff\xff\xff\xff\x7f"); return b },
	} {
		t.Run(name, func(t *testing.T) {
			_, cfg := saved(t)
			b, err := os.ReadFile(cfg.File)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(cfg.File, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			g, log := reopened(t, cfg)
			if !strings.Contains(log, "set aside") {
				t.Errorf("the log says %q", log)
			}
			if _, err := os.Stat(cfg.File + ".unusable"); err != nil {
				t.Error(err)
			}
			g.see(users("small", 0, 10)...)
			if err := g.Save(); err != nil {
				t.Errorf("saving after that: %v", err)
			}
		})
	}
}

// A profile of another window does not mean the same.
func TestAnotherWindowIsRefused(t *testing.T) {
	_, cfg := saved(t)
	cfg.Window *= 2
	if _, log := reopened(t, cfg); !strings.Contains(log, "window of 1h0m0s") {
		t.Errorf("the log says %q", log)
	}
}

// Whatever a block holds, reading and merging it neither fails badly nor takes
// more than it is long.
func FuzzReadBlock(f *testing.F) {
	cfg := DefaultConfig()
	cfg.exactRows = 100
	p, err := New(cfg, time.Unix(1_800_000_000, 0), func(Explosion) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	src := &fixture{Profiler: p, at: p.clock.At(time.Unix(1_800_000_000, 0))}
	src.see(users("small", 0, 30)...)
	src.see(users("large", 0, 300)...)
	for _, m := range p.profile(shop).list {
		f.Add(m.appendBlock(nil, shop))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		bl, err := readBlock(data, inventory.Version)
		if err != nil {
			return
		}
		into := newProfile(bl.tenant, &cfg, new(atomic.Int64))
		m := into.metric(bl.metric.name, bl.metric.first)
		if err := into.merge(m, &bl.metric, src.at.Part); err != nil {
			return
		}
		if _, err := readBlock(m.appendBlock(nil, bl.tenant), inventory.Version); err != nil {
			t.Errorf("what was read and written again cannot be read: %v", err)
		}
	})
}
