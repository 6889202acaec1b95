package usage

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// A variable is what a dashboard says of one of its variables.
type variable struct {
	numbers   bool            // its values are numbers
	durations []time.Duration // its values, where all are durations
}

// builtinNumbers and builtinDurations are Grafana's own variables.
var (
	builtinNumbers = []string{
		"__interval_ms", "__range_ms", "__range_s", "__rate_interval_ms", "__from", "__to",
	}
	builtinDurations = []string{"__interval", "__rate_interval", "__range"}
)

// newVariable returns a variable that offers values.
func newVariable(values []string) variable {
	v := variable{numbers: len(values) > 0}
	ranges := len(values) > 0
	for _, s := range values {
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			v.numbers = false
		}
		d, err := model.ParseDuration(s)
		if err != nil || d <= 0 {
			ranges = false
			continue
		}
		v.durations = append(v.durations, time.Duration(d))
	}
	if !ranges {
		v.durations = nil
	}
	return v
}

// variablePattern is what Grafana takes for a variable, wherever it stands.
var variablePattern = regexp.MustCompile(`^(?:\$(\w+)|\[\[(\w+)(?::\w+)?\]\]|\$\{(\w+)(?:\.[^:}]*)?(?::[^}]*)?\})`)

// variableAt returns the variable that s begins with, and its name, or nil.
func variableAt(s string) []string {
	if s[0] != '$' && s[0] != '[' {
		return nil
	}
	return variablePattern.FindStringSubmatch(s)
}

// A mark stands in an expression where a variable stood: a word that is a name of
// a metric or label, a part of one, and of a value alike. Who writes one into a
// dashboard has it taken for a variable, which can be anything.
const mark = "hGvAr"

var markPattern = regexp.MustCompile(mark + `(\d+)x`)

func hasMark(s string) bool { return strings.Contains(s, mark) }

func markOf(number int) string { return mark + strconv.Itoa(number) + "x" }

// A text is an expression whose variables were substituted.
type text struct {
	out   string
	spans []span
	names []string // of the variables, by the number of their marks
}

// A span is where in a text a variable stood.
type span struct {
	begin, end int
	name       string
	durations  []time.Duration // that it offers, where that is known
}

// variableIn returns a variable that stood between two places of the text.
func (t *text) variableIn(begin, end int) (name string, durations []time.Duration, found bool) {
	for _, s := range t.spans {
		if s.begin < end && s.end > begin {
			if found {
				return name, nil, true // of several, the values do not say what they make
			}
			name, durations, found = s.name, s.durations, true
		}
	}
	return name, durations, found
}

// restore puts variables back into a message.
func (t *text) restore(message string) string {
	return markPattern.ReplaceAllStringFunc(message, func(m string) string {
		n, err := strconv.Atoi(m[len(mark) : len(m)-1])
		if err != nil || n >= len(t.names) {
			return m
		}
		return "$" + t.names[n]
	})
}

// maxSwitched is how many variables of one expression are tried in all ways.
const maxSwitched = 4

// needsOfTemplate returns what an expression of a dashboard reads.
func needsOfTemplate(expr string, variables map[string]variable) (needs []Need, trouble string) {
	if len(expr) > maxExprBytes {
		return needsOf(expr)
	}
	first := substitute(expr, variables, nil)
	if needs, _, trouble = needsOfText(&first.text); trouble == "" {
		return needs, ""
	}
	free := first.free[:min(len(first.free), maxSwitched)]
	for way := 1; way < 1<<len(free); way++ {
		numbers := map[string]bool{}
		for i, name := range free {
			numbers[name] = way>>i&1 == 1
		}
		t := substitute(expr, variables, numbers)
		if needs, _, other := needsOfText(&t.text); other == "" {
			return needs, ""
		}
	}
	return nil, trouble
}

// A substitution is a text being made.
type substitution struct {
	text
	free []string // variables that may be words or numbers, as far as their place says
}

// substitute replaces the variables of expr by what can be parsed in their place.
// A variable that stands by itself becomes a word, which can be any metric, or a
// number where numbers says so.
func substitute(expr string, variables map[string]variable, numbers map[string]bool) *substitution {
	s := &substitution{}
	var b strings.Builder
	var quote byte // that the string around began with, or 0
	braces, brackets := 0, 0
	for i := 0; i < len(expr); {
		if m := variableAt(expr[i:]); m != nil {
			name := m[1] + m[2] + m[3]
			v := variables[name]
			rest := expr[i+len(m[0]):]
			begin := b.Len()
			switch {
			case quote != 0:
				b.WriteString(s.mark(name))
			case brackets > 0:
				if partOfWord(b.String(), rest) {
					v.durations = nil
				}
				b.WriteString(durationBetween(b.String(), rest))
			case braces > 0:
				b.WriteString(s.mark(name))
				if next := strings.TrimLeft(rest, " \t\r\n"); next == "" || !strings.ContainsRune("=!~", rune(next[0])) && !partOfWord(b.String()[:begin], rest) {
					b.WriteString(`=~".*"`)
				}
			default:
				b.WriteString(s.bare(name, v, b.String(), rest, numbers[name]))
			}
			s.spans = append(s.spans, span{begin, b.Len(), name, v.durations})
			i += len(m[0])
			continue
		}
		c := expr[i]
		switch {
		case quote != 0:
			if c == '\\' && quote != '`' && i+1 < len(expr) {
				b.WriteByte(c)
				i++
				c = expr[i]
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case c == '#':
			end := strings.IndexByte(expr[i:], '\n')
			if end < 0 {
				end = len(expr) - i
			}
			i += end
			continue
		case c == '{':
			braces++
		case c == '}':
			braces = max(0, braces-1)
		case c == '[':
			brackets++
		case c == ']':
			brackets = max(0, brackets-1)
		}
		b.WriteByte(c)
		i++
	}
	s.out = b.String()
	return s
}

func (s *substitution) mark(name string) string {
	n := slices.Index(s.names, name)
	if n < 0 {
		n = len(s.names)
		s.names = append(s.names, name)
	}
	return markOf(n)
}

// durationBetween returns what completes a duration between two texts.
func durationBetween(before, after string) string {
	number := before != "" && before[len(before)-1] >= '0' && before[len(before)-1] <= '9'
	unit := after != "" && after[0] >= 'a' && after[0] <= 'z'
	switch {
	case number && unit:
		return "0"
	case number:
		return "m"
	case unit:
		return "1"
	}
	return "1m"
}

// bare returns what stands for a variable outside of strings, braces and brackets.
func (s *substitution) bare(name string, v variable, before, after string, number bool) string {
	word := strings.TrimRight(before, " \t\r\n")
	next := strings.TrimLeft(after, " \t\r\n")
	switch {
	case strings.HasSuffix(word, "offset"), strings.HasSuffix(word, "offset -"):
		return durationBetween(before, after)
	case strings.HasPrefix(after, "_over_time"):
		return "last"
	case partOfWord(before, after):
		return s.mark(name)
	case strings.HasPrefix(next, "("), strings.HasPrefix(next, "by"), strings.HasPrefix(next, "without"):
		s.addFree(name)
		if number {
			return "last_over_time"
		}
		return "sum"
	case v.numbers, slices.Contains(builtinNumbers, name):
		return "1"
	case slices.Contains(builtinDurations, name), v.durations != nil:
		return "1m"
	}
	s.addFree(name)
	if number {
		return "1"
	}
	return s.mark(name)
}

func (s *substitution) addFree(name string) {
	if !slices.Contains(s.free, name) {
		s.free = append(s.free, name)
	}
}

// partOfWord reports whether what stands between two texts is a part of a word.
func partOfWord(before, after string) bool {
	return before != "" && wordByte(before[len(before)-1]) || after != "" && wordByte(after[0])
}

func wordByte(c byte) bool {
	return c == '_' || c == ':' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
