package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// eventually polls until what is asked for is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			t.Fatalf("waited %s in vain: %s", patience, what)
		case <-tick.C:
		}
	}
}

// A socketServer is a server with few connections whose handler can be held up.
type socketServer struct {
	*server
	hold chan struct{} // requests to /hold wait for it
	held chan struct{} // such requests under way
}

func serveSockets(t *testing.T, most int, change func(*server)) *socketServer {
	t.Helper()
	ss := &socketServer{hold: make(chan struct{}), held: make(chan struct{}, 100)}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(rw, "ok")
	})
	mux.HandleFunc("/hold", func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		ss.held <- struct{}{}
		<-ss.hold
		fmt.Fprint(rw, "ok")
	})
	mux.HandleFunc("/refuse", func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "no", http.StatusUnsupportedMediaType)
	})
	s, err := listen(t.Context(), listenConfig{name: "ingest", address: "127.0.0.1:0", maxConnections: most, ingest: true}, nil, mux, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(s)
	}
	ss.server = s
	ended := make(chan error, 1)
	go func() { ended <- s.run() }()
	t.Cleanup(func() {
		_ = s.http.Close()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
		eventually(t, "every connection is forgotten", func() bool { open, _ := s.conns.count(); return open == 0 })
	})
	return ss
}

func (ss *socketServer) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", ss.conns.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// idle opens a connection that sends nothing, and returns once it is counted.
func (ss *socketServer) idle(t *testing.T) net.Conn {
	t.Helper()
	before, closings := ss.conns.count()
	c := ss.dial(t)
	eventually(t, "the connection is counted", func() bool {
		open, now := ss.conns.count()
		return open > before || now > closings
	})
	return c
}

// ask sends a request on c and returns the body of its answer.
func ask(c net.Conn, path string) (string, error) {
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path); err != nil {
		return "", err
	}
	return answerOf(c)
}

func answerOf(c net.Conn) (string, error) {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return strings.TrimSpace(string(b)), err
}

func wantOK(t *testing.T, c net.Conn, path string) {
	t.Helper()
	if got, err := ask(c, path); got != "ok" || err != nil {
		t.Fatalf("GET %s: %q, %v; want ok", path, got, err)
	}
}

// wantClosed waits for the other side to close c.
func wantClosed(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := c.Read(make([]byte, 1))
	if ne, ok := errors.AsType[net.Error](err); err == nil || ok && ne.Timeout() {
		t.Fatalf("read: %v, want a closed connection", err)
	}
}

func TestANewcomerClosesTheConnectionIdleLongest(t *testing.T) {
	ss := serveSockets(t, 3, nil)
	first, second, third := ss.idle(t), ss.idle(t), ss.idle(t)
	wantOK(t, first, "/") // now the second is idle longest
	fourth := ss.dial(t)
	wantOK(t, fourth, "/")
	wantClosed(t, second)
	wantOK(t, third, "/")
	wantOK(t, first, "/")
	if open, closings := ss.conns.count(); open != 3 || closings != 1 {
		t.Errorf("%d connections are open and %d were closed, want 3 and 1", open, closings)
	}
}

func TestHalfAHeaderIsIdle(t *testing.T) {
	ss := serveSockets(t, 1, nil)
	slow := ss.idle(t)
	if _, err := io.WriteString(slow, "POST / HTTP/1.1\r\nHost: a\r\n"); err != nil {
		t.Fatal(err)
	}
	wantOK(t, ss.dial(t), "/")
	wantClosed(t, slow)
}

func TestNewcomersWaitWhileAllAreBusy(t *testing.T) {
	ss := serveSockets(t, 2, nil)
	answers := make(chan error, 2)
	for range 2 {
		c := ss.dial(t)
		go func() {
			_, err := ask(c, "/hold")
			answers <- err
		}()
		<-ss.held
	}
	newcomer := ss.dial(t)
	served := make(chan error, 1)
	go func() {
		_, err := ask(newcomer, "/")
		served <- err
	}()
	select {
	case err := <-served:
		t.Fatalf("the newcomer was served while all were busy: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(ss.hold)
	for range 2 {
		if err := <-answers; err != nil {
			t.Errorf("a busy connection was cut off: %v", err)
		}
	}
	if err := <-served; err != nil {
		t.Errorf("the newcomer was not served: %v", err)
	}
}

func TestABodyThatDoesNotArriveMakesRoom(t *testing.T) {
	ss := serveSockets(t, 1, func(s *server) { s.conns.arrival = 30 * time.Millisecond })
	slow := ss.idle(t)
	if _, err := io.WriteString(slow, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the request has begun", func() bool {
		ss.conns.mu.Lock()
		defer ss.conns.mu.Unlock()
		return ss.conns.receiving.Len() == 1
	})
	wantOK(t, ss.dial(t), "/")
	wantClosed(t, slow)
}

func TestABodyThatArrivedDoesNotMakeRoom(t *testing.T) {
	ss := serveSockets(t, 1, func(s *server) { s.conns.arrival = 0 })
	c := ss.dial(t)
	if _, err := io.WriteString(c, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	<-ss.held
	newcomer := ss.dial(t)
	served := make(chan error, 1)
	go func() {
		_, err := ask(newcomer, "/")
		served <- err
	}()
	select {
	case err := <-served:
		t.Fatalf("the newcomer was served while all were busy: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(ss.hold)
	if got, err := answerOf(c); got != "ok" || err != nil {
		t.Errorf("the busy connection got %q, %v; want ok", got, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestManyIdleConnectionsDoNotKeepASenderOut(t *testing.T) {
	ss := serveSockets(t, 16, nil)
	var idlers []net.Conn
	for range 300 {
		idlers = append(idlers, ss.dial(t))
	}
	for range 20 {
		wantOK(t, ss.dial(t), "/")
	}
	open := 0
	for _, c := range idlers {
		_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := c.Read(make([]byte, 1))
		if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
			open++
		}
	}
	if open > 16 {
		t.Errorf("%d idle connections are open, want at most 16", open)
	}
}

func TestAConnectionWithoutAHeaderIsClosed(t *testing.T) {
	ss := serveSockets(t, 4, func(s *server) { s.http.ReadHeaderTimeout = 300 * time.Millisecond })
	wantClosed(t, ss.dial(t))
	slow := ss.dial(t)
	if _, err := io.WriteString(slow, "POST / HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, slow); err != nil {
		t.Errorf("read: %v, want a closed connection", err)
	}
}

// The handler may answer without reading; the server then reads what is left.
func TestABodyNobodyReadsDoesNotHoldAConnection(t *testing.T) {
	ss := serveSockets(t, 4, nil)
	c := ss.dial(t)
	if _, err := io.WriteString(c, "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	if got, err := answerOf(c); got != "no" || err != nil {
		t.Errorf("got %q, %v; want no", got, err)
	}
	wantClosed(t, c)
}

func TestAWaitingAcceptEndsWithTheListener(t *testing.T) {
	ss := serveSockets(t, 1, nil)
	c := ss.dial(t)
	go func() { _, _ = ask(c, "/hold") }()
	<-ss.held
	waiting := ss.dial(t)
	_ = ss.http.Close()
	wantClosed(t, waiting)
	close(ss.hold)
}
