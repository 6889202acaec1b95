package ui

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/internal/series"
)

func TestPagesSayWhatTheyAreAbout(t *testing.T) {
	h := shop(t)
	for _, tt := range []struct {
		path       string
		status     int
		what, text string
	}{
		{"/", 200, "table.outcomes", "forwarded"},
		{"/", 200, "table.rows", "checkout_session_events_total"},
		{"/profile/metrics", 200, "td.number", "3 000"},
		{"/profile/metrics", 200, "th.number", "EUR/month"},
		{"/profile/metrics?sort=samples", 200, "th", "Samples/s"},
		{"/profile/metrics?q=NODE_CPU", 200, "nav.pager", "1 metric of 1"},
		{"/profile/metrics?q=nothing_like_it", 200, "div.empty", "No metric matches"},
		{"/profile/metrics?q=%7B", 422, "p.banner", "parse error"},
		{"/profile/metrics?sort=colour", 422, "h1", "That cannot be answered"},
		{"/profile/metrics?tenant=a/b", 422, "section.failure", "Tenant"},
		{"/profile/metrics?tenant=nobody", 200, "div.empty", "Nothing is known of tenant nobody"},
		{"/profile/metric?metric=checkout_session_events_total", 200, "tr.chosen", "session"},
		{"/profile/metric?metric=checkout_session_events_total&label=event", 200, "pre#fix-relabel", "target_label: event"},
		{"/profile/metric?metric=http_requests_total", 200, "table.evidence", "TooManyErrors"},
		{"/profile/metric?metric=http_requests_total", 200, "section.card", "Asked by queries 70 times in 12 days, last at"},
		{"/profile/metric?metric=checkout_session_events_total", 200, "tr.chosen", "not seen in 12 d"},
		{"/profile/metric?metric=none", 404, "section.failure", "is not known"},
		{"/profile/metric", 422, "section.failure", "which one?"},
		{"/profile/labels", 200, "table.rows", "session"},
		{"/profile/series?match=http_requests_total&by=job", 200, "table.rows", "catalog"},
		{"/profile/series?match=http_requests_total&by=none", 200, "table.rows", "without the label"},
		{"/profile/series", 200, "div.empty", "Which series?"},
		{"/profile/series?match=%7B", 422, "p.banner", "parse error"},
		{"/rules", 200, "table.rows", "try-sessions"},
		{"/rules/try-sessions", 200, "p.banner", "It is managed by rules/shop.yml:4"},
		{"/rules/none", 404, "h1", "Not found"},
		{"/limits", 200, "table.rows", "payments"},
		{"/limits/payments", 200, "table.rows", "checkout"},
		{"/limits/nobody", 200, "p", "of every tenant that is not named"},
		{"/limits/payments/edit", 200, "p.banner", "managed by headgate.yml"},
		{"/limits/nobody/edit", 200, "section#preview", "it has sent nothing lately"},
		{"/limits/nobody/delete", 404, "h1", "Nobody set a limit"},
		{"/limits/a%20b", 422, "section.failure", "Tenant"},
		{"/explain?series=debug_render_seconds_bucket", 200, "section.verdict", "Dropped"},
		{"/explain?series=%7Bjob%3D~%22check.*%22%7D", 200, "section.card", "Which one?"},
		{"/explain?series=checkout_session_events_total", 200, "section.card", "series match, of which these are 20"},
		{"/explain?series=%7Bjob%3D~%22nothing%22%7D", 422, "p.banner", "write it as in"},
		{"/explain?series=%7B", 422, "p.banner", "write it as in"},
		{"/activity?from=yesterday", 422, "p.banner", "from is no time"},
		{"/activity?cursor=x", 422, "section.failure", "Cursor"},
		{"/status", 200, "dl.facts", "Version"},
		{"/nothing", 404, "h1", "There is no such page"},
	} {
		doc := wantPage(t, h, tt.path, tt.status)
		found := false
		for _, n := range find(doc, tt.what) {
			found = found || strings.Contains(strings.ReplaceAll(textOf(n), "\u202f", " "), tt.text)
		}
		if !found {
			t.Errorf("%s: no %s says %q; there are: %.2000q", tt.path, tt.what, tt.text, allText(find(doc, tt.what)))
		}
	}
}

// A card has no heads: its cells say what they are.
func TestCellsOfCardsSayWhatTheyAre(t *testing.T) {
	for name, hg := range map[string]*controltest.Headgate{"shop": controltest.Shop(t, 200), "paying": controltest.Paying(t), "hostile": controltest.Hostile(t)} {
		h := New(hg.Control, Options{})
		for _, path := range []string{
			"/", "/profile/metrics", "/profile/metric?metric=http_requests_total", "/profile/labels", "/profile/series?by=job&match=up", "/rules", "/rules/new?match=up&action=drop",
			"/limits", "/limits/payments", "/limits/payments/edit?samples_per_second=1&active_series=1", "/teams", "/teams/checkout", "/costs?by=team&by=metric", "/unowned", "/status", "/tokens",
		} {
			doc, err := html.Parse(browse(h, path).Body)
			if err != nil {
				t.Fatal(err)
			}
			for _, table := range find(doc, "table.cards") {
				for _, cell := range find(table, "td") {
					if class := attribute(cell, "class"); attribute(cell, "data-label") == "" && textOf(cell) != "" && !slices.Contains([]string{"share", "act", "wide"}, class) {
						t.Errorf("%s %s: the cell %q does not say what it is", name, path, textOf(cell))
					}
				}
			}
		}
	}
}

func TestPagesCannotBeWrittenTo(t *testing.T) {
	rec := httptest.NewRecorder()
	shop(t).ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/rules", nil))
	if rec.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST /rules: %d, want 405", rec.Code)
	}
}

func TestTheRootKnowsWhoAsks(t *testing.T) {
	h := shop(t)
	for _, tt := range []struct{ name, accept, htmx, want string }{
		{"a browser", "text/html,*/*", "", "text/html; charset=utf-8"},
		{"curl", "*/*", "", "text/plain; charset=utf-8"},
		{"nobody in particular", "", "", "text/plain; charset=utf-8"},
		{"htmx", "*/*", "true", "text/html; charset=utf-8"},
	} {
		if got := browse(h, "/", "Accept", tt.accept, "HX-Request", tt.htmx).Header().Get("Content-Type"); got != tt.want {
			t.Errorf("%s gets %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestEveryAnswerHasThePolicy(t *testing.T) {
	h := shop(t)
	for _, path := range []string{"/", "/nothing", "/profile/metrics.csv", "/assets/none.css"} {
		got := browse(h, path).Header()
		if !strings.HasPrefix(got.Get("Content-Security-Policy"), "default-src 'none';") || strings.Contains(got.Get("Content-Security-Policy"), "unsafe") ||
			got.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, got)
		}
	}
}

// Nothing that others wrote becomes markup, and nothing needs what the policy
// refuses: styles and scripts in the page.
func TestPagesHoldNoMarkupOfOthers(t *testing.T) {
	h := New(controltest.Hostile(t).Control, Options{Storybook: true})
	paths := []string{"/", "/profile/metrics", "/profile/labels", "/rules", "/rules/hostile", "/limits", "/activity", "/-/storybook"}
	for _, name := range controltest.HostileNames {
		q := url.QueryEscape(name)
		paths = append(paths, "/profile/metric?metric="+q, "/profile/metrics?q="+q, "/profile/series?by="+q+"&match="+q, "/explain?series="+q, "/activity?kind="+q+"&from="+q,
			"/rules/"+url.PathEscape(name), "/?tenant="+q)
	}
	for _, path := range paths {
		doc, err := html.Parse(browse(h, path).Body)
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			bad := n.Data == "style" || n.Data == "img" || n.Data == "script" && (n.FirstChild != nil || !strings.HasPrefix(attribute(n, "src"), assetsPath))
			for _, a := range n.Attr {
				bad = bad || strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "href" && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:")
			}
			if bad {
				t.Errorf("%.100s has <%s %v>", path, n.Data, n.Attr)
			}
		}
	}
}

func TestFilesAreSafeForSpreadsheets(t *testing.T) {
	hg := controltest.New(t, controltest.Config{})
	names := []string{`=HYPERLINK("x")`, "+1", "-1", "@a", "plain", `a,"b"`}
	for _, name := range names {
		hg.Send(t, "", time.Now(), series.Labels{{Name: series.MetricName, Value: name}, {Name: "=l", Value: name}})
	}
	hg.Measure(t)
	h := New(hg.Control, Options{})
	for _, path := range []string{"/profile/metrics.csv", "/profile/labels.csv", "/flow.csv?by=metric", "/profile/metric.csv?metric=plain", "/profile/series.csv?match=" + url.QueryEscape(`{__name__!=""}`) + "&by=%3Dl"} {
		rec := browse(h, path)
		rows, err := csv.NewReader(rec.Body).ReadAll()
		if err != nil || rec.Code != 200 || rec.Header().Get("Content-Type") != "text/csv; charset=utf-8" || len(rows) < 2 {
			t.Fatalf("%s: %d, %v, %d rows", path, rec.Code, err, len(rows))
		}
		for _, row := range rows {
			for _, c := range row {
				if c != "" && strings.ContainsAny(c[:1], "=+-@") {
					t.Errorf("%s has the cell %s", path, c)
				}
			}
		}
	}
	if rec := browse(h, "/profile/metrics.csv?q=%7B"); rec.Code != http.StatusUnprocessableEntity {
		t.Errorf("a wrong selector: %d, want 422", rec.Code)
	}
}

// Behind a proxy that removes a path, every address has it.
func TestAddressesHaveThePathOfTheProxy(t *testing.T) {
	h := New(controltest.Shop(t, 100).Control, Options{Base: "/headgate/", Storybook: true})
	for _, path := range []string{"/", "/profile/metrics?q=up", "/profile/metric?metric=up", "/profile/labels", "/profile/series?match=up&by=job", "/rules", "/rules/drop-debug",
		"/limits", "/limits/payments", "/limits/payments/edit", "/explain?series=up", "/activity", "/status", "/nothing", "/-/storybook"} {
		doc := wantPage(t, h, path, map[bool]int{true: 404, false: 200}[path == "/nothing"])
		for n := range doc.Descendants() {
			for _, a := range n.Attr {
				switch a.Key {
				case "href", "src", "action", "hx-get":
					if !strings.HasPrefix(a.Val, "/headgate/") && !strings.HasPrefix(a.Val, "#") {
						t.Errorf("%s: <%s %s=%q>", path, n.Data, a.Key, a.Val)
					}
				}
			}
		}
	}
}

// The links of a page lead to pages.
func TestLinksLeadSomewhere(t *testing.T) {
	h := shop(t)
	asked := map[string]bool{}
	for _, path := range []string{"/", "/profile/metrics", "/profile/metric?metric=http_requests_total", "/profile/labels", "/profile/series?match=up&by=job", "/rules", "/limits", "/limits/payments", "/limits/payments/edit", "/status", "/activity"} {
		for _, a := range find(wantPage(t, h, path, 200), "a") {
			href, _, _ := strings.Cut(attribute(a, "href"), "#")
			if href == "" || asked[href] || elsewhere.MatchString(href) {
				continue
			}
			asked[href] = true
			if rec := browse(h, href); rec.Code != 200 {
				t.Errorf("%s leads to %s: %d", path, href, rec.Code)
			}
		}
	}
	if len(asked) < 50 {
		t.Errorf("%d links were found, want more", len(asked))
	}
}

// elsewhere are addresses that others answer: another handler of the listener, and
// Grafana.
var elsewhere = regexp.MustCompile(`^/(metrics|api/|-/ready|debug/)|^https://grafana\.example/`)

func TestAssetsAreKeptForEver(t *testing.T) {
	h := shop(t)
	doc := wantPage(t, h, "/", 200)
	var files []string
	for _, n := range append(find(doc, "link"), find(doc, "script")...) {
		files = append(files, attribute(n, "href")+attribute(n, "src"))
	}
	if len(files) != 4 {
		t.Fatalf("a page has %q, want an icon, a style and two scripts", files)
	}
	for _, file := range files {
		plain, small := browse(h, file), browse(h, file, "Accept-Encoding", "gzip, br")
		if plain.Code != 200 || !strings.Contains(plain.Header().Get("Cache-Control"), "immutable") || small.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %d, %v", file, plain.Code, plain.Header())
		}
		r, err := gzip.NewReader(small.Body)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, plain.Body.Bytes()) {
			t.Errorf("%s is another file when it is compressed (%v)", file, err)
		}
		if rec := browse(h, strings.Replace(file, ".", ".0", 1)); rec.Code != http.StatusNotFound {
			t.Errorf("a file of another version: %d, want 404", rec.Code)
		}
	}
}

func TestTheTenantStaysChosen(t *testing.T) {
	doc := wantPage(t, shop(t), "/profile/metrics?tenant=payments", 200)
	for _, a := range find(find(doc, "nav.places")[0], "a") {
		if !strings.Contains(attribute(a, "href"), "tenant=payments") {
			t.Errorf("the navigation leads to %s, without the tenant", attribute(a, "href"))
		}
	}
	doc = wantPage(t, shop(t), "/profile/metrics?tenant=payments&q=up&cursor=", 200)
	form := find(doc, "form.tenant")[0]
	var kept []string
	for _, in := range find(form, "input") {
		kept = append(kept, attribute(in, "name")+"="+attribute(in, "value"))
	}
	if strings.Join(kept, " ") != "q=up" {
		t.Errorf("another tenant is asked with %q, want the filter alone", kept)
	}
}

func TestPagesWithoutAProfile(t *testing.T) {
	h := New(controltest.New(t, controltest.Config{Unknowns: true}).Control, Options{})
	for path, status := range map[string]int{"/": 200, "/status": 200, "/profile/metrics": 404, "/profile/labels": 404, "/profile/series?match=up": 404} {
		wantPage(t, h, path, status)
	}
}

func TestMetricsAreReadInPages(t *testing.T) {
	hg := controltest.New(t, controltest.Config{})
	hg.Send(t, "", time.Now(), controltest.Metrics(120)...)
	hg.Measure(t)
	h := New(hg.Control, Options{})
	path, seen := "/profile/metrics?q=generated", map[string]bool{}
	for path != "" {
		doc := wantPage(t, h, path, 200)
		for _, a := range find(doc, "a.name") {
			seen[textOf(a)] = true
		}
		path = ""
		for _, a := range find(doc, "a") {
			if attribute(a, "rel") == "next" {
				path = attribute(a, "href")
			}
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d metrics were seen on all pages, want 120", len(seen))
	}
}
