package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
)

// limited returns the API of a Headgate whose file limits the tenant payments, and
// everyone else to 10 samples per second. Its store is not open.
func limited(t *testing.T) http.Handler {
	t.Helper()
	c := limiter.DefaultConfig()
	c.Default.SamplesPerSecond = 10
	c.Tenants = map[tenant.ID]limiter.Limit{"payments": {
		SamplesPerSecond: 1000, ActiveSeries: 5000, Mode: limiter.Shadow,
		Pools: []limiter.PoolConfig{{Name: "batch", Share: 0.25, Match: limiter.Selectors{`{job="batch"}`}, ActiveSeries: 100}},
	}}
	l, err := limiter.New(c, time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	limits := control.NewLimits(control.LimitParts{Limiter: l, Config: c, File: "dir/headgate.yml", Store: func() control.LimitStore { return nil }, Log: log})
	return New(control.New(control.Parts{Limits: limits, Events: control.NewEvents(log)}))
}

func TestLimitShapes(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	none := `"samples_per_second":0,"burst":"60s","active_series":0,"hard_samples_per_second":0,"default_priority":"default","mode":"enforce","pools":[]`
	for _, tt := range []struct {
		name string
		got  any
		want string
	}{
		{"a limit of nothing", newLimit(control.Limit{Status: limiter.Status{Tenant: "t"}, Source: control.FromDefault}),
			`{"tenant":"t",` + none + `,"used":{"samples_per_second":0,"active_series":0},"demand":0,"over":false,"since":null,"shed":[],"refused":[],"hard_refusals":0,` +
				`"unchecked":null,"suggestion":{"samples_per_second":0,"p99":0,"minutes":0},"source":"default","revision":0}`},
		{"a limit that is exceeded", newLimit(control.Limit{
			Status: limiter.Status{
				Tenant: "t",
				Limit: limiter.Limit{SamplesPerSecond: 100, Burst: limiter.Duration(90 * time.Second), ActiveSeries: 50, HardSamplesPerSecond: 300, DefaultPriority: "low", Mode: limiter.Shadow,
					Pools: []limiter.PoolConfig{{Name: "p", Share: 0.3, Teams: []string{"a"}, Match: limiter.Selectors{"up"}, ActiveSeries: 7}}},
				Demand: 1000.0 / 3, Used: 99.5, ActiveSeries: 20, Over: true, Since: at,
				Pools: []limiter.PoolStatus{
					{Name: "default", Share: 1 - 0.3, Guaranteed: 70, Passes: "everything"},
					{Name: "p", Share: 0.3, Guaranteed: 30, Demand: 200, Used: 50, Over: true, Passes: "critical", ActiveSeries: 3},
				},
				Shed:    []limiter.Shed{{Pool: "p", Priority: series.Low, SamplesPerSecond: 2.0 / 3, SeriesFraction: 0.25}},
				Refused: []limiter.Refused{{Priority: series.High, Series: 4}}, HardRefusals: 5,
				Suggestion: limiter.Suggestion{SamplesPerSecond: 400, P99: 330, Minutes: 77},
			},
			Source: control.FromAPI, Revision: 8, UpdatedAt: at.UTC(), UpdatedBy: "ann",
		}), `{"tenant":"t","samples_per_second":100,"burst":"90s","active_series":50,"hard_samples_per_second":300,"default_priority":"low","mode":"shadow",` +
			`"pools":[{"name":"default","share":0.7,"guaranteed":70,"demand":0,"used":{"samples_per_second":0,"active_series":0},"over":false,"passes":"everything"},` +
			`{"name":"p","share":0.3,"teams":["a"],"match":"up","active_series":7,"guaranteed":30,"demand":200,"used":{"samples_per_second":50,"active_series":3},"over":true,"passes":"critical"}],` +
			`"used":{"samples_per_second":99.5,"active_series":20},"demand":333.333,"over":true,"since":"2026-01-02T02:04:05Z",` +
			`"shed":[{"pool":"p","priority":"low","samples_per_second":0.666667,"series_fraction":0.25}],"refused":[{"priority":"high","series":4}],"hard_refusals":5,` +
			`"unchecked":null,"suggestion":{"samples_per_second":400,"p99":330,"minutes":77},"source":"api","revision":8,"updated_at":"2026-01-02T02:04:05Z","updated_by":"ann"}`},
		{"settings", newLimitSettings(limiter.Limit{}), `{` + none + `}`},
		{"a history", newLimitHistory("t", control.LimitHistory{From: at, Seconds: []limiter.Second{
			{Demand: [4]uint32{1, 2, 3, 4}, Granted: [4]uint32{5, 6, 7, 8}, Shed: [4]uint32{0, 9, 10, 11}}, {},
		}}), `{"tenant":"t","from":"2026-01-02T02:04:05Z","seconds":2,"history":[` +
			`{"priority":"critical","demand":[1,0],"used":[5,0],"shed":[0,0]},{"priority":"high","demand":[2,0],"used":[6,0],"shed":[9,0]},` +
			`{"priority":"default","demand":[3,0],"used":[7,0],"shed":[10,0]},{"priority":"low","demand":[4,0],"used":[8,0],"shed":[11,0]}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(tt.got)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLimitsAreRead(t *testing.T) {
	h := limited(t)
	var list struct {
		Limits     []Limit       `json:"limits"`
		Default    LimitSettings `json:"default"`
		NextCursor string        `json:"next_cursor"`
	}
	get(t, h, "/limits", nil, &list)
	if len(list.Limits) != 1 || list.Limits[0].Tenant != "payments" || list.Default.SamplesPerSecond != 10 || list.NextCursor != "" {
		t.Errorf("limits are %+v, want payments, and 10 samples/s for others", list)
	}
	var l Limit
	get(t, h, "/limits/payments", nil, &l)
	names := slices.Collect(func(yield func(string) bool) {
		for _, p := range l.Pools {
			yield(p.Name)
		}
	})
	if l.Source != "file" || l.File != "headgate.yml" || l.Mode != "shadow" || !slices.Equal(names, []string{"default", "batch"}) || l.Pools[1].ActiveSeries != 100 {
		t.Errorf("the limit is %+v, want that of the file", l)
	}
	var unknown Limit
	get(t, h, "/limits/nobody", nil, &unknown)
	if unknown.Source != "default" || unknown.SamplesPerSecond != 10 || unknown.Burst != "60s" {
		t.Errorf("the limit of a tenant not known is %+v, want that of default", unknown)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, Prefix+"/limits/nobody", nil))
	if got := rec.Header().Get("ETag"); got != `"0"` {
		t.Errorf("the ETag of what nobody set is %s, want \"0\"", got)
	}
	var history LimitHistory
	get(t, h, "/limits/payments/history", url.Values{"seconds": {"7"}}, &history)
	if history.Seconds != 7 || len(history.History) != 4 || len(history.History[3].Shed) != 7 {
		t.Errorf("the history is %+v, want seven seconds of four priorities", history)
	}
}

func TestChangesOfLimitsAreRefused(t *testing.T) {
	h := limited(t)
	for _, tt := range []struct {
		name, method, path, body, match string
		status                          int
		text                            string
	}{
		{"a tenant of the file", "PUT", "payments", `{}`, "*", 409, "headgate.yml"},
		{"a tenant of the file is deleted", "DELETE", "payments", ``, "", 409, "headgate.yml"},
		{"no If-Match", "PUT", "a", `{}`, "", 428, "If-Match"},
		{"no If-Match to delete", "DELETE", "a", ``, "", 428, "If-Match"},
		{"the store is not open", "PUT", "a", `{}`, "*", 503, "store"},
		{"the store is not open to delete", "DELETE", "a", ``, `"1"`, 503, "store"},
		{"no JSON", "PUT", "a", `{`, "*", 400, ""},
		{"an unknown key", "PUT", "a", `{"sample_per_second":1}`, "*", 422, "body.sample_per_second"},
		{"a text for a number", "PUT", "a", `{"active_series":"1"}`, "*", 422, "body.active_series"},
		{"no duration", "PUT", "a", `{"burst":"soon"}`, "*", 422, `"location":"burst"`},
		{"a burst that is too long", "PUT", "a", `{"burst":"2h"}`, "*", 422, `"location":"burst"`},
		{"less than nothing", "PUT", "a", `{"samples_per_second":-1}`, "*", 422, `"location":"samples_per_second"`},
		{"an unknown mode", "PUT", "a", `{"mode":"loud"}`, "*", 422, "body.mode"},
		{"a pool without a share", "PUT", "a", `{"samples_per_second":1,"pools":[{"name":"p","match":"up"}]}`, "*", 422, "body.pools[0]"},
		{"a selector that is none", "PUT", "a", `{"samples_per_second":1,"pools":[{"name":"p","share":1,"match":["up","{"]}]}`, "*", 422, `"location":"pools[0].match"`},
		{"too much is shared", "PUT", "a", `{"samples_per_second":1,"pools":[{"name":"p","share":0.6,"match":"up"},{"name":"q","share":0.6,"teams":["t"]}]}`, "*", 422, `"location":"pools"`},
		{"no tenant's name", "PUT", "a%20b", `{}`, "*", 422, `"location":"tenant"`},
		{"the tenant of those without a place", "PUT", "__overflow__", `{}`, "*", 422, `"location":"tenant"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, Prefix+"/limits/"+tt.path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/json")
			if tt.match != "" {
				r.Header.Set("If-Match", tt.match)
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			wantProblem(t, rec, tt.status)
			if !strings.Contains(rec.Body.String(), tt.text) {
				t.Errorf("%s, want it to say %s", rec.Body, tt.text)
			}
		})
	}
}

func TestIfMatch(t *testing.T) {
	for text, want := range map[string]int64{
		"": control.NoRevision, "*": control.AnyRevision, `"0"`: 0, ` "17" `: 17,
		`17`: control.NotRevision, `W/"17"`: control.NotRevision, `"a"`: control.NotRevision, `""`: control.NotRevision, `"-1"`: control.NotRevision, `"1", "2"`: control.NotRevision,
	} {
		c := Change{IfMatch: text}
		if got := c.change().Revision; got != want {
			t.Errorf("If-Match: %s is revision %d, want %d", text, got, want)
		}
	}
}
