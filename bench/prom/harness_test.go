package prom

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/value"
)

// direct is a run without headgate: sender, one proxy, receiver.
func direct(t *testing.T, version int, faults *Faults) (*Sender, *Proxy, *Receiver) {
	t.Helper()
	ctx := deadline(t)
	receiver, err := OpenReceiver(t.TempDir(), quiet())
	must(t, err)
	closing(t, receiver)
	proxy, err := NewProxy(ctx, receiver.server.URL, faults)
	must(t, err)
	closing(t, proxy)
	sender, err := OpenSender(t.TempDir(), SenderConfig{
		URL: proxy.URL() + WritePath, Version: version, Shards: 4, BatchSamples: 100, Timeout: time.Second,
	}, quiet())
	must(t, err)
	closing(t, sender)

	must(t, newWorkload(*seed, 80).load(ctx, sender, 80, 2000))
	must(t, sender.Wait(ctx))
	must(t, proxy.Problems())
	must(t, receiver.Problems())
	return sender, proxy, receiver
}

func TestNothingIsLostWithoutHeadgate(t *testing.T) {
	for version, name := range map[int]string{1: "1.0", 2: "2.0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults := NewFaults(*seed, 0.3, append(Honest(), Late)...)
			sender, proxy, receiver := direct(t, version, faults)
			got, err := receiver.Content(t.Context())
			must(t, err)
			if d := Compare(sender.Log(), got); !d.Zero() {
				t.Errorf("store differs from what was appended: %v", d)
			}
			for s, exemplars := range sender.Exemplars() {
				for _, x := range exemplars {
					if !receiver.Exemplar(s, x) {
						t.Fatalf("exemplar %s of %s did not come", x, s)
					}
				}
			}
			if version == 1 {
				stored, err := receiver.StoredExemplars(t.Context())
				must(t, err)
				if d := cmp.Diff(sender.Exemplars(), stored); d != "" {
					t.Errorf("stored exemplars (-want +got):\n%s", d)
				}
			}
			if n := receiver.Disordered(); n != 0 {
				t.Errorf("%d samples came disordered within a request", n)
			}
			if faults.Injected() == 0 || proxy.Tally().Repeated == 0 {
				t.Errorf("the run shows nothing: faults %v, tally %+v", faults, proxy.Tally())
			}
			t.Logf("samples=%d stored=%d retried=%d faults: %v", sender.Log().Points(), got.Points(), sender.Retried(), faults)
		})
	}
}

func TestASwallowedRequestIsDetected(t *testing.T) {
	for version, name := range map[int]string{1: "1.0", 2: "2.0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults := NewFaults(*seed, 0.05, Swallow)
			sender, _, receiver := direct(t, version, faults)
			got, err := receiver.Content(t.Context())
			must(t, err)
			d := Compare(sender.Log(), got)
			if faults.Injected() == 0 || d.Missing == 0 || d.Wrong != 0 || d.Extra != 0 {
				t.Errorf("%v after faults %v; want missing samples and nothing else", d, faults)
			}
			t.Logf("%v, faults: %v", d, faults)
		})
	}
}

func TestCompare(t *testing.T) {
	point := func(ms int64, v float64) Point { return Point{Ms: ms, Bits: math.Float64bits(v)} }
	want := Content{"a": {point(1, 1), point(2, math.Copysign(0, -1)), point(3, 3)}}
	tests := []struct {
		name string
		got  Content
		want [3]int // missing, wrong, extra
	}{
		{"the same content", Content{"a": want["a"]}, [3]int{0, 0, 0}},
		{"a missing series", Content{}, [3]int{3, 0, 0}},
		{"a missing sample in the middle", Content{"a": {want["a"][0], want["a"][2]}}, [3]int{1, 0, 0}},
		{"a zero that lost its sign", Content{"a": {point(1, 1), point(2, 0), point(3, 3)}}, [3]int{0, 1, 0}},
		{"a sample that came twice", Content{"a": {point(1, 1), point(1, 1), want["a"][1], point(3, 3)}}, [3]int{0, 0, 1}},
		{"an invented series", Content{"a": want["a"], "b": {point(1, 1)}}, [3]int{0, 0, 1}},
		{"a float in the place of a histogram", Content{"a": {{Ms: 1, Bits: want["a"][0].Bits, Histogram: "int"}, want["a"][1], want["a"][2]}}, [3]int{0, 1, 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := Compare(want, test.got)
			if got := [3]int{d.Missing, d.Wrong, d.Extra}; got != test.want {
				t.Errorf("Compare = %v, want %v", d, test.want)
			}
		})
	}
}

func TestThin(t *testing.T) {
	stale := Point{Ms: 12_500, Bits: value.StaleNaN}
	in := []Point{{Ms: 9_000}, {Ms: 9_999}, {Ms: 10_000}, {Ms: 12_000}, stale, {Ms: 13_000}, {Ms: 14_000}, {Ms: 15_000}, {Ms: 41_000}}
	want := []Point{{Ms: 9_000}, {Ms: 10_000}, stale, {Ms: 13_000}, {Ms: 15_000}, {Ms: 41_000}}
	if d := cmp.Diff(want, Thin(in, 5_000)); d != "" {
		t.Errorf("Thin (-want +got):\n%s", d)
	}
}
