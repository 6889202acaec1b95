package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/config"
	"github.com/prometheus/common/version"
	"golang.org/x/time/rate"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/tenant"
)

// An upstream is a store that takes remote-write.
type upstream struct {
	config   UpstreamConfig
	url      *url.URL
	client   *http.Client
	reported atomic.Bool   // it has answered 2.0 with Written headers
	complain *rate.Limiter // of log lines
	alarm    *rate.Limiter // of events
	health   health
}

// upstreams are all of them.
type upstreams struct {
	main     *upstream
	byTenant map[tenant.ID]*upstream
}

// newUpstreams makes the upstreams of cfg. Those that are as before are taken
// over, with their connections.
func newUpstreams(cfg Config, before upstreams) (upstreams, error) {
	ups := upstreams{byTenant: make(map[tenant.ID]*upstream, len(cfg.TenantUpstreams))}
	var err error
	if ups.main, err = newUpstream(cfg.Upstream, before.main); err != nil {
		return upstreams{}, err
	}
	for t, c := range cfg.TenantUpstreams {
		if ups.byTenant[t], err = newUpstream(c, before.byTenant[t]); err != nil {
			return upstreams{}, err
		}
	}
	return ups, nil
}

func newUpstream(c UpstreamConfig, before *upstream) (*upstream, error) {
	if before != nil && reflect.DeepEqual(before.config, c) {
		return before, nil
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("upstream: url cannot be parsed")
	}
	client, err := config.NewClientFromConfig(c.HTTP, "headgate")
	if err != nil {
		return nil, err
	}
	if t, ok := client.Transport.(*http.Transport); ok {
		// A usual body goes out with its headers in one write instead of four.
		t.WriteBufferSize = 128 << 10
	}
	return &upstream{
		config: c, url: u, client: client,
		complain: rate.NewLimiter(1, 5),
		alarm:    rate.NewLimiter(rate.Every(time.Minute), 1),
	}, nil
}

func (ups upstreams) of(t tenant.ID) *upstream {
	if u := ups.byTenant[t]; u != nil {
		return u
	}
	return ups.main
}

// closeUnless closes the idle connections of those that are not in use any more.
func (ups upstreams) closeUnless(now upstreams) {
	for t, u := range ups.byTenant {
		if now.byTenant[t] != u {
			u.client.CloseIdleConnections()
		}
	}
	if ups.main != nil && ups.main != now.main {
		ups.main.client.CloseIdleConnections()
	}
}

// A word is the upstream's, as far as the sender is concerned.
type word struct {
	kind       wordKind
	text       string
	retryAfter int // seconds
	written    kinds
}

type wordKind uint8

const (
	stored      wordKind = iota
	refused              // 400: the data can never be stored, or only in part
	unsupported          // 415
	throttled            // 429
	failed               // 503: not known to be stored
)

// filter makes the body that is forwarded: the sender's own bytes where nothing
// was removed, else what is kept, compressed again.
func (w *work) filter() *answer {
	if !w.modified {
		return nil
	}
	if w.nothing = w.empty(); w.nothing {
		return nil
	}
	if !w.charge.take(int64(len(w.body) + len(w.compressed))) {
		return w.full()
	}
	w.filtered = w.req.AppendFiltered(w.filtered[:0], w.fates, w.changes)
	w.packed = remotewrite.Compress(w.packed, w.filtered)
	return nil
}

// empty reports whether nothing is left to forward.
func (w *work) empty() bool {
	if w.req.Others {
		return false
	}
	for _, f := range w.fates {
		if f != remotewrite.Gone {
			return false
		}
	}
	return true
}

// forget gives back the memory in which the request was understood, and its part
// of the charge.
func (g *Gateway) forget(w *work) {
	if w.scratch == nil {
		return
	}
	w.scratch.reset()
	g.scratches.Put(w.scratch)
	w.scratch = nil
	w.charge.shrink(int64(len(w.compressed) + len(w.packed)))
}

// forward sends the request on and waits for the upstream's word. The sender's
// hanging up does not end it: the word decides what is remembered.
func (g *Gateway) forward(ctx context.Context, w *work, set *settings, r *http.Request) word {
	if w.nothing {
		return word{kind: stored}
	}
	up := set.upstreams.of(w.tenant)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(up.config.Timeout))
	defer cancel()
	body := w.compressed
	if w.modified {
		body = w.packed
	}
	end := attempt{began: time.Now(), kind: failed}
	if r.Header.Get("Retry-Attempt") != "" {
		end.again = 1
	}
	up.health.begin()
	defer func() { up.health.end(end, time.Now()) }()
	resp, err := up.send(ctx, w, set, r, body)
	if err != nil && neverSent(err) {
		select { // nothing can have been stored: once more, at once
		case <-time.After(50 * time.Millisecond):
			end.again++
			resp, err = up.send(ctx, w, set, r, body)
		case <-ctx.Done():
		}
	}
	if err != nil {
		end.err = err
		g.metrics.upstreamRequests.WithLabelValues("none").Inc()
		if up.complain.Allow() {
			g.log.Warn("upstream did not answer", slog.String("tenant", string(w.tenant)), slog.Any("err", err))
		}
		return word{kind: failed, text: "upstream did not answer", retryAfter: 1 + rand.IntN(5)}
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	g.metrics.upstreamRequests.WithLabelValues(strconv.Itoa(resp.StatusCode)).Inc()
	d := g.interpret(w, up, resp, strings.TrimSpace(strings.ToValidUTF8(string(text), "\uFFFD")))
	end.status, end.kind = resp.StatusCode, d.kind
	return d
}

// send makes one attempt.
func (up *upstream) send(ctx context.Context, w *work, set *settings, r *http.Request, body []byte) (*http.Response, error) {
	h := make(http.Header, 8)
	for name, value := range up.config.Headers {
		h.Set(name, value)
	}
	h["Content-Encoding"] = []string{"snappy"}
	h["Content-Type"] = []string{w.version.ContentType()}
	h["User-Agent"] = []string{userAgent}
	h["X-Prometheus-Remote-Write-Version"] = []string{w.version.Header()}
	if v := r.Header.Get("Retry-Attempt"); v != "" {
		h["Retry-Attempt"] = []string{v}
	}
	if w.named {
		h.Set(set.Config.TenantHeader, string(w.tenant))
	}
	req := &http.Request{
		Method: http.MethodPost, URL: up.url, Host: up.url.Host, Header: h,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(body)),
		Body:          io.NopCloser(bytes.NewReader(body)),
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}
	return up.client.Do(req.WithContext(ctx))
}

var userAgent = "headgate/" + version.Version

// neverSent reports whether err happened before any byte was sent.
func neverSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// interpret turns a response into its word. DESIGN, section 5.2, is the table.
func (g *Gateway) interpret(w *work, up *upstream, resp *http.Response, text string) word {
	d := word{text: text}
	reported := false
	if w.version == remotewrite.V2 {
		d.written, reported = writtenOf(resp.Header)
		if reported {
			up.reported.Store(true)
		}
	}
	switch code := resp.StatusCode; {
	case code == http.StatusAccepted:
		d.written = w.all() // Mimir: of a replica that is on standby; dealt with
	case code/100 == 2:
		if w.version == remotewrite.V2 && !reported {
			if up.reported.Load() {
				return g.misbehaved(w, up, failed, "upstream answered "+resp.Status+" without saying what it wrote")
			}
			return g.misbehaved(w, up, unsupported, "upstream does not understand remote-write 2.0; send 1.0 (protobuf_message: prometheus.WriteRequest)")
		}
	case code == http.StatusBadRequest, code == http.StatusConflict,
		code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity:
		d.kind = refused
		if d.text == "" {
			d.text = "upstream: " + resp.Status
		}
	case code == http.StatusUnsupportedMediaType:
		d.kind = unsupported
	case code == http.StatusTooManyRequests && up.config.On429 == pass429:
		d.kind, d.retryAfter = throttled, retryAfter(resp.Header)
	case code == http.StatusTooManyRequests, code/100 == 5:
		d.kind, d.text, d.retryAfter = failed, "upstream: "+resp.Status, retryAfter(resp.Header)
		if up.complain.Allow() {
			g.log.Warn("upstream failed", slog.String("tenant", string(w.tenant)), slog.Int("status", code), slog.String("answer", text))
		}
	default: // our credentials, our URL
		return g.misbehaved(w, up, failed, "upstream: "+resp.Status)
	}
	return d
}

// misbehaved is the word of an upstream that is configured wrongly: the operator
// has to know, and the sender keeps its data where that can help.
func (g *Gateway) misbehaved(w *work, up *upstream, kind wordKind, text string) word {
	if up.alarm.Allow() {
		g.log.Error("upstream is not what it should be", slog.String("tenant", string(w.tenant)), slog.String("url", up.url.Redacted()), slog.String("answer", text))
		g.notify(Event{At: w.begun, Kind: "upstream", Tenant: w.tenant, Text: text})
	}
	return word{kind: kind, text: text, retryAfter: 1 + rand.IntN(5)}
}

// all is what the upstream was sent, markers of ours included.
func (w *work) all() kinds {
	return kinds{
		w.received.samples - w.removed.samples + w.markers.samples,
		w.received.histograms - w.removed.histograms + w.markers.histograms,
		w.received.exemplars - w.removed.exemplars,
	}
}

// writtenOf reads the Written headers. An upstream that sends one of them and
// leaves out another wrote none of that kind.
func writtenOf(h http.Header) (k kinds, reported bool) {
	for _, f := range []struct {
		name string
		n    *int
	}{
		{remotewrite.SamplesWrittenHeader, &k.samples},
		{remotewrite.HistogramsWrittenHeader, &k.histograms},
		{remotewrite.ExemplarsWrittenHeader, &k.exemplars},
	} {
		v := h.Get(f.name)
		if v == "" {
			continue
		}
		if n, err := strconv.ParseInt(v, 10, 32); err == nil && n >= 0 {
			*f.n, reported = int(n), true
		}
	}
	return k, reported
}

// Bounds of Retry-After, seconds. Prometheus obeys it without a limit of its own.
const minRetryAfter, maxRetryAfter = 1, 30

// retryAfter reads Retry-After, in seconds or as a date, and bounds it.
func retryAfter(h http.Header) int {
	v := h.Get("Retry-After")
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		return int(min(max(n, minRetryAfter), maxRetryAfter))
	}
	if at, err := http.ParseTime(v); err == nil {
		return int(min(max(time.Until(at).Seconds(), minRetryAfter), maxRetryAfter))
	}
	return 1 + rand.IntN(5)
}
