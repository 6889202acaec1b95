package gateway

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/limiter"
)

// everyPriority gives the series of everyAction their priorities. What it does not
// name has the default one.
const everyPriority = `
- {name: critical, match: e, action: prioritize, priority: critical}
- {name: high, match: d, action: prioritize, priority: high}
- {name: low, match: [c, '{__name__=~"f_.*"}'], action: prioritize, priority: low}
`

// thinsOverLimit thins what everyAction leaves alone, over the limit.
const thinsOverLimit = `
- {name: thin-over, match: ['{__name__=~"f.*"}'], action: downsample, interval: 60s, when: over_limit}
`

func threePools() []limiter.PoolConfig {
	return []limiter.PoolConfig{
		{Name: "search", Share: 0.3, Teams: []string{"search"}},
		{Name: "batch", Share: 0.2, Teams: []string{"batch"}},
		{Name: "ending", Share: 0.1, Match: limiter.Selectors{`{x="1"}`}, ActiveSeries: 4},
	}
}

// drawLimit draws a limit that what drawRequest makes can be over.
func drawLimit(t *rapid.T) limiter.Limit {
	l := limiter.Limit{
		SamplesPerSecond: rapid.SampledFrom([]int64{0, 1, 10}).Draw(t, "samples_per_second"),
		ActiveSeries:     rapid.SampledFrom([]int64{0, 3, 6, 1000}).Draw(t, "active_series"),
		Burst:            limiter.Duration(rapid.SampledFrom([]time.Duration{time.Second, time.Minute}).Draw(t, "burst")),
		Mode:             rapid.SampledFrom([]string{limiter.Enforce, limiter.Enforce, limiter.Shadow}).Draw(t, "mode"),
	}
	if l.Limits() && rapid.Bool().Draw(t, "pools") {
		l.Pools = threePools()
	}
	return l
}

// drawChange draws what happens to the limit before a request: nothing, demand that
// puts the tenant over it, or time that goes by.
func (f *fixture) drawChange(t *rapid.T) {
	switch rapid.SampledFrom([]string{"nothing", "nothing", "demand", "time"}).Draw(t, "before") {
	case "demand":
		f.demand(0, series.Priority(rapid.IntRange(int(series.Low), int(series.Critical)).Draw(t, "priority")), rapid.Uint32Range(1, 2000).Draw(t, "demand"))
	case "time":
		f.pass(rapid.IntRange(1, 150).Draw(t, "seconds"))
	}
}

// drawFamilies draws requests that hold a number of histograms between them, in any
// order, and the family of each series.
func drawFamilies(t *rapid.T) (requests [2][]entry, familyOf map[string]string) {
	familyOf = map[string]string{}
	for n := range rapid.IntRange(5, 40).Draw(t, "families") {
		labels := fmt.Sprintf(`i="%d",p="%s",team="%s"`, n,
			rapid.SampledFrom([]string{"high", "default", "low"}).Draw(t, "priority"),
			rapid.SampledFrom([]string{"search", "none"}).Draw(t, "team"))
		for _, of := range []string{
			`x_bucket{le="0.1",%s}`, `x_bucket{le="1",%s}`, `x_bucket{le="+Inf",%s}`, `x_sum{%s}`, `x_count{%s}`,
		} {
			e := at(fmt.Sprintf(of, labels), 1, 1000)
			e.labels = e.labelList().String()
			r := &requests[rapid.IntRange(0, 1).Draw(t, "request")]
			*r = append(*r, e)
			familyOf[e.labels] = labels
		}
	}
	for i := range requests {
		requests[i] = rapid.Permutation(requests[i]).Draw(t, "order")
	}
	return requests, familyOf
}

// Within a plan a family is in or out as a whole: all buckets of a histogram, its
// sum and its count, in whatever requests they come, by whatever limit.
func TestFamiliesAreWhole(t *testing.T) {
	const priorities = `
- {name: thin, match: '{p="high"}', action: downsample, interval: 60s, when: over_limit}
- {name: high, match: '{p="high"}', action: prioritize, priority: high}
- {name: low, match: '{p="low"}', action: prioritize, priority: low}
`
	cut, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t, priorities)
		l := limiter.Limit{
			SamplesPerSecond: rapid.Int64Range(0, 20).Draw(rt, "samples_per_second"),
			ActiveSeries:     rapid.SampledFrom([]int64{0, 30, 100}).Draw(rt, "active_series"),
		}
		if l.Limits() && rapid.Bool().Draw(rt, "pools") {
			l.Pools = []limiter.PoolConfig{{Name: "search", Share: 0.5, Teams: []string{"search"}}}
		}
		f.limit(t, l)
		f.demand(0, series.Default, 2000)
		requests, familyOf := drawFamilies(rt)
		plan := f.plan()
		passed, of := map[string]int{}, map[string]int{}
		for _, entries := range requests {
			if len(entries) == 0 {
				continue
			}
			before := f.store.count()
			f.send(t, 204, entries...)
			if f.store.count() == before {
				continue
			}
			var req prompb.WriteRequest
			if err := req.Unmarshal(f.store.last()); err != nil {
				rt.Fatal(err)
			}
			for _, ts := range req.Timeseries {
				var ls series.Labels
				for _, l := range ts.Labels {
					ls = append(ls, series.Label{Name: l.Name, Value: l.Value})
				}
				passed[familyOf[ls.String()]]++
			}
		}
		for _, family := range familyOf {
			of[family]++
		}
		if f.plan() != plan {
			rt.Fatal("the plan has changed")
		}
		for family, n := range of {
			if got := passed[family]; got != 0 && got != n {
				rt.Fatalf("%d of %d series of the family {%s} passed", got, n, family)
			}
			if passed[family] == 0 {
				cut++
			}
		}
		refused += len(f.limits.Find("default").Status(f.now()).Refused)
	})
	if cut == 0 || refused == 0 {
		t.Errorf("%d families were cut, series refused in %d runs: the test shows nothing", cut, refused)
	}
}

// A series is counted once in a part of the window, however often its verdict
// changes, and however it is sent.
func TestActiveSeriesAreCountedOnce(t *testing.T) {
	f := newFixture(t, "")
	limit := limiter.Limit{ActiveSeries: 1000}
	entries := []entry{at("a", 1, 1000), at(`b{x="1"}`, 1, 1000), at(`!b{x="2",y="2"}`, 1, 1000), at("a", 1, 2000), {labels: "a", exemplars: 1}, {labels: "c", exemplars: 1}, at("c", 1, 1000)}
	active := func() int64 { return f.limits.Find("default").Status(f.now()).ActiveSeries }
	f.send(t, 204, entries...)
	f.limit(t, limit) // of series that are known already
	f.store.answer = func(int, []byte) *http.Response { return status(503, "") }
	f.send(t, 503, entries...)
	if n := active(); n != 0 {
		t.Errorf("%d series are active of which nothing was stored", n)
	}
	f.store.answer = nil
	for i := range 5 {
		f.load(t, fmt.Sprintf("- {name: thin, match: [a, b, c], action: downsample, interval: %ds}\n", i+5))
		limit.Pools = []limiter.PoolConfig{{Name: "b", Share: 0.1 + float64(i)/10, Match: limiter.Selectors{"b"}}}
		f.limit(t, limit)
		f.send(t, 204, entries...)
		if n := active(); n != 4 {
			t.Fatalf("%d series active after %d changes of policy, want 4", n, i)
		}
	}
}

// While series thinned by a rule are shed, a shadow rule that thins does not count
// with the memory that the limit needs, and the limit's demand is right.
func TestShedThinnedSeriesKeepTheirDemand(t *testing.T) {
	f := newFixture(t, `
- {name: shadow, match: a, action: downsample, interval: 30s, mode: shadow}
- {name: thin, match: a, action: downsample, interval: 60s}
- {name: low, match: a, action: prioritize, priority: low}
`)
	f.limit(t, limiter.Limit{SamplesPerSecond: 10})
	f.demand(0, series.Low, 6000)
	f.demand(0, series.Critical, 6000)
	for i := range int64(8) {
		f.send(t, 204, at("a", 1, i*15_000))
	}
	now := f.now().Add(time.Second)
	shed := uint32(0)
	for _, s := range f.limits.For("default", now).History(now, 60) {
		shed += s.Shed[3]
	}
	if shed != 2 {
		t.Errorf("%d samples count as shed besides what the rule removes, want 2 in two minutes", shed)
	}
	if got, want := f.counts(t), (Counts{Shed: 8}); got != want {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}

func TestExplainSaysWhyASeriesIsShed(t *testing.T) {
	f := newFixture(t, "- {name: low, match: l, action: prioritize, priority: low}\n")
	f.limit(t, limiter.Limit{SamplesPerSecond: 10, ActiveSeries: 1})
	f.send(t, 204, at("m", 1, 1000))
	f.demand(0, series.Default, 600)
	f.send(t, 204, at("l", 1, 1000))
	x := f.Explain("default", entry{labels: "l"}.labelList())
	var said []string
	for _, s := range x.Steps {
		if s.Step == "limit" && s.Matched {
			said = append(said, s.Name+": "+s.Detail)
		}
	}
	if !x.Shed || x.Outcome != Shed || x.Pool != "default" || len(said) != 2 || !strings.Contains(said[0], "over its limit of 10 samples/s") || !strings.Contains(said[1], "1 series are active") {
		t.Errorf("explained as %+v, limits %q", x, said)
	}
	if x = f.Explain("default", entry{labels: "m"}.labelList()); x.Outcome != Forwarded || x.Shed {
		t.Errorf("a series that is known: %+v", x)
	}
	f.SetBypass(&Bypass{Until: time.Now().Add(time.Hour)})
	if x = f.Explain("default", entry{labels: "l"}.labelList()); x.Shed || x.Outcome == Shed {
		t.Errorf("during a bypass: %+v", x)
	}
}

// Senders at once while limits change, cuts move and the upstream fails: for the
// race detector, and every sample has its outcome.
func TestConcurrentSendersUnderLimits(t *testing.T) {
	f := newFixture(t, everyAction+everyPriority+thinsOverLimit)
	var many []entry
	for i := range 40 {
		many = append(many, at(fmt.Sprintf(`a{i="%d"}`, i), 1, 0))
	}
	f.limit(t, limiter.Limit{ActiveSeries: 10})
	f.send(t, 204, many...)

	var mu sync.Mutex
	n := 0
	f.store.answer = func(int, []byte) *http.Response {
		mu.Lock()
		defer mu.Unlock()
		if n++; n%7 == 0 {
			return status(503, "")
		}
		return nil
	}
	var wg sync.WaitGroup
	const senders, requests = 8, 60
	for s := range senders {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(s), 1))
			for i := range requests {
				var es []entry
				for j := range 20 {
					es = append(es, at(fmt.Sprintf(`%c{i="%d"}`, 'a'+rng.IntN(6), j), 1, int64(i)*15_000))
				}
				f.post(1, bodyV1(es...), "X-Scope-OrgID", fmt.Sprintf("t%d", s%3))
			}
		})
	}
	wg.Go(func() {
		now := time.Now()
		for i := range 60 {
			l := limiter.Limit{SamplesPerSecond: int64(1 + i%3*50), ActiveSeries: int64(i % 2 * 40), Burst: limiter.Duration(time.Second)}
			if i%5 == 4 {
				l = limiter.Limit{}
			} else if i%3 == 0 {
				l.Pools = threePools()
			}
			now = now.Add(time.Second)
			if err := f.limits.Reload(limiter.Config{Default: l}, now); err != nil {
				t.Error(err)
			}
			f.limits.Tick(now)
			f.Explain("t1", entry{labels: "c"}.labelList())
			runtime.Gosched()
		}
	})
	wg.Wait()
	got := f.counts(t)
	if want := uint64(senders*requests*20 + len(many)); got.Received() != want {
		t.Errorf("outcomes add up to %d samples of %d", got.Received(), want)
	}
	if got[Shed] == 0 {
		t.Error("nothing was shed")
	}
	if n := f.inflight.bytes(); n != 0 {
		t.Errorf("%d bytes are still charged", n)
	}
}

// What a limit in shadow mode would shed is part of what was sent: rules have thinned
// it already, and the rest passed.
func TestAShadowShedsNoMoreThanWasSent(t *testing.T) {
	f := newFixture(t, `- {name: thin, match: f, action: downsample, interval: 30s}`)
	f.send(t, http.StatusNoContent, at("f", 0, 500)) // within the limit: there is none
	f.limit(t, limiter.Limit{SamplesPerSecond: 1, Burst: limiter.Duration(time.Second), Mode: limiter.Shadow})
	f.demand(0, series.Default, 1_000_000)
	f.pass(1)
	for i := range 12 {
		f.send(t, http.StatusNoContent, at("f", float64(i), int64(1000+i*5000)))
	}
	passed, now := uint64(0), f.now().Add(time.Second) // the second under way included
	for _, s := range f.limits.For("default", now).History(now, 2) {
		passed += uint64(s.Granted[series.Critical-series.Default])
	}
	if passed != 0 {
		t.Errorf("%d samples would pass, want none", passed)
	}
	if got, want := f.shedText(), "default 1\n"; got != want {
		t.Errorf("what would be shed is %q, want %q", got, want)
	}
	if got, want := f.flowText(t), "forwarded 2\ndownsampled 11\n"; got != want {
		t.Errorf("the flow is %q, want %q", got, want)
	}
}
