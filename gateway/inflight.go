package gateway

import (
	"sync"

	"github.com/headgate/headgate/internal/tenant"
)

// inflight is the memory that requests under way may use, in bytes. It is charged
// before memory is allocated, and refuses what does not fit: a sender that comes
// back in a moment is better than a process that is killed. No upstream may hold
// more than half, so that a slow one cannot starve the others. A tenant's requests
// together hold three quarters of an upstream's half, so that those who share it
// get through; a single one may be as large as the half.
type inflight struct {
	mu       sync.Mutex
	limit    int64
	used     int64
	byTenant map[tenant.ID]int64
	byTarget map[*upstream]int64
}

func (f *inflight) setLimit(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = n
	if f.byTenant == nil {
		f.byTenant, f.byTarget = map[tenant.ID]int64{}, map[*upstream]int64{}
	}
}

// bytes returns what is charged now.
func (f *inflight) bytes() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used
}

// of returns what requests for an upstream are charged now.
func (f *inflight) of(up *upstream) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byTarget[up]
}

// A charge is what one request has been charged.
type charge struct {
	in     *inflight
	tenant tenant.ID
	target *upstream
	bytes  int64
}

// take charges n more bytes, or nothing where they do not fit.
func (c *charge) take(n int64) bool {
	f := c.in
	f.mu.Lock()
	defer f.mu.Unlock()
	half := f.limit / 2
	share := half
	if f.byTenant[c.tenant] > c.bytes { // it has others under way
		share = half / 4 * 3
	}
	if f.used+n > f.limit || f.byTenant[c.tenant]+n > share || f.byTarget[c.target]+n > half {
		return false
	}
	f.used += n
	f.byTenant[c.tenant] += n
	f.byTarget[c.target] += n
	c.bytes += n
	return true
}

// release gives everything back. It may be called on a charge that took nothing.
func (c *charge) release() { c.shrink(0) }

// shrink gives back what is charged beyond n bytes.
func (c *charge) shrink(n int64) {
	if c.bytes <= n {
		return
	}
	back := c.bytes - n
	f := c.in
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used -= back
	if f.byTenant[c.tenant] -= back; f.byTenant[c.tenant] == 0 {
		delete(f.byTenant, c.tenant)
	}
	if f.byTarget[c.target] -= back; f.byTarget[c.target] == 0 {
		delete(f.byTarget, c.target)
	}
	c.bytes = n
}
