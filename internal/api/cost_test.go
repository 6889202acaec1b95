package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
)

// A heldLedger is a store that holds cells.
type heldLedger struct {
	attribution.Store
	cells []attribution.Cell
	err   error
}

func (h heldLedger) Cells(_ context.Context, _ attribution.Query, _ []attribution.Hour) iter.Seq2[attribution.Cell, error] {
	return func(yield func(attribution.Cell, error) bool) {
		for _, c := range h.cells {
			if !yield(c, nil) {
				return
			}
		}
		if h.err != nil {
			yield(attribution.Cell{}, h.err)
		}
	}
}

func (heldLedger) Closings(context.Context) ([]attribution.Closing, error) { return nil, nil }

func (heldLedger) Adjustments(context.Context, attribution.Hour, attribution.Hour) ([]attribution.Adjustment, error) {
	return []attribution.Adjustment{{At: attribution.HourOf(asOf), Of: attribution.Month{Year: 2026, Month: 10}, Tenant: "shop", Team: "checkout", Amount: -1_000_000, Reason: "=credit"}}, nil
}

// asOf is what the clock of a costing API shows.
var asOf = time.Date(2026, 11, 21, 12, 30, 0, 0, time.UTC)

// hostileNames are what senders may call a metric or a team.
var hostileNames = []string{"=cmd|' /C calc'!A0", "@sum", "+1", "-1", "a,\"b\"\r\nc", "</script>", "a\x00b", "\xff", "\u202e", "a/b", "tab\t"}

// costing returns an API whose ledger holds checkout's up and what hostile teams
// did, at 0.10 USD a million samples.
func costing(t *testing.T, samples string) http.Handler {
	t.Helper()
	hour := attribution.HourOf(asOf.Add(-26 * time.Hour))
	cell := func(team, metric string, n uint64) attribution.Cell {
		return attribution.Cell{Key: attribution.Key{Hour: hour, Tenant: "shop", Team: team, Metric: metric}, Samples: attribution.Counts{n}, SeriesHours: 730}
	}
	cells := []attribution.Cell{cell("checkout", "up", 40_000_000)}
	for _, name := range hostileNames {
		cells = append(cells, cell(name, name, 1_000_000))
	}
	return costsOf(t, samples, heldLedger{cells: cells})
}

func costsOf(t *testing.T, samples string, s attribution.Store) http.Handler {
	t.Helper()
	c := attribution.DefaultConfig()
	c.Shared = attribution.Keep
	if samples != "" {
		price, err := attribution.ParseDecimal(samples)
		if err != nil {
			t.Fatal(err)
		}
		c.Prices = attribution.Prices{{Currency: "USD", PerMillionSamples: price}}
	}
	c.Budgets = attribution.Budgets{"checkout": {Month: attribution.Amount{Micro: 6_000_000}}}
	policies, err := control.NewPolicies(control.PolicyFile{Config: c}, func() control.PolicyStore { return nil }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return New(control.New(control.Parts{
		Policies: policies, Events: control.NewEvents(slog.New(slog.DiscardHandler)),
		Ledger: func() attribution.Store { return s }, Now: func() time.Time { return asOf },
	}))
}

func fetch(h http.Handler, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, Prefix+path, nil))
	return rec
}

func TestCostsAsJSON(t *testing.T) {
	h := costing(t, "0.10")
	var c Costs
	get(t, h, "/costs", url.Values{"by": {"team,metric"}, "limit": {"3"}}, &c)
	var sum int64
	for _, r := range c.Rows {
		sum += r.Cost
	}
	if len(c.Rows) != 3 || *c.Rows[0].Team != "checkout" || *c.Rows[0].Metric != "up" || c.Rows[0].Cost != 4_000_000 || c.Rows[0].SeriesHours != 730 || c.Rows[0].Day != nil {
		t.Errorf("rows are %+v, want checkout's up first", c.Rows)
	}
	if c.Total != 4_100_000 || sum+c.Rest != c.Total || c.RestRows != len(hostileNames)+2-3 || c.Currency != "USD" || !c.To.Equal(asOf.Add(30*time.Minute)) || len(c.Notes) != 0 {
		t.Errorf("the report is %+v, want 3 rows and the rest to be 4.10", c)
	}
	get(t, costing(t, ""), "/costs", url.Values{}, &c)
	if c.Currency != "" || len(c.Notes) != 1 {
		t.Errorf("without a price the report is %+v, want a note", c)
	}
}

func TestCostsAsCSV(t *testing.T) {
	h := costing(t, "0.10")
	for _, tt := range []struct{ query, file, header string }{
		{"by=team,metric&format=csv", "headgate-costs-2026-11-01-to-2026-11-21T130000.csv", "team,metric,samples,"},
		{"by=metric&format=focus&from=2026-11-01&to=2026-11-21", "headgate-costs-2026-11-01-to-2026-11-21-focus-1.2.csv", "BilledCost,"},
	} {
		rec := fetch(h, "/costs?"+tt.query)
		if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "text/csv; charset=utf-8" || rec.Header().Get("Content-Disposition") != `attachment; filename="`+tt.file+`"` {
			t.Fatalf("%s: %d %v", tt.query, rec.Code, rec.Header())
		}
		if !strings.HasPrefix(rec.Body.String(), tt.header) {
			t.Errorf("%s begins with %.40q, want %q", tt.query, rec.Body, tt.header)
		}
		records, err := csv.NewReader(rec.Body).ReadAll()
		if err != nil || len(records) < 1+len(hostileNames) {
			t.Fatalf("%s: %d records, %v", tt.query, len(records), err)
		}
		// A number is ours, and has a minus where something is given back.
		for _, record := range records[1:] {
			for i, cell := range record {
				names := records[0][i] == "team" || records[0][i] == "metric" || strings.HasPrefix(records[0][i], "SubAccount")
				if cell != "" && strings.ContainsRune("=+@\t\r\n", rune(cell[0])) || names && strings.HasPrefix(cell, "-") {
					t.Errorf("%s: %s is %q, which a spreadsheet takes for a formula", tt.query, records[0][i], cell)
				}
			}
		}
	}
}

func TestFocusHasItsMandatoryColumns(t *testing.T) {
	records, err := csv.NewReader(fetch(costing(t, "0.10"), "/costs?format=focus").Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{
		"BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory",
		"ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName",
		"ListCost", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName",
	} {
		if !slices.Contains(records[0], column) {
			t.Errorf("column %s is missing", column)
		}
	}
	if len(records) < 2+len(hostileNames) {
		t.Errorf("there are %d charges, want one of each team and the correction", len(records)-1)
	}
}

func TestFigureOfARow(t *testing.T) {
	h := costing(t, "0.10")
	var f Figures
	get(t, h, "/costs/figure", url.Values{"by": {"team,metric"}, "row": {"metric:up", "team:checkout"}}, &f)
	if len(f.Figures) != 1 || f.Total != 4_100_000 || f.Figures[0].Cost != 4_000_000 || f.Figures[0].Exact != "4" || f.Formula != attribution.Formula {
		t.Fatalf("the figure is %+v, want 4.00 of 4.10", f)
	}
	want := []CostTerm{{&TermPrice{"", "0.1", "0", ""}, 40_000_000, 730, "4", "0"}}
	if diff := cmp.Diff(want, f.Figures[0].Terms); diff != "" {
		t.Errorf("terms (-want +got):\n%s", diff)
	}
	get(t, h, "/costs/figure", url.Values{"by": {"team"}, "row": {"team:checkout"}}, &f)
	if len(f.Figures) != 2 || f.Figures[1].Adjusts != "2026-10" || f.Figures[1].Cost != -1_000_000 {
		t.Errorf("the figures are %+v, want the correction behind the row", f)
	}
	for _, name := range hostileNames {
		if name == "\xff" {
			continue // it comes back as a replacement, and is no name in a URL
		}
		get(t, h, "/costs/figure", url.Values{"by": {"metric"}, "row": {"metric:" + name}}, &f)
		if len(f.Figures) != 1 || f.Figures[0].Cost != 100_000 {
			t.Errorf("the figure of %q is %+v", name, f)
		}
	}
}

func TestSummaryAndTeams(t *testing.T) {
	h := costing(t, "0.10")
	var s CostSummary
	get(t, h, "/costs/summary", url.Values{"team": {"checkout"}}, &s)
	if s.Month != "2026-11" || s.Total != 3_000_000 || s.Budget == nil || s.Budget.Threshold != 50 || s.Budget.Used != 0.5 || len(s.Days) != 21 || len(s.Forecast.Days) != 10 || s.Forecast.Confidence != 0.9 {
		t.Errorf("the summary is %+v", s)
	}
	if len(s.Drivers) != 2 || *s.Drivers[0].Metric != "up" || s.Drivers[0].Change != 4_000_000 || s.Rest != (CostDriver{}) {
		t.Errorf("drivers are %+v and %+v, want up, and the correction", s.Drivers, s.Rest)
	}
	var names []string
	q := url.Values{"limit": {"5"}}
	for {
		var page Teams
		get(t, h, "/teams", q, &page)
		if page.Total != 4_100_000 || page.Coverage != 1 || page.TotalTeams != len(hostileNames)+1 {
			t.Fatalf("the page is %+v", page)
		}
		for _, team := range page.Teams {
			names = append(names, team.Team)
		}
		if page.NextCursor == "" {
			break
		}
		q.Set("cursor", page.NextCursor)
	}
	if len(names) != len(hostileNames)+1 || names[0] != "checkout" {
		t.Errorf("the teams are %q", names)
	}
	for _, name := range []string{"checkout", "a/b", "=cmd|' /C calc'!A0", "</script>"} {
		var d TeamDetail
		get(t, h, "/teams/"+url.PathEscape(name), nil, &d)
		if d.Team.Team != name || len(d.Metrics) != 1 || d.Findings == nil {
			t.Errorf("team %q is %+v", name, d)
		}
	}
}

func TestFlowByTheLedgerOfHostileTeams(t *testing.T) {
	var f Flow
	get(t, costing(t, ""), "/flow", url.Values{"from": {"2026-11-20T10:00:00Z"}, "by": {"team"}}, &f)
	if len(f.Rows) != len(hostileNames)+1 || *f.Rows[0].Team != "checkout" || f.Received != 51_000_000 {
		t.Errorf("the flow is %+v", f)
	}
}

func TestCostQueriesAreChecked(t *testing.T) {
	h := costing(t, "0.10")
	for _, tt := range []struct {
		path   string
		status int
		text   string
	}{
		{"/costs?from=yesterday", 422, "write a day"},
		{"/costs?from=2026-11-02&to=2026-11-01", 422, "not after from"},
		{"/costs?from=0001-01-01&to=9999-01-01", 422, "before 1970"},
		{"/costs?from=2000-01-01", 422, "at most"},
		{"/costs?month=2027-01", 422, "yet to come"},
		{"/costs?by=" + strings.Repeat("team,", 60), 422, ""},
		{"/costs?by=colour&format=csv", 422, "colour"},
		{"/costs?by=rule&format=focus", 422, "leave rule out"},
		{"/costs?format=xls", 422, ""},
		{"/costs?limit=0", 422, ""},
		{"/costs?shared=gladly", 422, ""},
		{"/costs?tenant=a/b", 422, "tenant"},
		{"/costs?groupby=team", 422, ""},
		{"/costs/figure?by=team", 422, "which team?"},
		{"/costs/figure?by=team&row=team:none", 404, "no such row"},
		{"/costs/summary?month=soon", 422, "2026-11"},
		{"/teams?cursor=none", 422, "leave it out"},
		{"/teams/none", 404, "not known"},
		{"/flow?to=2026-11-01T00:00:00Z", 422, "from when?"},
		{"/unowned", 404, "profiler.memory_limit_bytes"},
	} {
		rec := fetch(h, tt.path)
		wantProblem(t, rec, tt.status)
		if !strings.Contains(rec.Body.String(), tt.text) || rec.Header().Get("Content-Disposition") != "" {
			t.Errorf("%.80s: %s, want it to say %q", tt.path, rec.Body, tt.text)
		}
	}
	wantProblem(t, fetch(costing(t, ""), "/costs?format=focus"), 422)
	broken := costsOf(t, "0.10", heldLedger{cells: []attribution.Cell{{}}, err: errors.New("secret")})
	for _, path := range []string{"/costs", "/costs?format=csv", "/costs/summary", "/teams", "/flow?from=2026-11-20T10:00:00Z"} {
		rec := fetch(broken, path)
		wantProblem(t, rec, 503)
		if strings.Contains(rec.Body.String(), "secret") {
			t.Errorf("%s tells what the store said: %s", path, rec.Body)
		}
	}
	wantProblem(t, fetch(costsOf(t, "0.10", nil), "/costs"), 503)
}

func TestUnownedShape(t *testing.T) {
	got, err := json.Marshal(newUnowned(control.Unowned{By: []string{"job"}}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"unowned":[],"by":["job"],"rest_groups":0,"series":0,"series_error":0,"cost_per_month_micro":0,"currency":"","month_micro":null,"coverage":null}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}
