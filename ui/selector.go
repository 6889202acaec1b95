package ui

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
)

// matchOf turns what somebody looks for into selectors: a selector, or a part of a
// metric's name.
func matchOf(text string) []string {
	switch {
	case text == "":
		return nil
	case strings.ContainsAny(text, "{}"):
		return []string{text}
	}
	return []string{"{" + series.MetricName + "=~" + strconv.Quote("(?i).*"+regexp.QuoteMeta(text)+".*") + "}"}
}

// selectorOf returns the selector of all series of a metric.
func selectorOf(metric string) string { return selector(equal(series.MetricName, metric)) }

func equal(label, value string) *labels.Matcher {
	return &labels.Matcher{Type: labels.MatchEqual, Name: label, Value: value}
}

// selector writes matchers as PromQL does.
func selector(ms ...*labels.Matcher) string {
	words := make([]string, len(ms))
	for i, m := range ms {
		words[i] = m.String()
	}
	return "{" + strings.Join(words, ", ") + "}"
}

// present wants a label to be there.
func present(label string) *labels.Matcher {
	return &labels.Matcher{Type: labels.MatchNotEqual, Name: label}
}

// narrowed returns a selector of those series that have one value of a label.
func narrowed(text, label, value string) string { return also(text, equal(label, value)) }

// withLabel returns the selector of the series of a metric that have a label.
func withLabel(metric, label string) string {
	return selector(equal(series.MetricName, metric), &labels.Matcher{Type: labels.MatchNotEqual, Name: label})
}

// also returns a selector with one more condition, which takes the place of what it
// says of the same label so far. Text that is no
// selector stays as it is.
func also(text string, one *labels.Matcher) string {
	s, err := series.ParseSelector(text)
	if err != nil {
		return text
	}
	var ms []*labels.Matcher
	for _, m := range s.Matchers() {
		if m.Name != one.Name {
			ms = append(ms, m)
		}
	}
	return selector(append(ms, one)...)
}

// metricOf returns the metric that a selector names, "" where it names none or
// several.
func metricOf(text string) string {
	s, err := series.ParseSelector(text)
	if err != nil {
		return ""
	}
	if names := s.Names(); len(names) == 1 {
		return names[0]
	}
	return ""
}

var plainLabel = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// quotedLabel writes a label as PromQL's clauses do.
func quotedLabel(name string) string {
	if plainLabel.MatchString(name) {
		return name
	}
	return strconv.Quote(name)
}
