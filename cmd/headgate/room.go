package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"time"
)

// A room bounds how many requests for pages and the API work at a time, so that
// samples always find a processor that no page holds. Who waits for a client, to
// read from it or to write to it, has no turn meanwhile.
//
// While pages are read, goroutines have as many processors more than there are as
// pages may hold. The kernel then shares the true ones, and it prefers who used
// little: samples. Go's own scheduler lets every goroutine have 10 ms. While nobody
// reads there are no more, because with more of them samples cost some 5 % more.
type room struct {
	turns      chan struct{}
	visited    chan struct{} // somebody has come
	processors int           // of samples; 0: they stay as they are
	share      func(processors int)
}

// pageTurns is how many requests for pages work at a time: two, so that one that
// takes long does not hold up the others, or a quarter of the processors.
func pageTurns(processors int) int { return max(2, processors/4) }

// lingering is how long after a page another is expected.
const lingering = 10 * time.Second

// newRoom returns the room of this process. Where somebody has said how many
// processors there are, by the environment or by a quota of the container, that
// stands: with more of them a quota is used up earlier, and then nothing runs until
// its period is over.
func newRoom() *room {
	n := runtime.GOMAXPROCS(0)
	r := roomFor(pageTurns(n))
	if os.Getenv("GOMAXPROCS") == "" && n == runtime.NumCPU() {
		r.processors, r.share = n, func(n int) { runtime.GOMAXPROCS(n) }
	}
	return r
}

func roomFor(turns int) *room {
	return &room{turns: make(chan struct{}, turns), visited: make(chan struct{}, 1)}
}

// run makes room while pages are read, until ctx is done.
func (r *room) run(ctx context.Context) error {
	if r.processors == 0 {
		return nil
	}
	for {
		select {
		case <-r.visited:
		case <-ctx.Done():
			return nil
		}
		r.share(r.processors + cap(r.turns))
		for read := true; read; {
			select {
			case <-r.visited:
			case <-time.After(lingering):
				read = len(r.turns) > 0
			case <-ctx.Done():
				read = false
			}
		}
		r.share(r.processors)
	}
}

// handler has requests wait for their turn.
func (r *room) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		t := &turn{room: r, ctx: req.Context()}
		if t.take() != nil {
			return // who asked has gone
		}
		defer t.give()
		select {
		case r.visited <- struct{}{}:
		default:
		}
		if req.Body != nil && req.Body != http.NoBody {
			req = req.WithContext(req.Context())
			req.Body = turnBody{req.Body, t}
		}
		next.ServeHTTP(&turnWriter{rw, t}, req)
	})
}

// A turn is that of one request. Its methods are called by one goroutine at a time.
type turn struct {
	room *room
	ctx  context.Context
	held bool
}

func (t *turn) take() error {
	select {
	case t.room.turns <- struct{}{}:
		t.held = true
		return nil
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
	}
}

func (t *turn) give() {
	if t.held {
		t.held = false
		<-t.room.turns
	}
}

// aside lets another have the turn while wait waits for the client.
func (t *turn) aside(wait func() (int, error)) (int, error) {
	t.give()
	n, err := wait()
	if e := t.take(); err == nil {
		err = e
	}
	return n, err
}

// turnWriter answers a client that may be slow.
type turnWriter struct {
	http.ResponseWriter
	turn *turn
}

func (w *turnWriter) Write(b []byte) (int, error) {
	return w.turn.aside(func() (int, error) { return w.ResponseWriter.Write(b) })
}

// Unwrap is for [http.ResponseController].
func (w *turnWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// turnBody is read from a client that may be slow.
type turnBody struct {
	io.ReadCloser
	turn *turn
}

func (b turnBody) Read(p []byte) (int, error) {
	return b.turn.aside(func() (int, error) { return b.ReadCloser.Read(p) })
}
