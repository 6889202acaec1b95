package api

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
	"github.com/headgate/headgate/rules/usage/querylog"
)

func TestQueriesAreTaken(t *testing.T) {
	h := New(control.New(control.Parts{Asked: new(querylog.Evidence)}))
	for _, tt := range []struct {
		body   string
		status int
	}{
		{`{"queries":[]}`, http.StatusUnprocessableEntity},
		{`{"queries":[{"expr":""}]}`, http.StatusUnprocessableEntity},
		{`{"queries":[{"expr":"up","count":0}]}`, http.StatusUnprocessableEntity},
		{`{"queries":[{"expr":"up","at":"yesterday"}]}`, http.StatusUnprocessableEntity},
		{`{"queries":[{"expr":"up","at":"2999-01-01T00:00:00Z"}]}`, http.StatusUnprocessableEntity},
		{`{"queries":[{"expr":"up","step":"soon"}]}`, http.StatusUnprocessableEntity},
		{`{"queries":[{"expr":"up","by":"` + strings.Repeat("u", 101) + `"}]}`, http.StatusUnprocessableEntity},
		{`{"queries":[{"expr":"` + strings.Repeat("u", maxBody) + `"}]}`, http.StatusRequestEntityTooLarge},
	} {
		wantProblem(t, ask(h, http.MethodPost, "/usage/queries", tt.body), tt.status)
	}
	wantProblem(t, ask(h, http.MethodGet, "/usage?metric=up", ""), http.StatusNotFound)

	rec := ask(h, http.MethodPost, "/usage/queries", `{"queries":[{"expr":"sum(up)","count":3,"at":"2026-01-02T03:04:05Z"},{"expr":"up =="},{"expr":"sum( up )","by":"explore","step":"15s"}]}`)
	if got := strings.TrimSpace(rec.Body.String()); rec.Code != http.StatusOK || got != `{"taken":3,"unread":1}` {
		t.Fatalf("%d %s", rec.Code, got)
	}
	for path, want := range map[string]string{
		"?metric=up":           `"count":5,"last":"TIME","how":"name","text":"Asked by queries 5 times in 0 minutes, last at `,
		"?metric=up&label=pod": `"count":1,"last":"TIME","how":"unknown","text":"Asked by queries once in 0 minutes, last at `,
		"?metric=gone":         `"count":0,"text":"Not seen in 0 minutes: queries are watched since `,
	} {
		rec := ask(h, http.MethodGet, "/usage"+path, "")
		got := stamps.ReplaceAllString(strings.TrimSpace(rec.Body.String()), `"TIME"`)
		if want = `{"uses":[],"queries":{"since":"TIME",` + want; rec.Code != http.StatusOK || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %d %s, want %s", path, rec.Code, got, want)
		}
	}
}

// What a rule that thins needs to know stands beside the queries: which ranges they
// read, and of which labels.
func TestQueriesShowTheirRanges(t *testing.T) {
	h := New(control.New(control.Parts{Asked: new(querylog.Evidence)}))
	rec := ask(h, http.MethodPost, "/usage/queries", `{"queries":[{"expr":"sum by(job) (rate(calls[1m]))","by":"<a>","step":"15s"},`+
		`{"expr":"max_over_time(calls{pod=\"a\"}[1h:30s])","count":2},{"expr":"rate(calls[5m])"}]}`)
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	_, got, _ := strings.Cut(stamps.ReplaceAllString(strings.TrimSpace(ask(h, http.MethodGet, "/usage?metric=calls", "").Body.String()), `"TIME"`), `"logged"`)
	want := `:0,"told":4,"step":"15s","ranges":[{"func":"rate","range":"1m"},{"func":"max_over_time","range":"1h","step":"30s","subquery":true}],"seen":[` +
		`{"expr":"max_over_time(calls{pod=\"a\"}[1h:30s])","count":2,"first":"TIME","last":"TIME","how":"name","labels":["pod"]},` +
		`{"expr":"rate(calls[5m])","count":1,"first":"TIME","last":"TIME","how":"name"},` +
		`{"expr":"sum by (job) (rate(calls[1m]))","count":1,"first":"TIME","last":"TIME","by":["<a>"],"step":"15s","how":"name","labels":["job"]}]}}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

var stamps = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"`)

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yml":  "groups:\n- rules:\n  - alert: Down\n    expr: up == 0\n  - {alert: Broken, expr: 'up =='}\n",
		"b.json": `{"title":"B","uid":"b","panels":[{"id":3,"title":"<P>","targets":[{"expr":"sum by (job) (up)"}]}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rs, problems := rules.ParseFile("r.yml", []byte("rules: [{name: drop-up, match: up, action: drop}]"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	engine := rules.NewEngine()
	if err := engine.Load(rs); err != nil {
		t.Fatal(err)
	}
	c := usage.Config{RuleFiles: []string{"a.yml"}, Dashboards: []string{"b.json"}}
	log := slog.New(slog.DiscardHandler)
	queries := control.NewUsage(c, dir, usage.Load(c, dir), engine, control.NewEvents(log), func() control.BreakStore { return nil }, log)
	h := New(control.New(control.Parts{Rules: engine, Usage: queries}))
	get := func(path string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/api/v1/usage"+path, nil))
		return rec
	}
	const down = `"kind":"alert","name":"Down","file":"a.yml","line":3,"expr":"up == 0"`
	const panel = `"kind":"dashboard","name":"B / <P>","file":"b.json","line":1,"expr":"sum by (job) (up)","link":"/d/b?viewPanel=3"`
	const byJob = `,"how":"name","labels":["job"]}`
	const broken = `"kind":"alert","name":"Broken","file":"a.yml","line":5,"expr":"up =="`
	for path, want := range map[string]string{
		"?metric=up":                             `{"uses":[{` + down + `,"how":"name"},{` + panel + byJob + `,{` + broken + `,"how":"unknown"}]}`,
		"?metric=up&limit=1":                     `{"uses":[{` + down + `,"how":"name"}],"next_cursor":"MQ"}`,
		"?metric=up&limit=1&cursor=MQ":           `{"uses":[{` + panel + byJob + `],"next_cursor":"Mg"}`,
		"?metric=up&label=pod":                   `{"uses":[{` + down + `,"how":"result"},{` + broken + `,"how":"unknown"}]}`,
		"?metric=x&label=pod&cursor=OTk":         `{"uses":[]}`,
		"/breaks?rule=drop-up&limit=1":           `{"breaks":[{` + down + `,"verdict":"breaks","why":"every series of up is dropped: it finds nothing"}],"next_cursor":"MQ"}`,
		"/breaks?rule=drop-up&limit=1&cursor=MQ": `{"breaks":[{` + broken + `,"verdict":"may_break","why":"what it reads is not known: it cannot be parsed: 1:6: parse error: unexpected end of input"}],"next_cursor":"Mg"}`,
		"/problems":                              `{"problems":[{"file":"a.yml","line":5,"text":"alert \"Broken\": it cannot be parsed: 1:6: parse error: unexpected end of input; until it is mended, every rule may break it"}]}`,
	} {
		rec := get(path)
		if diff := cmp.Diff(want, strings.TrimSpace(rec.Body.String())); diff != "" || rec.Code != http.StatusOK {
			t.Errorf("%s: %d (-want +got):\n%s", path, rec.Code, diff)
		}
	}
	if rec := ask(h, http.MethodPost, "/usage/queries", `{"queries":[{"expr":"up"}]}`); rec.Code != http.StatusNotFound {
		t.Errorf("where no queries are watched: %d %s", rec.Code, rec.Body)
	}
	for path, status := range map[string]int{
		"":                      http.StatusUnprocessableEntity,
		"?metric=up&cursor=%21": http.StatusUnprocessableEntity,
		"?metric=up&cursor=LTE": http.StatusUnprocessableEntity,
		"/breaks?rule=none":     http.StatusNotFound,
	} {
		wantProblem(t, get(path), status)
	}
}
