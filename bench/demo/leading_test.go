//go:build unix

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// A standInProfile answers the profiler's API as it is documented: metrics in
// their order, and of each its labels.
type standInProfile struct {
	metrics []string          // as objects
	labels  map[string]string // as a list of objects, by metric
}

// goodProfile is that of the shop after a minute.
func goodProfile() standInProfile {
	row := func(metric string, series, labels int) string {
		return fmt.Sprintf(`{"metric":%q,"series":%d,"series_error":0,"series_forwarded":0,"samples_per_second":30,"labels":%d,"churn":1,"team":"","cost_per_month":null}`,
			metric, series, labels)
	}
	const fixed = `{"label":"team","values":1,"series_without":1234,"reduction":0,"top":[]}`
	return standInProfile{
		metrics: []string{
			row("search_suggestions_total", 3021, 4),
			row("debug_request_duration_seconds", 1800, 4),
			row("checkout_cart_requests_total", 440, 4),
			row("warehouse_stock_items", 300, 4),
			row("search_requests_total", 281, 5),
			row("search_latency_seconds_bucket", 246, 5),
			row("go_threads", 4, 0),
		},
		labels: map[string]string{
			"search_suggestions_total":       `{"label":"user_id","values":3020,"series_without":1,"reduction":0.9997,"top":[]}`,
			"debug_request_duration_seconds": fixed + `,{"label":"request_id","values":1801.4,"series_without":1.2,"reduction":0.99994,"top":[{"value":"a","series":1}]}`,
			"checkout_cart_requests_total":   `{"label":"user_id","values":440,"series_without":1,"reduction":0.9977,"top":[{"value":"user-00001","series":1}]},` + fixed,
			"warehouse_stock_items":          `{"label":"shelf","values":300,"series_without":1,"reduction":0.9966,"top":[]}`,
			"search_requests_total":          `{"label":"code","values":1,"series_without":281,"reduction":0,"top":[]},{"label":"path","values":281,"series_without":1,"reduction":0.9964,"top":[]}`,
			"search_latency_seconds_bucket":  `{"label":"le","values":41,"series_without":6,"reduction":0.9756,"top":[]},{"label":"route","values":6,"series_without":41,"reduction":0.8333,"top":[]}`,
			"go_threads":                     ``,
		},
	}
}

// handle serves the profile on mux.
func (p standInProfile) handle(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/profile/metrics", func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.URL.RawQuery, fmt.Sprintf("sort=series&limit=%d", leading); got != want {
			http.Error(w, "not understood: "+got, http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, `{"metrics":[%s],"total_series":5000,"total_metrics":600,"as_of":"2026-01-01T00:00:00Z"}`, strings.Join(p.metrics, ","))
	})
	mux.HandleFunc("GET /api/v1/profile/metric", func(w http.ResponseWriter, r *http.Request) {
		labels, ok := p.labels[r.FormValue("metric")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"metric":%q,"series":1,"samples_per_second":1,"labels":[%s]}`, r.FormValue("metric"), labels)
	})
}

// shown is the report of a profile.
func shown(t *testing.T, p standInProfile) (string, error) {
	t.Helper()
	mux := http.NewServeMux()
	p.handle(mux)
	server := httptest.NewServer(mux)
	defer server.Close()
	var out bytes.Buffer
	s := stage{addr: addresses{web: strings.TrimPrefix(server.URL, "http://")}, out: &out}
	err := s.profile(t.Context())
	return out.String(), err
}

func TestExplosionsAreBlamedOnTheirLabels(t *testing.T) {
	out, err := shown(t, goodProfile())
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`  metric +series +label +values +series without it +reduction *\n`,
		`  search_suggestions_total +3 021 +user_id +3 020 +1 +99\.9 % +ok\n`,
		`  debug_request_duration_seconds +1 800 +request_id +1 801 +1 +99\.9 % +ok\n`,
		`  checkout_cart_requests_total +440 +user_id +440 +1 +99\.7 % +ok\n`,
		`  warehouse_stock_items +300 +shelf +300 +1 +99\.6 % *\n`,
		`  search_requests_total +281 +path +281 +1 +99\.6 % +ok\n`,
		`  search_latency_seconds_bucket +246 +le +41 +6 +97\.5 % +ok\n`,
		`  go_threads +4 +0 +0 +0\.0 % *\n`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no line like %q in\n%s", want, out)
		}
	}
}

func TestAProfileThatDoesNotNameTheCulpritIsWrong(t *testing.T) {
	const wrong = "1 of 5 metrics that explode do not lead the profile, or not with the label that makes them"
	for _, c := range []struct {
		name  string
		spoil func(*standInProfile)
		err   string
		line  string
	}{
		{"a metric is not among the leading", func(p *standInProfile) { p.metrics = p.metrics[:5] }, wrong, ""},
		{"another label reduces more", func(p *standInProfile) {
			p.labels["search_latency_seconds_bucket"] += `,{"label":"team","values":246,"series_without":1,"reduction":0.9959,"top":[]}`
		}, wrong, `search_latency_seconds_bucket +246 +team +246 +1 +99\.5 % +WRONG: want le, and 6 series without it\n`},
		{"no label reduces anything", func(p *standInProfile) {
			p.labels["search_requests_total"] = `{"label":"path","values":281,"series_without":281,"reduction":0,"top":[]}`
		}, wrong, `search_requests_total +281 +0 +0 +0\.0 % +WRONG: want path`},
		{"the reduction is not the right one", func(p *standInProfile) {
			p.labels["checkout_cart_requests_total"] = `{"label":"user_id","values":440,"series_without":220,"reduction":0.5,"top":[]}`
		}, wrong, `checkout_cart_requests_total +440 +user_id +440 +220 +50\.0 % +WRONG: want user_id, and 1 series without it\n`},
		{"there is no profile", func(p *standInProfile) { p.metrics = nil }, strings.Replace(wrong, "1 of", "5 of", 1), ""},
		{"a metric is unknown", func(p *standInProfile) { delete(p.labels, "go_threads") }, "404 Not Found", ""},
		{"the answer is no JSON", func(p *standInProfile) { p.metrics = []string{"…"} }, "ask the profiler: GET http://", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := goodProfile()
			c.spoil(&p)
			out, err := shown(t, p)
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q\n%s", err, c.err, out)
			}
			if !regexp.MustCompile(c.line).MatchString(out) {
				t.Errorf("no line like %q in\n%s", c.line, out)
			}
		})
	}
}
