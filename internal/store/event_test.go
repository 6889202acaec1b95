package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// events returns an event a second, from noon.
func events(texts ...string) []store.Event {
	var es []store.Event
	for i, text := range texts {
		es = append(es, store.Event{At: noon.Add(time.Duration(i) * time.Second), Kind: "test", Text: text})
	}
	return es
}

func texts(t testing.TB, db *store.DB, q store.EventQuery) string {
	t.Helper()
	page, err := db.Events(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return textsOf(page.Events)
}

func textsOf(es []store.Event) string {
	var words []string
	for _, e := range es {
		words = append(words, e.Text)
	}
	return strings.Join(words, " ")
}

func TestEventsComeBackAsTheyWere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		want := store.Event{
			ID: "01936f2e-0000-7000-8000-000000000001", At: noon.Add(7 * time.Millisecond), Kind: "explosion",
			Tenant: "payments", Team: "tëam", Who: "ann", Text: "ünï \"c\" 'ö' \\ $1 ? % 世界", Detail: json.RawMessage(`{"label": "id", "n": 12345678901234567890}`),
		}
		plain := store.Event{ID: "01936f2e-0000-7000-8000-000000000000", At: noon, Kind: "k", Text: "plain"}
		if err := db.AppendEvents(t.Context(), []store.Event{want, plain}); err != nil {
			t.Fatal(err)
		}
		page, err := db.Events(t.Context(), store.EventQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(store.EventPage{Events: []store.Event{want, plain}}, page); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestEventsThatADatabaseWouldRefuseAreTidied(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		at := time.Date(2026, 11, 21, 13, 0, 0, 999_999_999, time.FixedZone("", 3600))
		err := db.AppendEvents(t.Context(), []store.Event{
			{At: at, Kind: "k\x00", Tenant: "t\xff", Text: "a\x00b\xffc", Detail: json.RawMessage("{\"a\":\"\xff\\u0000\"}")},
			{At: at.Add(-time.Second), Text: strings.Repeat("ä", 4000), Detail: json.RawMessage("no JSON\x00")},
			{At: at.Add(-2 * time.Second), Detail: json.RawMessage(`"` + strings.Repeat("x", 20_000) + `"`)},
		})
		if err != nil {
			t.Fatal(err)
		}
		page, err := db.Events(t.Context(), store.EventQuery{})
		if err != nil {
			t.Fatal(err)
		}
		got := page.Events
		long := got[1].Text
		if len(long) > 4096 || len(long) < 4090 || !strings.HasSuffix(long, "ä…") {
			t.Errorf("a long text has %d bytes and ends in %q", len(long), long[len(long)-6:])
		}
		for i := range got {
			got[i].ID = ""
		}
		want := []store.Event{
			{At: noon.Add(999 * time.Millisecond), Kind: "k\uFFFD", Tenant: "t\uFFFD", Text: "a\uFFFDb\uFFFDc", Detail: json.RawMessage(`{"a":"` + "\uFFFD" + `\u0000"}`)},
			{At: noon.Add(-time.Millisecond), Text: long, Detail: json.RawMessage(`"no JSON` + "\uFFFD" + `"`)},
			{At: noon.Add(-1001 * time.Millisecond), Detail: json.RawMessage(`{"omitted_bytes":20002}`)},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestEventQueries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		var es []store.Event
		for i := range 6 {
			es = append(es, store.Event{
				At:     noon.Add(time.Duration(i) * time.Minute),
				Kind:   []string{"reload", "limit"}[i%2],
				Tenant: []tenant.ID{"", "a", "b"}[i%3],
				Team:   []string{"", "", "cart"}[i%3],
				Who:    []string{"", "ann", "", "bob"}[i%4],
				Text:   fmt.Sprint(i),
			})
		}
		if err := db.AppendEvents(t.Context(), es); err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			name string
			q    store.EventQuery
			want string
		}{
			{"all, newest first", store.EventQuery{}, "5 4 3 2 1 0"},
			{"of a kind", store.EventQuery{Kind: "limit"}, "5 3 1"},
			{"of a tenant", store.EventQuery{Tenant: "a"}, "4 1"},
			{"of a kind and tenant", store.EventQuery{Kind: "limit", Tenant: "a"}, "1"},
			{"of a team", store.EventQuery{Team: "cart"}, "5 2"},
			{"of who made them happen", store.EventQuery{Who: "ann"}, "5 1"},
			{"of a team, by who", store.EventQuery{Team: "cart", Who: "ann"}, "5"},
			{"from a time on, that time included", store.EventQuery{From: noon.Add(4 * time.Minute)}, "5 4"},
			{"before a time, that time not included", store.EventQuery{To: noon.Add(time.Minute)}, "0"},
			{"between two times", store.EventQuery{From: noon.Add(time.Minute), To: noon.Add(3 * time.Minute)}, "2 1"},
			{"the newest two", store.EventQuery{Limit: 2}, "5 4"},
			{"of a kind that is none", store.EventQuery{Kind: "limit' OR '1'='1"}, ""},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				if got := texts(t, db, tt.q); got != tt.want {
					t.Errorf("events %q, want %q", got, tt.want)
				}
			})
		}
	})
}

func TestEventsPageByPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		// All in one millisecond: their order is that of being added.
		var es []store.Event
		for i := range 603 {
			es = append(es, store.Event{At: noon, Text: fmt.Sprint(i)})
		}
		if err := db.AppendEvents(t.Context(), es); err != nil {
			t.Fatal(err)
		}
		var got, sizes []string
		q := store.EventQuery{Limit: 250}
		for {
			page, err := db.Events(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, fmt.Sprint(len(page.Events)))
			for _, e := range page.Events {
				got = append(got, e.Text)
			}
			if page.Next == "" {
				break
			}
			q.Before = page.Next
		}
		var want []string
		for i := 602; i >= 0; i-- {
			want = append(want, fmt.Sprint(i))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if diff := cmp.Diff([]string{"250", "250", "103"}, sizes); diff != "" {
			t.Errorf("pages: -want +got:\n%s", diff)
		}
	})
}

func TestEventsRefuseWhatIsNoCursor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		for _, cursor := range []string{"x", ".", "zz.", "1.\x00", "1." + strings.Repeat("\x00", 36), strings.Repeat("9", 99) + "." + strings.Repeat("a", 36)} {
			if _, err := db.Events(t.Context(), store.EventQuery{Before: cursor}); !errors.Is(err, store.ErrCursor) {
				t.Errorf("cursor %q: error %v, want ErrCursor", cursor, err)
			}
		}
	})
}

func TestEventsAppendedAgainAreStoredOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		es := events("a", "b")
		es[0].ID, es[1].ID = "01936f2e-0000-7000-8000-00000000000a", "01936f2e-0000-7000-8000-00000000000b"
		for _, batch := range [][]store.Event{es[:1], es, es} {
			if err := db.AppendEvents(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		if got := texts(t, db, store.EventQuery{}); got != "b a" {
			t.Errorf("events %q, want \"b a\"", got)
		}
	})
}

func TestOldEventsAreDeletedInBatches(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		if err := db.AppendEvents(t.Context(), events("a", "b", "c", "d", "e", "f")); err != nil {
			t.Fatal(err)
		}
		n, err := db.DeleteEventsBefore(t.Context(), noon.Add(5*time.Second), 2)
		if err != nil || n != 5 {
			t.Errorf("%d events deleted, %v; want 5", n, err)
		}
		if got := texts(t, db, store.EventQuery{}); got != "f" {
			t.Errorf("left are %q, want \"f\"", got)
		}
	})
}
