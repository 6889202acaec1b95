package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// patience is how long anything may take.
const patience = 60 * time.Second

// chromium is one browser for all tests, which ends with the process.
var chromium = sync.OnceValues(func() (context.Context, error) {
	file, err := findChromium()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "headgate-chromium")
	if err != nil {
		return nil, err
	}
	atEnd = append(atEnd, func() { _ = os.RemoveAll(dir) })
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(file), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("force-color-profile", "srgb"),
	)
	allocator, _ := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		return nil, fmt.Errorf("%s does not start: %w", file, err)
	}
	atEnd = append(atEnd, func() { _ = chromedp.Cancel(ctx) })
	return ctx, nil
})

// atEnd is what has to be done once all tests are over, the last first.
var atEnd []func()

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(atEnd) - 1; i >= 0; i-- {
		atEnd[i]()
	}
	os.Exit(code)
}

// findChromium looks for a Chromium on PATH, and where "make chromium" unpacks it.
func findChromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if file, err := exec.LookPath(name); err == nil {
			return file, nil
		}
	}
	unpacked, err := filepath.Abs("../../.cache/deb/chromium/usr/lib/chromium/chromium")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(unpacked); err != nil {
		return "", fmt.Errorf("there is no Chromium: run 'make chromium', or install it and put it on PATH (%w)", err)
	}
	dirs, _ := filepath.Glob("../../.cache/deb/lib*/usr/lib/*-linux-*")
	path := os.Getenv("LD_LIBRARY_PATH")
	for _, dir := range dirs {
		if dir, err = filepath.Abs(dir); err == nil {
			path += ":" + dir
		}
	}
	return unpacked, os.Setenv("LD_LIBRARY_PATH", path)
}

// A look is how somebody looks at the pages.
type look struct {
	theme string
	width int64
}

func (l look) String() string { return fmt.Sprintf("%s-%d", l.theme, l.width) }

const height = 900 // of the window

// looks are those that pages must be right in.
var looks = []look{{"light", 1440}, {"dark", 1440}, {"light", 390}, {"dark", 390}}

// tab opens a tab that ends with the test.
func tab(t *testing.T, l look) context.Context {
	t.Helper()
	browser, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // opens it; a timeout here would be that of the tab
		t.Fatal(err)
	}
	do(t, ctx, chromedp.EmulateViewport(l.width, height))
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.theme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	}); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// do does something in a tab, which must work.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval returns what an expression is in a tab; a promise is awaited.
func eval[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%.200s: %v", expression, err)
	}
	return v
}

// until waits until an expression is true in a tab.
func until(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		// While a page gives way to the next one, there is nothing to be asked.
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && ok {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waiting for %s: %v, %v", expression, ok, err)
		case <-tick.C:
		}
	}
}
