package usage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/rules"
)

// An Index is every query that was read, by what it reads. It is immutable.
type Index struct {
	queries  []*Query
	problems []Problem
	byName   map[string][]*Query // those that name the metric
	patterns []*Query            // those that read metrics by pattern, or of which not all is known
	stamp    uint64              // of the files, as they were when reading began

	expressions expressions // of queries, and of the rules that were judged
}

// NewIndex returns the index of queries.
func NewIndex(queries []*Query, problems []Problem) *Index {
	ix := &Index{queries: queries, problems: problems, byName: map[string][]*Query{}}
	for i, q := range queries {
		q.order = i
		byPattern := q.Trouble != ""
		for i := range q.Needs {
			names := q.Needs[i].Names()
			byPattern = byPattern || names == nil
			for _, n := range names {
				if list := ix.byName[n]; len(list) == 0 || list[len(list)-1] != q {
					ix.byName[n] = append(list, q)
				}
			}
		}
		if byPattern {
			ix.patterns = append(ix.patterns, q)
		}
	}
	return ix
}

// Queries returns what was read, in the order of the files. The caller must not
// change it.
func (ix *Index) Queries() []*Query { return ix.queries }

// Problems returns what could not be read, and so counts as "may break".
func (ix *Index) Problems() []Problem { return ix.problems }

// Stamp returns what [Stamp] said of the files before they were read.
func (ix *Index) Stamp() uint64 { return ix.stamp }

// A How says in which way a query depends on a metric, or on a label of it.
type How string

// The ways.
const (
	ByName    How = "name"    // it names the metric, or the label
	ByPattern How = "pattern" // the name matches an expression of the query's
	ByResult  How = "result"  // of labels: its result carries every label
	ByUnknown How = "unknown" // the query could not be read: it may
)

// A Use is a query that depends, or may depend, on a metric.
type Use struct {
	Query *Query
	How   How
}

// UsedBy returns the queries that read the metric, and where label is not "",
// those that depend on that label of it. Certain ones come first, alerts before
// recording rules before dashboards.
func (ix *Index) UsedBy(metric, label string) []Use {
	var uses []Use
	for _, q := range ix.candidates(metric) {
		if how, ok := q.Uses(metric, label); ok {
			uses = append(uses, Use{q, how})
		}
	}
	slices.SortStableFunc(uses, func(a, b Use) int {
		return cmp.Or(cmp.Compare(a.How.rank(), b.How.rank()), a.Query.compare(b.Query))
	})
	return uses
}

// candidates returns the queries that could read the metric, each once.
func (ix *Index) candidates(metric string) []*Query {
	named := ix.byName[metric]
	list := slices.Clone(named)
	seen := make(map[*Query]bool, len(named))
	for _, q := range named {
		seen[q] = true
	}
	for _, q := range ix.patterns {
		if !seen[q] {
			list = append(list, q)
		}
	}
	return list
}

var hows = []How{ByName, ByPattern, ByResult, ByUnknown}

func (h How) rank() int { return slices.Index(hows, h) }

// Compare is below 0 where h is more certain than o.
func (h How) Compare(o How) int { return cmp.Compare(h.rank(), o.rank()) }

// Uses says how q depends on a metric, and where label is not "", on that label of
// it; the most certain way counts.
func (q *Query) Uses(metric, label string) (best How, ok bool) {
	best = ByUnknown
	for i := range q.Needs {
		n := &q.Needs[i]
		if !n.MayRead(metric) {
			continue
		}
		how := ByPattern
		if slices.Contains(n.Names(), metric) {
			how = ByName
		}
		if label != "" {
			byName, carried := n.Uses(label)
			switch {
			case byName:
			case carried:
				how = ByResult
			default:
				continue
			}
		}
		if !ok || how.rank() < best.rank() {
			best, ok = how, true
		}
	}
	return best, ok || q.Trouble != ""
}

// LabelsOf returns the labels of a metric that q depends on by name, sorted, and
// whether its result carries every label.
func (q *Query) LabelsOf(metric string) (names []string, all bool) {
	for i := range q.Needs {
		n := &q.Needs[i]
		if !n.MayRead(metric) {
			continue
		}
		names, all = append(names, n.Labels...), all || n.AllLabels || n.Variable
		for _, m := range n.Matchers {
			if m.Name != series.MetricName {
				names = append(names, m.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), all
}

// kinds are the kinds in the order in which people care.
var kinds = []Kind{Alert, Record, Dashboard, Asked}

func (q *Query) compare(o *Query) int {
	return cmp.Or(
		cmp.Compare(slices.Index(kinds, q.Kind), slices.Index(kinds, o.Kind)),
		strings.Compare(q.Name, o.Name), strings.Compare(q.File, o.File), cmp.Compare(q.Line, o.Line), strings.Compare(q.Expr, o.Expr),
	)
}

// A Break is a query that a rule breaks or may break.
type Break struct {
	Query   *Query
	Verdict Verdict // Breaks or MayBreak
	Why     string  // a sentence
}

// Breaks returns what a rule breaks or may break if it is enforced, whatever its
// mode. Alerts come first, and of each kind what breaks for certain. What reads
// the result of a recording rule that breaks, breaks with it.
func (ix *Index) Breaks(r *rules.Rule, known Known) []Break {
	j := newJudge(r, known, &ix.expressions)
	if !j.removes() {
		return nil
	}
	broken := map[*Query]Break{}
	var made []Break // whose results others may read
	for _, q := range ix.concerned(j) {
		if v, why := j.query(q); v != Safe {
			broken[q] = Break{q, v, why}
			if len(q.makes) > 0 {
				made = append(made, broken[q])
			}
		}
	}
	for len(made) > 0 {
		b := made[0]
		made = made[1:]
		for _, q := range ix.reading(b.Query, j.decider) {
			v, reads := b.Verdict, "reads"
			if b.Query.Kind == Alert || !ix.names(q, b.Query.Name) {
				v, reads = MayBreak, "may read"
			}
			if broken[q].Verdict >= v {
				continue
			}
			verb := "breaks"
			if b.Verdict == MayBreak {
				verb = "may break"
			}
			broken[q] = Break{q, v, fmt.Sprintf("it %s what %s %.200q makes, which %s", reads, b.Query.Kind, b.Query.Name, verb)}
			if len(q.makes) > 0 {
				made = append(made, broken[q])
			}
		}
	}
	list := make([]Break, 0, len(broken))
	for _, b := range broken {
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b Break) int {
		return cmp.Or(
			cmp.Compare(slices.Index(kinds, a.Query.Kind), slices.Index(kinds, b.Query.Kind)),
			cmp.Compare(b.Verdict, a.Verdict), a.Query.compare(b.Query),
		)
	})
	return list
}

// concerned returns the queries that could read what the rule matches, by the
// names of metrics alone.
func (ix *Index) concerned(j *judge) []*Query {
	if len(j.patterns) > 0 {
		return ix.queries
	}
	list := slices.Clone(ix.patterns)
	for name := range j.byName {
		list = append(list, ix.byName[name]...)
	}
	slices.SortFunc(list, func(a, b *Query) int { return a.order - b.order })
	return slices.Compact(list)
}

// names reports whether q names the metric.
func (ix *Index) names(q *Query, metric string) bool { return slices.Contains(ix.byName[metric], q) }

// reading returns the queries that could read what q makes.
func (ix *Index) reading(q *Query, d *decider) []*Query {
	var list []*Query
	for _, m := range q.makes {
		for _, other := range ix.candidates(m[0].Value) {
			if other != q && slices.ContainsFunc(other.Needs, func(n Need) bool { return d.meet(m, n.Matchers) != no }) {
				list = append(list, other)
			}
		}
	}
	return list
}
