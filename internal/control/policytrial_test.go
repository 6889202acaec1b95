package control

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
)

// What is tried is refused as what is done would be, and leaves the store, the policies
// and the events as they are.
func TestTryingPolicies(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := openStore(t, url)
		c := policing(t, policyFile(t), policyStore(db))
		set, err := c.SetOwners(t.Context(), []OwnerEntry{owner("up", "ops")}, Change{0})
		if err != nil {
			t.Fatal(err)
		}
		try := func(c *Control, by Change) (errs []error) {
			_, _, err := c.TryOwners(t.Context(), []OwnerEntry{owner("up", "web")}, by)
			errs = append(errs, err)
			_, _, err = c.TryPrices(t.Context(), prices(usd("ads", "0.20")), by)
			errs = append(errs, err)
			_, _, err = c.TryBudgets(t.Context(), budgets(attribution.Budgets{"ops": amount(5)}), by)
			return append(errs, err)
		}
		for _, tt := range []struct {
			name string
			c    *Control
			by   Change
			want error
		}{
			{"a viewer", c.As(auth.Actor{Name: "vic", Role: auth.Viewer}), Change{AnyRevision}, ErrForbidden},
			{"somebody who sees one tenant", c.As(auth.Actor{Name: "ann", Role: auth.Admin, Tenants: []tenant.ID{"ads"}}), Change{AnyRevision}, ErrForbidden},
			{"without a revision", c, Change{NoRevision}, ErrRevision},
			{"at a revision that is none", c, Change{17}, ErrConflict},
			{"whatever is there", c, Change{AnyRevision}, nil},
		} {
			for i, err := range try(tt.c, tt.by) {
				if !errors.Is(err, tt.want) {
					t.Errorf("%s, number %d: %v, want %v", tt.name, i, err, tt.want)
				}
			}
		}
		_, _, err = c.TryOwners(t.Context(), []OwnerEntry{owner("{", "web")}, Change{AnyRevision})
		if got := fields(t, err); !cmp.Equal(got, []string{"owners[0].match"}) {
			t.Errorf("%v is wrong, want the selector", got)
		}
		_, _, err = c.TryBudgets(t.Context(), budgets(attribution.Budgets{"shop": amount(5)}), Change{AnyRevision})
		if !errors.Is(err, ErrLocked) {
			t.Errorf("a budget of the file: %v, want it to be locked", err)
		}
		would, e, err := c.TryOwners(t.Context(), []OwnerEntry{owner("up", "web")}, Change{set.Revision})
		if err != nil || len(would.Entries) != 3 || would.Entries[2].Team != "web" || would.Revision != set.Revision {
			t.Errorf("would be %+v, %v; want the clause of web at the revision that is", would, err)
		}
		if e.Known || e.Change != "added match up, team web; removed match up, team ops" || len(e.Notes) == 0 {
			t.Errorf("effect %+v, want the change in words and no figures, as nothing is profiled", e)
		}
		if got := c.Owners(); !cmp.Equal(got.Entries, set.Entries) || got.Revision != set.Revision {
			t.Errorf("owners are %+v, want what was set", got)
		}
		if got := events(t, c, "policy"); len(got) != 1 {
			t.Errorf("events %q, want that of the one change", got)
		}
		list, err := db.Policies(t.Context())
		if err != nil || len(list) != 1 || list[0].Revision != set.Revision {
			t.Errorf("the store has %+v, %v; want what was set", list, err)
		}
	})
}
