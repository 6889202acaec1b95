package gateway

import "sync"

// underway counts requests under way, so that a drain can wait for them while
// others still come and are refused. It may be used from any goroutine; the zero
// value is ready.
type underway struct {
	mu   sync.Mutex
	n    int
	done chan struct{} // nil until the drain; closed when the last one has left
}

// enter counts a request, unless the drain has begun.
func (u *underway) enter() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done != nil {
		return false
	}
	u.n++
	return true
}

// leave ends a request that enter counted.
func (u *underway) leave() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n--; u.n == 0 && u.done != nil {
		close(u.done)
	}
}

// drain counts no more requests, and returns what is closed when those counted
// have left.
func (u *underway) drain() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done == nil {
		u.done = make(chan struct{})
		if u.n == 0 {
			close(u.done)
		}
	}
	return u.done
}
