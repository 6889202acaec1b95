package querylog

import (
	"slices"
	"strings"
	"unicode"

	"github.com/prometheus/prometheus/model/labels"

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
}

// A reading is what one query reads: each metric and each pattern once.
type reading struct {
	list    []read
	trouble bool // it cannot be parsed: list has the words in it
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
	needs, trouble := usage.Needs(expr)
	if trouble != "" {
		return reading{words(expr), true}
	}
	var r reading
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
}

// words returns what may be names in a query that cannot be parsed.
func words(expr string) (list []read) {
	seen := map[string]bool{}
	for w := range strings.FieldsFuncSeq(expr, func(r rune) bool { return r != '_' && r != ':' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(list) >= maxWords {
			break
		}
		if !seen[w] && len(w) <= maxName {
			seen[w] = true
			list = append(list, read{key: strings.Clone(w)})
		}
	}
	return list
}
