package series

import (
	"errors"
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// maxSelectorBytes bounds a selector's text: regular expressions match in linear
// time, but compiling nested repetitions takes memory.
const maxSelectorBytes = 4096

// A Selector is a parsed PromQL series selector. It is immutable, so any number
// of goroutines may use it at once.
type Selector struct {
	text     string
	matchers []*labels.Matcher
	names    []string
}

// A SelectorError says where in a selector's text its author went wrong.
type SelectorError struct {
	Offset int    // bytes of the text before the place
	Text   string // what is wrong there
	err    error
}

// Error returns the text with its place, counted in characters from 1.
func (e *SelectorError) Error() string { return e.err.Error() }

// Unwrap returns the parser's own error.
func (e *SelectorError) Unwrap() error { return e.err }

// ParseSelector parses a PromQL series selector such as up{job=~"api|web"}.
// Where the text is no selector at all, the error is a [*SelectorError].
// Positions in its errors count characters from 1.
func ParseSelector(s string) (*Selector, error) {
	if len(s) > maxSelectorBytes {
		return nil, fmt.Errorf("selector is %d bytes long, the limit is %d", len(s), maxSelectorBytes)
	}
	ms, err := parser.NewParser(parser.Options{}).ParseMetricSelector(s)
	if err != nil {
		return nil, selectorError(s, err)
	}
	if !slices.ContainsFunc(ms, func(m *labels.Matcher) bool { return !m.Matches("") }) {
		return nil, errors.New(`selector matches the empty series, and so everything; where that is meant, write {__name__=~".+"}`)
	}
	sel := &Selector{text: s, matchers: ms}
	for _, m := range ms {
		if m.Name != MetricName {
			continue
		}
		switch m.Type {
		case labels.MatchEqual:
			sel.names = []string{m.Value}
		case labels.MatchRegexp:
			if set := m.SetMatches(); len(set) > 0 && sel.names == nil {
				sel.names = slices.Clone(set)
			}
		}
	}
	// The metric name is the most selective label: try it first.
	slices.SortStableFunc(sel.matchers, func(a, b *labels.Matcher) int {
		return rank(a) - rank(b)
	})
	return sel, nil
}

// selectorError turns what the parser says of s into a SelectorError.
func selectorError(s string, err error) error {
	list, ok := errors.AsType[parser.ParseErrors](err)
	if !ok || len(list) == 0 {
		return &SelectorError{Text: err.Error(), err: err}
	}
	first := list[0]
	return &SelectorError{
		Offset: min(max(int(first.PositionRange.Start), 0), len(s)),
		Text:   first.Err.Error(),
		err:    err,
	}
}

// rank orders matchers by what they cost against how much they exclude.
func rank(m *labels.Matcher) int {
	r := 0
	if m.Name != MetricName {
		r += 4
	}
	switch m.Type {
	case labels.MatchEqual:
	case labels.MatchNotEqual:
		r++
	default:
		r += 2
	}
	return r
}

// Matches reports whether every matcher accepts ls; a label that ls lacks counts
// as empty, as in PromQL.
func (s *Selector) Matches(ls Labels) bool {
	for _, m := range s.matchers {
		if !m.Matches(ls.Get(m.Name)) {
			return false
		}
	}
	return true
}

// Mismatch returns the first matcher that refuses ls, written as in PromQL, and
// the value it refused; ok is false where s matches.
func (s *Selector) Mismatch(ls Labels) (matcher, value string, ok bool) {
	for _, m := range s.matchers {
		if v := ls.Get(m.Name); !m.Matches(v) {
			return m.String(), v, true
		}
	}
	return "", "", false
}

// Names returns the metric names that s can match at most, or nil where it does
// not name them literally.
func (s *Selector) Names() []string { return s.names }

// Matchers returns what s consists of, the cheapest and most selective first. At
// least one of them refuses an absent label. The caller must not change them.
func (s *Selector) Matchers() []*labels.Matcher { return s.matchers }

// String returns the text that s was parsed from.
func (s *Selector) String() string { return s.text }

// ParseLabels parses one series as people write it, metric{name="value"}, into
// sorted labels.
func ParseLabels(s string) (Labels, error) {
	if len(s) > 1<<16 {
		return nil, fmt.Errorf("series is %d bytes long, the limit is %d", len(s), 1<<16)
	}
	parsed, err := parser.NewParser(parser.Options{}).ParseMetric(s)
	if err != nil {
		return nil, err
	}
	var ls Labels
	parsed.Range(func(l labels.Label) { ls = append(ls, Label{l.Name, l.Value}) })
	if len(ls) == 0 {
		return nil, errors.New("a series needs at least one label")
	}
	ls.Sort()
	for i := 1; i < len(ls); i++ {
		if ls[i].Name == ls[i-1].Name {
			return nil, fmt.Errorf("label %.80q is there twice", ls[i].Name)
		}
	}
	return ls, nil
}
