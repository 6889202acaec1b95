package control

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
)

// maxStoredBudgets bounds what somebody can make every process hold in memory.
const maxStoredBudgets = 10_000

// A BudgetEntry is one budget and where it comes from.
type BudgetEntry struct {
	attribution.BudgetConfig
	Origin
}

// Budgets are what teams and tenants may spend, by the keys of
// [attribution.Budgets].
type Budgets struct {
	PolicyStamp
	Entries map[string]BudgetEntry
}

// Budgets returns what teams, and the tenants that the actor may see, may spend, and
// where it says so.
func (c *Control) Budgets() Budgets {
	if c.may(auth.ReadCosts) != nil {
		return Budgets{}
	}
	return c.budgetsOf(c.parts.Policies.current.Load())
}

func (c *Control) budgetsOf(set *policySet) Budgets {
	bs := Budgets{PolicyStamp: set.stored.stamps[store.BudgetsPolicy], Entries: map[string]BudgetEntry{}}
	for key, b := range set.stored.budgets {
		bs.Entries[key] = BudgetEntry{b, Origin{Source: FromAPI}}
	}
	for key, b := range set.file.Config.Budgets {
		bs.Entries[key] = BudgetEntry{b, set.file.origin()}
	}
	maps.DeleteFunc(bs.Entries, func(key string, e BudgetEntry) bool {
		b, err := e.Budget(key)
		return err == nil && b.Tenant != "" && !c.actor.SeesTenant(b.Tenant)
	})
	return bs
}

// SetBudgets makes entries all budgets beside those of the file, from now on.
// Entries that are the file's own, as it has them, are left out; those that were
// stored and that the file names by now stay out of force.
func (c *Control) SetBudgets(ctx context.Context, entries map[string]BudgetEntry, by Change) (Budgets, error) {
	if err := c.mayAll(auth.WritePrices); err != nil {
		return Budgets{}, err
	}
	if err := c.setPolicy(ctx, store.BudgetsPolicy, by, draftBudgets(entries)); err != nil {
		return Budgets{}, err
	}
	return c.Budgets(), nil
}

// draftBudgets returns the draft that has entries beside the budgets of the file.
func draftBudgets(entries map[string]BudgetEntry) policyDraft {
	return func(set *policySet) (storedPolicies, error) {
		next := set.stored
		next.budgets = attribution.Budgets{}
		var errs []error
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			e, place := entries[key], "budgets."+shortKey(key)
			of, named := set.file.Config.Budgets[key]
			switch {
			case named && of == e.BudgetConfig:
				continue
			case named || e.Source == FromFile:
				return next, set.file.locked(place, "this budget", "budgets")
			}
			_, err := e.Budget(key)
			errs = append(errs, invalidAt(place, err)...)
			next.budgets[key] = e.BudgetConfig
		}
		if n := len(next.budgets); n > maxStoredBudgets {
			errs = append(errs, &Invalid{"budgets", fmt.Sprintf("there are %d besides those of files, and %d is the most", n, maxStoredBudgets)})
		}
		for key, b := range set.stored.budgets {
			if _, named := set.file.Config.Budgets[key]; named {
				next.budgets[key] = b
			}
		}
		return next, asInvalid(errs)
	}
}

// shortKey returns a key for an error.
func shortKey(key string) string {
	const most = 64
	if len(key) <= most {
		return key
	}
	return fmt.Sprintf("%.*s…", most, key)
}
