package bench

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
)

func newSink(t *testing.T, decode bool) *Sink {
	t.Helper()
	s, err := NewSink(decode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func expected(l *Load) Tally { return sentTally(l) }

func TestSinkCountsBothProtocols(t *testing.T) {
	for _, version := range []int{1, 2} {
		l := build(t, Spec{Series: 5000, Rounds: 4, Repeat: 2, Version: version, Tally: true})
		sink := newSink(t, true)
		sent, err := (&Sender{URL: sink.URL(), Version: version, Connections: 3}).Send(t.Context(), l.Rounds)
		if err != nil {
			t.Fatal(err)
		}
		got := sink.Received()
		if got.Tally != expected(l) || got.Malformed != 0 {
			t.Errorf("%d.0: sink has %+v, want %+v", version, got, expected(l))
		}
		if sent.Samples != Samples(l.Rounds) || sent.Retries != 0 || sent.Refused != 0 {
			t.Errorf("%d.0: sent %d samples with %d retries and %d refused, want %d, 0, 0: %s", version, sent.Samples, sent.Retries, sent.Refused, Samples(l.Rounds), sent.Problem)
		}
		if _, compressed := Bytes(l.Rounds); got.Bytes != int64(compressed) {
			t.Errorf("%d.0: sink counted %d bytes, want %d", version, got.Bytes, compressed)
		}
	}
}

func TestWrittenHeadersAnswerOnly2(t *testing.T) {
	for version, want := range map[int]string{1: "", 2: "1000"} {
		l := build(t, Spec{Series: 1000, Rounds: 1, Version: version})
		sink := newSink(t, false)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sink.URL(), bytes.NewReader(l.Rounds[0][0].Data))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", map[int]string{1: "application/x-protobuf", 2: "application/x-protobuf;proto=io.prometheus.write.v2.Request"}[version])
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("X-Prometheus-Remote-Write-Samples-Written"); resp.StatusCode != 204 || got != want {
			t.Errorf("%d.0: answered %d with %q samples written, want 204 and %q", version, resp.StatusCode, got, want)
		}
	}
}

// Under every fault that lets data through in the end, the sender's retries
// bring all of it: once, or twice where only the answer was lost.
func TestSenderOutlastsFaults(t *testing.T) {
	tests := []struct {
		name  string
		fault Fault
		twice bool
	}{
		{"answered 500", Fault{Share: 0.3, Status: 500}, false},
		{"answered 503", Fault{Share: 0.3, Status: 503}, false},
		{"connection reset", Fault{Share: 0.3, Reset: true}, false},
		{"slow", Fault{Share: 0.3, Delay: 5 * time.Millisecond}, false},
		{"stored, answer lost", Fault{Share: 0.3, LoseAnswer: true}, true},
	}
	l := build(t, Spec{Series: 40_000, Rounds: 1, Tally: true})
	want := expected(l)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sink := newSink(t, true)
			sink.Inject(tt.fault)
			sent, err := (&Sender{URL: sink.URL(), Connections: 2}).Send(t.Context(), l.Rounds)
			if err != nil {
				t.Fatal(err)
			}
			got := sink.Received()
			if sent.Samples != Samples(l.Rounds) || sent.Refused != 0 {
				t.Errorf("%d samples acknowledged and %d requests refused, want %d and 0: %s", sent.Samples, sent.Refused, Samples(l.Rounds), sent.Problem)
			}
			if got.Faults == 0 {
				t.Error("the fault struck no request")
			}
			if tt.twice && got.Samples <= want.Samples {
				t.Errorf("sink has %d samples, want more than the %d sent", got.Samples, want.Samples)
			}
			if !tt.twice && got.Tally != want {
				t.Errorf("sink has %+v, want %+v", got.Tally, want)
			}
		})
	}
}

func TestRefusedAndHangingSinkComesBack(t *testing.T) {
	l := build(t, Spec{Series: 4000, Rounds: 1, Tally: true})
	for name, f := range map[string]struct{ begin, end func(*Sink) error }{
		"refusing": {(*Sink).Refuse, (*Sink).Accept},
		"hanging": {
			func(s *Sink) error { s.Inject(Fault{Share: 1, Hang: true}); return nil },
			func(s *Sink) error { s.Inject(Fault{}); return nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			sink := newSink(t, true)
			if err := f.begin(sink); err != nil {
				t.Fatal(err)
			}
			done := make(chan *Sending)
			go func() {
				sent, err := (&Sender{URL: sink.URL(), Connections: 1}).Send(t.Context(), l.Rounds)
				if err != nil {
					t.Error(err)
				}
				done <- sent
			}()
			select {
			case <-done:
				t.Error("sent to a sink that takes nothing")
			case <-time.After(100 * time.Millisecond):
			}
			if err := f.end(sink); err != nil {
				t.Fatal(err)
			}
			sent := <-done
			if got := sink.Received(); sent.Samples != 4000 || got.Tally != expected(l) {
				t.Errorf("%d samples acknowledged, sink has %+v, want all of %+v", sent.Samples, got.Tally, expected(l))
			}
		})
	}
}

func TestSenderDropsWhatIsRefused(t *testing.T) {
	sink := newSink(t, true)
	sink.Inject(Fault{Share: 1, Status: 400})
	l := build(t, Spec{Series: 4000, Rounds: 1})
	sent, err := (&Sender{URL: sink.URL(), Connections: 1}).Send(t.Context(), l.Rounds)
	if err != nil {
		t.Fatal(err)
	}
	if sent.Refused != 2 || sent.Samples != 0 || sent.Retries != 0 {
		t.Errorf("%d refused, %d samples, %d retries; want 2, 0, 0", sent.Refused, sent.Samples, sent.Retries)
	}
}

func TestSinkRefusesMalformedBodies(t *testing.T) {
	for name, body := range map[string][]byte{
		"not snappy":      []byte("hello"),
		"declares 4 GiB":  declared4GiB(),
		"not protobuf":    snappy.Encode(nil, []byte{0x0a, 0x05, 0x01}),
		"cut off in text": snappy.Encode(nil, []byte(strings.Repeat("\x0a\x7f", 10))),
	} {
		sink := newSink(t, true)
		c := &client{sender: &Sender{URL: sink.URL(), Version: 1}}
		status, _, _, err := c.post(t.Context(), body)
		c.close()
		if err != nil || status != 400 || sink.Received().Malformed != 1 || sink.Received().Samples != 0 {
			t.Errorf("%s: answered %d (%v), sink has %+v, want 400 and nothing", name, status, err, sink.Received())
		}
	}
}
