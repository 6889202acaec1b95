package ui

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
)

// billed is a shop whose tenant billing sends 300 series and has no limit of its own.
func billed(t *testing.T) *controltest.Headgate {
	t.Helper()
	g := controltest.Shop(t, 20)
	for i := range 2 {
		g.Send(t, "billing", time.Now().Add(time.Duration(i)*15*time.Second), controltest.Many("invoices_total", 300, series.Label{Name: "team", Value: "ledger"})...)
		g.Measure(t)
	}
	return g
}

// A limit is tried, set with a reason, changed by two at once, and deleted.
func TestTheLifeOfALimit(t *testing.T) {
	g := billed(t)
	h := New(g.Control, Options{})
	doc := wantPage(t, h, "/limits/billing", http.StatusOK)
	doc = wantPage(t, h, linkOf(t, doc, "Change the limit"), http.StatusOK)
	form := formOf(doc, "limit")
	if form.Get("samples_per_second") != "" || form.Get("burst") != "60s" || form.Get("mode") != "enforce" || form.Get("revision") != "0" {
		t.Errorf("the form is %v, want that of no limit", form)
	}
	wantText(t, doc, "section#preview", "Nothing is shed now, and nothing would be.")
	wantText(t, doc, "section#preview", "A fifth above")

	tried := with(form, "samples_per_second", "2", "active_series", "250")
	doc = wantPage(t, h, "/limits/billing/edit?"+tried.Encode(), http.StatusOK)
	wantText(t, doc, "section#preview", "Critical is not touched.")
	wantText(t, doc, "section#preview", "ledger")
	wantText(t, doc, "section#preview", "Saves in a month")
	wantText(t, doc, "section#preview", "Refused from")
	if l, err := g.Limit("billing"); err != nil || l.Source != control.FromDefault {
		t.Errorf("after a preview the limit is %+v, %v; want it unchanged", l, err)
	}
	use := ""
	for _, a := range find(doc, "a") {
		if strings.Contains(attribute(a, "href"), "/edit?") {
			use = attribute(a, "href")
			break
		}
	}
	doc = wantPage(t, h, use, http.StatusOK)
	if got := formOf(doc, "limit"); got.Get("samples_per_second") == "2" || got.Get("active_series") != "250" {
		t.Errorf("the link of a suggestion fills the form with %v, want it taken and the rest kept", got)
	}

	_, doc = wantDone(t, h, "/limits/billing/edit", with(tried, "reason", "INC-4: invoices twice"))
	wantText(t, doc, "p.good", "The limit is changed")
	wantText(t, doc, "p", "2 samples/s, 250 active series")
	doc = wantRefused(t, h, "/limits/billing/edit", tried, http.StatusPreconditionFailed)
	wantText(t, doc, "div.bad", "was changed by")
	doc = wantPage(t, h, linkOf(t, doc, "Load the limit as it is now"), http.StatusOK)
	form = formOf(doc, "limit")
	if form.Get("revision") == "0" || form.Get("samples_per_second") != "2" {
		t.Errorf("the form anew is %v, want the limit that was set, and its revision", form)
	}
	audit, err := g.Audit(t.Context(), control.AuditQuery{Limit: 1})
	if err != nil || len(audit.Entries) != 1 || audit.Entries[0].Reason != "INC-4: invoices twice" {
		t.Errorf("the audit says %+v, %v; want the reason", audit, err)
	}

	doc = wantPage(t, h, "/limits/billing/delete", http.StatusOK)
	wantText(t, doc, "form", "every tenant that is not named: no limit")
	wantRefused(t, h, "/limits/billing/delete", url.Values{"revision": {"77"}}, http.StatusPreconditionFailed)
	_, doc = wantDone(t, h, "/limits/billing/delete", url.Values{"revision": {form.Get("revision")}, "reason": {"over"}})
	wantText(t, doc, "p.good", "The limit is deleted")
	wantPage(t, h, "/limits/billing/delete", http.StatusNotFound)
}

func TestWhatIsWrongWithALimitStandsAtItsField(t *testing.T) {
	h := New(billed(t).Control, Options{})
	for _, tt := range []struct{ field, value, text string }{
		{"samples_per_second", "many", "it is no whole number"},
		{"samples_per_second", "-1", "is negative"},
		{"samples_per_second", "99999999999999999999", "it is no whole number"},
		{"hard_samples_per_second", "3", "below samples_per_second"},
		{"active_series", "200000000", "is more than"},
		{"burst", "soon", "is no duration"},
		{"mode", "loud", "neither enforce nor shadow"},
		{"default_priority", "urgent", "urgent"},
	} {
		t.Run(tt.field+" "+tt.value, func(t *testing.T) {
			q := with(url.Values{"samples_per_second": {"5"}, "revision": {"0"}}, tt.field, tt.value)
			doc := wantPage(t, h, "/limits/billing/edit?"+q.Encode(), http.StatusUnprocessableEntity)
			wantText(t, doc, "p.wrong", tt.text)
			wantText(t, doc, "section#preview", "It is no limit yet.")
			doc = wantRefused(t, h, "/limits/billing/edit", q, http.StatusUnprocessableEntity)
			wantText(t, doc, "p.wrong", tt.text)
			wantText(t, doc, "div.bad", "It is not saved")
		})
	}
}

func TestLimitsOfFilesAreTriedAndNotSaved(t *testing.T) {
	h := shop(t)
	doc := wantPage(t, h, "/limits/payments", http.StatusOK)
	doc = wantPage(t, h, linkOf(t, doc, "Try another limit")+"?samples_per_second=25&burst=1s", http.StatusOK)
	wantText(t, doc, "p.banner", "It is managed by headgate.yml")
	wantText(t, doc, "pre#limit-yaml", "samples_per_second: 25")
	wantText(t, doc, "section#preview", "checkout")
	for _, b := range find(doc, "button") {
		if attribute(b, "formmethod") == "post" {
			t.Error("a limit of a file has a button that saves it")
		}
	}
	wantRefused(t, h, "/limits/payments/edit", url.Values{"samples_per_second": {"25"}, "revision": {"0"}}, http.StatusConflict)
	wantPage(t, h, "/limits/payments/delete", http.StatusConflict)
	wantRefused(t, h, "/limits/payments/delete", url.Values{"revision": {"0"}}, http.StatusConflict)
}

func TestLimitsAreChangedByWhoMay(t *testing.T) {
	g := billed(t)
	site := New(g.Control, Options{})
	for _, a := range []auth.Actor{
		{Name: "vic", Role: auth.Viewer}, {Name: "ed", Role: auth.Editor, Teams: []string{"ledger"}}, {Name: "own", Role: auth.Admin, Tenants: []tenant.ID{"default"}}, {},
	} {
		h := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			site.ServeHTTP(rw, r.WithContext(auth.NewContext(r.Context(), a)))
		})
		for _, path := range []string{"/limits/billing/edit", "/limits/billing/delete"} {
			wantPage(t, h, path, http.StatusForbidden)
			wantRefused(t, h, path, url.Values{"samples_per_second": {"1"}, "revision": {"0"}}, http.StatusForbidden)
		}
		if a.Role != auth.Viewer {
			continue
		}
		for _, link := range find(wantPage(t, h, "/limits/billing", http.StatusOK), "a") {
			if strings.HasSuffix(attribute(link, "href"), "/edit") {
				t.Error("the page leads a viewer to the form")
			}
		}
	}
	if l, err := g.Limit("billing"); err != nil || l.Source != control.FromDefault {
		t.Errorf("the limit is %+v, %v; want it unchanged", l, err)
	}
}

func TestHostileLimitsAreText(t *testing.T) {
	g := controltest.Hostile(t)
	h := New(g.Control, Options{})
	for _, name := range controltest.HostileNames {
		q := url.Values{
			"samples_per_second": {name}, "burst": {name}, "mode": {name}, "default_priority": {name}, "reason": {name}, "revision": {name},
			"pools": {"1"}, "pool": {name}, "pool_name": {name}, "pool_share": {name}, "pool_active_series": {name}, "pool_teams": {name}, "pool_match": {name},
		}
		for _, path := range []string{"/limits/" + url.PathEscape(string(controltest.HostileTenant)), "/limits/billing", "/limits/" + url.PathEscape(name)} {
			for _, rec := range []*httptest.ResponseRecorder{browse(h, path+"/edit?"+q.Encode()), submit(h, path+"/edit", q), submit(h, path+"/delete", q)} {
				if rec.Code >= 500 && rec.Code != http.StatusServiceUnavailable {
					t.Errorf("%q: %d", name, rec.Code)
				}
				if strings.Contains(rec.Body.String(), "<script>window.ran") || strings.Contains(rec.Body.String(), "<img src=x") {
					t.Errorf("%q is markup", name)
				}
			}
		}
	}
}

// A slider reaches beyond what is there, its number is never beyond it, and no limit
// is at its end.
func TestSlidersReachWhatIsThere(t *testing.T) {
	for _, tt := range []struct {
		value string
		there []float64
		want  sliderView
	}{
		{"", nil, sliderView{"100", "1", "100"}},
		{"40", []float64{20_000, 650}, sliderView{"40000", "100", "40"}},
		{"1000000000", []float64{5}, sliderView{"1000000000", "1000000", "1000000000"}},
		{"x", []float64{123_456}, sliderView{"247000", "1000", "x"}},
	} {
		if got := newSlider(tt.value, tt.there...); got != tt.want {
			t.Errorf("the slider of %q among %v is %+v, want %+v", tt.value, tt.there, got, tt.want)
		}
	}
}

func TestAProposedLimitIsDrawn(t *testing.T) {
	seconds := make([]limiter.Second, 3600)
	for i := range seconds {
		seconds[i].Demand[2] = 10
	}
	h := control.LimitHistory{Seconds: seconds}
	if v := newChartView(h, 20, 30); v.Proposed == "" || !strings.Contains(v.Summary, "the new one of 30") {
		t.Errorf("the chart is %+v, want a line of the new limit", v)
	}
	if v := newChartView(h, 20, 20); v.Proposed != "" {
		t.Error("a limit that stays is drawn twice")
	}
	if v := newChartView(h, 20, 1e6); v.Proposed != "" || v.Most == rate(1.08e6) {
		t.Error("a limit far above makes the history flat")
	}
}
