package control

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/rules"
)

func TestChangesOfRulesThatAreRefused(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	c := ruledBy(t, stored(db))
	bob := c.As(auth.Actor{Name: "bob", Role: auth.Admin})
	r := create(t, c, dropping("a", "up"), RuleChange{})
	create(t, c, dropping("gone", "up"), RuleChange{})
	if err := bob.DeleteRule(t.Context(), "gone", whatever); err != nil {
		t.Fatal(err)
	}
	changed, err := bob.SaveRule(t.Context(), dropping("a", "down"), RuleChange{Change: Change{r.Revision}})
	if err != nil {
		t.Fatal(err)
	}
	save := func(s rules.Spec, revision int64) error {
		_, err := c.SaveRule(t.Context(), s, RuleChange{Change: Change{revision}})
		return err
	}
	made := func(c *Control, s rules.Spec, by RuleChange) error {
		_, err := c.CreateRule(t.Context(), s, by)
		return err
	}
	for _, tt := range []struct {
		name string
		err  error
		is   error // nil: an Invalid
		want string
	}{
		{"changed since", save(dropping("a", "x"), r.Revision), ErrConflict, "rule a was changed by bob at " + changed.UpdatedAt.Format(time.RFC3339)},
		{"deleted since", save(dropping("gone", "x"), 1), ErrConflict, "rule gone was deleted by bob at "},
		{"never there", save(dropping("none", "x"), 1), ErrNotFound, `there is no rule "none"`},
		{"without a revision", save(dropping("a", "x"), NoRevision), ErrRevision, "If-Match"},
		{"with the revision of what is not there", save(dropping("a", "x"), 0), ErrConflict, "was changed by bob"},
		{"made twice", made(c, dropping("a", "x"), RuleChange{}), ErrExists, "there is a rule a already, by bob"},
		{"made with the name of a file's", made(c, dropping("drop-debug", "x"), RuleChange{}), ErrLocked, "rule drop-debug is in rules/a.yml, line 3: change it there and reload"},
		{"deleted though in a file", c.DeleteRule(t.Context(), "keep-slo", whatever), ErrLocked, "rules/a.yml, line 2"},
		{"deleted though not there", c.DeleteRule(t.Context(), "none", whatever), ErrNotFound, "no rule"},
		{"no selector", made(c, rules.Spec{Name: "c", Action: "drop"}, RuleChange{}), nil, "match: a rule needs a selector"},
		{"one bad selector", made(c, rules.Spec{Name: "c", Match: rules.Selectors{"up", "{"}, Action: "drop"}, RuleChange{}), nil, "match[1]: "},
		{"a bad name", made(c, dropping("A/B", "up"), RuleChange{}), nil, "name: "},
		{"a position of files", made(c, dropping("c", "up"), RuleChange{Position: 2}), nil, "position: positions up to 2 are those of rules in files"},
		{"a long reason", made(c, dropping("c", "up"), RuleChange{Reason: strings.Repeat("x", 2000)}), nil, "reason: "},
		{"without the store", made(ruledBy(t, nothingStored), dropping("c", "up"), RuleChange{}), ErrUnavailable, "try again"},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) || tt.is != nil && !errors.Is(tt.err, tt.is) {
			t.Errorf("%s: error %v, want %v with %q", tt.name, tt.err, tt.is, tt.want)
		}
		if _, invalid := errors.AsType[*Invalid](tt.err); tt.is == nil && !invalid {
			t.Errorf("%s: error %T, want an Invalid", tt.name, tt.err)
		}
	}
	wantRules(t, c, "keep-slo drop-debug a")
}

func TestARuleIsReverted(t *testing.T) {
	c := ruledBy(t, stored(openStore(t, storetest.SQLite(t))))
	first := create(t, c, dropping("a", "up"), RuleChange{Reason: "first"})
	if _, err := c.SaveRule(t.Context(), dropping("a", "down"), whatever); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RevertRule(t.Context(), "a", first.Revision, RuleChange{Change: Change{first.Revision}}); !errors.Is(err, ErrConflict) {
		t.Errorf("reverted with a stale revision: %v, want ErrConflict", err)
	}
	r, err := c.RevertRule(t.Context(), "a", first.Revision, RuleChange{Change: Change{NoRevision}})
	if err != nil || r.Rule.Match[0].String() != first.Rule.Match[0].String() {
		t.Fatalf("the rule is %+v, %v", r, err)
	}
	if err := c.DeleteRule(t.Context(), "a", whatever); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RevertRule(t.Context(), "a", 4, whatever); err == nil || !strings.Contains(err.Error(), "revision 4 deleted the rule") {
		t.Errorf("reverted to its end: %v", err)
	}
	if _, err := c.RevertRule(t.Context(), "a", 2, whatever); err != nil {
		t.Errorf("one that was deleted is not made again: %v", err)
	}
	for name, want := range map[string]string{"a": "revision: rule a has no revision 99", "none": `no rule "none"`, "keep-slo": "rules/a.yml"} {
		if _, err := c.RevertRule(t.Context(), name, 99, whatever); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("revert of %s: %v, want %q", name, err, want)
		}
	}

	var words []string
	for cursor := ""; ; {
		page, err := c.RuleHistory(t.Context(), "a", 2, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range page.History {
			words = append(words, fmt.Sprintf("%d %s: %s", h.Revision, h.Action, h.Reason))
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	want := []string{"5 reverted: reverted to revision 2", "4 deleted: ", "3 reverted: reverted to revision 1", "2 saved: ", "1 saved: first"}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if page, err := c.RuleHistory(t.Context(), "keep-slo", 0, ""); err != nil || len(page.History) != 0 {
		t.Errorf("the history of a file's rule is %v, %v; want none", page, err)
	}
	if _, err := c.RuleHistory(t.Context(), "none", 0, ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
}

func TestARuleThatBreaksAnAlertNeedsAReason(t *testing.T) {
	c := ruledBy(t, stored(openStore(t, storetest.SQLite(t))))
	c.parts.Usage = asking(t, map[string]string{"Down": "up == 0", "Perhaps": `{__name__=~"unread_.*"} > 0`})
	create(t, c, dropping("safe", "unread_a"), RuleChange{})
	tried := dropping("tried", "up")
	tried.Mode = "shadow"
	create(t, c, tried, RuleChange{})
	_, err := c.CreateRule(t.Context(), dropping("a", "up"), RuleChange{})
	const want = "override: the rule breaks 1 alert; set override to true and give a reason if that is meant, or try it with mode: shadow\nbreaks[0]: alert Down in alerts.yml: every series of up is dropped: it finds nothing"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, err := c.CreateRule(t.Context(), dropping("a", "up"), RuleChange{Override: true}); err == nil || !strings.HasPrefix(err.Error(), "reason: ") {
		t.Errorf("error %v, want a reason to be asked for", err)
	}
	r := create(t, c, dropping("a", "up"), RuleChange{Override: true, Reason: "the alert goes, too"})
	if _, err := c.SaveRule(t.Context(), dropping("tried", "up"), whatever); err == nil {
		t.Error("a shadow rule that breaks an alert is enforced")
	}
	if _, err := c.RevertRule(t.Context(), "a", r.Revision, whatever); err == nil || !strings.Contains(err.Error(), "override") {
		t.Errorf("error %v, want an override to be asked for", err)
	}
}

func TestWhatOfARuleChanged(t *testing.T) {
	was := rules.Spec{Name: "a", Match: rules.Selectors{"up"}, Action: "drop", Mode: "shadow"}
	is := rules.Spec{Name: "a", Match: rules.Selectors{"up", "down"}, Action: "downsample", Interval: "60s", When: "always"}
	if got, want := SpecDifference(was, is), "match up to [up down], action drop to downsample, interval unset to 60s, mode shadow to enforce"; got != want {
		t.Errorf("the difference is %q, want %q", got, want)
	}
}
