package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang/snappy"
)

// A Received is what a sink has stored since it was made or last reset.
type Received struct {
	Requests  int64
	Bytes     int64 // of compressed bodies
	Malformed int64 // bodies that do not decode, answered 400
	Faults    int64 // requests that a fault struck
	Tally           // 1.0: only where the sink decodes; Sum likewise
}

// A Sink is a fake upstream: it takes remote-write 1.0 and 2.0, counts, and
// forgets. It may be used by any number of goroutines.
type Sink struct {
	decode   bool
	addr     string // settled when the sink is made, read by any goroutine
	requests atomic.Int64
	fault    atomic.Pointer[injection]
	work     sync.Pool // *sinkWork

	mu       sync.Mutex
	server   *http.Server
	received Received
}

type sinkWork struct {
	body   []byte
	raw    []byte
	walker walker
}

// NewSink listens on a free port of loopback. With decode it counts and hashes
// every sample; without it, it decodes only 2.0, whose answers must say how
// many samples were written.
func NewSink(decode bool) (*Sink, error) {
	s := &Sink{decode: decode}
	s.work.New = func() any { return new(sinkWork) }
	s.fault.Store(&injection{released: make(chan struct{})})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open sink: %w", err)
	}
	s.addr = l.Addr().String()
	s.serve(l)
	return s, nil
}

// URL is where the sink takes remote-write.
func (s *Sink) URL() string { return "http://" + s.addr + "/api/v1/write" }

// Accept opens the port again after Refuse.
func (s *Sink) Accept() error {
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("open sink: %w", err)
	}
	s.serve(l)
	return nil
}

func (s *Sink) serve(l net.Listener) {
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	s.mu.Lock()
	s.server = server
	s.mu.Unlock()
	go server.Serve(l) // ends when the server is closed
}

// Refuse closes the port and every connection; Accept opens it again.
func (s *Sink) Refuse() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server.Close()
}

// Close ends the sink.
func (s *Sink) Close() error {
	s.Inject(Fault{})
	return s.Refuse()
}

// Received returns what was stored so far.
func (s *Sink) Received() Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.received
}

// Reset forgets what was stored.
func (s *Sink) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = Received{}
}

// ServeHTTP answers one write request.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	work := s.work.Get().(*sinkWork)
	defer s.work.Put(work)
	var err error
	if work.body, err = readBody(work.body[:0], r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f := s.fault.Load()
	struck := f.hit(s.requests.Add(1))
	if struck {
		s.add(Received{Faults: 1})
		if !f.before(w, r) {
			return
		}
	}
	version := versionOf(r.Header.Get("Content-Type"))
	got := Received{Requests: 1, Bytes: int64(len(work.body))}
	if s.decode || version == 2 {
		if got.Tally, err = work.read(version, s.decode); err != nil {
			s.add(Received{Malformed: 1})
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	s.add(got)
	if struck && f.LoseAnswer {
		reset(w)
		return
	}
	if version == 2 {
		const prefix = "X-Prometheus-Remote-Write-"
		w.Header().Set(prefix+"Samples-Written", strconv.FormatInt(got.Samples, 10))
		w.Header().Set(prefix+"Histograms-Written", strconv.FormatInt(got.Histograms, 10))
		w.Header().Set(prefix+"Exemplars-Written", strconv.FormatInt(got.Exemplars, 10))
	}
	w.WriteHeader(http.StatusNoContent)
}

// before does what a fault does before the body is stored, and reports whether
// the request goes on.
func (f *injection) before(w http.ResponseWriter, r *http.Request) bool {
	if f.Delay > 0 {
		wait(r.Context(), f.Delay)
	}
	if f.Hang {
		select {
		case <-f.released:
		case <-r.Context().Done():
			return false
		}
	}
	switch {
	case f.Reset:
		reset(w)
		return false
	case f.Status != 0:
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		http.Error(w, "fault of the bench's sink", f.Status)
		return false
	}
	return true
}

// reset ends the connection with a TCP reset.
func reset(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0) // fails only on a closed connection, which is as good
	}
	c.Close()
}

func (s *Sink) add(r Received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received.Requests += r.Requests
	s.received.Bytes += r.Bytes
	s.received.Malformed += r.Malformed
	s.received.Faults += r.Faults
	s.received.Add(r.Tally)
}

// read decompresses the body and counts what it holds.
func (w *sinkWork) read(version int, sum bool) (Tally, error) {
	n, err := snappy.DecodedLen(w.body)
	if err != nil {
		return Tally{}, err
	}
	const most = 256 << 20
	if n > most {
		return Tally{}, fmt.Errorf("body declares %d bytes, more than %d", n, most)
	}
	if cap(w.raw) < n {
		w.raw = make([]byte, n)
	}
	if w.raw, err = snappy.Decode(w.raw[:cap(w.raw)], w.body); err != nil {
		return Tally{}, err
	}
	return w.walker.walk(version, w.raw, sum)
}

// versionOf returns the protocol that a media type names.
func versionOf(contentType string) int {
	_, params, err := mime.ParseMediaType(contentType)
	if err == nil && params["proto"] == "io.prometheus.write.v2.Request" {
		return 2
	}
	return 1
}

func readBody(dst []byte, r *http.Request) ([]byte, error) {
	if n := r.ContentLength; n > 0 && n < 64<<20 && int64(cap(dst)) < n {
		dst = make([]byte, 0, n+512)
	}
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Body.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// wait returns after d, or earlier when ctx is done, and reports which.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
