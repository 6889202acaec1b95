package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stuck is a client that takes nothing until it is let go on.
type stuck struct {
	*httptest.ResponseRecorder
	goOn chan struct{}
}

func (s stuck) Write(b []byte) (int, error) {
	<-s.goOn
	return s.ResponseRecorder.Write(b)
}

func TestNoMorePagesWorkAtATimeThanHaveATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		working, most := 0, 0
		end := make(chan struct{})
		h := roomFor(2).handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			working++
			most = max(most, working)
			<-end
			working--
		}))
		done := 0
		for range 5 {
			go func() {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
				done++
			}()
			synctest.Wait()
		}
		if working != 2 {
			t.Errorf("%d of five requests work at a time, want 2", working)
		}
		for range 5 {
			end <- struct{}{}
			synctest.Wait()
		}
		if done != 5 || most != 2 {
			t.Errorf("%d of five requests came to an end, %d at a time", done, most)
		}
	})
}

func TestWhoIsSlowToReadOrToSendHoldsNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := roomFor(1).handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if _, err := rw.Write(bytes.ToUpper(b)); err != nil {
				t.Error(err)
			}
		}))
		slowReader := stuck{httptest.NewRecorder(), make(chan struct{})}
		go h.ServeHTTP(slowReader, httptest.NewRequest("POST", "/", strings.NewReader("slow to read")))
		synctest.Wait()
		body, sending := io.Pipe()
		slowSender := httptest.NewRecorder()
		go h.ServeHTTP(slowSender, httptest.NewRequest("POST", "/", body))
		synctest.Wait()

		quick := httptest.NewRecorder()
		go h.ServeHTTP(quick, httptest.NewRequest("POST", "/", strings.NewReader("quick")))
		synctest.Wait()
		if got := quick.Body.String(); got != "QUICK" {
			t.Errorf("beside slow clients a quick one got %q", got)
		}
		close(slowReader.goOn)
		if _, err := sending.Write([]byte("slow to send")); err != nil {
			t.Fatal(err)
		}
		sending.Close()
		synctest.Wait()
		if got := slowReader.Body.String(); got != "SLOW TO READ" {
			t.Errorf("who was slow to read got %q", got)
		}
		if got := slowSender.Body.String(); got != "SLOW TO SEND" {
			t.Errorf("who was slow to send got %q", got)
		}
	})
}

func TestWhoWaitsForATurnAndGoesLeavesItToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		asked := 0
		pages := roomFor(1)
		h := pages.handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			asked++
			<-end
		}))
		go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		synctest.Wait()
		ctx, leave := context.WithCancelCause(t.Context())
		go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
		synctest.Wait()
		leave(errors.New("closed the tab"))
		synctest.Wait()
		end <- struct{}{}
		synctest.Wait()
		if asked != 1 || len(pages.turns) != 0 {
			t.Errorf("%d requests worked and %d hold a turn at the end; want 1 and none", asked, len(pages.turns))
		}
	})
}

func TestRoomIsMadeWhilePagesAreReadAndForAWhileAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var shared []int
		end := make(chan struct{})
		r := roomFor(2)
		r.processors, r.share = 4, func(n int) {
			mu.Lock()
			defer mu.Unlock()
			shared = append(shared, n)
		}
		h := r.handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
		ctx, stop := context.WithCancel(t.Context())
		go r.run(ctx)
		ask := func() {
			go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			synctest.Wait()
		}
		steps := []struct {
			what string
			do   func()
			want []int
		}{
			{"nobody reads", func() {}, nil},
			{"a page is read", ask, []int{6}},
			{"it takes longer than anybody lingers", func() { time.Sleep(3 * lingering) }, []int{6}},
			{"it is there", func() { end <- struct{}{} }, []int{6}},
			{"another, soon", func() { time.Sleep(lingering / 2); ask(); end <- struct{}{} }, []int{6}},
			{"no more", func() { time.Sleep(2 * lingering) }, []int{6, 4}},
			{"one more", func() { ask(); end <- struct{}{} }, []int{6, 4, 6}},
			{"the end", stop, []int{6, 4, 6, 4}},
		}
		for _, s := range steps {
			s.do()
			synctest.Wait()
			mu.Lock()
			got := slices.Clone(shared)
			mu.Unlock()
			if !slices.Equal(got, s.want) {
				t.Fatalf("%s: processors were set to %v, want %v", s.what, got, s.want)
			}
		}
	})
}

func TestWhoPanicsLeavesTheTurnToOthers(t *testing.T) {
	pages := roomFor(1)
	for name, fail := range map[string]http.HandlerFunc{
		"a handler": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a body":    func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: it did not panic", name)
				}
			}()
			pages.handler(fail).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/", panicking{}))
		}()
		if n := len(pages.turns); n != 0 {
			t.Errorf("%s: %d hold a turn that they will not give back", name, n)
		}
	}
}

// panicking is a body that cannot be read.
type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic(http.ErrAbortHandler) }
