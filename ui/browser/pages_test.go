package browser

import (
	"context"
	_ "embed"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/headgate/headgate/internal/control/controltest"
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

// wantSound checks that a page that is open runs nothing of what others wrote, does
// nothing that its policy refuses, and fits the window.
func wantSound(t *testing.T, ctx context.Context, what string) {
	t.Helper()
	if ran := eval[bool](t, ctx, `window.ran !== undefined`); ran {
		t.Errorf("%s: a script of somebody else ran", what)
	}
	if refused := eval[[]string](t, ctx, `window.refused`); len(refused) > 0 {
		t.Errorf("%s: the policy refused %q", what, refused)
	}
	if wide := eval[[]string](t, ctx, `document.documentElement.scrollWidth <= innerWidth ? [] :
		[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, .places, pre')).slice(0, 3).map(e => e.outerHTML.slice(0, 200))
			.concat(document.documentElement.scrollWidth + ' wide')`); len(wide) > 0 {
		t.Errorf("%s does not fit the window: %q", what, wide)
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
		"/", "/?tenant=" + url.QueryEscape(string(controltest.HostileTenant)), "/profile/metrics", "/profile/labels", "/rules", "/rules/hostile",
		"/rules/new", "/recommendations",
		"/limits", "/limits/" + url.PathEscape(string(controltest.HostileTenant)), "/activity", "/explain", "/status", "/-/storybook",
		"/teams", "/costs?by=team&by=service&by=metric&by=rule", "/unowned?by=l,team", "/unowned?by=l&tenant=" + url.QueryEscape(string(controltest.HostileTenant)),
		"/profile/series?by=l&match=" + url.QueryEscape(`{l!=""}`),
	}
	for i, name := range controltest.HostileNames {
		q := url.QueryEscape(name)
		list = append(list, "/profile/metric?metric="+q, "/teams/"+url.PathEscape(name[:min(len(name), 256)]),
			"/rules/new?action=drop&name="+q+"&match="+q+"&tenant="+q+"&team="+q+"&reason="+q)
		switch i % 4 { // every page gets some
		case 0:
			list = append(list, "/profile/metrics?q="+q+"&team="+q+"&match="+q, "/activity?kind="+q, "/rules/"+url.PathEscape(name))
		case 1:
			list = append(list, "/explain?series="+q, "/profile/metrics?q=%7B"+q, "/activity?tenant="+q)
		case 2:
			list = append(list, "/profile/series?match="+q+"&by="+q, "/?tenant="+q, "/explain?series="+url.QueryEscape(fmt.Sprintf("{__name__=%q, l=%q}", name, name)))
		case 3:
			list = append(list, "/"+url.PathEscape(name), "/limits/"+url.PathEscape(name), "/profile/labels?q="+q, "/costs/figure?by=metric&row=metric:"+q)
		}
	}
	return list
}

func TestHostileNamesDoNoHarm(t *testing.T) {
	address := serve(t, controltest.Hostile(t))
	for _, l := range looks {
		t.Run(l.String(), func(t *testing.T) {
			ctx := tab(t, l)
			watch(t, ctx)
			for _, path := range hostilePages() {
				do(t, ctx, chromedp.Navigate(address+path))
				wantSound(t, ctx, path[:min(len(path), 80)])
				if l == looks[0] {
					wantAccessible(t, ctx, path[:min(len(path), 80)])
				}
			}
		})
	}
}

func TestPagesOfAShopAreSound(t *testing.T) {
	busy, empty := serve(t, controltest.Paying(t)), serve(t, controltest.New(t, controltest.Config{}))
	for _, l := range append(looks, look{"light", 720}) { // as 1440 at 200 %
		t.Run(l.String(), func(t *testing.T) {
			ctx := tab(t, l)
			watch(t, ctx)
			for _, path := range pages {
				do(t, ctx, chromedp.Navigate(busy+path))
				wantSound(t, ctx, path)
				wantAccessible(t, ctx, path)
				if !strings.Contains(path, "metric=") {
					do(t, ctx, chromedp.Navigate(empty+path))
					wantSound(t, ctx, "empty "+path)
				}
			}
		})
	}
}
