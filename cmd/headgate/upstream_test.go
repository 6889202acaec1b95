package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// A wire is a version of remote-write.
type wire struct {
	name, contentType, version string
	encode                     func(ms int64, series []string) ([]byte, error)
}

var (
	wire1 = wire{"1.0", "application/x-protobuf", "0.1.0", encode1}
	wire2 = wire{"2.0", "application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0", encode2}
)

func (w wire) setHeaders(r *http.Request) {
	r.Header.Set("Content-Type", w.contentType)
	r.Header.Set("Content-Encoding", "snappy")
	r.Header.Set("X-Prometheus-Remote-Write-Version", w.version)
}

// body returns a request of one sample for each series, at ms. A series is
// written as its metric, and job=x behind a space.
func (w wire) body(t *testing.T, ms int64, series ...string) []byte {
	t.Helper()
	b, err := w.encode(ms, series)
	if err != nil {
		t.Fatal(err)
	}
	return snappy.Encode(nil, b)
}

// labelsOf returns name, value, … of a series as the tests write it.
func labelsOf(series string) []string {
	words := strings.Fields(series)
	ls := []string{"__name__", words[0]}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		ls = append(ls, name, value)
	}
	return ls
}

func encode1(ms int64, series []string) ([]byte, error) {
	req := &prompb.WriteRequest{}
	for i, s := range series {
		ts := prompb.TimeSeries{Samples: []prompb.Sample{{Value: float64(i), Timestamp: ms}}}
		for l := range slices.Chunk(labelsOf(s), 2) {
			ts.Labels = append(ts.Labels, prompb.Label{Name: l[0], Value: l[1]})
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	return req.Marshal()
}

func encode2(ms int64, series []string) ([]byte, error) {
	symbols := writev2.NewSymbolTable()
	req := &writev2.Request{}
	for i, s := range series {
		ts := writev2.TimeSeries{Samples: []writev2.Sample{{Value: float64(i), Timestamp: ms}}}
		for _, word := range labelsOf(s) {
			ts.LabelsRefs = append(ts.LabelsRefs, symbols.Symbolize(word))
		}
		req.Timeseries = append(req.Timeseries, ts)
	}
	req.Symbols = symbols.Symbols()
	return req.Marshal()
}

// A fakeStore is an upstream that remembers what was written to it.
type fakeStore struct {
	*httptest.Server
	mu      sync.Mutex
	bodies  [][]byte // compressed
	headers []http.Header
	series  []string      // in order of arrival
	status  int           // 0: it takes what comes
	gate    chan struct{} // what the next request waits for, or nil
	arrived chan struct{}
}

func newStore(t *testing.T) *fakeStore {
	s := &fakeStore{arrived: make(chan struct{}, 1000)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *fakeStore) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	s.arrived <- struct{}{}
	s.mu.Lock()
	gate := s.gate
	s.gate = nil
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status != 0 {
		http.Error(rw, "the store says no", s.status)
		return
	}
	names, err := decodeNames(r.Header.Get("Content-Type"), body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	if strings.Contains(r.Header.Get("Content-Type"), "v2") {
		rw.Header().Set("X-Prometheus-Remote-Write-Samples-Written", fmt.Sprint(len(names)))
	}
	s.bodies, s.headers, s.series = append(s.bodies, body), append(s.headers, r.Header), append(s.series, names...)
	rw.WriteHeader(http.StatusNoContent)
}

func decodeNames(contentType string, body []byte) ([]string, error) {
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, err
	}
	var names []string
	if strings.Contains(contentType, "v2") {
		var req writev2.Request
		if err := req.Unmarshal(raw); err != nil {
			return nil, err
		}
		for _, ts := range req.Timeseries {
			names = append(names, req.Symbols[ts.LabelsRefs[1]])
		}
		return names, nil
	}
	var req prompb.WriteRequest
	if err := req.Unmarshal(raw); err != nil {
		return nil, err
	}
	for _, ts := range req.Timeseries {
		names = append(names, ts.Labels[0].Value)
	}
	return names, nil
}

// hold makes the next request wait until the function it returns is called.
func (s *fakeStore) hold() (release func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = gate
	return sync.OnceFunc(func() { close(gate) })
}

// answer makes the store refuse what comes; 0 ends that.
func (s *fakeStore) answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

// taken returns the metrics of the series written since it was called last.
func (s *fakeStore) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := s.series
	s.series = nil
	return names
}

// last returns the newest request.
func (s *fakeStore) last(t *testing.T) ([]byte, http.Header) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.bodies) == 0 {
		t.Fatal("nothing was written to the store")
	}
	return s.bodies[len(s.bodies)-1], s.headers[len(s.headers)-1]
}
