package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// A shelf is an EventStore in memory that can be made to fail or to hang.
type shelf struct {
	mu     sync.Mutex
	err    error // of every call while it is not nil
	hangs  bool  // until the caller gives up
	keeps  bool  // what it says failed is stored all the same
	events map[string]store.Event
	order  []string
	calls  int
}

func (s *shelf) AppendEvents(ctx context.Context, es []store.Event) error {
	s.mu.Lock()
	s.calls++
	err, hangs := s.err, s.hangs
	if !hangs && (err == nil || s.keeps) {
		for _, e := range es {
			if _, ok := s.events[e.ID]; !ok {
				if s.events == nil {
					s.events = map[string]store.Event{}
				}
				s.events[e.ID] = e
				s.order = append(s.order, e.Text)
			}
		}
	}
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (s *shelf) Events(ctx context.Context, q store.EventQuery) (store.EventPage, error) {
	s.mu.Lock()
	err, hangs := s.err, s.hangs
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return store.EventPage{}, ctx.Err()
	}
	return store.EventPage{}, err
}

func (s *shelf) set(f func(*shelf)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *shelf) stored() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.order...)
}

// A notebook is a log that tests read while it is written.
type notebook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notebook) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

// messages returns the messages that were logged, one a line.
func (n *notebook) messages() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	for line := range strings.Lines(n.text.String()) {
		if _, rest, ok := strings.Cut(line, `msg="`); ok {
			message, _, _ := strings.Cut(rest, `"`)
			list = append(list, message)
		}
	}
	return list
}

// run runs a journal until the test ends it, and returns how.
func run(t *testing.T, s store.EventStore) (j *store.Journal, n *notebook, end func()) {
	t.Helper()
	n = &notebook{}
	j = store.NewJournal(slog.New(slog.NewTextHandler(n, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx, s) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	return j, n, end
}

func add(j *store.Journal, from, to int) {
	for i := from; i < to; i++ {
		j.Add(store.Event{At: noon.Add(time.Duration(i) * time.Second), Kind: "test", Text: fmt.Sprint(i)})
	}
}

func numbers(from, to int) []string {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

func TestJournalStoresInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		j, n, end := run(t, s)
		add(j, 0, 1700)
		synctest.Wait()
		if diff := cmp.Diff(numbers(0, 1700), s.stored()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if diff := cmp.Diff(store.JournalStats{Stored: 1700}, j.Stats()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		end()
		if got := n.messages(); len(got) > 0 {
			t.Errorf("logged %q, want nothing", got)
		}
	})
}

func TestJournalCatchesUpAfterAnOutage(t *testing.T) {
	tests := []struct {
		name string
		fail func(*shelf)
	}{
		{"that failed at once", func(s *shelf) { s.err = errors.New("gone") }},
		{"that hung", func(s *shelf) { s.hangs = true }},
		{"that stored what it said it did not", func(s *shelf) { s.err, s.keeps = errors.New("the line broke"), true }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{}
				j, n, _ := run(t, s)
				add(j, 0, 10)
				synctest.Wait()

				s.set(tt.fail)
				begun := time.Now()
				for i := 10; i < 610; i++ {
					add(j, i, i+1)
					time.Sleep(time.Second)
				}
				if got := j.Stats(); got.Failing.IsZero() || got.Failing.Sub(begun) > 20*time.Second || got.Queued != 600 {
					t.Errorf("ten minutes into the outage: %+v", got)
				}
				s.set(func(s *shelf) {
					if s.calls > 180 { // a pause has 2.5 to 5 s
						t.Errorf("the store was asked %d times in ten minutes", s.calls)
					}
					s.err, s.hangs = nil, false
				})
				time.Sleep(20 * time.Second) // the longest attempt and pause
				if diff := cmp.Diff(numbers(0, 610), s.stored()); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if diff := cmp.Diff(store.JournalStats{Stored: 610}, j.Stats()); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				want := []string{"events cannot be stored; they are kept in memory until they can", "events are stored again"}
				if diff := cmp.Diff(want, n.messages()); diff != "" {
					t.Errorf("log: -want +got:\n%s", diff)
				}
			})
		})
	}
}

func TestJournalDropsTheOldestBeyondItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{err: errors.New("gone")}
		j, n, _ := run(t, s)
		add(j, 0, 10_700)
		time.Sleep(time.Minute)
		if got := j.Stats(); got.Queued != 10_000 || got.Dropped != 700 {
			t.Errorf("%d wait and %d were dropped, want 10000 and 700", got.Queued, got.Dropped)
		}
		s.set(func(s *shelf) { s.err = nil })
		time.Sleep(10 * time.Second)
		if diff := cmp.Diff(numbers(700, 10_700), s.stored()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if len(n.messages()) != 2 {
			t.Errorf("logged %q, want one line as it begins and one as it ends", n.messages())
		}
	})
}

func TestJournalIsBoundedInBytes(t *testing.T) {
	j := store.NewJournal(discard)
	for range 3000 {
		j.Add(store.Event{Text: strings.Repeat("x", 10_000), Detail: []byte(`"` + strings.Repeat("y", 12_000) + `"`)})
	}
	// 4 KiB of text, 12 KB of detail: 2000 of them are 32 MiB.
	if got := j.Stats(); got.Queued < 1900 || got.Queued > 2100 || got.Queued+int(got.Dropped) != 3000 {
		t.Errorf("%d wait and %d were dropped, want about 2000 and the rest", got.Queued, got.Dropped)
	}
}

func TestJournalFlushesAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{err: errors.New("gone")}
		j, n, end := run(t, s)
		add(j, 0, 3000)
		time.Sleep(time.Minute)
		s.set(func(s *shelf) { s.err = nil })
		begun := time.Now()
		end()
		if took := time.Since(begun); took != 0 {
			t.Errorf("the end took %v, want no pause before the last attempt", took)
		}
		if diff := cmp.Diff(numbers(0, 3000), s.stored()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if len(n.messages()) != 2 {
			t.Errorf("logged %q", n.messages())
		}
	})
}

func TestJournalGivesUpAfterAWhileAtTheEnd(t *testing.T) {
	for name, s := range map[string]*shelf{"the store fails": {err: errors.New("gone")}, "the store hangs": {hangs: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, n, end := run(t, s)
				add(j, 0, 30)
				synctest.Wait()
				begun := time.Now()
				end()
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("the end took %v, want 5s at most", took)
				}
				got := n.messages()
				if len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "events are lost") {
					t.Errorf("logged %q, want it to end with what is lost", got)
				}
			})
		})
	}
}

func TestJournalIsReadWhileTheStoreIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := store.NewJournal(discard)
		add(j, 0, 1500)
		read := func(q store.EventQuery) store.EventPage {
			t.Helper()
			page, err := j.Events(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			return page
		}
		page := read(store.EventQuery{Limit: 3})
		if got := textsOf(page.Events); got != "1499 1498 1497" || !page.FromMemory || page.Next == "" {
			t.Errorf("before it runs: %q, from memory %v, next %q", got, page.FromMemory, page.Next)
		}
		if got := textsOf(read(store.EventQuery{Limit: 2, Before: page.Next}).Events); got != "1496 1495" {
			t.Errorf("the page behind it: %q", got)
		}
		if got := textsOf(read(store.EventQuery{Limit: 2, To: noon.Add(10 * time.Second)}).Events); got != "9 8" {
			t.Errorf("of those that wait: %q", got)
		}
		if got := textsOf(read(store.EventQuery{Kind: "other"}).Events); got != "" {
			t.Errorf("of another kind: %q", got)
		}
		if _, err := j.Events(t.Context(), store.EventQuery{Before: "x"}); !errors.Is(err, store.ErrCursor) {
			t.Errorf("error %v, want ErrCursor", err)
		}

		s := &shelf{}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- j.Run(ctx, s) }()
		synctest.Wait()
		s.set(func(s *shelf) { s.hangs = true })
		begun := time.Now()
		page, err := j.Events(t.Context(), store.EventQuery{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Events) != 1000 || page.Events[999].Text != "500" || !page.FromMemory {
			t.Errorf("of a store that hangs: %d events, the last %q, from memory %v", len(page.Events), page.Events[999].Text, page.FromMemory)
		}
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("reading took %v, want 3s at most", took)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestJournalAndStoreAreReadAsOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		if err := db.AppendEvents(t.Context(), events("a", "c", "e")); err != nil {
			t.Fatal(err)
		}
		gate := &gated{db, make(chan struct{}), make(chan struct{}, 1)}
		j, _, end := run(t, gate)
		for i, text := range []string{"b", "d", "f"} {
			j.Add(store.Event{At: noon.Add(time.Duration(i)*time.Second + 500*time.Millisecond), Kind: "test", Text: text})
		}
		check := func(when string) {
			t.Helper()
			var got []string
			q := store.EventQuery{Limit: 2}
			for {
				page, err := j.Events(t.Context(), q)
				if err != nil || page.FromMemory {
					t.Fatalf("%s: from memory %v, %v", when, page.FromMemory, err)
				}
				got = append(got, textsOf(page.Events))
				if q.Before = page.Next; q.Before == "" {
					break
				}
			}
			if diff := cmp.Diff([]string{"f e", "d c", "b a"}, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", when, diff)
			}
		}
		<-gate.asked
		check("while half of it is on its way")
		close(gate.open)
		end()
		if got := texts(t, db, store.EventQuery{}); got != "f e d c b a" {
			t.Errorf("stored are %q", got)
		}
	})
}

// A gated store takes events only once it is open.
type gated struct {
	*store.DB
	open, asked chan struct{}
}

func (g *gated) AppendEvents(ctx context.Context, es []store.Event) error {
	select {
	case g.asked <- struct{}{}:
	default:
	}
	select {
	case <-g.open:
		return g.DB.AppendEvents(ctx, es)
	case <-ctx.Done():
		return ctx.Err()
	}
}
