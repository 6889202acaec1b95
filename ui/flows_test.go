package ui

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/control/controltest"
)

// cellsOf returns the numbers of a row of a table, by its columns.
func cellsOf(t *testing.T, row *html.Node) (numbers []int) {
	t.Helper()
	for _, td := range find(row, "td.number") {
		n, err := strconv.Atoi(strings.NewReplacer("\u202f", "", " ", "").Replace(textOf(td)))
		if err != nil {
			t.Fatalf("%q is no number", textOf(td))
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// Whatever flows are shown by, each row adds up and all rows add up to the last.
func TestFlowsBalance(t *testing.T) {
	g := controltest.Shop(t, 3000)
	h := New(g.Control, Options{})
	flow, err := g.Flow(control.FlowQuery{})
	if err != nil || flow.Counts.Dropped == 0 || flow.Counts.Downsampled == 0 {
		t.Fatalf("the flow is %+v, %v; want something dropped and thinned", flow.Counts, err)
	}
	for _, path := range []string{"/flow", "/flow?by=metric", "/flow?by=rule", "/flow?by=rule&phase=dropped", "/flow?by=metric&phase=downsampled&sort=forwarded", "/flow?by=metric&tenant=payments"} {
		doc := wantPage(t, h, path, http.StatusOK)
		tables := find(doc, "table.rows")
		if len(tables) != 1 {
			t.Fatalf("%s has %d tables", path, len(tables))
		}
		rows := append(find(find(tables[0], "tbody")[0], "tr"), find(find(tables[0], "tfoot")[0], "tr")...)
		sums := make([]int, 7)
		for i, row := range rows {
			n := cellsOf(t, row)
			if n[0] != n[1]+n[2]+n[3]+n[4]+n[5]+n[6] {
				t.Errorf("%s: %q does not add up", path, textOf(row))
			}
			for at := range n {
				if i < len(rows)-1 {
					sums[at] += n[at]
				} else if sums[at] != n[at] {
					t.Errorf("%s: the rows add up to %v, the last is %v", path, sums, n)
				}
			}
		}
		if sorted := find(tables[0], "th"); attribute(sorted[1], "aria-sort") == "" && !strings.Contains(path, "phase") {
			t.Errorf("%s does not say what it is sorted by", path)
		}
	}
	doc := wantPage(t, h, "/flow?by=rule&phase=dropped", http.StatusOK)
	wantText(t, doc, "table.rows", "drop-debug")
	if rows := find(find(doc, "tbody")[1], "tr"); len(rows) != 1 || cellsOf(t, rows[0])[2] != int(flow.Counts.Dropped) {
		t.Errorf("what was dropped is %q, want the rule that did it", allText(rows))
	}
	wantPage(t, h, linkOf(t, wantPage(t, h, "/", http.StatusOK), "dropped"), http.StatusOK)
}

func TestFlowsOfATimeAreThoseOfTheLedger(t *testing.T) {
	g := controltest.Paying(t)
	h := New(g.Control, Options{})
	from := url.QueryEscape(time.Now().UTC().Add(-48 * time.Hour).Format(minute))
	doc := wantPage(t, h, "/flow?by=team&from="+from, http.StatusOK)
	wantText(t, doc, "table.rows", "checkout")
	wantPage(t, h, "/flow?by=metric&team=checkout&from="+from, http.StatusOK)
	doc = wantPage(t, h, linkOf(t, wantPage(t, h, "/teams/checkout", http.StatusOK), "Flow"), http.StatusOK)
	if len(find(doc, "table.rows")) != 1 {
		t.Error("the page of a team leads to no flow of its metrics")
	}
	for path, text := range map[string]string{
		"/flow?team=checkout": "team: samples of a team are counted by the ledger",
		"/flow?by=pod":        "by: ",
		"/flow?phase=lost":    "phase: it is none of",
		"/flow?from=monday":   "from is no time",
	} {
		wantText(t, wantPage(t, h, path, http.StatusUnprocessableEntity), "p.bad", text)
		csvPath := strings.Replace(path, "/flow", "/flow.csv", 1)
		if rec := browse(h, csvPath); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d, want 422", csvPath, rec.Code)
		}
	}
}

func TestFlowsAsCSV(t *testing.T) {
	g := controltest.Shop(t, 3000)
	rec := browse(New(g.Control, Options{}), "/flow.csv?by=rule&phase=dropped")
	records, err := csv.NewReader(rec.Body).ReadAll()
	if err != nil || rec.Code != http.StatusOK || len(records) != 2 || strings.Join(records[0], " ") != "rule received forwarded dropped downsampled shed rejected failed would_remove from to" || records[1][0] != "drop-debug" {
		t.Errorf("%d, %q, %v", rec.Code, records, err)
	}
}
