package explosion

import (
	"fmt"
	"math"
)

// A Reading is what one metric did up to a minute.
type Reading struct {
	Minute           int64   // since the Unix epoch; readings go forward
	Active           float64 // series seen within the sliding window of an hour
	SamplesPerSecond float64 // received over the last minute
}

// A Kind is how the series became many.
type Kind uint8

const (
	Growth Kind = iota // live series grow
	Churn              // series come and go faster than they live
)

func (k Kind) String() string {
	switch k {
	case Growth:
		return "growth"
	case Churn:
		return "churn"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// A State is where an explosion stands. One that began ends as Settled or as
// Over, with any number of Grown between.
type State uint8

const (
	Began   State = iota
	Grown         // doubled since it was last reported
	Settled       // it stays: what it came to is the reference from now on
	Over          // the series are gone again
)

func (s State) String() string {
	switch s {
	case Began:
		return "began"
	case Grown:
		return "grown"
	case Settled:
		return "settled"
	case Over:
		return "over"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// An Explosion is what a reading revealed.
type Explosion struct {
	Kind  Kind
	State State
	From  float64 // active series before, by the reference that it broke
	To    float64 // active series now
	Since int64   // minute at which the rise began, as far as can be told
	At    int64   // minute of the reading
}

// String returns a sentence without the metric's name.
func (e Explosion) String() string {
	took := span(e.At - e.Since)
	from, to := math.Round(e.From), math.Round(e.To)
	switch {
	case e.State == Over:
		return fmt.Sprintf("over after %s: %.0f active series", took, to)
	case e.State == Settled:
		return fmt.Sprintf("stays at %.0f active series, %.0f before", to, from)
	case e.Kind == Churn:
		return fmt.Sprintf("series come and go faster than they live: from %.0f to %.0f active series in %s", from, to, took)
	}
	return fmt.Sprintf("from %.0f to %.0f active series in %s", from, to, took)
}

// span names a number of minutes.
func span(minutes int64) string {
	switch {
	case minutes == 1:
		return "1 minute"
	case minutes < 120:
		return fmt.Sprintf("%d minutes", minutes)
	case minutes < 48*60:
		return fmt.Sprintf("%d hours", (minutes+30)/60)
	}
	return fmt.Sprintf("%d days", (minutes+12*60)/(24*60))
}
