package ui

import (
	"math"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/limiter"
)

// asking returns a request for a page of a Headgate that received nothing.
func asking(t *testing.T, path string, o Options) *request {
	t.Helper()
	s := &site{control: controltest.New(t, controltest.Config{}).Control, options: o, assets: newAssets(static, o.Base)}
	return s.request(httptest.NewRequest("GET", path, nil))
}

func TestTheFlowAddsUp(t *testing.T) {
	r := asking(t, "/", Options{})
	counts := control.Counts{Received: 100, Forwarded: 60, Dropped: 20, Downsampled: 10, Shed: 5, Rejected: 4, Failed: 1}
	v := newFlowView(r, control.Flow{From: r.now, Counts: counts}, control.Rates{}, false)
	if len(v.Outcomes) != 6 || v.Summary != "Of 100 samples received: 60 forwarded, 20 dropped, 10 downsampled, 5 shed, 4 rejected, 1 failed." {
		t.Errorf("the picture says %q", v.Summary)
	}
	for _, o := range v.Outcomes {
		if o.Ribbon == "" || o.Rate != "" {
			t.Errorf("%s has the ribbon %q and the rate %q; want one, and none", o.Name, o.Ribbon, o.Rate)
		}
	}
	v = newFlowView(r, control.Flow{From: r.now, Counts: counts}, control.Rates{Received: 10, Forwarded: 10}, true)
	for i, o := range v.Outcomes {
		if (o.Ribbon != "") != (i == 0) {
			t.Errorf("with all forwarded now, %s has the ribbon %q", o.Name, o.Ribbon)
		}
	}
}

func TestAVerdictInWords(t *testing.T) {
	r := asking(t, "/explain", Options{})
	for _, tt := range []struct {
		name string
		x    control.Explanation
		word string
		text string
	}{
		{"no rule", control.Explanation{Action: "keep"}, "Forwarded", "No rule removes it."},
		{"a rule that keeps", control.Explanation{Action: "keep", Rule: "a"}, "Forwarded", "Rule a keeps it."},
		{"dropped", control.Explanation{Action: "drop", Rule: "a"}, "Dropped", "Rule a drops it."},
		{"dropped before it could be shed", control.Explanation{Action: "drop", Rule: "a", Shed: true}, "Dropped", "Rule a drops it."},
		{"thinned", control.Explanation{Action: "downsample", Rule: "a"}, "Downsampled", "Rule a lets some of its samples pass."},
		{"shed", control.Explanation{Action: "keep", Shed: true}, "Shed", "The tenant is over its limit, and the series is among those that do not pass now."},
		{"never", control.Explanation{Action: "keep", Refused: "it has no name"}, "Rejected", "It can never be stored: it has no name."},
	} {
		if v := newVerdictView(r, tt.x); v.Word != tt.word || v.Text != tt.text {
			t.Errorf("%s: %s: %s; want %s: %s", tt.name, v.Word, v.Text, tt.word, tt.text)
		}
	}
}

func TestTheStateOfALimit(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    limiter.Status
		want string
	}{
		{"no demand", limiter.Status{Limit: limiter.Limit{SamplesPerSecond: 10}}, "within"},
		{"nearly all", limiter.Status{Limit: limiter.Limit{SamplesPerSecond: 10}, Demand: 9}, "near"},
		{"over", limiter.Status{Limit: limiter.Limit{SamplesPerSecond: 10}, Demand: 90, Over: true}, "over"},
		{"over in a shadow", limiter.Status{Demand: 90, Over: true, Shadow: true}, "over, only counted"},
	} {
		if got := limitState(control.Limit{Status: tt.s}).Text; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestTheLastHour(t *testing.T) {
	seconds := make([]limiter.Second, 3600)
	if v := newChartView(control.LimitHistory{Seconds: seconds}, 0, 0); v != nil {
		t.Errorf("nothing is drawn as %+v", v)
	}
	for i := range 60 {
		seconds[3540+i].Demand[0], seconds[3540+i].Granted[0], seconds[3540+i].Shed[3] = 30, 20, 10
	}
	v := newChartView(control.LimitHistory{Seconds: seconds}, 20, 20)
	if v == nil || v.Summary != "Demand peaked at 30 samples/s for half a minute, of a limit of 20; at most 10 were shed." {
		t.Fatalf("the chart is %+v", v)
	}
	if n := len(strings.Fields(v.Demand)); n != chartPoints {
		t.Errorf("%d points are drawn, want %d", n, chartPoints)
	}
	if v.Most != "40" || v.Half != "20" {
		t.Errorf("the axis says %s and %s, want what is read at a glance", v.Most, v.Half)
	}
}

func TestAnAxisEndsAtFiguresThatHalveWell(t *testing.T) {
	for _, tt := range []struct{ most, want float64 }{
		{0.3, 0.4}, {1, 1.2}, {97, 100}, {99, 120}, {100, 120}, {293, 300}, {500, 600}, {1396, 1600}, {4080, 5000}, {9.99e9, 12e9},
	} {
		if got := axisTop(tt.most); math.Abs(got/tt.want-1) > 1e-9 {
			t.Errorf("an axis of %g ends at %g, want %g", tt.most, got, tt.want)
		}
	}
}

func TestWhatNeedsAttention(t *testing.T) {
	r := asking(t, "/", Options{})
	over := control.Limit{Status: limiter.Status{Tenant: "shop", Over: true, Since: r.now, Limit: limiter.Limit{SamplesPerSecond: 10}}}
	var gone control.Status
	gone.Journal.Failing = r.now.Add(-time.Hour)
	for _, tt := range []struct {
		name string
		d    overviewData
		last control.Rates
		want string
	}{
		{"all is well", overviewData{}, control.Rates{Forwarded: 9, Dropped: 9}, ""},
		{"the upstream fails", overviewData{}, control.Rates{Failed: 1}, "Upstream"},
		{"nothing can be stored of some", overviewData{}, control.Rates{Rejected: 1}, "Rejected"},
		{"a tenant is over its limit", overviewData{limits: []control.Limit{over, {}}}, control.Rates{}, "Over its limit"},
		{"the store is gone", overviewData{status: gone}, control.Rates{}, "Store"},
		{"memory", overviewData{status: control.Status{LetGo: []string{"names of 3 metrics"}}}, control.Rates{}, "Memory"},
	} {
		var words []string
		for _, a := range newAttention(r, tt.d, tt.last) {
			words = append(words, a.Word)
		}
		if got := strings.Join(words, ", "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWhereSendersWriteTo(t *testing.T) {
	for _, tt := range []struct {
		name, ingest, host, want string
	}{
		{"the same listener", "", "10.1.2.3:9390", "http://10.1.2.3:9390/api/v1/write"},
		{"a listener of this machine", "http://127.0.0.1:9391", "127.0.0.1:9390", "http://127.0.0.1:9391/api/v1/write"},
		{"a listener on every address", "http://0.0.0.0:9391", "headgate.example:9390", "http://headgate.example:9391/api/v1/write"},
		{"so in IPv6", "http://[::]:9391", "[fd00::1]:9390", "http://[fd00::1]:9391/api/v1/write"},
		{"without an address", "https://:9391", "headgate.example", "https://headgate.example:9391/api/v1/write"},
		{"behind a proxy", "https://metrics.example/headgate/api/v1/write", "x", "https://metrics.example/headgate/api/v1/write"},
	} {
		u, err := url.Parse(tt.ingest)
		if err != nil {
			t.Fatal(err)
		}
		r := asking(t, "/", Options{Ingest: *u})
		r.http.Host = tt.host
		if got := r.ingestURL(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestATenantOfAPathIsEscaped(t *testing.T) {
	r := asking(t, "/limits", Options{Base: "/headgate"})
	if got, want := string(r.link(pathOf("/limits", "a b/c"), "tenant", "x&y")), "/headgate/limits/a%20b%2Fc?tenant=x%26y"; got != want {
		t.Errorf("the address is %s, want %s", got, want)
	}
}
