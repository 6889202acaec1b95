package control

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/rules/usage/querylog"
)

func TestWhatQueriesAskedForIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := new(querylog.Evidence)
		c := New(Parts{Asked: e})
		say := func() string {
			t.Helper()
			a, err := c.AskedFor("calls", "")
			if err != nil {
				t.Fatal(err)
			}
			if a == nil {
				return ""
			}
			return a.Text
		}
		if _, err := c.UsedBy("calls", ""); !errors.Is(err, ErrNotFound) || say() != "" {
			t.Errorf("nothing is watched: %v, %q", err, say())
		}
		e.Watch(time.Now()) // the bubble's clock begins at midnight, 2000-01-01
		time.Sleep(90 * time.Second)
		var got []string
		got = append(got, say())
		time.Sleep(3 * time.Hour)
		got = append(got, say())
		time.Sleep(12 * 24 * time.Hour)
		got = append(got, say())
		if _, err := c.NoteQueries([]AskedQuery{{Expr: "calls", Count: 4}, {Expr: "calls", At: time.Now().Add(-time.Hour)}}); err != nil {
			t.Fatal(err)
		}
		got = append(got, say())
		if diff := cmp.Diff([]string{
			"Not seen in 1 minute: queries are watched since 2000-01-01 00:00 UTC, of which none has come.",
			"Not seen in 3 hours: queries are watched since 2000-01-01 00:00 UTC, of which none has come.",
			"Not seen in 12 days: queries are watched since 2000-01-01 00:00 UTC, of which none has come.",
			"Asked by queries 5 times in 12 days, last at 2000-01-13 03:01 UTC.",
		}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if uses, err := c.UsedBy("calls", ""); err != nil || len(uses) != 0 {
			t.Errorf("where queries alone are known: %v, %v", uses, err)
		}
	})
}

func TestQueriesAreChecked(t *testing.T) {
	c := New(Parts{Asked: new(querylog.Evidence)})
	for _, tt := range []struct {
		name  string
		query AskedQuery
		field string
	}{
		{"no expression", AskedQuery{}, "queries[0].expr"},
		{"a count below 0", AskedQuery{Expr: "up", Count: -1}, "queries[0].count"},
		{"too many", AskedQuery{Expr: "up", Count: maxAskedCount + 1}, "queries[0].count"},
		{"a step below 0", AskedQuery{Expr: "up", Step: -1}, "queries[0].step"},
		{"tomorrow", AskedQuery{Expr: "up", At: time.Now().Add(24 * time.Hour)}, "queries[0].at"},
	} {
		_, err := c.NoteQueries([]AskedQuery{tt.query})
		if invalid, ok := errors.AsType[*Invalid](err); !ok || invalid.Field != tt.field {
			t.Errorf("%s: %v, want it to be at %s", tt.name, err, tt.field)
		}
	}
	if c.parts.Asked.Watching() {
		t.Error("what was refused is watched")
	}
	for _, a := range []auth.Actor{{Role: auth.Viewer}, {Role: auth.FinOps}, {Role: auth.Editor, Tenants: []tenant.ID{"a"}}} {
		if _, err := c.As(a).NoteQueries([]AskedQuery{{Expr: "up"}}); !errors.Is(err, ErrForbidden) {
			t.Errorf("%v: %v, want ErrForbidden", a, err)
		}
	}
	if unread, err := c.NoteQueries([]AskedQuery{{Expr: "up"}, {Expr: "up =="}}); unread != 1 || err != nil {
		t.Errorf("%d are unread, %v; want 1", unread, err)
	}
}

// What queries asked for is not recommended to be dropped; what none asked for is,
// once they are watched for long enough.
func TestWhatIsAskedForIsNotRecommended(t *testing.T) {
	c := profiling(t, "a", recommended()...)
	unused := func(e *querylog.Evidence) (list []string) {
		t.Helper()
		c.parts.Asked = e
		found, err := c.Recommend(t.Context(), RecommendQuery{Tenant: "a"})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range found.List {
			if r.Kind == Unused || r.Kind == Explosive {
				list = append(list, r.Kind+" "+r.Metric+r.Label)
			}
			if r.Kind == Unused && !strings.Contains(r.Text, "not seen in 10 days") {
				t.Errorf("%q does not say for how long queries were watched", r.Text)
			}
		}
		slices.Sort(list)
		return list
	}
	of := func(since time.Duration, exprs ...string) *querylog.Evidence {
		e := new(querylog.Evidence)
		e.Watch(time.Now().Add(-since))
		for _, x := range exprs {
			e.Note(x, time.Now(), 1, querylog.Source{})
		}
		return e
	}
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name string
		e    *querylog.Evidence
		want []string
	}{
		{"nothing was asked for in ten days", of(10*day + time.Hour), []string{"explosive requestsid", "unused disk_used", "unused requests"}},
		{"nothing was asked for yet", of(day), []string{"explosive requestsid"}},
		{"one metric", of(10*day+time.Hour, "sum(disk_used)"), []string{"explosive requestsid", "unused requests"}},
		{"a label", of(10*day+time.Hour, "sum by (id) (requests)"), []string{"unused disk_used"}},
		{"a pattern", of(10*day+time.Hour, `count({__name__=~"disk_.*|req.*"})`), nil},
		{"a query that cannot be parsed", of(10*day+time.Hour, "requests default 0 by disk_used"), nil},
	} {
		if diff := cmp.Diff(tt.want, unused(tt.e)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
