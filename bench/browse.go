package bench

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// browsePace is the rate while people read pages, in samples a second.
const browsePace = 500_000

// browsing are every page of the control plane that is read, with what makes it work.
func browsing(now time.Time) []string {
	at := func(path string, pairs ...string) string {
		q := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			q.Add(pairs[i], pairs[i+1])
		}
		if len(q) > 0 {
			path += "?" + q.Encode()
		}
		return path
	}
	before := now.UTC().AddDate(0, 0, -now.UTC().Day()).Format("2006-01")
	list := []string{"/"}
	for _, by := range []string{"series", "samples", "cost", "churn"} {
		list = append(list, at("/profile/metrics", "sort", by))
	}
	return append(list,
		at("/profile/metrics", "q", "requests_total"),
		at("/profile/metrics", "q", `{namespace=~"checkout-.*"}`),
		at("/profile/metrics", "q", `{namespace="checkout-prod"}`, "sort", "cost"),
		at("/profile/metric", "metric", "container_memory_rss"),
		at("/profile/labels"),
		at("/profile/labels", "q", "pod"),
		at("/profile/series", "match", `container_memory_rss`, "by", "namespace"),
		at("/profile/series", "match", `{namespace=~"checkout-.*"}`, "by", "pod"),
		at("/flow"),
		at("/flow", "by", "metric"),
		at("/rules"),
		at("/rules/idle-0001"),
		at("/rules/new"),
		at("/rules/new", "name", "preview", "match", `container_memory_rss{namespace="checkout-prod"}`, "action", "drop", "mode", "enforce"),
		at("/rules/new", "name", "preview", "match", `{__name__=~".*_http_requests_total",code="200"}`, "action", "drop", "mode", "enforce"),
		at("/rules/new", "name", "preview", "match", `{pod=~"checkout-.*"}`, "action", "downsample", "interval", "60s", "mode", "enforce"),
		at("/recommendations"),
		at("/limits"),
		at("/limits/default"),
		at("/teams"),
		at("/teams", "month", before),
		at("/teams/checkout"),
		at("/costs"),
		at("/costs", "by", "metric"),
		at("/costs", "by", "team", "by", "metric"),
		at("/costs", "by", "day", "team", "checkout"),
		at("/costs", "by", "day", "metric", "container_memory_rss"),
		at("/costs", "by", "metric", "team", "checkout"),
		at("/costs", "by", "metric", "month", before),
		at("/costs", "by", "rule"),
		at("/costs/figure", "by", "team", "row", "team:checkout"),
		at("/costs/figure", "by", "metric", "row", "metric:container_memory_rss"),
		at("/unowned"),
		at("/explain"),
		at("/explain", "series", `container_memory_rss{namespace="checkout-prod", job="kubelet"}`),
		at("/activity"),
		at("/activity/audit"),
		at("/status"),
		at("/tokens"),
		at("/profile/metrics.csv"),
		at("/profile/labels.csv"),
		at("/profile/series.csv", "match", `{namespace="checkout-prod"}`, "by", "pod"),
		at("/teams.csv"),
		at("/unowned.csv"),
	)
}

const (
	// patience is how long a turn asks for one page: a slow one is asked for less often,
	// so that the whole run ends.
	patience = 3 * time.Second

	// leastAsked is how often a page is asked for in a turn, however slow.
	leastAsked = 2
)

// readers ask for pages, one after the other, until each was asked for often enough.
type readers struct {
	admin string
	paths []string
	took  [][]time.Duration // of each path
	bytes []int64
	wrong []int  // answers that were no page
	text  string // of the first of them

	client *http.Client

	mu    sync.Mutex
	spent []time.Duration // of each path, in this turn
	asked []int
	next  atomic.Int64
}

func newReaders(admin string, paths []string) *readers {
	n := len(paths)
	return &readers{
		admin: admin, paths: paths, took: make([][]time.Duration, n), bytes: make([]int64, n), wrong: make([]int, n),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}},
		spent:  make([]time.Duration, n), asked: make([]int, n),
	}
}

// read has readers ask for every page, as often as the reading says in all.
func (r *readers) read(ctx context.Context, n reading) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.next.Store(0)
	r.spent, r.asked = make([]time.Duration, len(r.paths)), make([]int, len(r.paths))
	var wg sync.WaitGroup
	for range n.readers {
		wg.Go(func() {
			for {
				i := int(r.next.Add(1)) - 1
				if i >= n.times()*len(r.paths) || ctx.Err() != nil {
					return
				}
				next := time.Now().Add(n.every)
				if i %= len(r.paths); r.enough(i) {
					continue
				}
				if err := r.ask(ctx, i); err != nil {
					cancel(err)
				}
				wait(ctx, time.Until(next))
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// enough reports whether a page has had its time.
func (r *readers) enough(i int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[i]++
	return r.asked[i] > leastAsked && r.spent[i] > patience
}

// ask asks for a page as a browser does, and times it to the last byte.
func (r *readers) ask(ctx context.Context, i int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.admin+r.paths[i], nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/html")
	begin := time.Now()
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", r.paths[i], err)
	}
	took := time.Since(begin)
	r.mu.Lock()
	defer r.mu.Unlock()
	if resp.StatusCode != http.StatusOK {
		r.wrong[i]++
		r.text = cmp.Or(r.text, fmt.Sprintf("%s answered %s after %s", r.paths[i], resp.Status, took))
	}
	r.took[i], r.bytes[i] = append(r.took[i], took), n
	r.spent[i] += took
	return nil
}

// share returns the duration that a share of durations does not exceed.
func share(took []time.Duration, part float64) time.Duration {
	if len(took) == 0 {
		return 0
	}
	took = slices.Sorted(slices.Values(took))
	return took[min(int(part*float64(len(took))), len(took)-1)]
}
