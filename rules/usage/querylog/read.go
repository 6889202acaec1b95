package querylog

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/rules/usage"
)

const (
	maxWords   = 64 // of a query that cannot be parsed
	maxCached  = 2000
	cacheBytes = 4 << 20
)

// A read is a metric, or a pattern of metrics, that a query reads.
type read struct {
	key     string            // the metric, or what its pattern says
	names   []*labels.Matcher // of the metric; nil where key is its name
	labels  []string          // that the query depends on, sorted
	carried bool              // its result carries every label
	spans   []Span            // that it reads
}

// matchers returns the matchers of the metric's name.
func (r *read) matchers() []*labels.Matcher {
	if r.names != nil {
		return r.names
	}
	return []*labels.Matcher{{Type: labels.MatchEqual, Name: series.MetricName, Value: r.key}}
}

// A reading is what one query reads: each metric and each pattern once.
type reading struct {
	list    []read
	trouble bool   // it cannot be parsed: list has the words in it
	text    string // as it is kept; "" where it is not
}

// A cache holds what the latest queries read: most come again and again.
type cache struct {
	byText map[string]reading
	bytes  int
}

func (c *cache) of(expr string) reading {
	if r, ok := c.byText[expr]; ok {
		return r
	}
	r := readingOf(expr)
	if len(c.byText) >= maxCached || c.bytes+len(expr) > cacheBytes || c.byText == nil {
		c.byText, c.bytes = map[string]reading{}, 0
	}
	c.byText[strings.Clone(expr)], c.bytes = r, c.bytes+len(expr)
	return r
}

func readingOf(expr string) reading {
	text, needs, trouble := usage.Parse(expr)
	if len(text) > maxText || !utf8.ValidString(text) || heavy(needs) {
		text = ""
	}
	if trouble != "" {
		return reading{words(expr), true, text}
	}
	r := reading{text: text}
	at := map[string]int{}
	for i := range needs {
		n := &needs[i]
		names := n.Names()
		if names != nil {
			for _, name := range names {
				r.add(at, read{key: strings.Clone(name)}, n)
			}
			continue
		}
		p := read{names: []*labels.Matcher{}}
		for _, m := range n.Matchers {
			if isName(m) {
				p.names = append(p.names, m)
				p.key += m.String()
			}
		}
		r.add(at, p, n)
	}
	return r
}

// add adds what a need reads to what is known of x.
func (r *reading) add(at map[string]int, x read, n *usage.Need) {
	place := x.key
	if x.names != nil {
		place = "\x00" + place // no name begins so
	}
	i, ok := at[place]
	if !ok {
		i = len(r.list)
		at[place] = i
		r.list = append(r.list, x)
	}
	to := &r.list[i]
	to.carried = to.carried || n.AllLabels || n.Variable
	for _, m := range n.Matchers {
		if !isName(m) {
			to.labels = append(to.labels, strings.Clone(m.Name))
		}
	}
	for _, l := range n.Labels {
		to.labels = append(to.labels, strings.Clone(l))
	}
	slices.Sort(to.labels)
	to.labels = slices.Compact(to.labels)
	if s, ok := spanOf(n); ok {
		to.spans, _ = addSpan(to.spans, s)
	}
}

// maxWeight is how much the expressions of a query that is kept may take: about as
// many characters, where repetitions are written out.
const maxWeight = 5_000

// heavy reports whether the expressions of needs take much memory.
func heavy(needs []usage.Need) bool {
	total := 0
	for i := range needs {
		for _, m := range needs[i].Matchers {
			if m.Type != labels.MatchRegexp && m.Type != labels.MatchNotRegexp {
				continue
			}
			re, err := syntax.Parse(m.Value, syntax.Perl)
			if err != nil {
				return true
			}
			if total += weight(re); total > maxWeight {
				return true
			}
		}
	}
	return false
}

func weight(re *syntax.Regexp) int {
	w := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		w += weight(sub)
	}
	if re.Op == syntax.OpRepeat {
		w *= max(1, re.Min, re.Max)
	}
	return min(w, maxWeight+1)
}

// unnamed is a selector that names no metric.
var unnamed = regexp.MustCompile(`__name__|(^|[^\w:\s])\s*\{`)

// words returns what may be names in a query that cannot be parsed. Where it may
// read metrics that it does not name, every metric is among them.
func words(expr string) (list []read) {
	seen := map[string]bool{}
	every := unnamed.MatchString(expr)
	for w := range strings.FieldsFuncSeq(expr, func(r rune) bool { return r != '_' && r != ':' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(list) >= maxWords {
			every = true
			break
		}
		if !seen[w] && len(w) <= maxName {
			seen[w] = true
			list = append(list, read{key: strings.Clone(w), spans: []Span{unknownSpan}})
		}
	}
	if every {
		list = append(list, read{names: []*labels.Matcher{}, spans: []Span{unknownSpan}})
	}
	return list
}
