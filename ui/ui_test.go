package ui

import (
	"net/http"
	"net/http/httptest"
	"strings"

	"testing"

	"golang.org/x/net/html"

	"github.com/headgate/headgate/internal/control/controltest"
)

// browse asks for a page as browsers do.
func browse(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// wantPage asks for a page, which must have the status, and parses it.
func wantPage(t *testing.T, h http.Handler, path string, status int) *html.Node {
	t.Helper()
	rec := browse(h, path)
	if rec.Code != status || rec.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%s: %d, %s: %.500s; want %d", path, rec.Code, rec.Header().Get("Content-Type"), rec.Body, status)
	}
	doc, err := html.Parse(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// find returns the elements that have a name and, where it is not "", a class or
// an id, written as in table.rows and section#fix.
func find(n *html.Node, what string) (found []*html.Node) {
	name, class, hasClass := strings.Cut(what, ".")
	name, id, hasID := strings.Cut(name, "#")
	for d := range n.Descendants() {
		if d.Type != html.ElementNode || d.Data != name {
			continue
		}
		ok := true
		if hasClass {
			ok = strings.Contains(" "+attribute(d, "class")+" ", " "+class+" ")
		}
		if hasID {
			ok = ok && attribute(d, "id") == id
		}
		if ok {
			found = append(found, d)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// textOf returns what a reader sees of an element, with single spaces.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			b.WriteString(d.Data)
		case d.Data != "wbr":
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// wantText checks that some element says something.
func wantText(t *testing.T, doc *html.Node, what, text string) {
	t.Helper()
	for _, n := range find(doc, what) {
		if strings.Contains(textOf(n), text) {
			return
		}
	}
	t.Errorf("no %s says %q; there are: %.2000q", what, text, allText(find(doc, what)))
}

func allText(list []*html.Node) (texts []string) {
	for _, n := range list {
		texts = append(texts, textOf(n))
	}
	return texts
}

func shop(t *testing.T) http.Handler {
	t.Helper()
	return New(controltest.Shop(t, 3000).Control, Options{Plain: "plain", Storybook: true})
}

func TestPagesRender(t *testing.T) {
	h := shop(t)
	for _, path := range []string{"/", "/profile/metrics", "/profile/metric?metric=http_requests_total", "/profile/labels", "/profile/series?match=up&by=job", "/activity",
		"/rules", "/rules/drop-debug", "/limits", "/limits/payments", "/explain", "/explain?series=up", "/status", "/-/storybook"} {
		doc := wantPage(t, h, path, http.StatusOK)
		if len(find(doc, "h1")) != 1 {
			t.Errorf("%s has %d titles, want 1", path, len(find(doc, "h1")))
		}
	}
}
