package rules

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
)

// The ways to file a clause, the most selective first.
type keyRank uint8

const (
	byValue keyRank = iota
	byPrefix
	bySuffix
	byPresence
)

// A key is where a clause is filed.
type key struct {
	label string
	words []string // values, prefixes or suffixes
	rank  keyRank
}

// keyOf returns the best key of sel: a value before an end of it before any value,
// and the metric name before other labels, save that any other label is rarer
// than a name, which every series has.
func keyOf(sel *series.Selector) key {
	best, bestCost := key{}, 1<<30
	for _, m := range sel.Matchers() {
		k, ok := keyOfMatcher(m)
		if !ok {
			continue
		}
		cost := 2 * int(k.rank)
		if (m.Name == series.MetricName) == (k.rank == byPresence) {
			cost++
		}
		if cost < bestCost {
			best, bestCost = k, cost
		}
	}
	return best
}

// keyOfMatcher returns the key that m gives; ok is false where m accepts an
// absent label.
func keyOfMatcher(m *labels.Matcher) (k key, ok bool) {
	if m.Matches("") {
		return key{}, false
	}
	switch m.Type {
	case labels.MatchEqual:
		return key{m.Name, []string{m.Value}, byValue}, true
	case labels.MatchRegexp:
		if set := m.SetMatches(); len(set) > 0 {
			return key{m.Name, set, byValue}, true
		}
		if re, err := syntax.Parse(m.Value, syntax.Perl|syntax.DotNL); err == nil {
			if words := literalEnds(re, byPrefix); words != nil {
				return key{m.Name, words, byPrefix}, true
			}
			if words := literalEnds(re, bySuffix); words != nil {
				return key{m.Name, words, bySuffix}, true
			}
		}
	}
	return key{m.Name, nil, byPresence}, true
}

// maxEnds bounds how many prefixes or suffixes one expression is filed under.
const maxEnds = 64

// literalEnds returns texts, none empty, with one of which every text begins
// (byPrefix) or ends (bySuffix) that the anchored expression re matches; nil
// where there are none or too many.
func literalEnds(re *syntax.Regexp, which keyRank) []string {
	words := endsOf(re, which)
	slices.Sort(words)
	return slices.Compact(words)
}

func endsOf(re *syntax.Regexp, which keyRank) []string {
	switch re.Op {
	case syntax.OpLiteral:
		s := string(re.Rune)
		// The replacement character stands for bytes that are no UTF-8 as well.
		if re.Flags&syntax.FoldCase != 0 || s == "" || strings.ContainsRune(s, utf8.RuneError) {
			return nil
		}
		return []string{s}
	case syntax.OpCapture:
		return endsOf(re.Sub[0], which)
	case syntax.OpConcat:
		subs, anchor := re.Sub, syntax.OpBeginText
		if which == bySuffix {
			subs, anchor = slices.Clone(subs), syntax.OpEndText
			slices.Reverse(subs)
		}
		for _, sub := range subs {
			if sub.Op != anchor && sub.Op != syntax.OpEmptyMatch {
				return endsOf(sub, which)
			}
		}
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			words := endsOf(sub, which)
			if words == nil || len(all)+len(words) > maxEnds {
				return nil
			}
			all = append(all, words...)
		}
		return all
	}
	return nil
}
