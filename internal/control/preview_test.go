package control

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/prompb"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/rules"
)

// A seer is a Control of a gateway that profiles what it gets, with owners by the
// label team and a price.
type seer struct {
	*Control
	gateway *gateway.Gateway
	engine  *rules.Engine
	at      int64 // ms of the latest samples
}

const somePrice = "EUR"

// seeing returns a seer whose profiler may take so much memory; 0: the default.
func seeing(t testing.TB, memory int64, ruleText string) *seer {
	t.Helper()
	store := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(store.Close)
	cfg := profiler.DefaultConfig()
	cfg.File = ""
	if memory > 0 {
		cfg.MemoryLimitBytes = memory
	}
	log := slog.New(slog.DiscardHandler)
	p, err := profiler.New(cfg, time.Now(), func(profiler.Explosion) {}, log)
	if err != nil {
		t.Fatal(err)
	}
	limits, err := limiter.New(limiter.DefaultConfig(), time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	policies, err := NewPolicies(PolicyFile{Config: attribution.Config{
		Owners: []attribution.OwnerConfig{{Label: "team"}},
		Prices: attribution.Prices{{Currency: somePrice, PerMillionSamples: 1e11, PerThousandSeriesMonth: 2e12}}, // 0.1 and 2
	}}, func() PolicyStore { return nil }, log)
	if err != nil {
		t.Fatal(err)
	}
	s := &seer{engine: rules.NewEngine(), at: 1_700_000_000_000 / 240_000 * 240_000}
	s.load(t, ruleText)
	settings := gateway.Settings{Config: gateway.DefaultConfig()}
	settings.Config.Upstream.URL = store.URL
	s.gateway, err = gateway.New(settings, gateway.Engines{Rules: s.engine, Limiter: limits, Profiler: p, Owners: policies.Owners}, NewEvents(log).Tell, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	s.Control = New(Parts{
		Gateway: s.gateway, Rules: s.engine, Profiler: p, Policies: policies, Events: NewEvents(log),
		Limits: NewLimits(LimitParts{Limiter: limits, Config: limiter.DefaultConfig(), File: "headgate.yml", Window: p.Clock().Window(), Store: noStore, Log: log}),
	})
	return s
}

// load puts the rules of a file in force.
func (s *seer) load(t testing.TB, text string) {
	t.Helper()
	rs, problems := rules.ParseFile("rules.yml", []byte("rules:\n"+text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := s.engine.Load(rs); err != nil {
		t.Fatal(err)
	}
}

// A sent is a series that a test sends, with the seconds between its samples.
type sent struct {
	labels []prompb.Label
	text   string
	every  int64
}

func sending(t testing.TB, every int64, texts ...string) []sent {
	t.Helper()
	var list []sent
	for _, text := range texts {
		ls, err := series.ParseLabels(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, newSent(ls, every))
	}
	return list
}

func newSent(ls series.Labels, every int64) sent {
	x := sent{every: every, text: ls.String()}
	for _, l := range ls {
		x.labels = append(x.labels, prompb.Label{Name: l.Name, Value: l.Value})
	}
	return x
}

// write sends the samples that are due within so many seconds from now on.
func (s *seer) write(t testing.TB, id tenant.ID, list []sent, seconds int64) {
	t.Helper()
	const step, most = 5, 5000
	for at := int64(0); at < seconds; at += step {
		req := &prompb.WriteRequest{}
		flush := func() {
			if len(req.Timeseries) == 0 {
				return
			}
			b, err := req.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodPost, "/api/v1/write", bytes.NewReader(snappy.Encode(nil, b)))
			r.Header.Set("X-Scope-OrgID", string(id))
			rec := httptest.NewRecorder()
			s.gateway.ServeHTTP(rec, r)
			if rec.Code != http.StatusNoContent {
				t.Fatalf("write: %d %s", rec.Code, rec.Body)
			}
			req.Timeseries = req.Timeseries[:0]
		}
		for i := range list {
			if (s.at/1000+at)%list[i].every != 0 {
				continue
			}
			req.Timeseries = append(req.Timeseries, prompb.TimeSeries{Labels: list[i].labels, Samples: []prompb.Sample{{Timestamp: s.at + at*1000}}})
			if len(req.Timeseries) == most {
				flush()
			}
		}
		flush()
	}
	s.at += seconds * 1000
}

// learn sends series until their intervals are known: a rule of no consequence makes
// the gateway look at them again.
func (s *seer) learn(t testing.TB, id tenant.ID, list []sent, ruleText string) {
	t.Helper()
	s.load(t, ruleText)
	s.write(t, id, list, 240)
	s.load(t, ruleText+"\n  - {name: look-again, match: '{__name__=~\".+\"}', action: prioritize, priority: high}\n")
	s.write(t, id, list, 240)
	s.load(t, ruleText)
	s.write(t, id, list, 240)
}

func (s *seer) mustPreview(t testing.TB, spec rules.Spec) Preview {
	t.Helper()
	p, err := s.Preview(t.Context(), spec, 0)
	if err != nil {
		t.Fatalf("preview of %+v: %v", spec, err)
	}
	return p
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

// shopSeries are twenty series of calls, half of each team, ten of debug of one
// team, and a histogram of two pods.
func shopSeries() (every15, every60 []string) {
	for i := range 20 {
		every15 = append(every15, fmt.Sprintf(`calls{team=%q,pod="p-%d"}`, []string{"shop", "pay"}[i%2], i))
	}
	for i := range 10 {
		every60 = append(every60, fmt.Sprintf(`debug{team="shop",pod="p-%d"}`, i))
	}
	for _, pod := range []string{"a", "b"} {
		for _, le := range []string{"0.1", "0.5", "1", "+Inf"} {
			every60 = append(every60, fmt.Sprintf(`wait_seconds_bucket{pod=%q,le=%q}`, pod, le))
		}
		every60 = append(every60, fmt.Sprintf(`wait_seconds_sum{pod=%q}`, pod), fmt.Sprintf(`wait_seconds_count{pod=%q}`, pod))
	}
	return every15, every60
}

// A rule with a canary and one behind it: what the canary spares is not in conflict
// with anything, as the rule would not act on it.
func TestACanaryIsInConflictOnlyOverItsShare(t *testing.T) {
	const behind = "  - {name: drop-calls, match: calls, action: drop}\n"
	s := seeing(t, 0, behind)
	var texts []string
	for i := range 200 {
		texts = append(texts, fmt.Sprintf(`calls{team="shop",pod="p-%d"}`, i))
	}
	s.learn(t, "a", sending(t, 15, texts...), behind)
	thin := rules.Spec{Name: "thin", Match: rules.Selectors{"calls"}, Action: "downsample", Interval: "60s", Canary: 30}
	of := func(position int) map[string]float64 {
		p, err := s.Preview(t.Context(), thin, position)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, x := range p.Conflicts {
			got[x.Kind+" "+x.Rule] += x.Series.Value
		}
		return got
	}
	s.load(t, strings.Replace(behind, "drop-calls", "other", 1))
	share := 0.
	for _, n := range of(0) { // behind: all that it acts on is taken already
		share += n
	}
	if share < 30 || share > 90 {
		t.Fatalf("a canary of 30 %% acts on %v of 200 series", share)
	}
	files, err := rules.ParseFile("", []byte("rules:\n"+behind))
	if len(err) > 0 {
		t.Fatal(err)
	}
	files[0].File = "" // so that another may stand before it
	if err := s.engine.Load(files); err != nil {
		t.Fatal(err)
	}
	if got, want := of(1), map[string]float64{"shadows drop-calls": share}; !cmp.Equal(got, want) {
		t.Errorf("in front it has the conflicts %v, want %v", got, want)
	}
}

// Right after the start no rate is known, and a rate that is not known is not 0.
func TestRatesOfAPreviewAreUnknownAtFirst(t *testing.T) {
	s := seeing(t, 0, "")
	spec := rules.Spec{Match: rules.Selectors{"up"}, Action: "drop"}
	if p := s.mustPreview(t, spec); !p.RatesKnown() {
		t.Error("of no series, the rate is unknown; want it to be 0")
	}
	list := sending(t, 15, `up{pod="a"}`, `up{pod="b"}`)
	s.write(t, "a", list, 5)
	p := s.mustPreview(t, spec)
	if p.RatesKnown() || p.SeriesBefore != 2 || p.Removed.Value != 2 {
		t.Errorf("%+v, want two series whose rate is unknown", p)
	}
	if text := strings.Join(p.Notes, "\n"); !strings.Contains(text, "How many samples per second pass is not known yet") {
		t.Errorf("notes %s, want them to say that rates are unknown", text)
	}
	s.learn(t, "a", list, "")
	if p := s.mustPreview(t, spec); !p.RatesKnown() || !near(p.SamplesBefore, 2./15) || strings.Contains(strings.Join(p.Notes, "\n"), "not known yet") {
		t.Errorf("%+v, want the rate that was learned", p)
	}
}

func TestPreview(t *testing.T) {
	const inForce = "  - {name: keep-slo, match: 'calls{pod=\"p-0\"}', action: keep}\n" +
		"  - {name: drop-pay, match: 'calls{team=\"pay\"}', action: drop}\n" +
		"  - {name: drop-debug, match: debug, action: drop, mode: shadow}\n" +
		"  - {name: busy, match: wait_seconds_count, action: drop, when: over_limit}\n"
	s := seeing(t, 0, inForce)
	fast, slow := shopSeries()
	s.learn(t, "a", append(sending(t, 15, fast...), sending(t, 60, slow...)...), inForce)

	type figures struct {
		Matched, Removed, Thinned, Restored, Samples float64
		Conflicts                                    string
	}
	for _, tt := range []struct {
		name string
		spec rules.Spec
		want figures
	}{
		{"a drop", rules.Spec{Match: rules.Selectors{"debug"}, Action: "drop"}, figures{Matched: 10, Removed: 10, Samples: 10. / 60}},
		{"what an earlier rule drops is not dropped again", rules.Spec{Match: rules.Selectors{"calls"}, Action: "drop"},
			figures{Matched: 20, Removed: 9, Samples: 9. / 15, Conflicts: "shadowed_by drop-pay 10, shadowed_by keep-slo 1"}},
		{"one of two selectors", rules.Spec{Match: rules.Selectors{`calls{pod="p-2"}`, `debug{pod="p-2"}`}, Action: "drop"}, figures{Matched: 2, Removed: 2, Samples: 1./15 + 1./60}},
		{"thinning", rules.Spec{Match: rules.Selectors{`{team="shop"}`}, Action: "downsample", Interval: "30s"},
			figures{Matched: 20, Thinned: 9, Samples: 9 * (1./15 - 1./30), Conflicts: "shadowed_by keep-slo 1"}},
		{"thinning what is no closer", rules.Spec{Match: rules.Selectors{`debug`}, Action: "downsample", Interval: "60s"}, figures{Matched: 10}},
		{"a team's rule", rules.Spec{Match: rules.Selectors{`{__name__=~".+"}`}, Action: "drop", Team: "shop"},
			figures{Matched: 20, Removed: 19, Samples: 9./15 + 10./60, Conflicts: "shadowed_by keep-slo 1"}},
		{"a priority", rules.Spec{Match: rules.Selectors{`debug`}, Action: "prioritize", Priority: "low"}, figures{Matched: 10}},
		{"a keeping rule behind the others", rules.Spec{Match: rules.Selectors{`calls{team="pay"}`}, Action: "keep"}, figures{Matched: 10, Conflicts: "shadowed_by drop-pay 10"}},
		{"an edit that narrows", rules.Spec{Name: "drop-pay", Match: rules.Selectors{`calls{pod=~"p-[13]"}`}, Action: "drop"}, figures{Matched: 2, Restored: 8}},
		{"an edit that thins instead", rules.Spec{Name: "drop-pay", Match: rules.Selectors{`calls{team="pay"}`}, Action: "downsample", Interval: "60s"}, figures{Matched: 10, Restored: 10}},
		{"an edit that takes from a later rule", rules.Spec{Name: "keep-slo", Match: rules.Selectors{`calls{pod=~"p-[01]"}`}, Action: "keep"},
			figures{Matched: 2, Restored: 1, Conflicts: "shadows drop-pay 1"}},
		{"a rule in shadow mode that is to be enforced", rules.Spec{Name: "drop-debug", Match: rules.Selectors{`debug`}, Action: "drop"}, figures{Matched: 10, Removed: 10, Samples: 10. / 60}},
		{"over the limit", rules.Spec{Match: rules.Selectors{`{__name__=~"wait_seconds_.*"}`}, Action: "drop", When: "over_limit"},
			figures{Matched: 12, Removed: 10, Samples: 10. / 60, Conflicts: "shadowed_by busy 2"}},
		{"of another tenant", rules.Spec{Tenant: "b", Match: rules.Selectors{`debug`}, Action: "drop"}, figures{}},
		{"nothing", rules.Spec{Match: rules.Selectors{`none`}, Action: "drop"}, figures{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := s.mustPreview(t, tt.spec)
			var conflicts []string
			for _, x := range p.Conflicts {
				conflicts = append(conflicts, fmt.Sprintf("%s %s %v", x.Kind, x.Rule, x.Series.Value))
			}
			got := figures{p.Matched.Value, p.Removed.Value, p.Thinned.Value, p.Restored.Value, p.SamplesRemoved.Value, strings.Join(conflicts, ", ")}
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(near)); diff != "" {
				t.Errorf("figures (-want +got):\n%s", diff)
			}
			if !p.Exact || p.Removed.Error != 0 || p.SamplesRemoved.Error != 0 || p.AtMost != 0 {
				t.Errorf("it is not exact: %+v", p)
			}
			var series, samples float64
			for _, r := range p.Teams.Rows {
				series, samples = series+r.Series.Value, samples+r.Samples.Value
			}
			if series != p.Removed.Value || !near(samples, p.SamplesRemoved.Value) {
				t.Errorf("teams come to %v series and %v samples, want the total", series, samples)
			}
			// 2 for a thousand series, 0.1 for a million samples.
			if want := p.Removed.Value/1000*2 + p.SamplesRemoved.Value*730*3600/1e6*0.1; math.Abs(float64(p.Cost)/1e6-want) > 1e-6 || p.Currency != somePrice {
				t.Errorf("it saves %s %s, want %v", p.Cost, p.Currency, want)
			}
			if tt.spec.Tenant == "" && (p.SeriesBefore != 32 || !near(p.SamplesBefore, 10./15+22./60)) {
				t.Errorf("before are %v series and %v samples, want 32 and %v", p.SeriesBefore, p.SamplesBefore, 10./15+22./60)
			}
		})
	}
	if got := s.engine.Rules(); len(got) != 4 || got[2].Mode != rules.Shadow {
		t.Errorf("previews changed the rules: %v", got)
	}
}

func TestPreviewOfFamilies(t *testing.T) {
	s := seeing(t, 0, "")
	_, slow := shopSeries()
	slow = append(slow, `rpc_seconds{quantile="0.5"}`, `rpc_seconds{quantile="0.9"}`, `rpc_seconds_sum{}`, `rpc_seconds_count`, `queue`, `queue_count`)
	s.learn(t, "a", sending(t, 60, slow...), "")
	for _, tt := range []struct{ name, match, want string }{
		{"some le", `wait_seconds_bucket{le=~"0.1|0.5"}`,
			`wait_seconds: takes _bucket{le="0.1"}, _bucket{le="0.5"} and leaves _bucket{le="1"}, _bucket{le="+Inf"}, _count, _sum; quantiles of the buckets that are left are coarser (in 2 families)`},
		{"le=+Inf", `wait_seconds_bucket{le="+Inf",pod="a"}`,
			`wait_seconds: takes _bucket{le="+Inf"} and leaves _bucket{le="0.1"}, _bucket{le="0.5"}, _bucket{le="1"}, _count, _sum; without le="+Inf" no quantile can be computed`},
		{"all buckets", `wait_seconds_bucket`,
			`wait_seconds: takes _bucket{le="0.1"}, _bucket{le="0.5"}, _bucket{le="1"}, _bucket{le="+Inf"} and leaves _count, _sum (in 2 families)`},
		{"a whole family", `{__name__=~"wait_seconds_.*",pod="a"}`, ""},
		{"some of a summary", `rpc_seconds_sum`, `rpc_seconds: takes _sum and leaves {quantile="0.5"}, {quantile="0.9"}, _count`},
		{"what only looks like a part", `queue_count`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, spec := range []rules.Spec{{Match: rules.Selectors{tt.match}, Action: "drop"}, {Match: rules.Selectors{tt.match}, Action: "downsample", Interval: "2m"}} {
				if got := strings.Join(s.mustPreview(t, spec).Torn, "\n"); got != tt.want {
					t.Errorf("%s tears apart\n%s\nwant\n%s", spec.Action, got, tt.want)
				}
			}
		})
	}
}

func TestPreviewRefuses(t *testing.T) {
	s := seeing(t, 0, "")
	for field, spec := range map[string]rules.Spec{
		"match":    {Action: "drop"},
		"match[1]": {Match: rules.Selectors{"up", "{"}, Action: "drop"},
		"action":   {Match: rules.Selectors{"up"}},
		"tenant":   {Match: rules.Selectors{"up"}, Action: "drop", Tenant: "a/b"},
		"interval": {Match: rules.Selectors{"up"}, Action: "downsample"},
	} {
		_, err := s.Preview(t.Context(), spec, 0)
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%+v: %v, want %s to be invalid", spec, err, field)
		}
		if _, ok := errors.AsType[*Invalid](err); !ok {
			t.Errorf("%v is not Invalid", err)
		}
	}
	c := s.As(auth.Actor{Role: auth.Viewer, Tenants: []tenant.ID{"mine"}})
	if _, err := c.Preview(t.Context(), rules.Spec{Match: rules.Selectors{"up"}, Action: "drop", Tenant: "a"}, 0); err == nil {
		t.Error("a tenant that the actor may not ask about is previewed")
	}
	off := New(Parts{})
	if _, err := off.Preview(t.Context(), rules.Spec{Match: rules.Selectors{"up"}, Action: "drop"}, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("without a profile: %v, want not found", err)
	}
}

// A rule for every tenant shows nothing of tenants that the actor may not ask about.
func TestPreviewOfTenants(t *testing.T) {
	s := seeing(t, 0, "")
	for _, id := range []tenant.ID{"mine", "theirs"} {
		s.learn(t, id, sending(t, 60, `up{job="`+string(id)+`"}`, `up{job="both"}`), "")
	}
	all := rules.Spec{Match: rules.Selectors{"up"}, Action: "drop"}
	if p := s.mustPreview(t, all); p.Removed.Value != 4 || len(p.Tenants.Rows) != 2 {
		t.Errorf("of every tenant: %+v", p)
	}
	c := s.As(auth.Actor{Role: auth.Viewer, Tenants: []tenant.ID{"mine"}})
	p, err := c.Preview(t.Context(), all, 0)
	if err != nil || p.Removed.Value != 2 || len(p.Tenants.Rows) != 1 || !strings.Contains(strings.Join(p.Notes, " "), "1 more tenants, about which you may not ask") {
		t.Errorf("of one tenant: %+v, %v", p, err)
	}
	if strings.Contains(fmt.Sprintf("%+v", p), "theirs") {
		t.Errorf("another tenant shows: %+v", p)
	}
}
