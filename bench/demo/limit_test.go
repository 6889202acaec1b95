//go:build unix

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A standInLimit answers for the limit of the tenant default.
type standInLimit struct {
	mode         string
	over         bool
	demand, used float64
}

var goodLimit = standInLimit{"shadow", true, 681.2, 397.4}

func (l standInLimit) handle(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/limits/default", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"samples_per_second":200,"mode":%q,"over":%v,"demand":%g,"used":{"samples_per_second":%g}}`, l.mode, l.over, l.demand, l.used)
	})
}

func TestALimitThatWouldShedNothingIsWrong(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit standInLimit
		err   string
	}{
		{"it is over, and counts", goodLimit, ""},
		{"it is not over", standInLimit{"shadow", false, 150, 150}, "the limit of 200 samples/s in shadow mode would shed nothing of 150/s: 150/s would pass"},
		{"it is enforced", standInLimit{"enforce", true, 681, 200}, "in enforce mode"},
		{"more passes than comes", standInLimit{"shadow", true, 681, 286331000}, "286331000/s would pass"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mux := http.NewServeMux()
			c.limit.handle(mux)
			server := httptest.NewServer(mux)
			defer server.Close()
			var out bytes.Buffer
			s := stage{addr: addresses{web: strings.TrimPrefix(server.URL, "http://")}, out: &out}
			err := s.limit(t.Context())
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %v, want %q\n%s", err, c.err, &out)
			}
		})
	}
}
