package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// eventually polls until what is asked for is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after a minute it is not so that %s", what)
		}
	}
}

// outage takes a real store away from a journal under load, gives it back, and
// checks that no caller noticed and nothing was lost.
func outage(t *testing.T, url string, takeAway, giveBack func()) {
	db := open(t, url)
	j, n, end := run(t, db)
	add(j, 0, 200)
	eventually(t, "what was added before is stored", func() bool { return j.Stats().Queued == 0 })

	takeAway()
	const callers, each, all = 4, 250, 200 + 4*250
	slowest := make([]time.Duration, callers)
	var calling sync.WaitGroup
	for c := range callers {
		calling.Go(func() {
			for i := range each {
				begun := time.Now()
				add(j, 200+c*each+i, 200+c*each+i+1)
				slowest[c] = max(slowest[c], time.Since(begun))
			}
		})
	}
	calling.Wait()
	t.Logf("slowest Add of each caller: %v", slowest)
	for _, d := range slowest {
		if d > time.Second { // shared machines halt for tens of milliseconds; a lock is held for five seconds
			t.Errorf("an Add took %v", d)
		}
	}
	eventually(t, "the journal notices", func() bool { return !j.Stats().Failing.IsZero() })
	page, err := j.Events(t.Context(), store.EventQuery{Limit: 1})
	if err != nil || len(page.Events) != 1 || page.Events[0].Text != fmt.Sprint(all-1) {
		t.Errorf("meanwhile the newest is %v, %v; want %d", page.Events, err, all-1)
	}

	giveBack()
	eventually(t, "the journal catches up", func() bool { return j.Stats().Queued == 0 })
	end()
	if got := j.Stats(); got.Dropped != 0 || got.Stored != all || !got.Failing.IsZero() {
		t.Errorf("at the end: %+v", got)
	}
	want := []string{"events cannot be stored; they are kept in memory until they can", "events are stored again"}
	if diff := cmp.Diff(want, n.messages()); diff != "" {
		t.Errorf("log: -want +got:\n%s", diff)
	}
	var got []string
	q := store.EventQuery{Limit: 1000}
	for {
		page, err := db.Events(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			got = append(got, e.Text)
		}
		if q.Before = page.Next; q.Before == "" {
			break
		}
	}
	slices.Reverse(got)
	if diff := cmp.Diff(numbers(0, all), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestJournalOutlastsALockedFile(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	var letGo func()
	outage(t, url, func() { letGo = lock(t, url) }, func() { letGo() })
}

func TestJournalOutlastsAServerThatIsGone(t *testing.T) {
	t.Parallel()
	server := storetest.New(t)
	must := func(f func() error) func() {
		return func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}
	}
	outage(t, server.Database(t), must(server.Stop), must(server.Start))
}
