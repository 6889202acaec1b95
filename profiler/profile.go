package profiler

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

// A profile is what is known of one tenant's series.
type profile struct {
	tenant   tenant.ID
	cfg      *Config
	used     *atomic.Int64 // Profiler.used
	latest   atomic.Int64  // part of the latest sighting
	reported atomic.Int64  // bytes of it that are in used

	surveying sync.Mutex
	surveyed  *survey // the latest; surveying guards it

	waiting waiting // for mu

	mu        sync.Mutex
	inventory *inventory.Inventory
	metrics   map[string]*metric
	list      []*metric // the same, so that long walks can let go of the lock
	next      int       // of list: where the latest recount stopped
	senders   senders
	sketched  int64 // bytes of sketches
	forgotten bool

	limit    int         // of names
	overflow *metric     // of the names beyond it; nil until there are some
	beyond   *sketch.Top // of those names, the ones with the most series
}

func newProfile(t tenant.ID, cfg *Config, used *atomic.Int64) *profile {
	return &profile{tenant: t, cfg: cfg, used: used, inventory: inventory.New(), metrics: map[string]*metric{}, limit: cfg.MaxMetrics}
}

// metricBytes is what a metric costs besides its rows and sketches: the struct,
// its watch, its name in the map, its place in the list.
const metricBytes = 700

// bytes returns what the profile holds. The lock is held.
func (f *profile) bytes() int64 {
	return f.inventory.Bytes() + f.sketched + int64(len(f.list))*metricBytes
}

// report tells the profiler how much the profile holds. The lock is held.
func (f *profile) report() {
	if f.forgotten {
		return
	}
	b := f.bytes()
	f.used.Add(b - f.reported.Swap(b))
}

// metric returns the metric called name, made where there was none and there is
// room for its name, else the overflow.
func (f *profile) metric(name string, now int64) *metric {
	if m := f.metrics[name]; m != nil {
		return m
	}
	if len(f.list) >= f.limit && f.overflow != nil {
		return f.overflow
	}
	return f.addMetric(name, now)
}

// prune forgets metrics of which nothing is left: no row, nothing counted, and no
// series in the last 24 hours. The lock is held.
func (f *profile) prune(part int64) {
	day := dayPart(part, f.cfg)
	f.list = slices.DeleteFunc(f.list, func(m *metric) bool {
		if m == f.overflow || m.rows.Rows() > 0 || m.sketches != nil || m.day != nil && m.day.Estimate(day) > 0 {
			return false
		}
		f.remove(m)
		return true
	})
}

// remove takes m out of everything but the list.
func (f *profile) remove(m *metric) {
	f.sketched -= int64(m.size)
	m.rows.Release()
	delete(f.metrics, m.name)
}
