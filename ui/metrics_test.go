package ui

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// rowsOf returns what a reader sees of the rows of the page's table, sums included.
func rowsOf(doc *html.Node) []string {
	var list []string
	for _, part := range slices.Concat(find(doc, "tbody"), find(doc, "tfoot")) {
		list = append(list, allText(find(part, "tr"))...)
	}
	return list
}

// namesOf returns the metrics of the page's table.
func namesOf(doc *html.Node) (names []string) {
	for _, part := range find(doc, "tbody") {
		for _, a := range find(part, "a.name") {
			names = append(names, strings.ReplaceAll(textOf(a), " ", ""))
		}
	}
	return names
}

// hrefOf returns where the link with a text leads.
func hrefOf(t *testing.T, doc *html.Node, text string) string {
	t.Helper()
	for _, a := range find(doc, "a") {
		if strings.Contains(textOf(a), text) || strings.Contains(attribute(a, "aria-label"), text) {
			return attribute(a, "href")
		}
	}
	t.Fatalf("no link says %q", text)
	return ""
}

func TestTheListOfMetricsIsNarrowedByItsAddress(t *testing.T) {
	h := shop(t)
	for _, tt := range []struct {
		name, query string
		want        []string // the metrics
	}{
		{"by a part of a name", "q=NODE_DISK", []string{"node_disk_io_time_seconds_total", "node_disk_read_bytes_total"}},
		{"by a selector", "q=" + url.QueryEscape(`{code="500"}`), []string{"http_requests_total"}},
		{"by a selector and a part of a name", "q=request&match=" + url.QueryEscape(`{le!=""}`), []string{"http_request_duration_seconds_bucket"}},
		{"by a team", "team=platform", []string{"node_cpu_seconds_total", "node_disk_io_time_seconds_total", "node_disk_read_bytes_total"}},
		{"by an outcome", "phase=dropped", []string{"debug_render_seconds_bucket"}},
		{"by a team and an outcome", "team=platform&phase=downsampled", []string{"node_disk_io_time_seconds_total", "node_disk_read_bytes_total"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := wantPage(t, h, "/profile/metrics?"+tt.query, http.StatusOK)
			got := namesOf(doc)
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("the page has %q, want %q", got, tt.want)
			}
			records := csvOf(t, h, "/profile/metrics.csv?"+tt.query)
			var names []string
			for _, r := range records[1:] {
				names = append(names, r[0])
			}
			slices.Sort(names)
			if !slices.Equal(names, tt.want) {
				t.Errorf("the file has %q, want %q", names, tt.want)
			}
		})
	}
	doc := wantPage(t, h, "/profile/metrics?q=node&team=platform&sort=change_1d", http.StatusOK)
	if href := hrefOf(t, doc, "team platform"); strings.Contains(href, "team=") || !strings.Contains(href, "q=node") || !strings.Contains(href, "sort=change_1d") {
		t.Errorf("without the team the page is %s", href)
	}
	doc = wantPage(t, h, "/profile/metrics?phase=lost", http.StatusUnprocessableEntity)
	wantText(t, doc, "p", `"lost" is none of received`)
}

// csvOf returns the records of a file.
func csvOf(t *testing.T, h http.Handler, path string) [][]string {
	t.Helper()
	rec := browse(h, path)
	records, err := csv.NewReader(rec.Body).ReadAll()
	if err != nil || rec.Code != http.StatusOK || len(records) == 0 {
		t.Fatalf("%s answers %d: %v", path, rec.Code, err)
	}
	return records
}

func TestTheListOfMetricsSaysWhatHasChangedAndAddsUp(t *testing.T) {
	doc := wantPage(t, shop(t), "/profile/metrics?sort=change_1d", http.StatusOK)
	rows := rowsOf(doc)
	if len(rows) == 0 || !strings.HasPrefix(strings.ReplaceAll(rows[0], " ", ""), "checkout_session_events_total") || !strings.Contains(rows[0], " new ") {
		t.Errorf("the metric that is new is not the first: %q", rows)
	}
	if last := rows[len(rows)-1]; !strings.HasPrefix(last, "All 12 metrics 3 732 100 %") {
		t.Errorf("the rows add up to %q", last)
	}
	href, err := url.Parse(hrefOf(t, doc, "Draft a rule for checkout_session_events_total"))
	if err != nil || href.Path != "/rules/new" || href.Query().Get("match") != `{__name__="checkout_session_events_total"}` || href.Query().Get("mode") != "shadow" {
		t.Errorf("the draft is at %s, %v", href, err)
	}
}

func TestADraftKeepsWhatTheListIsNarrowedTo(t *testing.T) {
	h := shop(t)
	doc := wantPage(t, h, "/profile/metrics?team=checkout&q="+url.QueryEscape(`{code="500",__name__=~"http.*"}`), http.StatusOK)
	path := hrefOf(t, doc, "Draft a rule for http_requests_total")
	href, err := url.Parse(path)
	if err != nil || href.Query().Get("match") != `{__name__="http_requests_total", code="500"}` || href.Query().Get("team") != "checkout" {
		t.Errorf("the draft is at %s, %v", href, err)
	}
	wantText(t, wantPage(t, h, path, http.StatusOK), "h1", "New rule")
}

func TestAMetricShowsItsHistory(t *testing.T) {
	h := shop(t)
	doc := wantPage(t, h, "/profile/metric?metric=http_requests_total", http.StatusOK)
	wantText(t, doc, "h2", "The last 30 days")
	if len(find(doc, "polyline")) == 0 {
		t.Error("there is no chart")
	}
	for _, what := range []string{"the series with label path", "the series with code 200"} {
		if href := hrefOf(t, doc, "Draft a rule for "+what); !strings.HasPrefix(href, "/rules/new?") {
			t.Errorf("the draft for %s is at %s", what, href)
		}
	}
	doc = wantPage(t, h, "/profile/series?match=http_requests_total&by=code", http.StatusOK)
	if href := hrefOf(t, doc, "Draft a rule for 404"); !strings.Contains(href, url.QueryEscape(`code="404"`)) {
		t.Errorf("the draft of a value is at %s", href)
	}
}
