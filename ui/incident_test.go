package ui

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
)

// An explosion becomes a card that says which metric, label and values, of what pod,
// job and team, since when; and its buttons lead to rules that end by themselves.
func TestAnExplosionIsACardWithWhatStopsIt(t *testing.T) {
	g := controltest.Shop(t, 3000)
	h := New(g.Control, Options{})
	if cards := find(wantPage(t, h, "/", http.StatusOK), "section.incident"); len(cards) > 0 {
		t.Errorf("nothing explodes, and there are %q", allText(cards))
	}
	g.Explode("checkout_session_events_total", "session", "0badcafe", "9e3779b1")
	doc := wantPage(t, h, "/", http.StatusOK)
	for _, want := range []string{"exploding checkout_session_events_total", "96 → 3 000, × 31", "session from 12 to 3 000 values", "0badcafe 9e3779b1", "Mostly job checkout, 3 000 series", "Team checkout", "5 min ago", "10.1.2.3"} {
		found := false
		for _, n := range find(doc, "section.incident") {
			found = found || strings.Contains(strings.ReplaceAll(textOf(n), "\u202f", " "), want)
		}
		if !found {
			t.Errorf("the card does not say %q: %q", want, allText(find(doc, "section.incident")))
		}
	}
	message := strings.ReplaceAll(allText(find(doc, "pre#incident-1-message"))[0], "\u202f", " ")
	for _, want := range []string{
		"checkout_session_events_total of tenant default explodes: series 96 → 3 000, × 31", "Label session: from 12 to 3 000 values.", "New values: 0badcafe, 9e3779b1.",
		"Mostly job checkout, 3 000 series", "sent by 10.1.2.3", "team checkout.", "http://example.com/profile/metric?metric=checkout_session_events_total&tenant=default",
	} {
		if !strings.Contains(message, want) {
			t.Errorf("the message for the team does not say %q: %q", want, message)
		}
	}
	for _, tt := range []struct{ button, name, removes string }{
		{"Drop what has the label", "drop-label-checkout-session-events-total", "Series removed 3 000"},
		{"Cap to a tenth", "cap-checkout-session-events-total", "Series removed"},
		{"Thin to 2 min", "thin-checkout-session-events-total", "Samples removed"},
	} {
		draft := wantPage(t, h, linkOf(t, doc, tt.button), http.StatusOK)
		form := formOf(draft, "rule")
		at, err := time.Parse(minute, form.Get("expires"))
		if left := time.Until(at); err != nil || left > 4*time.Hour || left < 4*time.Hour-time.Minute || form.Get("name") != tt.name || form.Get("mode") != "enforce" || form.Get("tenant") != "default" {
			t.Errorf("%s leads to %v, want the rule %s for four hours", tt.button, form, tt.name)
		}
		if text := strings.ReplaceAll(allText(find(draft, "section#preview"))[0], "\u202f", " "); !strings.Contains(text, tt.removes) {
			t.Errorf("%s: the preview does not say %q: %.300q", tt.button, tt.removes, text)
		}
	}
	linkOf(t, wantPage(t, h, "/activity?kind=explosion", http.StatusOK), "What makes its series")

	viewer := auth.Actor{Name: "vic", Role: auth.Viewer}
	if body := as(h, viewer, "/").Body.String(); !strings.Contains(body, "0badcafe") || strings.Contains(body, "/rules/new") {
		t.Error("who may make no rule sees no incident, or is led to a rule")
	}
	other := auth.Actor{Name: "ann", Role: auth.Admin, Tenants: []tenant.ID{"payments"}}
	if body := as(h, other, "/").Body.String(); strings.Contains(body, "0badcafe") {
		t.Error("who sees another tenant sees the incident")
	}
}

func TestHostileExplosionsAreText(t *testing.T) {
	g := controltest.Shop(t, 10)
	for _, name := range controltest.HostileNames {
		g.Explode(name, name, name, strings.Repeat("x", 80)+"…")
	}
	h := New(g.Control, Options{})
	rec := browse(h, "/")
	doc, err := html.Parse(rec.Body)
	if err != nil || rec.Code != http.StatusOK || len(find(doc, "section.incident")) == 0 || len(find(doc, "img")) > 0 {
		t.Fatalf("%d, %v, %d cards", rec.Code, err, len(find(doc, "section.incident")))
	}
	for _, section := range find(doc, "section.incident") {
		for _, a := range find(section, "a") {
			if rec := browse(h, attribute(a, "href")); rec.Code >= 500 {
				t.Errorf("%.100s: %d", attribute(a, "href"), rec.Code)
			}
		}
	}
}

// Whoever belongs to a team sees it first; whoever sets limits sees who is close.
func TestTheOverviewBeginsWithOnesOwn(t *testing.T) {
	h := New(controltest.Paying(t).Control, Options{})
	ed := auth.Actor{Name: "ed", Role: auth.Editor, Teams: []string{"checkout"}}
	doc, err := html.Parse(as(h, ed, "/").Body)
	if err != nil {
		t.Fatal(err)
	}
	wantCard(t, doc, "team-1", "Your team checkout", "Month to date", "What would save most", "Draft a rule")
	for _, a := range find(doc, "a") {
		if textOf(a) != "Draft a rule" {
			continue
		}
		u, err := url.Parse(attribute(a, "href"))
		if err != nil || u.Query().Get("team") != "checkout" || u.Query().Get("mode") != "shadow" {
			t.Errorf("a draft leads to %s, want a rule of the team in shadow mode", attribute(a, "href"))
		}
		if rec := as(h, ed, attribute(a, "href")); rec.Code != http.StatusOK {
			t.Errorf("%s: %d", attribute(a, "href"), rec.Code)
		}
	}
	stranger := auth.Actor{Name: "eve", Role: auth.Editor, Teams: []string{"nobody knows <it>"}}
	if rec := as(h, stranger, "/"); rec.Code != http.StatusOK || !strings.Contains(rec.Body.String(), "Its costs cannot be read now") {
		t.Errorf("the overview of somebody of a team that is not known: %d", rec.Code)
	}
}

func TestTenantsCloseToTheirLimits(t *testing.T) {
	r := asking(t, "/", Options{})
	of := func(name string, demand float64, limit, active, series int64) control.Limit {
		return control.Limit{Status: limiter.Status{
			Tenant: tenant.ID(name), Demand: demand, Used: demand, ActiveSeries: active, Limit: limiter.Limit{SamplesPerSecond: limit, ActiveSeries: series},
		}}
	}
	list := closeOnes(r, []control.Limit{of("free", 10, 0, 0, 0), of("easy", 10, 100, 10, 100), of("near", 85, 100, 0, 0), of("full", 10, 100, 99, 100)})
	var got []string
	for _, c := range list {
		got = append(got, c.Name.Text+": "+c.Text)
	}
	if text := strings.Join(got, "; "); text != "full: 99 of 100 series; near: 85 of 100 samples/s" {
		t.Errorf("close to their limits are %q", text)
	}
	h := New(controltest.Shop(t, 10).Control, Options{})
	wantCard(t, wantPage(t, h, "/", http.StatusOK), "close", "None uses more than four fifths", "All limits")
	if body := as(h, auth.Actor{Name: "vic", Role: auth.Viewer}, "/").Body.String(); strings.Contains(body, "Tenants close to") {
		t.Error("who sets no limits sees who is close")
	}
}
