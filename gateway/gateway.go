// Package gateway receives remote-write, governs it, and passes it on.
//
// One request takes nine steps, each a line of [Gateway.push]:
//
//	admit → decode → identify → profile → decide → limit → forward → account → answer
//
// The request is understood once, as byte ranges, and forwarded with the bytes it
// came with wherever nothing is removed. It is answered when the upstream
// answered: the sender's write-ahead log is the queue.
package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/rules"
)

// Engines are what the gateway asks about series.
type Engines struct {
	Profiler *profiler.Profiler // nil: nothing is profiled
	Rules    *rules.Engine
	Limiter  *limiter.Limiter
	Owners   func() *attribution.Owners // in force now; nil: nobody owns anything
	Ledger   *attribution.Ledger        // nil: nothing is recorded
}

// An Event is something an operator should know of, besides the log.
type Event struct {
	At     time.Time
	Kind   string // a stable word, such as upstream or bypass
	Tenant tenant.ID
	Team   string // "" where it is no team's
	Who    string // made it happen; "" where nobody did
	Text   string
}

// Settings are what a reload replaces, all at once.
type Settings struct {
	Config Config
	Auth   Authenticator // nil: every sender is trusted
}

// A Gateway is the data plane. Its methods may be called from any goroutine.
type Gateway struct {
	engines Engines
	log     *slog.Logger
	metrics *metrics
	notify  func(Event)

	settings  atomic.Pointer[settings]
	states    states
	inflight  inflight
	works     sync.Pool
	scratches sync.Pool
	bypass    atomic.Pointer[Bypass]
	draining  atomic.Bool
	requests  underway
	posting   sync.Mutex // held while something is posted to the ledger
}

// settings are Settings made ready for use.
type settings struct {
	Settings
	upstreams upstreams
}

// New returns a Gateway. It starts nothing; Run keeps its house.
func New(s Settings, e Engines, notify func(Event), log *slog.Logger, reg prometheus.Registerer) (*Gateway, error) {
	if e.Owners == nil {
		nobody := &attribution.Owners{}
		e.Owners = func() *attribution.Owners { return nobody }
	}
	g := &Gateway{engines: e, log: log, notify: notify}
	g.works.New = func() any { return new(work) }
	g.scratches.New = func() any { return new(scratch) }
	g.metrics = newMetrics(reg)
	clock := profiler.NewClock(time.Duration(profiler.DefaultConfig().Window), time.Now())
	if e.Profiler != nil {
		clock = e.Profiler.Clock()
	}
	g.states.init(s.Config, clock)
	if err := g.Reload(s); err != nil {
		return nil, err
	}
	reg.MustRegister(&collector{g})
	return g, nil
}

// Reload replaces the settings, or leaves them as they were on error. Requests
// under way end with those they began with. The sizes of the series table and of
// its overflow keep the value they had at start.
func (g *Gateway) Reload(s Settings) error {
	if err := s.Config.Validate(); err != nil {
		return err
	}
	old := g.settings.Load()
	var before upstreams
	if old != nil {
		before = old.upstreams
	}
	ups, err := newUpstreams(s.Config, before)
	if err != nil {
		return err
	}
	g.inflight.setLimit(s.Config.MaxInflightBytes)
	g.settings.Store(&settings{Settings: s, upstreams: ups})
	before.closeUnless(ups)
	return nil
}

// Run keeps the gateway's house until ctx is done: it turns the window, forgets
// idle tenants and ends a bypass that has run out.
func (g *Gateway) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	counted := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			g.engines.Limiter.Tick(now)
			g.states.tidy(now)
			g.endBypass(now)
			if span := now.Sub(counted); span >= countEvery {
				g.countMetrics(span)
				counted = now
			}
		}
	}
}

// Drain refuses new requests, so that senders come back to the next process, and
// waits until those under way are answered or ctx is done.
func (g *Gateway) Drain(ctx context.Context) error {
	g.draining.Store(true)
	select {
	case <-g.requests.drain():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for requests under way: %w", ctx.Err())
	}
}

// ServeHTTP answers one remote-write request.
func (g *Gateway) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if g.requests.enter() {
		defer g.requests.leave()
	}
	w := g.works.Get().(*work)
	a, healthy := g.tryPush(w, rw, r)
	a.write(rw)
	g.metrics.requests.WithLabelValues(a.codeText()).Inc()
	if healthy { // after a panic nobody knows who still holds parts of w
		g.forget(w)
	}
	w.charge.release()
	if healthy {
		w.reset()
		g.works.Put(w)
	}
}

// tryPush is push, for which a fault of ours is an answer too: a connection that
// breaks would only make the sender try again at once.
func (g *Gateway) tryPush(w *work, rw http.ResponseWriter, r *http.Request) (a answer, healthy bool) {
	defer func() {
		if p := recover(); p != nil {
			g.metrics.panics.Inc()
			g.log.Error("request panicked", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			a, healthy = unavailable("internal error"), false
		}
	}()
	return g.push(w, rw, r), true
}

// push takes a request through the nine steps.
func (g *Gateway) push(w *work, rw http.ResponseWriter, r *http.Request) answer {
	set := g.settings.Load()
	w.start(time.Now())
	if g.engines.Ledger != nil {
		w.hourMs = hourStart(w.begun)
	}

	// 1. admit: who is it, and is it remote-write at all?
	s, no := g.admit(w, set, r)
	if no != nil {
		return *no
	}
	defer s.leave()
	g.lap(w, stageAdmit)

	// 2. decode: read, decompress, and find where each series lies.
	if no := g.decode(w, set, rw, r); no != nil {
		return *no
	}
	g.lap(w, stageDecode)

	// 3. identify: recognise the series, and understand those that are new.
	w.bypass = g.bypassed(w.begun)
	w.limit = g.engines.Limiter.For(w.tenant, w.begun)
	w.plan = w.limit.Plan(w.begun)
	w.at = g.states.clock.At(w.begun)
	s.identify(w, &g.engines)
	always, overLimit := w.policy.Thinning()
	w.limit.Thinning(w.begun, always, overLimit)
	g.lap(w, stageIdentify)

	// 4. and 5. decide, for series that are new or newly judged: team, rules, priority;
	// then sample by sample where a rule removes something. Profile what was not seen
	// in this part of the window; it comes second because it notes the verdict, too.
	if len(w.fresh) > 0 {
		s.understand(w, set.Config.limits())
		s.learn(w)
	}
	if len(w.asking)+len(w.bare) > 0 {
		w.admitSeries()
	}
	s.decide(w)
	g.lap(w, stageDecide)
	if len(w.sights) > 0 {
		g.profile(w, r)
		g.lap(w, stageProfile)
	}
	if len(w.turned) > 0 {
		w.sightTurned()
	}
	if w.version == remotewrite.V1 && w.req.HasMetadata() {
		g.describe(w)
	}

	// 6. limit: what is shed was decided with the rest; the hard limit refuses a
	// request as a whole.
	word, refused := w.takeHard()
	if w.plan.Hard() {
		g.lap(w, stageLimit)
	}

	// 7. forward what remains, and wait for the upstream's word.
	if !refused {
		if no := w.filter(); no != nil {
			w.limit.Refund(w.begun, w.taken)
			return *no
		}
		g.forget(w)
		word = g.forward(r.Context(), w, set, r)
		g.lap(w, stageForward)
	}

	// 8. account: only now is it certain what happened.
	s.account(w, word)
	g.lap(w, stageAccount)

	// 9. answer.
	return w.answer(word)
}
