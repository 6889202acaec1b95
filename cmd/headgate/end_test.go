package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestTheEndFinishesWhatIsUnderWay(t *testing.T) {
	up := newStore(t)
	r := launch(t, nil, "--upstream.url="+up.URL)
	r.get("/-/ready", http.StatusOK)
	release := up.hold()
	defer release()
	first := make(chan int, 1)
	body := wire1.body(t, 1000, "up")
	go func() {
		status, _ := r.send(wire1, body, nil)
		first <- status
	}()
	<-up.arrived

	stopped := make(chan int, 1)
	go func() { stopped <- r.stop() }()
	eventually(t, "it is not ready", func() bool {
		resp, _ := r.do(http.MethodGet, r.web, "/-/ready", nil, nil)
		return resp.StatusCode == http.StatusServiceUnavailable
	})
	eventually(t, "newcomers are refused", func() bool {
		status, _ := r.send(wire1, body, nil)
		return status == http.StatusServiceUnavailable
	})
	r.get("/-/healthy", http.StatusOK)
	select {
	case code := <-stopped:
		t.Fatalf("headgate ended with %d while a request was under way", code)
	default:
	}
	release()
	if status := <-first; status != http.StatusNoContent {
		t.Errorf("the request under way got %d, want 204", status)
	}
	if code := <-stopped; code != exitOK {
		t.Errorf("headgate ended with %d, want 0", code)
	}
}

func TestTheEndUnderLoad(t *testing.T) {
	up := newStore(t)
	r := launch(t, nil, "--upstream.url="+up.URL)
	body := wire1.body(t, 1000, "up")
	ends := make(chan string, 8)
	for range cap(ends) {
		go func() { ends <- r.sendUntilRefused(body) }()
	}
	<-up.arrived
	stopped := make(chan int, 1)
	go func() { stopped <- r.stop() }()
	for range cap(ends) {
		if end := <-ends; end != "" {
			t.Errorf("a sender got %s, want 204 and then 503 or no connection", end)
		}
	}
	if code := <-stopped; code != exitOK {
		t.Errorf("headgate ended with %d, want 0", code)
	}
}

// sendUntilRefused sends body again and again, until the answer is 503 or there
// is no connection any more. It returns any other answer.
func (r *running) sendUntilRefused(body []byte) string {
	for {
		req, err := http.NewRequest(http.MethodPost, "http://"+r.ingest+"/api/v1/write", bytes.NewReader(body))
		if err != nil {
			return err.Error()
		}
		wire1.setHeaders(req)
		resp, err := r.client.Do(req)
		if err != nil {
			return ""
		}
		_ = resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusNoContent:
		case http.StatusServiceUnavailable:
			return ""
		default:
			return resp.Status
		}
	}
}

func TestAnEndThatTakesTooLong(t *testing.T) {
	up := newStore(t)
	r := launch(t, nil, "--upstream.url="+up.URL, "--shutdown.timeout=10ms")
	release := up.hold()
	defer release()
	body := wire1.body(t, 1000, "up")
	go r.sendUntilRefused(body) // it is cut off
	<-up.arrived
	stopped := make(chan int, 1)
	go func() { stopped <- r.stop() }()
	eventually(t, "the wait is given up", func() bool { return strings.Contains(r.log.String(), "requests are given up") })
	release()
	if code := <-stopped; code != exitOK {
		t.Errorf("headgate ended with %d, want 0", code)
	}
}

func TestServeLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	up := newStore(t)
	r := launch(t, nil, "--upstream.url="+up.URL)
	r.wantSent(wire1, wire1.body(t, 1000, "up"))
	r.get("/api/v1/flow", http.StatusOK)
	if code := r.stop(); code != exitOK {
		t.Fatalf("headgate ended with %d, want 0", code)
	}
	up.Close()
	goleak.VerifyNone(t, before)
}

func TestAnAddressInUseEndsEverything(t *testing.T) {
	before := goleak.IgnoreCurrent()
	taken := newStore(t)
	address := strings.TrimPrefix(taken.URL, "http://")
	for _, flag := range []string{"--web.listen-address=", "--ingest.listen-address="} {
		if log := refusedAtStart(t, nil, flag+address); !strings.Contains(log, "address already in use") {
			t.Errorf("%s%s: the error does not say that the address is in use:\n%s", flag, address, log)
		}
	}
	taken.Close()
	goleak.VerifyNone(t, before)
}
