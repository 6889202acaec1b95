package bench

import "time"

// A Fault is what a [Sink] does wrong with a share of the requests. The zero
// value does nothing wrong.
type Fault struct {
	Share      float64       // of the requests, 0 to 1
	Delay      time.Duration // before anything else
	Status     int           // answered in place of storing, where not 0
	RetryAfter string        // header of that answer
	Reset      bool          // the connection is reset, nothing is stored
	LoseAnswer bool          // stored, but the connection is reset before the answer
	Hang       bool          // no answer until the fault is replaced or the sink closed
}

// An injection is a fault in force; released is closed when it no longer is.
type injection struct {
	Fault
	released chan struct{}
}

// Inject replaces the fault in force. Requests that hang are let go, and
// answered as if there were none.
func (s *Sink) Inject(f Fault) {
	old := s.fault.Swap(&injection{Fault: f, released: make(chan struct{})})
	close(old.released)
}

// hit reports whether the fault strikes this request: every 1/Share-th, evenly
// spread, so that a run can be repeated.
func (f *injection) hit(n int64) bool {
	return f.Share > 0 && int64(float64(n)*f.Share) != int64(float64(n-1)*f.Share)
}
