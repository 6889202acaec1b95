package profiler

import (
	"strings"
	"time"

	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/profiler/sketch"
)

const (
	// maxExactRows is how many series of a metric are kept as rows at most. Beyond
	// it sketches are the smaller: some 1.2 MB with ten labels, against 80 bytes
	// and more a row.
	maxExactRows = 1 << 15

	precisionDay = 11 // 2.3 % RMS: churn is a ratio
)

// A metric is what is known of one metric's series. Its profile's lock guards it.
type metric struct {
	name  string
	first int64 // unix seconds of its first sighting
	about *About

	rows     *inventory.Metric
	sketches *sketches      // nil while every series is a row
	day      *sketch.Window // series of 24 hours; nil while none has left
	counted  counted        // the latest estimates from sketches and day

	uncounted bool // they may be others since

	samples   uint64 // received since the process began
	pending   uint64 // of them, what perSecond does not know yet
	perSecond float32

	team  string // of most series, by majority vote (Boyer and Moore 1981)
	votes int32

	size int // bytes of sketches and day, as they are in profile.sketched

	newcomers newcomers
	watch     *watch // nil until the first reading
}

// counted are estimates as of a time in Unix seconds, 0 where they are yet to come.
type counted struct {
	at                       int64
	received, forwarded, day float64
}

// About is what senders say of a metric. All of it may be empty.
type About struct{ Type, Help, Unit string }

// addMetric adds a metric of that name; at the limit it is the overflow.
func (f *profile) addMetric(name string, now int64) *metric {
	if len(f.list) < f.limit {
		m := f.newMetric(name, now)
		f.list = append(f.list, m)
		return m
	}
	f.overflow, f.beyond = f.newMetric(Overflow, now), sketch.NewTop(namesKept)
	f.list = append(f.list, f.overflow)
	return f.overflow
}

// newMetric makes a metric that is to be put into the list.
func (f *profile) newMetric(name string, now int64) *metric {
	m := &metric{name: strings.Clone(name), first: now, rows: f.inventory.NewMetric()}
	f.metrics[m.name] = m
	return m
}

// weigh brings f.sketched up to date with what m's sketches take.
func (f *profile) weigh(m *metric) {
	size := 0
	if m.sketches != nil {
		size = m.sketches.size
	}
	if m.day != nil {
		size += m.day.Bytes()
	}
	f.sketched += int64(size - m.size)
	m.size = size
}

// exact reports whether every series of the window is a row.
func (m *metric) exact(part int64) bool { return m.sketches == nil || m.rows.Exact(part) }

// active returns how many series were received and forwarded in the window.
func (m *metric) active(part int64) (received, forwarded float64) {
	if m.exact(part) {
		r, f := m.rows.Active(part)
		return float64(r), float64(f)
	}
	r, f := m.rows.Active(part)
	return max(m.counted.received, float64(r)), max(m.counted.forwarded, float64(f))
}

// standardError is that of the metric's estimates, relative.
func (m *metric) standardError(part int64) float64 {
	if m.exact(part) {
		return 0
	}
	return sketch.StandardError(m.sketches.received.Precision())
}

// vote lets a series vote for its team.
func (m *metric) vote(team string) {
	switch {
	case m.team == team:
		m.votes = min(m.votes+1, 1<<20)
	case m.votes > 0:
		m.votes--
	default:
		m.team, m.votes = strings.Clone(team), 1
	}
}

// promote begins to count m in sketches, before any of its rows may go.
func (f *profile) promote(m *metric, part int64, precision uint8, labelled bool) {
	m.sketches = newSketches(m.rows, part, precision, labelled)
	r, fw := m.rows.Active(part)
	m.counted.received, m.counted.forwarded = float64(r), float64(fw)
	if m.day == nil {
		f.beginDay(m, part)
	}
	f.weigh(m)
}

// beginDay begins to count the series of 24 hours; until now all of them are rows.
func (f *profile) beginDay(m *metric, part int64) {
	if m.day == nil {
		m.day = sketch.NewWindow(precisionDay, true)
	}
	d := dayPart(part, f.cfg)
	m.rows.Each(part, func(r inventory.Row) bool {
		m.day.Insert(d, r.Hash)
		return true
	})
	rows, _ := m.rows.Active(part)
	m.counted.day = float64(rows)
}

// dayPart returns the part of 24 hours that a part of the window lies in.
func dayPart(part int64, cfg *Config) int64 {
	return int64(time.Duration(part) * (time.Duration(cfg.Window) / sketch.Parts) / (24 * time.Hour / sketch.Parts))
}
