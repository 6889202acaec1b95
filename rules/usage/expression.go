package usage

import (
	"regexp/syntax"
	"slices"
	"sync"

	"github.com/prometheus/prometheus/model/labels"
)

// An expression is what is known of a regular expression.
type expression struct {
	ends      ends
	middle    string     // a literal of it
	automaton *automaton // nil where it has parts that are not decided about
	folds     bool       // it ignores case somewhere: so do ends
}

// newExpression reads an expression as Prometheus matches it: against the whole
// value, with a dot that takes everything.
func newExpression(expr string) *expression {
	re, err := syntax.Parse(expr, syntax.Perl|syntax.DotNL)
	if err != nil {
		return &expression{ends: anyEnds}
	}
	re = re.Simplify()
	return &expression{ends: endsOf(re), middle: middleOf(re), automaton: newAutomaton(re), folds: folds(re)}
}

// folds reports whether any part of re ignores case.
func folds(re *syntax.Regexp) bool {
	return re.Flags&syntax.FoldCase != 0 && re.Op == syntax.OpLiteral || slices.ContainsFunc(re.Sub, folds)
}

// maxRemembered is how much is remembered of expressions, in bytes, about. Beyond
// it everything is forgotten.
const maxRemembered = 32 << 20

// Expressions remember what was found out about expressions and about what they
// have in common: many queries and many rules have the same. Their methods may be
// called from any goroutine.
type expressions struct {
	mu    sync.Mutex // of what follows, and of the automata
	known map[string]*expression
	found map[string]answer // by the matchers of one label
	bytes int
}

// answer returns what is remembered under key, or else what decide says, which is
// called with the lock held.
func (es *expressions) answer(key []byte, decide func() answer) answer {
	es.mu.Lock()
	defer es.mu.Unlock()
	a, ok := es.found[string(key)]
	if ok {
		return a
	}
	if es.bytes > maxRemembered || es.found == nil {
		es.known, es.found, es.bytes = map[string]*expression{}, map[string]answer{}, 0
	}
	a = decide()
	es.found[string(key)] = a
	es.bytes += len(key) + mapBytes
	return a
}

// mapBytes is what an entry of a map takes besides its key, about.
const mapBytes = 48

// of returns what is known of an expression. The lock is held.
func (es *expressions) of(expr string) *expression {
	x := es.known[expr]
	if x == nil {
		x = newExpression(expr)
		es.known[expr] = x
		es.bytes += len(expr) + mapBytes + x.automaton.grown()
	}
	return x
}

// decide says whether a value could satisfy all of ms: by how it has to begin and
// end, and where that does not tell, by their automata. all checks one. The lock is
// held.
func (es *expressions) decide(ms []*labels.Matcher, all func(string) bool) answer {
	var xs []*expression
	var parts []part
	required, unknown := anyEnds, false
	middles := []string{"a", "0"}
	folds := slices.ContainsFunc(ms, func(m *labels.Matcher) bool { return es.ofMatcher(m).folds })
	for _, m := range ms {
		x, negate := es.ofMatcher(m), m.Type == labels.MatchNotRegexp || m.Type == labels.MatchNotEqual
		xs = append(xs, x)
		if x.automaton == nil {
			unknown = true
		} else {
			parts = append(parts, part{x.automaton, negate})
		}
		switch {
		case negate:
		case folds:
			required = required.and(x.ends.lower())
		default:
			required = required.and(x.ends)
			middles = append(middles, x.middle, "a"+x.middle+"a")
		}
	}
	for v := range required.values(middles) {
		if all(v) {
			return yes
		}
	}
	switch {
	case folds && required.none(): // Prometheus folds more than regular expressions do
		return perhaps
	case required.none():
		return no
	case unknown:
		return perhaps
	}
	value, found, decided := common(parts)
	for _, x := range xs {
		es.bytes += x.automaton.grown()
	}
	switch {
	case !decided, found && !all(value):
		return perhaps
	case found:
		return yes
	case folds:
		return perhaps
	}
	return no
}

// ofMatcher returns what is known of the expression that m, or its opposite, is. The
// lock is held.
func (es *expressions) ofMatcher(m *labels.Matcher) *expression {
	if m.Type == labels.MatchNotEqual {
		return es.of(quoteExpression(m.Value))
	}
	return es.of(m.Value)
}
