package rules

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// splitJoined takes an expression over n label values joined by sep apart: it
// returns alternatives, each with one expression per label, such that the joined
// values match re exactly where, in one of the alternatives, every value matches
// its expression. It returns nil where that is not certain: it is where every
// alternative has sep n-1 times at its top level and no part can match any
// character of sep, because then values with such a character match nothing and
// all others can be joined in one way only.
func splitJoined(re *syntax.Regexp, sep string, n int) [][]string {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	if sep == "" {
		return nil
	}
	if re.Op != syntax.OpAlternate {
		if parts := splitOne(re, sep, n); parts != nil {
			return [][]string{parts}
		}
		return nil
	}
	var all [][]string
	for _, sub := range re.Sub {
		parts := splitOne(sub, sep, n)
		if parts == nil {
			return nil
		}
		all = append(all, parts)
	}
	return all
}

// splitOne splits an expression without alternatives at its top level.
func splitOne(re *syntax.Regexp, sep string, n int) []string {
	subs := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		subs = re.Sub
	}
	// Anchors at the ends are implied anyway.
	if len(subs) > 0 && subs[0].Op == syntax.OpBeginText {
		subs = subs[1:]
	}
	if last := len(subs) - 1; last >= 0 && subs[last].Op == syntax.OpEndText {
		subs = subs[:last]
	}
	var parts []string
	var part strings.Builder
	for _, sub := range subs {
		if sub.Op != syntax.OpLiteral || sub.Flags&syntax.FoldCase != 0 {
			if uncertain(sub, sep) {
				return nil
			}
			part.WriteString(atom(sub))
			continue
		}
		pieces := strings.Split(string(sub.Rune), sep)
		for i, piece := range pieces {
			if strings.ContainsAny(piece, sep) {
				return nil
			}
			part.WriteString(syntaxLiteral(piece))
			if i < len(pieces)-1 {
				parts = append(parts, part.String())
				part.Reset()
			}
		}
	}
	if parts = append(parts, part.String()); len(parts) != n {
		return nil
	}
	return parts
}

// atom writes re so that other expressions can be written before and behind it.
func atom(re *syntax.Regexp) string {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	return "(?:" + re.String() + ")"
}

// syntaxLiteral writes s as an expression that matches s alone.
func syntaxLiteral(s string) string {
	if s == "" {
		return ""
	}
	return (&syntax.Regexp{Op: syntax.OpLiteral, Rune: []rune(s)}).String()
}

// uncertain reports whether a text that re matches could hold a character of
// chars, or whether what re matches depends on its neighbours. It errs only
// towards true.
func uncertain(re *syntax.Regexp, chars string) bool {
	switch re.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL,
		syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	case syntax.OpLiteral:
		return strings.ContainsFunc(chars, func(c rune) bool {
			return slices.ContainsFunc(re.Rune, func(r rune) bool {
				return r == c || re.Flags&syntax.FoldCase != 0 && strings.EqualFold(string(r), string(c))
			})
		})
	case syntax.OpCharClass:
		return strings.ContainsFunc(chars, func(c rune) bool {
			for i := 0; i+1 < len(re.Rune); i += 2 {
				if re.Rune[i] <= c && c <= re.Rune[i+1] {
					return true
				}
			}
			return false
		})
	}
	return slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return uncertain(sub, chars) })
}

// literal returns the one text that the anchored expression matches, if it is
// written as such.
func literal(expr string) (string, bool) {
	if expr == "" {
		return "", true
	}
	re, err := syntax.Parse(expr, syntax.Perl|syntax.DotNL)
	if err != nil {
		return "", false
	}
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	switch {
	case re.Op == syntax.OpEmptyMatch:
		return "", true
	case re.Op == syntax.OpLiteral && re.Flags&syntax.FoldCase == 0:
		return string(re.Rune), true
	}
	return "", false
}
