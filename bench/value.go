package bench

import (
	"math"
	"math/rand/v2"
)

// level draws where a series stands and how much it moves in a round. Two of
// five counters stand still, as in life.
func level(k kind, r *rand.Rand) (base, rate float64) {
	size := math.Exp(r.Float64() * 14) // 1 to 1.2 million, skewed
	switch k {
	case counter, bucket, seconds:
		base = math.Floor(size)
		if r.IntN(5) >= 2 {
			rate = math.Exp(r.Float64() * 8)
		}
	case gauge:
		base = math.Round(size) / 64
	case pages:
		base = math.Floor(size) * 4096
	case constant:
		base = float64(r.IntN(2))
	}
	return base, rate
}

// at returns the series' value in a round. It is a function of its arguments
// alone, so rounds can be made in any order and more than once.
func (s *Series) at(round int) float64 {
	t := float64(round)
	switch s.kind {
	case counter:
		return math.Floor(s.base + s.rate*t)
	case bucket:
		return math.Floor((s.base + s.rate*t) * s.share)
	case seconds:
		return s.base + math.Floor(s.rate*t*1000)/1000
	case gauge:
		return s.base * (1 + noise(s.base, round)/16)
	case pages:
		return math.Floor(s.base/4096*(1+noise(s.base, round)/16)) * 4096
	}
	return s.base
}

// noise returns a number in [0, 1) that looks random.
func noise(seed float64, round int) float64 {
	return float64(mix(math.Float64bits(seed)+uint64(round)*0x9e3779b97f4a7c15)>>40) / (1 << 24)
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
