package control

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/store"
)

// maxStoredOwners bounds what somebody can make every new series be asked for.
const maxStoredOwners = 1000

// An OwnerEntry is one clause and where it comes from.
type OwnerEntry struct {
	attribution.OwnerConfig
	Origin
}

// Owners are the clauses that say whose series are, the first that decides first,
// and the catalogs that are asked after them.
type Owners struct {
	PolicyStamp
	Entries  []OwnerEntry
	Catalogs []*attribution.Catalog
	File     string // that names the catalogs
}

// Owners returns who owns series, and where it says so.
func (c *Control) Owners() Owners {
	if c.may(auth.ReadTraffic) != nil {
		return Owners{}
	}
	return c.parts.Policies.current.Load().ownersList()
}

// ownersList returns the clauses and where each comes from.
func (set *policySet) ownersList() Owners {
	o := Owners{PolicyStamp: set.stored.stamps[store.OwnersPolicy], Catalogs: set.file.Catalogs, File: set.file.Name}
	for i, clause := range set.clauses {
		origin := Origin{Source: FromAPI}
		if i < len(set.file.Config.Owners) {
			origin = set.file.origin()
		}
		o.Entries = append(o.Entries, OwnerEntry{clause, origin})
	}
	return o
}

// CatalogProblems returns what is wrong with entries of catalogs, which are
// skipped.
func (c *Control) CatalogProblems() []attribution.Problem {
	if c.may(auth.ReadTraffic) != nil {
		return nil
	}
	return c.parts.Policies.current.Load().file.Skipped
}

// SetOwners makes entries all clauses beside those of the file, from now on.
// Entries that are the file's own, as it has them, are left out.
func (c *Control) SetOwners(ctx context.Context, entries []OwnerEntry, by Change) (Owners, error) {
	if err := c.mayAll(auth.WriteOwners); err != nil {
		return Owners{}, err
	}
	if err := c.setPolicy(ctx, store.OwnersPolicy, by, draftOwners(entries)); err != nil {
		return Owners{}, err
	}
	return c.Owners(), nil
}

// draftOwners returns the draft that has entries beside the clauses of the file.
func draftOwners(entries []OwnerEntry) policyDraft {
	return func(set *policySet) (storedPolicies, error) {
		next := set.stored
		next.owners = nil
		ofFile := map[string]attribution.OwnerConfig{}
		for _, of := range set.file.Config.Owners {
			ofFile[selected(of.Match)] = of
		}
		var errs []error
		for i, e := range entries {
			if slices.Contains(set.file.Config.Owners, e.OwnerConfig) {
				continue
			}
			place := fmt.Sprintf("owners[%d]", i)
			if e.Source == FromFile {
				return next, set.file.locked(place, "this clause", "owners")
			}
			if of, ok := ofFile[selected(e.Match)]; ok && e.Match != "" {
				return next, set.file.locked(place, fmt.Sprintf("match %s, team %s,", of.Match, of.Team), "owners")
			}
			errs = append(errs, invalidAt(place, e.Validate())...)
			next.owners = append(next.owners, e.OwnerConfig)
		}
		if n := len(next.owners); n > maxStoredOwners {
			errs = append(errs, &Invalid{"owners", fmt.Sprintf("there are %d besides those of files, and %d is the most; use a label, or a catalog", n, maxStoredOwners)})
		}
		return next, asInvalid(errs)
	}
}

// selected returns what a selector selects, the same text however it is written.
// What is no selector stays as it is.
func selected(match string) string {
	sel, err := series.ParseSelector(match)
	if err != nil {
		return match
	}
	var words []string
	for _, m := range sel.Matchers() {
		words = append(words, m.String())
	}
	slices.Sort(words)
	return strings.Join(slices.Compact(words), ",")
}
