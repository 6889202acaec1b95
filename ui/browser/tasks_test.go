package browser

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/headgate/headgate/internal/control/controltest"
)

const firstMetric = `document.querySelector('#results tbody th a')?.textContent.trim()`

// An SRE finds what exploded, which label it is, and what to do about it.
func TestFindWhatExploded(t *testing.T) {
	ctx := tab(t, looks[0])
	do(t, ctx,
		chromedp.Navigate(serve(t, controltest.Shop(t, 3000))),
		chromedp.Click(chromedp.CSS(`table.rows tbody th a`)))
	until(t, ctx, `document.querySelector('h1').textContent === 'checkout_session_events_total'`)
	if label := eval[string](t, ctx, `document.querySelector('tr.chosen th').textContent.trim()`); label != "session" {
		t.Errorf("the first label is %q, want session", label)
	}
	if fix := eval[string](t, ctx, `document.getElementById('fix-relabel').textContent`); !strings.Contains(fix, "target_label: session") {
		t.Errorf("the fix at the source is %q", fix)
	}
	do(t, ctx, chromedp.Click(chromedp.CSS(`tr.chosen th a`)))
	until(t, ctx, `document.querySelector('h1').textContent === 'Series' && document.querySelectorAll('#results tbody tr').length === 100`)
}

func TestFilterAsOneTypes(t *testing.T) {
	ctx := tab(t, looks[0])
	address := serve(t, controltest.Shop(t, 100))
	do(t, ctx, chromedp.Navigate(address+"/profile/metrics"))
	first := eval[string](t, ctx, firstMetric)
	eval[bool](t, ctx, `window.same = true`)
	do(t, ctx, chromedp.SendKeys(chromedp.CSS("#filter"), "node_cpu"))
	until(t, ctx, firstMetric+` === 'node_cpu_seconds_total' && document.querySelectorAll('#results tbody tr').length === 1`)
	until(t, ctx, `location.search.includes('q=node_cpu')`)
	until(t, ctx, `document.querySelector('#tools a[href*=".csv"]').search.includes('q=node_cpu')`)
	if !eval[bool](t, ctx, `window.same === true && document.activeElement.id === 'filter'`) {
		t.Error("typing loads the page anew, or loses the field")
	}
	do(t, ctx, chromedp.SendKeys(chromedp.CSS("#filter"), "{"))
	until(t, ctx, `!!document.querySelector('#results [role=alert]')`)
	for range 5 {
		if eval[string](t, ctx, `location.search`) == "" {
			break
		}
		eval[bool](t, ctx, `history.back(), new Promise(done => setTimeout(() => done(true), 300))`)
	}
	until(t, ctx, `location.search === '' && `+firstMetric+` === '`+first+`'`)
}

func TestKeys(t *testing.T) {
	ctx := tab(t, looks[0])
	address := serve(t, controltest.Shop(t, 100))
	do(t, ctx, chromedp.Navigate(address+"/"), chromedp.KeyEvent("g"), chromedp.KeyEvent("m"))
	until(t, ctx, `location.pathname === '/profile/metrics' && document.readyState === 'complete'`)
	do(t, ctx, chromedp.KeyEvent("j"), chromedp.KeyEvent("j"))
	until(t, ctx, `document.activeElement === document.querySelectorAll('tbody tr')[1].querySelector('a')`)
	do(t, ctx, chromedp.KeyEvent("k"))
	until(t, ctx, `document.activeElement === document.querySelectorAll('tbody tr')[0].querySelector('a')`)
	do(t, ctx, chromedp.KeyEvent("/"))
	until(t, ctx, `document.activeElement.id === 'filter'`)
	do(t, ctx, chromedp.KeyEvent("g"), chromedp.KeyEvent("r"))
	if path := eval[string](t, ctx, `location.pathname`); path != "/profile/metrics" {
		t.Errorf("keys in a field lead to %s", path)
	}
	eval[bool](t, ctx, `document.activeElement.blur(), true`)
	do(t, ctx, chromedp.KeyEvent("?"))
	until(t, ctx, `document.getElementById('help').open`)
}

func TestTheThemeIsRemembered(t *testing.T) {
	ctx := tab(t, look{"light", 1440})
	address := serve(t, controltest.New(t, controltest.Config{}))
	do(t, ctx, chromedp.Navigate(address+"/"))
	ground := eval[string](t, ctx, `getComputedStyle(document.documentElement).backgroundColor`)
	do(t, ctx, chromedp.Click(chromedp.CSS("[data-theme-switch]")))
	until(t, ctx, `getComputedStyle(document.documentElement).backgroundColor !== '`+ground+`'`)
	do(t, ctx, chromedp.Navigate(address+"/status"))
	if eval[string](t, ctx, `document.documentElement.dataset.theme`) != "dark" {
		t.Error("another page has another theme")
	}
	eval[bool](t, ctx, `document.cookie = 'theme=; max-age=0; path=/', true`)
}

func TestTheFirstSampleIsShownAsItArrives(t *testing.T) {
	h := controltest.New(t, controltest.Config{})
	ctx := tab(t, looks[0])
	do(t, ctx, chromedp.Navigate(serve(t, h)+"/"))
	until(t, ctx, `document.getElementById('remote-write').textContent.includes('/api/v1/write')`)
	h.Send(t, "", time.Now(), controltest.Series(t, `up{job="api"}`)...)
	until(t, ctx, `!document.getElementById('first') && !!document.querySelector('.flow') && document.querySelector('.banner.good').textContent.includes('first sample was received')`)
}

// Everything can be done without JavaScript.
func TestWithoutJavaScript(t *testing.T) {
	ctx := tab(t, looks[0])
	address := serve(t, controltest.Shop(t, 100))
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	wantLocation := func(want string) {
		t.Helper()
		got, err := chromedp.Run(ctx, chromedp.Location())
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("the browser is at %s (%v), want %s", got, err, want)
		}
	}
	submit := func(steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if _, err := chromedp.RunResponse(ctx, steps...); err != nil {
			t.Fatal(err)
		}
	}
	do(t, ctx, chromedp.Navigate(address+"/profile/metrics"))
	submit(chromedp.SendKeys(chromedp.CSS("#filter"), "node_cpu\r"))
	wantLocation("q=node_cpu")
	submit(chromedp.Click(chromedp.CSS("#results tbody th a")))
	wantLocation("/profile/metric?metric=node_cpu_seconds_total")
	do(t, ctx, chromedp.Navigate(address+"/profile/metrics"))
	submit(chromedp.SetValue(chromedp.CSS("#tenant"), "payments"), chromedp.Click(chromedp.CSS(".tenant button")))
	wantLocation("tenant=payments")
	submit(chromedp.Click(chromedp.CSS("a[data-key=l]")))
	wantLocation("/limits")
}

// An SRE finds what exploded, previews a rule about it, tries it in shadow mode,
// enforces it, sees its samples go, and takes it back.
func TestFixWhatExploded(t *testing.T) {
	const sessions = 3000
	withAndWithout(t, func(t *testing.T, v *visitor) {
		shop := controltest.Shop(t, sessions)
		v.open(serve(t, shop))
		v.at("Overview")
		before := v.dropped()
		v.follow("table.rows tbody th a")
		v.at("checkout_session_events_total")
		v.press("Draft a rule")
		v.at("New rule")
		v.wantPreview(sessions)
		if v.scripts {
			v.previewAsOneTypes()
		} else {
			v.previewByButton(sessions)
		}
		v.press("Make the rule")
		v.at("drop-checkout-session-events-total")
		v.wantBadge("shadow")
		v.press("Preview and enforce")
		until(t, v.ctx, `document.getElementById('mode')?.value === 'enforce'`)
		v.press("Save")
		v.at("drop-checkout-session-events-total")
		v.wantBadge("active")
		shop.Trade(t, sessions)
		shop.Measure(t)
		do(t, v.ctx, chromedp.Reload())
		until(t, v.ctx, `parseFloat(document.querySelector('.stat .value').textContent) > 0`)
		v.press("Overview")
		v.at("Overview")
		if got := v.dropped(); got < before+sessions {
			t.Errorf("%.0f samples are dropped after %.0f before, want %d more at least", got, before, sessions)
		}
		v.press("Rules")
		v.at("Rules")
		v.press("drop-checkout-session-events-total")
		v.at("drop-checkout-session-events-total")
		v.press("Revert to it")
		until(t, v.ctx, `document.querySelector('h1')?.textContent.startsWith('Go back to revision')`)
		v.press("Revert")
		v.at("drop-checkout-session-events-total")
		v.wantBadge("shadow")
	})
}

// dropped is how many samples the overview says are dropped.
func (v *visitor) dropped() float64 {
	v.t.Helper()
	return eval[float64](v.t, v.ctx, `Number(document.querySelector('table.outcomes tr.dropped td').textContent.replace(/\D/g, ''))`)
}

// wantBadge waits until the first badge of the page says what it should.
func (v *visitor) wantBadge(words string) {
	v.t.Helper()
	until(v.t, v.ctx, `document.querySelector('main .badge')?.textContent === `+strconv.Quote(words))
}

// wantPreview waits until the preview says how many series a rule matches.
func (v *visitor) wantPreview(series int) {
	v.t.Helper()
	until(v.t, v.ctx, `document.querySelector('#preview .stat .value')?.textContent.replace(/\D/g, '') === '`+strconv.Itoa(series)+`'`)
}

// previewAsOneTypes checks that the preview follows what is typed, and the address
// with it.
func (v *visitor) previewAsOneTypes() {
	v.t.Helper()
	eval[bool](v.t, v.ctx, `window.same = true`)
	do(v.t, v.ctx, chromedp.Click(chromedp.CSS("#match")), chromedp.KeyEvent(kb.End), chromedp.KeyEvent("x"))
	until(v.t, v.ctx, `document.querySelector('#preview [role=alert]')`)
	do(v.t, v.ctx, chromedp.KeyEvent(kb.Backspace))
	until(v.t, v.ctx, `!document.querySelector('#preview [role=alert]') && document.querySelector('#preview .stat') && location.search.includes('match=')`)
	if !eval[bool](v.t, v.ctx, `window.same === true && document.activeElement.id === 'match'`) {
		v.t.Error("typing loads the page anew, or loses the field")
	}
}

// previewByButton checks that a button previews what was typed, and keeps it.
func (v *visitor) previewByButton(series int) {
	v.t.Helper()
	match := eval[string](v.t, v.ctx, `document.getElementById('match').value`)
	v.fill("#match", "{")
	v.press("Preview")
	until(v.t, v.ctx, `document.querySelector('#preview [role=alert]')`)
	v.fill("#match", match)
	v.press("Preview")
	v.wantPreview(series)
}
