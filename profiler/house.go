package profiler

import (
	"context"
	"runtime"
	"time"

	"github.com/axiomhq/hyperloglog"

	"github.com/headgate/headgate/profiler/sketch"
)

const (
	// chunk is how many metrics are looked at before the tenant's lock is let go,
	// where one takes a moment; chunkRows is how many rows, where each row is looked
	// at. A metric counts as some rows itself. What passes meanwhile waits some
	// tenths of a millisecond.
	chunk        = 256
	chunkRows    = 1024
	rowsOfMetric = 16

	// recountTime is how much of each second goes into estimates: one of a large
	// metric costs some tenths of a millisecond, half of it outside the lock.
	recountTime = 20 * time.Millisecond

	// freshFor is for how many seconds an estimate is not made anew.
	freshFor = 10

	watchEvery = time.Minute
)

// Run keeps the house until ctx is done: it turns windows, estimates, watches for
// explosions, and saves, the last time when ctx is done.
func (p *Profiler) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var turned int64
	watched, saved := time.Now(), time.Now()
	for {
		var now time.Time
		select {
		case <-ctx.Done():
			p.saveAndLog()
			return nil
		case <-p.heavy:
			p.relieve()
			continue
		case now = <-tick.C:
		}
		at := p.clock.At(now)
		left := recountTime
		for _, f := range p.profiles() {
			left = f.recount(at, left)
		}
		if at.Part != turned {
			turned = at.Part
			p.turn(at)
		}
		if span := now.Sub(watched); span >= watchEvery {
			watched = now
			p.watch(at, span)
		}
		if now.Sub(saved) >= saveEvery {
			saved = now
			p.saveAndLog()
		}
	}
}

// turn does what is due once a part: rows and tenants not seen for long go.
func (p *Profiler) turn(at Moment) {
	for _, f := range p.profiles() {
		f.turn(at)
		if at.Part-f.latest.Load() > sketch.Parts*24 {
			p.mu.Lock()
			p.forget(f)
			p.mu.Unlock()
		}
	}
}

// turn lets go of the rows that left the window, and of metrics without any.
func (f *profile) turn(at Moment) {
	f.each(func(m *metric) { f.expire(m, at.Part) })
	f.walk()
	f.prune(at.Part)
	f.promoteNames(at)
	f.report()
	f.rest()
}

// each calls visit for every metric with the lock held, and lets go of it in
// between: what waits for the lock, or for a processor, has precedence.
func (f *profile) each(visit func(m *metric)) { f.eachOf(&filter{}, visit) }

// eachOf is each for those metrics that may be meant.
func (f *profile) eachOf(x *filter, visit func(m *metric)) {
	for at, more := 0, true; more; {
		f.walk()
		for rows := 0; rows < chunkRows && more; at++ {
			var m *metric
			if m, more = x.metric(f, at); m != nil && (m == f.overflow || x.any(m.name)) {
				rows += m.rows.Rows()
				visit(m)
			}
			rows += rowsOfMetric
		}
		f.rest()
		runtime.Gosched()
	}
}

// expire lets go of m's rows that left the window. The lock is held.
func (f *profile) expire(m *metric, part int64) {
	d, began := dayPart(part, f.cfg), m.day != nil
	m.rows.Expire(part, func(h sketch.Hash) {
		if m.day == nil {
			m.day = sketch.NewWindow(precisionDay, true)
		}
		m.day.Insert(d, h)
	})
	if m.day != nil && !began {
		f.beginDay(m, part)
	}
	m.rows.Raise(part)
	m.uncounted = m.sketches != nil || m.day != nil
	if m.sketches != nil {
		if m.sketches.measure(); m.rows.Exact(part) && m.rows.Rows() < f.cfg.exactRows/2 {
			m.sketches = nil
		}
	}
	f.weigh(m)
}

// Recount estimates anew everything that is not fresh, as Run does bit by bit.
func (p *Profiler) Recount(at Moment) {
	for _, f := range p.profiles() {
		f.recount(at, time.Minute)
	}
}

// recount estimates anew what is not fresh, going round, until it has looked at
// everything or the time is spent.
func (f *profile) recount(at Moment, spend time.Duration) time.Duration {
	began := time.Now()
	for looked, all := 0, 1; looked < all && time.Since(began) < spend; {
		f.walk()
		all = len(f.list)
		m, n := f.nextStale(at.Unix)
		looked += n
		var u unions
		if m != nil {
			u = m.union(at.Part, dayPart(at.Part, f.cfg))
		}
		f.rest()
		if m == nil {
			continue
		}
		c := u.estimate()
		c.at = at.Unix
		f.walk()
		m.counted = c
		f.rest()
	}
	return spend - time.Since(began)
}

// nextStale goes round the list for up to a chunk, to the next metric whose
// estimates are not fresh, and says how many it looked at. The lock is held.
func (f *profile) nextStale(now int64) (*metric, int) {
	for n := range chunk {
		if f.next++; f.next >= len(f.list) {
			f.next = 0
		}
		if n >= len(f.list) {
			return nil, chunk
		}
		if m := f.list[f.next]; m.uncounted && now-m.counted.at >= freshFor {
			m.uncounted = false
			return m, n + 1
		}
	}
	return nil, chunk
}

// unions are a metric's sketches over their windows: taken under the lock,
// estimated outside.
type unions struct{ received, forwarded, day *hyperloglog.Sketch }

func (m *metric) union(part, day int64) unions {
	var u unions
	if m.sketches != nil {
		u.received = m.sketches.received.Union(part)
		if m.sketches.forwarded != nil {
			u.forwarded = m.sketches.forwarded.Union(part)
		}
	}
	if m.day != nil {
		u.day = m.day.Union(day)
	}
	return u
}

func (u unions) estimate() counted {
	var c counted
	if u.received != nil {
		c.received = float64(sketch.Estimate(u.received))
		c.forwarded = c.received
	}
	if u.forwarded != nil {
		c.forwarded = min(float64(sketch.Estimate(u.forwarded)), c.received)
	}
	if u.day != nil {
		c.day = float64(sketch.Estimate(u.day))
	}
	return c
}
