package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/limiter"
)

// ruleDocument is what the store holds of a rule that drops.
func ruleDocument(name, match, tenantName string) string {
	s := dropping(name, match)
	s.Tenant = tenantName
	r, _ := s.Rule()
	return string(jsonOf(r.Spec()))
}

func TestChangesAreAudited(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := openStore(t, url)
		c := ruledBy(t, stored(db))
		s := dropping("a", "up")
		s.Tenant = "shop"
		create(t, c, s, RuleChange{Reason: "noise"})
		create(t, c, dropping("b", "up"), RuleChange{})
		for _, f := range []func() error{
			func() error { _, err := c.SaveRule(t.Context(), dropping("a", "down"), whatever); return err },
			func() error {
				_, err := c.SaveRule(t.Context(), dropping("b", "up"), RuleChange{Change: Change{AnyRevision}, Position: 3})
				return err
			},
			func() error { _, err := c.RevertRule(t.Context(), "a", 1, whatever); return err },
			func() error { return c.DeleteRule(t.Context(), "b", whatever) },
		} {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}
		page, err := c.Audit(t.Context(), AuditQuery{Who: "ann", Limit: 4})
		if err != nil || page.Next == "" {
			t.Fatalf("%+v, %v; want a page behind this one", page, err)
		}
		rest, err := c.Audit(t.Context(), AuditQuery{Who: "ann", Cursor: page.Next})
		if err != nil {
			t.Fatal(err)
		}
		ofTeam := dropping("ours", "up")
		ofTeam.Team = "cart"
		create(t, c, ofTeam, RuleChange{})
		if list, err := c.Audit(t.Context(), AuditQuery{Team: "cart", Verb: "rule"}); err != nil || len(list.Entries) != 1 || list.Entries[0].Object != "rules/ours" {
			t.Errorf("of the team: %+v, %v; want its rule", list.Entries, err)
		}
		if list, err := c.Events(t.Context(), EventQuery{Team: "cart", Who: "ann"}); err != nil || len(list.Events) != 1 {
			t.Errorf("events of the team: %+v, %v; want that of its rule", list.Events, err)
		}
		var got []string
		for _, e := range append(page.Entries, rest.Entries...) {
			got = append(got, fmt.Sprintf("%s %s %s %s %s > %s %s", e.From, e.Verb, e.Object, e.Tenant, e.Before, e.After, e.Reason))
		}
		want := []string{
			`10.0.0.1 rule.delete rules/b  ` + ruleDocument("b", "up", "") + ` >  `,
			`10.0.0.1 rule.revert rules/a shop ` + ruleDocument("a", "down", "") + ` > ` + ruleDocument("a", "up", "shop") + ` reverted to revision 1`,
			`10.0.0.1 rule.move rules/b  ` + ruleDocument("b", "up", "") + ` > ` + ruleDocument("b", "up", "") + ` `,
			`10.0.0.1 rule.save rules/a  ` + ruleDocument("a", "up", "shop") + ` > ` + ruleDocument("a", "down", "") + ` `,
			`10.0.0.1 rule.create rules/b   > ` + ruleDocument("b", "up", "") + ` `,
			`10.0.0.1 rule.create rules/a shop  > ` + ruleDocument("a", "up", "shop") + ` noise`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("audit (-want +got):\n%s", diff)
		}
		if chain, err := db.VerifyAudit(t.Context()); err != nil || chain.Entries != 7 {
			t.Errorf("the audit is %+v, %v; want 7 entries", chain, err)
		}
		if _, err := c.Audit(t.Context(), AuditQuery{Cursor: "x"}); err == nil {
			t.Error("a cursor that is none was taken")
		}
	})
}

func TestLimitsAreAudited(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	c := limiting(t, storing(db))
	set(t, c, "shop", limiter.Limit{SamplesPerSecond: 100})
	if err := c.DeleteLimit(t.Context(), "shop", LimitChange{Change: Change{AnyRevision}}); err != nil {
		t.Fatal(err)
	}
	list, err := db.Audit(t.Context(), store.AuditQuery{Object: "limits/shop"})
	if err != nil || len(list) != 2 {
		t.Fatalf("the audit is %+v, %v; want two entries", list, err)
	}
	deleted, made := list[0], list[1]
	if deleted.Verb != "limit.delete" || deleted.After != nil || made.Verb != "limit.set" || made.Tenant != "shop" || made.Who != "ann" ||
		!strings.Contains(string(made.After), `100`) || !cmp.Equal(made.After, deleted.Before) {
		t.Errorf("the audit is %+v, want the limit that was set, and that it was deleted", list)
	}
}

func TestABypassIsAuditedOnceItCanBe(t *testing.T) {
	var db atomic.Pointer[store.DB]
	audits := NewAudits(func() AuditStore {
		if s := db.Load(); s != nil {
			return s
		}
		return nil
	}, discard)
	g := govern(t, nil)
	g.parts.Audits = audits
	ann := g.As(auth.Actor{Name: "ann", Role: auth.Admin})
	if _, err := ann.SetBypass(time.Hour, "a bad night"); err != nil {
		t.Fatal(err)
	}
	ann.EndBypass()
	audits.flush(t.Context())
	if _, err := ann.Audit(t.Context(), AuditQuery{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	db.Store(openStore(t, storetest.SQLite(t)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it stores what waits before it ends
	if err := audits.Run(ctx); err != nil {
		t.Fatal(err)
	}
	page, err := ann.Audit(t.Context(), AuditQuery{})
	if err != nil || len(page.Entries) != 2 || page.Entries[0].Verb != "bypass.end" || page.Entries[1].Verb != "bypass.set" ||
		page.Entries[1].Reason != "a bad night" || page.Entries[1].Who != "ann" {
		t.Errorf("the audit is %+v, %v; want the bypass and its end", page.Entries, err)
	}
}

func TestPoliciesAreAudited(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	c := policing(t, policyFile(t), policyStore(db))
	for _, team := range []string{"a", "b"} {
		if _, err := c.SetOwners(t.Context(), []OwnerEntry{owner("up", team)}, Change{AnyRevision}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := db.Audit(t.Context(), store.AuditQuery{Object: "owners"})
	if err != nil || len(list) != 2 || list[1].Before != nil || !cmp.Equal(list[0].Before, list[1].After) || list[0].Verb != "owners.set" || list[0].Who != "ann" {
		t.Errorf("the audit is %+v, %v; want both changes, the second from the first", list, err)
	}
	if _, err := c.SetOwners(t.Context(), nil, Change{1}); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "owners were changed by ann at ") {
		t.Errorf("error %v, want it to say who changed what", err)
	}
}
