package attribution

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Decimal is an exact decimal number from 0 to about 9.2 million, with up to
// twelve digits behind the point: an integer of 1e-12. Prices are Decimals,
// because what a single sample costs is too little for fewer digits, and because
// floats do not add up.
type Decimal int64

// decimalDigits are the digits of a Decimal behind its point.
const decimalDigits = 12

// ParseDecimal reads a decimal number such as 0.10, exactly.
func ParseDecimal(s string) (Decimal, error) {
	n, err := parseFixed(s, decimalDigits)
	return Decimal(n), err
}

// String returns the shortest text that ParseDecimal reads as d.
func (d Decimal) String() string { return formatFixed(int64(d), decimalDigits, 0) }

// UnmarshalYAML reads a number, or one in quotes.
func (d *Decimal) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	err := unmarshal(&s)
	if err == nil {
		*d, err = ParseDecimal(s)
	}
	return err
}

// MarshalYAML writes d as a number.
func (d Decimal) MarshalYAML() (any, error) { return number(d.String()), nil }

// UnmarshalJSON reads a number, or one in quotes.
func (d *Decimal) UnmarshalJSON(b []byte) (err error) {
	*d, err = ParseDecimal(unquoted(b))
	return err
}

// MarshalJSON writes d as a number.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// Micro is an amount of money in millionths of its currency.
type Micro int64

// microDigits are the digits of a Micro behind the currency's point.
const microDigits = 6

// ParseMicro reads an amount in whole units of the currency, such as 1200 or
// 0.5, exactly.
func ParseMicro(s string) (Micro, error) {
	n, err := parseFixed(s, microDigits)
	return Micro(n), err
}

// String returns the amount in whole units of the currency, with at least two
// digits behind the point.
func (m Micro) String() string { return formatFixed(int64(m), microDigits, 2) }

// An Amount is money as people write it in files and requests: in whole units of
// the currency.
type Amount struct{ Micro Micro }

// UnmarshalYAML reads a number, or one in quotes.
func (a *Amount) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	err := unmarshal(&s)
	if err == nil {
		a.Micro, err = ParseMicro(s)
	}
	return err
}

// MarshalYAML writes a as a number.
func (a Amount) MarshalYAML() (any, error) {
	return number(formatFixed(int64(a.Micro), microDigits, 0)), nil
}

// UnmarshalJSON reads a number, or one in quotes.
func (a *Amount) UnmarshalJSON(b []byte) (err error) {
	a.Micro, err = ParseMicro(unquoted(b))
	return err
}

// MarshalJSON writes a as a number.
func (a Amount) MarshalJSON() ([]byte, error) {
	return []byte(formatFixed(int64(a.Micro), microDigits, 0)), nil
}

// number returns a YAML number that is written as s.
func number(s string) *yaml.Node {
	tag := "!!int"
	if strings.Contains(s, ".") {
		tag = "!!float"
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: s}
}

// unquoted returns what a JSON number or string holds. A string with an escape
// in it is no number anyway.
func unquoted(b []byte) string {
	if n := len(b); n >= 2 && b[0] == '"' && b[n-1] == '"' {
		b = b[1 : n-1]
	}
	return string(b)
}

// parseFixed reads a decimal number of 0 or more as an integer of 10^-digits. It
// takes an exponent, because programs write 1e-7 where people write 0.0000001.
func parseFixed(s string, digits int) (int64, error) {
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(s), "e")
	shift := 0
	if hasExponent {
		e, err := strconv.Atoi(exponent)
		if err != nil || e < -100 || e > 100 {
			return 0, notDecimal(s)
		}
		shift = e
	}
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	if whole == "" || hasPoint && fraction == "" || len(mantissa) > 100 {
		return 0, notDecimal(s)
	}
	// The digits stand for an integer of 10^-(len(fraction)-shift).
	text := strings.TrimLeft(whole+fraction, "0")
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, notDecimal(s)
		}
	}
	if text == "" {
		return 0, nil
	}
	behind := len(fraction) - shift
	for behind > digits && strings.HasSuffix(text, "0") {
		text, behind = text[:len(text)-1], behind-1
	}
	switch {
	case behind > digits:
		return 0, fmt.Errorf("%.64q has more than %d digits behind the point; round it", s, digits)
	case len(text)+digits-behind > 19:
		return 0, tooLarge(s, digits)
	}
	n, err := strconv.ParseInt(text+strings.Repeat("0", digits-behind), 10, 64)
	if err != nil {
		return 0, tooLarge(s, digits)
	}
	return n, nil
}

func notDecimal(s string) error {
	if strings.HasPrefix(s, "-") {
		return errors.New("it is negative; write what is paid as a number of 0 or more")
	}
	return fmt.Errorf("%.64q is no decimal number; write it as in 0.10", s)
}

func tooLarge(s string, digits int) error {
	return fmt.Errorf("%.64q is too large; the greatest is %s", s, formatFixed(math.MaxInt64, digits, 0))
}

// formatFixed writes an integer of 10^-digits as a decimal number with at least
// minimum digits behind the point.
func formatFixed(n int64, digits, minimum int) string {
	sign, u := "", uint64(n)
	if n < 0 {
		sign, u = "-", -u
	}
	text := strconv.FormatUint(u, 10)
	if len(text) <= digits {
		text = strings.Repeat("0", digits-len(text)+1) + text
	}
	whole, fraction := text[:len(text)-digits], text[len(text)-digits:]
	for len(fraction) > minimum && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if fraction == "" {
		return sign + whole
	}
	return sign + whole + "." + fraction
}
