package gateway

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/tenant"
)

// What the store answers, one request after the other, is what its health says.
func TestTheHealthOfAnUpstreamFollowsItsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, "", func(s *Settings) {
			s.Config.Upstream.URL = "https://user:secret@store.example/write?key=secret"
			s.Config.TenantUpstreams = map[tenant.ID]UpstreamConfig{"own": DefaultUpstreamConfig()}
		})
		codes := []int{}
		f.store.answer = func(n int, _ []byte) *http.Response {
			time.Sleep(20 * time.Millisecond)
			return status(codes[n], "secret")
		}
		send := func(code int, header ...string) UpstreamHealth {
			t.Helper()
			codes = append(codes, code)
			f.post(remotewrite.V1, bodyV1(at(`up{}`, 1, time.Now().UnixMilli())), header...)
			return f.Upstreams()[0]
		}
		h := f.Upstreams()[0]
		if !h.At.IsZero() || h.Requests != 0 || h.P50 != 0 {
			t.Errorf("before any request it is %+v", h)
		}
		began := time.Now()
		h = send(204)
		if h.Requests != 1 || h.Failed != 0 || h.Status != 204 || h.Good != h.At || h.Good.Before(began) || !h.FailingSince.IsZero() || h.Underway != 0 || h.Bytes != 0 {
			t.Errorf("after an answer it is %+v", h)
		}
		if h.P50 < 17*time.Millisecond || h.P50 > 23*time.Millisecond || h.P99 != h.P50 {
			t.Errorf("answers took %s and %s, want about 20ms", h.P50, h.P99)
		}
		if h.URL != "https://store.example/write" {
			t.Errorf("the URL is shown as %s", h.URL)
		}
		first := send(503)
		time.Sleep(time.Second)
		h = send(429, "Retry-Attempt", "1")
		if h.Requests != 3 || h.Failed != 2 || h.Retries != 1 || h.Status != 429 || h.FailingSince != first.At {
			t.Errorf("failing it is %+v", h)
		}
		h = send(0)
		if h.Status != 0 || h.Fault != "unexpected EOF" || h.Failed != 3 {
			t.Errorf("without an answer it is %+v", h)
		}
		h = send(400)
		if h.Refused != 1 || h.Failed != 3 || !h.FailingSince.IsZero() || h.Fault != "" {
			t.Errorf("after it refused data it is %+v", h)
		}
		if other := f.Upstreams()[1]; other.Tenant != "own" || other.Requests != 0 {
			t.Errorf("a tenant's own upstream is %+v", other)
		}
		time.Sleep(HealthWindow)
		if h = f.Upstreams()[0]; h.Requests != 0 || h.P99 != 0 || h.Status != 400 {
			t.Errorf("after %s of silence it is %+v", HealthWindow, h)
		}
		if seen := f.Seen()["default"]; seen.Before(began) {
			t.Errorf("the tenant sent last at %s", seen)
		}
	})
}

func TestWhatWaitsForAnUpstreamIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, "")
		answer := make(chan struct{})
		f.store.answer = func(int, []byte) *http.Response {
			<-answer
			return nil
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.post(remotewrite.V1, bodyV1(at(`up{}`, 1, time.Now().UnixMilli())))
		}()
		synctest.Wait()
		if h := f.Upstreams()[0]; h.Underway != 1 || h.Bytes <= 0 {
			t.Errorf("while the store is silent it is %+v, want one request under way", h)
		}
		close(answer)
		<-done
		if h := f.Upstreams()[0]; h.Underway != 0 || h.Bytes != 0 {
			t.Errorf("after the answer it is %+v, want none under way", h)
		}
	})
}

func TestHealthSurvivesAReloadThatLeavesTheUpstream(t *testing.T) {
	f := newFixture(t, "")
	f.send(t, http.StatusNoContent, at(`up{}`, 1, 1000))
	set := f.settings.Load().Settings
	set.Config.MaxLabels++
	if err := f.Reload(set); err != nil {
		t.Fatal(err)
	}
	if h := f.Upstreams()[0]; h.Requests != 1 {
		t.Errorf("after a reload it is %+v", h)
	}
}

func TestDurationsFallIntoTheirClasses(t *testing.T) {
	for d := time.Microsecond; d < time.Minute; d = d*9/8 + time.Microsecond {
		class := tookClass(d)
		if class < 0 || class >= tookClasses {
			t.Fatalf("%s is of class %d", d, class)
		}
		if got := tookOf(class); d > 64*time.Microsecond && (got < d*7/8-time.Microsecond || got > d*9/8+time.Microsecond) {
			t.Errorf("%s is shown as %s, want it to within an eighth", d, got)
		}
	}
	for _, d := range []time.Duration{-time.Second, time.Hour, 1 << 62} {
		if class := tookClass(d); class < 0 || class >= tookClasses {
			t.Errorf("%s is of class %d", d, class)
		}
	}
}

func TestFaultsDoNotNameTheAddress(t *testing.T) {
	cfg := DefaultUpstreamConfig()
	cfg.URL = "http://user:hunter2@127.0.0.1:1/write?token=hunter2"
	f := newFixture(t, "", func(s *Settings) { s.Config.Upstream = cfg })
	f.settings.Load().upstreams.main.client.Transport = http.DefaultTransport
	f.send(t, http.StatusServiceUnavailable, at(`up{}`, 1, 1000))
	if h := f.Upstreams()[0]; h.Fault == "" || strings.Contains(h.Fault+h.URL, "hunter2") || h.Retries != 1 {
		t.Errorf("an upstream that is not there is %+v", h)
	}
}
