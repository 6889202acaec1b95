package limiter

import "time"

const (
	// minWindow is over how long demand is measured at least. It is a multiple of
	// every usual scrape interval, so that a tenant with one target is as steady in
	// it as one with thousands.
	minWindow = time.Minute

	// windowSlots is into how many slots a window is divided, spareSlots how many
	// more are kept: the one under way, and those that a window ends before which
	// is not the newest.
	windowSlots = 60
	spareSlots  = 6

	// echo is how far two windows lie apart of which the smaller counts: what a
	// window holds twice because it came a little late once and a little early the
	// next time, the other holds once.
	echo = 5 * time.Second
)

// windowFor returns over how long demand is measured where the longest interval of
// thinning is this: a multiple of it, so that each window holds the common grid of
// what is thinned equally often.
func windowFor(thinned time.Duration) time.Duration {
	if thinned <= 0 {
		return minWindow
	}
	return thinned * ((minWindow + thinned - 1) / thinned)
}

// A cellSum is what a cell, one pool and priority, was about in some time: samples,
// of which there may be many, but whose last digits do not matter.
type cellSum struct{ demand, steady, thinned, granted float32 }

func (s *cellSum) add(o cellSum) {
	s.demand += o.demand
	s.steady += o.steady
	s.thinned += o.thinned
	s.granted += o.granted
}

// A meter counts by slots of time what the cells of a tenant were about. The
// tenant's lock guards it.
type meter struct {
	width int64 // of a slot, seconds
	cells int
	first int64 // slot in which it began
	last  int64 // newest slot
	ring  [][]cellSum
}

// newMeter returns a meter for windows of this length, which begins now.
func newMeter(window time.Duration, pools int, now time.Duration) *meter {
	width := max(1, int64((window+windowSlots*time.Second-1)/(windowSlots*time.Second)))
	m := &meter{width: width, cells: pools * levels, ring: make([][]cellSum, windowSlots+spareSlots)}
	m.first = m.slot(now)
	m.last = m.first
	sums := make([]cellSum, len(m.ring)*m.cells)
	for i := range m.ring {
		m.ring[i], sums = sums[:m.cells:m.cells], sums[m.cells:]
	}
	return m
}

// slot returns the number of the slot that now is in.
func (m *meter) slot(now time.Duration) int64 { return int64(now/time.Second) / m.width }

// begins returns when a slot begins.
func (m *meter) begins(slot int64) time.Duration { return time.Duration(slot*m.width) * time.Second }

// at returns the cells of the slot that now is in.
func (m *meter) at(now time.Duration) []cellSum {
	n := m.slot(now)
	if n > m.last {
		for i := max(m.last+1, n-int64(len(m.ring))+1); i <= n; i++ {
			clear(m.ring[i%int64(len(m.ring))])
		}
		m.last = n
	}
	return m.ring[m.last%int64(len(m.ring))]
}

// sum adds up the slots from to to, both included, as far as they are still kept.
func (m *meter) sum(from, to int64, into []cellSum) {
	clear(into)
	from = max(from, m.oldest())
	for n := from; n <= min(to, m.last); n++ {
		for i, c := range m.ring[n%int64(len(m.ring))] {
			into[i].add(c)
		}
	}
}

// demand returns the demand of the slots from to to, as far as they are kept.
func (m *meter) demand(from, to int64) (sum float32) {
	for n := max(from, m.oldest()); n <= min(to, m.last); n++ {
		for _, c := range m.ring[n%int64(len(m.ring))] {
			sum += c.demand
		}
	}
	return sum
}

// most returns the largest demand of any n slots in a row, of those that are kept
// and none later than last.
func (m *meter) most(n, last int64) (most float32) {
	sum := float32(0)
	for i := m.oldest(); i <= last; i++ {
		if sum += m.demand(i, i); i-n >= m.oldest() {
			sum -= m.demand(i-n, i-n)
		}
		most = max(most, sum)
	}
	return most
}

// oldest returns the oldest slot that is kept.
func (m *meter) oldest() int64 { return max(m.first, m.last-int64(len(m.ring))+1) }

// slots returns how many slots cover d.
func (m *meter) slots(d time.Duration) int64 {
	w := time.Duration(m.width) * time.Second
	return max(1, int64((d+w-1)/w))
}

// with returns a meter for other windows or pools that knows what m does. poolOf
// says which pool a pool of m has become.
func (m *meter) with(window time.Duration, pools int, poolOf func(int) int) *meter {
	n := newMeter(window, pools, m.begins(m.first))
	for i := m.oldest(); i <= m.last; i++ {
		to := n.at(m.begins(i))
		for c, s := range m.ring[i%int64(len(m.ring))] {
			to[poolOf(c/levels)*levels+c%levels].add(s)
		}
	}
	n.at(m.begins(m.last))
	return n
}

// A reading is the rates of a window, by pool and level, in samples per second.
type reading struct {
	demand  [][levels]float64 // before rules with when: over_limit
	remains [][levels]float64 // after them
	granted [][levels]float64
}

func newReading(pools int) reading {
	return reading{make([][levels]float64, pools), make([][levels]float64, pools), make([][levels]float64, pools)}
}

// total returns the demand of all pools.
func (r *reading) total() (sum float64) {
	for p := range r.demand {
		sum += r.pool(p)
	}
	return sum
}

func (r *reading) pool(p int) (sum float64) {
	for _, d := range r.demand[p] {
		sum += d
	}
	return sum
}

// least makes r the smaller of r and o, cell by cell.
func (r *reading) least(o *reading) {
	for p := range r.demand {
		for l := range levels {
			r.demand[p][l] = min(r.demand[p][l], o.demand[p][l])
			r.remains[p][l] = min(r.remains[p][l], o.remains[p][l])
			r.granted[p][l] = min(r.granted[p][l], o.granted[p][l])
		}
	}
}

// spans are what sums are divided by: the time in which they were gathered, but not
// less than what thinning spreads its samples over.
type spans struct{ plain, always, overLimit time.Duration }

// read turns sums into rates.
func (r *reading) read(sums []cellSum, over spans) {
	plain := over.plain.Seconds()
	always := max(over.plain, over.always).Seconds()
	thinned := max(over.plain, over.always, over.overLimit).Seconds()
	for i, s := range sums {
		p, l := i/levels, i%levels
		r.demand[p][l] = float64(s.demand) / always
		r.remains[p][l] = float64(s.steady)/plain + float64(s.thinned)/thinned
		r.granted[p][l] = float64(s.granted) / plain
	}
}

func (r *reading) reset(pools int) {
	if len(r.demand) != pools {
		*r = newReading(pools)
		return
	}
	for _, m := range [][][levels]float64{r.demand, r.remains, r.granted} {
		clear(m)
	}
}
