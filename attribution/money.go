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

// samplesCost returns what n samples cost, in units.
func (p *Price) samplesCost(n uint64) *big.Int {
	return units(n, p.PerMillionSamples, unitsPerSample)
}

// seriesCost returns what n series-hours cost, in units.
func (p *Price) seriesCost(n uint64) *big.Int {
	return units(n, p.PerThousandSeriesMonth, unitsPerSeriesHour)
}

// cost returns what q costs, in units.
func (p *Price) cost(q quantity) *big.Int {
	return new(big.Int).Add(p.samplesCost(q.samples), p.seriesCost(q.seriesHours))
}

func units(n uint64, price Decimal, factor int64) *big.Int {
	u := new(big.Int).SetUint64(n)
	u.Mul(u, big.NewInt(int64(price)))
	return u.Mul(u, big.NewInt(factor))
}

var (
	bigMicro     = big.NewInt(unitsPerMicro)
	bigHalfMicro = big.NewInt(unitsPerMicro / 2)
)

// fromMicro returns m in units.
func fromMicro(m Micro) *big.Int { return new(big.Int).Mul(big.NewInt(int64(m)), bigMicro) }

// round returns units as the nearest micro-unit, halves up.
func round(units *big.Int) (Micro, error) {
	n := new(big.Int).Add(units, bigHalfMicro)
	n.Div(n, bigMicro)
	if !n.IsInt64() {
		return 0, ErrTooMuch
	}
	return Micro(n.Int64()), nil
}

// roundAll rounds the sum of exact units and shares it out to them.
func roundAll(exact []*big.Int) (sum Micro, parts []Micro, err error) {
	if sum, err = round(total(exact)); err != nil {
		return 0, nil, err
	}
	parts, err = apportion(sum, exact)
	return sum, parts, err
}

// apportion shares total, to which exact units are rounded together, out to them
// by largest remainder: each part is its exact amount rounded down or up, and
// together they are total. Equal remainders go to the earlier. Amounts that were
// each rounded on their own would not add up.
func apportion(total Micro, exact []*big.Int) ([]Micro, error) {
	parts := make([]Micro, len(exact))
	remainders := make([]*big.Int, len(exact))
	order := make([]int, len(exact))
	left, floor := total, new(big.Int)
	for i, units := range exact {
		remainders[i] = new(big.Int)
		floor.DivMod(units, bigMicro, remainders[i]) // Euclidean: rounds down, below zero too
		if !floor.IsInt64() {
			return nil, ErrTooMuch
		}
		parts[i], order[i] = Micro(floor.Int64()), i
		left -= parts[i]
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(remainders[b].Cmp(remainders[a]), cmp.Compare(a, b))
	})
	for _, i := range order[:min(max(left, 0), Micro(len(order)))] {
		parts[i]++
	}
	return parts, nil
}

// split shares units out in proportion to weights, of which one at least is not
// 0, so that the shares are units together. What does not divide goes to the
// first, unit by unit: a unit is less than 10^-20 of the currency.
func split(units *big.Int, weights []*big.Int) []*big.Int {
	sum := new(big.Int)
	for _, w := range weights {
		sum.Add(sum, w)
	}
	shares := make([]*big.Int, len(weights))
	left := new(big.Int).Set(units)
	for i, w := range weights {
		shares[i] = new(big.Int).Mul(units, w)
		shares[i].Div(shares[i], sum)
		left.Sub(left, shares[i])
	}
	one := big.NewInt(1)
	for i := 0; left.Sign() > 0; i++ {
		shares[i].Add(shares[i], one)
		left.Sub(left, one)
	}
	return shares
}

func total(exact []*big.Int) *big.Int {
	sum := new(big.Int)
	for _, units := range exact {
		sum.Add(sum, units)
	}
	return sum
}
