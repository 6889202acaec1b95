package ui

import (
	"strconv"

	"github.com/headgate/headgate/attribution"
)

// cent is the least amount that pages show, in micro-units.
const cent = attribution.Micro(10_000)

// amount writes money, to the cent, of a currency that stands elsewhere. What is
// not nothing never looks so.
func amount(m attribution.Micro) string {
	switch {
	case m == 0:
		return "0.00"
	case m < 0 && m > -cent/2:
		return "−<0.01"
	case m > 0 && m < cent/2:
		return "<0.01"
	case m < 0:
		return "−" + cents(uint64(-m)) // of the least number, too: it wraps to itself
	}
	return cents(uint64(m))
}

func cents(micro uint64) string {
	n := (micro + uint64(cent)/2) / uint64(cent)
	digits := strconv.FormatUint(100+n%100, 10)
	return grouped(n/100) + "." + digits[1:]
}

// change writes by how much money changed, with its sign.
func change(m attribution.Micro) string {
	if m > 0 {
		return "+" + amount(m)
	}
	return amount(m)
}

// changePart writes a change as a part of what was there before.
func changePart(before, after attribution.Micro) string {
	switch {
	case before == after:
		return "as before"
	case before <= 0:
		return "new"
	}
	f := float64(after-before) / float64(before)
	switch {
	case f >= 10:
		return times(float64(after)/float64(before)) + "\u202f× as much"
	case f > 0:
		return "+" + percent(f)
	case f <= -1:
		return "−100\u202f%"
	}
	return "−" + percent(-f)
}

// share returns a as a part of b, from 0 to 1.
func share(a, b attribution.Micro) float64 { return part(float64(a), float64(b)) }

// band writes between which amounts a month will end; "" where it is over.
func band(f attribution.Forecast) string {
	if f.Low == f.High {
		return ""
	}
	return amount(f.Low) + " to " + amount(f.High)
}
