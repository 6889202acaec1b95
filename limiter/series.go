package limiter

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/internal/series"
)

const (
	// Window is how long a series counts as active, windowParts into how many parts
	// it is divided (DESIGN, section 1).
	Window      = time.Hour
	windowParts = 6

	// setBytes is how much the admitted sets of all tenants may hold together: six
	// million slots.
	setBytes = 96 << 20
)

// room is up to which part of active_series new families are admitted, by level.
// Critical ones always are.
var room = [levels]float64{0, 1, 0.9, 0.8}

// partOf returns the part of the window that now is in. It follows the wall clock,
// because sets are saved and loaded.
func partOf(now time.Time) int64 { return now.Unix() / int64(Window/windowParts/time.Second) }

// An Arrival is one series that was not seen in this part of the window before, or
// was refused when it was.
type Arrival struct {
	Family   uint64
	Pool     Pool
	Priority series.Priority
	Refused  bool // AdmitSeries sets it
}

// families are the families of a tenant whose active series are limited. They are
// safe for concurrent use.
type families struct {
	in atomic.Bool // there is a limit

	mu      sync.Mutex
	limit   int64 // 0: only pools have one
	pools   *Pools
	set     familySet
	series  int64 // active
	byPool  [MaxPools + 1]int64
	open    time.Time // until then everything is admitted
	why     string    // it is
	refused [levels]uint64
	recent  time.Time // last refusal
	worst   int       // most important level that is being refused; levels: none
	sweeps  int
	pending pending
}

// pending are the new families of one batch.
type pending struct {
	keys    []uint64
	refused []bool
}

// reset makes room for n families.
func (p *pending) reset(n int) {
	slots := 16
	for slots < 2*n {
		slots *= 2
	}
	if len(p.keys) < slots || len(p.keys) > 16*slots {
		p.keys, p.refused = make([]uint64, slots), make([]bool, slots)
		return
	}
	clear(p.keys)
}

// find returns the slot of a family, and whether it is there already.
func (p *pending) find(family uint64) (int, bool) {
	key := keyOf(family)
	mask := uint64(len(p.keys) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		switch p.keys[i] {
		case key:
			return int(i), true
		case 0:
			p.keys[i] = key
			return int(i), false
		}
	}
}

// AdmitSeries decides which of the arrivals of one request are refused because of
// active_series. It changes nothing that decisions depend on, so that a retry is
// decided alike: CommitSeries does, once the upstream took the request. All series
// of a family share its fate.
func (t *Tenant) AdmitSeries(now time.Time, as []Arrival) {
	f := &t.families
	var what []happening
	f.mu.Lock()
	if !f.in.Load() || now.Before(f.open) {
		for i := range as {
			as[i].Refused = false
		}
		f.mu.Unlock()
		return
	}
	f.pending.reset(len(as))
	total, byPool := f.series, f.byPool
	for i := range as {
		a := &as[i]
		if _, known := f.set.get(a.Family); known {
			a.Refused = false
			continue
		}
		slot, met := f.pending.find(a.Family)
		if !met {
			f.pending.refused[slot] = f.refuses(a, total, byPool[f.poolOf(a)])
		}
		if a.Refused = f.pending.refused[slot]; a.Refused {
			what = f.noteRefusal(now, levelOf(a.Priority), total, what)
			continue
		}
		total++
		byPool[f.poolOf(a)]++
	}
	f.mu.Unlock()
	t.tell(now, what)
}

// refuses reports whether a new family is refused with so many active series in
// the tenant and in its pool.
func (f *families) refuses(a *Arrival, total, inPool int64) bool {
	l := levelOf(a.Priority)
	return l > 0 && (over(total, f.limit, l) || over(inPool, f.pools.limits[f.poolOf(a)], l))
}

// over reports whether n active series leave no room for new ones of a level.
func over(n, limit int64, level int) bool {
	return limit > 0 && float64(n) >= room[level]*float64(limit)
}

func (f *families) poolOf(a *Arrival) Pool {
	if int(a.Pool) >= f.pools.Len() {
		return 0
	}
	return a.Pool
}

// noteRefusal counts a refusal. One of a more important level than before is an event.
func (f *families) noteRefusal(now time.Time, level int, active int64, what []happening) []happening {
	f.refused[level]++
	f.recent = now
	if level >= f.worst {
		return what
	}
	f.worst = level
	return append(what, happening{Refusing, fmt.Sprintf("new series of priority %s are refused: %d series are active and the limit is %s",
		priorityOf(level), active, f.limitText())})
}

func (f *families) limitText() string {
	if f.limit == 0 {
		return "of the pool"
	}
	return fmt.Sprint(f.limit)
}

// CommitSeries counts the arrivals that were not refused, once the upstream took
// their request. It is to be told of each active series once in each part of the
// window: that is what series are counted by.
func (t *Tenant) CommitSeries(now time.Time, as []Arrival) {
	f := &t.families
	if !f.in.Load() {
		return
	}
	var what []happening
	part := partOf(now)
	f.mu.Lock()
	for i := range as {
		if a := &as[i]; !a.Refused && f.pools != nil && !f.saw(a, part) && !now.Before(f.open) {
			what = append(what, f.suspend(now, "the memory for admitted families is full"))
		}
	}
	f.mu.Unlock()
	t.tell(now, what)
}

// saw counts one series of a family, and reports whether there was room.
func (f *families) saw(a *Arrival, part int64) bool {
	m, known := f.set.get(a.Family)
	before := m
	if !known {
		m = mark{part: uint8(part)}
	}
	m = m.saw(part)
	m.pool = f.poolOf(a)
	if !f.set.put(a.Family, m) {
		return false
	}
	f.count(before, -1)
	f.count(m, 1)
	return true
}

func (f *families) count(m mark, sign int64) {
	f.series += sign * m.series()
	f.byPool[m.pool] += sign * m.series()
}

// suspend admits everything for one window.
func (f *families) suspend(now time.Time, why string) happening {
	f.open, f.why = now.Add(Window), why
	return happening{Suspended, why + ": new series are admitted without a check until " + f.open.UTC().Format(time.RFC3339)}
}

// tick lets families go that were not seen in the window, a sixty-fourth of them at
// a time, and notices when nothing is refused any more.
func (f *families) tick(now time.Time) (what []happening) {
	if !f.in.Load() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	part := partOf(now)
	f.sweeps = (f.sweeps + 1) % setShards
	if f.set.shards != nil && f.set.shards[f.sweeps].swept != part {
		f.set.shards[f.sweeps].swept = part
		f.set.sweep(f.sweeps, func(m *mark) bool {
			if m.age(part) < windowParts {
				return true
			}
			f.count(*m, -1)
			return false
		})
	}
	if f.worst < levels && now.Sub(f.recent) >= Window/windowParts {
		f.worst = levels
		what = append(what, happening{Accepting, fmt.Sprintf("new series are admitted again: %d are active and the limit is %s", f.series, f.limitText())})
	}
	return what
}

// setLimit makes limit and pools those of the tenant. A set that begins is empty
// and acts at once.
func (f *families) setLimit(limit int64, pools *Pools) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.pools
	f.limit, f.pools = limit, pools
	f.in.Store(pools.series)
	if !pools.series {
		f.drop()
		return
	}
	if before == nil || before == pools || f.set.shards == nil {
		return
	}
	f.byPool = [MaxPools + 1]int64{}
	for i := range f.set.shards {
		f.set.sweep(i, func(m *mark) bool {
			m.pool, _ = pools.find(before.Name(m.pool))
			f.byPool[m.pool] += m.series()
			return true
		})
	}
}

// drop forgets all families.
func (f *families) drop() {
	f.set.clear()
	f.series, f.byPool = 0, [MaxPools + 1]int64{}
	f.refused, f.worst, f.open, f.why = [levels]uint64{}, levels, time.Time{}, ""
	f.pending = pending{}
}

// A SeriesDecision is what active_series says of one family, and why.
type SeriesDecision struct {
	Admitted bool
	Known    bool // the family is active
	Active   int64
	Limit    int64  // 0: none but its pool's
	Reason   string // a sentence
}

// ExplainSeries says whether a family would be admitted now, and why.
func (t *Tenant) ExplainSeries(now time.Time, pool Pool, priority series.Priority, family uint64) SeriesDecision {
	f := &t.families
	f.mu.Lock()
	defer f.mu.Unlock()
	d := SeriesDecision{Admitted: true, Active: f.series, Limit: f.limit}
	if !f.in.Load() {
		d.Reason = "the tenant has no limit of active series"
		return d
	}
	_, d.Known = f.set.get(family)
	a := &Arrival{Family: family, Pool: pool, Priority: priority}
	n := f.poolOf(a)
	l := levelOf(priority)
	switch {
	case d.Known:
		d.Reason = "its family is active, and what is active is never refused"
	case now.Before(f.open):
		d.Reason = f.why + ": new series are admitted without a check until " + f.open.UTC().Format(time.RFC3339)
	case l == 0:
		d.Reason = "critical series are never refused"
	case over(f.series, f.limit, l):
		d.Admitted = false
		d.Reason = fmt.Sprintf("%d series are active, and from %s of %d on new ones of priority %s are refused", f.series, percent(room[l]), f.limit, priority)
	case over(f.byPool[n], f.pools.limits[n], l):
		d.Admitted = false
		d.Reason = fmt.Sprintf("%d series of pool %s are active, and from %s of %d on new ones of priority %s are refused",
			f.byPool[n], f.pools.Name(n), percent(room[l]), f.pools.limits[n], priority)
	default:
		d.Reason = fmt.Sprintf("%d series are active, which leaves room under the limit of %s", f.series, f.limitText())
	}
	return d
}
