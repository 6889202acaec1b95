package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang/snappy"
)

// An attack is one thing that hostile senders do, for one phase of the minute.
type attack struct {
	name    string
	version int
	body    func() []byte // sent by each of parallel senders, again and again
	senders int
	idle    int // connections opened and left alone, kept to the end
	slow    int // connections that upload a byte a second, kept to the end
}

const (
	// hostileTenant is not the good senders' tenant.
	hostileTenant = "hostile"
	// hostileRoom is how far resident memory may rise: what Headgate's
	// default for bodies in flight (gateway.max_inflight_bytes) allows.
	hostileRoom = 256 << 20
)

func attacks() []attack {
	return []attack{
		{name: "500 bodies at once that declare 4 GiB", version: 1, senders: 500, body: declared4GiB},
		{name: "10 million empty series in 20 MB", version: 1, senders: 4, body: func() []byte {
			return snappy.Encode(nil, []byte(strings.Repeat("\x0a\x00", 10_000_000)))
		}},
		{name: "a million symbols", version: 2, senders: 4, body: millionSymbols},
		{name: "10 000 idle connections", idle: 10_000},
		{name: "200 uploads of a byte a second", slow: 200},
	}
}

// declared4GiB begins like a snappy block of almost 4 GiB and goes on as a
// body of ordinary size.
func declared4GiB() []byte {
	return append(binary.AppendUvarint(nil, 1<<32-1), make([]byte, 64<<10)...)
}

func millionSymbols() []byte {
	t := newSymbolTable()
	t.reset()
	for i := range 1_000_000 {
		t.ref(fmt.Sprint("s", i))
	}
	return snappy.Encode(nil, t.symbols)
}

// hostile sends good load at a steady rate for all the minute, while one
// attack after the other runs, and reports each phase.
func hostile(ctx context.Context, b *Bench) (*Result, error) {
	res := &Result{Want: "no good request refused; resident memory within 256 MiB of what it was", Header: []string{"phase", "RSS MB before", "most", "after", "good p50", "good p99", "answers to the attack"}}
	h := plainHeadgate(b)
	if h == nil {
		return res, nil
	}
	phases := append([]attack{{name: "before"}}, attacks()...)
	phases = append(phases, attack{name: "after"})
	const goodRate = 100_000
	phase := time.Duration(min(b.Seconds, 10)) * time.Second
	spec := small(b)
	spec.Rounds = warmup + goodRate*int(phase.Seconds())*len(phases)/spec.Series + 1
	l, err := b.load(spec)
	if err != nil {
		return nil, err
	}
	sink, err := NewSink(false)
	if err != nil {
		return nil, err
	}
	defer sink.Close()
	p, err := h.Start(ctx, sink.URL())
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	good := &Sender{URL: p.Write, Version: 1, Connections: connections}
	if _, err := warm(ctx, good, p, sink, l.Rounds[:warmup], quiet); err != nil {
		return nil, err
	}
	good.Rate = goodRate
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begin := time.Now()
	var sent *Sending
	var wg sync.WaitGroup
	wg.Go(func() { sent, _ = good.Send(ctx, l.Rounds[warmup:]) }) // ends by cancel below
	var windows []memoryWindow
	for _, a := range phases {
		w, err := a.run(ctx, p, begin, phase, &wg)
		if err != nil {
			cancel()
			wg.Wait()
			return nil, err
		}
		windows = append(windows, w)
		b.say("  %-40s RSS %s MB, at most %s, after %s; %s", a.name, mb(w.before), mb(w.most), mb(w.after), w.answers)
	}
	cancel()
	wg.Wait()
	flat := true
	for i, w := range windows {
		flat = flat && w.most <= windows[0].most+hostileRoom
		var in []Answer
		for _, a := range sent.Answers {
			if a.At >= w.from && a.At < w.to {
				in = append(in, a)
			}
		}
		res.Lines = append(res.Lines, []string{phases[i].name, mb(w.before), mb(w.most), mb(w.after), ms(Percentile(in, 0.5)), ms(Percentile(in, 0.99)), w.answers})
	}
	res.Note = fmt.Sprintf("Good senders: %d requests, %d retries, %d refused. %s", sent.Requests, sent.Retries, sent.Refused, sent.Problem)
	b.say("  %s", res.Note)
	res.reached(flat && sent.Refused == 0)
	return res, nil
}

// A memoryWindow is what a phase did to the process.
type memoryWindow struct {
	from, to            time.Duration
	before, most, after int64
	answers             string
}

// run attacks for one phase. Connections that stay are closed when ctx ends.
func (a attack) run(ctx context.Context, p *Process, begin time.Time, length time.Duration, wg *sync.WaitGroup) (memoryWindow, error) {
	u, err := p.Usage()
	if err != nil {
		return memoryWindow{}, err
	}
	w := memoryWindow{from: time.Since(begin), before: u.RSS, most: u.RSS}
	phase, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var mu sync.Mutex
	counts := map[string]int{}
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		counts[what]++
	}
	var senders sync.WaitGroup
	if a.senders > 0 {
		body := a.body()
		for range a.senders {
			senders.Go(func() { a.flood(phase, p.Write, body, note) })
		}
	}
	for range a.idle + a.slow {
		wg.Go(func() { a.linger(ctx, p.Write, note) })
	}
	for wait(phase, 50*time.Millisecond) {
		if u, err = p.Usage(); err != nil {
			cancel()
			senders.Wait()
			return w, err
		}
		w.most = max(w.most, u.RSS)
	}
	senders.Wait()
	if u, err = p.Usage(); err != nil {
		return w, err
	}
	w.to, w.after = time.Since(begin), u.RSS
	mu.Lock()
	defer mu.Unlock()
	w.answers = "none"
	if len(counts) > 0 {
		w.answers = strings.TrimPrefix(fmt.Sprint(counts), "map")
	}
	return w, nil
}

// flood sends one body again and again, as fast as answers come.
func (a attack) flood(ctx context.Context, to string, body []byte, note func(string)) {
	c := &client{sender: &Sender{URL: to, Version: a.version, Tenant: hostileTenant, Patience: 20 * time.Second}}
	defer c.close()
	for ctx.Err() == nil {
		status, _, _, err := c.post(ctx, body)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			note("broken")
			wait(ctx, 100*time.Millisecond)
		default:
			note(fmt.Sprint(status))
			wait(ctx, 10*time.Millisecond)
		}
	}
}

// linger holds a connection: silent, or uploading a byte a second.
func (a attack) linger(ctx context.Context, to string, note func(string)) {
	u, err := url.Parse(to)
	if err != nil {
		note("broken")
		return
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		note("refused")
		return
	}
	defer c.Close()
	note("connected")
	if a.slow > 0 {
		if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\nX-Scope-OrgID: %s\r\nContent-Length: 1000000\r\n\r\n", u.Path, u.Host, hostileTenant); err != nil {
			note("broken")
			return
		}
		for wait(ctx, time.Second) {
			if _, err := c.Write([]byte{0x80}); err != nil {
				note("cut off")
				return
			}
		}
		return
	}
	<-ctx.Done()
}
