package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// pagesPace is the rate while pages are asked for, in samples a second.
const pagesPace = 1_000_000

// pagePaths are what the pages of the profile ask for, with the time each may take.
var pagePaths = []struct {
	path string
	most time.Duration
}{
	{"/api/v1/profile/metrics", 300 * time.Millisecond},
	{"/api/v1/profile/metrics?sort=samples&limit=1000", 300 * time.Millisecond},
	{"/api/v1/profile/metrics?match=%7Bnamespace%3D~%22checkout-.*%22%7D", 300 * time.Millisecond},
	{"/api/v1/profile/metric?metric=container_memory_rss", 300 * time.Millisecond},
	{"/api/v1/profile/labels", 300 * time.Millisecond},
	{"/api/v1/status/tsdb", 300 * time.Millisecond},
}

// profilePages asks for the profile of 100 000 metrics while samples pass, and compares
// what senders see with a stretch in which nobody asks.
func profilePages(ctx context.Context, b *Bench) (*Result, error) {
	res := &Result{Want: "every page under 300 ms", Header: []string{"page", "median", "max", "KB"}}
	h, ok := b.headgate("plain", nil).(*Headgate)
	if !ok {
		return res, nil
	}
	const series = 1_000_000
	l, err := b.load(Spec{Series: b.series(series), Metrics: 100_000, Rounds: warmup + 24, Churn: churn, Start: b.Start, Seed: 1})
	if err != nil {
		return nil, err
	}
	sink, err := NewSink(false)
	if err != nil {
		return nil, err
	}
	defer sink.Close()
	p, err := h.Start(ctx, sink.URL())
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	s := &Sender{URL: p.Write, Version: 1, Connections: connections}
	if _, err := warm(ctx, s, p, sink, l.Rounds[:warmup], quiet); err != nil {
		return nil, err
	}
	s.Rate = pagesPace
	half := (len(l.Rounds) - warmup) / 2
	alone, err := s.Send(ctx, l.Rounds[warmup:warmup+half])
	if err != nil {
		return nil, err
	}
	asking, stop := context.WithCancel(ctx)
	took := make([][]time.Duration, len(pagePaths))
	size := make([]int64, len(pagePaths))
	asked := make(chan error, 1)
	go func() { asked <- askPages(asking, p.Admin, took, size) }()
	beside, err := s.Send(ctx, l.Rounds[warmup+half:])
	stop()
	if e := <-asked; err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	reached := true
	for i, page := range pagePaths {
		if len(took[i]) == 0 {
			return nil, fmt.Errorf("nobody had the time to ask for %s", page.path)
		}
		slices.Sort(took[i])
		middle := took[i][len(took[i])/2]
		reached = reached && middle < page.most
		res.Lines = append(res.Lines, []string{page.path, ms(middle), ms(took[i][len(took[i])-1]), fmt.Sprint(size[i] >> 10)})
		b.say("  %s: median %s, max %s of %d", page.path, ms(middle), ms(took[i][len(took[i])-1]), len(took[i]))
	}
	p99 := func(s *Sending) string { return ms(Percentile(s.Answers, 0.99)) }
	res.Note = fmt.Sprintf("%d metrics; %d samples/s passed, p99 of an answer %s while pages were asked for one after the other, %s before.",
		l.Names, pagesPace, p99(beside), p99(alone))
	b.say("  %s", res.Note)
	res.reached(reached)
	return res, nil
}

// askPages asks for one page after the other until ctx is done.
func askPages(ctx context.Context, admin string, took [][]time.Duration, size []int64) error {
	for i := 0; ; i = (i + 1) % len(pagePaths) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, admin+pagePaths[i].path, nil)
		if err != nil {
			return err
		}
		begin := time.Now()
		resp, err := http.DefaultClient.Do(req)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s (%v)", pagePaths[i].path, resp.Status, err)
		}
		took[i], size[i] = append(took[i], time.Since(begin)), n
	}
}
