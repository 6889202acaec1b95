package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/control/controltest"
)

// tried is the answer to a change of a shop whose ledger has two months, which is
// only tried: it is as the API's document says, and the shop is what it was.
func tried[T any](t *testing.T, path, body string) T {
	t.Helper()
	mux := http.NewServeMux()
	a := humago.New(mux, config())
	c := controltest.Paying(t).Control
	register(a, c)
	h := actors(problems(mux))
	get := func() string {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, Prefix+path, nil))
		return rec.Header().Get("ETag") + rec.Body.String()
	}
	before := get()
	r := httptest.NewRequest(http.MethodPut, Prefix+path+"?dry_run=true", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("If-Match", `"0"`)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK || rec.Header().Get("ETag") != `"0"` {
		t.Fatalf("answered %d, ETag %s: %s", rec.Code, rec.Header().Get("ETag"), rec.Body)
	}
	if after := get(); after != before {
		t.Errorf("it was only tried, and %s became %s", before, after)
	}
	var answer any
	var out T
	for _, to := range []any{&answer, &out} {
		if err := json.Unmarshal(rec.Body.Bytes(), to); err != nil {
			t.Fatal(err)
		}
	}
	res := &huma.ValidateResult{}
	schema := a.OpenAPI().Paths[Prefix+path].Put.Responses["200"].Content["application/json"].Schema
	huma.Validate(a.OpenAPI().Components.Schemas, schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, answer, res)
	for _, err := range res.Errors {
		t.Errorf("%v in %.500s", err, rec.Body)
	}
	return out
}

func TestOwnersAreTried(t *testing.T) {
	o := tried[OwnersAnswer](t, "/owners", `{"owners":[{"match":"go_goroutines{job=\"search\"}","team":"search"},{"match":"up","team":"platform"}]}`)
	if len(o.Owners) != 5 {
		t.Errorf("%d clauses, want those of the file and two", len(o.Owners))
	}
	e := o.Effect
	if e == nil || e.Figures == nil {
		t.Fatalf("no effect: %+v", o)
	}
	if want := "added match go_goroutines{job=\"search\"}, team search; added match up, team platform"; e.Change != want {
		t.Errorf("change %q, want %q", e.Change, want)
	}
	f := e.Figures
	// Of 12 pods with jobs checkout, catalog and search, those of checkout are owned.
	moves := map[TeamMove]bool{}
	for _, m := range f.Moves {
		m.Samples = 0
		moves[m] = true
	}
	if !moves[TeamMove{"unowned", "search", MovedPart{Series: 4}}] || !moves[TeamMove{"unowned", "platform", MovedPart{Series: 8}}] || len(f.Moves) != 2 {
		t.Errorf("moves %+v, want 4 series to search and 8 to platform", f.Moves)
	}
	if !f.Exact || f.Moved.Series != 12 || f.Moved.SeriesError != 0 || f.UnownedBefore.Series-f.UnownedAfter.Series != 12 {
		t.Errorf("%+v, want 12 series that are nobody's to be somebody's, exactly", f)
	}
	if f.UnownedBefore.Share <= f.UnownedAfter.Share || f.UnownedBefore.Share > 1 || f.Moved.Samples <= 0 {
		t.Errorf("shares %v and %v, %v samples per second; want less to be unowned", f.UnownedBefore.Share, f.UnownedAfter.Share, f.Moved.Samples)
	}
}

func TestPricesAreTried(t *testing.T) {
	of := func(body string) (before, after MonthCost, notes string) {
		t.Helper()
		e := tried[PricesAnswer](t, "/prices", body).Effect
		if e == nil || e.Figures == nil {
			t.Fatalf("no figures: %+v", e)
		}
		return e.Figures.Before, e.Figures.After, strings.Join(e.Notes, "\n")
	}
	before, after, notes := of(`{"prices":[{"tenant":"payments","currency":"EUR","per_million_samples":0.20,"per_thousand_series_month":5}]}`)
	if before.Total == 0 || after.Total <= before.Total || after.Forecast.Expected <= before.Forecast.Expected {
		t.Errorf("%+v becomes %+v, want what was used of the month to cost more", before, after)
	}
	if !strings.Contains(notes, "A price without valid_from holds for hours that are over, too") {
		t.Errorf("notes %s, want them to say that hours that are over change", notes)
	}
	later, dear, notes := of(`{"prices":[{"tenant":"payments","currency":"EUR","per_million_samples":0.20,"per_thousand_series_month":5,"valid_from":"2026-11-21T12:00:00Z"}]}`)
	if !cmp.Equal(later, before) {
		t.Errorf("what is in force costs %+v and %+v", before, later)
	}
	if dear.Total != before.Total {
		t.Errorf("a price that begins now changes what the month has come to from %d to %d", before.Total, dear.Total)
	}
	rest, all := dear.Forecast.Expected-before.Forecast.Expected, after.Forecast.Expected-before.Forecast.Expected
	if rest <= 0 || rest >= all {
		t.Errorf("it adds %d to the forecast, want something, and less than the %d of one that always was", rest, all)
	}
	if !strings.Contains(notes, "from 2026-11-21T12:00:00Z on") {
		t.Errorf("notes %s, want the hour that changes begin in", notes)
	}
	_, same, notes := of(`{"prices":[{"tenant":"payments","currency":"EUR","per_million_samples":0.20,"valid_from":"2026-12-01"}]}`)
	if !cmp.Equal(same, before) || !strings.Contains(notes, "changes nothing this month") {
		t.Errorf("a price of next month makes %+v of %+v, and says %s", same, before, notes)
	}
	_, _, notes = of(`{"prices":[{"tenant":"payments","currency":"EUR","per_million_samples":0.20,"valid_from":"2026-11-25"}]}`)
	if !strings.Contains(notes, "begin later this month, the first of tenant payments") {
		t.Errorf("notes %s, want that of a price which the forecast leaves out", notes)
	}
}

func TestBudgetsAreTried(t *testing.T) {
	e := tried[BudgetsAnswer](t, "/budgets", `{"budgets":{"idle":{"month":5},"unowned":{"month":10},"tenant:default":{"month":1000000}}}`).Effect
	if e == nil || e.Figures == nil {
		t.Fatalf("no figures: %+v", e)
	}
	is := map[string][2]string{}
	for _, b := range e.Figures.Pressed {
		is[b.Key] = [2]string{b.Was, b.Is}
		if b.Total <= 0 || b.Forecast.Expected < b.Total || b.Budget <= 0 {
			t.Errorf("%+v, want what is spent and expected", b)
		}
	}
	for key, want := range map[string][2]string{"checkout": {"spent", "spent"}, "search": {"over", "over"}, "platform": {}, "idle": {}, "tenant:default": {}} {
		if is[key] != want {
			t.Errorf("%s is %v, want %v; all are %v", key, is[key], want, is)
		}
	}
	if n := len(e.Figures.Pressed) + e.Figures.Calm; n != 7 {
		t.Errorf("%d budgets, want all 7: %v", n, is)
	}
}
