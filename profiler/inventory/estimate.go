package inventory

import (
	"math"

	"github.com/headgate/headgate/profiler/sketch"
)

// An Estimate is a value that lies within Error of the truth in 95 of 100 samples.
// Where Error is 0, Value is exact.
type Estimate struct{ Value, Error float64 }

// What is estimated.
const (
	ofSeries = iota
	ofForwarded
	ofPerSecond
	quantities
)

// amounts are as much of each quantity.
type amounts [quantities]float64

func (a *amounts) add(o *amounts) {
	for i := range a {
		a[i] += o[i]
	}
}

func (a *amounts) max(o *amounts) {
	for i := range a {
		a[i] = max(a[i], o[i])
	}
}

// moments are sums over the clusters of a metric of one quantity: of the amounts,
// their squares, their products with the series of the family; and the sum of
// squares over single series.
type moments struct{ y, yy, xy, single float64 }

// A sample is what estimates need of the rows of a metric besides what is asked for.
type sample struct {
	family, within float64 // probabilities, see cut.chances
	x, xx          float64 // sums over its families of their series and of the squares
	heaviest       amounts // the most that one family has; where none is left out, one series
	total          float64 // series of the metric, sampled or not; 0 where that is unknown
}

// A sum is an estimate over metrics that is still growing.
type sum struct {
	value float64

	// Of what is not in the sample: its estimated mean and variance, and those that
	// the heaviest family, which has most, would add if one more were in it.
	mean, variance               float64
	most, family, familyVariance float64

	squares float64 // of the half widths of estimates by a known total

	// What there may be at most where none is in the sample, by the natural
	// logarithm of the probability that this happens.
	none float64
}

// add adds the estimate of one metric: asked is how many series of the sample were
// asked for, heaviest the most of the quantity that one family may have.
func (s *sum) add(x *sample, m *moments, asked, heaviest float64, byTotal bool) {
	if byTotal && m.y > 0 {
		value, half := x.ratio(m, asked, heaviest)
		s.value += value
		s.squares += half * half
		return
	}
	s.plain(x, m)
	s.heaviest(x, heaviest)
}

// plain adds the Horvitz-Thompson estimate: what is in the sample, by the
// probability of being in it.
func (s *sum) plain(x *sample, m *moments) {
	both := x.family * x.within
	s.value += m.y / both
	s.mean += m.y * (1 - both) / both
	s.variance += x.variance(m)
}

// heaviest notes that a family, which may be in no sample, has as much as that.
func (s *sum) heaviest(x *sample, most float64) {
	if mean, variance := x.unseen(most); variance > s.familyVariance {
		s.most, s.family, s.familyVariance = most, mean, variance
	}
	s.none = max(s.none, most/-math.Log1p(-x.family*x.within))
}

// variance estimates the variance of the plain estimate without bias: that of
// whole families, and that of series within them.
func (x *sample) variance(m *moments) float64 {
	both := x.family * x.within
	return m.yy*(1-x.family)/(both*both) + m.single*(1-x.within)/(both*x.within)
}

// unseen returns the mean and variance of what is outside the sample when one
// family with so much is in it.
func (x *sample) unseen(most float64) (mean, variance float64) {
	both := x.family * x.within
	one := moments{yy: most * most, single: most}
	return most * (1 - both) / both, x.variance(&one)
}

// leastShare is how much of a sample has to be asked for until a known total tells
// much about it.
const leastShare = 0.2

// prefersTotal reports whether the series asked for, with these moments, are better
// estimated by the total.
func (x *sample) prefersTotal(m *moments) bool {
	if x.total <= 0 || m.y < leastShare*x.x || m.y == 0 {
		return false
	}
	var s sum
	s.plain(x, m)
	s.heaviest(x, x.heaviest[ofSeries])
	_, half := x.ratio(m, m.y, x.heaviest[ofSeries])
	return half < s.half()
}

// ratio returns the ratio estimate, the total times the share of the sample, and
// half the width of its interval. Its variance is that of the amounts around their
// share of each family (Cochran 1977, "Sampling Techniques", 6.3).
func (x *sample) ratio(m *moments, asked, heaviest float64) (value, half float64) {
	share := m.y / x.x
	around := moments{yy: max(0, m.yy-2*share*m.xy+share*share*x.xx), single: m.single}
	both := x.family * x.within
	// What is rarer, being asked for or not, decides how skewed the estimate is.
	rarer := m.y * min(1, (x.x-asked)/asked)
	s := sum{value: m.y, mean: rarer * (1 - both) / both, variance: x.variance(&around)}
	s.heaviest(x, heaviest)
	value = max(x.total, x.x) * share
	counted := wide * sketch.StandardError(leastPrecision) * value
	return value, math.Hypot(s.half(), counted)
}

// leastPrecision is that of the least precise sketch that totals come from.
const leastPrecision = 12

// wide is the normal quantile of a little more than 97.5 %, since the variances are
// estimated too.
const wide = 2.1

// beyondWide is how much of the distribution lies beyond it.
const beyondWide = 0.0179

// half returns half the width of the interval around s: how far its upper end is
// away, which is the farther one.
//
// What is outside the sample is taken to be distributed by a gamma distribution of
// its mean and variance, after adding the heaviest family once. That is the upper
// limit of Fay and Feuer (1997, "Confidence intervals for directly standardized
// rates", Statistics in Medicine 16) for weighted sums of counts, which holds for
// few families and is the exact Poisson limit where all are of one size; for many
// it is the normal one. Where few are missing, and so nearly all are in the sample,
// they are missing one by one: then it is the same limit of the negative binomial.
//
// Where none is in the sample there is an exact limit: that many would have been
// missed with a probability of 5 % (Clopper and Pearson 1934), all of them heavy.
func (s *sum) half() float64 {
	if s.value == 0 {
		return s.none * math.Log(20)
	}
	if s.familyVariance == 0 && s.squares == 0 {
		return 0
	}
	mean, variance := s.mean+s.family, s.variance+s.familyVariance
	upper := gammaQuantile(mean, variance, wide)
	if mean < few*s.most {
		upper = max(upper, s.most*negativeBinomialQuantile(mean/s.most, variance/(s.most*s.most)))
	}
	return math.Hypot(upper-s.mean, math.Sqrt(s.squares))
}

// few is up to how many missing families their number is not taken to be continuous.
const few = 8

// negativeBinomialQuantile returns a quantile, the one of wide, of the negative
// binomial distribution with that mean and variance.
func negativeBinomialQuantile(mean, variance float64) float64 {
	p := mean / max(variance, mean*1.000001)
	r := mean * p / (1 - p)
	density := math.Pow(p, r)
	n, rest := 0.0, 1-beyondWide-density
	for ; rest > 0 && n < 100; n++ {
		density *= (r + n) / (n + 1) * (1 - p)
		rest -= density
	}
	return n
}

// gammaQuantile returns a quantile of the gamma distribution with that mean and
// variance, by Wilson and Hilferty (1931, "The distribution of chi-square").
func gammaQuantile(mean, variance, z float64) float64 {
	if variance <= 0 || mean <= 0 {
		return mean
	}
	shape := mean * mean / variance
	return mean * math.Pow(max(0, 1-1/(9*shape)+z/(3*math.Sqrt(shape))), 3)
}

// estimate returns s as it is told.
func (s *sum) estimate() Estimate { return Estimate{s.value, s.half()} }
