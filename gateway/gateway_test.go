package gateway

import (
	"bytes"
	"context"
	"fmt"
	"github.com/golang/snappy"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler"
)

// Both protocols name a series alike: thinning by one is known to the other.
func TestVersionsShareTheirSeries(t *testing.T) {
	f := newFixture(t, "- {name: thin, match: c, action: downsample, interval: 60s}\n")
	f.post(remotewrite.V1, bodyV1(at(`c{x="1"}`, 1, 0)))
	if rec := f.post(remotewrite.V2, bodyV2(at(`c{x="1"}`, 2, 15_000))); rec.Code != 204 || f.store.count() != 1 {
		t.Errorf("answer %d, %d requests forwarded; want the 2.0 sample thinned away", rec.Code, f.store.count())
	}
	if n := f.states.find("default").table.size; n != 1 {
		t.Errorf("%d series known, want 1", n)
	}
}

// A new policy judges every series again, whatever it was before, and records of
// skipped generations too.
func TestPolicyChanges(t *testing.T) {
	f := newFixture(t, "")
	drop := func(names ...string) string {
		return fmt.Sprintf("- {name: d, match: [%s], action: drop}\n", strings.Join(names, ", "))
	}
	ms := int64(0)
	for i, step := range []struct{ rules, passes string }{
		{"", "a b c"}, {drop("a"), "b c"}, {drop("b"), "a c"}, {"", "a b c"},
		{drop("a", "b", "c"), ""}, {drop("c"), "a b"}, {"", "a b c"},
	} {
		f.load(t, step.rules)
		for range 2 { // the second time without markers
			ms += 15_000
			before := f.counts(t)
			f.send(t, 204, at("a", 1, ms), at("b", 1, ms), at("c", 1, ms))
			after := f.counts(t)
			want := uint64(len(strings.Fields(step.passes)))
			if got := after[Forwarded] - before[Forwarded]; got != want {
				t.Errorf("step %d: %d series passed, want %s", i, got, step.passes)
			}
		}
	}
	// A record whose generation is older than all that is remembered.
	for i := range 3 * maxHistory {
		f.load(t, drop(fmt.Sprintf("x%d", i)))
		f.send(t, 204, at("a", 1, ms+int64(i)))
	}
	f.load(t, drop("b"))
	before := f.counts(t)
	f.send(t, 204, at("b", 1, ms+15_000))
	if got := f.counts(t); got[Dropped] != before[Dropped]+1 {
		t.Errorf("a record of an old generation kept its verdict: %v, before %v", got, before)
	}
}

func TestGenerationsBeginAgain(t *testing.T) {
	f := newFixture(t, "")
	f.send(t, 204, at("a", 1, 1000))
	s := f.states.find("default")
	s.gen = 1<<16 - 1
	s.table.at(s.table.find(s.hasher.key(remotewrite.AppendIdentity(nil, at("a", 1).labelList())))).gen = 1
	f.load(t, "- {name: d, match: a, action: drop}\n")
	f.send(t, 204, at("a", 1, 2000))
	if got := f.counts(t); got[Dropped] != 1 {
		t.Errorf("a record of the same number from before kept its verdict: %v", got)
	}
}

// Owners that change are asked with the next request, and a reload of settings does
// not bring back those from before.
func TestOwnersChangeAtOnce(t *testing.T) {
	f := newFixture(t, "- {name: d, match: a, action: drop, team: shop}\n")
	f.send(t, 204, at(`a{job="x"}`, 1, 1000))
	owners, err := attribution.New(attribution.Config{Owners: []attribution.OwnerConfig{{Match: `{job="x"}`, Team: "shop"}}})
	if err != nil {
		t.Fatal(err)
	}
	f.owners.Store(owners)
	if err := f.Reload(f.settings.Load().Settings); err != nil {
		t.Fatal(err)
	}
	f.send(t, 204, at(`a{job="x"}`, 1, 2000))
	if got := f.counts(t); got[Forwarded] != 1 || got[Dropped] != 1 {
		t.Errorf("outcomes are %v, want one sample forwarded for nobody and one dropped for shop", got)
	}
}

// Senders of several tenants at once, policies changing, the upstream failing:
// for the race detector, and every sample has its outcome.
func TestConcurrentSenders(t *testing.T) {
	f := newFixture(t, everyAction)
	var flip sync.Mutex
	n := 0
	f.store.answer = func(int, []byte) *http.Response {
		flip.Lock()
		defer flip.Unlock()
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
					es = append(es, at(fmt.Sprintf(`%c{i="%d"}`, 'a'+rng.IntN(5), j), 1, int64(i)*15_000))
				}
				f.post(remotewrite.V1, bodyV1(es...), "X-Scope-OrgID", fmt.Sprintf("t%d", s%3))
			}
		})
	}
	wg.Go(func() {
		for i := range 40 {
			f.load(t, everyAction+fmt.Sprintf("- {name: r%d, match: a, action: drop}\n", i))
			f.owners.Store(new(attribution.Owners))
			if _, err := f.Flow("", ByMetric); err != nil {
				t.Error(err)
			}
			runtime.Gosched()
		}
	})
	wg.Wait()
	if got := f.counts(t).Received(); got != senders*requests*20 {
		t.Errorf("outcomes add up to %d samples of %d", got, senders*requests*20)
	}
	if n := f.inflight.bytes(); n != 0 {
		t.Errorf("%d bytes are still charged", n)
	}
}

// More tenants than are kept: the silent ones are forgotten, their counts are not.
func TestManyTenants(t *testing.T) {
	f := newFixture(t, "")
	body := bodyV1(at("a", 1, 1000))
	for i := range maxTenants + 50 {
		f.post(remotewrite.V1, body, "X-Scope-OrgID", fmt.Sprintf("t%d", i))
	}
	if n := len(f.states.all()); n != maxTenants {
		t.Errorf("%d tenants kept, want %d", n, maxTenants)
	}
	if got := f.counts(t); got[Forwarded] != maxTenants+50 {
		t.Errorf("forwarded %d, want %d", got[Forwarded], maxTenants+50)
	}
	if n, err := testutil.GatherAndCount(f.reg, "headgate_tenant_samples_total"); err != nil || n > (maxTenantMetrics+1)*int(outcomes) {
		t.Errorf("%d series of tenant metrics, %v", n, err)
	}
}

func TestOwnMetrics(t *testing.T) {
	f := newFixture(t, "- {name: d, match: b, action: drop}\n- {name: s, match: a, action: drop, mode: shadow}\n")
	f.send(t, 204, at("a", 1, 1000), at("b", 1, 1000))
	want := `
# HELP headgate_rule_samples_total Samples that a rule removed (mode enforce), or would have removed (mode shadow).
# TYPE headgate_rule_samples_total counter
headgate_rule_samples_total{mode="enforce",rule="d",tenant="default"} 1
headgate_rule_samples_total{mode="shadow",rule="s",tenant="default"} 1
# HELP headgate_samples_total Samples received, by what became of them.
# TYPE headgate_samples_total counter
headgate_samples_total{outcome="downsampled"} 0
headgate_samples_total{outcome="dropped"} 1
headgate_samples_total{outcome="failed"} 0
headgate_samples_total{outcome="forwarded"} 1
headgate_samples_total{outcome="rejected"} 0
headgate_samples_total{outcome="shed"} 0
# HELP headgate_active_series Series of a tenant that were received within the last hour and have a record in the series table.
# TYPE headgate_active_series gauge
headgate_active_series{tenant="default"} 2
`
	if err := testutil.GatherAndCompare(f.reg, strings.NewReader(want), "headgate_rule_samples_total", "headgate_samples_total", "headgate_active_series"); err != nil {
		t.Error(err)
	}
}

// A known series costs no allocation, nor does one that is dropped or thinned.
func TestKnownSeriesDoNotAllocate(t *testing.T) {
	for name, limit := range map[string]limiter.Limit{
		"no limit":     {},
		"within":       {SamplesPerSecond: 1e9, HardSamplesPerSecond: 1e9, ActiveSeries: 1e6, Pools: threePools()},
		"over":         {SamplesPerSecond: 10},
		"pools over":   {SamplesPerSecond: 10, Pools: threePools()},
		"in a shadow":  {SamplesPerSecond: 10, Mode: limiter.Shadow},
		"series over":  {ActiveSeries: 50},
		"all together": {SamplesPerSecond: 10, ActiveSeries: 50, HardSamplesPerSecond: 1e9, Pools: threePools()},
	} {
		t.Run(name, func(t *testing.T) { checkAllocations(t, limit) })
	}
}

func checkAllocations(t *testing.T, limit limiter.Limit) {
	f := newFixture(t, everyAction+everyPriority+thinsOverLimit)
	f.limit(t, limit)
	var es []entry
	for i := range 200 {
		es = append(es, at(fmt.Sprintf(`%c{i="%d",team="%s"}`, 'a'+i%6, i, []string{"search", "batch", "none"}[i%3]), 1, 1000))
	}
	body := bodyV1(es...)
	f.demand(0, series.Default, 1200)
	f.post(remotewrite.V1, body)
	s := f.states.find("default")
	w, mine := new(work), &scratch{body: body}
	set := f.settings.Load()
	run := func() {
		w.charge.release()
		w.reset()
		mine.reset()
		w.scratch, w.charge = mine, charge{in: &f.inflight}
		w.start(f.states.began)
		w.limit = f.limits.For("default", w.begun)
		w.plan = w.limit.Plan(w.begun)
		if err := w.req.Parse(remotewrite.V1, body, set.Config.limits()); err != nil {
			t.Fatal(err)
		}
		s.identify(w, &f.engines)
		if len(w.asking) > 0 {
			w.admitSeries()
		}
		s.decide(w)
		if _, refused := w.takeHard(); refused {
			t.Fatal("past the hard limit")
		}
		if no := w.filter(); no != nil {
			t.Fatal(no)
		}
		s.account(w, word{})
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations for 200 known series, want 0", n)
	}
}

// Draining refuses newcomers, so that they come back to the next process, and
// waits for those under way.
func TestDrain(t *testing.T) {
	f := newFixture(t, "")
	arrived, release := make(chan bool), make(chan bool)
	f.store.answer = func(int, []byte) *http.Response {
		arrived <- true
		<-release
		return nil
	}
	answered := make(chan int)
	go func() { answered <- f.post(remotewrite.V1, bodyV1(at("a", 1, 1000))).Code }()
	<-arrived
	drained := make(chan error)
	go func() { drained <- f.Drain(t.Context()) }()
	for !f.draining.Load() {
		runtime.Gosched()
	}
	if rec := f.post(remotewrite.V1, bodyV1(at("b", 1, 1000))); rec.Code != 503 || rec.Header().Get("Retry-After") == "" {
		t.Errorf("a newcomer got %d, want 503 with Retry-After", rec.Code)
	}
	select {
	case err := <-drained:
		t.Fatalf("drained (%v) with a request under way", err)
	default:
	}
	close(release)
	if code := <-answered; code != 204 {
		t.Errorf("the request under way got %d", code)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

// A sender that hangs up does not cancel the attempt: the upstream's word decides.
func TestHangingUpChangesNothing(t *testing.T) {
	f := newFixture(t, "")
	ctx, hangUp := context.WithCancel(t.Context())
	f.store.answer = func(int, []byte) *http.Response {
		hangUp()
		return nil
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/v1/write", bytes.NewReader(snappy.Encode(nil, bodyV1(at("a", 1, 1000)))))
	f.ServeHTTP(httptest.NewRecorder(), r)
	if got, want := f.counts(t), (Counts{Forwarded: 1}); got != want {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	f := newFixture(t, "")
	f.store.answer = func(int, []byte) *http.Response { panic("upstream") }
	if rec := f.post(remotewrite.V1, bodyV1(at("a", 1, 1000))); rec.Code != 503 {
		t.Errorf("answer %d, want 503", rec.Code)
	}
	f.store.answer = nil
	if rec := f.post(remotewrite.V1, bodyV1(at("a", 1, 1000))); rec.Code != 204 {
		t.Errorf("answer %d after a panic, want 204", rec.Code)
	}
	if n := f.inflight.bytes(); n != 0 {
		t.Errorf("%d bytes are still charged", n)
	}
}

func TestExplain(t *testing.T) {
	f := newFixture(t, `
- {name: keep-gold, match: 'b{tier="gold"}', action: keep}
- {name: drop-b, match: b, action: drop}
- {name: first, match: '{team="checkout"}', action: prioritize, priority: critical}
`)
	f.send(t, 204, at(`b{team="checkout"}`, 1, 1000), at(`b{tier="gold"}`, 1, 2000))
	explain := func(s string) Explanation { return f.Explain("default", entry{labels: s}.labelList()) }
	x := explain(`b{team="checkout"}`)
	if x.Rule != "drop-b" || x.Team != "checkout" || x.Priority.String() != "critical" || !x.Seen || x.Outcome != Dropped {
		t.Errorf("a dropped series: %+v", x)
	}
	x = explain(`b{tier="gold"}`)
	if x.Rule != "keep-gold" || x.Outcome != Forwarded || x.At.UnixMilli() != 2000 {
		t.Errorf("a kept series: %+v", x)
	}
	if x = explain("c"); x.Seen || x.Rule != "" {
		t.Errorf("a series that never came: %+v", x)
	}
	if x = explain(`{job="nameless"}`); x.Refused == "" {
		t.Errorf("a series that cannot be stored: %+v", x)
	}
	if n := len(f.store.heads); n != 1 {
		t.Errorf("explaining forwarded %d requests", n-1)
	}
}

// A series counts as active until it was not seen for an hour; then its record may
// be used for another.
func TestWindow(t *testing.T) {
	f := newFixture(t, "")
	f.send(t, 204, at("a", 1, 1000), at("b", 1, 1000))
	s := f.states.find("default")
	began := f.states.clock.At(s.began).Part
	for part := range int64(windowParts - 1) {
		s.table.turn(profiler.Moment{Part: began + part, Turn: 255})
		f.send(t, 204, at("b", 1, (part+2)*1000))
		if n := s.table.active(); n != 2 {
			t.Fatalf("%d series active after %d parts, want 2", n, part)
		}
	}
	s.table.turn(profiler.Moment{Part: began + windowParts + 1, Turn: 255})
	f.send(t, 204, at("b", 1, 60_000))
	if n := s.table.active(); n != 1 {
		t.Errorf("%d series active after the window, want 1", n)
	}
	if s.table.sweepPage() != 1 || s.table.size != 1 {
		t.Errorf("%d records left, want that of b", s.table.size)
	}
}

// Metrics and teams beyond what is kept are counted together; forgetting a tenant
// makes room for another's.
func TestClassesAreBounded(t *testing.T) {
	f := newFixture(t, "- {name: d, match: '{drop=\"yes\"}', action: drop}\n")
	f.states.classes.take(maxClasses - 3)
	var es []entry
	for i := range 50 {
		es = append(es, at(fmt.Sprintf(`m%d{team="t%d",drop="%s"}`, i, i, []string{"yes", "no"}[i%2]), 1, 1000))
	}
	f.send(t, 204, es...)
	s := f.states.find("default")
	if n := len(s.classes.list); n != 3+2 {
		t.Errorf("%d classes, want 3 and one of the overflow for each verdict", n)
	}
	if got, want := f.counts(t), (Counts{Forwarded: 25, Dropped: 25}); got != want {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	f.states.mu.Lock()
	f.states.forget(s)
	f.states.mu.Unlock()
	if n := f.states.classes.left.Load(); n != 3 {
		t.Errorf("room for %d classes after the tenant is forgotten, want 3", n)
	}
}
