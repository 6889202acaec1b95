package main

import (
	"container/list"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// minArrival is how long the body of a request may take to arrive before its
// connection can be closed to make room for another. Senders on any usable
// network need milliseconds.
const minArrival = 5 * time.Second

// conns bounds how many connections a listener has open, so that connections
// that do nothing can neither use up memory nor keep others out: where a new one
// would be too many, that which was idle longest is closed, or else one whose
// request takes its time to arrive. Only while all are busy do new ones wait.
type conns struct {
	net.Listener
	max     int
	arrival time.Duration // how long a request may take to arrive where there is no room

	mu        sync.Mutex
	room      sync.Cond // signalled when an open connection closes, goes idle, or the listener closes
	open      int
	closings  uint64    // of connections, to make room
	idle      list.List // of *conn: no request, or only a part of its header; longest first
	receiving list.List // of *conn: the header of a request, and not yet all of its body
	closed    bool
}

// A conn is a connection that conns counts.
type conn struct {
	net.Conn
	counted bool          // guarded by conns.mu, as what follows
	in      *list.List    // idle, receiving or nil
	place   *list.Element // in it
	since   time.Time     // in in
}

func newConns(l net.Listener, most int) *conns {
	cs := &conns{Listener: l, max: most, arrival: minArrival}
	cs.room.L = &cs.mu
	return cs
}

// Accept returns the next connection once there is room for it.
func (cs *conns) Accept() (net.Conn, error) {
	raw, err := cs.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for cs.open >= cs.max && !cs.closed {
		if victim := cs.dispensable(); victim != nil {
			cs.forget(victim)
			cs.closings++
			_ = victim.Close() // its reader notices
			continue
		}
		cs.wait()
	}
	if cs.closed {
		_ = raw.Close()
		return nil, net.ErrClosed
	}
	cs.open++
	c.counted = true
	cs.move(c, &cs.idle)
	return c, nil
}

// wait waits for room, or until a request has been arriving for too long.
func (cs *conns) wait() {
	if front := cs.receiving.Front(); front != nil {
		left := cs.arrival - time.Since(front.Value.(*conn).since)
		wake := time.AfterFunc(left, func() {
			cs.mu.Lock() // not between the check and the wait
			defer cs.mu.Unlock()
			cs.room.Broadcast()
		})
		defer wake.Stop()
	}
	cs.room.Wait()
}

// dispensable returns the connection to close for another, or nil.
func (cs *conns) dispensable() *conn {
	if e := cs.idle.Front(); e != nil {
		return e.Value.(*conn)
	}
	if e := cs.receiving.Front(); e != nil && time.Since(e.Value.(*conn).since) >= cs.arrival {
		return e.Value.(*conn)
	}
	return nil
}

// Close closes the listener and lets a waiting Accept return.
func (cs *conns) Close() error {
	cs.mu.Lock()
	cs.closed = true
	cs.room.Broadcast()
	cs.mu.Unlock()
	return cs.Listener.Close()
}

// count returns how many connections are open, and how many were closed to make
// room.
func (cs *conns) count() (open int, closings uint64) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.open, cs.closings
}

// move puts c into another list, nil for none. The lock is held.
func (cs *conns) move(c *conn, to *list.List) {
	if c.in != nil {
		c.in.Remove(c.place)
	}
	c.in, c.place, c.since = to, nil, time.Now()
	if to != nil {
		c.place = to.PushBack(c)
	}
}

// forget stops counting c. The lock is held.
func (cs *conns) forget(c *conn) {
	if !c.counted {
		return
	}
	c.counted = false
	cs.move(c, nil)
	cs.open--
	cs.room.Broadcast()
}

// state is the server's ConnState.
func (cs *conns) state(nc net.Conn, s http.ConnState) {
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok { // TLS
		nc = t.NetConn()
	}
	c, ok := nc.(*conn)
	if !ok {
		return
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !c.counted {
		return
	}
	switch s {
	case http.StateActive:
		cs.move(c, nil)
	case http.StateIdle:
		cs.move(c, &cs.idle)
		cs.room.Broadcast()
	case http.StateClosed, http.StateHijacked:
		cs.forget(c)
	}
}

// connKey is where a request's context holds its connection.
type connKey struct{}

// connContext is the server's ConnContext.
func connContext(ctx context.Context, nc net.Conn) context.Context {
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, nc)
}

// watchBodies tells cs which requests are still arriving. It is for HTTP/1, where
// a connection has one request at a time.
func (cs *conns) watchBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(*conn)
		if !ok || r.ProtoMajor != 1 || r.ContentLength == 0 {
			next.ServeHTTP(rw, r)
			return
		}
		cs.set(c, &cs.receiving)
		b := &body{ReadCloser: r.Body, left: r.ContentLength, done: func() { cs.set(c, nil) }}
		r.Body = b
		next.ServeHTTP(rw, r)
		if !b.arrived {
			// The server reads the rest, to use the connection again. It must not wait.
			_ = http.NewResponseController(rw).SetReadDeadline(time.Now().Add(time.Second))
		}
	})
}

func (cs *conns) set(c *conn, to *list.List) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c.counted {
		cs.move(c, to)
		cs.room.Broadcast()
	}
}

// A body calls done when it has arrived to its end.
type body struct {
	io.ReadCloser
	left    int64 // negative where the length is not known
	arrived bool
	done    func()
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left >= 0 {
		b.left -= int64(n)
	}
	if (err == io.EOF || b.left == 0) && !b.arrived {
		b.arrived = true
		b.done()
	}
	return n, err
}
