package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/rules"
)

// A RuleRevision is one change of a rule.
type RuleRevision = store.RuleRevision

// A RuleHistoryPage is a part of what became of a rule, newest first.
type RuleHistoryPage struct {
	History []RuleRevision
	Next    string // cursor of the next page; "" where there is none
}

// RuleHistory returns what became of a rule of the store, deleted ones included.
func (c *Control) RuleHistory(ctx context.Context, name string, limit int, cursor string) (RuleHistoryPage, error) {
	before, err := numberCursor(cursor)
	if err != nil {
		return RuleHistoryPage{}, err
	}
	if err := c.may(auth.ReadTraffic); err != nil {
		return RuleHistoryPage{}, err
	}
	b := c.parts.RuleBook
	s := b.store()
	if s == nil {
		return RuleHistoryPage{}, errUnread
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	limit = pageSize(limit)
	list, err := s.RuleRevisions(ctx, name, before, limit+1) // one more tells whether there are
	if err != nil {
		b.log.Error("the history of a rule is not read", slog.String("rule", name), slog.Any("err", err))
		return RuleHistoryPage{}, errUnread
	}
	set := b.current.Load()
	if len(list) == 0 && before == 0 && set.locked[name] == nil && set.byName[name] == nil {
		return RuleHistoryPage{}, noRule(name)
	}
	page := RuleHistoryPage{History: list}
	if len(list) > limit {
		page.History = list[:limit]
		page.Next = strconv.FormatInt(list[limit-1].Revision, 10)
	}
	if c.actor.SeesAll() {
		return page, nil
	}
	page.History = slices.DeleteFunc(page.History, func(r RuleRevision) bool { return !c.seesRevision(name, r) })
	if _, err := c.Rule(name); err != nil && len(page.History) == 0 && page.Next == "" {
		return RuleHistoryPage{}, noRule(name)
	}
	return page, nil
}

// seesRevision reports whether a rule concerned the actor both before a change and
// after it.
func (c *Control) seesRevision(name string, r RuleRevision) bool {
	for _, document := range []json.RawMessage{r.Before, r.After} {
		if document == nil {
			continue
		}
		rule, err := parseRule(name, document)
		if err != nil || !c.seesRule(rule) {
			return false
		}
	}
	return true
}

// RevertRule makes a rule say again what it said after one of its revisions. One
// that was deleted is made again.
func (c *Control) RevertRule(ctx context.Context, name string, revision int64, by RuleChange) (Rule, error) {
	b := c.parts.RuleBook
	if err := c.mayChangeRule(name, nil); err != nil {
		return Rule{}, err
	}
	if r := b.current.Load().locked[name]; r != nil {
		return Rule{}, lockedRule(r)
	}
	s := b.store()
	if s == nil {
		return Rule{}, ErrUnavailable
	}
	spec, err := b.specOf(ctx, s, name, revision)
	if err != nil {
		return Rule{}, err
	}
	if by.Reason == "" {
		by.Reason = fmt.Sprintf("reverted to revision %d", revision)
	}
	if by.Revision == NoRevision {
		by.Revision = AnyRevision
	}
	if by.Revision == AnyRevision && !b.has(ctx, s, name) {
		by.Revision = 0
	}
	return c.putRule(ctx, spec, by, "rule.revert", store.RuleReverted)
}

// has reports whether the store has the rule, as far as it can be read.
func (b *RuleBook) has(ctx context.Context, s RuleStore, name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.refresh(ctx, s) // what comes next finds out, too
	return b.current.Load().byName[name] != nil
}

// specOf returns what a rule said after a revision.
func (b *RuleBook) specOf(ctx context.Context, s RuleStore, name string, revision int64) (rules.Spec, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	r, err := s.RuleRevision(ctx, name, revision)
	switch {
	case errors.Is(err, store.ErrNotFound):
		list, err := s.RuleRevisions(ctx, name, 0, 1)
		if err == nil && len(list) == 0 {
			return rules.Spec{}, noRule(name)
		}
		return rules.Spec{}, &Invalid{"revision", fmt.Sprintf("rule %s has no revision %d; its history lists those it has", name, revision)}
	case err != nil:
		return rules.Spec{}, b.refused(name, err)
	case r.After == nil:
		return rules.Spec{}, &Invalid{"revision", fmt.Sprintf("revision %d deleted the rule; name an earlier one, or delete the rule", revision)}
	}
	rule, err := parseRule(name, r.After)
	if err != nil {
		return rules.Spec{}, &Invalid{"revision", fmt.Sprintf("this version does not understand revision %d: %v", revision, err)}
	}
	return rule.Spec(), nil
}
