package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/internal/api"
)

const (
	// maxTop is how many metrics can be shown.
	maxTop = 1000

	// culpritRows is for how many metrics, from the top, the label is shown that
	// makes the most series: each costs a request of its own.
	culpritRows = 5

	// culpritFor is how long such an answer is shown: the gateway makes no newer
	// estimates in that time.
	culpritFor = 10 * time.Second

	minInterval = 100 * time.Millisecond
)

// A top is the command headgate top.
type top struct {
	*client
	by       string
	tenant   string
	match    []string
	limit    int
	interval time.Duration
	known    map[string]culprit // by metric
}

// A culprit is a metric's label that makes the most series, as text.
type culprit struct {
	text string
	at   time.Time
}

func addTop(app *kingpin.Application, commands map[string]command) {
	c := app.Command("top", "Show the metrics that make the most series, live: q ends it. Where the output is no terminal, show them once.")
	t := &top{client: clientFlags(c), known: map[string]culprit{}}
	c.Flag("url", "The same as --web.url.").PlaceHolder("http://127.0.0.1:9390").URLVar(&t.base)
	c.Flag("by", "What to sort by: series, samples (received per second) or churn (unique series in 24 hours, by those of now).").Default("series").EnumVar(&t.by, "series", "samples", "churn")
	c.Flag("tenant", "Whose metrics; those of senders that name no tenant where absent.").StringVar(&t.tenant)
	c.Flag("match", `Only series that this PromQL selector matches: '{job="api"}'. May be repeated: any of them.`).StringsVar(&t.match)
	c.Flag("limit", "How many metrics to show at most.").Default("20").IntVar(&t.limit)
	c.Flag("interval", "How long to wait between two looks.").Default("2s").DurationVar(&t.interval)
	once := c.Flag("once", "Show them once and in full, also in a terminal.").Bool()
	commands[c.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		if err := t.run(ctx, *once, stdout); err != nil {
			return fail(stderr, err)
		}
		return exitOK
	}
}

func (t *top) run(ctx context.Context, once bool, stdout io.Writer) error {
	if t.limit < 1 || t.limit > maxTop {
		return fmt.Errorf("--limit: %d is not between 1 and %d", t.limit, maxTop)
	}
	if t.interval < minInterval {
		return fmt.Errorf("--interval: %s is shorter than %s", t.interval, minInterval)
	}
	screen, ok := screenOf(stdout)
	if once || !ok {
		return t.once(ctx, stdout)
	}
	restore, err := readKeys(os.Stdin)
	if err != nil {
		return fmt.Errorf("read keys from the terminal: %w; --once needs none", err)
	}
	defer restore()
	return t.live(ctx, os.Stdin, screen)
}

// once writes what is at the top now.
func (t *top) once(ctx context.Context, w io.Writer) error {
	v := t.view()
	if err := t.look(ctx, v); err != nil {
		return err
	}
	_, err := io.WriteString(w, strings.Join(v.lines(0, 0), "\n")+"\n")
	return err
}

// live shows what is at the top until ctx is done or keys say so.
func (t *top) live(ctx context.Context, keys io.Reader, s *screen) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	go func() {
		awaitEnd(keys)
		end()
	}()
	if err := s.open(); err != nil {
		return err
	}
	defer s.close()
	tick := time.NewTicker(t.interval)
	defer tick.Stop()
	for v := t.view(); ; {
		v.problem = t.look(ctx, v)
		if ctx.Err() != nil {
			return nil
		}
		if err := s.show(v.lines(s.size())); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// view returns a view that has seen nothing yet.
func (t *top) view() *view { return &view{by: t.by, tenant: t.tenant, match: t.match} }

// look asks for what is at the top now. On errors it leaves v as it was.
func (t *top) look(ctx context.Context, v *view) error {
	q := t.query()
	q.Set("sort", t.by)
	q.Set("limit", strconv.Itoa(t.limit))
	q["match"] = t.match
	var page api.MetricsPage
	if err := t.do(ctx, http.MethodGet, "/profile/metrics", q, nil, &page); err != nil {
		return t.advise(err)
	}
	v.page, v.culprits = page, t.culprits(ctx, page.Metrics)
	return nil
}

func (t *top) query() url.Values {
	if t.tenant == "" {
		return url.Values{}
	}
	return url.Values{"tenant": {t.tenant}}
}

// culprits returns the labels that make the most series of the first metrics, as
// far as they can be had.
func (t *top) culprits(ctx context.Context, metrics []api.MetricRow) []string {
	known := map[string]culprit{}
	var texts []string
	for _, m := range metrics[:min(culpritRows, len(metrics))] {
		c, ok := t.known[m.Metric]
		if !ok || time.Since(c.at) >= culpritFor {
			q := t.query()
			q.Set("metric", m.Metric)
			var d api.MetricDetail
			if err := t.do(ctx, http.MethodGet, "/profile/metric", q, nil, &d); err == nil {
				c = culprit{culpritOf(d), time.Now()}
			}
		}
		known[m.Metric] = c
		texts = append(texts, c.text)
	}
	t.known = known
	return texts
}

// culpritOf names the label without which the most series would go, and how many
// in per cent, or is "" where no label makes any.
func culpritOf(d api.MetricDetail) string {
	if len(d.Labels) == 0 || d.Labels[0].Reduction < 0.001 {
		return ""
	}
	l := d.Labels[0]
	return fmt.Sprintf("%s -%.1f%%", legible(l.Label), math.Floor(l.Reduction*1000)/10) // 99.99 % is not all
}
