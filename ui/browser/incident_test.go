package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/headgate/headgate/internal/control/controltest"
)

// Somebody on call sees what explodes, opens what stops it, and saves a rule that
// ends by itself.
func TestAnIncidentIsStoppedForHours(t *testing.T) {
	shop := controltest.Shop(t, 300)
	shop.Explode("checkout_session_events_total", "session", "0badcafe", "9e3779b1")
	address := serve(t, shop)
	ctx := tab(t, look{"dark", 390})
	watch(t, ctx)
	do(t, ctx, chromedp.Navigate(address+"/"))
	until(t, ctx, `document.querySelector('.incident')?.textContent.includes('0badcafe')`)
	wantSound(t, ctx, "an incident")
	wantAccessible(t, ctx, "an incident")
	do(t, ctx, chromedp.Click(chromedp.CSS(".incident .button.primary")))
	until(t, ctx, `document.readyState === 'complete' && !!document.querySelector('#preview .stat') && document.getElementById('expires').value !== ''`)
	eval[bool](t, ctx, `(b => { b.click(); return true; })(document.querySelector('#rule [name=for][value="1h"]'))`)
	until(t, ctx, `document.readyState === 'complete' && location.search.includes('for=1h') && Math.abs(Date.parse(document.getElementById('expires').value + 'Z') - Date.now() - 3600e3) < 120e3`)
	wantSound(t, ctx, "its rule")
	do(t, ctx, chromedp.Click(chromedp.CSS("#preview button.primary")))
	until(t, ctx, `document.querySelector('h1')?.textContent === 'drop-label-checkout-session-events-total' && document.querySelector('main .badge').textContent === 'active'`)
	rule, err := shop.Rule("drop-label-checkout-session-events-total")
	if left := time.Until(rule.Rule.Expires); err != nil || left > time.Hour || left < 55*time.Minute {
		t.Errorf("the rule ends in %s (%v), want an hour", left, err)
	}
}

// The status of a gateway in trouble fits the smallest window, and the navigation
// shows where one is.
func TestTheStatusInTrouble(t *testing.T) {
	shop := controltest.Shop(t, 100)
	shop.Break(true)
	shop.Trade(t, 100)
	shop.InForce.Failure, shop.InForce.FailedAt = `headgate.yml:12:3: unknown key "upsteam_of_a_name_that_nobody_breaks_into_words_because_it_has_none"; did you mean upstream?`, time.Now()
	shop.InForce.Waiting = []string{"profiler", "storage"}
	address := serve(t, shop)
	for _, l := range []look{{"light", 390}, {"dark", 1440}} {
		ctx := tab(t, l)
		watch(t, ctx)
		do(t, ctx, chromedp.Navigate(address+"/status"))
		until(t, ctx, `document.querySelector('[aria-labelledby=upstreams]').textContent.includes('failing')`)
		eval[bool](t, ctx, `document.querySelectorAll('details').forEach(d => d.open = true), true`)
		wantSound(t, ctx, l.String()+" status")
		wantAccessible(t, ctx, l.String()+" status")
		if !eval[bool](t, ctx, `(r => r.left >= 0 && r.right <= innerWidth && r.height > 0)(document.querySelector('.places [aria-current]').getBoundingClientRect())
			&& [...document.querySelectorAll('.places a')].every(a => a.getBoundingClientRect().right <= innerWidth)`) {
			t.Errorf("%s: an entry of the navigation is cut off", l)
		}
	}
}

func TestKeysOfTheNavigationAndTheLink(t *testing.T) {
	ctx := tab(t, looks[0])
	address := serve(t, controltest.Shop(t, 10))
	do(t, ctx, chromedp.Navigate(address+"/"))
	for key, path := range map[string]string{"t": "/teams", "m": "/profile/metrics", "c": "/recommendations", "s": "/status"} {
		do(t, ctx, chromedp.KeyEvent("g"), chromedp.KeyEvent(key))
		until(t, ctx, `location.pathname === '`+path+`' && document.readyState === 'complete'`)
		if !eval[bool](t, ctx, `document.querySelector('.places [aria-current]').dataset.key === '`+key+`'`) {
			t.Errorf("g %s leads to a page that the navigation does not mark", key)
		}
	}
	do(t, ctx, chromedp.Click(chromedp.CSS("[data-copy-link]")))
	until(t, ctx, `document.getElementById('told').textContent !== ''`)
}
