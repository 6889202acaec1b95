package store_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// What is told is stored with its event, or neither is.
func TestWhatIsToldIsStoredWithItsEvent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		want := func(texts ...string) {
			t.Helper()
			page, err := db.Events(t.Context(), store.EventQuery{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i := len(page.Events) - 1; i >= 0; i-- {
				got = append(got, page.Events[i].Text)
			}
			if diff := cmp.Diff(texts, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		}
		month := attribution.Month{Year: 2026, Month: 11}
		b := attribution.Budget{Team: "checkout", Month: 1200e6}
		nothing, half := attribution.Told{Month: month}, attribution.Told{Month: month, Threshold: 50}
		e := store.NewJournal(discard).Numbered(store.Event{At: noon, Kind: "budget", Text: "half of it"})
		if err := db.Tell(t.Context(), b, nothing, half, e); err != nil {
			t.Fatal(err)
		}
		late := e
		late.ID, late.Text = "", "too late"
		if err := db.Tell(t.Context(), b, nothing, half, late); !errors.Is(err, store.ErrConflict) {
			t.Errorf("told twice: %v, want ErrConflict", err)
		}
		if err := db.AppendEvents(t.Context(), []store.Event{e}); err != nil { // the journal's
			t.Fatal(err)
		}
		want("half of it")
	})
}

func TestWhatBreaksIsToldOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		dbs := []*store.DB{open(t, url), open(t, url)}
		tell := func(keys ...string) int64 {
			var won atomic.Int64
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() {
					switch err := dbs[i%2].TellBreaks(t.Context(), keys, store.Event{At: noon, Kind: "usage", Text: "breaks"}); {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, store.ErrConflict):
						t.Error(err)
					}
				})
			}
			all.Wait()
			return won.Load()
		}
		for _, keys := range [][]string{{"a", "b"}, {"b", "c"}} {
			if n := tell(keys...); n != 1 {
				t.Errorf("%d told %v, want 1", n, keys)
			}
		}
		if n := tell("a", "c"); n != 0 {
			t.Errorf("%d told what was told, want none", n)
		}
		if err := dbs[0].ForgetBreaks(t.Context(), []string{"a", "none"}); err != nil {
			t.Fatal(err)
		}
		got, err := dbs[1].ToldBreaks(t.Context())
		if diff := cmp.Diff(map[string]bool{"b": true, "c": true}, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		page, err := dbs[0].Events(t.Context(), store.EventQuery{})
		if err != nil || len(page.Events) != 2 {
			t.Errorf("%d events, %v; want 2", len(page.Events), err)
		}
	})
}
