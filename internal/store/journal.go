package store

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// What a Journal holds, and how long it waits.
const (
	maxQueued      = 10_000   // events that wait for the store
	maxQueuedBytes = 32 << 20 // and their size
	maxRecent      = 1000     // events that can be read without the store
	maxBatch       = 500      // events stored at once

	attemptTimeout = 10 * time.Second // longer than an SQLite writer waits for a lock
	readTimeout    = 3 * time.Second
	firstPause     = 100 * time.Millisecond // after a failure; doubled after each
	longestPause   = 5 * time.Second
	flushTimeout   = 5 * time.Second // for what is queued at the end
)

// An EventStore is where a Journal's events go. A [DB] is one.
type EventStore interface {
	AppendEvents(ctx context.Context, events []Event) error
	Events(ctx context.Context, q EventQuery) (EventPage, error)
}

var _ EventStore = (*DB)(nil)

// A Journal takes events from callers that must not wait, and stores them when
// the store can. While it is slow, locked or gone they wait in memory; beyond
// 10 000, or 32 MiB, the oldest are dropped and counted. The latest 1000 can be
// read at any time.
//
// Its methods may be called from any goroutine; Add and Events work before Run
// and after it.
type Journal struct {
	log  *slog.Logger
	ids  ids
	wake chan struct{} // holds one token when there may be something to store

	mu      sync.Mutex // never held while the store is asked
	store   EventStore // while Run runs
	queue   []Event    // waiting, oldest first
	batch   []Event    // being stored just now; older than what is queued
	bytes   int        // size of both
	dropped uint64
	stored  uint64
	failing time.Time // since when the store takes nothing; zero while it does
	recent  []Event   // a ring of the latest
	next    int       // where the next one goes, once the ring is full
}

// NewJournal returns an empty Journal. It starts nothing.
func NewJournal(log *slog.Logger) *Journal {
	return &Journal{log: log, wake: make(chan struct{}, 1)}
}

// Add takes an event. It never blocks. An At that is zero becomes now; what is
// too long is cut.
func (j *Journal) Add(e Event) {
	e = j.Numbered(e)

	j.mu.Lock()
	if len(j.recent) < maxRecent {
		j.recent = append(j.recent, e)
	} else {
		j.recent[j.next] = e
		j.next = (j.next + 1) % maxRecent
	}
	j.queue = append(j.queue, e)
	j.bytes += e.size()
	j.trim()
	j.mu.Unlock()

	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Numbered returns e as Add keeps it, with its ID, so that it can be stored with
// what else it goes with, and added after that: it is stored once.
func (j *Journal) Numbered(e Event) Event {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	return e.tidy(&j.ids)
}

// size is what e takes in memory, in bytes, about.
func (e Event) size() int {
	return 256 + len(e.Kind) + len(e.Tenant) + len(e.Team) + len(e.Who) + len(e.Text) + len(e.Detail)
}

// trim drops the oldest that wait while there are too many. What is being stored
// just now is not dropped: it may be in the store already.
func (j *Journal) trim() {
	for len(j.queue) > 0 && (len(j.batch)+len(j.queue) > maxQueued || j.bytes > maxQueuedBytes) {
		j.bytes -= j.queue[0].size()
		j.queue[0] = Event{} // let go of its memory
		j.queue = j.queue[1:]
		j.dropped++
	}
}

// JournalStats is how a Journal is doing.
type JournalStats struct {
	Queued  int       // events that wait for the store
	Dropped uint64    // events that were never stored, for there were too many
	Stored  uint64    // events that were
	Failing time.Time // since when the store takes nothing; zero while it does
}

// Stats returns how the journal is doing.
func (j *Journal) Stats() JournalStats {
	j.mu.Lock()
	defer j.mu.Unlock()
	return JournalStats{Queued: len(j.queue) + len(j.batch), Dropped: j.dropped, Stored: j.stored, Failing: j.failing}
}

// Run stores what is added until ctx is done, and then what is left, for at most
// five seconds. What could not be stored by then is lost, and logged.
func (j *Journal) Run(ctx context.Context, s EventStore) error {
	j.setStore(s)
	defer j.setStore(nil)

	// Storing outlives ctx, so that what is under way when the end comes is
	// not broken off, only to be begun anew.
	storing, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(flushTimeout, end) })()

	pause := firstPause
	for {
		batch := j.take()
		if len(batch) == 0 {
			select {
			case <-j.wake:
				continue
			case <-ctx.Done():
			}
			if j.Stats().Queued == 0 {
				return nil
			}
			continue
		}
		err := j.attempt(storing, s, batch)
		j.settle(storing, err)
		switch {
		case err == nil:
			pause = firstPause
		case storing.Err() != nil:
			stats := j.Stats()
			j.log.WarnContext(ctx, "events are lost: the store did not take them before the end",
				slog.Int("lost", stats.Queued), slog.Uint64("dropped", stats.Dropped), slog.Any("err", err))
			return nil
		default:
			wait(ctx, storing, pause)
			pause = min(2*pause, longestPause)
		}
	}
}

// wait waits for d, or until the end has come: the end interrupts a pause, and
// later pauses last until storing is over.
func wait(ctx, storing context.Context, d time.Duration) {
	ended := ctx.Done()
	if ctx.Err() != nil {
		ended = storing.Done()
	}
	timer := time.NewTimer(d/2 + rand.N(d/2)) // gateways that share a store do not return to it all at once
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ended:
	}
}

func (j *Journal) attempt(ctx context.Context, s EventStore, batch []Event) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return s.AppendEvents(ctx, batch)
}

func (j *Journal) setStore(s EventStore) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.store = s
}

// take returns the oldest that wait, to be stored; settle must follow.
func (j *Journal) take() []Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := min(len(j.queue), maxBatch)
	j.batch = slices.Clone(j.queue[:n])
	clear(j.queue[:n])
	j.queue = j.queue[n:]
	return j.batch
}

// settle notes what became of the batch. One that failed waits again, with the
// IDs that it has: if the store has it after all, it is not stored twice.
func (j *Journal) settle(ctx context.Context, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.queue = append(j.batch, j.queue...)
		j.batch = nil
		j.trim()
		if j.failing.IsZero() {
			j.failing = time.Now()
			j.log.WarnContext(ctx, "events cannot be stored; they are kept in memory until they can", slog.Any("err", err))
		}
		return
	}
	for _, e := range j.batch {
		j.bytes -= e.size()
	}
	j.stored += uint64(len(j.batch))
	j.batch = nil
	if !j.failing.IsZero() {
		j.log.InfoContext(ctx, "events are stored again", slog.Duration("after", time.Since(j.failing)),
			slog.Int("queued", len(j.queue)), slog.Uint64("dropped", j.dropped))
		j.failing = time.Time{}
	}
}
