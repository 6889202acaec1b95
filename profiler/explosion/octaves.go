package explosion

import "math"

// Levels are compared by ratio, so they are kept as logarithms: in octaves,
// powers of two.

// A mark is a level in two bytes: 1/1024 of an octave (0.07 %) from 2⁻¹² to 2⁵¹.
// The zero mark is no level at all.
type mark uint16

const (
	marksPerOctave = 1024
	lowestOctave   = -12
)

func markOf(octaves float64) mark {
	m := math.Round((octaves-lowestOctave)*marksPerOctave) + 1
	return mark(min(max(m, 1), math.MaxUint16))
}

func (m mark) octaves() float64 {
	return lowestOctave + float64(m-1)/marksPerOctave
}

// raised returns m moved by octaves, or no level if it is none.
func (m mark) raised(octaves float64) mark {
	if m == 0 {
		return 0
	}
	return markOf(m.octaves() + octaves)
}
