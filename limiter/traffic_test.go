package limiter

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// start is when all simulations begin.
var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const payments tenant.ID = "payments"

// A source is what one simulated tenant sends of one pool and priority: families of
// equal size that are scraped every so often, evenly spread over the interval.
type source struct {
	pool     string
	priority series.Priority
	rate     func(second int) float64 // samples per second
	families int
	scrape   int // seconds; 0: every second
	thinned  int // seconds, by a rule with when: over_limit; 0: it is not
	always   int // seconds, by a rule of all times
}

// constant is a rate that does not change.
func constant(perSecond float64) func(int) float64 { return func(int) float64 { return perSecond } }

// A cell is a pool and a priority.
type cell struct {
	pool     string
	priority series.Priority
}

// A traffic sends what sources say to a tenant of a limiter, second by second, as a
// gateway would.
type traffic struct {
	t       testing.TB
	limiter *Limiter
	sources []source
	second  int
	events  []string // "0:12 entered: …"
	counts  map[Change]int

	demand, granted map[cell]float64 // samples, of all that was sent so far
	in              map[uint64]bool  // the families' fate in the second before
	out             map[uint64]int   // how often a family was shed that had passed
	flips           int              // families that changed sides
}

func newTraffic(t testing.TB, l Limit, sources ...source) *traffic {
	t.Helper()
	tr := &traffic{t: t, sources: sources, demand: map[cell]float64{}, granted: map[cell]float64{}, in: map[uint64]bool{}, out: map[uint64]int{}, counts: map[Change]int{}}
	c := DefaultConfig()
	c.Tenants = map[tenant.ID]Limit{payments: l}
	var err error
	tr.limiter, err = New(c, start, func(e Event) {
		at := e.At.Sub(start)
		tr.counts[e.Change]++
		tr.events = append(tr.events, fmt.Sprintf("%2d:%02d %s: %s", int(at.Minutes()), int(at.Seconds())%60, e.Change, e.Text))
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func (tr *traffic) now() time.Time { return start.Add(time.Duration(tr.second) * time.Second) }

func (tr *traffic) tenant() *Tenant { return tr.limiter.For(payments, tr.now()) }

// hashOf is the hash of a simulated family.
func hashOf(source, family int) uint64 {
	return rand.New(rand.NewPCG(uint64(source), uint64(family))).Uint64()
}

// run sends n seconds of traffic, one request a second.
func (tr *traffic) run(n int) {
	for range n {
		tr.send()
		tr.second++
		tr.limiter.Tick(tr.now())
	}
}

// send sends the traffic of one second.
func (tr *traffic) send() {
	now := tr.now()
	t := tr.tenant()
	var always, overLimit int
	for _, s := range tr.sources {
		always, overLimit = max(always, s.always), max(overLimit, s.thinned)
	}
	t.Thinning(now, time.Duration(always)*time.Second, time.Duration(overLimit)*time.Second)
	plan := t.Plan(now)
	var u Usage
	for i, s := range tr.sources {
		pool, ok := plan.Pools().find(s.pool)
		if !ok {
			tr.t.Fatalf("no pool %q", s.pool)
		}
		scrape := max(s.scrape, 1)
		for f := range s.families {
			if tr.second%scrape != f%scrape {
				continue
			}
			grid := tr.second/max(s.always, 1) != (tr.second-scrape)/max(s.always, 1) || tr.second < scrape
			if s.always > 0 && !grid {
				continue
			}
			n := uint32(math.Round(s.rate(tr.second) * float64(max(scrape, s.always)) / float64(s.families)))
			c := Count{Demand: n, Granted: n}
			switch {
			case s.always > 0:
				c.Thinned = n
			case s.thinned == 0 || plan.Over() && !plan.OverLimit(pool):
				c.Steady = n
			case plan.OverLimit(pool):
				if c.Granted = 0; tr.second/s.thinned != (tr.second-scrape)/s.thinned {
					c.Thinned, c.Granted = n, n
				}
			}
			h := hashOf(i, f)
			in := plan.Admits(pool, s.priority, h)
			if !in {
				c.Granted = 0
			}
			if before, known := tr.in[h]; known && before != in {
				tr.flips++
				tr.out[h] += b2i(before)
			}
			tr.in[h] = in
			u.Add(pool, s.priority, c)
			k := cell{s.pool, s.priority}
			tr.demand[k] += float64(c.Demand)
			tr.granted[k] += float64(c.Granted)
		}
	}
	t.Settle(now, plan, &u)
}

// cells returns the cells that were sent, default's last, most important first.
func (tr *traffic) cells() []cell {
	var list []cell
	for k := range tr.demand {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b cell) int {
		return cmp.Or(cmp.Compare(b2i(a.pool == defaultPool), b2i(b.pool == defaultPool)), cmp.Compare(a.pool, b.pool), cmp.Compare(b.priority, a.priority))
	})
	return list
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// total returns what was granted so far, besides critical.
func (tr *traffic) total() (granted float64) {
	for k, n := range tr.granted {
		if k.priority != series.Critical {
			granted += n
		}
	}
	return granted
}

// story returns the last events, for people.
func (tr *traffic) story() string {
	return strings.Join(tr.events[max(0, len(tr.events)-25):], "\n")
}

// mark remembers the counters, to tell what a span of time added.
func (tr *traffic) mark() func() (demand, granted map[cell]float64) {
	d, g := clone(tr.demand), clone(tr.granted)
	return func() (map[cell]float64, map[cell]float64) { return minus(tr.demand, d), minus(tr.granted, g) }
}

func clone(m map[cell]float64) map[cell]float64 {
	c := map[cell]float64{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

func minus(a, b map[cell]float64) map[cell]float64 {
	c := map[cell]float64{}
	for k, v := range a {
		c[k] = v - b[k]
	}
	return c
}
