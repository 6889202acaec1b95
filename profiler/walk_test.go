package profiler

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headgate/headgate/profiler/inventory"
)

func TestASenderDoesNotWaitForAWalkAndNothingIsLost(t *testing.T) {
	f := newFixture(t)
	f.see(labels("up", "instance", "a"))
	p := f.profile(shop)
	p.walk()
	seen := []Seen{
		{Labels: labels("up", "instance", "b"), Verdict: inventory.Verdict{Action: "keep", Team: "team-b"}, Forwarded: true, New: true},
		{Labels: labels("down", "instance", "b", "team", "c"), Verdict: inventory.Verdict{Action: "drop", Rule: "r"}},
	}
	through := make(chan struct{})
	go func() {
		defer close(through)
		f.Observe(shop, Sender{Agent: "Prometheus"}, f.at, seen)
		f.Describe(shop, []Account{{"down", About{Type: "gauge", Help: "Whether it is not up."}}})
		clear(seen[0].Labels) // what was shown need not live on
		clear(seen)
	}()
	select {
	case <-through:
	case <-time.After(20 * time.Second):
		t.Fatal("the sender waits while somebody walks")
	}
	p.rest()
	if got := f.metric(t, "up"); got.Series != 2 {
		t.Errorf("up has %v series, want 2", got.Series)
	}
	down := f.metric(t, "down")
	if down.Series != 1 || down.label(t, "instance").Values != 1 {
		t.Errorf("down has %v series, want 1", down.Series)
	}
	if down.About.Type != "gauge" {
		t.Errorf("down is known as %+v, want a gauge", down.About)
	}
	s := f.Find(shop, labels("up", "instance", "b"))
	if !s.Known || s.Verdict.Team != "team-b" {
		t.Errorf("the series that was brought during the walk is known as %+v", s)
	}
	if n := p.waiting.walks.Load(); n != 0 || p.waiting.bytes != 0 {
		t.Errorf("after the walk %d are said to be under way, and %d bytes wait", n, p.waiting.bytes)
	}
}

func TestWhatWaitsForAWalkIsBounded(t *testing.T) {
	f := newFixture(t)
	f.see(labels("up"))
	p := f.profile(shop)
	long := strings.Repeat("x", 1<<20)
	put := func(i int) bool {
		s := new(scratch)
		seen := []Seen{{Labels: labels("m", "n", fmt.Sprint(i), "x", long), Forwarded: true}}
		s.hash(seen)
		return p.waiting.put(&brought{at: f.at, seen: seen, hashes: s})
	}
	if put(0) {
		t.Error("something waits though nobody walks")
	}
	p.walk()
	n := 0
	for put(n) {
		n++
	}
	if n != mostWaiting>>20-1 { // each takes a little more than 1 MiB
		t.Errorf("%d MiB wait, want %d", n, mostWaiting>>20-1)
	}
	p.rest()
	if got := f.metric(t, "m"); got.Series != float64(n) {
		t.Errorf("m has %v series, want %d", got.Series, n)
	}
}

func TestSendersAndWalksAtATimeLoseNothing(t *testing.T) {
	f := newFixture(t)
	const senders, requests, each = 4, 50, 20
	var sending, walking sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		walking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					var d inventory.Draw
					f.Draw(shop, nil, &d, func(string) bool { return true })
				}
			}
		})
	}
	for s := range senders {
		sending.Go(func() {
			for r := range requests {
				seen := make([]Seen, each)
				for i := range seen {
					seen[i] = Seen{Labels: labels(fmt.Sprintf("metric_%d", i), "sender", fmt.Sprint(s), "request", fmt.Sprint(r)), Forwarded: true, New: true}
				}
				f.Observe(shop, Sender{Agent: fmt.Sprint(s)}, f.at, seen)
				for i := range seen { // what was shown need not live on
					clear(seen[i].Labels)
				}
			}
		})
	}
	sending.Wait()
	close(stop)
	walking.Wait()
	for i := range each {
		if got := f.metric(t, fmt.Sprintf("metric_%d", i)); got.Series != senders*requests {
			t.Fatalf("metric_%d has %v series, want %d", i, got.Series, senders*requests)
		}
	}
}

func TestFarAboveItsLimitMemoryIsRelievedAtOnce(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.MemoryLimitBytes = minMemory })
	seen := make([]Seen, 256)
	for n := range 400 {
		for i := range seen {
			seen[i] = Seen{Labels: labels(fmt.Sprintf("m_%d_%d", n, i), "n", fmt.Sprint(n)), Forwarded: true, New: true}
		}
		f.Observe(shop, Sender{}, f.at, seen) // and nobody runs Run
		if most := int64(hardLimit*minMemory) + minMemory/8; f.Bytes() > most {
			t.Fatalf("%d bytes are used, at most %d may be", f.Bytes(), most)
		}
	}
	if f.Bytes() < minMemory/2 {
		t.Errorf("%d bytes are used: that says nothing of a limit of %d", f.Bytes(), int64(minMemory))
	}
}

func TestWhatIsBroughtDuringWalksAloneCountsAsMemory(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.MemoryLimitBytes = minMemory })
	f.see(labels("up"))
	p := f.profile(shop)
	seen := make([]Seen, 256)
	for n := range 400 {
		for i := range seen {
			seen[i] = Seen{Labels: labels(fmt.Sprintf("m_%d_%d", n, i), "n", fmt.Sprint(n)), Forwarded: true, New: true}
		}
		p.walk()
		through := make(chan struct{})
		go func() {
			defer close(through)
			f.Observe(shop, Sender{}, f.at, seen) // and nobody runs Run
		}()
		for waits := false; !waits; runtime.Gosched() {
			p.waiting.mu.Lock()
			waits = len(p.waiting.list) > 0
			p.waiting.mu.Unlock()
		}
		p.rest()
		<-through
		if f.Bytes() != p.bytes() {
			t.Fatalf("%d bytes are held after a walk, and %d are known", p.bytes(), f.Bytes())
		}
		if most := int64(hardLimit*minMemory) + minMemory/8; f.Bytes() > most {
			t.Fatalf("%d bytes are used, at most %d may be", f.Bytes(), most)
		}
	}
}

// It says something with the race detector.
func TestEstimatesAreMadeWhileSendersBringMetrics(t *testing.T) {
	f := newFixture(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 50 {
			f.Observe(shop, Sender{}, f.at, []Seen{{Labels: labels(fmt.Sprint("m_", n)), Forwarded: true}})
		}
	}()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		f.Recount(f.at)
	}
	if got := f.metric(t, "m_49"); got.Series != 1 {
		t.Errorf("m_49 has %v series, want 1", got.Series)
	}
}

// What many series or metrics share in a request is copied for each of them.
func TestWhatWouldBeTooLargeAsACopyIsNotCopied(t *testing.T) {
	f := newFixture(t)
	f.see(labels("up"))
	p := f.profile(shop)
	long := strings.Repeat("x", 1<<20)
	s := new(scratch)
	b := brought{at: f.at, hashes: s}
	for i := range 64 {
		b.seen = append(b.seen, Seen{Labels: labels("m", "n", fmt.Sprint(i), "x", long)})
	}
	s.hash(b.seen)
	for what, b := range map[string]brought{
		"series": b,
		"help":   {accounts: slices.Repeat([]Account{{"up", About{Help: long}}}, 64)},
		"units":  {accounts: slices.Repeat([]Account{{"up", About{Unit: long}}}, 64)},
	} {
		p.walk()
		if p.waiting.put(&b) {
			t.Errorf("64 MiB of %s are copied, at most %d MiB may be", what, mostWaiting>>20)
		}
		p.rest()
	}
}
