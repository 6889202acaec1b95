package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/bench"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/ui"
)

// BenchmarkPages times the pages that look at many rows, of a million series of the
// bench's workload: the processor's time, and what they allocate. Each page is found
// anew.
func BenchmarkPages(b *testing.B) {
	for _, metrics := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("metrics=%d", metrics), func(b *testing.B) {
			hg := workload(b, metrics)
			pages := ui.New(hg.Control, ui.Options{})
			for _, path := range slowPages {
				b.Run(path, func(b *testing.B) {
					b.ReportAllocs()
					before := processorTime(b)
					for b.Loop() {
						req := httptest.NewRequest(http.MethodGet, path, nil)
						req.Header.Set("Accept", "text/html")
						rec := httptest.NewRecorder()
						if pages.ServeHTTP(rec, req); rec.Code != http.StatusOK {
							b.Fatalf("%d: %.300s", rec.Code, rec.Body)
						}
					}
					b.ReportMetric(float64(processorTime(b)-before)/float64(b.N)/1e6, "cpu-ms/op")
				})
			}
		})
	}
}

// processorTime is what the process used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// slowPages look at most of the rows that are kept, or at every metric.
var slowPages = []string{
	"/",
	"/unowned",
	"/rules/new?" + url.Values{"name": {"preview"}, "match": {`{pod=~"checkout-.*"}`}, "action": {"downsample"}, "interval": {"60s"}, "mode": {"enforce"}}.Encode(),
	"/rules/new?" + url.Values{"name": {"preview"}, "match": {`{__name__=~".*_http_requests_total",code="200"}`}, "action": {"drop"}, "mode": {"enforce"}}.Encode(),
	"/profile/metrics",
	"/profile/metrics?" + url.Values{"q": {`{namespace=~"checkout-.*"}`}}.Encode(),
	"/profile/labels?q=pod",
	"/profile/series?" + url.Values{"match": {`{namespace=~"checkout-.*"}`}, "by": {"pod"}}.Encode(),
	"/status",
	"/recommendations",
}

// workload returns a Headgate that received three rounds of a million series.
func workload(b *testing.B, metrics int) *controltest.Headgate {
	b.Helper()
	ruleFile, err := yaml.Marshal(map[string]any{"rules": bench.IdleRules(100)})
	if err != nil {
		b.Fatal(err)
	}
	c := controltest.Config{Rules: string(ruleFile)}
	if err := yaml.Unmarshal([]byte("{currency: USD, per_million_samples: 0.10, per_thousand_series_month: 5.00}"), &c.Prices); err != nil {
		b.Fatal(err)
	}
	for _, team := range []string{"checkout", "payments", "search", "catalog", "identity", "shipping", "pricing", "inventory", "notify", "reports"} {
		c.Owners = append(c.Owners, attribution.OwnerConfig{Match: fmt.Sprintf("{namespace=~%q}", team+"-.*"), Team: team})
	}
	hg := controltest.New(b, c)
	load, err := bench.Build(bench.Spec{Series: 1_000_000, Metrics: metrics, Rounds: 3, Start: time.Now().Add(-time.Minute), Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	for _, round := range load.Rounds {
		for _, body := range round {
			rec := httptest.NewRecorder()
			hg.Gateway.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/api/v1/write", bytes.NewReader(body.Data)))
			if rec.Code/100 != 2 {
				b.Fatalf("%d: %.300s", rec.Code, rec.Body)
			}
		}
	}
	hg.Measure(b)
	return hg
}
