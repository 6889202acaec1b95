package prom

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Proxy stands before an HTTP server and injects faults. It passes requests
// and answers on byte for byte, but leaves out Retry-After: a run would take
// minutes if the sender paused a second or more at every fault.
type Proxy struct {
	faults  *Faults
	target  string // scheme://host:port
	gate    *gate
	server  *http.Server
	client  *http.Client
	serving sync.WaitGroup
	flight  atomic.Int64

	mu    sync.Mutex
	tally Tally
	marks []Mark
	errs  []error
}

// A Tally counts what went through a Proxy.
type Tally struct {
	Requests     int // that came in whole
	Repeated     int // of them, those in which a series has several entries
	Samples      int // in the requests that the target answered, whatever it said
	Acknowledged int // samples confirmed by an answer that reached the peer
}

// A Mark is a stale marker of one series.
type Mark struct {
	Series string
	Ms     int64
}

// NewProxy starts a proxy on loopback before the server at target.
func NewProxy(ctx context.Context, target string, faults *Faults) (*Proxy, error) {
	g, err := openGate(ctx)
	if err != nil {
		return nil, err
	}
	p := &Proxy{faults: faults, target: target, gate: g, client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	p.serving.Go(func() {
		if err := p.server.Serve(g); !errors.Is(err, http.ErrServerClosed) {
			p.note(func(*Tally) { p.errs = append(p.errs, err) })
		}
	})
	return p, nil
}

// URL is the proxy's own scheme://host:port.
func (p *Proxy) URL() string { return "http://" + p.gate.Addr().String() }

// InFlight counts the requests that the target is working on.
func (p *Proxy) InFlight() int { return int(p.flight.Load()) }

// Tally returns what went through so far.
func (p *Proxy) Tally() Tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tally
}

// Marks returns the stale markers in requests of which every sample was
// confirmed by an answer that reached the peer.
func (p *Proxy) Marks() []Mark {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.marks)
}

// Problems returns what went wrong in the proxy itself.
func (p *Proxy) Problems() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.errs...)
}

// Close ends the proxy; requests under way are cut.
func (p *Proxy) Close() error {
	err := p.server.Close()
	p.serving.Wait()
	p.client.CloseIdleConnections()
	return err
}

func (p *Proxy) note(change func(*Tally)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.tally)
}

// ServeHTTP deals one request its fault.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.gate.refusing() {
		reset(w)
		return
	}
	fault, pause := p.faults.pick()
	if fault == ResetBefore {
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		reset(w)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the peer broke off: nothing to pass on, nobody to answer
	}
	message, err := decodeMessage(r.Header, body)
	if err != nil {
		p.note(func(*Tally) { p.errs = append(p.errs, err) })
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.note(func(t *Tally) {
		t.Requests++
		if message.Repeated() {
			t.Repeated++
		}
	})

	switch fault {
	case Refuse:
		p.gate.refuse(pause)
		reset(w)
		return
	case Answer500:
		http.Error(w, "injected", http.StatusInternalServerError)
		return
	case Answer503:
		http.Error(w, "injected", http.StatusServiceUnavailable)
		return
	case Swallow:
		w.WriteHeader(http.StatusNoContent)
		return
	case Slow, Late:
		<-time.After(pause)
	}
	answer, err := p.forward(r, body)
	if err == nil {
		p.note(func(t *Tally) { t.Samples += message.Samples() })
	}
	switch {
	case fault == ResetAfter || err != nil:
		reset(w)
	case fault == Lost:
		hangUp(w)
	case fault == Masked:
		http.Error(w, "injected", http.StatusBadGateway)
	default:
		p.answer(w, r, message, answer)
	}
}

func (m *Message) marks() []Mark {
	var marks []Mark
	for _, e := range m.Entries {
		for _, ms := range e.Stale {
			marks = append(marks, Mark{e.Series, ms})
		}
	}
	return marks
}

// An answer is the target's, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// forward passes a request on. A peer that gives up does not cancel it.
func (p *Proxy) forward(r *http.Request, body []byte) (*answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.Method, p.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header = r.Header.Clone()
	p.flight.Add(1)
	defer p.flight.Add(-1)
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("pass request on: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return &answer{resp.StatusCode, resp.Header, text}, nil
}

// answer passes the target's answer back and counts it if the peer is there to
// hear it.
func (p *Proxy) answer(w http.ResponseWriter, r *http.Request, message *Message, a *answer) {
	acked, err := acknowledged(message, a.status, a.header)
	if err != nil {
		p.note(func(*Tally) { p.errs = append(p.errs, err) })
	}
	if r.Context().Err() == nil {
		p.note(func(t *Tally) {
			t.Acknowledged += acked
			if acked == message.Samples() {
				p.marks = append(p.marks, message.marks()...)
			}
		})
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Del("Retry-After")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a peer that is gone was noted above
}

// reset ends the connection with a TCP reset.
func reset(w http.ResponseWriter) {
	conn := hijack(w)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) { _ = hijack(w).Close() }

func hijack(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the connection is past saving: the server closes it
	}
	return conn
}
