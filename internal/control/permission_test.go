package control

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/rules"
)

// forbiddenBy reports whether err is an ErrForbidden that says so much.
func forbiddenBy(err error, text string) bool {
	return errors.Is(err, ErrForbidden) && strings.Contains(err.Error(), text)
}

func TestWhatNamesNoTenantIsTheActorsOnlyOne(t *testing.T) {
	c := govern(t, nil)
	c.send(t, "a", "up", "debug_calls")
	c.send(t, "b", "up", "up2", "up3")
	received := func(tenants ...tenant.ID) (uint64, error) {
		f, err := c.As(auth.Actor{Role: auth.Viewer, Tenants: tenants}).Flow(FlowQuery{})
		return f.Counts.Received, err
	}
	for want, tenants := range map[uint64][]tenant.ID{5: nil, 2: {"a"}, 3: {"b"}} {
		if got, err := received(tenants...); got != want || err != nil {
			t.Errorf("an actor of the tenants %v: %d samples, %v; want %d", tenants, got, err, want)
		}
	}
	if _, err := received("a", "b"); !forbiddenBy(err, "name a tenant: you may ask about the tenants a, b only") {
		t.Errorf("an actor of two tenants: error %v, want an ErrForbidden", err)
	}
	both := c.As(auth.Actor{Role: auth.Viewer, Tenants: []tenant.ID{"default", "a"}})
	if _, err := both.Explain("", "up"); err != nil {
		t.Errorf("an explanation for who sees the tenant of senders that name none: %v", err)
	}
	if _, err := both.Explain("b", "up"); !forbiddenBy(err, "the tenants default, a only") {
		t.Errorf("an explanation of a foreign tenant: error %v, want an ErrForbidden", err)
	}
	if _, err := c.As(auth.Actor{}).Explain("a", "up"); !forbiddenBy(err, "who has no role") {
		t.Errorf("an explanation for nobody: error %v, want an ErrForbidden", err)
	}
}

func TestListsLeaveOutWhatIsNotForTheActor(t *testing.T) {
	c := govern(t, nil)
	rs, problems := rules.ParseFile("rules.yml", []byte(`rules:
  - {name: for-all, match: up, action: drop}
  - {name: for-a, tenant: a, match: up, action: drop}
  - {name: for-b, tenant: b, match: up, action: drop}
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := c.parts.Rules.Load(rs); err != nil {
		t.Fatal(err)
	}
	for want, actor := range map[string]auth.Actor{
		"for-all for-a for-b": {Role: auth.Viewer},
		"for-all for-a":       {Role: auth.Admin, Tenants: []tenant.ID{"a"}},
		"for-all":             {Role: auth.Editor, Tenants: []tenant.ID{"c"}},
		"":                    {},
	} {
		var names []string
		for _, r := range c.As(actor).List() {
			names = append(names, r.Rule.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("role %q of the tenants %v sees the rules %q, want %q", actor.Role, actor.Tenants, got, want)
		}
	}
	if _, err := c.As(auth.Actor{Role: auth.Admin, Tenants: []tenant.ID{"a"}}).Rule("for-b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a foreign tenant's rule: error %v, want ErrNotFound", err)
	}
}

func TestWhoMayChangeRules(t *testing.T) {
	rule := func(tenant tenant.ID, team string) *rules.Rule {
		return &rules.Rule{Name: "r", Tenant: tenant, Team: team}
	}
	editor := auth.Actor{Role: auth.Editor, Teams: []string{"cart"}}
	of := func(a auth.Actor, tenants ...tenant.ID) auth.Actor { a.Tenants = tenants; return a }
	for _, tt := range []struct {
		name    string
		actor   auth.Actor
		was, is *rules.Rule
		want    string // "": it may
	}{
		{"an editor makes one of its team", editor, nil, rule("", "cart"), ""},
		{"an editor removes one of its team", editor, rule("a", "cart"), nil, ""},
		{"an editor makes one of every team", editor, nil, rule("", ""), "names one of its teams (cart) as team"},
		{"an editor makes one of another team", editor, nil, rule("", "search"), "is of another team: you may change those of cart"},
		{"an editor takes one over", editor, rule("", "search"), rule("", "cart"), "is of another team"},
		{"an editor gives one away", editor, rule("", "cart"), rule("", "search"), "is of another team"},
		{"an editor without teams", auth.Actor{Role: auth.Editor}, nil, rule("", "cart"), "you have none"},
		{"an editor of a tenant makes one in it", of(editor, "a"), nil, rule("a", "cart"), ""},
		{"an editor of a tenant makes one for all", of(editor, "a"), nil, rule("", "cart"), "acts on every tenant"},
		{"an editor of a tenant takes one of another", of(editor, "a"), rule("b", "cart"), rule("a", "cart"), "not for a tenant of yours"},
		{"an admin makes one of every team", auth.Actor{Role: auth.Admin}, nil, rule("", ""), ""},
		{"an admin of a tenant makes one for all", of(auth.Actor{Role: auth.Admin}, "a"), nil, rule("", ""), "acts on every tenant"},
		{"a viewer", auth.Actor{Role: auth.Viewer, Teams: []string{"cart"}}, nil, rule("", "cart"), "the role viewer may not"},
		{"finops", auth.Actor{Role: auth.FinOps, Teams: []string{"cart"}}, nil, rule("", "cart"), "the role finops may not"},
		{"nobody", auth.Actor{}, nil, rule("", "cart"), "who has no role"},
	} {
		c := &Control{actor: tt.actor}
		err := c.mayChangeRules(tt.was, tt.is)
		if tt.want == "" && err != nil || tt.want != "" && !forbiddenBy(err, tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestWhatConcernsAllTenantsIsForThoseWhoSeeThem(t *testing.T) {
	reloaded := 0
	c := govern(t, countReloads(&reloaded))
	scoped := c.As(auth.Actor{Role: auth.Admin, Tenants: []tenant.ID{"a"}})
	if _, err := scoped.SetBypass(time.Hour, ""); !forbiddenBy(err, "it concerns every tenant, and you may ask about tenant a only") {
		t.Errorf("a bypass: error %v, want an ErrForbidden", err)
	}
	if err := scoped.EndBypass(); !errors.Is(err, ErrForbidden) {
		t.Errorf("the end of a bypass: error %v, want an ErrForbidden", err)
	}
	if err := scoped.Reload(t.Context()); !errors.Is(err, ErrForbidden) || reloaded != 0 {
		t.Errorf("a reload: error %v, want an ErrForbidden", err)
	}
	if err := c.Reload(t.Context()); err != nil || reloaded != 1 {
		t.Errorf("a reload by the program itself: %v", err)
	}
	if b := c.Bypass(); b != nil {
		t.Errorf("a bypass is on: %+v", b)
	}
}

func countReloads(n *int) func(context.Context) error {
	return func(context.Context) error { *n++; return nil }
}

func TestWhoMayChangeWhatThingsCost(t *testing.T) {
	for _, tt := range []struct {
		actor          auth.Actor
		owners, prices bool
	}{
		{auth.Actor{Role: auth.Viewer}, false, false},
		{auth.Actor{Role: auth.Editor}, false, false},
		{auth.Actor{Role: auth.FinOps}, true, true},
		{auth.Actor{Role: auth.Admin}, true, true},
		{auth.Actor{Role: auth.FinOps, Tenants: []tenant.ID{"a"}}, false, false},
		{auth.Actor{Role: auth.Admin, Tenants: []tenant.ID{"a"}}, false, false},
		{auth.Actor{}, false, false},
	} {
		policies, err := NewPolicies(PolicyFile{Config: attribution.DefaultConfig()}, func() PolicyStore { return nil }, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		c := New(Parts{Policies: policies}).As(tt.actor)
		_, owners := c.SetOwners(t.Context(), nil, Change{AnyRevision})
		_, prices := c.SetPrices(t.Context(), nil, Change{AnyRevision})
		_, budgets := c.SetBudgets(t.Context(), nil, Change{AnyRevision})
		for name, got := range map[string]struct {
			err error
			may bool
		}{"owners": {owners, tt.owners}, "prices": {prices, tt.prices}, "budgets": {budgets, tt.prices}} {
			if errors.Is(got.err, ErrForbidden) == got.may || !errors.Is(got.err, ErrForbidden) && !errors.Is(got.err, ErrUnavailable) {
				t.Errorf("role %q of the tenants %v, %s: error %v; may it? %t", tt.actor.Role, tt.actor.Tenants, name, got.err, got.may)
			}
		}
	}
}
