package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
)

// A policySet is what is in force at one time. It is immutable.
type policySet struct {
	file    PolicyFile
	stored  storedPolicies
	clauses []attribution.OwnerConfig // of the file, then of the store
	owners  *attribution.Owners
	prices  attribution.Prices // of the file, then of the store
	budgets []attribution.Budget
	unused  []string // what of the store is not in force, and why
}

// newPolicySet returns what is in force by the file and the store. Owners that
// are those of before stay the same, so that no series is attributed anew.
func newPolicySet(f PolicyFile, stored storedPolicies, before *policySet) (*policySet, error) {
	set := &policySet{file: f, stored: stored, clauses: slices.Concat(f.Config.Owners, stored.owners)}
	if before != nil && slices.Equal(set.clauses, before.clauses) && slices.Equal(f.Catalogs, before.file.Catalogs) &&
		f.Config.Ledger.ServiceLabel == before.file.Config.Ledger.ServiceLabel {
		set.owners = before.owners
	} else {
		c := f.Config
		c.Owners = set.clauses
		var err error
		if set.owners, err = attribution.New(c, f.Catalogs...); err != nil {
			return nil, err
		}
	}
	set.prices = slices.Clone(f.Config.Prices)
	for _, p := range stored.prices {
		switch {
		case f.namesPrice(p):
			set.unused = append(set.unused, fmt.Sprintf("a price of %s, which %s names", priceOf(p), f.Name))
		case len(f.Config.Prices) > 0 && p.Currency != f.Config.Prices[0].Currency:
			set.unused = append(set.unused, fmt.Sprintf("a price of %s, which is in another currency than those of %s", priceOf(p), f.Name))
		default:
			set.prices = append(set.prices, p)
		}
	}
	if err := set.prices.Validate(); err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	budgets := maps.Clone(stored.budgets)
	if budgets == nil {
		budgets = attribution.Budgets{}
	}
	for _, key := range slices.Sorted(maps.Keys(f.Config.Budgets)) {
		if _, ok := budgets[key]; ok {
			set.unused = append(set.unused, fmt.Sprintf("the budget %s, which %s names", key, f.Name))
		}
		budgets[key] = f.Config.Budgets[key]
	}
	var err error
	set.budgets, err = budgets.List()
	return set, err
}

// namesPrice reports whether the file has a price of the same tenant: what it
// says of one is all that is said.
func (f *PolicyFile) namesPrice(p attribution.Price) bool {
	return slices.ContainsFunc(f.Config.Prices, func(of attribution.Price) bool { return of.Tenant == p.Tenant })
}

// priceOf says whose price p is.
func priceOf(p attribution.Price) string {
	if p.Tenant == "" {
		return "everyone"
	}
	return "tenant " + string(p.Tenant)
}

// storedPolicies are what somebody set, as the store has it. They are immutable.
type storedPolicies struct {
	owners  []attribution.OwnerConfig
	prices  attribution.Prices
	budgets attribution.Budgets
	stamps  map[store.PolicyKind]PolicyStamp
}

// A PolicyStamp says who set all of one kind, and when.
type PolicyStamp struct {
	Revision  int64 // 0: nobody did
	UpdatedAt time.Time
	UpdatedBy string
}

// with returns s with what the store has of one kind in its place. Where this
// version does not understand all of it, there is nothing of that kind but the
// stamp.
func (s storedPolicies) with(p store.Policy) (storedPolicies, error) {
	stamps := maps.Clone(s.stamps)
	if stamps == nil {
		stamps = map[store.PolicyKind]PolicyStamp{}
	}
	stamps[p.Kind] = PolicyStamp{p.Revision, p.UpdatedAt, p.UpdatedBy}
	s.stamps = stamps
	next, err := s.parsed(p)
	if err == nil {
		return next, nil
	}
	switch p.Kind {
	case store.OwnersPolicy:
		s.owners = nil
	case store.PricesPolicy:
		s.prices = nil
	case store.BudgetsPolicy:
		s.budgets = nil
	}
	return s, err
}

func (s storedPolicies) parsed(p store.Policy) (storedPolicies, error) {
	switch p.Kind {
	case store.OwnersPolicy:
		s.owners = nil
		if err := strictJSON(p.Document, &s.owners); err != nil {
			return s, err
		}
		_, err := attribution.New(attribution.Config{Owners: s.owners})
		return s, err
	case store.PricesPolicy:
		s.prices = nil
		if err := strictJSON(p.Document, (*[]attribution.Price)(&s.prices)); err != nil {
			return s, err
		}
		return s, s.prices.Validate()
	case store.BudgetsPolicy:
		s.budgets = nil
		if err := strictJSON(p.Document, &s.budgets); err != nil {
			return s, err
		}
		_, err := s.budgets.List()
		return s, err
	}
	return s, errors.New("this version does not know such a policy")
}

// document returns what the store is to have of a kind.
func (s storedPolicies) document(kind store.PolicyKind) ([]byte, error) {
	switch kind {
	case store.OwnersPolicy:
		return json.Marshal(append([]attribution.OwnerConfig{}, s.owners...))
	case store.PricesPolicy:
		return json.Marshal(append([]attribution.Price{}, s.prices...))
	}
	budgets := attribution.Budgets{}
	maps.Copy(budgets, s.budgets)
	return json.Marshal(budgets)
}

// lines returns what the store has of a kind in words.
func (s storedPolicies) lines(kind store.PolicyKind) []policyLine {
	var lines []policyLine
	switch kind {
	case store.OwnersPolicy:
		for _, o := range s.owners {
			line := fmt.Sprintf("match %s, team %s", o.Match, o.Team)
			if o.Label != "" {
				line = "label " + o.Label
			}
			lines = append(lines, policyLine{key: line})
		}
	case store.PricesPolicy:
		for _, p := range s.prices {
			lines = append(lines, priceLine(p))
		}
	case store.BudgetsPolicy:
		list, _ := s.budgets.List() // they are valid
		for _, b := range list {
			lines = append(lines, policyLine{b.String(), b.Month.String()})
		}
	}
	return lines
}
