package gateway

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/rules"
)

// A store is an upstream whose answers a test decides. It keeps what it was sent.
type store struct {
	mu     sync.Mutex
	bodies [][]byte      // decompressed
	heads  []http.Header // of the requests
	answer func(n int, body []byte) *http.Response
}

// RoundTrip implements http.RoundTripper: the process ends here.
func (s *store) RoundTrip(r *http.Request) (*http.Response, error) {
	packed, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	body, err := snappy.Decode(nil, packed)
	if err != nil {
		return nil, fmt.Errorf("upstream got a body that is not snappy: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies = append(s.bodies, body)
	s.heads = append(s.heads, r.Header.Clone())
	var resp *http.Response
	if s.answer != nil {
		resp = s.answer(len(s.bodies)-1, body)
	}
	if resp == nil {
		resp = status(http.StatusNoContent, "")
		if r.Header.Get("X-Prometheus-Remote-Write-Version") == "2.0.0" {
			wroteAll(resp, body)
		}
	}
	if resp.StatusCode == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return resp, nil
}

func (s *store) last() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.bodies) == 0 {
		return nil
	}
	return s.bodies[len(s.bodies)-1]
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bodies)
}

// status is an answer; code 0 stands for a connection that breaks.
func status(code int, text string) *http.Response {
	return &http.Response{
		StatusCode: code, Status: strconv.Itoa(code) + " " + http.StatusText(code),
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)),
	}
}

// wroteAll sets the Written headers of a 2.0 receiver that stored everything.
func wroteAll(resp *http.Response, body []byte) {
	var req writev2.Request
	if err := req.Unmarshal(body); err != nil {
		panic(err)
	}
	var s, h, e int
	for _, ts := range req.Timeseries {
		s, h, e = s+len(ts.Samples), h+len(ts.Histograms), e+len(ts.Exemplars)
	}
	wrote(resp, s, h, e)
}

func wrote(resp *http.Response, samples, histograms, exemplars int) {
	resp.Header.Set(remotewrite.SamplesWrittenHeader, strconv.Itoa(samples))
	resp.Header.Set(remotewrite.HistogramsWrittenHeader, strconv.Itoa(histograms))
	resp.Header.Set(remotewrite.ExemplarsWrittenHeader, strconv.Itoa(exemplars))
}

// A fixture is a gateway before a store.
type fixture struct {
	*Gateway
	store  *store
	engine *rules.Engine
	owners atomic.Pointer[attribution.Owners]
	reg    *prometheus.Registry
	events []Event
	limits *limiter.Limiter

	telling sync.Mutex
	toldOf  []limiter.Event // by limits; telling guards it
	ahead   time.Duration   // of the limiter's clock
}

// now is the limiter's clock. It is ahead of the gateway's where a test has let
// time pass.
func (f *fixture) now() time.Time { return time.Now().Add(f.ahead) }

// pass lets so many seconds pass for the limiter, in which nobody sends.
func (f *fixture) pass(seconds int) {
	for range seconds {
		f.ahead += time.Second
		f.limits.Tick(f.now())
	}
}

// setOver puts the tenant default over its limit, or removes the limit. All its
// series are critical then, so that none is shed.
func (f *fixture) setOver(t testing.TB, over bool) {
	t.Helper()
	if !over {
		f.limit(t, limiter.Limit{})
		return
	}
	f.limit(t, limiter.Limit{SamplesPerSecond: 1, Burst: limiter.Duration(time.Second), DefaultPriority: "critical"})
	f.demand(0, series.Critical, 1_000_000)
	if !f.plan().Over() {
		t.Fatal("the tenant is not over its limit")
	}
}

// limit makes l the limit of every tenant.
func (f *fixture) limit(t testing.TB, l limiter.Limit) {
	t.Helper()
	if err := f.limits.Reload(limiter.Config{Default: l}, f.now()); err != nil {
		t.Fatal(err)
	}
}

// plan is what the tenant default's next request will be judged by.
func (f *fixture) plan() *limiter.Plan { return f.limits.For("default", f.now()).Plan(f.now()) }

// demand lets the tenant default have sent so many samples, all of which passed.
func (f *fixture) demand(pool limiter.Pool, p series.Priority, samples uint32) {
	now := f.now()
	lt := f.limits.For("default", now)
	var u limiter.Usage
	u.Add(pool, p, limiter.Count{Demand: samples, Steady: samples, Granted: samples})
	lt.Settle(now, lt.Plan(now), &u)
}

func newFixture(t testing.TB, ruleText string, configure ...func(*Settings)) *fixture {
	t.Helper()
	f := &fixture{store: &store{}, engine: rules.NewEngine(), reg: prometheus.NewRegistry()}
	f.load(t, ruleText)
	owners, err := attribution.New(attribution.Config{Owners: []attribution.OwnerConfig{{Label: "team"}}})
	if err != nil {
		t.Fatal(err)
	}
	f.owners.Store(owners)
	set := Settings{Config: DefaultConfig()}
	for _, c := range configure {
		c(&set)
	}
	if f.limits, err = limiter.New(limiter.DefaultConfig(), time.Now(), f.tell); err != nil {
		t.Fatal(err)
	}
	f.Gateway, err = New(set, Engines{Rules: f.engine, Limiter: f.limits, Owners: f.owners.Load}, func(e Event) { f.events = append(f.events, e) }, slog.New(slog.DiscardHandler), f.reg)
	if err != nil {
		t.Fatal(err)
	}
	f.plug()
	return f
}

func (f *fixture) tell(e limiter.Event) {
	f.telling.Lock()
	defer f.telling.Unlock()
	f.toldOf = append(f.toldOf, e)
}

// plug puts the store in the place of every upstream.
func (f *fixture) plug() {
	ups := f.settings.Load().upstreams
	ups.main.client.Transport = f.store
	for _, u := range ups.byTenant {
		u.client.Transport = f.store
	}
}

// load replaces the rules by the list in text.
func (f *fixture) load(t testing.TB, text string) {
	t.Helper()
	if text != "" {
		text = "rules:\n" + text
	} else {
		text = "rules: []\n"
	}
	rs, problems := rules.ParseFile("rules.yml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := f.engine.Load(rs); err != nil {
		t.Fatal(err)
	}
}

// post sends a decompressed body.
func (f *fixture) post(v remotewrite.Version, body []byte, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/write", bytes.NewReader(snappy.Encode(nil, body)))
	r.Header.Set("Content-Type", v.ContentType())
	r.Header.Set("Content-Encoding", "snappy")
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Content-Type" || header[i] == "Content-Encoding" {
			r.Header.Del(header[i])
		}
		r.Header.Add(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, r)
	return rec
}

// send posts entries as 1.0 and fails unless the answer is want.
func (f *fixture) send(t testing.TB, want int, entries ...entry) *httptest.ResponseRecorder {
	t.Helper()
	rec := f.post(remotewrite.V1, bodyV1(entries...))
	if rec.Code != want {
		t.Fatalf("answer %d %q, want %d", rec.Code, rec.Body, want)
	}
	return rec
}

// counts returns the flow of all tenants.
func (f *fixture) counts(t testing.TB) Counts {
	t.Helper()
	flow, err := f.Flow("", "")
	if err != nil {
		t.Fatal(err)
	}
	return flow.Counts
}

// An entry is one TimeSeries message in a form that tests can write.
type entry struct {
	labels    string // as ParseLabels reads them; reversed on the wire if it begins with "!"
	points    []point
	hists     []prompb.Histogram
	exemplars int
}

type point struct {
	ms int64
	v  float64
}

var staleNaN = math.Float64frombits(value.StaleNaN)

// at makes a float entry; a value stands for each timestamp.
func at(labels string, v float64, ms ...int64) entry {
	e := entry{labels: labels}
	for _, m := range ms {
		e.points = append(e.points, point{m, v})
	}
	return e
}

func (e entry) labelList() series.Labels {
	text, reversed := strings.CutPrefix(e.labels, "!")
	ls, err := series.ParseLabels(text)
	if err != nil {
		panic(err)
	}
	if reversed {
		slices.Reverse(ls)
	}
	return ls
}

func bodyV1(entries ...entry) []byte {
	var req prompb.WriteRequest
	for _, e := range entries {
		ts := prompb.TimeSeries{Histograms: e.hists}
		for _, l := range e.labelList() {
			ts.Labels = append(ts.Labels, prompb.Label{Name: l.Name, Value: l.Value})
		}
		for _, p := range e.points {
			ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: p.ms, Value: p.v})
		}
		for i := range e.exemplars {
			ts.Exemplars = append(ts.Exemplars, prompb.Exemplar{Labels: []prompb.Label{{Name: "trace_id", Value: strconv.Itoa(i)}}, Value: 1, Timestamp: 1})
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	b, err := req.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

func bodyV2(entries ...entry) []byte {
	var req writev2.Request
	st := writev2.NewSymbolTable()
	for _, e := range entries {
		ts := writev2.TimeSeries{}
		for _, l := range e.labelList() {
			ts.LabelsRefs = append(ts.LabelsRefs, st.Symbolize(l.Name), st.Symbolize(l.Value))
		}
		for _, p := range e.points {
			ts.Samples = append(ts.Samples, writev2.Sample{Timestamp: p.ms, Value: p.v})
		}
		for _, h := range e.hists {
			ts.Histograms = append(ts.Histograms, writev2.FromIntHistogram(0, h.Timestamp, h.ToIntHistogram()))
		}
		for i := range e.exemplars {
			ts.Exemplars = append(ts.Exemplars, writev2.Exemplar{LabelsRefs: []uint32{st.Symbolize("trace_id"), st.Symbolize(strconv.Itoa(i))}, Value: 1, Timestamp: 1})
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	req.Symbols = st.Symbols()
	b, err := req.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

// shown writes the series of a 1.0 body in a readable form, a line each.
func shown(t testing.TB, body []byte) string {
	t.Helper()
	var req prompb.WriteRequest
	if err := req.Unmarshal(body); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, ts := range req.Timeseries {
		var ls series.Labels
		for _, l := range ts.Labels {
			ls = append(ls, series.Label{Name: l.Name, Value: l.Value})
		}
		b.WriteString(ls.String())
		for _, s := range ts.Samples {
			if value.IsStaleNaN(s.Value) {
				fmt.Fprintf(&b, " stale@%d", s.Timestamp)
			} else {
				fmt.Fprintf(&b, " %v@%d", s.Value, s.Timestamp)
			}
		}
		for _, h := range ts.Histograms {
			if value.IsStaleNaN(h.Sum) {
				fmt.Fprintf(&b, " stale-histogram@%d", h.Timestamp)
			} else {
				fmt.Fprintf(&b, " histogram(%s)@%d", h.ResetHint, h.Timestamp)
			}
		}
		if n := len(ts.Exemplars); n > 0 {
			fmt.Fprintf(&b, " %d exemplars", n)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
