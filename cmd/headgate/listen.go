package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/time/rate"
)

const (
	headerTimeout  = 10 * time.Second // for the header of a request to arrive
	idleTimeout    = 3 * time.Minute  // between requests; senders' scrape intervals are shorter
	requestTimeout = 5 * time.Minute  // for all of a request and its answer, profiles included
	maxHeaderBytes = 64 << 10
	maxStreams     = 250 // of one HTTP/2 connection
)

// A server is one listener with its handler.
type server struct {
	name      string
	conns     *conns
	http      *http.Server
	webConfig string // file of TLS and basic auth, "" for none
	log       *slog.Logger
}

// listenConfig says what one listener is for.
type listenConfig struct {
	name           string
	address        string
	webConfig      string
	maxConnections int
	ingest         bool // takes remote-write
}

// listen opens a listener. open is what it answers without authentication, by
// path; everything else is next's.
func listen(ctx context.Context, c listenConfig, open map[string]http.Handler, next http.Handler, log *slog.Logger) (*server, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.address)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", c.name, err)
	}
	log = log.With(slog.String("listener", c.name))
	s := &server{name: c.name, conns: newConns(l, c.maxConnections), webConfig: c.webConfig, log: log}
	s.http = &http.Server{
		Handler:           s.conns.watchBodies(next),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnState:         s.conns.state,
		ConnContext:       connContext,
		ErrorLog:          slog.NewLogLogger(calm(log.Handler()), slog.LevelWarn),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		Protocols:         new(http.Protocols),
	}
	s.http.Protocols.SetHTTP1(true)
	// What bounds connections counts on one request a connection, and senders gain
	// nothing from HTTP/2.
	s.http.Protocols.SetHTTP2(!c.ingest)
	// The toolkit puts its authentication around the server's handler, and accepts
	// connections only then.
	s.conns.Listener = &beforeFirst{Listener: l, do: func() {
		guarded := s.http.Handler
		s.http.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if h := open[r.URL.Path]; h != nil {
				h.ServeHTTP(rw, r)
				return
			}
			guarded.ServeHTTP(rw, r)
		})
	}}
	return s, nil
}

// A beforeFirst does something before it accepts its first connection.
type beforeFirst struct {
	net.Listener
	once sync.Once
	do   func()
}

// Accept implements net.Listener.
func (l *beforeFirst) Accept() (net.Conn, error) {
	l.once.Do(l.do)
	return l.Listener.Accept()
}

// run serves until the server is shut down.
func (s *server) run() error {
	err := web.Serve(s.conns, s.http, &web.FlagConfig{WebConfigFile: &s.webConfig}, s.log)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	_ = s.conns.Close()
	return fmt.Errorf("serve %s: %w", s.name, err)
}

// shutdown ends the server: requests under way may finish until ctx is done.
func (s *server) shutdown(ctx context.Context) {
	if err := s.http.Shutdown(ctx); err != nil {
		s.log.Warn("requests were cut off", slog.Any("err", err))
		_ = s.http.Close()
	}
}

// calm returns a handler that passes on a few records a second: strangers cause
// them, and must not fill a disk.
func calm(h slog.Handler) slog.Handler {
	return &calmHandler{Handler: h, limiter: rate.NewLimiter(rate.Every(time.Second), 10)}
}

type calmHandler struct {
	slog.Handler
	limiter *rate.Limiter
	left    atomic.Int64 // records left out since the last that was not
}

// Handle implements slog.Handler.
func (h *calmHandler) Handle(ctx context.Context, r slog.Record) error {
	if !h.limiter.Allow() {
		h.left.Add(1)
		return nil
	}
	if n := h.left.Swap(0); n > 0 {
		r.AddAttrs(slog.Int64("left_out", n))
	}
	return h.Handler.Handle(ctx, r)
}
