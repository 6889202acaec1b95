package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
)

func mustLoad(t *testing.T, e *rules.Engine, text string) {
	t.Helper()
	rs, problems := rules.ParseFile("rules.yml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := e.Load(rs); err != nil {
		t.Fatal(err)
	}
}

func noBreakStore() BreakStore { return nil }

// asking returns what asks the expressions, each an alert of its name.
func asking(t *testing.T, exprs map[string]string) *Usage {
	t.Helper()
	dir := t.TempDir()
	text := "groups:\n- name: a\n  rules:\n"
	for _, name := range slices.Sorted(maps.Keys(exprs)) {
		text += fmt.Sprintf("  - {alert: %s, expr: %q}\n", name, exprs[name])
	}
	if err := os.WriteFile(filepath.Join(dir, "alerts.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := usage.Config{RuleFiles: []string{"*.yml"}}
	return NewUsage(c, dir, usage.Load(c, dir), rules.NewEngine(), NewEvents(discard), noBreakStore, discard)
}

// An alert that is added later, and needs what an enforced rule drops, is told
// once, within the time in which files and rules are looked at.
func TestAlertsThatEnforcedRulesBreakAreTold(t *testing.T) {
	dir := t.TempDir()
	write := func(alerts ...string) {
		text := "groups:\n- name: a\n  rules:\n"
		for _, a := range alerts {
			text += "  - {alert: " + a + ", expr: " + a + " > 0}\n"
		}
		if err := os.WriteFile(filepath.Join(dir, "alerts.yml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("other")
	synctest.Test(t, func(t *testing.T) {
		of := New(Parts{Events: NewEvents(discard)})
		before := 0
		expect := func(want ...string) {
			t.Helper()
			time.Sleep(filesEvery + rulesEvery)
			synctest.Wait()
			all := events(t, of, "usage")
			told := all[:len(all)-before]
			if before = len(all); !slices.Equal(want, told) {
				t.Errorf("events (-want +got):\n%s", cmp.Diff(want, told))
			}
		}
		engine := rules.NewEngine()
		mustLoad(t, engine, "rules: [{name: drop-debug, match: debug_calls, action: drop}, {name: try, match: tried, action: drop, mode: shadow}]")
		c := usage.Config{RuleFiles: []string{"*.yml"}}
		u := NewUsage(c, dir, usage.Load(c, dir), engine, of.parts.Events, noBreakStore, discard)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- u.Run(ctx) }()
		expect()

		write("other", "debug_calls", "tried")
		const text = `rule drop-debug, which is enforced, breaks as of now the alert "debug_calls" (alerts.yml:5); ` +
			`the first since every series of debug_calls is dropped: it finds nothing; change the rule or the alert`
		expect(text)
		write("debug_calls", "other", "tried") // it stands elsewhere, and is the same
		expect()
		mustLoad(t, engine, "rules: [{name: drop-debug, match: debug_calls, action: drop}, {name: try, match: tried, action: drop}]")
		expect(strings.NewReplacer("drop-debug", "try", "debug_calls", "tried", "alerts.yml:5", "alerts.yml:6").Replace(text))
		write("tried")
		expect()
		write("tried", "debug_calls") // it was gone, and is back
		expect(text)

		if err := os.WriteFile(filepath.Join(dir, "bad.yml"), []byte("groups: ["), 0o600); err != nil {
			t.Fatal(err)
		}
		expect("1 queries of rule files and dashboards are not known, and every rule may break them; the first: " +
			"bad.yml:1: the file is not YAML: did not find expected node content; mend or quote what stands there")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Over restarts, and by several processes, what breaks is told once, until it
// breaks no more.
func TestBreaksAreToldOnceOverRestarts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		const dropped = "rules: [{name: drop-debug, match: debug_calls, action: drop}]"
		dbs := []*store.DB{openStore(t, url), openStore(t, url)}
		// start returns what one process told right after its start.
		start := func(db *store.DB, rules string, alerts ...string) int {
			exprs := map[string]string{}
			for _, a := range alerts {
				exprs[a] = "debug_calls > " + a[1:]
			}
			u := asking(t, exprs)
			u.store = func() BreakStore { return db }
			mustLoad(t, u.engine, rules)
			u.Recheck(t.Context())
			return len(events(t, New(Parts{Events: u.events}), "usage"))
		}
		for i, step := range []struct {
			rules  string
			alerts []string
			want   int
		}{
			{dropped, []string{"a1"}, 1},
			{dropped, []string{"a1"}, 0},
			{dropped, []string{"a1", "a2", "a3"}, 1}, // two that are new
			{dropped, []string{"a1", "a2", "a3"}, 0},
			{dropped, []string{"a1"}, 0},
			{dropped, []string{"a1", "a2"}, 1}, // it was gone, and is back
			{strings.Replace(dropped, "drop-debug", "drop-more", 1), []string{"a1", "a2"}, 1},
		} {
			if got := start(dbs[i%2], step.rules, step.alerts...); got != step.want {
				t.Errorf("start %d told %d events, want %d", i+1, got, step.want)
			}
		}
		page, err := dbs[0].Events(t.Context(), store.EventQuery{Kind: "usage"})
		if err != nil || len(page.Events) != 4 {
			t.Errorf("%d events are stored, %v; want 4", len(page.Events), err)
		}
	})
}

// A deafStore does not answer.
type deafStore struct{ BreakStore }

func (deafStore) ToldBreaks(context.Context) (map[string]bool, error) {
	return nil, errors.New("the disk is on fire")
}

func (deafStore) TellBreaks(context.Context, []string, Event) error {
	return errors.New("the disk is on fire")
}

func TestBreaksAreToldWhileTheStoreIsGone(t *testing.T) {
	u := asking(t, map[string]string{"a": "debug_calls > 1"})
	u.store = func() BreakStore { return deafStore{} }
	mustLoad(t, u.engine, "rules: [{name: drop-debug, match: debug_calls, action: drop}]")
	u.Recheck(t.Context())
	if told := events(t, New(Parts{Events: u.events}), "usage"); len(told) != 1 {
		t.Errorf("told %q, want one event", told)
	}
}

func TestUsageQuestions(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.yml"), []byte(
		"groups: [{name: a, rules: [{alert: Calls, expr: 'sum by (user) (rate(debug_calls{job=\"api\"}[5m])) > 1'}, {alert: Broken, expr: 'up =='}]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := govern(t, nil)
	if _, err := g.UsedBy("up", ""); !errors.Is(err, ErrNotFound) || g.KnowsQueries() {
		t.Errorf("without files: %v", err)
	}
	if _, err := g.RuleBreaks("drop-debug"); !errors.Is(err, ErrNotFound) {
		t.Errorf("without files: %v", err)
	}
	c := usage.Config{RuleFiles: []string{"a.yml"}}
	g.Control.parts.Usage = NewUsage(c, dir, usage.Load(c, dir), g.Control.parts.Rules, NewEvents(discard), noBreakStore, discard)
	if !g.KnowsQueries() {
		t.Error("queries are not known")
	}
	if _, err := g.UsedBy("", ""); err == nil {
		t.Error("a question without a metric has an answer")
	}
	f := func(metric, label string, want ...string) {
		t.Helper()
		uses, err := g.UsedBy(metric, label)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range uses {
			got = append(got, string(u.How)+" "+u.Query.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, %s (-want +got):\n%s", metric, label, diff)
		}
	}
	f("debug_calls", "", "name Calls", "unknown Broken")
	f("debug_calls", "user", "name Calls", "unknown Broken")
	f("debug_calls", "zone", "unknown Broken")
	f("other", "", "unknown Broken")

	breaks, err := g.RuleBreaks("drop-debug")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range breaks {
		got = append(got, b.Verdict.String()+" "+b.Query.Name)
	}
	if diff := cmp.Diff([]string{"breaks Calls", "may_break Broken"}, got); diff != "" {
		t.Errorf("breaks (-want +got):\n%s", diff)
	}
	if _, err := g.RuleBreaks("none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a rule that is not there: %v", err)
	}
	if ps, err := g.UsageProblems(); err != nil || len(ps) != 1 {
		t.Errorf("problems %v, %v", ps, err)
	}
}

// What was profiled tells certain breaks from possible ones, as far as the actor
// may see it.
func TestBreaksKnowWhatWasProfiled(t *testing.T) {
	c := profiling(t, "default", calls("debug_calls", 3)...)
	queries := []*usage.Query{}
	for name, expr := range map[string]string{"hit": `{__name__=~"debug_.*", pod!=""}`, "miss": `debug_calls{job="web"}`} {
		qs, problems := usage.ReadRuleFile("a.yml", []byte("groups: [{rules: [{alert: "+name+", expr: '"+expr+"'}]}]"))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		queries = append(queries, qs...)
	}
	config := usage.Config{RuleFiles: []string{"a.yml"}}
	c.parts.Usage = NewUsage(config, "", usage.NewIndex(queries, nil), c.parts.Rules, NewEvents(discard), noBreakStore, discard)
	rs, problems := rules.ParseFile("r.yml", []byte(`rules: [{name: a, match: 'debug_calls{pod=~".+"}', action: drop}]`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	f := func(c *Control, hit, miss string) {
		t.Helper()
		got := map[string]string{}
		for _, b := range c.Breaks(rs[0]) {
			got[b.Query.Name] = b.Verdict.String() + ": " + b.Why
		}
		for name, want := range map[string]string{"hit": hit, "miss": miss} {
			verdict, because, _ := strings.Cut(want, ": ")
			if !strings.HasPrefix(got[name], verdict+": ") || !strings.Contains(got[name], because) {
				t.Errorf("%s is %q, want %q", name, got[name], want)
			}
		}
	}
	f(c, "breaks: 3 known series are concerned, such as debug_calls{job=", "may_break: none of the known series is concerned")
	f(c.As(auth.Actor{Role: auth.Viewer, Tenants: []tenant.ID{"other"}}), "may_break: by pattern", "breaks: are dropped")
}
