package querylog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/rules/usage"
)

// A known is an index, and what it is of.
type known struct {
	index   *usage.Index
	changes uint64
	read    map[string]*usage.Query // by text
}

// Index returns the queries that were asked, as what a rule may break. Those of
// which the text is not kept stand together, by metric.
func (e *Evidence) Index() *usage.Index {
	e.building.Lock()
	defer e.building.Unlock()
	e.mu.Lock()
	if e.known.index != nil && e.known.changes == e.changes {
		e.mu.Unlock()
		return e.known.index
	}
	changes, others := e.changes, e.others
	texts := slices.Sorted(maps.Keys(e.queries))
	var rest []*usage.Query
	for name, x := range e.metrics {
		rest = appendUnkept(rest, name, []*labels.Matcher{{Type: labels.MatchEqual, Name: series.MetricName, Value: name}}, x)
	}
	for _, p := range e.patterns {
		rest = appendUnkept(rest, "metrics by pattern", p.names, &p.entry)
	}
	e.mu.Unlock()

	slices.SortFunc(rest, func(a, b *usage.Query) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Expr, b.Expr)) })
	read := make(map[string]*usage.Query, len(texts))
	all := make([]*usage.Query, 0, len(texts)+len(rest)+1)
	for _, text := range texts {
		q := queryOfText(text)
		if was := e.known.read[text]; was != nil {
			again := *was // it belongs to another index
			q = &again
		}
		read[text] = q
		all = append(all, q)
	}
	all = append(all, rest...)
	if others.Count > 0 {
		all = append(all, &usage.Query{Kind: usage.Asked, Name: "queries of other metrics", Trouble: "there is no room for the names of all metrics that were asked for", Vague: true})
	}
	e.known = known{usage.NewIndex(all, nil), changes, read}
	return e.known.index
}

func queryOfText(text string) *usage.Query {
	q := &usage.Query{Kind: usage.Asked, Expr: text}
	var trouble string
	if _, q.Needs, trouble = usage.Parse(text); trouble != "" {
		q.Vague, q.Name = true, "a query that cannot be parsed"
		for _, w := range words(text) {
			q.Needs = append(q.Needs, needOf(w.matchers(), unknownSpan))
		}
		q.Needs = usage.Sealed(q.Needs...)
	}
	return q
}

// appendUnkept adds the queries for x of which the text is not kept.
func appendUnkept(list []*usage.Query, name string, names []*labels.Matcher, x *entry) []*usage.Query {
	if x.Unkept.Count == 0 {
		return list
	}
	q := &usage.Query{Kind: usage.Asked, Name: fmt.Sprintf("queries of %.200s that are not kept", name), Vague: true}
	q.Needs = append(q.Needs, usage.Need{Matchers: names, AllLabels: true, Variable: true})
	for _, s := range x.Ranges {
		q.Needs = append(q.Needs, needOf(names, s))
	}
	q.Needs = usage.Sealed(q.Needs...)
	return append(list, q)
}

// needOf returns the need of queries of which no more is known than the metrics and
// the range.
func needOf(names []*labels.Matcher, s Span) usage.Need {
	n := usage.Need{
		Matchers: names, AllLabels: true, Variable: true,
		Func: s.Func, Range: s.Range, Step: s.Step, Subquery: s.Subquery,
	}
	if s.Func == "" {
		n.Func = "something"
	}
	if s.Unknown {
		n.Range, n.Step, n.RangeByName = 0, 0, usage.UnknownRange
	}
	return n
}

// A Seen is a query that depends, or may depend, on a metric.
type Seen struct {
	Query
	Use usage.Use
}

// SeenFor returns the queries that were asked since Kept before now and depend on a
// metric, and where label is not "", on that label of it: the latest first. Those
// of which the text is not kept are not among them.
func (e *Evidence) SeenFor(metric, label string, now time.Time) []Seen {
	uses := e.Index().UsedBy(metric, label)
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []Seen
	for _, u := range uses {
		q := e.queries[u.Query.Expr]
		if q == nil || q.Last.Before(now.Add(-Kept)) {
			continue
		}
		if u.Query.Vague {
			u.How = usage.ByUnknown
		}
		seen := Seen{*q, u}
		seen.By = slices.Clone(q.By)
		list = append(list, seen)
	}
	slices.SortFunc(list, func(a, b Seen) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Use.Query.Expr, b.Use.Query.Expr))
	})
	return list
}

// Kept returns what is known of a query, by its text as it is kept.
func (e *Evidence) Kept(text string) (q Query, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if k := e.queries[text]; k != nil {
		q, ok = *k, true
		q.By = slices.Clone(k.By)
	}
	return q, ok
}
