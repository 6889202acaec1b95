package browser

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A visitor is somebody at a browser of their own, who presses what can be seen.
type visitor struct {
	t         *testing.T
	ctx       context.Context
	scripts   bool   // JavaScript is on
	downloads string // directory
}

// visit opens a browser that nobody signed in with.
func visit(t *testing.T, scripts bool) *visitor {
	t.Helper()
	browser, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	v := &visitor{t: t, ctx: ctx, scripts: scripts, downloads: t.TempDir()}
	do(t, ctx, chromedp.EmulateViewport(1440, height))
	watch(t, ctx)
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: v.downloads, BrowserContextID: chromedp.FromContext(ctx).BrowserContextID,
	}); err != nil {
		t.Fatal(err)
	}
	return v
}

// withAndWithout runs a test with JavaScript, and without.
func withAndWithout(t *testing.T, test func(t *testing.T, v *visitor)) {
	t.Helper()
	for name, scripts := range map[string]bool{"with JavaScript": true, "without JavaScript": false} {
		t.Run(name, func(t *testing.T) {
			v := visit(t, scripts)
			test(t, v)
			if scripts {
				v.wantNothingRefused()
			}
		})
	}
}

// open opens a page by its address.
func (v *visitor) open(address string) {
	v.t.Helper()
	do(v.t, v.ctx, chromedp.Navigate(address))
}

// at waits until a page is there, by its title.
func (v *visitor) at(title string) {
	v.t.Helper()
	until(v.t, v.ctx, `document.readyState === 'complete' && document.querySelector('h1')?.textContent.trim() === `+strconv.Quote(title))
}

// texts are those of the elements that a selector matches.
func (v *visitor) texts(selector string) []string {
	v.t.Helper()
	return eval[[]string](v.t, v.ctx, `[...document.querySelectorAll(`+strconv.Quote(selector)+`)].map(e => e.textContent.trim().replace(/\s+/g, ' '))`)
}

// text is that of the first element that a selector matches.
func (v *visitor) text(selector string) string {
	v.t.Helper()
	list := v.texts(selector)
	if len(list) == 0 {
		v.t.Fatalf("there is no %s", selector)
	}
	return list[0]
}

// press waits for a link, a button or a summary that says words and can be seen, and
// clicks where it is.
func (v *visitor) press(words string) {
	v.t.Helper()
	v.click(`[...document.querySelectorAll('a, button, summary')].find(e => e.textContent.trim() === ` + strconv.Quote(words) + ` && e.checkVisibility({visibilityProperty: true}) && !e.closest('[aria-hidden=true]'))`)
}

// follow is press of the first element that a selector matches.
func (v *visitor) follow(selector string) {
	v.t.Helper()
	v.click(`document.querySelector(` + strconv.Quote(selector) + `)`)
}

// click waits until nothing lies upon an element, and clicks on it.
func (v *visitor) click(element string) {
	v.t.Helper()
	place := `(() => {
		const e = ` + element + `;
		if (!e) return [];
		e.scrollIntoView({block: 'center', behavior: 'instant'});
		const r = e.getClientRects()[0];
		if (!r) return [];
		const x = r.x + r.width / 2, y = r.y + r.height / 2, top = document.elementFromPoint(x, y);
		return top && (e.contains(top) || top.contains(e)) ? [x, y] : [];
	})()`
	until(v.t, v.ctx, place+`.length`)
	at := eval[[]float64](v.t, v.ctx, place)
	if len(at) != 2 {
		v.t.Fatalf("%s went away", element)
	}
	do(v.t, v.ctx, chromedp.MouseClickXY(at[0], at[1]))
}

// fill types a text into a field, in place of what is there.
func (v *visitor) fill(selector, text string) {
	v.t.Helper()
	do(v.t, v.ctx, chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

// choose takes an option of a select.
func (v *visitor) choose(selector, value string) {
	v.t.Helper()
	do(v.t, v.ctx, chromedp.SetValue(chromedp.CSS(selector), value))
}

// signIn signs somebody in whose password is "open", by the form.
func (v *visitor) signIn(address, name string) {
	v.t.Helper()
	v.open(address + "/login")
	v.at("Sign in")
	v.fill("input[name=name]", name)
	v.fill("input[name=password]", "open")
	v.press("Sign in")
	v.at("Overview")
}

// download presses a link that leads to a file, and returns it when it is all there.
func (v *visitor) download(words string) (name string, data []byte) {
	v.t.Helper()
	v.press(words)
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		files, err := filepath.Glob(filepath.Join(v.downloads, "*"))
		if err != nil {
			v.t.Fatal(err)
		}
		if len(files) == 1 && !strings.HasSuffix(files[0], ".crdownload") && !strings.HasPrefix(filepath.Base(files[0]), ".") {
			data, err := os.ReadFile(files[0])
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				v.t.Fatal(err)
			}
			if err == nil && len(data) > 0 {
				if err := os.Remove(files[0]); err != nil {
					v.t.Fatal(err)
				}
				return filepath.Base(files[0]), data
			}
		}
		select {
		case <-ctx.Done():
			v.t.Fatalf("%s: no file arrives, there is %q", words, files)
		case <-tick.C:
		}
	}
}

// wantNothingRefused checks that the policy of the page that is open refused
// nothing of it.
func (v *visitor) wantNothingRefused() {
	v.t.Helper()
	if refused := eval[[]string](v.t, v.ctx, `window.refused`); len(refused) > 0 {
		v.t.Errorf("the policy refused %q", refused)
	}
}
