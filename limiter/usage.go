package limiter

import (
	"math/bits"

	"github.com/headgate/headgate/internal/series"
)

// A Count is how many samples of one pool and priority a request is about.
type Count struct {
	// Demand is what passes the rules of all times.
	Demand uint32

	// Steady and Thinned together are what remains where rules with when:
	// over_limit apply: Thinned of series that are thinned, Steady of the others.
	// While they do not apply nobody knows what thinning would leave; then Thinned
	// is 0, which says that it would be little.
	Steady, Thinned uint32

	// Granted is what passed, or would have in a shadow.
	Granted uint32
}

func (c *Count) add(o Count) {
	c.Demand += o.Demand
	c.Steady += o.Steady
	c.Thinned += o.Thinned
	c.Granted += o.Granted
}

// A Usage is what one request is about, by pool and priority. The zero value is
// empty. It is some 1.3 KiB and meant to be reused; it is not safe for concurrent use.
type Usage struct {
	touched uint32 // bits by pool
	cells   [MaxPools + 1][levels]Count
}

// Add adds c to what is known of a pool and priority.
func (u *Usage) Add(p Pool, priority series.Priority, c Count) {
	if p > MaxPools {
		p = 0
	}
	u.touched |= 1 << p
	u.cells[p][levelOf(priority)].add(c)
}

// Reset empties u.
func (u *Usage) Reset() {
	for rest := u.touched; rest != 0; rest &= rest - 1 {
		u.cells[bits.TrailingZeros32(rest)] = [levels]Count{}
	}
	u.touched = 0
}

// demand returns the demand of all pools and priorities.
func (u *Usage) demand() (n uint64) {
	for rest := u.touched; rest != 0; rest &= rest - 1 {
		for _, c := range &u.cells[bits.TrailingZeros32(rest)] {
			n += uint64(c.Demand)
		}
	}
	return n
}
