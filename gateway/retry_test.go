package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/limiter"
)

// everyAction has a rule of each kind for the series a, b, c, d and leaves e alone.
const everyAction = `
- {name: keep-a, match: a, action: keep}
- {name: drop-b, match: b, action: drop}
- {name: thin-c, match: c, action: downsample, interval: 60s}
- {name: thin-d, match: d, action: downsample, interval: 5s}
- {name: shadow-e, match: e, action: downsample, interval: 60s, mode: shadow}
`

// nativeHistogram is a small valid one.
func nativeHistogram(ms int64, hint histogram.CounterResetHint, stale bool) prompb.Histogram {
	h := &histogram.Histogram{
		CounterResetHint: hint, Schema: 1, Count: 3, Sum: 4.5,
		PositiveSpans: []histogram.Span{{Offset: 0, Length: 2}}, PositiveBuckets: []int64{1, 1},
	}
	if stale {
		h = &histogram.Histogram{Sum: staleNaN}
	}
	return prompb.FromIntHistogram(ms, h)
}

// drawRequest draws a request over a few series, of the shapes that senders make
// and of some that they should not.
func drawRequest(t *rapid.T) []entry {
	var entries []entry
	for range rapid.IntRange(1, 6).Draw(t, "entries") {
		e := entry{labels: rapid.SampledFrom([]string{"a", "b", "c", "d", "e", `!c{x="1"}`, `b{x="1"}`, "f_sum", "f_count", `f_bucket{le="1"}`}).Draw(t, "series")}
		if rapid.IntRange(0, 5).Draw(t, "shape") == 0 {
			e.exemplars = 1
		} else {
			for range rapid.IntRange(1, 3).Draw(t, "samples") {
				ms := 1000 * rapid.Int64Range(0, 400).Draw(t, "s")
				v := float64(ms)
				if rapid.IntRange(0, 6).Draw(t, "stale") == 0 {
					v = staleNaN
				}
				e.points = append(e.points, point{ms, v})
			}
			if rapid.IntRange(0, 5).Draw(t, "histograms") == 0 {
				hint := rapid.SampledFrom([]histogram.CounterResetHint{
					histogram.UnknownCounterReset, histogram.CounterReset, histogram.NotCounterReset, histogram.GaugeType,
				}).Draw(t, "hint")
				e.points = nil
				e.hists = append(e.hists, nativeHistogram(1000*rapid.Int64Range(0, 400).Draw(t, "hs"), hint, rapid.IntRange(0, 5).Draw(t, "hstale") == 0))
			}
		}
		entries = append(entries, e)
	}
	return entries
}

// With policy unchanged, the retry of any request, after any loss, produces a
// byte-equal request: DESIGN, section 5.3.
func TestRetriesAreByteEqual(t *testing.T) {
	for _, spilled := range []bool{false, true} {
		for _, limited := range []bool{false, true} {
			t.Run(fmt.Sprintf("spilled=%v/limited=%v", spilled, limited), func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) { checkRetries(t, rt, spilled, limited) })
			})
		}
	}
}

func checkRetries(t *testing.T, rt *rapid.T, spilled, limited bool) {
	f := newFixture(t, everyAction)
	if limited {
		f.load(t, everyAction+everyPriority)
		f.limit(t, drawLimit(rt))
	}
	if spilled {
		f.states.budget.take(f.states.budget.left.Load())
	}
	for n := range rapid.IntRange(1, 12).Draw(rt, "requests") {
		body := bodyV1(drawRequest(rt)...)
		if limited {
			f.drawChange(rt)
		}
		var first []byte
		var plan *limiter.Plan
		for attempt := 0; ; attempt++ {
			loss := rapid.SampledFrom([]int{http.StatusNoContent, 0, http.StatusServiceUnavailable}).Draw(rt, "upstream")
			lost := rapid.IntRange(0, 2).Draw(rt, "lost") == 0 && attempt < 3
			f.store.answer = func(int, []byte) *http.Response {
				if loss == http.StatusNoContent || attempt > 3 {
					return status(http.StatusNoContent, "")
				}
				return status(loss, "")
			}
			before, now := f.store.count(), f.plan()
			rec := f.post(remotewrite.V1, body)
			var sent []byte
			if f.store.count() > before {
				sent = f.store.last()
			}
			if f.plan() != now { // it changed meanwhile, and nobody knows which one the attempt met
				now = nil
			}
			same := now != nil && now == plan // the attempt before may have emptied the bucket
			plan = now
			if attempt > 0 && same && !bytes.Equal(first, sent) {
				rt.Fatalf("request %d, attempt %d differs from the first:\n%s---\n%s", n, attempt, shown(t, first), shown(t, sent))
			}
			first = sent
			if rec.Code/100 != 5 && !lost {
				break
			}
		}
	}
}

// Every sample received has exactly one outcome, whatever the upstream does, and
// what is called forwarded was acknowledged.
func TestConservation(t *testing.T) {
	for _, limited := range []bool{false, true} {
		t.Run(fmt.Sprintf("limited=%v", limited), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { checkConservation(t, rt, limited) })
		})
	}
}

func checkConservation(t *testing.T, rt *rapid.T, limited bool) {
	f := newFixture(t, everyAction)
	if limited {
		f.load(t, everyAction+everyPriority)
		f.limit(t, drawLimit(rt))
	}
	received, acknowledged := uint64(0), uint64(0)
	for range rapid.IntRange(1, 12).Draw(rt, "requests") {
		entries := drawRequest(rt)
		if limited {
			f.drawChange(rt)
		}
		code := rapid.SampledFrom([]int{204, 204, 200, 202, 0, 400, 401, 404, 409, 413, 415, 422, 429, 500, 503, 302}).Draw(rt, "upstream")
		acked := uint64(0)
		f.store.answer = func(_ int, body []byte) *http.Response {
			if code/100 == 2 {
				acked = samplesOf(t, body)
			}
			return status(code, "")
		}
		for _, e := range entries {
			received += uint64(len(e.points) + len(e.hists))
		}
		before := f.counts(t)
		rec := f.post(remotewrite.V1, bodyV1(entries...))
		now := f.counts(t)
		if rec.Code/100 == 5 || rec.Code == http.StatusTooManyRequests {
			if now[Failed]-before[Failed] != now.Received()-before.Received() {
				rt.Fatalf("answer %d, yet not everything is failed: %v, before %v", rec.Code, now, before)
			}
		}
		acknowledged += acked
	}
	got := f.counts(t)
	if got.Received() != received {
		rt.Fatalf("outcomes add up to %d of %d samples: %v", got.Received(), received, got)
	}
	s := f.states.find("default")
	if want := acknowledged - s.markers + s.repeats; got[Forwarded] != want {
		rt.Fatalf("forwarded %d, the upstream acknowledged %d with %d markers of ours, %d repeated", got[Forwarded], acknowledged, s.markers, s.repeats)
	}
	rows, err := f.Flow("", ByMetric)
	if err != nil {
		rt.Fatal(err)
	}
	byRule, err := f.Flow("", ByRule)
	if err != nil {
		rt.Fatal(err)
	}
	for by, flow := range map[string]Flow{"metric": rows, "rule": byRule} {
		var sum Counts
		for _, r := range flow.Rows {
			sum.Add(&r.Counts)
		}
		if sum != got {
			rt.Fatalf("rows by %s add up to %v, want %v", by, sum, got)
		}
	}
}

func samplesOf(t *testing.T, body []byte) uint64 {
	var req prompb.WriteRequest
	if err := req.Unmarshal(body); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, ts := range req.Timeseries {
		n += len(ts.Samples) + len(ts.Histograms)
	}
	return uint64(n)
}

// What a store gets of a series is in order of time, without a timestamp twice,
// and thinned to one sample an interval, however the request had it.
func TestStoredSeriesAreWellFormed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t, everyAction)
		f.post(remotewrite.V1, bodyV1(drawRequest(rt)...))
		var req prompb.WriteRequest
		if body := f.store.last(); body != nil {
			if err := req.Unmarshal(body); err != nil {
				rt.Fatal(err)
			}
		}
		newest := map[string]int64{}
		for _, ts := range req.Timeseries {
			name := ""
			for i, l := range ts.Labels {
				name += l.Name + "=" + l.Value + ";"
				if i > 0 && l.Name <= ts.Labels[i-1].Name {
					rt.Fatalf("labels out of order: %v", ts.Labels)
				}
			}
			step := func(ms int64) {
				if old, ok := newest[name]; ok && ms <= old {
					rt.Fatalf("series %s: %d after %d", name, ms, old)
				}
				newest[name] = ms
			}
			for _, s := range ts.Samples {
				step(s.Timestamp)
				if name == "__name__=b;" && !value.IsStaleNaN(s.Value) {
					rt.Fatalf("a sample of a dropped series passed: %v", s)
				}
			}
			for _, h := range ts.Histograms {
				step(h.Timestamp)
			}
		}
	})
}
