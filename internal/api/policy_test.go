package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
)

// policed returns the API of a Headgate whose file says something of everything. Its
// store is not open.
func policed(t testing.TB) http.Handler {
	t.Helper()
	catalog, problems := attribution.ReadCatalog(
		attribution.CatalogConfig{Type: attribution.CSV, Files: []string{"*.csv"}, Join: attribution.JoinConfig{Label: "service"}},
		[]attribution.CatalogFile{{Name: "owners.csv", Data: []byte("service,owner\nads,ads\nb,\n")}})
	million, err := attribution.ParseDecimal("0.10")
	if err != nil {
		t.Fatal(err)
	}
	from, err := attribution.ParseHour("2026-01-01")
	if err != nil {
		t.Fatal(err)
	}
	c := attribution.DefaultConfig()
	c.Owners = []attribution.OwnerConfig{{Match: `{namespace="shop"}`, Team: "shop"}, {Label: "team"}}
	c.Prices = attribution.Prices{{Currency: "USD", PerMillionSamples: million, ValidFrom: from}}
	c.Budgets = attribution.Budgets{"shop": {Month: attribution.Amount{Micro: 1200_500_000}}, "tenant:payments": {Month: attribution.Amount{Micro: 7e6}}}
	log := slog.New(slog.DiscardHandler)
	ps, err := control.NewPolicies(control.PolicyFile{Name: "dir/headgate.yml", Config: c, Catalogs: []*attribution.Catalog{catalog}, Skipped: problems},
		func() control.PolicyStore { return nil }, log)
	if err != nil {
		t.Fatal(err)
	}
	return New(control.New(control.Parts{Policies: ps, Events: control.NewEvents(log)}))
}

const fromFile = `"source":"file","file":"headgate.yml"`

func TestPoliciesAreRead(t *testing.T) {
	h := policed(t)
	for path, want := range map[string]string{
		"/owners": `{"owners":[{"match":"{namespace=\"shop\"}","team":"shop",` + fromFile + `},{"label":"team",` + fromFile + `}],` +
			`"catalogs":[{"type":"csv","files":["*.csv"],"join":{"label":"service","field":"service"},"names":1,"teams":1,` + fromFile + `}],"revision":0}`,
		"/prices":  `{"prices":[{"currency":"USD","per_million_samples":0.1,"per_thousand_series_month":0,"valid_from":"2026-01-01T00:00:00Z",` + fromFile + `}],"revision":0}`,
		"/budgets": `{"budgets":{"shop":{"month":1200.5,` + fromFile + `},"tenant:payments":{"month":7,` + fromFile + `}},"revision":0}`,
	} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, Prefix+path, nil))
		if rec.Code != http.StatusOK || rec.Header().Get("ETag") != `"0"` {
			t.Errorf("%s: %d, ETag %s; want 200 and \"0\"", path, rec.Code, rec.Header().Get("ETag"))
		}
		if diff := cmp.Diff(want, strings.TrimSpace(rec.Body.String())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	var list struct{ Problems []CatalogProblem }
	get(t, h, "/owners/problems", nil, &list)
	if len(list.Problems) != 1 || list.Problems[0].File != "owners.csv" || list.Problems[0].Line != 3 || list.Problems[0].Text == "" {
		t.Errorf("problems of catalogs are %+v, want that of line 3", list.Problems)
	}
}

func TestChangesOfPoliciesAreRefused(t *testing.T) {
	h := policed(t)
	for _, tt := range []struct {
		name, path, body, match string
		status                  int
		text                    string
	}{
		{"no If-Match", "owners", `{"owners":[]}`, "", 428, "If-Match"},
		{"no If-Match for prices", "prices", `{"prices":[]}`, "", 428, "If-Match"},
		{"no If-Match for budgets", "budgets", `{"budgets":{}}`, "", 428, "If-Match"},
		{"the store is not open", "owners", `{"owners":[{"match":"up","team":"a"}]}`, `"0"`, 503, "store"},
		{"what the file says may be sent", "owners", `{"owners":[{"label":"team","source":"file","file":"headgate.yml"}],"catalogs":[],"revision":0,"updated_at":"2026-01-01T00:00:00Z","updated_by":"ann"}`, `"0"`, 503, "store"},
		{"a clause of the file", "owners", `{"owners":[{"match":"{namespace='shop'}","team":"a"}]}`, "*", 409, "owners[0]: match {namespace=\\\"shop\\\"}, team shop, is in headgate.yml"},
		{"a price of the file", "prices", `{"prices":[{"currency":"USD","per_million_samples":0.2}]}`, "*", 409, "headgate.yml, under attribution.prices"},
		{"a budget of the file", "budgets", `{"budgets":{"shop":{"month":1}}}`, "*", 409, "headgate.yml, under attribution.budgets"},
		{"a tenant's budget of the file is what it is", "budgets", `{"budgets":{"tenant:payments":{"month":"7.00"}}}`, "*", 503, "store"},
		{"a selector that is none", "owners", `{"owners":[{"label":"a"},{"match":"{","team":"a"}]}`, "*", 422, `"location":"owners[1].match"`},
		{"a clause without a team", "owners", `{"owners":[{"match":"up"}]}`, "*", 422, `"location":"owners[0]"`},
		{"an unknown key", "owners", `{"owners":[{"matches":"up","team":"a"}]}`, "*", 422, "body.owners[0].matches"},
		{"no owners", "owners", `{}`, "*", 422, "owners"},
		{"owners that are null", "owners", `{"owners":null}`, "*", 422, "owners"},
		{"prices that are null", "prices", `{"prices":null}`, "*", 422, "prices"},
		{"budgets that are null", "budgets", `{"budgets":null}`, "*", 422, "budgets"},
		{"owners that are none", "owners", `{"owners":"all"}`, "*", 422, "body.owners"},
		{"no number", "prices", `{"prices":[{"tenant":"a","currency":"USD","per_million_samples":"much"}]}`, "*", 422, `"location":"prices[0].per_million_samples"`},
		{"too many digits", "prices", `{"prices":[{"tenant":"a","currency":"USD","per_thousand_series_month":0.1234567890123}]}`, "*", 422, `"location":"prices[0].per_thousand_series_month"`},
		{"less than nothing", "prices", `{"prices":[{"tenant":"a","currency":"USD","per_million_samples":-1}]}`, "*", 422, "negative"},
		{"more than there is", "prices", `{"prices":[{"tenant":"a","currency":"USD","per_million_samples":1e30}]}`, "*", 422, "too large"},
		{"a truth value", "prices", `{"prices":[{"tenant":"a","currency":"USD","per_million_samples":true}]}`, "*", 422, "body.prices[0].per_million_samples"},
		{"no time", "prices", `{"prices":[{"tenant":"a","currency":"USD","valid_from":"soon"}]}`, "*", 422, `"location":"prices[0].valid_from"`},
		{"another currency", "prices", `{"prices":[{"tenant":"a","currency":"EUR"}]}`, "*", 422, `"location":"prices[0].currency"`},
		{"a price without a currency", "prices", `{"prices":[{"tenant":"a"}]}`, "*", 422, "currency"},
		{"a budget of nothing", "budgets", `{"budgets":{"a":{"month":0}}}`, "*", 422, `"location":"budgets.a.month"`},
		{"a budget of too many digits", "budgets", `{"budgets":{"a":{"month":0.0000001}}}`, "*", 422, `"location":"budgets.a.month"`},
		{"a budget of no tenant", "budgets", `{"budgets":{"tenant:a/b":{"month":1}}}`, "*", 422, `"location":"budgets.tenant:a/b"`},
		{"no JSON", "budgets", `{`, "*", 400, ""},
		{"a body that is too long", "owners", `{"owners":[{"label":"` + strings.Repeat("x", maxPolicy) + `"}]}`, "*", 413, ""},
		{"many mistakes", "owners", `{"owners":[` + strings.Repeat(`{},`, 500) + `{}]}`, "*", 422, `"location":"owners[99]"`},
		{"a deep body", "owners", `{"owners":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, "*", 400, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPut, Prefix+"/"+tt.path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/json")
			if tt.match != "" {
				r.Header.Set("If-Match", tt.match)
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			wantProblem(t, rec, tt.status)
			if !strings.Contains(rec.Body.String(), tt.text) {
				t.Errorf("%.500s, want it to say %s", rec.Body, tt.text)
			}
			if rec.Body.Len() > len(tt.body)+100_000 {
				t.Errorf("the answer has %d bytes", rec.Body.Len())
			}
		})
	}
}

// FuzzSetPolicy holds that no document makes the API panic, or do anything but
// refuse it: nothing can be stored.
func FuzzSetPolicy(f *testing.F) {
	for i, body := range []string{
		`{"owners":[{"match":"{a=~\"b\"}","team":"t"},{"label":"x","source":"file"}]}`,
		`{"prices":[{"tenant":"a","currency":"USD","per_million_samples":"1e-7","valid_from":"2026-01-01"}]}`,
		`{"budgets":{"tenant:a":{"month":1e3},"":{"month":1},"\u0000":{"month":"1"}}}`,
	} {
		f.Add(uint8(i), body)
	}
	h := policed(f)
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		r := httptest.NewRequest(http.MethodPut, Prefix+"/"+[]string{"owners", "prices", "budgets"}[which%3], strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("If-Match", `"0"`)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		switch rec.Code {
		case 400, 409, 413, 422, 503:
		default:
			t.Errorf("%q is answered %d: %s", body, rec.Code, rec.Body)
		}
	})
}

// What is read is the body of a change, to the digit.
func TestNumbersKeepTheirDigits(t *testing.T) {
	for text, want := range map[string]string{`0.1`: "0.1", `"0.10"`: "0.10", `1e-7`: "1e-7", `123456.789012345678`: "123456.789012345678"} {
		var n Number
		if err := json.Unmarshal([]byte(text), &n); err != nil || string(n) != want {
			t.Errorf("%s is read as %q, %v; want %q", text, n, err, want)
		}
		if out, err := json.Marshal(struct{ N Number }{n}); err != nil || !strings.Contains(string(out), fmt.Sprintf(`{"N":%s}`, want)) {
			t.Errorf("%s is written as %s, %v", want, out, err)
		}
	}
}
