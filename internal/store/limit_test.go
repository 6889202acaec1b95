package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
)

func limit(t tenant.ID, rate int) store.Limit {
	return store.Limit{
		Tenant: t, Document: json.RawMessage(fmt.Sprintf(`{"samples_per_second": %d}`, rate)),
		UpdatedAt: noon, UpdatedBy: "ann",
	}
}

func TestLimits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		put := func(l store.Limit, expected int64) store.Limit {
			t.Helper()
			l, err := db.PutLimit(t.Context(), l, expected)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		check := func(revision int64, want ...store.Limit) {
			t.Helper()
			got, err := db.Limits(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got, err := db.PolicyRevision(t.Context()); err != nil || got != revision {
				t.Errorf("the policy's revision is %d, %v; want %d", got, err, revision)
			}
		}

		check(0)
		b := put(limit("b", 1), 0)
		a := put(limit("B", 2), 0) // capitals first, whatever the database's order
		check(2, a, b)
		if b.Revision != 1 || a.Revision != 2 {
			t.Errorf("revisions %d and %d, want 1 and 2", b.Revision, a.Revision)
		}
		b = put(limit("b", 3), b.Revision)
		check(3, a, b)
		if got, err := db.Limit(t.Context(), "b"); err != nil || !cmp.Equal(got, b) {
			t.Errorf("Limit(b) = %v, %v; want %v", got, err, b)
		}

		for what, f := range map[string]func() error{
			"made where there is one":         func() error { _, err := db.PutLimit(t.Context(), limit("b", 4), 0); return err },
			"changed since":                   func() error { _, err := db.PutLimit(t.Context(), limit("b", 4), 1); return err },
			"changed where there is none":     func() error { _, err := db.PutLimit(t.Context(), limit("c", 4), 1); return err },
			"deleted though changed since":    func() error { return db.DeleteLimit(t.Context(), "b", 1) },
			"deleted with a later's revision": func() error { return db.DeleteLimit(t.Context(), "b", 99) },
		} {
			if err := f(); !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: error %v, want ErrConflict", what, err)
			}
		}
		if err := db.DeleteLimit(t.Context(), "c", 1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("deleted where there is none: error %v, want ErrNotFound", err)
		}
		if _, err := db.Limit(t.Context(), "c"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("read where there is none: error %v, want ErrNotFound", err)
		}
		if _, err := db.PutLimit(t.Context(), store.Limit{Tenant: "c", Document: json.RawMessage("{")}, 0); err == nil {
			t.Error("a document that is no JSON was taken")
		}
		check(3, a, b)

		if err := db.DeleteLimit(t.Context(), "b", b.Revision); err != nil {
			t.Fatal(err)
		}
		check(4, a)
		// Made again, it bears no revision that it had before.
		b = put(limit("b", 5), 0)
		check(5, a, b)
	})
}

func TestOfManyWhoChangeALimitOneWins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		dbs := []*store.DB{open(t, url), open(t, url)}
		first, err := dbs[0].PutLimit(t.Context(), limit("a", 0), 0)
		if err != nil {
			t.Fatal(err)
		}
		var won atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				_, err := dbs[i%2].PutLimit(t.Context(), limit("a", i), first.Revision)
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, store.ErrConflict):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d changes of one revision were taken, want 1", won.Load())
		}
	})
}
