package control

import (
	"sync"
	"time"

	"github.com/headgate/headgate/gateway"
)

// maxEvents is how many events are remembered.
const maxEvents = 1000

// An Event is something that an operator should know of.
type Event = gateway.Event

// Events are the latest events. They may be used from any goroutine; the zero
// value is ready.
type Events struct {
	mu   sync.Mutex
	ring []Event
	next int // where the next one goes, once the ring is full
}

// Add remembers e, and forgets the oldest where there are too many.
func (es *Events) Add(e Event) {
	es.mu.Lock()
	defer es.mu.Unlock()
	if len(es.ring) < maxEvents {
		es.ring = append(es.ring, e)
		return
	}
	es.ring[es.next] = e
	es.next = (es.next + 1) % maxEvents
}

// An EventQuery says which events are meant. What is zero restricts nothing.
type EventQuery struct {
	Kind     string
	From, To time.Time // From belongs to the events meant, To does not
}

func (q EventQuery) means(e Event) bool {
	return (q.Kind == "" || q.Kind == e.Kind) &&
		(q.From.IsZero() || !e.At.Before(q.From)) &&
		(q.To.IsZero() || e.At.Before(q.To))
}

// list returns the events meant by q, newest first.
func (es *Events) list(q EventQuery) []Event {
	es.mu.Lock()
	defer es.mu.Unlock()
	var list []Event
	for i := range es.ring {
		e := es.ring[(es.next+len(es.ring)-1-i)%len(es.ring)]
		if q.means(e) {
			list = append(list, e)
		}
	}
	return list
}
