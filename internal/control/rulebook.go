package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/rules"
)

// A RuleStore keeps the rules that somebody saved. [store.DB] is one.
type RuleStore interface {
	PolicyRevision(context.Context) (int64, error)
	Rules(context.Context) ([]store.Rule, error)
	PutRule(ctx context.Context, name string, document json.RawMessage, place store.RulePlace, e store.RuleEdit) (store.Rule, error)
	DeleteRule(ctx context.Context, name string, e store.RuleEdit) error
	ExpireRule(ctx context.Context, name string, e store.RuleEdit) error
	RuleRevisions(ctx context.Context, name string, before int64, limit int) ([]store.RuleRevision, error)
	RuleRevision(ctx context.Context, name string, revision int64) (store.RuleRevision, error)
}

// maxStoredRules bounds what somebody can make every process hold in memory.
const maxStoredRules = 10_000

// A RuleBook holds the rules in force: those of files, in their order, and then
// those in the store, by position. Its methods may be called from any goroutine.
type RuleBook struct {
	engine *rules.Engine
	store  func() RuleStore // nil while the store is not open
	events *Events
	log    *slog.Logger

	mu      sync.Mutex // serialises what follows, but for reading current
	current atomic.Pointer[ruleSet]
	seen    int64     // the store's revision that current holds; -1: none
	failing bool      // the last Refresh failed, and that was logged
	told    time.Time // of the rules of files, those that expired before this were told

	matched matchCache
}

// A ruleSet is what is in force at one time. It is immutable.
type ruleSet struct {
	files  []*rules.Rule
	stored []*storedRule // by position
	byName map[string]*storedRule
	locked map[string]*rules.Rule // of files, by name
}

// A storedRule is a rule of the store.
type storedRule struct {
	store.Rule
	rule *rules.Rule // nil where this version does not understand it
	err  error       // why not
}

// NewRuleBook returns the rules of files, which it gives to e. open returns the
// store, or nil while there is none.
func NewRuleBook(e *rules.Engine, files []*rules.Rule, open func() RuleStore, events *Events, log *slog.Logger) (*RuleBook, error) {
	b := &RuleBook{engine: e, store: open, events: events, log: log, seen: -1, told: time.Now()}
	return b, b.put(newRuleSet(files, nil))
}

func newRuleSet(files []*rules.Rule, stored []*storedRule) *ruleSet {
	s := &ruleSet{files, stored, make(map[string]*storedRule, len(stored)), make(map[string]*rules.Rule, len(files))}
	for _, r := range files {
		s.locked[r.Name] = r
	}
	for _, r := range stored {
		s.byName[r.Name] = r
	}
	return s
}

// acting returns the rules of the store that are in force: those that this version
// understands, and that no file names.
func (s *ruleSet) acting() []*storedRule {
	list := make([]*storedRule, 0, len(s.stored))
	for _, r := range s.stored {
		if r.rule != nil && s.locked[r.Name] == nil {
			list = append(list, r)
		}
	}
	return list
}

// put puts a set in force, or leaves what was. The lock is held.
func (b *RuleBook) put(s *ruleSet) error {
	all := append(make([]*rules.Rule, 0, len(s.files)+len(s.stored)), s.files...)
	for _, r := range s.acting() {
		all = append(all, r.rule)
	}
	if err := b.engine.Load(all); err != nil {
		return err
	}
	b.current.Store(s)
	return nil
}

// Reload puts other rules of files in force, or leaves those that were. Rules of
// the store stay, but for those whose name a file has now.
func (b *RuleBook) Reload(files []*rules.Rule) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := newRuleSet(files, b.current.Load().stored)
	if err := b.put(s); err != nil {
		return err
	}
	for name := range s.byName {
		if r := s.locked[name]; r != nil {
			b.log.Warn("a rule that was saved by API is not in force: a file has one of its name", slog.String("rule", name), slog.String("file", r.File), slog.Int("line", r.Line))
		}
	}
	return nil
}

// Run puts in force what other processes store, and tells which rules expire,
// until ctx is done.
func (b *RuleBook) Run(ctx context.Context) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			b.Refresh(ctx)
			b.expire(ctx, now)
		}
	}
}

// Refresh puts in force what is in the store. Where the store does not answer,
// what was in force stays; that is logged, once.
func (b *RuleBook) Refresh(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.store()
	if s == nil {
		return
	}
	err := b.refresh(ctx, s)
	if err != nil && !b.failing && ctx.Err() == nil {
		b.log.Error("rules are not read from the store: those that are known stay in force", slog.Any("err", err))
	}
	b.failing = err != nil
}

// refresh reads the store, if anything in it has changed. The lock is held.
func (b *RuleBook) refresh(ctx context.Context, s RuleStore) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	// The revision first: a change after it is found the next time.
	revision, err := s.PolicyRevision(ctx)
	if err != nil || revision == b.seen {
		return err
	}
	list, err := s.Rules(ctx)
	if err != nil {
		return err
	}
	before := b.current.Load()
	stored := make([]*storedRule, len(list))
	for i, r := range list {
		stored[i] = b.understand(before, r)
	}
	if err := b.put(newRuleSet(before.files, stored)); err != nil {
		return err
	}
	b.seen = revision
	return nil
}

// understand returns r with what it says. A rule that was known is not parsed
// again; one that cannot be used is told once.
func (b *RuleBook) understand(known *ruleSet, r store.Rule) *storedRule {
	if k := known.byName[r.Name]; k != nil && k.Revision == r.Revision {
		return &storedRule{r, k.rule, k.err}
	}
	rule, err := parseRule(r.Name, r.Document)
	if err != nil {
		b.log.Error("a rule in the store cannot be used, and is left out", slog.String("rule", r.Name), slog.Any("err", err))
		b.events.Add(Event{At: time.Now(), Kind: "rule", Text: fmt.Sprintf("%s cannot be used by this version, and is left out: %v", r.Name, err)})
	}
	return &storedRule{r, rule, err}
}

// parseRule returns a rule of the store, if this version understands all of it.
func parseRule(name string, document json.RawMessage) (*rules.Rule, error) {
	var s rules.Spec
	if err := strictJSON(document, &s); err != nil {
		return nil, err
	}
	if s.Name != name {
		return nil, fmt.Errorf("it calls itself %.80q", s.Name)
	}
	r, errs := s.Rule()
	return r, invalidRule(errs)
}

// invalidRule puts what is wrong with a rule into the words of the API.
func invalidRule(list []rules.FieldError) error {
	var errs []error
	for _, e := range list {
		field := e.Field
		if e.Field == "match" && e.Item > 0 {
			field = fmt.Sprintf("match[%d]", e.Item)
		}
		errs = append(errs, &Invalid{field, e.Text})
	}
	return errors.Join(errs...)
}

// expire tells of rules that have expired: of those of the store in their history,
// whichever process is the first, of those of files each process for itself.
func (b *RuleBook) expire(ctx context.Context, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	set := b.current.Load()
	gone := func(r *rules.Rule) bool { return r.Mode != rules.Off && !r.Expires.IsZero() && !now.Before(r.Expires) }
	for _, r := range set.files {
		if gone(r) && r.Expires.After(b.told) {
			b.tellExpired(now, r)
		}
	}
	b.told = now
	s := b.store()
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	for _, r := range set.acting() {
		if r.Expired || !gone(r.rule) {
			continue
		}
		err := s.ExpireRule(expiryAudit(ctx, r, now), r.Name, store.RuleEdit{Action: store.RuleExpired, At: now, By: self, Reason: expiryReason(r.rule), Expected: r.Revision})
		switch {
		case err == nil:
			b.tellExpired(now, r.rule)
		case !errors.Is(err, store.ErrConflict): // another process was faster: the next Refresh knows
			b.log.Error("that a rule has expired is not stored", slog.String("rule", r.Name), slog.Any("err", err))
			return
		}
	}
}

// self is who does what nobody asked for.
const self = "headgate"

func expiryReason(r *rules.Rule) string {
	return "it expires at " + r.Expires.UTC().Format(time.RFC3339)
}

func expiryAudit(ctx context.Context, r *storedRule, now time.Time) context.Context {
	return store.WithAudit(ctx, AuditEntry{
		At: now, Who: self, Verb: "rule.expire", Object: ruleObject(r.Name), Tenant: r.rule.Tenant,
		Before: r.Document, After: r.Document, Reason: expiryReason(r.rule),
	})
}

func (b *RuleBook) tellExpired(now time.Time, r *rules.Rule) {
	text := r.Name + " has expired, and does nothing any more"
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	b.log.Info("rule has expired", slog.String("rule", r.Name))
	b.events.Add(Event{At: now, Kind: "rule", Tenant: r.Tenant, Team: r.Team, Text: text})
}
