package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

func ruleEdit(action store.RuleAction, expected int64) store.RuleEdit {
	return store.RuleEdit{Action: action, At: noon, By: "ann", Reason: "why", Expected: expected}
}

// A ruleShelf is a store whose rules are put and looked at.
type ruleShelf struct {
	*testing.T
	*store.DB
}

// put saves a rule that must be taken.
func (s ruleShelf) put(name, document string, place store.RulePlace, expected int64) store.Rule {
	s.Helper()
	r, err := s.PutRule(s.Context(), name, json.RawMessage(document), place, ruleEdit(store.RuleSaved, expected))
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// want checks the order of the rules.
func (s ruleShelf) want(names string) []store.Rule {
	s.Helper()
	list, err := s.Rules(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	var got []string
	for _, r := range list {
		got = append(got, r.Name)
	}
	if strings.Join(got, " ") != names {
		s.Errorf("the rules are %q, want %q", strings.Join(got, " "), names)
	}
	return list
}

func TestRules(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := ruleShelf{t, open(t, url)}
		stays := store.RulePlace{}
		b := s.put("b", `{"v":1}`, stays, 0)
		a := s.put("a", `{"v":1}`, stays, 0)
		if diff := cmp.Diff([]store.Rule{b, a}, s.want("b a")); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		a = s.put("a", `{"v":2}`, store.RulePlace{Move: true, Before: "b"}, a.Revision)
		s.want("a b")
		if a.Revision != 3 || a.UpdatedBy != "ann" || !a.UpdatedAt.Equal(noon) {
			t.Errorf("the rule is %+v, want revision 3 by ann at noon", a)
		}

		for what, f := range map[string]func() error{
			"made where there is one": func() error {
				_, err := s.PutRule(t.Context(), "a", json.RawMessage("{}"), stays, ruleEdit(store.RuleSaved, 0))
				return err
			},
			"changed since": func() error {
				_, err := s.PutRule(t.Context(), "a", json.RawMessage("{}"), stays, ruleEdit(store.RuleSaved, 2))
				return err
			},
			"put before one that is gone": func() error {
				_, err := s.PutRule(t.Context(), "a", json.RawMessage("{}"), store.RulePlace{Move: true, Before: "z"}, ruleEdit(store.RuleSaved, 3))
				return err
			},
			"deleted though changed since": func() error { return s.DeleteRule(t.Context(), "a", ruleEdit(store.RuleDeleted, 2)) },
			"expired though changed since": func() error { return s.ExpireRule(t.Context(), "a", ruleEdit(store.RuleExpired, 2)) },
		} {
			if err := f(); !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: error %v, want ErrConflict", what, err)
			}
		}
		if _, err := s.PutRule(t.Context(), "c", json.RawMessage("{"), stays, ruleEdit(store.RuleSaved, 0)); err == nil {
			t.Error("a document that is no JSON was taken")
		}

		if err := s.ExpireRule(t.Context(), "a", ruleEdit(store.RuleExpired, 3)); err != nil {
			t.Fatal(err)
		}
		if err := s.ExpireRule(t.Context(), "a", ruleEdit(store.RuleExpired, 3)); !errors.Is(err, store.ErrConflict) {
			t.Errorf("expired twice: error %v, want ErrConflict", err)
		}
		if list := s.want("a b"); !list[0].Expired || list[0].Revision != 3 {
			t.Errorf("the rule is %+v, want it expired, of its revision", list[0])
		}
		if err := s.DeleteRule(t.Context(), "a", ruleEdit(store.RuleDeleted, 3)); err != nil {
			t.Fatal(err)
		}
		s.want("b")
		if a = s.put("a", `{"v":3}`, stays, 0); a.Expired {
			t.Error("a rule that is made again has expired")
		}

		var words []string
		for before := int64(0); ; { // pages of two
			page, err := s.RuleRevisions(t.Context(), "a", before, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page {
				words = append(words, fmt.Sprintf("%d %s by %s, %s: %s > %s", r.Revision, r.Action, r.By, r.Reason, r.Before, r.After))
				before = r.Revision
			}
			if len(page) < 2 {
				break
			}
		}
		want := []string{
			`6 saved by ann, why:  > {"v":3}`,
			`5 deleted by ann, why: {"v":2} > `,
			`4 expired by ann, why: {"v":2} > {"v":2}`,
			`3 saved by ann, why: {"v":1} > {"v":2}`,
			`2 saved by ann, why:  > {"v":1}`,
		}
		if diff := cmp.Diff(want, words); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		if r, err := s.RuleRevision(t.Context(), "a", 3); err != nil || string(r.After) != `{"v":2}` {
			t.Errorf("RuleRevision(a, 3) = %s, %v", r.After, err)
		}
		if _, err := s.RuleRevision(t.Context(), "b", 3); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a revision of another rule: error %v, want ErrNotFound", err)
		}
	})
}

func TestARuleFitsBetweenOthersHoweverOften(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		s := ruleShelf{t, open(t, url)}
		s.put("first", "{}", store.RulePlace{}, 0)
		s.put("last", "{}", store.RulePlace{}, 0)
		want := "first"
		for i := range 30 { // more than the gap can be halved
			name := fmt.Sprintf("r%02d", i)
			s.put(name, "{}", store.RulePlace{Move: true, Before: "last"}, 0)
			want += " " + name
		}
		s.want(want + " last")
	})
}
