package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules/usage"
	"github.com/headgate/headgate/rules/usage/querylog"
)

// used returns a query of a kind as a file has it.
func used(t *testing.T, kind usage.Kind, name, expr string, how usage.How) control.Use {
	t.Helper()
	q := &usage.Query{Kind: kind, Name: name, Expr: expr, File: "a.yml", Line: 3, Link: "/d/a?viewPanel=2"}
	_, q.Needs, q.Trouble = usage.Parse(expr)
	return control.Use{Query: q, How: how}
}

// seenNothing is what is said where queries are watched since three days, and none
// asked.
func seenNothing(r *request) *control.Asked {
	return &control.Asked{Answer: querylog.Answer{Since: r.now.Add(-73 * time.Hour)}, Text: "Not seen in 3 days: queries are watched since then, 7 of query logs."}
}

func TestWhoUsesAMetricInWords(t *testing.T) {
	r := asking(t, "/profile/metric", Options{})
	alert := used(t, usage.Alert, "Down", "up == 0", usage.ByName)
	panel := used(t, usage.Dashboard, "A / B", "sum by (job) (up)", usage.ByPattern)
	bad := used(t, usage.Alert, "Odd", "up ==", usage.ByUnknown)
	loaded := control.Watched{Alerts: 2, Panels: 1}
	for _, tt := range []struct {
		name string
		e    evidence
		want string
	}{
		{"nothing is known", evidence{}, "| |Queries are not watched: usage.query_log names Prometheus’ query log, and POST /api/v1/usage/queries takes queries of others." +
			" No rule files or dashboards are loaded: usage.rule_files and usage.dashboards name them."},
		{"nothing uses it", evidence{watched: loaded, asked: seenNothing(r)},
			"Not seen in what is loaded: 2 alerts and 1 panel.|Not seen in 3 days: queries are watched since then, 7 of query logs.|"},
		{"one", evidence{watched: loaded, uses: []control.Use{alert}, asked: seenNothing(r)}, "1 alert uses it.|Not seen in 3 days: queries are watched since then, 7 of query logs.|"},
		{"several, and one that may", evidence{watched: control.Watched{Alerts: 2, Panels: 1, Problems: 1}, uses: []control.Use{alert, panel, bad}, asked: seenNothing(r)},
			"1 alert and 1 panel use it. 1 that cannot be read may.|Not seen in 3 days: queries are watched since then, 7 of query logs.|1 query of files that cannot be read may use it: the status page names them."},
	} {
		v := newUsedByView(r, tt.e)
		if got := strings.Join([]string{v.Lead, v.Asked, strings.Join(v.Notes, " ")}, "|"); got != strings.Replace(tt.want, "| |", "||", 1) {
			t.Errorf("%s (-want +got):\n%s", tt.name, cmp.Diff(tt.want, got))
		}
	}
}

// However much uses a metric, the page shows some of it, and says how much there is.
func TestEvidenceIsCut(t *testing.T) {
	r := asking(t, "/profile/metric", Options{})
	e := evidence{metric: "up", watched: control.Watched{Alerts: 40, Grafana: "https://grafana.example"}, asked: seenNothing(r), more: 60}
	e.asked.Ranges = []querylog.Span{{Unknown: true}, {Func: "rate", Range: time.Minute}, {Func: "<i>", Range: time.Hour}}
	for i := range 40 {
		e.uses = append(e.uses, used(t, usage.Alert, fmt.Sprint("Alert", i), "up == 0", usage.ByName))
		e.seen = append(e.seen, control.SeenQuery{
			Query: querylog.Query{Asked: querylog.Asked{Count: 2, Last: r.now}, By: []string{"a", "b"}, Step: 15 * time.Second},
			Use:   used(t, usage.Asked, "", "up{a=\""+strings.Repeat("x", 1000)+"\"}", usage.ByName),
		})
	}
	v := newUsedByView(r, e)
	if len(v.Uses) != usesShown || v.More != "15 more use it, or may: GET /api/v1/usage lists all." {
		t.Errorf("%d uses, %q", len(v.Uses), v.More)
	}
	if len(v.Seen) != seenShown || v.SeenOf != "The latest 25 of 100 queries." || len(v.Seen[0].Expr) > 2*exprShown {
		t.Errorf("%d queries, %q", len(v.Seen), v.SeenOf)
	}
	if want := "The shortest ranges that were asked for: rate over 1\u202fmin and <i> over 60\u202fmin. A rule that thins has to leave samples enough in them."; v.Ranges != want {
		t.Errorf("ranges are %q, want %q", v.Ranges, want)
	}
	if u := v.Uses[0]; u.Name.Href != "https://grafana.example/d/a?viewPanel=2" || u.Where != "a.yml:3" {
		t.Errorf("the first is %+v", u)
	}
	if s := v.Seen[0]; s.By != "a, b" || s.Count != "2" || !cmp.Equal(s.Labels, []string{"a", "every label, in its result"}) {
		t.Errorf("the first is %+v", s)
	}
	e.watched.Grafana, e.seen = "", nil
	if v := newUsedByView(r, e); v.Uses[0].Name.Href != "" || v.SeenOf != "60 queries, shown to those who see every tenant." {
		t.Errorf("without an address of Grafana the link is %q; queries: %q", v.Uses[0].Name.Href, v.SeenOf)
	}
}

func TestWhatUsesALabel(t *testing.T) {
	r := asking(t, "/profile/metric", Options{})
	e := evidence{metric: "up", known: true, uses: []control.Use{
		used(t, usage.Alert, "Down", `sum by (job) (up{zone="a"}) == 0`, usage.ByName), used(t, usage.Dashboard, "All", `sum by (job) (up)`, usage.ByName),
	}}
	for label, want := range map[string]string{"job": "1 alert and 1 panel", "zone": "1 alert", "pod": "not seen in what is loaded"} {
		if got := r.ofLabel(e, label); got.Text != want || got.Seen == strings.HasPrefix(want, "not") || got.Title == "" {
			t.Errorf("%s: %+v, want %q", label, got, want)
		}
	}
	e.uses = append(e.uses, used(t, usage.Dashboard, "Raw", "up", usage.ByName))
	if got := r.ofLabel(e, "pod"); got.Text != "in results only" {
		t.Errorf("pod: %+v, want it in results only", got)
	}
	e.uses = []control.Use{used(t, usage.Alert, "Odd", "up ==", usage.ByUnknown)}
	if got := r.ofLabel(e, "pod"); got.Text != "not known" {
		t.Errorf("pod: %+v, want it not to be known", got)
	}
	e.asked, e.uses = seenNothing(r), nil
	if got := r.ofLabel(e, "pod"); !strings.HasPrefix(got.Text, "not seen in 3") {
		t.Errorf("pod: %+v, want the window", got)
	}
	if got := r.ofLabel(evidence{}, "pod"); got != (labelUse{}) {
		t.Errorf("where nothing is known: %+v", got)
	}
}
