package gateway

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/profiler"
)

// discard is an upstream that stores everything and reads nothing.
type discard struct{}

func (discard) RoundTrip(*http.Request) (*http.Response, error) {
	return status(http.StatusNoContent, ""), nil
}

// population makes n requests of 2000 series each, of 11 labels.
func population(n int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var packed [][]byte
	for q := range n {
		var entries []entry
		for i := range 2000 {
			entries = append(entries, at(fmt.Sprintf(
				`container_metric_%d_total{cluster="prod-eu-1",container="app",endpoint="https-metrics",id="/kubepods/burstable/pod%08x-%04x",image="registry.example/app:v1.%d",instance="10.%d.%d.17:10250",job="kubelet",namespace="team-%d",node="node-%d",pod="app-%d-%08x"}`,
				i%130, rng.Uint32(), rng.Uint32()%65536, q%7, q%250, i%250, i%20, q%50, q, rng.Uint32()), rng.Float64()*1e6, 1_700_000_000_000))
		}
		packed = append(packed, snappy.Encode(nil, bodyV1(entries...)))
	}
	return packed
}

type recorder struct{ h http.Header }

func (r *recorder) Header() http.Header         { return r.h }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorder) WriteHeader(int)             {}

type body struct {
	b  []byte
	at int
}

func (b *body) Read(p []byte) (int, error) {
	if b.at == len(b.b) {
		return 0, io.EOF
	}
	n := copy(p, b.b[b.at:])
	b.at += n
	return n, nil
}
func (b *body) Close() error { return nil }

func benchmarkPush(b *testing.B, ruleText string, requests int) {
	pushTo(b, newFixture(b, ruleText), requests)
}

func pushTo(b *testing.B, f *fixture, requests int) {
	f.settings.Load().upstreams.main.client.Transport = discard{}
	packed := population(requests)
	r := httptest.NewRequest(http.MethodPost, "/api/v1/write", nil)
	r.Header.Set("Content-Type", remotewrite.V1.ContentType())
	rec := &recorder{http.Header{}}
	push := func(i int) {
		r.Body = &body{b: packed[i%requests]}
		r.ContentLength = int64(len(packed[i%requests]))
		clear(rec.h)
		f.ServeHTTP(rec, r)
	}
	for i := range requests {
		push(i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		push(i)
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*2000), "ns/sample")
}

// profiledWithin returns a gateway whose profiler has so short a window that each of
// 100 000 series is profiled again after some 60 samples, as with one of an hour and
// a sample every 10 s.
func profiledWithin(b *testing.B, window time.Duration) *fixture {
	cfg := profiler.DefaultConfig()
	cfg.File, cfg.Window = "", model.Duration(window)
	p, err := profiler.New(cfg, time.Now(), func(profiler.Explosion) {}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	f := newFixture(b, "")
	f.engines.Profiler, f.states.clock = p, p.Clock()
	return f
}

func BenchmarkPush(b *testing.B) {
	b.Run("kept/series=100k", func(b *testing.B) { benchmarkPush(b, "", 50) })
	b.Run("kept/series=1M", func(b *testing.B) { benchmarkPush(b, "", 500) })
	b.Run("profiled/series=100k", func(b *testing.B) { pushTo(b, profiledWithin(b, 10*time.Second), 50) })
	b.Run("recorded/series=100k", func(b *testing.B) { pushTo(b, recording(b, "").fixture, 50) })
	b.Run("quarter-dropped", func(b *testing.B) {
		benchmarkPush(b, "- {name: d, match: '{__name__=~\"container_metric_[123]?[0-9]_total\"}', action: drop}\n", 50)
	})
	b.Run("thinned", func(b *testing.B) {
		benchmarkPush(b, "- {name: d, match: '{__name__=~\".+\"}', action: downsample, interval: 60s}\n", 50)
	})
}
