package sketch

import (
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/headgate/headgate/internal/series"
)

// Version is the version of the hash scheme. It stands in front of every sketch
// that is written, for sketches of different schemes cannot be merged: any change
// that makes a hash come out differently needs another version.
const Version = 1

// A Hash is uniform in all its 64 bits, as HyperLogLog needs: the highest choose
// the register, the rest is counted for leading zeros.
//
// The hashes have no secret seed, since processes could not merge their sketches
// then. Who builds collisions on purpose hides series of their own tenant.
type Hash uint64

// Odd constants, so that multiplying by them loses nothing. nameFactor is 2^64
// over the golden ratio, made 3 modulo 4: see [Pair].
const (
	nameFactor = 0x9e3779b97f4a7c17

	pairFactor1, pairFactor2   = 0xbf58476d1ce4e5b9, 0x94d049bb133111eb
	finalFactor1, finalFactor2 = 0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53
)

// Name hashes the name of a label, to be used with many values in [PairOf].
//
// The factor makes names differ from values: without it the pairs a="b" and
// b="a" were the same.
func Name(name string) uint64 { return xxhash.Sum64String(name) * nameFactor }

// Value hashes the value of a label. XXH64 ends in an avalanche of its own, so
// values of equal length, or numbers in sequence, come out uniform.
func Value(value string) Hash { return Hash(xxhash.Sum64String(value)) }

// Pair hashes a label.
//
// Name and value are hashed apart and not one after the other, so that no byte
// can move from one to the other: a="bc" and ab="c" differ without separators,
// which values might contain. Exchanging name and value changes the sum by their
// difference times nameFactor-1, which is twice an odd number, so that only one
// bit of the difference is lost.
func Pair(name, value string) uint64 { return PairOf(Name(name), Value(value)) }

// PairOf is [Pair] of a name and a value that are hashed already.
//
// The mixing (Stafford's variant 13, the finaliser of splitmix64) is what allows
// pairs to be added up: were they sums themselves, a="1",b="2" and a="2",b="1"
// would add up to the same. It is a bijection, so it makes no collisions.
func PairOf(nameHash uint64, value Hash) uint64 {
	x := nameHash + uint64(value)
	x = (x ^ x>>30) * pairFactor1
	x = (x ^ x>>27) * pairFactor2
	return x ^ x>>31
}

// Sum adds up the pairs of ls, and wraps. An empty value is an absent label and
// adds nothing.
//
// A sum does not depend on the order of labels, and leaving a label out is a
// subtraction: one pass over a series gives its hash, Final(Sum), and its hash
// without each of its labels, Final(Sum - Pair). Adding is better than XOR, in
// which two equal pairs would vanish.
func Sum(ls series.Labels) uint64 {
	var sum uint64
	for i := range ls {
		if ls[i].Value != "" {
			sum += Pair(ls[i].Name, ls[i].Value)
		}
	}
	return sum
}

// Final makes the hash of a series out of its sum.
//
// Sums of few pairs depend on each other: of a grid of two labels every two rows
// differ by the same amount, in the bits that choose the register as in the
// others. The mixing (MurmurHash3's fmix64) ends that; it too is a bijection.
func Final(sum uint64) Hash {
	sum = (sum ^ sum>>33) * finalFactor1
	sum = (sum ^ sum>>33) * finalFactor2
	return Hash(sum ^ sum>>33)
}

// The labels that series of one family differ in.
const (
	Le       = "le"
	Quantile = "quantile"
)

// metricName is the hashed name of the label that holds a series' metric name.
var metricName = Name(series.MetricName)

// Family returns the hash that all series of one classic histogram or summary
// share. Of any other series it is the hash of the series.
func Family(ls series.Labels) Hash { return FamilyOf(ls, Sum(ls)) }

// FamilyOf is [Family] of a series whose sum is known. It hashes nothing again
// but what differs within a family.
//
// le and quantile are left out of every series, whatever its name, because what
// has them is a histogram or summary in some form, as recording rules make them.
func FamilyOf(ls series.Labels, sum uint64) Hash {
	metric, hasLe, hasQuantile := "", false, false
	for i := range ls {
		l := &ls[i]
		if l.Value == "" {
			continue
		}
		switch l.Name {
		case series.MetricName:
			metric = l.Value
		case Le:
			hasLe = true
			sum -= Pair(Le, l.Value)
		case Quantile:
			hasQuantile = true
			sum -= Pair(Quantile, l.Value)
		}
	}
	if base := BaseName(metric, hasLe, hasQuantile); base != metric {
		sum += PairOf(metricName, Value(base)) - PairOf(metricName, Value(metric))
	}
	return Final(sum)
}

// BaseName returns the name of the family that a metric's series belong to: the
// metric's, without one ending.
//
//   - _bucket is cut off only where the series has le. A gauge may well be called
//     leaky_bucket, and buckets without le are none.
//   - _sum, _count and _created are cut off wherever they stand. The series of a
//     histogram that have them show no other sign, and its family must stay whole.
//     A counter or gauge whose name happens to end like that changes its name and
//     keeps its labels, so its series remain families of one, unless a metric of
//     the bare name has the same labels: then both are kept or cut off together,
//     which does no harm.
//   - Nothing is cut off where the series has quantile: those of a summary bear
//     its bare name, even if that ends in _count.
//   - Only one ending is cut off, since that is what a histogram adds to its name,
//     and never all of the name.
func BaseName(metric string, hasLe, hasQuantile bool) string {
	if hasQuantile {
		return metric
	}
	i := strings.LastIndexByte(metric, '_')
	if i <= 0 {
		return metric
	}
	switch metric[i:] {
	case "_bucket":
		if !hasLe {
			return metric
		}
	case "_sum", "_count", "_created":
	default:
		return metric
	}
	return metric[:i]
}
