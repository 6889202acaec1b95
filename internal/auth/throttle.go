package auth

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// A throttle slows down who guesses passwords: by name and address together, by
// address, and by name from wherever. The last is the mildest, so that nobody can
// lock somebody else out.
type throttle struct {
	mu      sync.Mutex
	entries map[string]*attempts
}

// attempts are those that did not succeed.
type attempts struct {
	n    int
	last time.Time
}

// A pace is how many attempts are free, and the longest pause after them. Pauses
// begin with a second and double.
type pace struct {
	free int
	max  time.Duration
}

var (
	pairPace    = pace{5, 5 * time.Minute}
	addressPace = pace{50, time.Minute} // behind a proxy everybody has the same
	namePace    = pace{100, 5 * time.Second}
)

const (
	throttleForgets = 15 * time.Minute // after the last attempt
	maxThrottled    = 10_000           // what strangers can make us remember
)

// SlowDown is the error where somebody has to wait.
type SlowDown struct{ Wait time.Duration }

// Error says how long.
func (e *SlowDown) Error() string {
	return fmt.Sprintf("too many attempts; try again in %s", max(e.Wait.Round(time.Second), time.Second))
}

func newThrottle() *throttle { return &throttle{entries: map[string]*attempts{}} }

// An attempt is one that goes on.
type attempt struct {
	throttle *throttle
	keys     []string // forgotten where it succeeds
	address  string   // key of what is one attempt fewer then
}

// begin counts an attempt, which has not succeeded as long as it does not say so.
func (t *throttle) begin(name, from string) (attempt, error) {
	if len(name) > maxTokenName {
		name = name[:maxTokenName]
	}
	from = Network(from)
	limits := []struct {
		key  string
		pace pace
	}{{"pair\x00" + name + "\x00" + from, pairPace}, {"address\x00" + from, addressPace}, {"name\x00" + name, namePace}}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	var wait time.Duration
	for _, l := range limits {
		if a := t.entries[l.key]; a != nil {
			wait = max(wait, a.last.Add(l.pace.pause(a.n)).Sub(now))
		}
	}
	if wait > 0 {
		return attempt{}, &SlowDown{wait}
	}
	for _, l := range limits {
		a := t.entries[l.key]
		if a == nil || now.Sub(a.last) > throttleForgets {
			a = &attempts{}
			t.makeRoom()
			t.entries[l.key] = a
		}
		a.n++
		a.last = now
	}
	return attempt{t, []string{limits[0].key, limits[2].key}, limits[1].key}, nil
}

// pause is how long to wait after n attempts.
func (p pace) pause(n int) time.Duration {
	if n < p.free {
		return 0
	}
	return min(time.Second<<min(n-p.free, 20), p.max)
}

// makeRoom forgets something where the table is full: the oldest of a few.
func (t *throttle) makeRoom() {
	if len(t.entries) < maxThrottled {
		return
	}
	const few = 16
	var oldest string
	seen := 0
	for key, a := range t.entries {
		if oldest == "" || a.last.Before(t.entries[oldest].last) {
			oldest = key
		}
		if seen++; seen == few {
			break
		}
	}
	delete(t.entries, oldest)
}

// succeeded forgets the attempts before: whoever knows the password may come again.
func (a attempt) succeeded() {
	a.throttle.mu.Lock()
	defer a.throttle.mu.Unlock()
	for _, key := range a.keys {
		delete(a.throttle.entries, key)
	}
	if e := a.throttle.entries[a.address]; e != nil {
		e.n--
	}
}

// Network returns what one sender can easily have many addresses of: of IPv6 the
// first 64 bits.
func Network(from string) string {
	ip, err := netip.ParseAddr(from)
	if err != nil || ip.Unmap().Is4() {
		return from
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return from
	}
	return p.String()
}
