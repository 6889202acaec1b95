package usage

import (
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

// An answer to whether something is possible.
type answer uint8

const (
	no answer = iota
	perhaps
	yes
)

// maxSet is how many literal values of an expression are tried one by one.
const maxSet = 4096

// meet says whether a series could satisfy all of both a and b. Labels do not
// depend on one another, so each is looked at by itself; an absent label is empty.
func meet(a, b []*labels.Matcher) answer {
	result := yes
	both := slices.Concat(a, b)
	for i, m := range both {
		if slices.ContainsFunc(both[:i], func(o *labels.Matcher) bool { return o.Name == m.Name }) {
			continue
		}
		var same []*labels.Matcher
		for _, o := range both[i:] {
			if o.Name == m.Name {
				same = append(same, o)
			}
		}
		result = min(result, satisfiable(same))
		if result == no {
			return no
		}
	}
	return result
}

// covers reports whether every series that satisfies b is known to satisfy a.
func covers(a, b []*labels.Matcher) bool {
	for _, m := range a {
		opposite, err := m.Inverse()
		if err != nil {
			return false
		}
		list := []*labels.Matcher{opposite}
		for _, o := range b {
			if o.Name == m.Name {
				list = append(list, o)
			}
		}
		if satisfiable(list) != no {
			return false
		}
	}
	return true
}

// satisfiable says whether one value could satisfy all of ms, which are of one
// label.
func satisfiable(ms []*labels.Matcher) answer {
	all := func(v string) bool {
		return !slices.ContainsFunc(ms, func(m *labels.Matcher) bool { return !m.Matches(v) })
	}
	expressions := false
	for _, m := range ms {
		switch m.Type {
		case labels.MatchEqual:
			if all(m.Value) {
				return yes
			}
			return no
		case labels.MatchRegexp, labels.MatchNotRegexp:
			expressions = true
		}
	}
	if !expressions {
		return yes // there are more values than those that != excludes
	}
	for _, m := range ms {
		if m.Type != labels.MatchRegexp {
			continue
		}
		if set := m.SetMatches(); len(set) > 0 && len(set) <= maxSet {
			if slices.ContainsFunc(set, all) {
				return yes
			}
			return no
		}
	}
	for _, v := range []string{"", "a"} { // often enough
		if all(v) {
			return yes
		}
	}
	var as []*automaton
	folds := false
	for _, m := range ms {
		expr, negate := m.Value, m.Type == labels.MatchNotRegexp || m.Type == labels.MatchNotEqual
		if m.Type == labels.MatchNotEqual {
			expr = quoteExpression(m.Value)
		}
		a, ok := newAutomaton(expr, negate)
		if !ok {
			return perhaps
		}
		as = append(as, a)
		folds = folds || a.folds
	}
	value, found, decided := common(as)
	switch {
	case !decided, found && !all(value):
		return perhaps
	case found:
		return yes
	case folds: // Prometheus folds more than regular expressions do
		return perhaps
	}
	return no
}

// quoteExpression returns the expression that matches s alone.
func quoteExpression(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`\.+*?()|[]{}^$`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
