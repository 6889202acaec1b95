package controltest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage/querylog"
)

// HostileTenant is a tenant whose name has all that a tenant's name may have.
const HostileTenant tenant.ID = "t!-_.*'()'(alert(1))"

// HostileNames are names and values that somebody may send to harm who reads them.
var HostileNames = []string{
	`<script>window.ran=1</script>`,
	`"><img src=x onerror=window.ran=1>`,
	`' onmouseover='window.ran=1' x='`,
	"javascript:window.ran=1",
	"</textarea></title></pre><svg onload=window.ran=1>",
	`=HYPERLINK("http://evil.example","x")`,
	"{{7*7}}${7*7}<%=7*7%>",
	"right\u202eto\u2066left",
	"two\nlines\tand more",
	"../../etc/passwd?q=1#x&tenant=other",
	"längster Ümläut 計量 🚰",
	strings.Repeat("very_long_", 80),
	strings.Repeat("W", 900),
}

// Hostile returns a Headgate that was sent hostile names of everything.
func Hostile(t testing.TB) *Headgate {
	t.Helper()
	limits := limiter.DefaultConfig()
	limits.Tenants = map[tenant.ID]limiter.Limit{
		HostileTenant: {SamplesPerSecond: 5, Pools: []limiter.PoolConfig{{Name: "hostile", Share: 0.5, Teams: []string{HostileNames[0]}}}},
	}
	h := New(t, Config{
		Alerts: hostileAlerts(), Asked: hostileAsked(),
		Rules: fmt.Sprintf("rules:\n  - {name: hostile, match: %q, action: drop, mode: shadow, reason: %q, team: %q}\n",
			`{l="<script>window.ran=1</script>"}`, HostileNames[0]+HostileNames[1], HostileNames[1]),
		Limits: limits, Owners: []attribution.OwnerConfig{{Label: "team"}}, Prices: prices(t),
		Ledger: true, Stored: true,
	})
	var list []series.Labels
	for i, name := range HostileNames {
		for j := range 1 + i {
			list = append(list, series.Labels{
				{Name: series.MetricName, Value: name}, {Name: "l", Value: HostileNames[(i+j)%len(HostileNames)]},
				{Name: HostileNames[(i+1)%len(HostileNames)], Value: fmt.Sprint(j)}, {Name: "team", Value: name[:min(len(name), 200)]},
			})
		}
		list = append(list, series.Labels{{Name: series.MetricName, Value: name}, {Name: "l", Value: HostileNames[(i+1)%len(HostileNames)]}}) // nobody's
		h.Events.Tell(gateway.Event{At: h.began, Kind: "upstream", Tenant: HostileTenant, Text: name})
	}
	for _, of := range []tenant.ID{"", HostileTenant} {
		for _, ls := range list {
			h.Send(t, of, h.began, ls) // one at a time: a bad one takes no other with it
		}
	}
	h.Measure(t)
	h.recordHostile(t)
	h.saveHostile(t)
	return h
}

// HostileRule is a rule of the store that says hostile things, and whose history does.
const HostileRule = "hostile-stored"

// saveHostile fills the store: a rule with all names as its reasons, one that is
// deleted, and tokens.
func (h *Headgate) saveHostile(t testing.TB) {
	t.Helper()
	s := rules.Spec{Name: HostileRule, Match: rules.Selectors{`{l="<script>window.ran=1</script>"}`}, Action: "drop", Mode: "shadow", Team: HostileNames[1]}
	r, err := h.CreateRule(t.Context(), s, control.RuleChange{Reason: HostileNames[0]})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range HostileNames {
		s.Reason, s.Team = name, HostileNames[i%2]
		if r, err = h.SaveRule(t.Context(), s, control.RuleChange{Change: control.Change{Revision: r.Revision}, Reason: HostileNames[(i+1)%len(HostileNames)]}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.CreateToken(t.Context(), control.Token{Name: name, Role: auth.Viewer, Teams: []string{HostileNames[0]}}); err != nil && i < 2 {
			t.Fatal(err)
		}
	}
	s.Name = HostileRule + "-gone"
	if r, err = h.CreateRule(t.Context(), s, control.RuleChange{}); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteRule(t.Context(), s.Name, control.RuleChange{Change: control.Change{Revision: r.Revision}, Reason: HostileNames[4]}); err != nil {
		t.Fatal(err)
	}
}

// recordHostile adds all names to the ledger, as teams, services, metrics and rules.
func (h *Headgate) recordHostile(t testing.TB) {
	t.Helper()
	day := time.Now().UTC().Format(time.DateOnly)
	var uses []Use
	for i, name := range HostileNames {
		other := HostileNames[(i+1)%len(HostileNames)]
		team := name[:min(len(name), attribution.MaxTeamBytes)]
		uses = append(uses,
			Use{Day: day, Tenant: "default", Team: team, Service: other[:min(len(other), attribution.MaxTeamBytes)], Metric: name, Rule: other, Forwarded: uint64(1+i) * 1e8, Dropped: 1e7, Series: i},
			Use{Day: day, Tenant: HostileTenant, Team: attribution.Unowned, Metric: name, Forwarded: 1e7})
	}
	h.Record(t, 1, uses...)
}

// hostileAlerts are alerts that have hostile names and ask for them.
func hostileAlerts() string {
	text := "groups:\n- name: hostile\n  rules:\n"
	for i, name := range HostileNames {
		expr := fmt.Sprintf("sum by (%s) ({__name__=%s, l=%s}) > 0", strconv.Quote(name), strconv.Quote(name), strconv.Quote(HostileNames[(i+1)%len(HostileNames)]))
		text += fmt.Sprintf("  - {alert: %q, expr: %q}\n", name, expr)
	}
	return text
}

// hostileAsked are queries for hostile names, by those who have such.
func hostileAsked() *querylog.Evidence {
	e := new(querylog.Evidence)
	e.Watch(time.Now().Add(-time.Hour))
	for _, name := range HostileNames {
		e.Note(fmt.Sprintf("rate({__name__=%s, l!=%s}[1m])", strconv.Quote(name), strconv.Quote(name)), time.Now(), 1, querylog.Source{By: name})
		e.Note(name, time.Now(), 1, querylog.Source{By: name})
	}
	return e
}
