package attribution

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

func TestBudgetsAreOfTeamsAndTenants(t *testing.T) {
	var c Config
	if err := yaml.Unmarshal([]byte(`budgets: {checkout: {month: 1200}, "tenant:payments": {month: 0.5}, a: {month: '7'}}`), &c); err != nil {
		t.Fatal(err)
	}
	got, err := c.Budgets.List()
	want := []Budget{{Team: "a", Month: 7e6}, {Team: "checkout", Month: 1200e6}, {Tenant: "payments", Month: 500_000}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("budgets (-want +got):\n%s%v", diff, err)
	}
	for i, key := range []string{"a", "checkout", "tenant:payments"} {
		if got[i].Key() != key {
			t.Errorf("the key of %s is %q, want %q", got[i], got[i].Key(), key)
		}
	}
	_, err = Budgets{"a": {}, "tenant:a/b": {Month: Amount{1}}, "b\xff": {Month: Amount{1}}, "": {Month: Amount{1}}, "c\x00": {Month: Amount{1}}}.List()
	for _, want := range []string{"a: month: it is 0", "tenant:a/b: tenant ID has", `"b\xff": the team is not UTF-8`, "a team has no name", `"c\x00": the team has the character NUL`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
}

func TestABudgetsState(t *testing.T) {
	tenth := mustHour(t, "2026-04-10")
	days := totals(tenth, 10, 10, 10, 10, 10, 10, 10, 10, 10, 0) // 90 by the morning of the 10th, 10 a day
	f := NewForecast(days, tenth.Time())
	tests := []struct {
		name   string
		budget Micro
		want   BudgetState
	}{
		{"far from it", 1000, BudgetState{Used: 0.09, DaysLeft: -1}},
		{"half of it is spent, and the rest will not be", 180, BudgetState{Used: 0.5, Threshold: 50, Over: true, Exhausted: tenth + 8*24, DaysLeft: 8}},
		{"it is used up on the last day", 300, BudgetState{Used: 0.3, Exhausted: tenth + 20*24, DaysLeft: 20}},
		{"the last hundredth counts", 181, BudgetState{Used: 90. / 181, Over: true, Exhausted: tenth + 9*24, DaysLeft: 9}},
		{"it was used up days ago", 35, BudgetState{Used: 90. / 35, Threshold: 100, Over: true, Exhausted: tenth - 6*24, DaysLeft: 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := Budget{Team: "a", Month: tt.budget}
			tt.want.Budget, tt.want.Forecast = b, f
			if diff := cmp.Diff(tt.want, b.State(f, days)); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBudgetsAreToldOnce(t *testing.T) {
	b := Budget{Team: "checkout", Month: 100e6}
	state := func(m Month, spent, expected Micro) BudgetState {
		f := Forecast{Month: m, ToDate: spent, Expected: expected, Low: spent, High: expected}
		return b.State(f, nil)
	}
	april, may := Month{2026, 4}, Month{2026, 5}
	var told Told
	var said []string
	for _, s := range []BudgetState{
		state(april, 10e6, 90e6),
		state(april, 20e6, 110e6), // over
		state(april, 30e6, 99e6),  // hardly under: it stays over
		state(april, 50e6, 104e6), // half
		state(april, 55e6, 90e6),  // within again
		state(april, 85e6, 92e6),  // 80
		state(april, 86e6, 92e6),
		state(april, 100e6, 130e6), // all of it; that the forecast is over says nothing new
		state(april, 120e6, 130e6),
		state(may, 85e6, 120e6), // 50 and 80 at once: the higher
	} {
		var events []BudgetEvent
		events, told = s.Events(told, "USD")
		for _, e := range events {
			said = append(said, e.Text)
		}
	}
	want := []string{
		"team checkout: 2026-04 is expected to end at 110.00 USD, between 20.00 and 110.00, over the budget of 100.00",
		"team checkout: 50 % of the budget of 100.00 USD for 2026-04 is spent: 50.00",
		"team checkout: 2026-04 is expected to end at 90.00 USD, within the budget of 100.00 again",
		"team checkout: 80 % of the budget of 100.00 USD for 2026-04 is spent: 85.00",
		"team checkout: 100 % of the budget of 100.00 USD for 2026-04 is spent: 100.00",
		"team checkout: 80 % of the budget of 100.00 USD for 2026-05 is spent: 85.00",
		"team checkout: 2026-05 is expected to end at 120.00 USD, between 85.00 and 120.00, over the budget of 100.00",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("what is told (-want +got):\n%s", diff)
	}
}

func TestDriversAddUpToTheChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorkload(t, 1e9, 100e12)
		q := Query{From: 0, To: 30, By: []Column{ByDay, ByTenant, ByTeam}, Shared: Proportional}
		before := build(t, q, w.tariff, w.cells)
		q.From, q.To = 30, 61
		after := build(t, q, w.tariff, w.cells)
		n := rapid.IntRange(0, 5).Draw(t, "n")
		top, rest := Drivers(before, after, n)
		if len(top) > n {
			t.Fatalf("%d drivers, asked for %d", len(top), n)
		}
		sum := rest
		for i, d := range top {
			if d.Change != d.After-d.Before || i > 0 && max(d.Change, -d.Change) > max(top[i-1].Change, -top[i-1].Change) {
				t.Fatalf("driver %d: %+v after %+v", i, d, top[max(0, i-1)])
			}
			sum.Before += d.Before
			sum.After += d.After
			sum.Change += d.Change
		}
		if sum.Before != before.Total || sum.After != after.Total || sum.Change != after.Total-before.Total {
			t.Fatalf("drivers add up to %+v, the totals are %s and %s", sum, before.Total, after.Total)
		}
	})
}

func TestThePeriodBefore(t *testing.T) {
	for _, tt := range []struct{ name, from, to, wantFrom, wantTo string }{
		{"of a month, the month before", "2026-03-01", "2026-04-01", "2026-02-01", "2026-03-01"},
		{"of a month to date, the same days", "2026-03-01", "2026-03-11", "2026-02-01", "2026-02-11"},
		{"which may be all of a shorter one", "2026-03-01", "2026-03-31", "2026-02-01", "2026-03-01"},
		{"of any days, as many before", "2026-03-05", "2026-03-12", "2026-02-26", "2026-03-05"},
		{"also where they begin with a month", "2026-03-01", "2026-04-08", "2026-01-22", "2026-03-01"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := Query{From: mustHour(t, tt.from), To: mustHour(t, tt.to)}.Before()
			if q.From.String() != tt.wantFrom || q.To.String() != tt.wantTo {
				t.Errorf("from %s to %s, want %s to %s", q.From, q.To, tt.wantFrom, tt.wantTo)
			}
		})
	}
}
