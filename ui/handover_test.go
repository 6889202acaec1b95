package ui

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/control/controltest"
)

func TestASecretIsHandedOverOnce(t *testing.T) {
	var h handover
	now := time.Unix(1000, 0)
	key := h.put(handed{token: control.Token{Name: "ci"}, secret: "s", by: "ann"}, now)
	if _, ok := h.take(key, "bob", now); ok {
		t.Error("somebody else gets it")
	}
	if _, ok := h.take("", "ann", now); ok {
		t.Error("it is had without its key")
	}
	if made, ok := h.take(key, "ann", now); !ok || made.secret != "s" || made.token.Name != "ci" {
		t.Errorf("who made it gets %+v, %t", made, ok)
	}
	if _, ok := h.take(key, "ann", now); ok {
		t.Error("it is had twice")
	}
	key = h.put(handed{by: "ann"}, now)
	if _, ok := h.take(key, "ann", now.Add(handoverFor)); ok {
		t.Error("it waits for ever")
	}
}

func TestHandoversAreBounded(t *testing.T) {
	var h handover
	now, last := time.Unix(1000, 0), ""
	first := h.put(handed{by: "ann"}, now)
	for i := range 3 * maxHandovers {
		last = h.put(handed{by: "ann"}, now.Add(time.Duration(i)*time.Millisecond))
	}
	if len(h.byKey) > maxHandovers {
		t.Errorf("%d wait, want %d at most", len(h.byKey), maxHandovers)
	}
	if _, ok := h.take(first, "ann", now); ok {
		t.Error("the oldest is still there")
	}
	if _, ok := h.take(last, "ann", now); !ok {
		t.Error("the newest is gone")
	}
}

// A form that makes a token leads to a page that can be loaded again: the secret is on
// it once, never in an address, and no second token is made.
func TestATokenIsMadeOnceAndShownOnce(t *testing.T) {
	g := controltest.Shop(t, 10)
	h := New(g.Control, Options{})
	rec := submit(h, "/tokens", url.Values{"name": {"ci"}, "role": {"viewer"}, "expires": {"7d"}})
	if rec.Code != http.StatusSeeOther || strings.Contains(fmt.Sprint(rec.Header(), rec.Body), "hg_") {
		t.Fatalf("the form is answered with %d, %v: %s", rec.Code, rec.Header(), rec.Body)
	}
	cookie := rec.Result().Cookies()[0]
	load := func() *html.Node {
		t.Helper()
		rec := browse(h, rec.Header().Get("Location"), "Cookie", cookie.String())
		doc, err := html.Parse(rec.Body)
		if err != nil || rec.Code != http.StatusOK {
			t.Fatal(rec.Code, err)
		}
		return doc
	}
	wantText(t, load(), "section.made", "hg_")
	doc := load()
	if len(find(doc, "section.made")) != 0 || len(find(doc, "form.plain")) != 1 {
		t.Error("loading the page again shows the secret again")
	}
	wantText(t, doc, "p.good", "The token is made.")
	if list, err := g.Tokens(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("there are %d tokens (%v), want the one", len(list), err)
	}
}

func TestWhoSendsFormsTooFastWaits(t *testing.T) {
	h := shop(t)
	send := func(name string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/status/bypass/end", nil)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r.WithContext(auth.NewContext(r.Context(), auth.Actor{Name: name, Role: auth.Viewer})))
		return rec
	}
	var last *httptest.ResponseRecorder
	for range 1000 {
		if last = send("ann"); last.Code == http.StatusTooManyRequests {
			break
		}
	}
	if last.Code != http.StatusTooManyRequests || last.Header().Get("Retry-After") != "1" || !strings.Contains(last.Body.String(), "Too many changes at once") {
		t.Fatalf("%d, Retry-After %q, %s; want 429 and 1", last.Code, last.Header().Get("Retry-After"), last.Body)
	}
	if rec := send("bob"); rec.Code != http.StatusForbidden {
		t.Errorf("another actor waits, too: %d", rec.Code)
	}
}
