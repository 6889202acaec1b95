package control

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage/querylog"
)

// A rule that breaks what people ask says so, as a query, and is saved without an
// override: only alerts ask for one.
func TestQueriesThatWereAskedAreBrokenAndDoNotBlock(t *testing.T) {
	g := govern(t, nil)
	e := new(querylog.Evidence)
	g.Control.parts.Asked = e
	e.Watch(time.Now().Add(-time.Hour))
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	if _, err := g.NoteQueries([]AskedQuery{
		{Expr: "rate(calls[1m])", At: at, Count: 2, By: "explore"}, {Expr: "rate(calls[1h])", At: at}, {Expr: "calls default 0", At: at},
	}); err != nil {
		t.Fatal(err)
	}
	rs, problems := rules.ParseFile("r.yml", []byte("rules: [{name: thin, match: calls, action: downsample, interval: 60s}]"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var got []string
	for _, b := range g.Breaks(rs[0]) {
		got = append(got, strings.Join([]string{b.Verdict.String(), string(b.Query.Kind), b.Query.Name, b.Query.Expr}, "|"))
	}
	if diff := cmp.Diff([]string{
		"breaks|query|asked 2 times, last at 2026-01-02 03:04 UTC|rate(calls[1m])",
		"may_break|query|a query that cannot be parsed, asked once, last at 2026-01-02 03:04 UTC|calls default 0",
	}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := g.breaks(rs[0], RuleChange{}); err != nil {
		t.Errorf("queries block a rule: %v", err)
	}
	for _, b := range g.As(auth.Actor{Role: auth.Viewer, Tenants: []tenant.ID{"a"}}).Breaks(rs[0]) {
		if b.Query.Expr != "" || strings.Contains(b.Why, "calls") || !strings.Contains(b.Query.Name, "asked ") {
			t.Errorf("who sees one tenant sees %+v: %s", b.Query, b.Why)
		}
	}
	if list := g.As(auth.Actor{}).Breaks(rs[0]); len(list) != 0 {
		t.Errorf("somebody without a role sees %d queries", len(list))
	}
}

func TestSeenQueriesAreFew(t *testing.T) {
	e := new(querylog.Evidence)
	c := New(Parts{Asked: e})
	if list, more, err := c.SeenQueries("calls", ""); list != nil || more != 0 || err != nil {
		t.Errorf("nothing is watched: %v, %d, %v", list, more, err)
	}
	e.Watch(time.Now().Add(-time.Hour))
	for i := range maxSeen + 3 {
		e.Note("calls > "+strings.Repeat("1", i/10+1)+string(rune('0'+i%10)), time.Now(), 1, querylog.Source{Log: true})
	}
	if list, more, err := c.SeenQueries("calls", ""); len(list) != maxSeen || more != 3 || err != nil {
		t.Errorf("%d and %d more, %v; want %d and 3", len(list), more, err, maxSeen)
	}
	if list, more, err := c.As(auth.Actor{Role: auth.Viewer, Tenants: []tenant.ID{"a"}}).SeenQueries("calls", ""); len(list) != 0 || more != maxSeen+3 || err != nil {
		t.Errorf("who sees one tenant sees %d queries and %d more, %v", len(list), more, err)
	}
	if _, _, err := c.As(auth.Actor{}).SeenQueries("calls", ""); err == nil {
		t.Error("somebody without a role sees queries")
	}
	if w := c.Watched(); w.Alerts+w.Records+w.Panels != 0 || w.Queries.Logged != maxSeen+3 || w.Queries.Since.IsZero() {
		t.Errorf("watched is %+v", w)
	}
	if a, err := c.AskedFor("gone", ""); err != nil || !strings.HasSuffix(a.Text, ", 103 of query logs.") {
		t.Errorf("what is not seen is %+v, %v", a, err)
	}
}
