package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

func policy(kind store.PolicyKind, what string) store.Policy {
	document, _ := json.Marshal([]string{what})
	return store.Policy{Kind: kind, Document: document, UpdatedAt: noon, UpdatedBy: "ann"}
}

func TestPolicies(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		put := func(p store.Policy, expected int64) store.Policy {
			t.Helper()
			p, err := db.PutPolicy(t.Context(), p, expected)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		check := func(revision int64, want ...store.Policy) {
			t.Helper()
			got, err := db.Policies(t.Context())
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
		prices := put(policy(store.PricesPolicy, "a"), 0)
		owners := put(policy(store.OwnersPolicy, "\x00 é <&>"), 0)
		check(2, owners, prices)
		l, err := db.PutLimit(t.Context(), limit("a", 1), 0)
		if err != nil || l.Revision != 3 {
			t.Errorf("a limit after two policies has revision %d, %v; want 3", l.Revision, err)
		}
		prices = put(policy(store.PricesPolicy, "b"), prices.Revision)
		check(4, owners, prices)
		if got, err := db.Policy(t.Context(), store.PricesPolicy); err != nil || !cmp.Equal(got, prices) {
			t.Errorf("the prices are %v, %v; want %v", got, err, prices)
		}
		if _, err := db.Policy(t.Context(), store.BudgetsPolicy); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("read where nobody set any: error %v, want ErrNotFound", err)
		}
		for what, f := range map[string]func() error{
			"made where there are some":     func() error { _, err := db.PutPolicy(t.Context(), policy(store.OwnersPolicy, "c"), 0); return err },
			"changed since":                 func() error { _, err := db.PutPolicy(t.Context(), policy(store.PricesPolicy, "c"), 1); return err },
			"changed where there are none":  func() error { _, err := db.PutPolicy(t.Context(), policy(store.BudgetsPolicy, "c"), 1); return err },
			"changed with a later revision": func() error { _, err := db.PutPolicy(t.Context(), policy(store.OwnersPolicy, "c"), 99); return err },
		} {
			if err := f(); !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: error %v, want ErrConflict", what, err)
			}
		}
		if _, err := db.PutPolicy(t.Context(), store.Policy{Kind: store.BudgetsPolicy, Document: json.RawMessage("{")}, 0); err == nil {
			t.Error("a document that is no JSON was taken")
		}
		check(4, owners, prices)
	})
}

func TestOfManyWhoSetAPolicyOneWins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		dbs := []*store.DB{open(t, url), open(t, url)}
		for _, round := range []string{"made", "changed"} {
			is, err := dbs[0].PolicyRevision(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var won atomic.Int64
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					_, err := dbs[i%2].PutPolicy(t.Context(), policy(store.OwnersPolicy, fmt.Sprint(i)), is)
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
				t.Errorf("%s: %d changes of one revision were taken, want 1", round, won.Load())
			}
		}
	})
}

func TestWhatIsToldOfABudgetIsToldOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		dbs := []*store.DB{open(t, url), open(t, url)}
		november := attribution.Month{Year: 2026, Month: 11}
		team := attribution.Budget{Team: "checkout", Month: 1200e6}
		raised, of := team, attribution.Budget{Tenant: "checkout", Month: 1200e6}
		raised.Month = 1500e6
		nothing := attribution.Told{Month: november}
		half := attribution.Told{Month: november, Threshold: 50}
		over := attribution.Told{Month: november, Threshold: 50, Over: true}
		check := func(m attribution.Month, want map[attribution.Budget]attribution.Told) {
			t.Helper()
			got, err := dbs[1].Told(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		}
		for _, step := range []struct {
			before, after attribution.Told
		}{{nothing, half}, {half, over}, {over, half}, {half, over}} {
			var won atomic.Int64
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					switch err := dbs[i%2].Tell(t.Context(), team, step.before, step.after); {
					case err == nil:
						won.Add(1)
					case !errors.Is(err, store.ErrConflict):
						t.Error(err)
					}
				})
			}
			all.Wait()
			if won.Load() != 1 {
				t.Errorf("from %+v to %+v: %d told it, want 1", step.before, step.after, won.Load())
			}
		}
		if err := dbs[0].Tell(t.Context(), raised, half, over); !errors.Is(err, store.ErrConflict) {
			t.Errorf("of a budget that was raised, more was told than nothing: %v, want ErrConflict", err)
		}
		for _, b := range []attribution.Budget{raised, of} {
			if err := dbs[0].Tell(t.Context(), b, nothing, half); err != nil {
				t.Error(err)
			}
		}
		check(november, map[attribution.Budget]attribution.Told{team: over, raised: half, of: half})

		// The month before stays, as its last hours may come late; older ones go.
		for m := november.Next(); m != (attribution.Month{Year: 2027, Month: 2}); m = m.Next() {
			if err := dbs[0].Tell(t.Context(), of, attribution.Told{Month: m}, attribution.Told{Month: m, Threshold: 80}); err != nil {
				t.Fatal(err)
			}
		}
		check(november, map[attribution.Budget]attribution.Told{})
		check(attribution.Month{Year: 2026, Month: 12}, map[attribution.Budget]attribution.Told{of: {Month: attribution.Month{Year: 2026, Month: 12}, Threshold: 80}})
	})
}
