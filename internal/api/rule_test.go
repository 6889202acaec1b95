package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
)

// ruled returns the API of a Headgate with three rules of a file. Its store is not
// open.
func ruled(t *testing.T) http.Handler {
	t.Helper()
	rs, problems := rules.ParseFile("rules/a.yml", []byte("rules:\n- {name: a, match: up, action: drop}\n- {name: b, match: up, action: keep}\n- {name: c, match: up, action: drop, mode: shadow}\n"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	log := slog.New(slog.DiscardHandler)
	engine, events := rules.NewEngine(), control.NewEvents(log)
	book, err := control.NewRuleBook(engine, rs, func() control.RuleStore { return nil }, events, log)
	if err != nil {
		t.Fatal(err)
	}
	audits := control.NewAudits(func() control.AuditStore { return nil }, log)
	return New(control.New(control.Parts{Rules: engine, RuleBook: book, Audits: audits, Events: events}))
}

// ask sends a request, with a body of JSON where there is one.
func ask(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, Prefix+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

func TestRulesAreReadInPages(t *testing.T) {
	h := ruled(t)
	var names string
	for cursor := ""; ; {
		var page struct {
			Rules      []Rule `json:"rules"`
			NextCursor string `json:"next_cursor"`
		}
		rec := ask(h, http.MethodGet, "/rules?limit=2&cursor="+cursor, "")
		if err := json.Unmarshal(rec.Body.Bytes(), &page); err != nil || rec.Code != http.StatusOK {
			t.Fatalf("%d %s: %v", rec.Code, rec.Body, err)
		}
		for _, r := range page.Rules {
			names += r.Name
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if names != "abc" {
		t.Errorf("the rules are %s, want abc", names)
	}
	if rec := ask(h, http.MethodGet, "/rules/a", ""); rec.Code != http.StatusOK || rec.Header().Get("ETag") != "" {
		t.Errorf("a rule of a file: %d, ETag %q; want none", rec.Code, rec.Header().Get("ETag"))
	}
}

// What can be previewed can be saved: of one rule, the limit is one.
func TestRulesAreAsLongAsTheirPreviews(t *testing.T) {
	h := ruled(t)
	// of returns a rule of n bytes.
	of := func(n int) string {
		const begin, end = `{"name":"d","match":"up","action":"drop","reason":"`, `"}`
		return begin + strings.Repeat("x", n-len(begin)-len(end)) + end
	}
	for _, tt := range [][2]string{{http.MethodPost, "/rules/preview"}, {http.MethodPost, "/rules"}, {http.MethodPut, "/rules/d"}} {
		if rec := ask(h, tt[0], tt[1], of(maxBody-1), "If-Match", "*"); rec.Code == http.StatusRequestEntityTooLarge {
			t.Errorf("%s %s of %d bytes: %d %s", tt[0], tt[1], maxBody-1, rec.Code, rec.Body)
		}
		wantProblem(t, ask(h, tt[0], tt[1], of(maxBody), "If-Match", "*"), http.StatusRequestEntityTooLarge)
	}
}

func TestChangesOfRulesAreRefused(t *testing.T) {
	h := ruled(t)
	const good = `{"match":"up","action":"drop"}`
	for _, tt := range []struct {
		name, method, path, body string
		match                    string
		status                   int
		want                     string
	}{
		{"of a file", http.MethodPut, "/rules/a", good, "*", http.StatusConflict, "rules/a.yml, line 2"},
		{"of a file, made", http.MethodPost, "/rules", `{"name":"a","match":"up","action":"drop"}`, "", http.StatusConflict, "rules/a.yml, line 2"},
		{"of a file, reverted", http.MethodPost, "/rules/a/revert", `{"revision":1}`, "", http.StatusConflict, "rules/a.yml, line 2"},
		{"without If-Match", http.MethodPut, "/rules/x", good, "", http.StatusPreconditionRequired, "If-Match"},
		{"deleted without If-Match", http.MethodDelete, "/rules/x", "", "", http.StatusPreconditionRequired, "If-Match"},
		{"without the store", http.MethodPost, "/rules", `{"name":"x","match":"up","action":"drop"}`, "", http.StatusServiceUnavailable, "try again"},
		{"renamed", http.MethodPut, "/rules/x", `{"name":"y","match":"up","action":"drop"}`, "*", http.StatusUnprocessableEntity, "a rule keeps its name"},
		{"with a field that no rule has", http.MethodPost, "/rules", `{"name":"x","match":"up","action":"drop","colour":"red"}`, "", http.StatusUnprocessableEntity, "colour"},
		{"with two mistakes", http.MethodPost, "/rules", `{"name":"x","match":"{","action":"dorp"}`, "", http.StatusUnprocessableEntity, "did you mean drop?"},
		{"with a match that is none", http.MethodPost, "/rules", `{"name":"x","match":7,"action":"drop"}`, "", http.StatusUnprocessableEntity, "match"},
		{"reverted to nothing", http.MethodPost, "/rules/x/revert", `{"revision":0}`, "", http.StatusUnprocessableEntity, "revision"},
		{"history without the store", http.MethodGet, "/rules/a/history", "", "", http.StatusServiceUnavailable, "try again"},
		{"audit without the store", http.MethodGet, "/audit", "", "", http.StatusServiceUnavailable, "try again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var headers []string
			if tt.match != "" {
				headers = []string{"If-Match", tt.match}
			}
			rec := ask(h, tt.method, tt.path, tt.body, headers...)
			wantProblem(t, rec, tt.status)
			if !strings.Contains(rec.Body.String(), tt.want) {
				t.Errorf("the problem is %s, want it to say %q", rec.Body, tt.want)
			}
		})
	}
}

func TestWhoChangesThingsTooFastWaits(t *testing.T) {
	h := ruled(t)
	as := func(name string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodDelete, Prefix+"/rules/a", nil)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r.WithContext(auth.NewContext(r.Context(), auth.Actor{Name: name, Role: auth.Admin})))
		return rec
	}
	var last *httptest.ResponseRecorder
	for range 1000 { // the bucket fills while it is emptied, but not as fast
		if last = as("ann"); last.Code == http.StatusTooManyRequests {
			break
		}
	}
	if last.Code != http.StatusTooManyRequests || last.Header().Get("Retry-After") != "1" || !strings.Contains(last.Body.String(), "too many changes") {
		t.Fatalf("%d, Retry-After %q, %s; want 429 and 1", last.Code, last.Header().Get("Retry-After"), last.Body)
	}
	if rec := as("bob"); rec.Code == http.StatusTooManyRequests {
		t.Error("another actor waits, too")
	}
	if rec := ask(h, http.MethodGet, "/rules", ""); rec.Code != http.StatusOK {
		t.Errorf("a question waits: %d", rec.Code)
	}
}
