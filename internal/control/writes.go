package control

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// writesPerSecond is how many changes one actor may ask for, in the long run,
	// and writesBurst how many at once.
	writesPerSecond = 10
	writesBurst     = 100

	// maxWriters is how many actors are told apart. Beyond it, those who were
	// silent longest are forgotten, and begin anew.
	maxWriters = 1000
)

// writes bounds how fast each actor may change things. It may be used from any
// goroutine.
type writes struct {
	mu      sync.Mutex
	writers map[string]*writer
}

func newWrites() *writes { return &writes{writers: map[string]*writer{}} }

// MayWriteNow takes one of the changes that the actor may ask for at this pace, by API
// and pages together; where there is none left, it says how long to wait.
func (c *Control) MayWriteNow() (wait time.Duration, ok bool) {
	return c.writes.allow(c.actor.String(), time.Now())
}

type writer struct {
	limit *rate.Limiter
	last  time.Time
}

// allow reports whether who may change something now, or how long to wait.
func (ws *writes) allow(who string, now time.Time) (wait time.Duration, ok bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w := ws.writers[who]
	if w == nil {
		if len(ws.writers) >= maxWriters {
			ws.forget(now)
		}
		w = &writer{limit: rate.NewLimiter(writesPerSecond, writesBurst)}
		ws.writers[who] = w
	}
	w.last = now
	r := w.limit.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait, false
	}
	return 0, true
}

// forget makes room: it lets go of those whose bucket is full again, and where
// there are none, of all.
func (ws *writes) forget(now time.Time) {
	full := now.Add(-writesBurst / writesPerSecond * time.Second)
	for who, w := range ws.writers {
		if w.last.Before(full) {
			delete(ws.writers, who)
		}
	}
	if len(ws.writers) >= maxWriters {
		clear(ws.writers)
	}
}
