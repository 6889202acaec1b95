package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/store"
)

// An Origin says where an entry of a policy comes from.
type Origin struct {
	Source string // FromFile or FromAPI
	File   string // where Source is FromFile
}

// origin returns where what the file holds comes from.
func (f *PolicyFile) origin() Origin { return Origin{FromFile, f.Name} }

// locked says that something is in the file under a key of its section.
func (f *PolicyFile) locked(place, what, key string) error {
	return &locked{fmt.Sprintf("%s: %s is in %s, under attribution.%s: change it there and reload, or leave it here as it is there", place, what, f.Name, key)}
}

// A policyDraft returns all that the store is to have of a kind, of what is in force.
// It may be called twice.
type policyDraft func(*policySet) (storedPolicies, error)

// setPolicy makes what draft returns all that the store has of a kind, from now on.
func (c *Control) setPolicy(ctx context.Context, kind store.PolicyKind, by Change, draft policyDraft) error {
	ps := c.parts.Policies
	ps.mu.Lock()
	defer ps.mu.Unlock()
	// It goes on where its sender does not wait for the answer, because half of it
	// may be done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	s, revision, next, err := ps.drafted(ctx, kind, by, draft)
	if err != nil {
		return err
	}
	before := ps.current.Load()
	document, err := next.document(kind)
	if err != nil {
		return err
	}
	e := AuditEntry{Verb: string(kind) + ".set", Object: string(kind), After: document}
	if revision > 0 {
		if e.Before, err = before.stored.document(kind); err != nil {
			return err
		}
	}
	put, err := s.PutPolicy(c.audit(ctx, e), store.Policy{Kind: kind, Document: document, UpdatedAt: time.Now(), UpdatedBy: c.actor.String()}, revision)
	if err != nil {
		return ps.refused(kind, err)
	}
	if next, err = next.with(put); err != nil {
		return err
	}
	if err := ps.put(before.file, next); err != nil {
		return err
	}
	text := fmt.Sprintf("%s: set by %s: %s", kind, c.actor, difference(before.stored.lines(kind), next.lines(kind)))
	ps.log.Info("policy", slog.String("what", text))
	c.parts.Events.Add(Event{At: time.Now(), Kind: "policy", Who: c.actor.Name, Text: text})
	return nil
}

// A policyTrial is a change of one kind that is not made.
type policyTrial struct {
	was, is *policySet // in force now, and after it
	change  string     // what it changes, in words
}

// tryPolicy checks everything that setPolicy does, and returns what would be.
func (c *Control) tryPolicy(ctx context.Context, kind store.PolicyKind, by Change, draft policyDraft) (policyTrial, error) {
	ps := c.parts.Policies
	ps.mu.Lock()
	defer ps.mu.Unlock()
	_, _, next, err := ps.drafted(ctx, kind, by, draft)
	if err != nil {
		return policyTrial{}, err
	}
	p := policyTrial{was: ps.current.Load()}
	p.change = difference(p.was.stored.lines(kind), next.lines(kind))
	p.is, err = newPolicySet(p.was.file, next, p.was)
	return p, err
}

// drafted returns the store, the revision of what it has of a kind, and what it is
// to have. The lock is held.
func (ps *Policies) drafted(ctx context.Context, kind store.PolicyKind, by Change, draft policyDraft) (s PolicyStore, revision int64, next storedPolicies, err error) {
	if by.Revision == NoRevision {
		return nil, 0, next, ErrRevision
	}
	// What is wrong is said whether the store answers or not.
	if _, err = draft(ps.current.Load()); err != nil {
		return nil, 0, next, err
	}
	if s, revision, err = ps.begin(ctx, kind, by.Revision); err != nil {
		return nil, 0, next, err
	}
	next, err = draft(ps.current.Load())
	return s, revision, next, err
}

// begin returns the store and the revision of what it has of a kind, 0 for
// nothing, if it is the one expected. The lock is held.
func (ps *Policies) begin(ctx context.Context, kind store.PolicyKind, expected int64) (PolicyStore, int64, error) {
	s := ps.store()
	if s == nil {
		return nil, 0, ErrUnavailable
	}
	if err := ps.refresh(ctx, s); err != nil {
		return nil, 0, ps.refused(kind, err)
	}
	is := ps.current.Load().stored.stamps[kind]
	if expected != AnyRevision && expected != is.Revision {
		if is.Revision == 0 {
			return nil, 0, ErrConflict
		}
		return nil, 0, &conflict{fmt.Sprintf("%s were changed by %s at %s: read them again, and send their new ETag as If-Match", kind, is.UpdatedBy, is.UpdatedAt.Format(time.RFC3339))}
	}
	return s, is.Revision, nil
}

// refused turns an error of the store into one of this package.
func (ps *Policies) refused(kind store.PolicyKind, err error) error {
	if errors.Is(err, store.ErrConflict) {
		return ErrConflict // another process was faster
	}
	ps.log.Error("a policy was not stored", slog.String("policy", string(kind)), slog.Any("err", err))
	return ErrUnavailable
}

// invalidAt puts errors that are written "key: text" into the words of the API,
// under a place. Where there is no key they are of the place itself.
func invalidAt(place string, err error) []error {
	if err == nil {
		return nil
	}
	list := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		list = many.Unwrap()
	}
	var errs []error
	for _, e := range list {
		field, text := place, e.Error()
		if key, rest, ok := strings.Cut(text, ": "); ok && isKey(key) {
			field, text = place+"."+key, rest
		}
		errs = append(errs, &Invalid{field, text})
	}
	return errs
}

// maxInvalid is how many mistakes of one change are told.
const maxInvalid = 100

// asInvalid returns errs as one error, nil where there are none.
func asInvalid(errs []error) error { return errors.Join(errs[:min(maxInvalid, len(errs))]...) }

// isKey reports whether s is written as keys are.
func isKey(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// A policyLine is one entry of a policy in words.
type policyLine struct {
	key   string // what it is of
	value string // what it says; "" where that is in the key
}

func (l policyLine) String() string {
	if l.value == "" {
		return l.key
	}
	return l.key + ": " + l.value
}

// maxDifferences is how many differences are named.
const maxDifferences = 20

// difference says what changed, in words.
func difference(was, is []policyLine) string {
	left := map[string][]string{} // values of was by key, that have no match yet
	for _, l := range was {
		left[l.key] = append(left[l.key], l.value)
	}
	var words []string
	for _, l := range is {
		values := left[l.key]
		switch {
		case len(values) == 0:
			words = append(words, "added "+l.String())
			continue
		case values[0] != l.value:
			words = append(words, fmt.Sprintf("changed %s: %s to %s", l.key, values[0], l.value))
		}
		left[l.key] = values[1:]
	}
	for _, l := range was {
		if values := left[l.key]; len(values) > 0 {
			words = append(words, "removed "+policyLine{l.key, values[0]}.String())
			left[l.key] = values[1:]
		}
	}
	if len(words) == 0 {
		if !sameOrder(was, is) {
			return "their order changed"
		}
		return "nothing changed"
	}
	if more := len(words) - maxDifferences; more > 0 {
		words = append(words[:maxDifferences], fmt.Sprintf("and %d more changes", more))
	}
	return strings.Join(words, "; ")
}

func sameOrder(was, is []policyLine) bool {
	for i := range was {
		if i >= len(is) || was[i] != is[i] {
			return false
		}
	}
	return true
}
