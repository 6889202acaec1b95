package control

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
)

// maxPressed is how many budgets that are over or near are shown.
const maxPressed = 100

// nearBudget is the part of a budget, in percent, from which it is near its end.
const nearBudget = 80

// A BudgetsEffect is how this month stands against budgets that are changed.
type BudgetsEffect struct {
	Change string // of the budgets, in words
	Known  bool   // the ledger is open and there is a price; else there are no figures

	Currency string
	Budgets  []BudgetStanding // that would be over or near, the most used first
	More     int              // how many are not shown
	Calm     int              // budgets that would be neither
	Notes    []string
}

// The standings of a month against a budget.
const (
	BudgetSpent   = "spent"   // all of it, and maybe more
	BudgetOver    = "over"    // the month is expected to end over it
	BudgetNear    = "near"    // 80 percent are spent
	BudgetCalm    = "calm"    // nothing of that
	BudgetMissing = "missing" // there is none
)

// A BudgetStanding is how this month stands against one budget that would be.
type BudgetStanding struct {
	attribution.BudgetState
	Is  string // BudgetSpent, BudgetOver or BudgetNear
	Was string // by the budget in force
}

// standing says in a word how s stands.
func standing(s attribution.BudgetState) string {
	switch {
	case s.Threshold >= 100:
		return BudgetSpent
	case s.Over:
		return BudgetOver
	case s.Threshold >= nearBudget:
		return BudgetNear
	}
	return BudgetCalm
}

// TryBudgets checks what SetBudgets would, and says what would be and what that does.
// Nothing is changed.
func (c *Control) TryBudgets(ctx context.Context, entries map[string]BudgetEntry, by Change) (Budgets, BudgetsEffect, error) {
	if err := c.mayAll(auth.WritePrices); err != nil {
		return Budgets{}, BudgetsEffect{}, err
	}
	trial, err := c.tryPolicy(ctx, store.BudgetsPolicy, by, draftBudgets(entries))
	if err != nil {
		return Budgets{}, BudgetsEffect{}, err
	}
	now := c.now()
	e := BudgetsEffect{Change: trial.change}
	e.Known, err = c.tryReading(ctx, &e.Notes, func(ctx context.Context, r *ledgerReader) error {
		spent, err := readSpending(ctx, r.store, trial.was.prices, c.parts.Policies.Shared(), now)
		if err != nil {
			return err
		}
		e.stand(trial.was.budgets, trial.is.budgets, spent, now)
		return nil
	})
	if err != nil {
		return Budgets{}, BudgetsEffect{}, err
	}
	if e.Known && e.Currency == "" {
		e.Known, e.Notes = false, append(e.Notes, "Nothing has a price, so nothing is spent of a budget.")
	}
	return c.budgetsOf(trial.is), e, nil
}

// stand compares the month with the budgets in force and those that would be.
func (e *BudgetsEffect) stand(was, is []attribution.Budget, spent *spending, now time.Time) {
	if e.Currency = spent.currency; e.Currency == "" {
		return
	}
	before := map[string]attribution.Budget{}
	for _, b := range was {
		before[b.Key()] = b
	}
	for _, b := range is {
		days := spent.of(b)
		f := attribution.NewForecast(days, now)
		s := BudgetStanding{BudgetState: b.State(f, days), Was: BudgetMissing}
		if s.Is = standing(s.BudgetState); s.Is == BudgetCalm {
			e.Calm++
			continue
		}
		if old, ok := before[b.Key()]; ok {
			s.Was = standing(old.State(f, days))
		}
		e.Budgets = append(e.Budgets, s)
	}
	slices.SortStableFunc(e.Budgets, func(a, b BudgetStanding) int {
		return cmp.Or(cmp.Compare(b.Used, a.Used), cmp.Compare(a.Key(), b.Key()))
	})
	if n := len(e.Budgets); n > maxPressed {
		e.Budgets, e.More = e.Budgets[:maxPressed], n-maxPressed
	}
}
