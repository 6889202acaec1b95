package rules

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"
	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/series"
)

// A relabelStep is one relabel config.
type relabelStep struct {
	node      *yaml.Node
	action    string
	sources   []string
	separator string
	regex     string
	target    string
}

// labelChanges says since which line a label may differ from what Prometheus
// sends first. The key "" stands for all labels.
type labelChanges map[string]int

// note adds what s may change.
func (c labelChanges) note(s relabelStep) {
	switch s.action {
	case "replace", "hashmod", "lowercase", "uppercase":
		if strings.Contains(s.target, "$") {
			c[""] = s.node.Line
			return
		}
		c[s.target] = s.node.Line
	case "labelmap", "labeldrop", "labelkeep":
		c[""] = s.node.Line
	}
}

// before returns the line of a change to one of the labels; 0 where there is none.
func (c labelChanges) before(names []string) (line int, label string) {
	for _, l := range names {
		if line := max(c[l], c[""]); line > 0 {
			return line, l
		}
	}
	return 0, ""
}

// selectors returns selectors that match, together, the series that s removes,
// or why there are none.
func (s relabelStep) selectors() (match Selectors, why string) {
	for _, l := range s.sources {
		if l == "" || !utf8.ValidString(l) {
			return nil, "a source label is no label name; mend it"
		}
	}
	parsed, err := syntax.Parse(s.regex, syntax.Perl|syntax.DotNL)
	if err != nil {
		return nil, fmt.Sprintf("the regex is none: %v; mend it", err)
	}
	var alternatives [][]string // each one expression per source label
	switch len(s.sources) {
	case 0:
		return nil, "without source_labels it removes every series or none; remove the step, or write the rule by hand"
	case 1:
		alternatives = [][]string{{s.regex}}
	default:
		if alternatives = splitJoined(parsed, s.separator, len(s.sources)); alternatives == nil {
			return nil, fmt.Sprintf("it is not certain which part of the regex is for which of the %d source labels; write one part for each, none of which can match the separator %s (say [^;]* for .*), or write the rule by hand",
				len(s.sources), quoted(s.separator))
		}
	}
	if s.action == "drop" {
		for _, parts := range alternatives {
			ms, err := matchers(s.sources, parts, labels.MatchRegexp)
			if err != nil {
				return nil, err.Error()
			}
			match = append(match, selectorText(ms))
		}
		return match, ""
	}
	if len(alternatives) > 1 {
		return nil, "the series outside of several alternatives over several labels cannot be selected; write keep rules for the alternatives by hand, and a drop rule behind them"
	}
	ms, err := matchers(s.sources, alternatives[0], labels.MatchNotRegexp)
	if err != nil {
		return nil, err.Error()
	}
	for _, m := range ms { // what one part refuses is refused
		match = append(match, selectorText([]*labels.Matcher{m}))
	}
	return match, ""
}

// matchers returns one matcher for each label and its expression: of type t,
// which is a regular one, or of the literal type where the expression is literal.
func matchers(names, exprs []string, t labels.MatchType) ([]*labels.Matcher, error) {
	ms := make([]*labels.Matcher, len(names))
	for i, name := range names {
		typ, value := t, exprs[i]
		if lit, ok := literal(value); ok {
			value = lit
			typ = labels.MatchEqual
			if t == labels.MatchNotRegexp {
				typ = labels.MatchNotEqual
			}
		}
		m, err := labels.NewMatcher(typ, name, value)
		if err != nil {
			return nil, fmt.Errorf("the regex is none: %w; mend it", err)
		}
		ms[i] = m
	}
	return ms, nil
}

// selectorText writes ms as a selector. A selector must not match the empty
// series: where ms do, it asks for a name, which every series has.
func selectorText(ms []*labels.Matcher) string {
	if !slices.ContainsFunc(ms, func(m *labels.Matcher) bool { return !m.Matches("") }) {
		ms = append([]*labels.Matcher{labels.MustNewMatcher(labels.MatchNotEqual, series.MetricName, "")}, ms...)
	}
	texts := make([]string, len(ms))
	for i, m := range ms {
		texts[i] = m.String()
	}
	return "{" + strings.Join(texts, ",") + "}"
}

// inexpressible says why there is no rule for an action.
func inexpressible(action string) string {
	leave := "; leave this step in Prometheus"
	switch action {
	case "replace", "lowercase", "uppercase", "hashmod", "labelmap":
		return "action " + action + " changes labels, and rules never change a series' labels" + leave
	case "labeldrop", "labelkeep":
		return "action " + action + " removes labels, and rules never change a series' labels" + leave
	case "dropequal", "keepequal":
		return "action " + action + " compares two labels, and a selector compares a label with a constant" + leave
	}
	return fmt.Sprintf("action %s is none of Prometheus'; mend it, or remove the step", quoted(action))
}
