package usage

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxEnds is how many ways to begin, or to end, are told apart.
const maxEnds = 16

// Ends are how values begin and end that an expression, or a part of it, matches:
// each begins with one of prefixes and ends with one of suffixes.
type ends struct {
	prefixes, suffixes []string
	whole              bool // each is one of prefixes, which are suffixes
}

var (
	anyEnds   = ends{[]string{""}, []string{""}, false}
	emptyEnds = ends{[]string{""}, []string{""}, true}
)

// endsOf returns the ends of what re matches. They may be shorter than they could
// be, never longer.
func endsOf(re *syntax.Regexp) ends {
	switch re.Op {
	case syntax.OpLiteral:
		s := string(re.Rune)
		if strings.ContainsRune(s, utf8.RuneError) {
			return anyEnds // bytes that are no UTF-8 match it, too
		}
		return ends{[]string{s}, []string{s}, true}
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return emptyEnds
	case syntax.OpCapture:
		return endsOf(re.Sub[0])
	case syntax.OpPlus:
		e := endsOf(re.Sub[0])
		e.whole = false
		return e
	case syntax.OpQuest:
		return eitherEnds(emptyEnds, endsOf(re.Sub[0]))
	case syntax.OpAlternate:
		all := endsOf(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			all = eitherEnds(all, endsOf(sub))
		}
		return all
	case syntax.OpConcat:
		all := emptyEnds
		for _, sub := range re.Sub {
			all = all.then(endsOf(sub))
		}
		return all
	}
	return anyEnds
}

// eitherEnds returns the ends of what has those of a or those of b.
func eitherEnds(a, b ends) ends {
	e := ends{joined(a.prefixes, b.prefixes), joined(a.suffixes, b.suffixes), a.whole && b.whole}
	if len(e.prefixes) > maxEnds || len(e.suffixes) > maxEnds {
		return anyEnds
	}
	return e
}

func joined(a, b []string) []string {
	list := slices.Concat(a, b)
	slices.Sort(list)
	return slices.Compact(list)
}

// then returns the ends of what has those of e, followed by what has those of f.
func (e ends) then(f ends) ends {
	all := f
	if f.whole && len(e.suffixes)*len(f.suffixes) <= maxEnds {
		all.suffixes = products(e.suffixes, f.suffixes)
	}
	switch {
	case !e.whole:
		all.prefixes, all.whole = e.prefixes, false
	case len(e.prefixes)*len(f.prefixes) > maxEnds:
		all.prefixes, all.whole = e.prefixes, false
	default:
		all.prefixes = products(e.prefixes, f.prefixes)
	}
	return all
}

func products(a, b []string) (list []string) {
	for _, x := range a {
		for _, y := range b {
			list = append(list, x+y)
		}
	}
	return list
}

// lower returns e for values in which case is ignored.
func (e ends) lower() ends {
	low := func(list []string) []string {
		out := make([]string, len(list))
		for i, s := range list {
			out[i] = strings.ToLower(s)
		}
		return out
	}
	return ends{low(e.prefixes), low(e.suffixes), e.whole}
}

// and returns the ends of what has those of both; there are none where nothing has.
func (e ends) and(f ends) ends {
	both := func(a, b []string, fits func(longer, shorter string) bool) (list []string) {
		for _, x := range a {
			for _, y := range b {
				longer, shorter := x, y
				if len(longer) < len(shorter) {
					longer, shorter = shorter, longer
				}
				if fits(longer, shorter) && !slices.Contains(list, longer) {
					list = append(list, longer)
				}
			}
		}
		return list
	}
	return ends{both(e.prefixes, f.prefixes, strings.HasPrefix), both(e.suffixes, f.suffixes, strings.HasSuffix), false}
}

// none reports whether no value has the ends.
func (e ends) none() bool { return len(e.prefixes) == 0 || len(e.suffixes) == 0 }

// middleOf returns the longest literal of re.
func middleOf(re *syntax.Regexp) (longest string) {
	if re.Op == syntax.OpLiteral {
		return string(re.Rune)
	}
	for _, sub := range re.Sub {
		if s := middleOf(sub); len(s) > len(longest) {
			longest = s
		}
	}
	return longest
}

// maxGuesses is how many prefixes, and suffixes, are tried.
const maxGuesses = 4

// values yields values that may have the ends, and the middles between them.
func (e ends) values(middles []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, prefix := range e.prefixes[:min(maxGuesses, len(e.prefixes))] {
			for _, suffix := range e.suffixes[:min(maxGuesses, len(e.suffixes))] {
				if !yield(overlapped(prefix, suffix)) || !yield(prefix+suffix) {
					return
				}
				for _, m := range middles {
					if !yield(prefix+m+suffix) || !yield(overlapped(overlapped(prefix, m), suffix)) {
						return
					}
				}
			}
		}
	}
}

// overlapped returns a followed by b, which begins within a where it can.
func overlapped(a, b string) string {
	for n := min(len(a), len(b)); n > 0; n-- {
		if strings.HasSuffix(a, b[:n]) {
			return a + b[n:]
		}
	}
	return a + b
}
