package control

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/rules"
)

// ruledBy returns a Control of the rules of a file, keep-slo and drop-debug, and of
// those in the store that open returns.
func ruledBy(t *testing.T, open func() RuleStore) *Control {
	t.Helper()
	files, problems := rules.ParseFile("rules/a.yml", []byte("rules:\n  - {name: keep-slo, match: slo, action: keep}\n  - {name: drop-debug, match: debug, action: drop}\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	engine, events := rules.NewEngine(), NewEvents(discard)
	b, err := NewRuleBook(engine, files, open, events, discard)
	if err != nil {
		t.Fatal(err)
	}
	b.Refresh(t.Context())
	audits := NewAudits(func() AuditStore {
		if s, ok := open().(AuditStore); ok {
			return s
		}
		return nil
	}, discard)
	return New(Parts{Rules: engine, RuleBook: b, Audits: audits, Events: events}).As(auth.Actor{Name: "ann", From: "10.0.0.1", Role: auth.Admin})
}

func stored(s RuleStore) func() RuleStore { return func() RuleStore { return s } }

func nothingStored() RuleStore { return nil }

func dropping(name, match string) rules.Spec {
	return rules.Spec{Name: name, Match: rules.Selectors{match}, Action: "drop"}
}

var whatever = RuleChange{Change: Change{AnyRevision}}

// create makes a rule, which must be taken.
func create(t *testing.T, c *Control, s rules.Spec, by RuleChange) Rule {
	t.Helper()
	r, err := c.CreateRule(t.Context(), s, by)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantRules checks the names of the rules in force, in order, in the list and in the
// engine.
func wantRules(t *testing.T, c *Control, names string) {
	t.Helper()
	var listed, loaded []string
	for _, r := range c.List() {
		listed = append(listed, r.Rule.Name)
	}
	for _, r := range c.parts.Rules.Rules() {
		loaded = append(loaded, r.Name)
	}
	if got := strings.Join(listed, " "); got != names || !slices.Equal(listed, loaded) {
		t.Errorf("the rules are %q, and %q are loaded; want %q", got, strings.Join(loaded, " "), names)
	}
}

// ruleEvents returns what was told of rules, newest first.
func ruleEvents(t *testing.T, c *Control) []string {
	t.Helper()
	page, err := c.Events(t.Context(), EventQuery{Kind: "rule"})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range page.Events {
		texts = append(texts, e.Text)
	}
	return texts
}

func TestRulesOfTheStoreStandBehindThoseOfFiles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := openStore(t, url)
		c := ruledBy(t, stored(db))
		a := create(t, c, dropping("a", "up"), RuleChange{})
		create(t, c, dropping("b", "up"), RuleChange{})
		if a.Position != 3 || a.Source != FromAPI || a.UpdatedBy != "ann from 10.0.0.1" || a.Revision == 0 {
			t.Errorf("the rule is %+v, want it third, of the API, by ann", a)
		}
		wantRules(t, c, "keep-slo drop-debug a b")

		other := ruledBy(t, stored(db))
		wantRules(t, other, "keep-slo drop-debug a b")
		if _, err := other.SaveRule(t.Context(), dropping("b", "up"), RuleChange{Change: Change{AnyRevision}, Position: 3}); err != nil {
			t.Fatal(err)
		}
		c.parts.RuleBook.Refresh(t.Context())
		wantRules(t, c, "keep-slo drop-debug b a")

		// A reload of files keeps them, but for one whose name a file has now.
		files, _ := rules.ParseFile("rules/b.yml", []byte("rules: [{name: b, match: down, action: keep}]"))
		if err := c.parts.RuleBook.Reload(files); err != nil {
			t.Fatal(err)
		}
		wantRules(t, c, "b a")
		if r, err := c.Rule("b"); err != nil || r.Source != FromFile {
			t.Errorf("the rule is %+v, %v; want that of the file", r, err)
		}
		if err := c.parts.RuleBook.Reload(nil); err != nil {
			t.Fatal(err)
		}
		wantRules(t, c, "b a")

		if err := c.DeleteRule(t.Context(), "a", RuleChange{Change: Change{a.Revision}, Reason: "done"}); err != nil {
			t.Fatal(err)
		}
		wantRules(t, c, "b")
		want := []string{
			"a deleted by ann from 10.0.0.1; reason: done",
			"b saved by ann from 10.0.0.1",
			"a saved by ann from 10.0.0.1",
		}
		if diff := cmp.Diff(want, ruleEvents(t, c)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestADryRunChangesNothing(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	c := ruledBy(t, stored(db))
	r := create(t, c, dropping("a", "up"), RuleChange{})
	dry := func(revision int64) RuleChange { return RuleChange{Change: Change{revision}, DryRun: true} }
	would, err := c.CreateRule(t.Context(), dropping("b", "up"), RuleChange{DryRun: true, Position: 3})
	if err != nil || would.Position != 3 || would.Revision != 0 {
		t.Errorf("it would be %+v, %v; want it third", would, err)
	}
	would, err = c.SaveRule(t.Context(), dropping("a", "down"), dry(r.Revision))
	if err != nil || !strings.Contains(would.Rule.Match[0].String(), "down") || would.Position != 3 {
		t.Errorf("it would be %+v, %v", would, err)
	}
	if _, err := c.SaveRule(t.Context(), dropping("a", "down"), dry(99)); err == nil {
		t.Error("a stale revision was taken")
	}
	if err := c.DeleteRule(t.Context(), "a", dry(r.Revision)); err != nil {
		t.Error(err)
	}
	if is, err := c.Rule("a"); err != nil || is.Revision != r.Revision {
		t.Errorf("the rule is %+v, %v; want it as it was", is, err)
	}
	wantRules(t, c, "keep-slo drop-debug a")
	if chain, err := db.VerifyAudit(t.Context()); err != nil || chain.Entries != 1 {
		t.Errorf("the audit is %+v, %v; want the one entry", chain, err)
	}
}

func TestARuleThatANewerVersionWroteIsLeftOut(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	edit := store.RuleEdit{Action: store.RuleSaved, At: time.Now(), By: "newer"}
	for name, document := range map[string]string{
		"new":  `{"name":"new","match":"up","action":"teleport"}`,
		"odd":  `{"name":"odd","match":"up","action":"drop","colour":"red"}`,
		"fine": `{"name":"fine","match":"up","action":"drop"}`,
	} {
		if _, err := db.PutRule(t.Context(), name, json.RawMessage(document), store.RulePlace{}, edit); err != nil {
			t.Fatal(err)
		}
	}
	c := ruledBy(t, stored(db))
	wantRules(t, c, "keep-slo drop-debug fine")
	if _, err := c.Rule("odd"); err == nil || !strings.Contains(err.Error(), "this version cannot use it") {
		t.Errorf("error %v, want it to say why", err)
	}
	create(t, c, dropping("more", "up"), RuleChange{}) // the others are read again, and not told again
	if texts := ruleEvents(t, c); len(texts) != 3 {
		t.Errorf("events %q, want one of each rule that is left out, and one of the new rule", texts)
	}
	if err := c.DeleteRule(t.Context(), "new", whatever); err != nil {
		t.Errorf("it cannot be deleted: %v", err)
	}
}

func TestExpiryIsToldOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := openStore(t, url)
		c, other := ruledBy(t, stored(db)), ruledBy(t, stored(db))
		soon := time.Now().Add(time.Hour)
		s := dropping("a", "up")
		s.Expires = soon.UTC().Format(time.RFC3339)
		r := create(t, c, s, RuleChange{Reason: "for an hour"})
		c.parts.RuleBook.expire(t.Context(), soon.Add(-time.Minute))
		other.parts.RuleBook.Refresh(t.Context())
		for range 2 {
			for _, one := range []*Control{c, other} {
				one.parts.RuleBook.expire(t.Context(), soon.Add(time.Minute))
				one.parts.RuleBook.Refresh(t.Context())
			}
		}
		if got := len(ruleEvents(t, c)) + len(ruleEvents(t, other)); got != 2 {
			t.Errorf("%d events, want one of the rule and one of its expiry", got)
		}
		page, err := c.RuleHistory(t.Context(), "a", 0, "")
		if err != nil || len(page.History) != 2 || page.History[0].Action != store.RuleExpired || page.History[0].By != "headgate" {
			t.Errorf("the history is %+v, %v; want it to end with the expiry", page.History, err)
		}
		if is, err := c.Rule("a"); err != nil || is.Revision != r.Revision {
			t.Errorf("the rule is %+v, %v; want it of its revision", is, err)
		}
	})
}

func TestExpiryOfAFilesRuleIsTold(t *testing.T) {
	c := ruledBy(t, nothingStored)
	soon := time.Now().Add(time.Hour)
	files, problems := rules.ParseFile("a.yml", fmt.Appendf(nil, "rules: [{name: a, match: up, action: drop, expires: %s, reason: INC-1}, {name: b, match: up, action: drop, expires: 2001-01-01T00:00:00Z}]", soon.UTC().Format(time.RFC3339)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := c.parts.RuleBook.Reload(files); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		c.parts.RuleBook.expire(t.Context(), soon.Add(time.Duration(i-2)*time.Minute))
	}
	if diff := cmp.Diff([]string{"a has expired, and does nothing any more: INC-1"}, ruleEvents(t, c)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPagesOfRules(t *testing.T) {
	c := ruledBy(t, stored(openStore(t, storetest.SQLite(t))))
	for _, name := range []string{"a", "b", "c"} {
		create(t, c, dropping(name, "up"), RuleChange{})
	}
	var names []string
	for cursor := ""; ; {
		page, err := c.RulesPage(RulesQuery{Limit: 2, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Rules {
			names = append(names, r.Rule.Name)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
		if cursor == "4.b" { // it goes, and the list goes on where it was
			if err := c.DeleteRule(t.Context(), "b", whatever); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := []string{"keep-slo", "drop-debug", "a", "b", "c"}; !slices.Equal(names, want) {
		t.Errorf("the rules are %q, want %q", names, want)
	}
	for _, cursor := range []string{"x", "0.a", "1"} {
		if _, err := c.RulesPage(RulesQuery{Cursor: cursor}); err == nil {
			t.Errorf("the cursor %q was taken", cursor)
		}
	}
}

// What is in the store was written by anybody: it is understood and written again as
// it was, or refused.
func FuzzParseStoredRule(f *testing.F) {
	f.Add(ruleDocument("a", "up", "shop"))
	f.Add(`{"name":"a","match":["up","{a=~\"b|c\"}"],"action":"downsample","interval":"1m","canary":10,"mode":"shadow"}`)
	f.Add(`{"name":"a","match":null,"action":"teleport"}`)
	f.Fuzz(func(t *testing.T, document string) {
		r, err := parseRule("a", json.RawMessage(document))
		if err != nil {
			return
		}
		again, err := parseRule("a", jsonOf(r.Spec()))
		if err != nil || SpecDifference(r.Spec(), again.Spec()) != "" {
			t.Errorf("%s is written as %s, %v", document, jsonOf(r.Spec()), err)
		}
	})
}
