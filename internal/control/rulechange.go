package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
)

// A RuleChange says how a rule is to be changed.
type RuleChange struct {
	Change
	Reason   string // why, for the history; the rule's own where it is empty
	DryRun   bool   // everything is checked and nothing is changed
	Override bool   // it is meant although it breaks alerts
	Position int    // in the order of precedence, from 1, behind those of files; 0: it stays where it is, a new one becomes the last
}

// CreateRule makes a rule, in force from now on. It must have a name of its own.
func (c *Control) CreateRule(ctx context.Context, s rules.Spec, by RuleChange) (Rule, error) {
	by.Revision = 0
	return c.putRule(ctx, s, by, "rule.create", store.RuleSaved)
}

// SaveRule changes what a rule says, from now on.
func (c *Control) SaveRule(ctx context.Context, s rules.Spec, by RuleChange) (Rule, error) {
	if by.Revision == 0 {
		by.Revision = NotRevision
	}
	return c.putRule(ctx, s, by, "rule.save", store.RuleSaved)
}

// putRule stores what s says and puts it in force.
func (c *Control) putRule(ctx context.Context, s rules.Spec, by RuleChange, verb string, action store.RuleAction) (Rule, error) {
	if err := c.mayChangeRules(); err != nil {
		return Rule{}, err
	}
	r, errs := s.Rule()
	if len(errs) > 0 {
		return Rule{}, invalidRule(errs)
	}
	if err := reasonable(&by, r.Reason); err != nil {
		return Rule{}, err
	}
	b := c.parts.RuleBook
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := c.mayChangeRule(r.Name, r); err != nil {
		return Rule{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout) // half of it may be done: it goes on without its sender
	defer cancel()
	st, was, err := b.begin(ctx, r.Name, by.Revision)
	if err != nil {
		return Rule{}, err
	}
	if err := c.mayChangeRule(r.Name, r); err != nil { // it may be another's since then
		return Rule{}, err
	}
	set := b.current.Load()
	if was == nil && len(set.stored) >= maxStoredRules {
		return Rule{}, &Invalid{"name", fmt.Sprintf("%d rules are stored, and there is no room for more; delete some, or put them into files", len(set.stored))}
	}
	place, err := set.place(r.Name, by.Position)
	if err != nil {
		return Rule{}, err
	}
	if err := c.breaks(r, by); err != nil {
		return Rule{}, err
	}
	if by.DryRun {
		return c.wouldBe(set, r, was, by.Position), nil
	}
	document := jsonOf(r.Spec())
	var before json.RawMessage
	expected := int64(0)
	if was != nil {
		before, expected = was.Document, was.Revision
		if place.Move && action == store.RuleSaved && bytes.Equal(before, document) {
			verb, action = "rule.move", store.RuleMoved
		}
	}
	put, err := st.PutRule(c.audit(ctx, AuditEntry{Verb: verb, Object: ruleObject(r.Name), Tenant: r.Tenant, Before: before, After: document, Reason: by.Reason}),
		r.Name, document, place, store.RuleEdit{Action: action, At: time.Now(), By: c.actor.String(), Reason: by.Reason, Expected: expected})
	if err != nil {
		return Rule{}, b.refused(r.Name, err)
	}
	if err := b.changed(ctx, st, put.Name); err != nil {
		return Rule{}, err
	}
	c.tellRule(r, string(action), ruleDifference(was, r), by)
	return c.Rule(r.Name)
}

// DeleteRule ends a rule, and keeps its history.
func (c *Control) DeleteRule(ctx context.Context, name string, by RuleChange) error {
	if err := c.mayChangeRules(); err != nil {
		return err
	}
	if err := reasonable(&by, ""); err != nil {
		return err
	}
	if by.Revision == 0 {
		by.Revision = NotRevision
	}
	b := c.parts.RuleBook
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := c.mayChangeRule(name, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	st, was, err := b.begin(ctx, name, by.Revision)
	if err == nil {
		err = c.mayChangeRule(name, nil) // it may be another's since then
	}
	if err != nil || by.DryRun {
		return err
	}
	e := AuditEntry{Verb: "rule.delete", Object: ruleObject(name), Before: was.Document, Reason: by.Reason}
	gone := &rules.Rule{Name: name}
	if was.rule != nil {
		gone, e.Tenant = was.rule, was.rule.Tenant
	}
	err = st.DeleteRule(c.audit(ctx, e), name, store.RuleEdit{Action: store.RuleDeleted, At: time.Now(), By: c.actor.String(), Reason: by.Reason, Expected: was.Revision})
	if err != nil {
		return b.refused(name, err)
	}
	if err := b.changed(ctx, st, name); err != nil {
		return err
	}
	c.tellRule(gone, string(store.RuleDeleted), "", by)
	return nil
}

func ruleObject(name string) string { return "rules/" + name }

// reasonable gives the change a reason, and refuses one that is too long.
func reasonable(by *RuleChange, of string) error {
	if by.Reason == "" {
		by.Reason = of
	}
	return checkReason(by.Reason)
}

// begin returns the store and the rule as it is, nil for none, if it is the one
// expected. A revision of 0 expects none. The lock is held.
func (b *RuleBook) begin(ctx context.Context, name string, expected int64) (RuleStore, *storedRule, error) {
	if r := b.current.Load().locked[name]; r != nil {
		return nil, nil, lockedRule(r)
	}
	if expected == NoRevision {
		return nil, nil, ErrRevision
	}
	s := b.store()
	if s == nil {
		return nil, nil, ErrUnavailable
	}
	if err := b.refresh(ctx, s); err != nil {
		return nil, nil, b.refused(name, err)
	}
	is := b.current.Load().byName[name]
	switch {
	case is == nil && expected == 0:
		return s, nil, nil
	case is == nil:
		return nil, nil, b.gone(ctx, s, name, expected)
	case expected == 0:
		return nil, nil, &exists{fmt.Sprintf("there is a rule %s already, by %s; change that one, or choose another name", name, is.UpdatedBy)}
	case expected != AnyRevision && expected != is.Revision:
		return nil, nil, &conflict{fmt.Sprintf("rule %s was changed by %s at %s: read it again, and send its new ETag, %q, as If-Match",
			name, is.UpdatedBy, is.UpdatedAt.Format(time.RFC3339), fmt.Sprint(is.Revision))}
	}
	return s, is, nil
}

// gone is the error where there is no such rule any more, or never was.
func (b *RuleBook) gone(ctx context.Context, s RuleStore, name string, expected int64) error {
	list, err := s.RuleRevisions(ctx, name, 0, 1)
	if err != nil {
		return b.refused(name, err)
	}
	if len(list) == 0 || expected == AnyRevision {
		return noRule(name)
	}
	return &conflict{fmt.Sprintf("rule %s was deleted by %s at %s; revert it to one of its revisions to have it again", name, list[0].By, list[0].At.Format(time.RFC3339))}
}

func noRule(name string) error {
	return &missing{fmt.Sprintf("there is no rule %.80q; GET /api/v1/rules lists those there are", name)}
}

// lockedRule says where a rule lives.
func lockedRule(r *rules.Rule) error {
	return &locked{fmt.Sprintf("rule %s is in %s, line %d: change it there and reload, or remove it there to keep it here", r.Name, r.File, r.Line)}
}

// refused turns an error of the store into one of this package.
func (b *RuleBook) refused(name string, err error) error {
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return ErrConflict // another process was faster
	}
	b.log.Error("a rule was not stored", slog.String("rule", name), slog.Any("err", err))
	return ErrUnavailable
}

// changed puts in force what was stored. Where it cannot be read again, it is the
// next Refresh that does.
func (b *RuleBook) changed(ctx context.Context, s RuleStore, name string) error {
	if err := b.refresh(ctx, s); err != nil {
		b.log.Warn("a rule was stored, and is not in force yet", slog.String("rule", name), slog.Any("err", err))
		return &unavailable{fmt.Sprintf("the change of rule %s is stored, and is in force a second after the store answers again", name)}
	}
	return nil
}

// place returns where in the store a position in force is.
func (s *ruleSet) place(name string, position int) (store.RulePlace, error) {
	if position == 0 {
		return store.RulePlace{}, nil
	}
	at := position - len(s.files) - 1
	if at < 0 {
		if len(s.files) == 0 {
			return store.RulePlace{}, &Invalid{"position", "positions begin at 1"}
		}
		return store.RulePlace{}, &Invalid{"position", fmt.Sprintf("positions up to %d are those of rules in files, which come first; take %d or more", len(s.files), len(s.files)+1)}
	}
	others := slices.DeleteFunc(s.acting(), func(r *storedRule) bool { return r.Name == name })
	if at >= len(others) {
		return store.RulePlace{Move: true}, nil
	}
	return store.RulePlace{Move: true, Before: others[at].Name}, nil
}

// breaks returns an error where r, enforced, breaks an alert and nobody said that
// this is meant.
func (c *Control) breaks(r *rules.Rule, by RuleChange) error {
	if !c.KnowsQueries() || r.Mode != rules.Enforce || r.State(time.Now()) == rules.StateExpired || r.Action != rules.Drop && r.Action != rules.Downsample {
		return nil
	}
	var errs []error
	const named = 20
	n := 0
	for _, broken := range c.Breaks(r) {
		if broken.Query.Kind != usage.Alert || broken.Verdict != usage.Breaks {
			continue
		}
		if n++; n <= named {
			errs = append(errs, &Invalid{fmt.Sprintf("breaks[%d]", n-1), fmt.Sprintf("alert %s in %s: %s", broken.Query.Name, broken.Query.File, broken.Why)})
		}
	}
	switch {
	case n == 0 || by.Override && by.Reason != "":
		return nil
	case by.Override:
		return &Invalid{"reason", "why is it meant although it breaks alerts? give a reason"}
	}
	word := "alerts"
	if n == 1 {
		word = "alert"
	}
	return errors.Join(append([]error{&Invalid{"override",
		fmt.Sprintf("the rule breaks %d %s; set override to true and give a reason if that is meant, or try it with mode: shadow", n, word)}}, errs...)...)
}

// wouldBe returns r as it would be listed.
func (c *Control) wouldBe(set *ruleSet, r *rules.Rule, was *storedRule, position int) Rule {
	acting := set.acting()
	at := slices.IndexFunc(acting, func(o *storedRule) bool { return o.Name == r.Name })
	others := len(acting)
	if at >= 0 {
		others--
	} else {
		at = others
	}
	if position > 0 {
		at = min(position-len(set.files)-1, others)
	}
	out := Rule{Rule: r, Source: FromAPI, Position: len(set.files) + at + 1, State: r.State(time.Now())}
	if was != nil {
		out.Revision, out.UpdatedAt, out.UpdatedBy = was.Revision, was.UpdatedAt, was.UpdatedBy
	}
	return out
}

// tellRule tells what was done to a rule.
func (c *Control) tellRule(r *rules.Rule, action, difference string, by RuleChange) {
	text := fmt.Sprintf("%s %s by %s", r.Name, action, c.actor)
	if by.Override {
		text += ", although it may break alerts"
	}
	if difference != "" {
		text += ": " + difference
	}
	if by.Reason != "" {
		text += "; reason: " + by.Reason
	}
	c.parts.RuleBook.log.Info("rule", slog.String("rule", r.Name), slog.String("what", text))
	c.parts.Events.Add(Event{At: time.Now(), Kind: "rule", Tenant: r.Tenant, Team: r.Team, Who: c.actor.Name, Text: text})
}

// ruleDifference says what of a rule changed, by its keys.
func ruleDifference(was *storedRule, r *rules.Rule) string {
	if was == nil || was.rule == nil {
		return ""
	}
	return SpecDifference(was.rule.Spec(), r.Spec())
}

// SpecDifference says what two rules say differently, by their keys; "" where it
// is nothing.
func SpecDifference(was, is rules.Spec) string {
	for _, s := range []*rules.Spec{&was, &is} { // what is left out has a word, too
		if s.Mode == "" {
			s.Mode = rules.Enforce.String()
		}
		if s.When == "" {
			s.When = rules.Always.String()
		}
	}
	var words []string
	a, b := reflect.ValueOf(was), reflect.ValueOf(is)
	for i := range a.NumField() {
		if reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			continue
		}
		key, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("yaml"), ",")
		words = append(words, fmt.Sprintf("%s %s to %s", key, specWord(a.Field(i)), specWord(b.Field(i))))
	}
	return strings.Join(words, ", ")
}

// specWord returns a field of a rule for people.
func specWord(v reflect.Value) string {
	switch {
	case v.IsZero():
		return "unset"
	case v.Kind() == reflect.Slice && v.Len() == 1:
		return fmt.Sprint(v.Index(0))
	}
	return fmt.Sprint(v)
}
