package gateway

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"github.com/headgate/headgate/internal/remotewrite"
)

// An answer is what the sender gets.
//
// Which status is safe to send is told by how senders act on it: Prometheus drops
// the data on any 4xx but 429, vmagent retries all but 400, 409 and 415 for ever.
// So what can never be stored is 400, what may succeed later is 503.
type answer struct {
	status     int
	text       string
	retryAfter int // seconds; 0 for none
	challenge  bool
	written    *kinds // for 2.0, once its media type was accepted
}

var errFull = errors.New("no memory for more requests")

// unavailable is the answer to what the sender should send again.
func unavailable(text string) answer {
	return answer{status: http.StatusServiceUnavailable, text: text, retryAfter: 1 + rand.IntN(5)}
}

func (w *work) unavailable(text string) answer {
	a := unavailable(text)
	a.written = w.noneWritten()
	return a
}

// full is the answer where the bytes in flight are used up.
func (w *work) full() *answer {
	return ref(w.unavailable("too many bytes in flight (gateway.max_inflight_bytes); send again"))
}

// no refuses a request.
func (w *work) no(status int, format string, args ...any) *answer {
	return &answer{status: status, text: fmt.Sprintf(format, args...), written: w.noneWritten()}
}

func (w *work) noneWritten() *kinds {
	if w.version == remotewrite.V2 {
		return &kinds{}
	}
	return nil
}

func ref(a answer) *answer { return &a }

// answer turns the upstream's word into ours.
func (w *work) answer(d word) answer {
	a := answer{}
	switch d.kind {
	case stored:
		a.status = http.StatusNoContent
		if w.refusals > 0 {
			a.status, a.text = http.StatusBadRequest, w.refusalText()+"; the rest was stored"
		}
	case refused:
		a.status, a.text = http.StatusBadRequest, d.text
		if w.refusals > 0 {
			a.text = w.refusalText() + "; of the rest the upstream says: " + d.text
		}
	case unsupported:
		a.status, a.text = http.StatusUnsupportedMediaType, d.text
	case throttled:
		a.status, a.text, a.retryAfter = http.StatusTooManyRequests, d.text, d.retryAfter
	case failed:
		a.status, a.text, a.retryAfter = http.StatusServiceUnavailable, d.text, d.retryAfter
	}
	if w.version == remotewrite.V2 {
		a.written = w.written(d)
	}
	return a
}

// written is what 2.0 senders are told was written: the upstream's count without
// the markers that are ours, with what policy removed, since that is done with.
func (w *work) written(d word) *kinds {
	if d.kind != stored && d.kind != refused {
		return &kinds{}
	}
	part := func(upstream, markers, removed, received int) int {
		return min(max(upstream-markers, 0)+removed, received)
	}
	return &kinds{
		part(d.written.samples, w.markers.samples, w.removed.samples, w.received.samples),
		part(d.written.histograms, w.markers.histograms, w.removed.histograms, w.received.histograms),
		part(d.written.exemplars, 0, w.removed.exemplars, w.received.exemplars),
	}
}

func (a answer) write(rw http.ResponseWriter) {
	h := rw.Header()
	if a.written != nil {
		h.Set(remotewrite.SamplesWrittenHeader, strconv.Itoa(a.written.samples))
		h.Set(remotewrite.HistogramsWrittenHeader, strconv.Itoa(a.written.histograms))
		h.Set(remotewrite.ExemplarsWrittenHeader, strconv.Itoa(a.written.exemplars))
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	if a.challenge {
		h.Set("WWW-Authenticate", `Basic realm="headgate", Bearer realm="headgate"`)
	}
	if a.text == "" {
		rw.WriteHeader(a.status)
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	rw.WriteHeader(a.status)
	_, _ = rw.Write([]byte(a.text + "\n"))
}

// codeText is the status for the metric of requests.
func (a answer) codeText() string { return strconv.Itoa(a.status) }

// maxNamed is how many refused series or samples an answer names.
const maxNamed = 3

// refuse notes that something of the series of an entry is refused for good.
func (w *work) refuse(entry uint32, why string) {
	w.refusals++
	if len(w.refused) < maxNamed {
		w.labels = w.req.AppendLabels(w.labels[:0], &w.req.Entries[entry])
		name := w.labels.String()
		if len(name) > 200 {
			name = strings.ToValidUTF8(name[:200], "") + "…"
		}
		w.refused = append(w.refused, fmt.Sprintf("%s: %s", strings.ToValidUTF8(name, "\uFFFD"), why))
	}
}

// refusalText says how many were refused, and of the first few why.
func (w *work) refusalText() string {
	more := ""
	if w.refusals > len(w.refused) {
		more = "; …"
	}
	return fmt.Sprintf("%d of %d samples refused: %s%s", w.rejected, w.samples(), strings.Join(w.refused, "; "), more)
}

// refuseSeries refuses a series with all its entries.
func (w *work) refuseSeries(head uint32, why string) {
	w.refuse(head, why)
	t := w.tally(w.slots[head].class)
	for i := head; ; i = w.slots[i].next {
		e := &w.req.Entries[i]
		t.rejected += uint32(e.Samples + e.Histograms)
		w.rejected += int(e.Samples + e.Histograms)
		w.fates[i] = remotewrite.Gone
		w.modified = true
		if w.slots[i].next == 0 {
			return
		}
	}
}

func refusalOf(err error) *refusal {
	if e, ok := errors.AsType[*remotewrite.LabelError](err); ok {
		return &refusal{reason: e.Reason, text: e.Error()}
	}
	return &refusal{reason: "invalid", text: err.Error()}
}
