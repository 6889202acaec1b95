package ui

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/internal/tenant"
)

// submit posts a form.
func submit(h http.Handler, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// wantDone posts a form, which must be taken, and returns the page behind it.
func wantDone(t *testing.T, h http.Handler, path string, form url.Values) (at string, doc *html.Node) {
	t.Helper()
	rec := submit(h, path, form)
	if rec.Code != http.StatusSeeOther {
		doc, _ := html.Parse(rec.Body)
		t.Fatalf("POST %s: %d, %q; want 303", path, rec.Code, allText(find(doc, "main")))
	}
	at = rec.Header().Get("Location")
	return at, wantPage(t, h, at, http.StatusOK)
}

// wantRefused posts a form, which must not be taken, and returns the page that says
// why.
func wantRefused(t *testing.T, h http.Handler, path string, form url.Values, status int) *html.Node {
	t.Helper()
	rec := submit(h, path, form)
	if rec.Code != status {
		t.Fatalf("POST %s: %d: %.1000s; want %d", path, rec.Code, rec.Body, status)
	}
	doc, err := html.Parse(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// formOf returns what a form of a page would send, its fields elsewhere included.
func formOf(doc *html.Node, id string) url.Values {
	q := url.Values{}
	forms := find(doc, "form#"+id)
	add := func(n *html.Node) {
		name, value := attribute(n, "name"), attribute(n, "value")
		switch {
		case name == "":
		case n.Data == "textarea":
			q.Set(name, textOf(n))
		case n.Data == "select":
			for _, o := range find(n, "option") {
				if has(o, "selected") {
					value = attribute(o, "value")
				}
			}
			q.Set(name, value)
		case attribute(n, "type") == "checkbox" && !has(n, "checked"):
		default:
			q.Set(name, value)
		}
	}
	for _, form := range forms {
		for _, what := range []string{"input", "textarea", "select"} {
			for _, n := range find(form, what) {
				add(n)
			}
		}
	}
	return q
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

func linkOf(t *testing.T, doc *html.Node, text string) string {
	t.Helper()
	for _, a := range find(doc, "a") {
		if textOf(a) == text {
			return attribute(a, "href")
		}
	}
	t.Fatalf("there is no link %q; there are %q", text, allText(find(doc, "a")))
	return ""
}

// with returns a form with some fields changed.
func with(form url.Values, pairs ...string) url.Values {
	q := url.Values{}
	for k, v := range form {
		q[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}

// A rule begins as a link of a metric's page, is previewed, made in shadow mode,
// enforced, and gone back from; what passes follows.
func TestTheLifeOfARule(t *testing.T) {
	g := controltest.Shop(t, 3000)
	h := New(g.Control, Options{})
	removed := func() float64 {
		t.Helper()
		g.Trade(t, 3000)
		g.Measure(t)
		rule, err := g.Rule("drop-checkout-session-events-total")
		if err != nil {
			t.Fatal(err)
		}
		if rule.State == "shadow" {
			return 0
		}
		return rule.RemovedSamplesPerSecond
	}

	doc := wantPage(t, h, "/profile/metric?metric=checkout_session_events_total", http.StatusOK)
	doc = wantPage(t, h, linkOf(t, doc, "Draft a rule"), http.StatusOK)
	wantText(t, doc, "section#preview", "Series removed 3 000 of 3 588")
	form := formOf(doc, "rule")
	if form.Get("mode") != "shadow" || form.Get("tenant") != "default" || form.Get("match") != `{__name__="checkout_session_events_total"}` {
		t.Errorf("the draft is %v, want that of the metric in shadow mode", form)
	}

	_, doc = wantDone(t, h, "/rules/new", with(form, "reason", "INC-9: sessions in a label"))
	wantText(t, doc, "p.good", "The rule is made")
	wantText(t, doc, "span.badge", "shadow")
	if got := removed(); got != 0 {
		t.Errorf("in shadow mode %g samples are removed every second, want none", got)
	}

	doc = wantPage(t, h, linkOf(t, doc, "Preview and enforce"), http.StatusOK)
	form = formOf(doc, "rule")
	if form.Get("mode") != "enforce" || form.Get("revision") == "" {
		t.Errorf("the form is %v, want the rule enforced, and its revision", form)
	}
	_, doc = wantDone(t, h, "/rules/drop-checkout-session-events-total/edit", with(form, "why", "a day in shadow"))
	wantText(t, doc, "span.badge", "active")
	if got := removed(); got <= 0 {
		t.Errorf("enforced, %g samples are removed every second, want some", got)
	}
	doc = wantPage(t, h, "/rules", http.StatusOK)
	wantText(t, doc, "th", "Saves, EUR a month")

	// A form that is older than the rule changes nothing, and keeps what was typed.
	doc = wantRefused(t, h, "/rules/drop-checkout-session-events-total/edit", with(form, "reason", "typed in vain"), http.StatusPreconditionFailed)
	wantText(t, doc, "div.bad", "It is not saved. Rule drop-checkout-session-events-total was changed by")
	if got := formOf(doc, "rule").Get("reason"); got != "typed in vain" {
		t.Errorf("the form has the reason %q, want what was typed", got)
	}

	doc = wantPage(t, h, "/rules/drop-checkout-session-events-total/history", http.StatusOK)
	wantText(t, doc, "del", "- mode: shadow")
	wantText(t, doc, "li", "a day in shadow")
	back := linkOf(t, doc, "Revert to it")
	doc = wantPage(t, h, back, http.StatusOK)
	wantText(t, doc, "ins", "+ mode: shadow")
	form = url.Values{"to": {strings.TrimPrefix(back[strings.Index(back, "?"):], "?to=")}, "reason": {"the shop needs it"}}
	for _, in := range find(doc, "input") {
		if attribute(in, "name") == "revision" {
			form.Set("revision", attribute(in, "value"))
		}
	}
	_, doc = wantDone(t, h, "/rules/drop-checkout-session-events-total/revert", form)
	wantText(t, doc, "span.badge", "shadow")
	if got := removed(); got != 0 {
		t.Errorf("after going back %g samples are removed every second, want none", got)
	}

	doc = wantPage(t, h, "/rules/drop-checkout-session-events-total/delete", http.StatusOK)
	form = url.Values{"reason": {"done"}}
	for _, in := range find(doc, "input") {
		if attribute(in, "name") == "revision" {
			form.Set("revision", attribute(in, "value"))
		}
	}
	_, doc = wantDone(t, h, "/rules/drop-checkout-session-events-total/delete", form)
	wantText(t, doc, "p.banner", "The rule is deleted")
	linkOf(t, doc, "Revert to it")
	wantPage(t, h, "/rules/drop-checkout-session-events-total", http.StatusNotFound)
}

func TestARuleThatBreaksAnAlertIsSavedOnlyIfThatIsMeant(t *testing.T) {
	h := shop(t)
	form := url.Values{"name": {"no-up"}, "match": {"up"}, "action": {"drop"}, "mode": {"enforce"}, "tenant": {"default"}}
	doc := wantPage(t, h, "/rules/new?"+form.Encode(), http.StatusOK)
	wantText(t, doc, "ul.breaks", "TargetDown")
	wantText(t, doc, "div.held", "Enforced, it breaks 1 alert")

	doc = wantRefused(t, h, "/rules/new", form, http.StatusUnprocessableEntity)
	wantText(t, doc, "div.bad", "the rule breaks alerts")
	doc = wantRefused(t, h, "/rules/new", with(form, "override", "on"), http.StatusUnprocessableEntity)
	wantText(t, doc, "p.wrong", "why is it meant although it breaks alerts?")
	_, doc = wantDone(t, h, "/rules/new", with(form, "override", "on", "reason", "targets are watched elsewhere"))
	wantText(t, doc, "span.badge", "active")
}

func TestWhatIsWrongWithARuleStandsAtItsField(t *testing.T) {
	h := shop(t)
	good := url.Values{"name": {"a"}, "match": {"up"}, "action": {"drop"}, "mode": {"shadow"}}
	tests := map[string]struct {
		field, value string
		at, text     string
	}{
		"a name with capitals":        {"name", "Up", "name", "is no rule name"},
		"a selector that is none":     {"match", "up\n{a=", "match", "line 2: "},
		"no selector":                 {"match", "", "match", ""},
		"an action that there is not": {"action", "explode", "action", "is none of"},
		"a tenant that is none":       {"tenant", "a/b", "tenant", "leave tenant out"},
		"a canary in words":           {"canary", "half", "canary", "it is no number"},
		"a canary over all":           {"canary", "100", "canary", "1 to 99"},
		"a time that is none":         {"expires", "tomorrow", "expires", "it is no time"},
		"a position before the first": {"position", "0", "position", "they begin at 1"},
		"a position among files":      {"position", "2", "position", "take 7 or more"},
		"a name of a file":            {"name", "drop-debug", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			form := with(good, tt.field, tt.value)
			rec := submit(h, "/rules/new", form)
			if rec.Code != http.StatusUnprocessableEntity && rec.Code != http.StatusConflict {
				t.Fatalf("the status is %d, want a refusal", rec.Code)
			}
			doc, err := html.Parse(rec.Body)
			if err != nil {
				t.Fatal(err)
			}
			wantText(t, doc, "div.bad", "It is not saved")
			if tt.at != "" {
				wantText(t, doc, "p#"+tt.at+"-wrong", tt.text)
			}
			if got := formOf(doc, "rule"); tt.field != "match" && tt.field != "expires" && tt.field != "action" && got.Get(tt.field) != tt.value {
				t.Errorf("%s is %q in the form, want %q as it was typed", tt.field, got.Get(tt.field), tt.value)
			}
		})
	}
}

func TestADraftInAnAddressIsPreviewed(t *testing.T) {
	h := shop(t)
	doc := wantPage(t, h, "/rules/new?match=go_goroutines&match="+url.QueryEscape(`{__name__="process_cpu_seconds_total"}`)+"&action=drop", http.StatusOK)
	wantText(t, doc, "section#preview", "Series removed 24")
	wantText(t, doc, "section#preview", "No alert, recording rule or dashboard that is loaded breaks")
	doc = wantPage(t, h, "/rules/new?action=drop&match=%7B", http.StatusUnprocessableEntity)
	wantText(t, doc, "section#preview", "It is no rule yet")
	doc = wantPage(t, h, "/rules/new", http.StatusOK)
	wantText(t, doc, "section#preview", "What it would do stands here")
}

func TestRulesOfFilesAreReadOnly(t *testing.T) {
	h := shop(t)
	doc := wantPage(t, h, "/rules/drop-debug", http.StatusOK)
	wantText(t, doc, "p.banner", "It is managed by rules/shop.yml:2")
	wantText(t, doc, "figure.copy", "YAML")
	if buttons := find(doc, "form#actions"); len(buttons) > 0 {
		t.Error("a rule of a file can be changed")
	}
	wantPage(t, h, "/rules/drop-debug/edit", http.StatusConflict)
	wantPage(t, h, "/rules/drop-debug/delete", http.StatusConflict)
	form := url.Values{"match": {"up"}, "action": {"drop"}, "mode": {"off"}, "revision": {"1"}}
	doc = wantRefused(t, h, "/rules/drop-debug/edit", form, http.StatusConflict)
	wantText(t, doc, "div.bad", "change it there and reload")
}

// Who may not change rules sees no way to, and is refused who tries.
func TestRolesHideWhatTheyRefuse(t *testing.T) {
	site := shop(t)
	of := func(a auth.Actor) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			site.ServeHTTP(rw, r.WithContext(auth.NewContext(r.Context(), a)))
		})
	}
	viewer := of(auth.Actor{Name: "vic", Role: auth.Viewer})
	for _, path := range []string{"/rules", "/profile/metric?metric=up", "/recommendations", "/status"} {
		doc := wantPage(t, viewer, path, http.StatusOK)
		for _, a := range find(doc, "a") {
			if strings.HasPrefix(attribute(a, "href"), "/rules/new") {
				t.Errorf("%s leads a viewer to %s", path, attribute(a, "href"))
			}
		}
		for _, f := range find(doc, "form") {
			if attribute(f, "method") == "post" {
				t.Errorf("%s has a form for a viewer that posts to %s", path, attribute(f, "action"))
			}
		}
	}
	wantPage(t, viewer, "/rules/new", http.StatusForbidden)
	rule := url.Values{"name": {"mine"}, "match": {"up"}, "action": {"drop"}, "mode": {"shadow"}}
	wantRefused(t, viewer, "/rules/new", rule, http.StatusForbidden)
	wantRefused(t, viewer, "/status/bypass", url.Values{"for": {"1h"}, "reason": {"x"}}, http.StatusForbidden)

	editor := of(auth.Actor{Name: "ed", Role: auth.Editor, Teams: []string{"checkout"}, Tenants: []tenant.ID{"default"}})
	doc := wantPage(t, editor, "/rules/new", http.StatusOK)
	if got := formOf(doc, "rule").Get("team"); got != "checkout" {
		t.Errorf("an editor's rule begins with team %q, want checkout", got)
	}
	doc = wantRefused(t, editor, "/rules/new", rule, http.StatusForbidden)
	wantText(t, doc, "div.bad", "you may change rules of tenant default only")
	wantDone(t, editor, "/rules/new", with(rule, "team", "checkout", "tenant", "default"))
}

func TestTheBypassIsSwitchedOnAndOff(t *testing.T) {
	h := shop(t)
	doc := wantRefused(t, h, "/status/bypass", url.Values{"for": {"soon"}, "reason": {"a bad night"}}, http.StatusUnprocessableEntity)
	wantText(t, doc, "p.wrong", "it is no duration")
	doc = wantRefused(t, h, "/status/bypass", url.Values{"for": {"30d"}, "reason": {"a bad night"}}, http.StatusUnprocessableEntity)
	wantText(t, doc, "p.wrong", "longer than the limit")
	wantRefused(t, h, "/status/bypass", url.Values{"for": {"1h"}}, http.StatusUnprocessableEntity)
	_, doc = wantDone(t, h, "/status/bypass", url.Values{"for": {"1h"}, "reason": {"a bad night"}})
	wantText(t, doc, "p.warn", "Rules and limits are off")
	_, doc = wantDone(t, h, "/status/bypass/end", nil)
	wantText(t, doc, "p.good", "The bypass is over")
}

func TestRecommendationsLeadToAFilledForm(t *testing.T) {
	h := shop(t)
	doc := wantPage(t, h, "/recommendations", http.StatusOK)
	doc = wantPage(t, h, linkOf(t, doc, "Make a rule of it"), http.StatusOK)
	if form := formOf(doc, "rule"); form.Get("name") == "" || form.Get("match") == "" || form.Get("mode") != "shadow" {
		t.Errorf("the form is %v, want a rule in shadow mode", form)
	}
}

func TestAFormThatIsTooLargeIsRefused(t *testing.T) {
	wantRefused(t, shop(t), "/rules/new", url.Values{"match": {strings.Repeat("x", maxForm)}}, http.StatusBadRequest)
}

func TestHostileDraftsAreText(t *testing.T) {
	h := New(controltest.Hostile(t).Control, Options{})
	for _, name := range controltest.HostileNames {
		for _, key := range draftKeys {
			q := url.Values{"action": {"drop"}, "match": {"up"}}
			q.Set(key, name)
			for _, rec := range []*httptest.ResponseRecorder{browse(h, "/rules/new?"+q.Encode()), submit(h, "/rules/new", q)} {
				if rec.Code >= http.StatusInternalServerError && rec.Code != http.StatusServiceUnavailable {
					t.Errorf("%s=%.40q: %d", key, name, rec.Code)
				}
				if doc, err := html.Parse(rec.Body); err != nil || len(find(doc, "img")) > 0 || len(find(doc, "main")) == 1 && len(find(find(doc, "main")[0], "script")) > 0 {
					t.Errorf("%s=%.40q is not text on the page", key, name)
				}
			}
		}
		wantStatus(t, h, "/rules/"+url.PathEscape(name)+"/history")
		wantStatus(t, h, "/rules/"+url.PathEscape(name)+"/revert?to="+url.QueryEscape(name))
	}
}

// wantStatus asks for a page, which may say no, and must not fail.
func wantStatus(t *testing.T, h http.Handler, path string) {
	t.Helper()
	if rec := browse(h, path); rec.Code == http.StatusInternalServerError {
		t.Errorf("%.80s: %d", path, rec.Code)
	}
}

func TestAStoreThatIsNotThereIsSaid(t *testing.T) {
	h := New(controltest.New(t, controltest.Config{}).Control, Options{})
	doc := wantRefused(t, h, "/rules/new", url.Values{"name": {"a"}, "match": {"up"}, "action": {"drop"}, "mode": {"shadow"}}, http.StatusServiceUnavailable)
	wantText(t, doc, "div.bad", "The store cannot be reached")
}

// A page that there is none of says where it would be, and where to go from here.
func TestAPageThatThereIsNoneOfLeadsOn(t *testing.T) {
	h := New(controltest.New(t, controltest.Config{}).Control, Options{Base: "/headgate"})
	doc := wantPage(t, h, "/rules/none?tenant=a", http.StatusNotFound)
	wantText(t, doc, "section.failure", `There is no rule "none".`)
	if links := find(find(doc, "section.failure")[0], "a"); len(links) != 1 || textOf(links[0]) != "Rules" || attribute(links[0], "href") != "/headgate/rules?tenant=a" {
		t.Errorf("from a rule that is not there lead %q", allText(links))
	}
	doc = wantPage(t, h, "/rules/none/history?tenant=a", http.StatusServiceUnavailable)
	if links := find(find(doc, "section.failure")[0], "a"); len(links) != 2 || textOf(links[0]) != "Try again" || attribute(links[0], "href") != "/headgate/rules/none/history?tenant=a" {
		t.Errorf("where the store is not there lead %q", allText(links))
	}
}

func TestARuleCalledNewCanBeOpened(t *testing.T) {
	h := shop(t)
	at, doc := wantDone(t, h, "/rules/new", url.Values{"name": {"new"}, "match": {"up"}, "action": {"drop"}, "mode": {"shadow"}})
	if !strings.HasPrefix(at, "/rules/new/rule?") {
		t.Errorf("the rule is at %s", at)
	}
	wantText(t, doc, "h1", "new")
	doc = wantPage(t, h, linkOf(t, wantPage(t, h, "/rules", http.StatusOK), "new"), http.StatusOK)
	wantText(t, doc, "span.badge", "shadow")
	doc = wantPage(t, h, linkOf(t, doc, "Edit"), http.StatusOK)
	form := formOf(doc, "rule")
	_, doc = wantDone(t, h, "/rules/new/edit", with(form, "mode", "off", "why", "done"))
	wantText(t, doc, "span.badge", "off")
	wantText(t, wantPage(t, h, "/rules/new", http.StatusOK), "h1", "New rule")
}

// The buttons for how long a rule is to last are those of a form: they work as links
// do, and lose nothing of what was typed.
func TestARuleExpiresAWhileFromNow(t *testing.T) {
	h := shop(t)
	doc := wantPage(t, h, "/rules/new?name=a&match=up&action=drop&reason=INC-1", http.StatusOK)
	var lengths []string
	for _, b := range find(find(doc, "form#rule")[0], "button") {
		if attribute(b, "name") == "for" {
			lengths = append(lengths, attribute(b, "value"))
		}
	}
	if got := strings.Join(lengths, " "); got != "1h 4h 1d 7d" {
		t.Errorf("the durations to choose from are %s", got)
	}
	for length, want := range map[string]time.Duration{"1h": time.Hour, "4h": 4 * time.Hour, "1d": 24 * time.Hour, "7d": 7 * 24 * time.Hour} {
		form := formOf(wantPage(t, h, "/rules/new?name=a&match=up&action=drop&reason=INC-1&expires=2020-01-01T00:00&for="+length, http.StatusOK), "rule")
		at, err := time.Parse(minute, form.Get("expires"))
		if left := time.Until(at); err != nil || left > want || left < want-time.Minute || form.Get("reason") != "INC-1" {
			t.Errorf("for=%s: it expires at %q (%v), want in %s, and the rest as it was", length, form.Get("expires"), err, want)
		}
	}
	for _, length := range []string{"", "5h", "-1h", "9999999999d", "<b>"} {
		form := formOf(wantPage(t, h, "/rules/new?name=a&match=up&action=drop&for="+url.QueryEscape(length), http.StatusOK), "rule")
		if form.Get("expires") != "" {
			t.Errorf("for=%q: it expires at %q, want never", length, form.Get("expires"))
		}
	}
	doc = wantPage(t, h, "/rules/drop-sessions/edit?for=4h", http.StatusOK)
	form := formOf(doc, "rule")
	if form.Get("expires") == "" || form.Get("match") != "checkout_session_events_total" {
		t.Errorf("a rule that is changed has the form %v, want it to expire", form)
	}
}

func TestForHowLongARuleMatchesNothing(t *testing.T) {
	h := New(controltest.Paying(t).Control, Options{})
	doc := wantPage(t, h, "/rules", http.StatusOK)
	wantText(t, doc, "span.warn", "nothing in")
}
