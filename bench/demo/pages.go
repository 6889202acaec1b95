//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/headgate/headgate/bench/demo/shop"
)

// shownPages are the pages that must answer: those of the steps, and those that the
// README names.
var shownPages = []string{
	"/", "/flow?by=rule", "/profile/metrics", exploded, "/rules", "/rules/new", "/recommendations", "/limits", "/limits/payments/edit", "/teams", "/explain", "/activity", "/status",
}

// exploded is the page of the metric that explodes.
var exploded = "/profile/metric?" + url.Values{"metric": {shop.Exploding}, "tenant": {"default"}}.Encode()

// page returns the address of one of Headgate's pages, or of its API.
func (s *stage) page(path string) string { return "http://" + s.addr.web + path }

// pages asks for every page, and returns an error where one does not answer.
func (s *stage) pages(ctx context.Context) error {
	var wrong []string
	for _, path := range shownPages {
		if !answers(ctx, s.page(path)) {
			wrong = append(wrong, path)
		}
	}
	if len(wrong) > 0 {
		fmt.Fprintf(s.out, "\nPages:   %d of %d answer   WRONG\n", len(shownPages)-len(wrong), len(shownPages))
		return fmt.Errorf("pages that do not answer %d: %s", http.StatusOK, strings.Join(wrong, ", "))
	}
	fmt.Fprintf(s.out, "\nPages:   all %d answer   ok\n", len(shownPages))
	return nil
}

// invite says where the pages are, and what to do there.
func (s *stage) invite() {
	fmt.Fprintf(s.out, `
The pages are at http://%s. About %s after the start something explodes:

  1. What is it?       %s has a metric that comes to lead the list;
                       its page names the label that makes its series.
  2. What would help?  "Draft a rule" there says what goes, and what of it alerts need.
  3. Try it, do it.    Make it in mode shadow, and its page counts what would go; then
                       enforce it, and the overview shows what is dropped.
`, s.addr.web, shop.ReleaseAfter, s.page("/profile/metrics"))
}
