package attribution

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/series"
)

const exampleOwners = `
owners:
  - {match: '{namespace=~"checkout-.*"}', team: checkout}
  - {label: team}
  - {match: '{job="node"}', team: platform}
`

func mustOwners(tb testing.TB, text string) *Owners {
	tb.Helper()
	var cfg Config
	if err := yaml.Unmarshal([]byte(text), &cfg); err != nil {
		tb.Fatal(err)
	}
	o, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func mustLabels(tb testing.TB, s string) series.Labels {
	tb.Helper()
	ls, err := series.ParseLabels(s)
	if err != nil {
		tb.Fatal(err)
	}
	return ls
}

func TestTeam(t *testing.T) {
	o := mustOwners(t, exampleOwners)
	long := strings.Repeat("x", MaxTeamBytes)
	tests := []struct {
		name, series string
		wantTeam     string
		wantClause   int
	}{
		{"a selector names the team", `up{namespace="checkout-eu"}`, "checkout", 0},
		{"the first clause wins", `up{namespace="checkout-eu", team="search"}`, "checkout", 0},
		{"a label's value is the team", `up{namespace="search", team="search"}`, "search", 1},
		{"a later clause decides where an earlier does not", `up{job="node"}`, "platform", 2},
		{"an empty label decides nothing", `up{job="node", team=""}`, "platform", 2},
		{"a team may be any UTF-8", `up{team="Zahlung & Co ✓"}`, "Zahlung & Co ✓", 1},
		{"a value of 256 bytes is a team", `up{team="` + long + `"}`, long, 1},
		{"a longer one is not", `up{team="x` + long + `", job="node"}`, "platform", 2},
		{"what nobody claims is unowned", `up{job="api"}`, Unowned, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			team, clause := o.Team(mustLabels(t, tt.series))
			if team != tt.wantTeam || clause != tt.wantClause {
				t.Errorf("team %q by clause %d, want %q by %d", team, clause, tt.wantTeam, tt.wantClause)
			}
		})
	}
}

func TestTeamOfValueThatIsNoUTF8(t *testing.T) {
	o := mustOwners(t, exampleOwners)
	ls := series.Labels{{Name: "__name__", Value: "up"}, {Name: "team", Value: "a\xff"}}
	if team, clause := o.Team(ls); team != Unowned || clause != -1 {
		t.Errorf("team %q by clause %d, want none", team, clause)
	}
}

func TestNobodyOwnsByDefault(t *testing.T) {
	o, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []*Owners{o, {}} {
		if team, clause := o.Team(mustLabels(t, `up{team="a"}`)); team != Unowned || clause != -1 {
			t.Errorf("team %q by clause %d, want none", team, clause)
		}
	}
}

func TestNewNamesEveryWrongClause(t *testing.T) {
	_, err := New(Config{Owners: []OwnerConfig{
		{},
		{Match: `up`, Team: "a", Label: "b"},
		{Match: `up`},
		{Team: "a"},
		{Match: `up{`, Team: strings.Repeat("x", MaxTeamBytes+1)},
		{Match: `{a=~".*"}`, Team: "a"},
		{Label: "a\xff"},
		{Match: `up`, Team: "fine"},
	}})
	if err == nil {
		t.Fatal("New accepted clauses that are wrong")
	}
	for _, want := range []string{
		"owners: clause 1: it is empty; write",
		"owners: clause 2: it has label beside match or team; write two",
		"owners: clause 3: match up lacks its team",
		`owners: clause 4: team "a" lacks its match`,
		"owners: clause 5: match: 1:4: parse error",
		"owners: clause 5: team: it is 257 bytes long; shorten it to 256",
		"owners: clause 6: match: selector matches the empty series",
		"owners: clause 7: label: it is not UTF-8",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "clause 8") {
		t.Errorf("the error names a clause that is right:\n%v", err)
	}
}

func TestClausesSayWhatTheyAre(t *testing.T) {
	o := mustOwners(t, exampleOwners)
	var got []string
	for _, c := range o.Clauses() {
		got = append(got, c.String())
	}
	want := `match {namespace=~"checkout-.*"}, team "checkout" | label "team" | match {job="node"}, team "platform"`
	if s := strings.Join(got, " | "); s != want {
		t.Errorf("clauses %s, want %s", s, want)
	}
}

func TestTeamDoesNotAllocate(t *testing.T) {
	o := mustOwners(t, exampleOwners)
	for _, s := range []string{`up{namespace="checkout-eu"}`, `up{team="search"}`, `up{job="api"}`} {
		ls := mustLabels(t, s)
		if n := testing.AllocsPerRun(100, func() { o.Team(ls) }); n != 0 {
			t.Errorf("Team of %s allocates %v times, want 0", s, n)
		}
	}
}

func BenchmarkTeam(b *testing.B) {
	o := mustOwners(b, exampleOwners)
	ls := mustLabels(b, `http_requests_total{namespace="payments", job="api", pod="api-7", instance="10.0.0.1:80", code="200", method="GET"}`)
	b.ReportAllocs()
	for b.Loop() {
		o.Team(ls)
	}
}
