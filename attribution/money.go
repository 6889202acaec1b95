package attribution

import (
	"cmp"
	"errors"
	"math/big"
	"math/bits"
	"slices"
)

// Money is exact until it is rounded: an integer of 1/(730 × 10^18) of the
// currency. A price has twelve digits behind the point, a million samples six
// more, and a thousand series-months are 730 000 series-hours; so every cost is
// a whole number of these:
//
//	samples / 10^6 × price        = samples × (price × 10^12) × 730  units
//	series-hours / 730 000 × price = series-hours × (price × 10^12) × 1000 units
const (
	unitsPerSample     = hoursPerMonth // × Decimal
	unitsPerSeriesHour = 1000          // × Decimal
	unitsPerMicro      = hoursPerMonth * 1_000_000_000_000
)

// ErrTooMuch says that a sum is too large to be written: samples beyond 2^64 or
// money beyond 2^63 micro-units. No sum wraps around.
var ErrTooMuch = errors.New("the sum is too large to be written; choose a shorter time, or lower the price if it is wrong")

// A quantity is what is paid for.
type quantity struct{ samples, seriesHours uint64 }

// add adds o to q and reports whether the sum fits.
func (q *quantity) add(o quantity) bool {
	var c1, c2 uint64
	q.samples, c1 = bits.Add64(q.samples, o.samples, 0)
	q.seriesHours, c2 = bits.Add64(q.seriesHours, o.seriesHours, 0)
	return c1|c2 == 0
}

// samplesCost returns what n samples cost.
func (p *Price) samplesCost(n uint64) units {
	return unitsOf(n, p.PerMillionSamples, unitsPerSample)
}

// seriesCost returns what n series-hours cost.
func (p *Price) seriesCost(n uint64) units {
	return unitsOf(n, p.PerThousandSeriesMonth, unitsPerSeriesHour)
}

// cost returns what q costs.
func (p *Price) cost(q quantity) units {
	return p.samplesCost(q.samples).plus(p.seriesCost(q.seriesHours))
}

// roundAll rounds the sum of exact units and shares it out to them.
func roundAll(exact []units, order func(i, j int) int) (sum Micro, parts []Micro, err error) {
	if sum, err = total(exact).round(); err != nil {
		return 0, nil, err
	}
	parts, err = apportion(sum, exact, order)
	return sum, parts, err
}

// A remainder is what rounding down leaves of an amount.
type remainder struct {
	rest uint64
	of   int
}

// apportion shares total, to which exact units are rounded together, out to them
// by largest remainder: each part is its exact amount rounded down or up, and
// together they are total. Equal remainders go to the one that is earlier in order.
// Amounts that were each rounded on their own would not add up.
func apportion(total Micro, exact []units, order func(i, j int) int) ([]Micro, error) {
	parts := make([]Micro, len(exact))
	remainders := make([]remainder, 0, len(exact))
	left := total
	for i := range exact {
		floor, rest, fits := exact[i].floor()
		if !fits {
			return nil, ErrTooMuch
		}
		parts[i] = floor
		left -= floor
		if rest > 0 { // the others are rounded
			remainders = append(remainders, remainder{rest, i})
		}
	}
	slices.SortFunc(remainders, func(a, b remainder) int { return cmp.Compare(b.rest, a.rest) })
	n := int(min(max(left, 0), Micro(len(remainders))))
	if 0 < n && n < len(remainders) && remainders[n-1].rest == remainders[n].rest {
		equal := func(r remainder) bool { return r.rest == remainders[n].rest }
		from := slices.IndexFunc(remainders, equal)
		to := n + 1
		for to < len(remainders) && equal(remainders[to]) {
			to++
		}
		slices.SortFunc(remainders[from:to], func(a, b remainder) int { return order(a.of, b.of) })
	}
	for _, r := range remainders[:n] {
		parts[r.of]++
	}
	return parts, nil
}

// split shares an amount out in proportion to weights, of which one at least is not
// 0, so that the shares are the amount together. What does not divide goes to the
// first, unit by unit: a unit is less than 10^-20 of the currency.
func split(amount units, weights []*big.Int) []units {
	sum := new(big.Int)
	for _, w := range weights {
		sum.Add(sum, w)
	}
	shares := make([]units, len(weights))
	whole, share := amount.big(), new(big.Int)
	left := amount
	for i, w := range weights {
		shares[i] = fromBig(share.Div(share.Mul(whole, w), sum))
		left = left.plus(shares[i].negated())
	}
	for i := 0; left != (units{}); i++ {
		shares[i] = shares[i].plus(units{low: 1})
		left = left.plus(units{low: 1}.negated())
	}
	return shares
}

func total(exact []units) (sum units) {
	for _, u := range exact {
		sum = sum.plus(u)
	}
	return sum
}
