package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang/snappy"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/prompb"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/rules"
)

const someRules = `rules:
  - {name: drop-debug, match: debug_calls, action: drop}
  - {name: try-users, match: '{user!=""}', action: drop, mode: shadow}
  - {name: "off", match: up, action: drop, mode: "off"}
  - {name: over, match: up, action: drop, expires: 2001-01-01T00:00:00Z}
`

// A governed is a Control with its gateway, and a store behind it.
type governed struct {
	*Control
	gateway *gateway.Gateway
	events  *Events
}

func govern(t *testing.T, reload func(context.Context) error) governed {
	t.Helper()
	store := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(store.Close)
	rs, problems := rules.ParseFile("rules.yml", []byte(someRules))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	engine := rules.NewEngine()
	if err := engine.Load(rs); err != nil {
		t.Fatal(err)
	}
	limits, err := limiter.New(limiter.DefaultConfig(), time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	events := NewEvents(slog.New(slog.DiscardHandler))
	settings := gateway.Settings{Config: gateway.DefaultConfig()}
	settings.Config.Upstream.URL = store.URL
	g, err := gateway.New(settings, gateway.Engines{Rules: engine, Limiter: limits}, events.Tell, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return governed{New(Parts{Gateway: g, Rules: engine, Events: events, Reload: reload}), g, events}
}

// send writes one sample of each series, given as PromQL writes them.
func (g governed) send(t *testing.T, tenant string, texts ...string) {
	t.Helper()
	req := &prompb.WriteRequest{}
	for _, text := range texts {
		ls, err := ParseSeries(text)
		if err != nil {
			t.Fatal(err)
		}
		ts := prompb.TimeSeries{Samples: []prompb.Sample{{Timestamp: 1000}}}
		for _, l := range ls {
			ts.Labels = append(ts.Labels, prompb.Label{Name: l.Name, Value: l.Value})
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	b, err := req.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/api/v1/write", bytes.NewReader(snappy.Encode(nil, b)))
	r.Header.Set("X-Scope-OrgID", tenant)
	rec := httptest.NewRecorder()
	g.gateway.ServeHTTP(rec, r)
	if rec.Code != http.StatusNoContent {
		t.Fatalf("write: %d %s", rec.Code, rec.Body)
	}
}

func TestFlow(t *testing.T) {
	c := govern(t, nil)
	c.send(t, "a", "up", `seen{user="u"}`, "debug_calls")
	c.send(t, "b", "up")

	f, err := c.Flow(FlowQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Counts{Received: 4, Forwarded: 3, Dropped: 1}); f.Counts != want || f.Rows != nil {
		t.Errorf("flow is %+v with rows %v, want %+v without", f.Counts, f.Rows, want)
	}
	f, err = c.Flow(FlowQuery{Tenant: "a", By: "rule"})
	if err != nil {
		t.Fatal(err)
	}
	want := []FlowRow{
		{Key: "", Counts: Counts{Received: 2, Forwarded: 2}},
		{Key: "drop-debug", Counts: Counts{Received: 1, Dropped: 1}},
		{Key: "try-users", Shadow: true, WouldRemove: 1},
	}
	if diff := cmp.Diff(want, f.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestFlowRefuses(t *testing.T) {
	c := govern(t, nil)
	for field, q := range map[string]FlowQuery{
		"tenant": {Tenant: "a/b"},
		"by":     {By: "colour"},
		"from":   {From: time.Unix(1, 0)},
		"to":     {To: time.Unix(1, 0)},
	} {
		_, err := c.Flow(q)
		if invalid, ok := errors.AsType[*Invalid](err); !ok || invalid.Field != field {
			t.Errorf("Flow(%+v): %v, want %s to be invalid", q, err, field)
		}
	}
}

func TestExplain(t *testing.T) {
	c := govern(t, nil)
	c.send(t, "a", "debug_calls")
	x, err := c.Explain("a", "debug_calls")
	if err != nil {
		t.Fatal(err)
	}
	if x.Action != "drop" || x.Rule != "drop-debug" || x.Priority != "default" || x.Outcome != "dropped" {
		t.Errorf("explanation is %+v, want a drop by drop-debug, and seen", x)
	}
	if x, err = c.Explain("", "up"); err != nil || x.Steps[0].Name != "default" || x.Outcome != "" {
		t.Errorf("explanation is %+v, %v; want the default tenant, and not seen", x, err)
	}
	for field, q := range map[string][2]string{"tenant": {"a|b", "up"}, "series": {"a", "{"}} {
		_, err := c.Explain(q[0], q[1])
		if invalid, ok := errors.AsType[*Invalid](err); !ok || invalid.Field != field {
			t.Errorf("Explain(%q): %v, want %s to be invalid", q, err, field)
		}
	}
	if _, err := c.Explain("a", ""); err == nil {
		t.Error("no series is explained")
	}
}

func TestRules(t *testing.T) {
	c := govern(t, nil)
	var got []string
	for i, r := range c.List() {
		got = append(got, r.Rule.Name+" "+string(r.State))
		if r.Position != i+1 {
			t.Errorf("rule %s has position %d, want %d", r.Rule.Name, r.Position, i+1)
		}
	}
	if diff := cmp.Diff([]string{"drop-debug active", "try-users shadow", "off off", "over expired"}, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if r, err := c.Rule("try-users"); err != nil || r.Position != 2 {
		t.Errorf("Rule: %+v, %v; want the second", r, err)
	}
	if _, err := c.Rule("none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Rule of no name: %v, want ErrNotFound", err)
	}
}

func TestRatesAreOfTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rs rates
		rule := func(dropped, would uint64) []gateway.FlowRow {
			var c gateway.Counts
			c[gateway.Dropped] = dropped
			return []gateway.FlowRow{{Key: "a", Counts: c, Would: would}}
		}
		if got := rs.perSecond(); got["a"] != 0 {
			t.Errorf("without a reading the rate is %v", got["a"])
		}
		rs.add(time.Now(), rule(1000, 0))
		for i := range uint64(12) { // two minutes, 10 samples a second in the first
			time.Sleep(rateStep)
			rs.add(time.Now(), rule(1000+100*min(i+1, 6), 0))
			if i == 2 && rs.perSecond()["a"] != 10 {
				t.Errorf("after half a minute the rate is %v, want 10", rs.perSecond()["a"])
			}
		}
		if got := rs.perSecond()["a"]; got != 0 {
			t.Errorf("a minute after the last sample the rate is %v, want 0", got)
		}
		if len(rs.readings) > 8 {
			t.Errorf("%d readings are kept, want those of a minute", len(rs.readings))
		}
		time.Sleep(rateStep)
		rs.add(time.Now(), rule(0, 0)) // a tenant was forgotten
		if got := rs.perSecond()["a"]; got != 0 {
			t.Errorf("when counts fall the rate is %v, want 0", got)
		}
	})
}

func TestRunReadsTheRates(t *testing.T) {
	c := govern(t, nil)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		time.Sleep(rateStep + time.Second)
		c.rates.mu.Lock()
		if n := len(c.rates.readings); n != 2 {
			t.Errorf("%d readings after a step, want 2", n)
		}
		c.rates.mu.Unlock()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestBypass(t *testing.T) {
	c := govern(t, nil)
	if b := c.Bypass(); b != nil {
		t.Errorf("a bypass is on from the start: %+v", b)
	}
	for _, tt := range []struct {
		field  string
		length time.Duration
		reason string
	}{
		{"for", 0, ""}, {"for", -time.Hour, ""}, {"for", maxBypass + 1, ""},
		{"reason", time.Hour, strings.Repeat("x", maxReasonBytes+1)}, {"reason", time.Hour, "\xff"},
	} {
		_, err := c.SetBypass(tt.length, tt.reason)
		if invalid, ok := errors.AsType[*Invalid](err); !ok || invalid.Field != tt.field {
			t.Errorf("SetBypass(%s, %.10q): %v, want %s to be invalid", tt.length, tt.reason, err, tt.field)
		}
	}
	if _, err := c.SetBypass(time.Hour, "a bad night"); err != nil {
		t.Fatal(err)
	}
	if b := c.Bypass(); b == nil || b.Reason != "a bad night" {
		t.Errorf("the bypass is %+v, want it on", b)
	}
	c.EndBypass()
	if b := c.Bypass(); b != nil {
		t.Errorf("the bypass is %+v, want it off", b)
	}
	page, err := c.Events(t.Context(), EventQuery{Kind: "bypass"})
	if err != nil || len(page.Events) != 2 {
		t.Errorf("%d events (%v), want on and off", len(page.Events), err)
	}
}

func TestReloadSaysWhatIsWrong(t *testing.T) {
	wrong := errors.New("a.yml:1:1: wrong")
	c := govern(t, func(context.Context) error { return wrong })
	if err := c.Reload(t.Context()); !errors.Is(err, wrong) {
		t.Errorf("Reload: %v, want %v", err, wrong)
	}
}

// Events are read in pages, newest first; without a store, from memory.
func TestEventsAreReadInPages(t *testing.T) {
	c := govern(t, nil)
	begin := time.Now().Add(-time.Hour)
	for i := range 25 {
		c.parts.Events.Tell(gateway.Event{At: begin.Add(time.Duration(i) * time.Second), Kind: "upstream", Tenant: "shop", Text: fmt.Sprint(i)})
	}
	var texts []string
	q := EventQuery{Tenant: "shop", Limit: 10}
	for {
		page, err := c.Events(t.Context(), q)
		if err != nil || !page.FromMemory {
			t.Fatalf("%+v, %v; want a page from memory", page, err)
		}
		for _, e := range page.Events {
			texts = append(texts, e.Text)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if len(texts) != 25 || texts[0] != "24" || texts[24] != "0" {
		t.Errorf("events %v, want 24 to 0", texts)
	}
	for field, q := range map[string]EventQuery{"cursor": {Cursor: "x"}, "tenant": {Tenant: "a/b"}} {
		if _, err := c.Events(t.Context(), q); err == nil {
			t.Errorf("a wrong %s is no error", field)
		} else if invalid, ok := errors.AsType[*Invalid](err); !ok || invalid.Field != field {
			t.Errorf("a wrong %s: %v", field, err)
		}
	}
}
