package ui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// confidence is how many standard errors on either side hold the truth in 95 of
// 100 cases.
const confidence = 1.96

// grouped writes a whole number with thin spaces between thousands.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteString("\u202f")
		}
		b.WriteRune(c)
	}
	return b.String()
}

// count writes a number of things: whole below a million, in three digits beyond.
func count(f float64) string {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return "–"
	case f < 0:
		return "−" + count(-f)
	case f < 999_999.5:
		return grouped(uint64(math.Round(f)))
	}
	for _, unit := range []string{"M", "G", "T", "P"} {
		if f /= 1e3; unit == "M" {
			f /= 1e3
		}
		if f < 999.5 || unit == "P" {
			return strconv.FormatFloat(f, 'f', max(0, 2-int(math.Log10(max(f, 1)))), 64) + "\u202f" + unit
		}
	}
	return "–"
}

// rate writes how often something happens in a second.
func rate(f float64) string {
	switch {
	case f <= 0 || math.IsNaN(f):
		return "0"
	case f < 0.01:
		return "<0.01"
	case f < 10:
		return trimmed(f, 2)
	case f < 100:
		return trimmed(f, 1)
	}
	return count(f)
}

// money writes an amount of a currency that stands elsewhere.
func money(f float64) string {
	switch {
	case f <= 0 || math.IsNaN(f):
		return "0"
	case f < 0.01:
		return "<0.01"
	case f < 1000:
		return strconv.FormatFloat(f, 'f', 2, 64)
	}
	return count(f)
}

// times writes a factor.
func times(f float64) string {
	if f < 100 {
		return trimmed(f, 1)
	}
	return count(f)
}

func trimmed(f float64, digits int) string {
	s := strconv.FormatFloat(f, 'f', digits, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// percent writes a part of one. What is not all and not nothing never looks so.
func percent(f float64) string {
	switch p := f * 100; {
	case math.IsNaN(p) || p <= 0:
		return "0\u202f%"
	case p < 0.1:
		return "<0.1\u202f%"
	case p < 9.95:
		return trimmed(p, 1) + "\u202f%"
	case p < 99.5 || p >= 100:
		return trimmed(p, 0) + "\u202f%"
	default:
		return ">99\u202f%"
	}
}

// plusMinus writes the half width of an interval; "" where there is none.
func plusMinus(f float64) string {
	if f <= 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return ""
	}
	return "±\u202f" + count(math.Ceil(f))
}

// part returns a by b, from 0 to 1.
func part(a, b float64) float64 {
	if b <= 0 || a <= 0 {
		return 0
	}
	return min(1, a/b)
}

func size(bytes int64) string {
	f, unit := float64(bytes), "B"
	for _, next := range []string{"KiB", "MiB", "GiB"} {
		if f < 1024 {
			break
		}
		f, unit = f/1024, next
	}
	return trimmed(f, 1) + "\u202f" + unit
}

// span writes how long something takes, in its greatest unit.
func span(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "\u202fs"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "\u202fmin"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "\u202fh"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + "\u202fd"
}

// ago writes how long before now t was.
func ago(t, now time.Time) string {
	if d := now.Sub(t); d >= 2*time.Second {
		return span(d) + " ago"
	}
	return "just now"
}

// A when is a time as it is shown.
type when struct {
	Machine string // RFC 3339
	Exact   string
	Ago     string
}

func newWhen(t, now time.Time) when {
	if t.IsZero() {
		return when{}
	}
	t = t.UTC()
	w := when{Machine: t.Format(time.RFC3339), Exact: t.Format("2006-01-02 15:04:05 UTC"), Ago: ago(t, now)}
	if t.After(now) {
		w.Ago = "in " + span(t.Sub(now))
	}
	return w
}

// shown writes a name that somebody else chose. What would not be seen, or would
// change how the text around it is read, is written as its number.
func shown(name string) string {
	ok := utf8.ValidString(name)
	for _, c := range name {
		ok = ok && (c == ' ' || unicode.IsPrint(c))
	}
	if ok {
		return name
	}
	var b strings.Builder
	for i, c := range name {
		switch {
		case c == utf8.RuneError && !strings.HasPrefix(name[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, name[i])
		case c == ' ' || unicode.IsPrint(c):
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		default:
			fmt.Fprintf(&b, `\u{%x}`, c)
		}
	}
	return b.String()
}

// maxShown is how much of a name stands in a list, in characters.
const maxShown = 120

// short is shown, cut in the middle where it is long: names differ at their ends.
func short(name string) string { return cut(name, maxShown) }

// cut is short, with at most so many characters.
func cut(name string, most int) string {
	s := []rune(shown(name))
	if len(s) <= most {
		return string(s)
	}
	tail := most / 3
	return string(s[:most-tail-1]) + "…" + string(s[len(s)-tail:])
}

// sentence writes text with a capital letter.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	c, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(c)) + text[n:]
}

// plural writes a number with its noun.
func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "s"):
		return grouped(uint64(max(0, n))) + " " + noun
	}
	return grouped(uint64(max(0, n))) + " " + noun + "s"
}
