package attribution

import (
	"math/big"
	"math/bits"
)

// Units are money that is exact: an integer of 192 bits, in two's complement. An entry
// has 138 bits at most, so that no report has rows enough to overflow.
type units struct{ high, middle, low uint64 }

// unitsOf returns n × price × factor, neither of which is below zero.
func unitsOf(n uint64, price Decimal, factor uint64) units {
	high, low := bits.Mul64(n, uint64(price))
	carry, low := bits.Mul64(low, factor)
	high, middle := bits.Mul64(high, factor)
	middle, over := bits.Add64(middle, carry, 0)
	return units{high + over, middle, low}
}

// fromMicro returns m in units.
func fromMicro(m Micro) units {
	if m < 0 {
		return unitsOf(-uint64(m), 1, unitsPerMicro).negated()
	}
	return unitsOf(uint64(m), 1, unitsPerMicro)
}

// fromBig returns what n is, which is not below zero.
func fromBig(n *big.Int) units {
	var b [24]byte
	n.FillBytes(b[:])
	word := func(i int) (w uint64) {
		for _, c := range b[i : i+8] {
			w = w<<8 | uint64(c)
		}
		return w
	}
	return units{word(0), word(8), word(16)}
}

func (u units) plus(v units) units {
	low, carry := bits.Add64(u.low, v.low, 0)
	middle, carry := bits.Add64(u.middle, v.middle, carry)
	high, _ := bits.Add64(u.high, v.high, carry)
	return units{high, middle, low}
}

func (u units) negated() units {
	return units{^u.high, ^u.middle, ^u.low}.plus(units{low: 1})
}

func (u units) negative() bool { return int64(u.high) < 0 }

// big returns u as a number that may be multiplied and divided.
func (u units) big() *big.Int {
	v := u
	if u.negative() {
		v = u.negated()
	}
	n := new(big.Int).SetUint64(v.high)
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(v.middle))
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(v.low))
	if u.negative() {
		n.Neg(n)
	}
	return n
}

// floor returns u rounded down to micro-units, and the rest.
func (u units) floor() (m Micro, rest uint64, fits bool) {
	v := u
	if u.negative() {
		v = u.negated()
	}
	high, rest := bits.Div64(0, v.high, unitsPerMicro)
	middle, rest := bits.Div64(rest, v.middle, unitsPerMicro)
	low, rest := bits.Div64(rest, v.low, unitsPerMicro)
	fits = high == 0 && middle == 0 && (low < 1<<63 || low == 1<<63 && rest == 0 && u.negative())
	m = Micro(low)
	if u.negative() {
		if m = -m; rest > 0 {
			m, rest = m-1, unitsPerMicro-rest
		}
	}
	return m, rest, fits
}

// round returns u as the nearest micro-unit, halves up.
func (u units) round() (Micro, error) {
	m, _, fits := u.plus(units{low: unitsPerMicro / 2}).floor()
	if !fits {
		return 0, ErrTooMuch
	}
	return m, nil
}
