package ui

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/internal/tenant"
)

func paying(t *testing.T) http.Handler {
	t.Helper()
	return New(controltest.Paying(t).Control, Options{})
}

func TestPagesOfCosts(t *testing.T) {
	h := paying(t)
	for _, tt := range []struct {
		name, path, what, text string
		status                 int
	}{
		{"teams, the dearest first", "/teams", "section.card", "checkout", 200},
		{"the month before", "/teams?month=2026-10", "p.lead", "October 2026", 200},
		{"of one tenant, with its budget", "/teams?tenant=payments", "div.stat", "Budget used", 200},
		{"what somebody owns", "/teams", "div.stat", "Somebody owns", 200},
		{"a budget that is used up", "/teams", "td.budget", "used up", 200},
		{"a budget that will be exceeded", "/teams", "td.budget", "over by month’s end", 200},
		{"what drives the change", "/teams", "section.card", "What changed most", 200},
		{"a team", "/teams/checkout", "h1.code", "checkout", 200},
		{"its days", "/teams/checkout", "figcaption", "the budget is 430.00", 200},
		{"its members", "/teams/checkout", "ul.names", "carla", 200},
		{"its services", "/teams/checkout", "section.card", "component checkout-api", 200},
		{"its finding", "/teams/checkout", "ol.findings", "saves ≈", 200},
		{"its rules", "/teams/platform", "section.card", "thin-disks", 200},
		{"its budget until when", "/teams/search", "div.stat", "used up in", 200},
		{"a team without a use", "/teams/idle", "section.card", "Nothing was used in this month", 200},
		{"a team that is not there", "/teams/nobody", "section.failure", "is not known", 404},
		{"costs by team", "/costs", "table.costs", "platform", 200},
		{"costs by two columns", "/costs?by=team&by=metric&month=2026-11", "table.costs", "node_disk_03_bytes_total", 200},
		{"costs of one team", "/costs?team=checkout&by=service", "p.chips", "team checkout", 200},
		{"costs of a time", "/costs?from=2026-11-01&to=2026-11-03&by=day", "p.lead", "1 to 2 November 2026", 200},
		{"costs of nothing", "/costs?metric=none&by=metric", "div.empty", "Nothing is recorded", 200},
		{"a wrong column", "/costs?by=colour", "section.failure", "colour", 422},
		{"a month to come", "/teams?month=2031-01", "section.failure", "yet to come", 422},
		{"a figure", "/costs/figure?month=2026-11&by=team&row=team:checkout", "section.card", "÷ 1 000 000 × 0.1 EUR", 200},
		{"a figure without a row", "/costs/figure?by=team&row=team:none", "section.failure", "no such row", 404},
		{"what nobody owns", "/unowned", "td.value", "catalog-prod", 200},
		{"who might own it", "/unowned", "td.owner", "owns 100 % of 1 owned series with namespace catalog-prod", 200},
		{"a clause that gives it to them", "/unowned", "pre#owners-yaml", "team: search", 200},
		{"by other labels", "/unowned?by=job", "th.label", "job", 200},
		{"by too many labels", "/unowned?by=a,b,c,d,e", "section.failure", "name 4 at most", 422},
		{"the month on the overview", "/?tenant=payments", "div.stat", "of the budget", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := wantPage(t, h, tt.path, tt.status)
			wantText(t, doc, tt.what, tt.text)
			if n := len(find(doc, "h1")); n != 1 {
				t.Errorf("there are %d titles, want 1", n)
			}
		})
	}
}

// Every figure of every page leads to how it came about.
func TestFiguresLeadToTheirFormula(t *testing.T) {
	h := paying(t)
	for _, path := range []string{"/teams", "/teams?tenant=default", "/teams?month=2026-10", "/teams/checkout", "/teams/platform?month=2026-10", "/costs?by=day,team", "/costs?from=2026-11-02&to=2026-11-03&by=metric", "/unowned"} {
		links := find(wantPage(t, h, path, 200), "a.figure")
		if len(links) == 0 && path != "/unowned" {
			t.Errorf("%s has no figure that leads anywhere", path)
		}
		for i, a := range links {
			if len(links) > 10 && i%9 != 0 { // some of many
				continue
			}
			doc := wantPage(t, h, attribute(a, "href"), 200)
			if got, want := textOf(find(doc, "span.value")[0]), textOf(a); got != want {
				t.Errorf("%s: %s says %s, but leads to %s", path, attribute(a, "href"), want, got)
			}
		}
	}
}

// The rows of a table add up to what stands below it.
func TestRowsAddUp(t *testing.T) {
	h := paying(t)
	for _, path := range []string{"/teams", "/teams/checkout", "/teams/unowned", "/costs?by=metric", "/costs?by=tenant,team,metric,day"} {
		for _, table := range find(wantPage(t, h, path, 200), "table.rows") {
			if len(find(table, "tfoot")) == 0 {
				continue
			}
			column := -1
			for i, th := range find(find(table, "thead")[0], "th") {
				if text := textOf(th); strings.HasPrefix(text, "Cost,") || strings.HasPrefix(text, "Change,") {
					column = i
				}
			}
			rows := find(find(table, "tbody")[0], "tr")
			feet := find(find(table, "tfoot")[0], "tr")
			sum := 0.0
			for _, row := range append(rows, feet[:len(feet)-1]...) {
				sum += moneyIn(t, row, column)
			}
			if total := moneyIn(t, feet[len(feet)-1], column); sum < total-0.005*float64(len(rows)+1) || sum > total+0.005*float64(len(rows)+1) {
				t.Errorf("%s: %s: the rows are %.2f together, want %.2f", path, textOf(find(table, "caption")[0]), sum, total)
			}
		}
	}
}

// moneyIn returns the amount in a column of a row.
func moneyIn(t *testing.T, row *html.Node, column int) float64 {
	t.Helper()
	for n := range row.ChildNodes() {
		if n.Type != html.ElementNode {
			continue
		}
		if span := attribute(n, "colspan"); span != "" {
			column -= int(span[0]-'0') - 1
		}
		if column--; column >= 0 {
			continue
		}
		text := n.FirstChild.Data
		if links := find(n, "a.figure"); len(links) > 0 {
			text = textOf(links[0])
		}
		text = strings.NewReplacer("\u202f", "", " ", "", "\n", "", "−", "-", "+", "", "<", "").Replace(text)
		m, err := attribution.ParseMicro(strings.TrimPrefix(text, "-"))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if text[0] == '-' {
			m = -m
		}
		return float64(m) / 1e6
	}
	t.Fatalf("there is no column %d in %q", column, textOf(row))
	return 0
}

func TestAReportHasPages(t *testing.T) {
	h := paying(t)
	path := "/costs?by=day,metric&month=2026-10"
	first := wantPage(t, h, path, 200)
	if n := len(find(find(first, "tbody")[0], "tr")); n != costsPerPage {
		t.Errorf("the first page has %d rows, want %d", n, costsPerPage)
	}
	wantText(t, first, "tfoot", "Other pages")
	total := textOf(find(first, "tfoot")[0].LastChild)
	for _, a := range find(first, "a") {
		if attribute(a, "rel") == "next" {
			second := wantPage(t, h, attribute(a, "href"), 200)
			if got := textOf(find(second, "tfoot")[0].LastChild); got != total {
				t.Errorf("the total of the second page is %q, of the first %q", got, total)
			}
			wantText(t, second, "nav.pager", "First page")
			return
		}
	}
	t.Error("the first page leads to no next one")
}

func TestFilesOfCosts(t *testing.T) {
	h := paying(t)
	for _, tt := range []struct {
		path, header string
		column       int
		value        string
	}{
		{"/teams.csv?month=2026-11", "team", 0, "checkout"},
		{"/unowned.csv?by=namespace,job", "namespace", 0, "catalog-prod"},
	} {
		rec := browse(h, tt.path)
		records, err := csv.NewReader(rec.Body).ReadAll()
		if err != nil || rec.Code != 200 || records[0][0] != tt.header {
			t.Fatalf("%s: %d, %v: %.200q", tt.path, rec.Code, err, records)
		}
		found := false
		for _, row := range records[1:] {
			found = found || row[tt.column] == tt.value
		}
		if !found {
			t.Errorf("%s has no %q: %q", tt.path, tt.value, records)
		}
	}
}

func TestWithoutAPriceOrALedgerPagesTeach(t *testing.T) {
	unpriced := New(controltest.New(t, controltest.Config{Ledger: true}).Control, Options{})
	for _, path := range []string{"/teams", "/costs"} {
		doc := wantPage(t, unpriced, path, 200)
		wantText(t, doc, "pre#price-yaml", "per_million_samples")
	}
	unrecorded := New(controltest.New(t, controltest.Config{}).Control, Options{})
	wantText(t, wantPage(t, unrecorded, "/teams", 503), "section.failure", "The ledger is not open")
	wantPage(t, unrecorded, "/", 200)
}

func TestCostsAreForThoseWhoMay(t *testing.T) {
	h := paying(t)
	one := auth.Actor{Name: "ann", Role: auth.Viewer, Tenants: []tenant.ID{"payments"}}
	for _, path := range []string{"/teams?tenant=default", "/teams.csv?tenant=default", "/teams/checkout?tenant=default", "/costs?tenant=default", "/costs/figure?tenant=default&by=team&row=team:checkout", "/unowned?tenant=default"} {
		if rec := as(h, one, path); rec.Code != 403 {
			t.Errorf("%s: %d, want 403", path, rec.Code)
		}
	}
	if rec := as(h, one, "/teams"); rec.Code != 200 || strings.Contains(rec.Body.String(), "1\u202f000.96") {
		t.Errorf("/teams of one's only tenant: %d, %s", rec.Code, rec.Body)
	}
	doc, err := html.Parse(as(h, auth.Actor{Name: "ann", Role: auth.Viewer, Teams: []string{"platform"}}, "/teams").Body)
	if err != nil {
		t.Fatal(err)
	}
	row := find(find(find(doc, "table.cards")[0], "tbody")[0], "tr")[0]
	if text := textOf(row); !strings.HasPrefix(text, "platform yours") {
		t.Errorf("the first row is %q, want one's own team", text)
	}
}

func TestHostileNamesOfTeamsAndMetrics(t *testing.T) {
	hg := controltest.Hostile(t)
	h := New(hg.Control, Options{})
	for _, name := range controltest.HostileNames {
		for _, path := range []string{"/teams/" + url.PathEscape(name), "/costs?by=metric&metric=" + url.QueryEscape(name), "/costs?by=" + url.QueryEscape(name),
			"/costs?team=" + url.QueryEscape(name) + "&from=" + url.QueryEscape(name), "/costs/figure?by=team&row=team:" + url.QueryEscape(name),
			"/teams?month=" + url.QueryEscape(name), "/unowned?by=" + url.QueryEscape(name)} {
			rec := browse(h, path)
			if body := rec.Body.String(); rec.Code >= 500 && rec.Code != 503 || strings.Contains(body, "<script>window.ran") || strings.Contains(body, "<img src=x") || strings.Contains(body, "<svg onload") {
				t.Errorf("%.100s: %d: %.300s", path, rec.Code, body)
			}
		}
	}
}

func TestMoneyIsWrittenForPeople(t *testing.T) {
	for _, tt := range []struct {
		name string
		got  string
		want string
	}{
		{"nothing", amount(0), "0.00"},
		{"less than half a cent", amount(4_999), "<0.01"},
		{"half a cent is one", amount(5_000), "0.01"},
		{"less than nothing, hardly", amount(-1), "−<0.01"},
		{"thousands", amount(1_234_567_891_000), "1\u202f234\u202f567.89"},
		{"rounded up to a whole", amount(1_999_995_000), "2\u202f000.00"},
		{"back", amount(-12_340_000), "−12.34"},
		{"the least number", amount(-1 << 63), "−9\u202f223\u202f372\u202f036\u202f854.78"},
		{"more", change(1_000_000), "+1.00"},
		{"less", change(-1_000_000), "−1.00"},
		{"twelve percent more", changePart(100, 112), "+12\u202f%"},
		{"half", changePart(100, 50), "−50\u202f%"},
		{"nothing left", changePart(100, 0), "−100\u202f%"},
		{"twenty times", changePart(1, 20), "20\u202f× as much"},
		{"of nothing", changePart(0, 5), "new"},
		{"the same", changePart(5, 5), "as before"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestBudgetsInWords(t *testing.T) {
	day, err := attribution.ParseHour("2026-11-27")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		state attribution.BudgetState
		want  string
		badge string
	}{
		{"spent", attribution.BudgetState{Used: 1.2, Over: true, Exhausted: day}, "used up on 27 November", "used up"},
		{"will be in six days", attribution.BudgetState{Used: 0.9, Over: true, Exhausted: day, DaysLeft: 6}, "used up in 6 days, on 27 November, as it looks", "over by month’s end"},
		{"today", attribution.BudgetState{Used: 0.99, Over: true, Exhausted: day}, "expected to be used up today", "over by month’s end"},
		{"lasts", attribution.BudgetState{Used: 0.3, DaysLeft: -1}, "expected to last the month", "within"},
	} {
		if got := exhaustion(tt.state); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if got := newBudgetView(tt.state).State.Text; got != tt.badge {
			t.Errorf("%s: the badge is %q, want %q", tt.name, got, tt.badge)
		}
	}
}

func TestPeriodsInWords(t *testing.T) {
	for _, tt := range []struct{ from, to, want string }{
		{"2026-11-01", "2026-12-01", "November 2026"},
		{"2026-11-01", "2026-11-21T13:00:00Z", "1 to 21 November 2026"},
		{"2026-11-03", "2026-11-04", "3 November 2026"},
		{"2026-10-30", "2026-11-03", "30 October 2026 to 2 November 2026"},
		{"2026-11-03T05:00:00Z", "2026-11-03T06:00:00Z", "2026-11-03T05:00:00Z to 2026-11-03T06:00:00Z"},
	} {
		q := attribution.Query{From: hourOf(t, tt.from), To: hourOf(t, tt.to)}
		if got := period(q); got != tt.want {
			t.Errorf("from %s to %s: %q, want %q", tt.from, tt.to, got, tt.want)
		}
	}
}

func hourOf(t *testing.T, text string) attribution.Hour {
	t.Helper()
	h, err := attribution.ParseHour(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTheChartStaysInItsBox(t *testing.T) {
	m := attribution.Month{Year: 2026, Month: 11}
	s := control.CostSummary{
		Query: attribution.Query{From: m.From(), To: m.From() + 36}, Total: 30e6, Budget: &attribution.BudgetState{Budget: attribution.Budget{Month: 100e6}},
		Days:     []attribution.DayTotal{{Day: m.From(), Total: -5e6}, {Day: m.From() + 24, Total: 35e6}},
		Forecast: attribution.Forecast{Month: m, Expected: 60e6, Low: 50e6, High: 200e6, Days: []attribution.DayForecast{{Day: m.From() + 24, ToDate: 40e6, Low: 35e6, High: 45e6}, {Day: m.To() - 24, ToDate: 60e6, Low: 50e6, High: 200e6}}},
	}
	v := newCostChart(s, "EUR")
	if v == nil {
		t.Fatal("there is no chart")
	}
	if v.Line != "0.00,160.00 20.00,160.00 30.00,140.00" {
		t.Errorf("the line is %q", v.Line)
	}
	if !strings.HasSuffix(v.Expected, "600.00,120.00") || !strings.HasPrefix(v.Expected, "30.00,140.00 ") || v.Budget != "93.33" {
		t.Errorf("the forecast is %q and the budget at %s", v.Expected, v.Budget)
	}
	if newCostChart(control.CostSummary{Query: s.Query}, "EUR") != nil {
		t.Error("there is a chart of nothing")
	}
}

// The chart of all teams is a table, too: by day, each figure with its formula.
func TestTheChartOfAllTeamsIsATable(t *testing.T) {
	h := New(controltest.Paying(t).Control, Options{})
	doc := wantPage(t, h, "/teams", 200)
	wantText(t, doc, "summary", "As a table, by day")
	var days *html.Node
	for _, d := range find(doc, "div.scroll") {
		if attribute(d, "aria-label") == "Cost by day" {
			days = d
		}
	}
	if days == nil || len(find(days, "tr")) != 31 {
		t.Fatal("the chart has no table of the days of November")
	}
	links := find(days, "a")
	if len(links) == 0 {
		t.Fatal("no figure of a day leads to its formula")
	}
	wantText(t, wantPage(t, h, attribute(links[0], "href"), 200), "main", "1 November")
}
