package usage

import (
	"encoding/binary"
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

// A decider finds out what matchers have in common. It belongs to one goroutine.
type decider struct {
	expressions *expressions
	opposites   map[*labels.Matcher]*labels.Matcher
	key         []byte // of what is remembered, as it is made
}

func newDecider(es *expressions) *decider {
	return &decider{expressions: es, opposites: map[*labels.Matcher]*labels.Matcher{}}
}

// meet says whether a series could satisfy all of both a and b. Labels do not
// depend on one another, so each is looked at by itself; an absent label is empty.
func (d *decider) meet(a, b []*labels.Matcher) answer {
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
		result = min(result, d.satisfiable(same))
		if result == no {
			return no
		}
	}
	return result
}

// covers reports whether every series that satisfies b is known to satisfy a.
func (d *decider) covers(a, b []*labels.Matcher) bool {
	for _, m := range a {
		opposite := d.opposites[m]
		if opposite == nil {
			var err error
			if opposite, err = m.Inverse(); err != nil {
				return false
			}
			d.opposites[m] = opposite
		}
		list := []*labels.Matcher{opposite}
		for _, o := range b {
			if o.Name == m.Name {
				list = append(list, o)
			}
		}
		if d.satisfiable(list) != no {
			return false
		}
	}
	return true
}

// satisfiable says whether one value could satisfy all of ms, which are of one
// label.
func (d *decider) satisfiable(ms []*labels.Matcher) answer {
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
	d.key = d.key[:0]
	for _, m := range ms {
		d.key = append(d.key, byte(m.Type))
		d.key = binary.AppendUvarint(d.key, uint64(len(m.Value)))
		d.key = append(d.key, m.Value...)
	}
	return d.expressions.answer(d.key, func() answer { return d.expressions.decide(ms, all) })
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
