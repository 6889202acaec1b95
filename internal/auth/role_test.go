package auth

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/tenant"
)

func TestRolesAreATable(t *testing.T) {
	want := map[Role]string{
		Viewer: "ReadTraffic ReadEvents ReadCosts ReadStatus",
		Editor: "ReadTraffic ReadEvents ReadCosts ReadStatus WriteTeamRules WriteUsage",
		FinOps: "ReadTraffic ReadEvents ReadCosts ReadStatus ReadAudit WriteOwners WritePrices",
		Admin: "ReadTraffic ReadEvents ReadCosts ReadStatus ReadConfig ReadAudit WriteTeamRules WriteRules WriteUsage WriteLimits WriteOwners WritePrices " +
			"UseBypass Reload ManageTokens Debug",
		"":      "",
		"Admin": "",
	}
	names := []struct {
		name string
		p    Permission
	}{
		{"ReadTraffic", ReadTraffic}, {"ReadEvents", ReadEvents}, {"ReadCosts", ReadCosts}, {"ReadStatus", ReadStatus}, {"ReadConfig", ReadConfig},
		{"ReadAudit", ReadAudit}, {"WriteTeamRules", WriteTeamRules}, {"WriteRules", WriteRules}, {"WriteUsage", WriteUsage}, {"WriteLimits", WriteLimits}, {"WriteOwners", WriteOwners},
		{"WritePrices", WritePrices}, {"UseBypass", UseBypass}, {"Reload", Reload}, {"ManageTokens", ManageTokens}, {"Debug", Debug},
	}
	if len(names) != len(permissions) {
		t.Errorf("%d permissions are tested, there are %d", len(names), len(permissions))
	}
	for role, want := range want {
		var got []string
		for _, n := range names {
			if (Actor{Role: role}).May(n.p) {
				got = append(got, n.name)
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("role %q may (-want +got):\n%s", role, diff)
		}
	}
	if (Actor{Role: Admin}).May("fly") {
		t.Error("an admin may do what is no permission")
	}
}

func TestWhoMayChangeARule(t *testing.T) {
	editor := Actor{Role: Editor, Teams: []string{"checkout", "cart"}}
	scoped := Actor{Role: Editor, Teams: []string{"checkout"}, Tenants: []tenant.ID{"payments"}}
	for _, tt := range []struct {
		name   string
		actor  Actor
		tenant tenant.ID
		team   string
		want   bool
	}{
		{"an editor one of its team", editor, "", "cart", true},
		{"an editor one of its team in a tenant", editor, "payments", "checkout", true},
		{"an editor one of another team", editor, "", "search", false},
		{"an editor one of everybody", editor, "", "", false},
		{"an editor without a team one of everybody", Actor{Role: Editor, Teams: []string{""}}, "", "", false},
		{"an editor of a tenant one in it", scoped, "payments", "checkout", true},
		{"an editor of a tenant one in another", scoped, "search", "checkout", false},
		{"an editor of a tenant one in all", scoped, "", "checkout", false},
		{"an admin one of everybody", Actor{Role: Admin}, "", "", true},
		{"an admin of a tenant one in it", Actor{Role: Admin, Tenants: []tenant.ID{"a"}}, "a", "", true},
		{"an admin of a tenant one in all", Actor{Role: Admin, Tenants: []tenant.ID{"a"}}, "", "", false},
		{"a viewer one of its team", Actor{Role: Viewer, Teams: []string{"cart"}}, "", "cart", false},
		{"finops one of its team", Actor{Role: FinOps, Teams: []string{"cart"}}, "", "cart", false},
		{"nobody", Actor{Teams: []string{"cart"}}, "", "cart", false},
	} {
		if got := tt.actor.MayChangeRule(tt.tenant, tt.team); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestNobodyReachesBeyondWhoMadeThem(t *testing.T) {
	admin := Actor{Role: Admin}
	adminOfA := Actor{Role: Admin, Tenants: []tenant.ID{"a", "b"}}
	editor := Actor{Role: Editor, Teams: []string{"cart"}}
	for _, tt := range []struct {
		name string
		a, b Actor
		want bool
	}{
		{"an admin within an admin", admin, admin, true},
		{"an editor within an admin", editor, admin, true},
		{"an admin within an editor", admin, editor, false},
		{"finops within an editor", Actor{Role: FinOps}, editor, false},
		{"a viewer within an editor", Actor{Role: Viewer}, editor, true},
		{"of all tenants within one of some", Actor{Role: Viewer}, adminOfA, false},
		{"of one tenant within one of some", Actor{Role: Admin, Tenants: []tenant.ID{"a"}}, adminOfA, true},
		{"of a tenant and another within one of some", Actor{Role: Viewer, Tenants: []tenant.ID{"a", "c"}}, adminOfA, false},
		{"an editor of another team within an editor", Actor{Role: Editor, Teams: []string{"search"}}, editor, false},
	} {
		if got := tt.a.Within(tt.b); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}
