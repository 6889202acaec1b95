package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
)

// turns bounds how many requests for pages and the API work at a time, so that
// samples always find a processor that no page holds. Who waits for a client, to
// read from it or to write to it, has no turn meanwhile.
type turns chan struct{}

// pageTurns is how many requests for pages work at a time: two, so that one that
// takes long does not hold up the others, or a quarter of the processors.
func pageTurns(processors int) int { return max(2, processors/4) }

// makeRoom gives goroutines as many processors more than there are as pages may
// hold, and returns the turns. The kernel then shares the true ones, and it prefers
// who used little: samples. Go's own scheduler lets every goroutine have 10 ms.
//
// Where somebody has said how many there are, by the environment or by a quota of
// the container, that stands: with more of them a quota is used up earlier, and
// nothing runs until its period is over.
func makeRoom() turns {
	n := runtime.GOMAXPROCS(0)
	t := make(turns, pageTurns(n))
	if os.Getenv("GOMAXPROCS") == "" && n == runtime.NumCPU() {
		runtime.GOMAXPROCS(n + cap(t))
	}
	return t
}

// handler has requests wait for their turn.
func (t turns) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		turn := &turn{turns: t, ctx: r.Context()}
		if turn.take() != nil {
			return // who asked has gone
		}
		defer turn.give()
		if r.Body != nil && r.Body != http.NoBody {
			r = r.WithContext(r.Context())
			r.Body = turnBody{r.Body, turn}
		}
		next.ServeHTTP(&turnWriter{rw, turn}, r)
	})
}

// A turn is that of one request. Its methods are called by one goroutine at a time.
type turn struct {
	turns turns
	ctx   context.Context
	held  bool
}

func (t *turn) take() error {
	select {
	case t.turns <- struct{}{}:
		t.held = true
		return nil
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
	}
}

func (t *turn) give() {
	if t.held {
		t.held = false
		<-t.turns
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
