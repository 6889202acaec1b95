package browser

import (
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/internal/series"
)

// Somebody gives a team a share of its tenant's limit, sees what that would do while
// typing, thinks better of a second pool, and saves.
func TestPoolsAreAddedAndRemoved(t *testing.T) {
	withAndWithout(t, func(t *testing.T, v *visitor) {
		shop := controltest.Shop(t, 20)
		for i := range 2 {
			shop.Send(t, "billing", time.Now().Add(time.Duration(i)*15*time.Second), controltest.Many("invoices_total", 300, series.Label{Name: "team", Value: "ledger"})...)
			shop.Measure(t)
		}
		v.open(serve(t, shop) + "/limits/billing/edit")
		v.at("Limit of billing")
		pools := func(n int) {
			t.Helper()
			until(t, v.ctx, `document.readyState === 'complete' && document.querySelectorAll('.pool').length === `+strconv.Itoa(n))
		}
		v.fill("#samples_per_second", "4")
		v.press("Add a pool")
		pools(1)
		until(t, v.ctx, `document.activeElement.id === 'pool-0-name' && document.getElementById('samples_per_second').value === '4'`)
		v.fill("#pool-0-name", "books")
		v.fill("#pool-0-share", "0.25")
		do(t, v.ctx, chromedp.SendKeys(chromedp.CSS("#pool-0-teams"), "ledger"))
		v.press("Add a pool")
		pools(2)
		until(t, v.ctx, `document.getElementById('pool-0-teams').value === 'ledger'`)
		v.follow(`.pool:nth-of-type(2) button`)
		pools(1)
		if !v.scripts {
			eval[bool](t, v.ctx, `(document.body.dataset.before = 'the preview') !== ''`)
			v.press("Preview")
			until(t, v.ctx, `!document.body?.dataset.before`)
		}
		until(t, v.ctx, `document.readyState === 'complete' && document.getElementById('preview').textContent.includes('books') && location.search.includes('books')`)
		if v.scripts {
			wantSound(t, v.ctx, "pools")
			wantAccessible(t, v.ctx, "pools")
			do(t, v.ctx, chromedp.EmulateViewport(390, height))
			wantSound(t, v.ctx, "pools on a phone")
			do(t, v.ctx, chromedp.EmulateViewport(1440, height))
		}
		v.press("Save")
		v.at("billing")
		if l, err := shop.Limit("billing"); err != nil || len(l.Status.Limit.Pools) != 1 || l.Status.Limit.Pools[0].Name != "books" || l.Status.Limit.Pools[0].Share != 0.25 {
			t.Errorf("the limit is %+v, %v; want the pool", l.Status.Limit, err)
		}
	})
}
