package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

func TestReadersAskForEveryPageAsOften(t *testing.T) {
	var asked [2]atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") != "text/html" {
			rw.WriteHeader(http.StatusNotAcceptable)
		}
		if r.URL.Path == "/b" {
			asked[1].Add(1)
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		asked[0].Add(1)
		fmt.Fprint(rw, "page")
	}))
	defer srv.Close()
	r := newReaders(srv.URL, []string{"/a", "/b"})
	for range 2 {
		if err := r.read(t.Context(), fourAtOnce); err != nil {
			t.Fatal(err)
		}
	}
	for i := range asked {
		if n := asked[i].Load(); n != 20 || len(r.took[i]) != 20 {
			t.Errorf("page %d was asked for %d times, and %d were timed; want 20", i, n, len(r.took[i]))
		}
	}
	if r.bytes[0] != 4 || r.wrong[0] != 0 || r.wrong[1] != 20 || r.text == "" {
		t.Errorf("%d bytes of a page; wrong answers %d, %q", r.bytes[0], r.wrong, r.text)
	}
	srv.Close()
	if err := r.read(t.Context(), oneReader); err == nil {
		t.Error("nobody says that there is no server")
	}
}

func TestASlowPageIsAskedForLessOften(t *testing.T) {
	r := newReaders("", []string{"/slow"})
	r.spent[0] = patience + time.Millisecond
	for i := range leastAsked {
		if r.enough(0) {
			t.Errorf("it was asked for %d times alone", i)
		}
	}
	if !r.enough(0) {
		t.Error("it is asked for again and again")
	}
}

func TestShareOfDurations(t *testing.T) {
	took := []time.Duration{5, 1, 4, 2, 3}
	if p50, most := share(took, 0.5), share(took, 1); p50 != 3 || most != 5 || share(nil, 0.5) != 0 {
		t.Errorf("half are within %d, all within %d; want 3 and 5", p50, most)
	}
}
