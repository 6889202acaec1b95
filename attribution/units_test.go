package attribution

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// drawAmount draws an amount, and the same as a number of any size.
func drawAmount(t *rapid.T) (units, *big.Int) {
	n := rapid.Uint64().Draw(t, "n")
	price := Decimal(rapid.Int64Range(0, math.MaxInt64).Draw(t, "price"))
	factor := rapid.SampledFrom([]uint64{1, unitsPerSample, unitsPerSeriesHour, unitsPerMicro}).Draw(t, "factor")
	exact := new(big.Int).SetUint64(n)
	exact.Mul(exact, big.NewInt(int64(price))).Mul(exact, new(big.Int).SetUint64(factor))
	return unitsOf(n, price, factor), exact
}

// TestUnitsAreIntegers holds sums and roundings to those of numbers of any size.
func TestUnitsAreIntegers(t *testing.T) {
	micro := big.NewInt(unitsPerMicro)
	rapid.Check(t, func(t *rapid.T) {
		sum, exact := units{}, new(big.Int)
		for range rapid.IntRange(1, 6).Draw(t, "amounts") {
			u, n := drawAmount(t)
			if rapid.Bool().Draw(t, "small") { // near to what a Micro holds
				m := Micro(rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 0, -1})).Draw(t, "micro"))
				u, n = fromMicro(m), new(big.Int).Mul(big.NewInt(int64(m)), micro)
				rest := rapid.Uint64Range(0, 2*unitsPerMicro).Draw(t, "rest")
				u, n = u.plus(units{low: rest}), n.Add(n, new(big.Int).SetUint64(rest))
			}
			if rapid.Bool().Draw(t, "below zero") {
				u, n = u.negated(), n.Neg(n)
			}
			sum, exact = sum.plus(u), exact.Add(exact, n)
		}
		if sum.big().Cmp(exact) != 0 || sum.negative() != (exact.Sign() < 0) {
			t.Fatalf("the sum is %s, want %s", sum.big(), exact)
		}
		if exact.Sign() >= 0 && fromBig(exact) != sum {
			t.Fatalf("%s is read as %s", exact, fromBig(exact).big())
		}
		floor, rest := new(big.Int).DivMod(exact, micro, new(big.Int))
		m, left, fits := sum.floor()
		if fits != floor.IsInt64() || left != rest.Uint64() || fits && int64(m) != floor.Int64() {
			t.Fatalf("%s is %d micro-units and %d, %v; want %s and %s", exact, m, left, fits, floor, rest)
		}
		nearest := new(big.Int).Add(exact, big.NewInt(unitsPerMicro/2))
		nearest.Div(nearest, micro)
		m, err := sum.round()
		if (err == nil) != nearest.IsInt64() || err == nil && int64(m) != nearest.Int64() {
			t.Fatalf("%s is rounded to %d, %v; want %s", exact, m, err, nearest)
		}
	})
}
