package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/remotewrite"
)

// The table of DESIGN, section 5.2: what the sender is told, by what the upstream
// says to a 1.0 request.
func TestUpstreamAnswers(t *testing.T) {
	tests := []struct {
		name     string
		upstream int
		on429    string
		want     int
		outcome  Outcome
		event    bool
	}{
		{"204 is success", 204, "", 204, Forwarded, false},
		{"200 is success", 200, "", 204, Forwarded, false},
		{"202, a standby replica at Mimir, is success", 202, "", 204, Forwarded, false},
		{"400 is the data's fault", 400, "", 400, Rejected, false},
		{"409 becomes 400, which every sender drops", 409, "", 400, Rejected, false},
		{"413 becomes 400", 413, "", 400, Rejected, false},
		{"422 becomes 400", 422, "", 400, Rejected, false},
		{"415 stays 415", 415, "", 415, Rejected, false},
		{"401 is our credential's fault", 401, "", 503, Failed, true},
		{"403 is our credential's fault", 403, "", 503, Failed, true},
		{"404 is our URL's fault", 404, "", 503, Failed, true},
		{"405 is our URL's fault", 405, "", 503, Failed, true},
		{"a redirect is our URL's fault", 302, "", 503, Failed, true},
		{"any other 4xx is ours", 418, "", 503, Failed, true},
		{"429 is passed on", 429, "pass", 429, Failed, false},
		{"429 becomes 503 where it is to be retried", 429, "retry", 503, Failed, false},
		{"500 may succeed later", 500, "", 503, Failed, false},
		{"503 may succeed later", 503, "", 503, Failed, false},
		{"silence may have stored it or not", 0, "", 503, Failed, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, "- {name: d, match: b, action: drop}\n", func(s *Settings) {
				if tt.on429 != "" {
					s.Config.Upstream.On429 = tt.on429
				}
			})
			f.store.answer = func(int, []byte) *http.Response { return status(tt.upstream, "because") }
			rec := f.send(t, tt.want, at("a", 1, 1000), at("b", 1, 1000))
			var want Counts
			want[tt.outcome]++
			if tt.outcome == Failed {
				want[Failed]++ // policy's part of it, too: it will come again
			} else {
				want[Dropped]++
			}
			if got := f.counts(t); got != want {
				t.Errorf("outcomes %v, want %v", got, want)
			}
			if (len(f.events) > 0) != tt.event {
				t.Errorf("events %v, want some: %v", f.events, tt.event)
			}
			for name := range rec.Header() {
				if strings.Contains(name, "Written") {
					t.Errorf("1.0 answered with %s", name)
				}
			}
			after, _ := strconv.Atoi(rec.Header().Get("Retry-After"))
			if retried := tt.want == 503 || tt.want == 429; retried != (after >= 1 && after <= 30) {
				t.Errorf("Retry-After %q with status %d", rec.Header().Get("Retry-After"), tt.want)
			}
			if tt.want == 400 && !strings.Contains(rec.Body.String(), "because") {
				t.Errorf("the upstream's text is missing: %q", rec.Body)
			}
		})
	}
}

func TestRetryAfterIsBounded(t *testing.T) {
	for in, want := range map[string][2]int{
		"7": {7, 7}, "0": {1, 1}, "-5": {1, 1}, "3600": {30, 30}, "99999999999": {30, 30},
		"": {1, 5}, "soon": {1, 5}, "Wed, 21 Oct 2015 07:28:00 GMT": {1, 1}, "Wed, 21 Oct 2115 07:28:00 GMT": {30, 30},
	} {
		got := retryAfter(http.Header{"Retry-After": {in}})
		if got < want[0] || got > want[1] {
			t.Errorf("Retry-After %q became %d, want %d to %d", in, got, want[0], want[1])
		}
	}
}

// written returns the Written headers of an answer.
func written(h http.Header) string {
	return h.Get(remotewrite.SamplesWrittenHeader) + "/" + h.Get(remotewrite.HistogramsWrittenHeader) + "/" + h.Get(remotewrite.ExemplarsWrittenHeader)
}

func TestWrittenHeaders(t *testing.T) {
	request := bodyV2(at("a", 1, 1000), at("b", 1, 1000), entry{labels: "b", exemplars: 1},
		entry{labels: "a", exemplars: 2})
	tests := []struct {
		name     string
		rules    string
		upstream func(resp *http.Response) // nil: stores all
		code     int
		want     int
		written  string
	}{
		{"all stored", "", nil, 204, 204, "2/0/3"},
		{"what policy removed counts as written", "- {name: d, match: b, action: drop}\n", nil, 204, 204, "2/0/3"},
		{"nothing left to forward is all written", "- {name: d, match: [a, b], action: drop}\n", nil, 204, 204, "2/0/3"},
		{"a refusal in part tells what was written", "", func(r *http.Response) { wrote(r, 1, 0, 2) }, 400, 400, "1/0/2"},
		{"a refusal in part and policy", "- {name: d, match: b, action: drop}\n", func(r *http.Response) { wrote(r, 0, 0, 2) }, 400, 400, "1/0/3"},
		{"an upstream that says too much is not believed", "", func(r *http.Response) { wrote(r, 9, 9, 9) }, 204, 204, "2/0/3"},
		{"202 without headers is all written", "", func(*http.Response) {}, 202, 204, "2/0/3"},
		{"2xx without headers from one that never sent them is 415", "", func(*http.Response) {}, 204, 415, "0/0/0"},
		{"a failure wrote nothing", "", func(*http.Response) {}, 500, 503, "0/0/0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.rules)
			f.store.answer = func(_ int, body []byte) *http.Response {
				resp := status(tt.code, "")
				if tt.upstream != nil {
					tt.upstream(resp)
				} else {
					wroteAll(resp, body)
				}
				return resp
			}
			rec := f.post(remotewrite.V2, request)
			if rec.Code != tt.want || written(rec.Header()) != tt.written {
				t.Errorf("answer %d, written %s; want %d, %s (%s)", rec.Code, written(rec.Header()), tt.want, tt.written, rec.Body)
			}
		})
	}
}

func TestSilentUpstreamThatOnceReported(t *testing.T) {
	f := newFixture(t, "")
	if rec := f.post(remotewrite.V2, bodyV2(at("a", 1, 1000))); rec.Code != 204 {
		t.Fatalf("first answer %d", rec.Code)
	}
	f.store.answer = func(int, []byte) *http.Response { return status(200, "") }
	if rec := f.post(remotewrite.V2, bodyV2(at("a", 1, 2000))); rec.Code != 503 {
		t.Errorf("answer %d, want 503: this upstream has told before what it wrote", rec.Code)
	}
}

// Markers of ours are in the upstream's count, and not in the sender's.
func TestMarkersAreNotWritten(t *testing.T) {
	f := newFixture(t, "")
	f.post(remotewrite.V2, bodyV2(at("a", 1, 1000), at("b", 1, 1000)))
	f.load(t, "- {name: d, match: b, action: drop}\n")
	rec := f.post(remotewrite.V2, bodyV2(at("a", 1, 2000), at("b", 1, 2000)))
	if rec.Code != 204 || written(rec.Header()) != "2/0/0" {
		t.Errorf("answer %d, written %s", rec.Code, written(rec.Header()))
	}
	if got, want := f.counts(t), (Counts{Forwarded: 3, Dropped: 1}); got != want {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}

func TestBadSeriesAreRefusedAndTheRestIsStored(t *testing.T) {
	long := strings.Repeat("x", 9000)
	f := newFixture(t, "")
	rec := f.send(t, 400,
		at("good", 1, 1000),
		at(`{job="nameless"}`, 1, 1000),
		at(`long{v="`+long+`"}`, 1, 1000),
		at("twice", 1, 1000), at("twice", 2, 1000),
		at("same", 1, 1000), at("same", 1, 1000))
	if got, want := shown(t, f.store.last()), "good{} 1@1000\ntwice{} 1@1000\nsame{} 1@1000\n"; got != want {
		t.Errorf("stored\n%swant\n%s", got, want)
	}
	if got, want := f.counts(t), (Counts{Forwarded: 4, Rejected: 3}); got != want {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	for _, part := range []string{"3 of 7 samples refused", "nameless", "second value"} {
		if !strings.Contains(rec.Body.String(), part) {
			t.Errorf("answer lacks %q: %s", part, rec.Body)
		}
	}
	if len(rec.Body.String()) > 2000 {
		t.Errorf("answer is %d bytes long", rec.Body.Len())
	}
	f.store.answer = func(int, []byte) *http.Response { return status(500, "") }
	f.send(t, 503, at("good", 1, 2000), at(`{job="nameless"}`, 1, 2000))
}

func TestBodiesThatAreNotRemoteWrite(t *testing.T) {
	f := newFixture(t, "")
	good := bodyV1(at("a", 1, 1000))
	tests := []struct {
		name   string
		header []string
		body   []byte
		want   int
	}{
		{"another type", []string{"Content-Type", "application/json"}, good, 415},
		{"another message", []string{"Content-Type", "application/x-protobuf;proto=other"}, good, 415},
		{"another encoding", []string{"Content-Encoding", "gzip"}, good, 415},
		{"not protobuf", nil, []byte("\xff\xff\xff"), 400},
		{"a 2.0 body without its empty symbol", []string{"Content-Type", remotewrite.V2.ContentType()}, []byte("\"\x01a"), 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if rec := f.post(remotewrite.V1, tt.body, tt.header...); rec.Code != tt.want {
				t.Errorf("answer %d %q, want %d", rec.Code, rec.Body, tt.want)
			}
		})
	}
	if got := f.counts(t).Received(); got != 0 || f.store.count() != 0 {
		t.Errorf("received %d samples, forwarded %d requests; want none", got, f.store.count())
	}
}
