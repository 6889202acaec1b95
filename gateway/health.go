package gateway

import (
	"cmp"
	"errors"
	"math/bits"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

const (
	// healthStep is how long a step of an upstream's health is, and healthSteps how
	// many are looked at.
	healthStep  = 20 * time.Second
	healthSteps = 15

	// HealthWindow is how far back the counts of an UpstreamHealth go.
	HealthWindow = healthStep * healthSteps
)

// An UpstreamHealth is how an upstream answered lately.
type UpstreamHealth struct {
	Tenant tenant.ID // whose own it is; "" for that of all who have none
	URL    string    // without what may be secret

	Underway int   // requests that wait for it
	Bytes    int64 // that requests for it are charged

	// Of the last HealthWindow, requests by what the upstream said: Refused are its
	// word against the data, Failed are all that were not stored for its own fault.
	Requests, Refused, Failed uint64
	Retries                   uint64        // that the sender, or Headgate itself, sent again
	P50, P99                  time.Duration // of its answers, to within an eighth

	Status       int       // of the last answer; 0 where there was none
	Fault        string    // why there was none
	At           time.Time // of the last request's end; zero: none yet
	Good         time.Time // when it took something last; zero: never
	FailingSince time.Time // zero where the last request was none of its failures
}

// health is how an upstream answered lately. Each request touches it twice, however
// many samples it has.
type health struct {
	mu       sync.Mutex
	underway int
	latest   UpstreamHealth // what is of no step
	steps    [healthSteps]healthCounts
}

// healthCounts are those of one step.
type healthCounts struct {
	number                             int64 // of the step, since 1970
	requests, refused, failed, retries uint32
	took                               [tookClasses]uint32
}

// begin notes a request.
func (h *health) begin() {
	h.mu.Lock()
	h.underway++
	h.mu.Unlock()
}

// An attempt is how a request to an upstream ended.
type attempt struct {
	began  time.Time
	status int   // 0 where there was no answer
	err    error // why there was none
	kind   wordKind
	again  int // how often it was sent before
}

// end notes how a request ended.
func (h *health) end(a attempt, now time.Time) {
	number := now.UnixNano() / int64(healthStep)
	fault := ""
	if a.err != nil {
		fault = faultOf(a.err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.underway--
	s := &h.steps[number%healthSteps]
	if s.number != number {
		*s = healthCounts{number: number}
	}
	s.requests++
	s.retries += uint32(a.again)
	h.latest.Status, h.latest.Fault, h.latest.At = a.status, fault, now
	if a.status != 0 {
		s.took[tookClass(now.Sub(a.began))]++
	}
	switch a.kind {
	case stored, refused:
		if a.kind == refused {
			s.refused++
		} else {
			h.latest.Good = now
		}
		h.latest.FailingSince = time.Time{}
	default:
		s.failed++
		if h.latest.FailingSince.IsZero() {
			h.latest.FailingSince = now
		}
	}
}

// now returns the health as of a time.
func (h *health) now(at time.Time) UpstreamHealth {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.latest
	v.Underway = h.underway
	oldest := at.UnixNano()/int64(healthStep) - healthSteps
	var took [tookClasses]uint32
	for i := range h.steps {
		s := &h.steps[i]
		if s.number <= oldest {
			continue
		}
		v.Requests += uint64(s.requests)
		v.Refused += uint64(s.refused)
		v.Failed += uint64(s.failed)
		v.Retries += uint64(s.retries)
		for class, n := range s.took {
			took[class] += n
		}
	}
	v.P50, v.P99 = quantile(&took, 0.5), quantile(&took, 0.99)
	return v
}

// faultOf says why there was no answer, without the address, which may hold a
// password.
func faultOf(err error) string {
	if at, ok := errors.AsType[*url.Error](err); ok {
		err = at.Err
	}
	return err.Error()
}

// tookClasses are the classes that durations fall into: four an octave, from 64 µs
// to a minute.
const tookClasses = 81

// tookClass returns the class of a duration.
func tookClass(d time.Duration) int {
	us := uint64(max(0, d.Microseconds()))
	octave := bits.Len64(us)
	if octave < 7 {
		return 0
	}
	return min(tookClasses-1, (octave-7)*4+int(us>>(octave-3))&3+1)
}

// tookOf returns the middle of a class.
func tookOf(class int) time.Duration {
	if class == 0 {
		return 32 * time.Microsecond
	}
	octave, part := (class-1)/4+7, (class-1)%4
	return time.Duration((9+2*part)<<(octave-4)) * time.Microsecond
}

// quantile returns the duration that a part of those counted do not exceed; 0 where
// there are none.
func quantile(took *[tookClasses]uint32, part float64) time.Duration {
	var all, sum uint64
	for _, n := range took {
		all += uint64(n)
	}
	for class, n := range took {
		if sum += uint64(n); sum > 0 && float64(sum) >= part*float64(all) {
			return tookOf(class)
		}
	}
	return 0
}

// Upstreams returns how the upstreams answered lately: that of most tenants first,
// then those of single ones, by tenant.
func (g *Gateway) Upstreams() []UpstreamHealth {
	ups, at := g.settings.Load().upstreams, time.Now()
	list := []UpstreamHealth{g.healthOf(ups.main, "", at)}
	for t, up := range ups.byTenant {
		list = append(list, g.healthOf(up, t, at))
	}
	slices.SortFunc(list, func(a, b UpstreamHealth) int { return cmp.Compare(a.Tenant, b.Tenant) })
	return list
}

func (g *Gateway) healthOf(up *upstream, t tenant.ID, at time.Time) UpstreamHealth {
	v := up.health.now(at)
	v.Tenant, v.Bytes = t, g.inflight.of(up)
	v.URL = (&url.URL{Scheme: up.url.Scheme, Host: up.url.Host, Path: up.url.Path}).String()
	return v
}
