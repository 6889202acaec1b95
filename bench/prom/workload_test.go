package prom

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
)

// The metrics of the workload, by what the rules of the tests do to them.
const (
	keptCounter  = "e2e_requests_total"
	keptGauge    = "e2e_temperature_celsius"
	endingGauge  = "e2e_ending"
	droppedGauge = "e2e_debug"
	thinnedGauge = "e2e_thinned"
	thinnedHist  = "e2e_thinned_native"
	keptHist     = "e2e_native"
	keptFloat    = "e2e_native_float"
)

const (
	targets    = 2
	scrapeMs   = 500  // between two scrapes of a target
	thinningMs = 5000 // interval of the downsample rule
)

// A workload makes scrapes of a few targets, the same for the same seed but
// for their timestamps.
type workload struct {
	random *rand.Rand
	baseMs int64 // timestamp of the first scrape
	round  int
	rounds int // in all; the ending series end at three fifths
}

// newWorkload begins a few seconds ahead of now: a sender skips what is older
// than itself, and a receiver what is ten minutes ahead of it.
func newWorkload(seed uint64, rounds int) *workload {
	return &workload{
		random: rand.New(rand.NewPCG(seed, 1)),
		baseMs: time.Now().Add(3 * time.Second).UnixMilli(),
		rounds: rounds,
	}
}

func series(name string, target, n int) labels.Labels {
	return labels.FromStrings(model.MetricNameLabel, name,
		"instance", fmt.Sprintf("10.0.0.%d:9100", target), "job", "node", "n", fmt.Sprint(n))
}

// isOf reports whether series, as Prometheus prints it, is one of metric.
func isOf(series, metric string) bool {
	return strings.HasPrefix(series, fmt.Sprintf("{__name__=%q, ", metric))
}

func named(content Content, metric string) Content {
	return content.Filter(func(s string) bool { return isOf(s, metric) })
}

// next is one round: a scrape of every target, each at its own moment.
func (w *workload) next() map[int64][]Sample {
	scrapes := make(map[int64][]Sample, targets)
	for target := range targets {
		ms := w.baseMs + int64(w.round)*scrapeMs + int64(target)*137
		scrapes[ms] = w.scrape(target, ms)
	}
	w.round++
	return scrapes
}

// odd are values that do not survive careless handling: NaNs with a payload, a
// quiet and a signalling one, infinities, the smallest number. Negative zero is
// not among them: Prometheus' own encoder leaves it out, so that it arrives as
// zero.
var odd = []float64{
	math.Float64frombits(0x7ff8_0000_dead_beef), math.Float64frombits(0x7ff0_0000_dead_beef),
	math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat64, 0.1 + 0.2, 0,
}

func (w *workload) scrape(target int, ms int64) []Sample {
	var out []Sample
	add := func(name string, n int, value float64) {
		out = append(out, Sample{Series: series(name, target, n), Value: value})
	}
	for n := range 8 {
		add(keptCounter, n, float64(w.round*(n+1)))
		if (w.round+n)%5 == 0 {
			out[len(out)-1].Exemplar = &exemplar.Exemplar{
				Labels: labels.FromStrings("trace_id", fmt.Sprintf("%d-%d-%d", target, n, w.round)),
				Value:  w.random.Float64(), Ts: ms, HasTs: true,
			}
		}
	}
	for n := range 4 {
		add(keptGauge, n, odd[(w.round+n)%len(odd)])
	}
	for n := range 6 {
		add(droppedGauge, n, w.random.NormFloat64())
		add(thinnedGauge, n, w.random.NormFloat64())
	}
	for n := range 2 {
		out = append(out, Sample{Series: series(keptHist, target, n), Histogram: w.histogram(n)})
		out = append(out, Sample{Series: series(thinnedHist, target, n), Histogram: w.histogram(n)})
	}
	out = append(out, Sample{Series: series(keptFloat, target, 0), Float: w.histogram(7).ToFloat(nil)})
	switch end := w.rounds * 3 / 5; {
	case w.round < end:
		add(endingGauge, 0, float64(w.round))
		out = append(out, Sample{Series: series(keptHist, target, 99), Histogram: w.histogram(99)})
	case w.round == end:
		out = append(out, StaleMarker(series(endingGauge, target, 0)), StaleHistogram(series(keptHist, target, 99)))
	}
	return out
}

// histogram grows with the round, with the same buckets throughout.
func (w *workload) histogram(n int) *histogram.Histogram {
	step := uint64(w.round + 1)
	return &histogram.Histogram{
		Schema: 1, ZeroThreshold: 0.001, ZeroCount: step,
		Count: step * 6, Sum: float64(step) * (float64(n) + 0.1),
		PositiveSpans:   []histogram.Span{{Offset: 0, Length: 2}, {Offset: 1, Length: 1}},
		PositiveBuckets: []int64{int64(step), 0, int64(step)},
		NegativeSpans:   []histogram.Span{{Offset: -2, Length: 1}},
		NegativeBuckets: []int64{int64(step)},
	}
}

// load appends rounds rounds, never more than backlog samples ahead of what is
// being sent.
func (w *workload) load(ctx context.Context, s *Sender, rounds, backlog int) error {
	for range rounds {
		for ms, scrape := range w.next() {
			if err := s.Append(ctx, ms, scrape); err != nil {
				return err
			}
		}
		if err := eventually(ctx, "the sender catches up", func() bool { return s.Backlog() < backlog }); err != nil {
			return err
		}
	}
	return nil
}

func TestTheWorkloadKeepsItsTimestampsInOrder(t *testing.T) {
	w, last := newWorkload(1, 20), make(map[string]int64)
	for range 20 {
		for ms, scrape := range w.next() {
			for _, sample := range scrape {
				if before := last[sample.Series.String()]; before >= ms {
					t.Fatalf("%s at %d comes after %d", sample.Series, ms, before)
				}
				last[sample.Series.String()] = ms
			}
		}
	}
	if len(last) == 0 {
		t.Fatal("the workload is empty")
	}
}
