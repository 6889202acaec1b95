package prom

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"

	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
)

// WritePath is where Prometheus takes remote-write.
const WritePath = "/api/v1/write"

// A Receiver is Prometheus' remote-write receiver on a database of its own,
// behind an HTTP server on loopback. It keeps nothing out of order, so that a
// reordered sample is a missing one. It is safe for concurrent use.
type Receiver struct {
	db      *tsdb.DB
	handler http.Handler
	server  *httptest.Server

	mu         sync.Mutex
	disordered int
	exemplars  map[string]map[string]bool // by series, as received
	problems   []error
}

// NewWriteHandler returns Prometheus' receiver of remote-write 1.0 and 2.0.
func NewWriteHandler(db *tsdb.DB, log *slog.Logger, reg prometheus.Registerer) http.Handler {
	accepted := remoteapi.MessageTypes{remoteapi.WriteV1MessageType, remoteapi.WriteV2MessageType}
	return remote.NewWriteHandler(log, reg, db, accepted, false, false, true)
}

// OpenReceiver starts a Receiver with its data in dir.
func OpenReceiver(dir string, log *slog.Logger) (*Receiver, error) {
	reg := prometheus.NewRegistry()
	db, err := OpenDatabase(filepath.Join(dir, "receiver"), 24*time.Hour, log, reg)
	if err != nil {
		return nil, err
	}
	r := &Receiver{db: db, handler: NewWriteHandler(db, log, reg), exemplars: make(map[string]map[string]bool)}
	r.server = httptest.NewServer(r)
	return r, nil
}

// ServeHTTP looks at the request and hands it to Prometheus.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the peer broke off: nothing to store, nobody to answer
	}
	r.inspect(req.Header, body)
	req.Body = io.NopCloser(bytes.NewReader(body))
	r.handler.ServeHTTP(w, req)
}

func (r *Receiver) inspect(header http.Header, body []byte) {
	m, err := decodeMessage(header, body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.problems = append(r.problems, err)
		return
	}
	r.disordered += m.Disordered()
	for _, e := range m.Entries {
		for _, x := range e.Exemplars {
			if r.exemplars[e.Series] == nil {
				r.exemplars[e.Series] = make(map[string]bool)
			}
			r.exemplars[e.Series][x] = true
		}
	}
}

// URL is where the Receiver takes remote-write.
func (r *Receiver) URL() string { return r.server.URL + WritePath }

// Content returns every stored sample.
func (r *Receiver) Content(ctx context.Context) (Content, error) { return readAll(ctx, r.db) }

// StoredExemplars returns every stored exemplar by series. A real Prometheus
// stores none over 2.0: its sender gives each an entry without samples, which
// its receiver refuses.
func (r *Receiver) StoredExemplars(ctx context.Context) (map[string][]string, error) {
	return readExemplars(ctx, r.db)
}

// Exemplar reports whether exemplar x of a series came in a request.
func (r *Receiver) Exemplar(series, x string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.exemplars[series][x]
}

// Disordered counts samples that came, within one request, not later than the
// one before them of their series: doubled or out of order.
func (r *Receiver) Disordered() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.disordered
}

// Problems returns what was wrong with requests that could not be decoded.
func (r *Receiver) Problems() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.problems...)
}

// Close stops the server and closes the database.
func (r *Receiver) Close() error {
	r.server.Close()
	return r.db.Close()
}
