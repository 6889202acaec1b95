package prom

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// A Fault is what a Proxy does to one request.
type Fault int

// The faults. None is the request passed on and its answer passed back.
const (
	None        Fault = iota
	Refuse            // the listener is closed for a moment: connection refused
	Answer500         // 500, not passed on
	Answer503         // 503, not passed on
	ResetBefore       // connection reset in the middle of the body, not passed on
	ResetAfter        // passed on, then connection reset
	Lost              // passed on, then connection closed without an answer
	Masked            // passed on, then a 502 instead of its answer
	Slow              // passed on and back after a pause
	Late              // passed on after the peer has given up
	Swallow           // answered 204 and not passed on: no fault of a network, but of a liar; it proves the oracle
	faults
)

var faultNames = [faults]string{
	"none", "refuse", "500", "503", "reset-before", "reset-after", "lost", "masked", "slow", "late", "swallow",
}

func (f Fault) String() string { return faultNames[f] }

// Honest are the faults that a network or a store may show. None of them may
// cost a sample.
func Honest() []Fault {
	return []Fault{Refuse, Answer500, Answer503, ResetBefore, ResetAfter, Lost, Masked, Slow}
}

// Clean are the honest faults after which the peer knows what became of its
// request: it was not stored, or the answer came.
func Clean() []Fault {
	return []Fault{Refuse, Answer500, Answer503, ResetBefore, Slow}
}

// Faults picks a fault for each request by seed. It is safe for concurrent
// use; concurrent requests may be dealt the faults in either order.
type Faults struct {
	Probability float64       // of any fault
	Kinds       []Fault       // equally likely
	Pause       time.Duration // longest pause of Slow, and of Refuse
	Late        time.Duration // pause of Late

	mu     sync.Mutex
	random *rand.Rand
	off    bool
	counts [faults]int
}

// NewFaults returns Faults with the given probability of one of kinds.
func NewFaults(seed uint64, probability float64, kinds ...Fault) *Faults {
	return &Faults{
		Probability: probability, Kinds: kinds,
		Pause: 100 * time.Millisecond, Late: 1200 * time.Millisecond,
		random: rand.New(rand.NewPCG(seed, 0)),
	}
}

// pick returns the next fault and how long it pauses.
func (f *Faults) pick() (Fault, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault, pause := None, time.Duration(0)
	if !f.off && len(f.Kinds) > 0 && f.random.Float64() < f.Probability {
		fault = f.Kinds[f.random.IntN(len(f.Kinds))]
		pause = time.Duration(f.random.Int64N(int64(f.Pause) + 1))
	}
	if fault == Late {
		pause = f.Late
	}
	f.counts[fault]++
	return fault, pause
}

// Stop ends the injection: from now on every request passes.
func (f *Faults) Stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.off = true
}

// Injected counts the faults so far.
func (f *Faults) Injected() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, count := range f.counts[None+1:] {
		n += count
	}
	return n
}

// String lists the faults so far, as in "3 of 10: 1 refuse, 2 slow".
func (f *Faults) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var parts []string
	injected := 0
	for fault, count := range f.counts {
		if count > 0 && Fault(fault) != None {
			parts = append(parts, fmt.Sprintf("%d %s", count, Fault(fault)))
			injected += count
		}
	}
	return fmt.Sprintf("%d of %d: %s", injected, injected+f.counts[None], strings.Join(parts, ", "))
}
