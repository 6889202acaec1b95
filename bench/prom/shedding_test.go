package prom

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb"
)

// What TestShedding sends of each priority: single series, and classic histograms
// of seven series each.
var shedSeries = map[string]struct{ counters, histograms int }{
	"critical": {6, 1},
	"high":     {6, 1},
	"default":  {16, 6},
	"low":      {20, 8},
}

var (
	shedRules = strings.Join([]string{
		"  - {name: critical, match: '{priority=\"critical\"}', action: prioritize, priority: critical}",
		"  - {name: high, match: '{priority=\"high\"}', action: prioritize, priority: high}",
		"  - {name: low, match: '{priority=\"low\"}', action: prioritize, priority: low}",
	}, "\n") + "\n"
	shedBounds = []string{"0.1", "0.5", "1", "5", "+Inf"}
)

const (
	shedEvery  = time.Second // between two scrapes, of the clock and of the timestamps
	shedRounds = 50
)

// A shedLoad is a workload that keeps the clock's pace, and remembers when it
// appended each scrape.
type shedLoad struct {
	random   *rand.Rand
	families map[string][]labels.Labels // by name: the series of a family
	buckets  map[string][]float64       // of histograms
	appended []time.Time
	baseMs   int64
}

func newShedLoad(seed uint64) *shedLoad {
	l := &shedLoad{
		random: rand.New(rand.NewPCG(seed, 7)), families: map[string][]labels.Labels{}, buckets: map[string][]float64{},
		baseMs: time.Now().Add(3 * time.Second).UnixMilli(),
	}
	series := func(name, priority string, n int, more ...string) labels.Labels {
		return labels.FromStrings(append([]string{model.MetricNameLabel, name, "priority", priority, "n", fmt.Sprint(n)}, more...)...)
	}
	for priority, size := range shedSeries {
		for n := range size.counters {
			l.families[fmt.Sprintf("%s counter %d", priority, n)] = []labels.Labels{series("shed_total", priority, n)}
		}
		for n := range size.histograms {
			family := fmt.Sprintf("%s histogram %d", priority, n)
			for _, le := range shedBounds {
				l.families[family] = append(l.families[family], series("shed_seconds_bucket", priority, n, "le", le))
			}
			l.families[family] = append(l.families[family], series("shed_seconds_sum", priority, n), series("shed_seconds_count", priority, n))
			l.buckets[family] = make([]float64, len(shedBounds)+2)
		}
	}
	return l
}

// perScrape is how many samples a scrape has.
func (l *shedLoad) perScrape() (n int) {
	for _, f := range l.families {
		n += len(f)
	}
	return n
}

// scrape is the next one.
func (l *shedLoad) scrape() []Sample {
	var out []Sample
	for family, series := range l.families {
		counts := l.buckets[family]
		if counts != nil {
			for i := range shedBounds {
				counts[i] += float64(l.random.IntN(5) * (i + 1))
				if i > 0 {
					counts[i] = max(counts[i], counts[i-1])
				}
			}
			counts[len(shedBounds)] += l.random.Float64()
			counts[len(shedBounds)+1] = counts[len(shedBounds)-1]
		}
		for i, s := range series {
			v := float64(len(l.appended))
			if counts != nil {
				v = counts[i]
			}
			out = append(out, Sample{Series: s, Value: v})
		}
	}
	return out
}

func (l *shedLoad) ms(round int) int64 { return l.baseMs + int64(round)*shedEvery.Milliseconds() }

// run appends scrapes in time, each once the one before it was sent.
func (l *shedLoad) run(ctx context.Context, s *Sender, rounds int) error {
	tick := time.NewTicker(shedEvery)
	defer tick.Stop()
	for range rounds {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		answered := func() bool {
			s.Nudge()
			return s.Settled()
		}
		if err := eventually(ctx, "the scrape before was answered", answered); err != nil {
			return err
		}
		at := time.Now()
		if err := s.Append(ctx, l.ms(len(l.appended)), l.scrape()); err != nil {
			return err
		}
		l.appended = append(l.appended, at)
	}
	return nil
}

// stretches divides the rounds by the transitions of the limit: between two of them
// all scrapes were judged alike. Those that were on their way at a transition are in
// no stretch.
func (l *shedLoad) stretches(transitions []time.Time) (stretches [][]int) {
	var now []int
	next := 0
	for round, at := range l.appended {
		done := time.Now() // by when it was answered
		if round+1 < len(l.appended) {
			done = l.appended[round+1]
		}
		for next < len(transitions) && transitions[next].Before(at) {
			next++
		}
		if next < len(transitions) && !transitions[next].After(done) {
			stretches, now = append(stretches, now), nil
			continue
		}
		now = append(now, round)
	}
	return append(stretches, now)
}

// Three times over its limit, a tenant loses nothing that is critical or high, and
// of the rest whole families, from one transition to the next. It runs before the
// tests that run side by side: a sender that has to wait for the processor sends
// less than the limit allows.
func TestShedding(t *testing.T) {
	for _, v := range versions {
		t.Run(v.name, func(t *testing.T) {
			eachRun(t, func(t *testing.T, seed uint64) { shedding(t, v.version, seed) })
		})
	}
}

func shedding(t *testing.T, version int, seed uint64) {
	c := openChain(t, version, shedRules, NewFaults(seed, 0), NewFaults(seed, 0))
	load := newShedLoad(seed) // its time begins now
	rate := float64(load.perScrape()) / shedEvery.Seconds()
	limitBy(t, c, fmt.Sprintf("{samples_per_second: %d, burst: 1s}", int(rate/3)))

	must(t, load.run(c.ctx, c.sender, shedRounds))
	must(t, c.sender.Wait(c.ctx))
	flow := c.rest(t)
	for _, err := range []error{c.in.Problems(), c.out.Problems(), c.receiver.Problems()} {
		must(t, err)
	}
	got, err := c.receiver.Content(c.ctx)
	must(t, err)

	first := func(s string) bool {
		return strings.Contains(s, `priority="critical"`) || strings.Contains(s, `priority="high"`)
	}
	if d := Compare(c.sender.Log().Filter(first), got.Filter(first)); !d.Zero() {
		t.Errorf("critical and high series: %v", d)
	}
	events := c.limitEvents(t)
	var at []time.Time
	for _, e := range events {
		at = append(at, e.At)
	}
	stretches := load.stretches(at)
	whole, absent := load.checkFamilies(t, stretches, c.sender.Log(), got)
	last := stretches[len(stretches)-1]
	if len(events) == 0 || len(last) < 20 || flow.Shed == 0 || whole["default"] == 0 || absent["default"] == 0 || absent["low"] == 0 {
		t.Errorf("the run shows nothing: %v, %d scrapes at the end, %+v, whole %v, absent %v", events, len(last), flow, whole, absent)
	}
	for _, quantile := range []string{"0.5", "0.99"} {
		query := fmt.Sprintf(`histogram_quantile(%s, rate(shed_seconds_bucket{priority=~"critical|high"}[2s]))`, quantile)
		want, answered := ask(t, c.sender.db, query, load.ms(0), load.ms(shedRounds)), ask(t, c.receiver.db, query, load.ms(0), load.ms(shedRounds))
		if want == "" || want != answered {
			t.Errorf("%s of what was sent:\n%s\nof what was stored:\n%s", query, want, answered)
		}
	}
	t.Logf("run: %d.0 seed=%d rate=%.0f/s limit=%d/s %+v stretches=%d whole at the end %v absent %v\n%s",
		version, seed, rate, int(rate/3), flow, len(stretches), whole, absent, c.summary(got))
	for _, e := range events {
		t.Logf("%s %s", e.At.Format("15:04:05.000"), e.Text)
	}
}

// checkFamilies looks at each family in each stretch: it is whole, or absent but
// for the markers that end it. It counts, by priority, those of the last stretch.
func (l *shedLoad) checkFamilies(t *testing.T, stretches [][]int, sent, stored Content) (whole, absent map[string]int) {
	t.Helper()
	whole, absent = map[string]int{}, map[string]int{}
	for family, series := range l.families {
		priority, _, _ := strings.Cut(family, " ")
		for n, rounds := range stretches {
			if len(rounds) == 0 {
				continue
			}
			there, gone := 0, 0
			for _, s := range series {
				name := s.String()
				for k, round := range rounds {
					want, _ := at(sent[name], l.ms(round))
					p, ok := at(stored[name], l.ms(round))
					switch {
					case ok && p == want:
						there++
					case !ok, p.Stale() && k == 0: // the first that is gone of a series ends it
						gone++
					case p.Stale():
						t.Errorf("%s: a marker at scrape %d, within a stretch that began at %d", name, round, rounds[0])
					default:
						t.Errorf("%s: %v, want %v", name, p, want)
					}
				}
			}
			if there > 0 && gone > 0 {
				t.Errorf("family %s, scrapes %d to %d: %d samples are there and %d are not", family, rounds[0], rounds[len(rounds)-1], there, gone)
			}
			if n == len(stretches)-1 {
				if there > 0 {
					whole[priority]++
				} else {
					absent[priority]++
				}
			}
		}
	}
	return whole, absent
}

// at returns the point of that time.
func at(points []Point, ms int64) (Point, bool) {
	i, ok := slices.BinarySearchFunc(points, ms, func(p Point, ms int64) int { return int(p.Ms - ms) })
	if !ok {
		return Point{}, false
	}
	return points[i], true
}

// limitBy makes limit that of every tenant.
func limitBy(t *testing.T, c *chain, limit string) {
	t.Helper()
	config, err := os.ReadFile(c.headgate.configFile())
	must(t, err)
	config = append(config, "limits:\n  default: "+limit+"\n"...)
	must(t, os.WriteFile(c.headgate.configFile(), config, 0o600))
	must(t, c.headgate.Reload(c.ctx))
}

// A limitEvent is one transition of a limit.
type limitEvent struct {
	At   time.Time
	Text string
}

// limitEvents returns the transitions of limits, oldest first.
func (c *chain) limitEvents(t *testing.T) (events []limitEvent) {
	t.Helper()
	status, body, err := c.headgate.call(c.ctx, http.MethodGet, "/api/v1/events?kind=limit&limit=500")
	must(t, err)
	var page struct{ Events []limitEvent }
	if err := json.Unmarshal(body, &page); status != http.StatusOK || err != nil {
		t.Fatalf("events: status %d, %v: %s", status, err, body)
	}
	slices.Reverse(page.Events)
	return page.Events
}

// ask returns what PromQL makes of db, as text.
func ask(t *testing.T, db *tsdb.DB, query string, fromMs, toMs int64) string {
	t.Helper()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: 10 * time.Second})
	q, err := engine.NewRangeQuery(t.Context(), db, nil, query, time.UnixMilli(fromMs), time.UnixMilli(toMs), time.Second)
	must(t, err)
	defer q.Close()
	r := q.Exec(t.Context())
	must(t, r.Err)
	return r.String()
}
