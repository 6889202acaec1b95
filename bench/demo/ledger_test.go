//go:build unix

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestTheLedgerIsAskedUntilItHasAll(t *testing.T) {
	want, asked := flow{Received: 3, Forwarded: 3}, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.RequestURI(); got != "/api/v1/flow?from=2026-01-01T07%3A00%3A00Z" {
			t.Errorf("asked for %s", got)
		}
		asked++
		f := want
		if asked == 1 { // the last flush is yet to come
			f.Received, f.Forwarded = 2, 2
		}
		json.NewEncoder(w).Encode(f)
	}))
	defer server.Close()
	s := stage{addr: addresses{web: strings.TrimPrefix(server.URL, "http://")}}
	got, err := s.recorded(t.Context(), time.Date(2026, 1, 1, 7, 0, 0, 0, time.UTC), want)
	if err != nil || got != want || asked != 2 {
		t.Errorf("asked %d times: %+v, %v", asked, got, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.recorded(ctx, time.Date(2026, 1, 1, 7, 0, 0, 0, time.UTC), flow{}); err == nil {
		t.Error("a ledger that lacks samples was taken for whole")
	}
}
