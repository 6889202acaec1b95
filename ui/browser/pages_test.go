package browser

import (
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/ui"
)

//go:embed testdata/axe-4.14.1.min.js
var axe string

// serve serves the pages of a Headgate until the test is over.
func serve(t *testing.T, h *controltest.Headgate) string {
	t.Helper()
	srv := httptest.NewServer(ui.New(h.Control, ui.Options{Storybook: true}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// watch notes what a page's policy refuses, and errors of its scripts, before any
// of it runs.
func watch(t *testing.T, ctx context.Context) {
	t.Helper()
	const script = `window.refused = [];
		document.addEventListener('securitypolicyviolation', e => refused.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));
		window.addEventListener('error', e => refused.push('error: ' + e.message));`
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
		t.Fatal(err)
	}
}

// unsound is what is wrong with a page: window.ran is set by scripts of hostile names.
const unsound = `({
	'a script of somebody else ran': window.ran === undefined ? [] : [String(window.ran)],
	'the policy refused': window.refused || [],
	'there is markup of others': [...document.querySelectorAll('*')].filter(e => e.matches('script:not([src])') ||
		[...e.attributes].some(a => /^on/i.test(a.name) || /^(href|src|action|formaction)$/i.test(a.name) && /^\s*javascript:/i.test(a.value))).map(e => e.outerHTML.slice(0, 200)),
	'a table has no caption': [...document.querySelectorAll('table')].filter(e => !e.caption?.textContent.trim()).map(e => e.outerHTML.slice(0, 200)),
	'a table does not say what it is sorted by': [...document.querySelectorAll('table')].filter(e => e.querySelector('thead a[href*="sort="]') && !e.querySelector('thead [aria-sort]'))
		.map(e => e.outerHTML.slice(0, 200)),
	'it does not fit the window': document.documentElement.scrollWidth <= innerWidth ? [] :
		[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, .places, pre')).slice(0, 3).map(e => e.outerHTML.slice(0, 200))
			.concat(document.documentElement.scrollWidth + ' wide'),
})`

// wantSound checks that a page that is open runs nothing of what others wrote, does
// nothing that its policy refuses, and fits the window.
func wantSound(t *testing.T, ctx context.Context, what string) {
	t.Helper()
	for problem, list := range eval[map[string][]string](t, ctx, unsound) {
		if len(list) > 0 {
			t.Errorf("%s: %s: %q", what, problem, list)
		}
	}
}

// wantAccessible checks that everybody can use a page that is open.
func wantAccessible(t *testing.T, ctx context.Context, what string) {
	t.Helper()
	eval[bool](t, ctx, axe+"; true")
	serious := eval[[]string](t, ctx, `axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.filter(v => v.impact === 'serious' || v.impact === 'critical')
		.map(v => v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + ' ' + n.any.map(a => a.message).join(' ')).join(' | ')))`)
	for _, v := range serious {
		t.Errorf("%s: axe: %s", what, v)
	}
}

// hostilePages are the addresses of pages that show hostile names, and of those
// that are asked for with them.
func hostilePages() []string {
	list := []string{
		"/", "/flow?by=metric", "/flow?by=rule", "/?tenant=" + url.QueryEscape(string(controltest.HostileTenant)), "/profile/metrics", "/profile/labels", "/rules", "/rules/hostile",
		"/rules/new", "/recommendations",
		"/limits", "/limits/" + url.PathEscape(string(controltest.HostileTenant)), "/limits/" + url.PathEscape(string(controltest.HostileTenant)) + "/edit?samples_per_second=1", "/limits/billing/delete", "/activity", "/explain", "/status", "/-/storybook",
		"/rules/" + controltest.HostileRule, "/rules/" + controltest.HostileRule + "/rule", "/rules/" + controltest.HostileRule + "/edit", "/rules/" + controltest.HostileRule + "/history",
		"/rules/" + controltest.HostileRule + "/revert?to=2", "/rules/" + controltest.HostileRule + "/delete", "/rules/" + controltest.HostileRule + "-gone/history",
		"/tokens", "/activity/audit",
		"/teams", "/costs?by=team&by=service&by=metric&by=rule", "/unowned?by=l,team", "/unowned?by=l&tenant=" + url.QueryEscape(string(controltest.HostileTenant)),
		"/profile/series?by=l&match=" + url.QueryEscape(`{l!=""}`),
	}
	for i, name := range controltest.HostileNames {
		q := url.QueryEscape(name)
		list = append(list, "/profile/metric?metric="+q, "/teams/"+url.PathEscape(name[:min(len(name), 256)]),
			"/rules/new?action=drop&name="+q+"&match="+q+"&tenant="+q+"&team="+q+"&reason="+q)
		switch i % 4 { // every page gets some
		case 0:
			list = append(list, "/flow?by="+q+"&phase="+q+"&team="+q+"&from="+q, "/profile/metrics?q="+q+"&team="+q+"&match="+q, "/activity?kind="+q, "/rules/"+url.PathEscape(name), "/activity/audit?who="+q+"&verb="+q)
		case 1:
			list = append(list, "/explain?series="+q, "/profile/metrics?q=%7B"+q, "/activity?tenant="+q, "/rules/"+url.PathEscape(name)+"/history")
		case 2:
			list = append(list, "/profile/series?match="+q+"&by="+q, "/?tenant="+q, "/explain?series="+url.QueryEscape(fmt.Sprintf("{__name__=%q, l=%q}", name, name)))
		case 3:
			list = append(list, "/"+url.PathEscape(name), "/limits/"+url.PathEscape(name), "/limits/billing/edit?samples_per_second="+q+"&mode="+q+"&burst="+q+"&reason="+q+"&pools=1&pool_name="+q+"&pool_share="+q+"&pool_teams="+q+"&pool_match="+q, "/profile/labels?q="+q, "/costs/figure?by=metric&row=metric:"+q)
		}
	}
	return list
}

// hostileFiles are the addresses of files that hold hostile names.
func hostileFiles() []string {
	tenantName := url.QueryEscape(string(controltest.HostileTenant))
	return []string{
		"/flow.csv?by=metric", "/rules.csv", "/limits.csv", "/activity.csv", "/activity/audit.csv", "/profile/metric.csv?metric=" + url.QueryEscape(controltest.HostileNames[0]), "/profile/metrics.csv", "/profile/metrics.csv?tenant=" + tenantName, "/profile/labels.csv", "/profile/series.csv?by=l&match=" + url.QueryEscape(`{l!=""}`), "/teams.csv", "/unowned.csv?by=l",
	}
}

func TestEveryPageIsShownHostileNames(t *testing.T) {
	wantEveryRoute(t, http.MethodGet, append(hostilePages(), hostileFiles()...))
}

func TestEveryPageOfAShopIsLookedAt(t *testing.T) {
	wantEveryRoute(t, http.MethodGet, append(pages, hostileFiles()...))
}

func TestHostileNamesDoNoHarm(t *testing.T) {
	h := controltest.Hostile(t)
	if _, err := h.SetBypass(time.Hour, controltest.HostileNames[0]); err != nil { // which every page shows
		t.Fatal(err)
	}
	address := serve(t, h)
	router, checked := newRouter(t, http.MethodGet), map[string]bool{}
	for _, l := range []look{looks[0], looks[3]} {
		t.Run(l.String(), func(t *testing.T) {
			ctx := tab(t, l)
			watch(t, ctx)
			for _, path := range hostilePages() {
				do(t, ctx, chromedp.Navigate(address+path))
				wantSound(t, ctx, path[:min(len(path), 80)])
				if route := router.of(path); l == looks[0] && !checked[route] { // once each: it takes long
					wantAccessible(t, ctx, path[:min(len(path), 80)])
					checked[route] = true
				}
			}
		})
	}
	t.Run("in forms", func(t *testing.T) {
		v := visit(t, true)
		v.open(address + "/status")
		for i, name := range controltest.HostileNames {
			path := []string{"/rules/new", "/rules/" + controltest.HostileRule + "/edit", "/rules/" + controltest.HostileRule + "/delete", "/status/bypass", "/tokens", "/rules/" + controltest.HostileRule + "/revert"}[i%6]
			form := url.Values{}
			for _, field := range []string{"name", "tenant", "tenants", "team", "teams", "match", "action", "mode", "interval", "priority", "when", "canary", "expires", "position", "reason", "why", "revision", "for", "role", "to"} {
				form.Set(field, name)
			}
			if path == "/rules/"+controltest.HostileRule+"/revert" {
				form.Set("to", "2")
			}
			v.submit(path, form)
			until(t, v.ctx, `document.readyState === 'complete' && !document.querySelector('body > form') && performance.getEntriesByType('navigation')[0].responseStatus >= 400`)
			wantSound(t, v.ctx, "POST "+path+" of "+name[:min(len(name), 80)])
		}
	})
	t.Run("in files", func(t *testing.T) {
		for _, path := range hostileFiles() {
			wantHarmlessFile(t, address+path)
		}
	})
}

// wantHarmlessFile checks that a CSV file is one to be saved, in which a spreadsheet
// finds no formula.
func wantHarmlessFile(t *testing.T, address string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/csv") ||
		!strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: %s %v", address, resp.Status, resp.Header)
	}
	records, err := csv.NewReader(resp.Body).ReadAll()
	if err != nil || len(records) < 2 {
		t.Errorf("%s: %d records, %v", address, len(records), err)
	}
	for _, record := range records {
		for _, cell := range record {
			if strings.HasPrefix(strings.TrimLeft(cell, " "), "=") || cell != "" && strings.ContainsAny(cell[:1], "+-@\t\r\n") {
				t.Errorf("%s: a cell is %.80q", address, cell)
			}
		}
	}
}

func TestPagesOfAShopAreSound(t *testing.T) {
	shop := controltest.Shop(t, 300)
	if _, err := shop.SetLimit(t.Context(), "billing", limiter.Limit{SamplesPerSecond: 10}, control.LimitChange{Reason: "INC-1"}); err != nil {
		t.Fatal(err)
	}
	paying, stored, empty := serve(t, controltest.Paying(t)), serve(t, shop), serve(t, controltest.New(t, controltest.Config{}))
	for _, l := range append(looks, look{"light", 720}) { // as 1440 at 200 %
		t.Run(l.String(), func(t *testing.T) {
			ctx := tab(t, l)
			watch(t, ctx)
			for _, path := range pages {
				at := paying
				if strings.HasPrefix(path, "/rules") || strings.HasPrefix(path, "/limits") { // which has some that can be changed
					at = stored
				}
				do(t, ctx, chromedp.Navigate(at+path))
				wantSound(t, ctx, path)
				if l.width == 1440 || l.theme == "light" && l.width == 390 { // themes differ in colours, widths in what stands where
					wantAccessible(t, ctx, path)
				}
				if !strings.Contains(path, "metric=") && (l == looks[0] || l == looks[3]) {
					do(t, ctx, chromedp.Navigate(empty+path))
					wantSound(t, ctx, "empty "+path)
				}
			}
		})
	}
}
