package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/api"
)

// set sets a policy by the API, and returns the status, the ETag and the text.
func (r *running) set(policy, match, body string) (int, string, string) {
	r.t.Helper()
	resp, text := r.do(http.MethodPut, r.web, "/api/v1/"+policy, []byte(body), header("Content-Type", "application/json", "If-Match", match))
	return resp.StatusCode, resp.Header.Get("ETag"), text
}

// owner returns whose a series is, and why.
func (r *running) owner(series string) string {
	r.t.Helper()
	var x api.Explanation
	r.read("/api/v1/explain?series="+series, &x)
	for _, s := range x.Steps {
		if s.Step == "owner" {
			return s.Name + ": " + s.Detail
		}
	}
	return ""
}

func TestPoliciesByAPI(t *testing.T) {
	up := newStore(t)
	const attribution = `
attribution:
  owners: [{match: '{namespace="shop"}', team: shop}]
  catalogs: [{type: csv, files: [owners.csv], join: {label: service}}]
  prices: {currency: USD, per_million_samples: 0.10, per_thousand_series_month: 5.00}
  budgets: {shop: {month: 1200}}
`
	files := map[string]string{"headgate.yml": configFor(up.URL, attribution), "owners.csv": "service,owner\nads,ads\norphan,\n"}
	r := launch(t, files, "--config.file=DIR/headgate.yml", "--web.enable-lifecycle")

	// GET, edit, PUT.
	resp, text := r.do(http.MethodGet, r.web, "/api/v1/owners", nil, nil)
	if tag := resp.Header.Get("ETag"); tag != `"0"` || !strings.Contains(text, `"source":"file","file":"headgate.yml"`) {
		t.Fatalf("the owners are %s, ETag %s", text, tag)
	}
	if got := r.owner(`up{job="a"}`); !strings.HasPrefix(got, "unowned: ") {
		t.Errorf("the owner is %s, want none", got)
	}
	body := strings.Replace(text, `"team":"shop","source":"file","file":"headgate.yml"}`, `"team":"shop","source":"file","file":"headgate.yml"},{"match":"{job='a'}","team":"a"}`, 1)
	status, tag, text := r.set("owners", `"0"`, body)
	if status != http.StatusOK || tag == "" || !strings.Contains(text, `{"match":"{job='a'}","team":"a","source":"api"}`) {
		t.Fatalf("set: %d %s %s", status, tag, text)
	}
	// At once, between the file's clauses and its catalogs.
	for series, want := range map[string]string{
		`up{job="a"}`:                  "a: clause 2: match",
		`up{job="a",namespace="shop"}`: "shop: clause 1: match",
		`up{job="a",service="ads"}`:    "a: clause 2: match",
		`up{service="ads"}`:            "ads: clause 3: catalog",
	} {
		if got := r.owner(series); !strings.HasPrefix(got, want) {
			t.Errorf("the owner of %s is %s, want %s", series, got, want)
		}
	}
	for match, want := range map[string]int{`"0"`: http.StatusPreconditionFailed, "": http.StatusPreconditionRequired} {
		if status, _, text := r.set("owners", match, body); status != want {
			t.Errorf("set with If-Match %s: %d %s, want %d", match, status, text, want)
		}
	}
	if status, _, text := r.set("prices", "*", `{"prices":[{"currency":"USD","per_million_samples":3}]}`); status != http.StatusConflict || !strings.Contains(text, "headgate.yml") {
		t.Errorf("the file's price is set: %d %s, want 409", status, text)
	}
	if status, _, text := r.set("prices", `"0"`, `{"prices":[{"tenant":"payments","currency":"USD","per_million_samples":0.20,"valid_from":"2026-01-01"}]}`); status != http.StatusOK {
		t.Errorf("a tenant's price is set: %d %s, want 200", status, text)
	}
	if status, _, text := r.set("budgets", `"0"`, `{"budgets":{"tenant:payments":{"month":5}}}`); status != http.StatusOK {
		t.Errorf("a budget is set: %d %s, want 200", status, text)
	}
	var problems struct{ Problems []api.CatalogProblem }
	if r.read("/api/v1/owners/problems", &problems); len(problems.Problems) != 1 || problems.Problems[0].Line != 3 {
		t.Errorf("problems of catalogs are %+v, want that of line 3", problems.Problems)
	}
	var list struct{ Events []api.Event }
	r.read("/api/v1/events?kind=policy", &list)
	if len(list.Events) != 3 || list.Events[2].Text != "owners: set by 127.0.0.1: added match {job='a'}, team a" {
		t.Errorf("the events are %+v, want one of each change", list.Events)
	}

	if _, text := r.do(http.MethodGet, r.web, "/api/v1/audit", nil, nil); !strings.Contains(text, `"budgets.set"`) || !strings.Contains(text, `"prices.set"`) || !strings.Contains(text, `"owners.set"`) {
		t.Errorf("the audit is %s, want the three changes in it", text)
	}

	// A reload leaves it alone, and so does a restart.
	if resp, text := r.do(http.MethodPost, r.web, "/-/reload", nil, nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("reload: %s %s", resp.Status, text)
	}
	if got := r.owner(`up{job="a"}`); !strings.HasPrefix(got, "a: ") {
		t.Errorf("after a reload the owner is %s, want a", got)
	}
	if code := r.stop(); code != exitOK {
		t.Fatalf("headgate ended with %d:\n%s", code, r.log)
	}
	again := launch(t, nil, "--config.file="+r.dir+"/headgate.yml")
	if got := again.owner(`up{job="a"}`); !strings.HasPrefix(got, "a: ") {
		t.Errorf("after a restart the owner is %s, want a", got)
	}
	var prices api.PricesSettings
	var budgets api.BudgetsSettings
	again.read("/api/v1/prices", &prices)
	again.read("/api/v1/budgets", &budgets)
	if len(prices.Prices) != 2 || prices.Prices[1].PerMillionSamples != "0.2" || len(budgets.Budgets) != 2 || budgets.Budgets["tenant:payments"].Month != "5" {
		t.Errorf("after a restart prices and budgets are %+v %+v", prices, budgets)
	}
}
