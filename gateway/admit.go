package gateway

import (
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/tenant"
)

// An Authenticator says for which tenants a request may speak; ok is false where
// its credential is missing or wrong.
type Authenticator interface {
	Tenants(r *http.Request) (tenants []tenant.ID, ok bool)
}

// admit finds out who sends and whether it is remote-write, from the headers
// alone. It returns the tenant's state, entered, or why not.
func (g *Gateway) admit(w *work, set *settings, r *http.Request) (*state, *answer) {
	if g.draining.Load() {
		return nil, ref(unavailable("Headgate is shutting down"))
	}
	if no := w.identifySender(set, r); no != nil {
		return nil, no
	}
	v, err := remotewrite.ParseContentType(r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"))
	if err != nil {
		return nil, &answer{status: http.StatusUnsupportedMediaType, text: err.Error()}
	}
	w.version = v
	if r.ContentLength > set.Config.MaxBodyBytes {
		return nil, w.no(http.StatusBadRequest, "body of %d bytes is longer than the limit of %d (gateway.max_body_bytes)", r.ContentLength, set.Config.MaxBodyBytes)
	}
	w.charge = charge{in: &g.inflight, tenant: w.tenant, target: set.upstreams.of(w.tenant)}
	s := g.states.enter(w.tenant, w.begun)
	return s, nil
}

// identifySender sets the tenant that a request speaks for.
func (w *work) identifySender(set *settings, r *http.Request) *answer {
	var allowed []tenant.ID
	if set.Auth != nil {
		var ok bool
		if allowed, ok = set.Auth.Tenants(r); !ok {
			return &answer{status: http.StatusUnauthorized, text: "credential missing or wrong", challenge: true}
		}
	}
	header := set.Config.TenantHeader
	switch values := r.Header.Values(header); len(values) {
	case 0:
		switch {
		case set.Auth == nil:
			w.tenant = set.Config.DefaultTenant
		case len(allowed) == 1:
			w.tenant, w.named = allowed[0], true
		default:
			return w.no(http.StatusBadRequest, "the credential speaks for several tenants; name one in the header %s", header)
		}
	case 1:
		t, err := tenant.Parse(values[0])
		if err != nil {
			return w.no(http.StatusBadRequest, "header %s: %v", header, err)
		}
		if set.Auth != nil && !slices.Contains(allowed, t) {
			return &answer{status: http.StatusForbidden, text: "the credential does not speak for tenant " + string(t)}
		}
		w.tenant, w.named = t, true
	default:
		return w.no(http.StatusBadRequest, "header %s is there %d times", header, len(values))
	}
	return nil
}

// bodyTimeout is how long a body may take to arrive. Senders give up on the whole
// request after 30 s (Prometheus' remote_timeout).
const bodyTimeout = 30 * time.Second

// decode reads the body and finds its series. What it allocates is charged first:
// the compressed bytes as they come, the decompressed by what they declare.
func (g *Gateway) decode(w *work, set *settings, rw http.ResponseWriter, r *http.Request) *answer {
	if no := w.read(set, rw, r); no != nil {
		return no
	}
	lim := set.Config.limits()
	n, err := remotewrite.DecodedLen(w.compressed)
	if err != nil {
		return w.no(http.StatusBadRequest, "%v", err)
	}
	if n > lim.MaxDecodedBytes {
		return w.no(http.StatusBadRequest, "body declares %d bytes, more than the limit of %d (gateway.max_decoded_bytes)", n, lim.MaxDecodedBytes)
	}
	if !w.charge.take(int64(n)) {
		return w.full()
	}
	w.scratch = g.scratches.Get().(*scratch)
	if w.body, err = remotewrite.Decompress(w.body, w.compressed); err != nil {
		return w.no(http.StatusBadRequest, "%v", err)
	}
	full := false
	w.req.Grow = func(n int) error {
		// Every entry costs a slot of our own besides.
		if full = !w.charge.take(2 * int64(n)); full {
			return errFull
		}
		return nil
	}
	err = w.req.Parse(w.version, w.body, lim)
	w.received = kinds{w.req.Samples, w.req.Histograms, w.req.Exemplars}
	switch {
	case full:
		return w.full()
	case err != nil:
		return w.no(http.StatusBadRequest, "%v", err)
	}
	return nil
}

// read reads the compressed body.
func (w *work) read(set *settings, rw http.ResponseWriter, r *http.Request) *answer {
	const step = 64 << 10
	rc := http.NewResponseController(rw)
	if err := rc.SetReadDeadline(w.begun.Add(bodyTimeout)); err == nil {
		defer rc.SetReadDeadline(time.Time{})
	}
	most := set.Config.MaxBodyBytes + 1
	if r.ContentLength >= 0 {
		most = r.ContentLength
	}
	b := w.compressed[:0]
	for room := min(most, step); ; room = min(most, 2*room) {
		if !w.charge.take(room - int64(len(b))) {
			return w.full()
		}
		b = slices.Grow(b, int(room)-len(b))
		n, err := io.ReadFull(r.Body, b[len(b):room])
		b = b[:len(b)+n]
		w.compressed = b
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF && r.ContentLength < 0:
			return nil
		case err != nil:
			a := w.unavailable("body could not be read to its end")
			return &a
		case int64(len(b)) > set.Config.MaxBodyBytes:
			return w.no(http.StatusBadRequest, "body is longer than the limit of %d bytes (gateway.max_body_bytes)", set.Config.MaxBodyBytes)
		case int64(len(b)) == r.ContentLength:
			return nil
		}
		if n, err := remotewrite.DecodedLen(b); err == nil && n > set.Config.MaxDecodedBytes {
			return nil // decode refuses it
		}
	}
}
