package gateway

import "github.com/headgate/headgate/attribution"

// An Outcome is what became of one sample, and Counts are samples by that.
type (
	Outcome = attribution.Outcome
	Counts  = attribution.Counts
)

// The outcomes. Every sample received has exactly one.
const (
	Forwarded   = attribution.Forwarded
	Dropped     = attribution.Dropped
	Downsampled = attribution.Downsampled
	Shed        = attribution.Shed
	Rejected    = attribution.Rejected
	Failed      = attribution.Failed
	outcomes    = attribution.Outcomes
)
