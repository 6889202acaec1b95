package gateway

// An Outcome is what became of one sample.
type Outcome uint8

// The outcomes. Every sample received has exactly one.
const (
	Forwarded Outcome = iota
	Dropped
	Downsampled
	Shed
	Rejected
	Failed
	outcomes
)

// String returns the outcome's name in metrics, the API and pages.
func (o Outcome) String() string {
	return [...]string{"forwarded", "dropped", "downsampled", "shed", "rejected", "failed"}[o]
}

// Counts are samples by outcome.
type Counts [outcomes]uint64

// Received is the number of samples that the outcomes account for.
func (c Counts) Received() uint64 {
	var n uint64
	for _, v := range c {
		n += v
	}
	return n
}

// Add adds d to c.
func (c *Counts) Add(d *Counts) {
	for o := range c {
		c[o] += d[o]
	}
}
