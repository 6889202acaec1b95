package bench

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A Sender sends loads as Prometheus' shards do: each connection has its own
// part of the series and sends it in order, one request at a time, and sends
// again what was answered 5xx.
type Sender struct {
	URL         string
	Version     int           // of the protocol
	Tenant      string        // X-Scope-OrgID; none where empty
	Connections int           // kept alive
	Rate        float64       // samples a second over all connections; 0 sends as fast as answers come
	Patience    time.Duration // for one answer; 30 s, as Prometheus', where 0
}

// An Answer is how one request fared.
type Answer struct {
	At   time.Duration // when it was sent, after the beginning
	Took time.Duration // from its first byte to the answer, the last attempt's
	Late time.Duration // how long after its planned moment it was sent; 0 without a rate
}

// A Sending is how a load fared.
type Sending struct {
	Samples  int // acknowledged
	Requests int
	Retries  int // attempts that were answered 5xx or not at all
	Refused  int // requests answered 4xx: their data is lost
	Wall     time.Duration
	Answers  []Answer // by At
	Problem  string   // of the first retry or refusal
}

// Send sends rounds once. It returns an error only when ctx ends first.
func (s *Sender) Send(ctx context.Context, rounds [][]Body) (*Sending, error) {
	begin := time.Now()
	parts := make([]Sending, s.Connections)
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { s.connection(ctx, i, begin, rounds, &parts[i]) })
	}
	wg.Wait()
	all := &Sending{Wall: time.Since(begin)}
	for _, p := range parts {
		all.Samples += p.Samples
		all.Requests += p.Requests
		all.Retries += p.Retries
		all.Refused += p.Refused
		all.Answers = append(all.Answers, p.Answers...)
		all.Problem = cmp.Or(all.Problem, p.Problem)
	}
	slices.SortFunc(all.Answers, func(a, b Answer) int { return cmp.Compare(a.At, b.At) })
	return all, ctx.Err()
}

// connection sends every Connections-th body of each round.
func (s *Sender) connection(ctx context.Context, index int, begin time.Time, rounds [][]Body, out *Sending) {
	c := &client{sender: s}
	defer c.close()
	sent := 0 // by all connections, were they equally fast
	for _, round := range rounds {
		for i := range round {
			if i%s.Connections != index {
				sent += round[i].Samples
				continue
			}
			var late time.Duration
			if s.Rate > 0 {
				due := begin.Add(time.Duration(float64(sent) / s.Rate * float64(time.Second)))
				if !wait(ctx, time.Until(due)) {
					return
				}
				late = time.Since(due)
			}
			sent += round[i].Samples
			if !c.deliver(ctx, begin, &round[i], late, out) {
				return
			}
		}
	}
}

const (
	minBackoff = 30 * time.Millisecond // Prometheus' own
	maxBackoff = 5 * time.Second
)

// deliver sends one body until it is taken or refused, and reports whether to
// go on.
func (c *client) deliver(ctx context.Context, begin time.Time, b *Body, late time.Duration, out *Sending) bool {
	backoff := minBackoff
	for {
		at := time.Now()
		status, retryAfter, text, err := c.post(ctx, b.Data)
		took := time.Since(at)
		if ctx.Err() != nil {
			return false
		}
		if err == nil && status < 500 {
			out.Requests++
			out.Answers = append(out.Answers, Answer{At: at.Sub(begin), Took: took, Late: late})
			if status/100 == 2 {
				out.Samples += b.Samples
				return true
			}
			out.Refused++
			out.Problem = cmp.Or(out.Problem, fmt.Sprintf("answered %d: %s", status, text))
			return true
		}
		out.Retries++
		if err != nil {
			out.Problem = cmp.Or(out.Problem, err.Error())
		} else {
			out.Problem = cmp.Or(out.Problem, fmt.Sprintf("answered %d: %s", status, text))
		}
		if !wait(ctx, cmp.Or(retryAfter, backoff)) {
			return false
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// A client is one connection, made when first needed and again when it breaks.
// It writes HTTP itself: the sender shares two cores with what it measures.
type client struct {
	sender *Sender
	conn   net.Conn
	reader *bufio.Reader
	head   []byte
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// dial connects and prepares the header that all requests share.
func (c *client) dial(ctx context.Context) error {
	u, err := url.Parse(c.sender.URL)
	if err != nil {
		return err
	}
	var d net.Dialer
	if c.conn, err = d.DialContext(ctx, "tcp", u.Host); err != nil {
		c.conn = nil
		return err
	}
	c.reader = bufio.NewReader(c.conn)
	contentType, version := "application/x-protobuf", "0.1.0"
	if c.sender.Version == 2 {
		contentType, version = "application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"
	}
	c.head = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: headgate-bench\r\nContent-Encoding: snappy\r\nContent-Type: %s\r\nX-Prometheus-Remote-Write-Version: %s\r\n",
		u.RequestURI(), u.Host, contentType, version)
	if c.sender.Tenant != "" {
		c.head = fmt.Appendf(c.head, "X-Scope-OrgID: %s\r\n", c.sender.Tenant)
	}
	c.head = append(c.head, "Content-Length: "...)
	return nil
}

// post sends one body and reads its answer. After an error the connection is
// closed.
func (c *client) post(ctx context.Context, body []byte) (status int, retryAfter time.Duration, text string, err error) {
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.conn == nil {
		if err := c.dial(ctx); err != nil {
			return 0, 0, "", err
		}
	}
	if err := c.conn.SetDeadline(time.Now().Add(cmp.Or(c.sender.Patience, 30*time.Second))); err != nil {
		return 0, 0, "", err
	}
	head := append(strconv.AppendInt(c.head, int64(len(body)), 10), "\r\n\r\n"...)
	buffers := net.Buffers{head, body}
	if _, err := buffers.WriteTo(c.conn); err != nil {
		return 0, 0, "", err
	}
	resp, err := http.ReadResponse(c.reader, &http.Request{Method: http.MethodPost})
	if err != nil {
		return 0, 0, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		start, err := io.ReadAll(io.LimitReader(resp.Body, 256))
		if err != nil {
			return 0, 0, "", err
		}
		text = string(start)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, 0, "", err
	}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		retryAfter = time.Duration(n) * time.Second
	}
	if resp.Close {
		c.close()
	}
	return resp.StatusCode, retryAfter, text, nil
}

// Percentile returns the time that a share p of the answers were within,
// counted from when they were sent; 0 without answers.
func Percentile(answers []Answer, p float64) time.Duration {
	return percentile(answers, p, func(a Answer) time.Duration { return a.Took })
}

// PercentileDue is Percentile counted from when the answers' requests were
// planned to be sent: it also holds what waiting for earlier answers cost.
func PercentileDue(answers []Answer, p float64) time.Duration {
	return percentile(answers, p, func(a Answer) time.Duration { return a.Took + a.Late })
}

func percentile(answers []Answer, p float64, of func(Answer) time.Duration) time.Duration {
	if len(answers) == 0 {
		return 0
	}
	all := make([]time.Duration, len(answers))
	for i, a := range answers {
		all[i] = of(a)
	}
	slices.Sort(all)
	return all[min(int(p*float64(len(all))), len(all)-1)]
}
