package browser

import (
	"context"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/ui"
)

var screens = flag.String("screens", "", "directory to put pictures of all pages into")

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

// TestScreens takes a picture of every page in every look, where somebody asks for
// them: go test -run Screens -screens DIR
func TestScreens(t *testing.T) {
	if *screens == "" {
		return
	}
	shop := busyShop(t)
	for range 20 { // of traffic, so that there is something to be seen in graphs
		time.Sleep(2 * time.Second)
	}
	for name, h := range map[string]*controltest.Headgate{"shop": shop, "paying": controltest.Paying(t), "empty": controltest.New(t, controltest.Config{}), "hostile": controltest.Hostile(t)} {
		srv := httptest.NewServer(ui.New(h.Control, ui.Options{Storybook: true}))
		t.Cleanup(srv.Close)
		if name == "shop" {
			readmePictures(t, srv.URL)
		}
		for _, l := range looks {
			ctx := tab(t, l)
			for _, path := range pages {
				do(t, ctx, chromedp.Navigate(srv.URL+path))
				shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				file := strings.Trim(notWord.ReplaceAllString(strings.ToLower(path), "-"), "-")
				file = name + "_" + file[:min(len(file), 40)] + "_" + l.String() + ".png"
				if err := os.WriteFile(filepath.Join(*screens, file), shot, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// readmePages are those that the README shows.
var readmePages = map[string]string{
	"overview": "/",
	"metric":   "/profile/metric?metric=checkout_session_events_total",
	"explain":  "/explain?series=debug_render_seconds_bucket%7Bjob%3D%22checkout%22%7D",
	"limit":    "/limits/payments",
}

// readmePictures takes the pictures of the README, one theme beside the other.
func readmePictures(t *testing.T, address string) {
	t.Helper()
	for _, theme := range []string{"light", "dark"} {
		ctx := tab(t, look{theme, 1280})
		for name, path := range readmePages {
			do(t, ctx, chromedp.Navigate(address+path))
			quality := int64(80)
			shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: &quality})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(*screens, name+"-"+theme+".webp"), shot.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// pages are the addresses of all pages of the shop.
var pages = []string{
	"/",
	"/flow?by=rule",
	"/flow?by=metric&phase=dropped",
	"/profile/metrics",
	"/profile/metrics?sort=samples&q=http",
	"/profile/metrics?sort=change_1d&team=checkout&phase=forwarded",
	"/profile/metric?metric=http_requests_total",
	"/profile/metric?metric=checkout_session_events_total",
	"/profile/labels",
	"/profile/series?match=%7B__name__%3D%22http_requests_total%22%7D&by=pod",
	"/rules",
	"/rules/payments-batch",
	"/rules/new",
	"/rules/new?name=no-up&match=up&action=drop&mode=enforce&tenant=default",
	"/rules/new?name=Bad&match=%7B&action=downsample",
	"/rules/drop-sessions",
	"/rules/drop-sessions/rule",
	"/rules/drop-sessions/edit?mode=enforce",
	"/rules/drop-sessions/history",
	"/rules/drop-sessions/revert?to=1",
	"/rules/drop-sessions/delete",
	"/recommendations",
	"/limits",
	"/limits/payments",
	"/limits/payments/edit?samples_per_second=20&active_series=400&burst=1s&mode=enforce&default_priority=default",
	"/limits/billing/edit",
	"/limits/billing/edit?samples_per_second=many",
	"/limits/billing/delete",
	"/teams",
	"/teams?tenant=payments&month=2026-10",
	"/teams/checkout",
	"/teams/idle",
	"/costs?by=team&by=metric",
	"/costs?team=checkout&by=day",
	"/costs/figure?by=team&row=team%3Acheckout",
	"/unowned",
	"/explain",
	"/explain?series=debug_render_seconds_bucket%7Bjob%3D%22checkout%22%7D",
	"/activity",
	"/activity/audit",
	"/status",
	"/tokens",
	"/-/storybook",
	"/-/storybook?show=overview",
	"/-/storybook?show=profile",
	"/-/storybook?show=rules",
	"/-/storybook?show=limits",
	"/-/storybook?show=costs",
	"/-/storybook?show=operation",
	"/nothing",
}

// busyShop is a shop whose samples keep coming.
func busyShop(t *testing.T) *controltest.Headgate {
	t.Helper()
	const sessions = 4000
	h := controltest.Shop(t, sessions)
	h.Run(t)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				h.Trade(t, sessions)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	return h
}
