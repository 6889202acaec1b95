package prom

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Ports that must be the same after a pause are taken from below the range
// from which the kernel serves outgoing connections, lest one of those takes
// the port meanwhile.
const (
	lowestPort  = 15000
	highestPort = 32000
)

// listen listens on a free loopback port that will still be free after it was
// closed for a moment.
func listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	for range 1000 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		ln, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return ln, nil
		}
	}
	return nil, errors.New("no free port on loopback")
}

// A gate is a listener that can refuse connections for a moment. It is safe
// for concurrent use.
type gate struct {
	address net.Addr

	mu      sync.Mutex
	changed *sync.Cond
	open    net.Listener // nil while it refuses
	closed  bool
}

func openGate(ctx context.Context) (*gate, error) {
	ln, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	g := &gate{address: ln.Addr(), open: ln}
	g.changed = sync.NewCond(&g.mu)
	return g, nil
}

// refuse closes the port for d, unless it is closed already.
func (g *gate) refuse(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil || g.closed {
		return
	}
	_ = g.open.Close() // a listener that cannot be closed refuses all the same
	g.open = nil
	time.AfterFunc(d, g.reopen)
}

// refusing reports whether the port is closed at the moment.
func (g *gate) refusing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open == nil
}

func (g *gate) reopen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", g.address.String())
	if err != nil {
		time.AfterFunc(10*time.Millisecond, g.reopen)
		return
	}
	g.open = ln
	g.changed.Broadcast()
}

// Accept waits for a connection, through the moments of refusal.
func (g *gate) Accept() (net.Conn, error) {
	for {
		g.mu.Lock()
		for g.open == nil && !g.closed {
			g.changed.Wait()
		}
		ln, closed := g.open, g.closed
		g.mu.Unlock()
		if closed {
			return nil, net.ErrClosed
		}
		if conn, err := ln.Accept(); err == nil || !errors.Is(err, net.ErrClosed) {
			return conn, err
		}
	}
}

// Close ends the listener for good.
func (g *gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.changed.Broadcast()
	if g.open == nil {
		return nil
	}
	return g.open.Close()
}

// Addr is the address on which it listens, or will again.
func (g *gate) Addr() net.Addr { return g.address }
