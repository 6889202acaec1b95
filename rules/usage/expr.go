package usage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/parser/posrange"

	"github.com/headgate/headgate/internal/series"
)

// What is read of one expression.
const (
	maxExprBytes = 32 << 10 // parsing takes time in the square of the depth
	maxNeeds     = 1000
)

// promQL takes everything that some Prometheus takes.
var promQL = parser.Options{
	EnableExperimentalFunctions: true, ExperimentalDurationExpr: true,
	EnableExtendedRangeSelectors: true, EnableBinopFillModifiers: true,
}

// Parse returns a query without variables as PromQL prints it, and what it reads.
// The trouble says why that is not known; it is returned as it was given, then.
func Parse(expr string) (printed string, needs []Need, trouble string) {
	needs, e, trouble := needsOfText(&text{out: expr})
	if trouble != "" {
		return expr, nil, trouble
	}
	printed = e.String()
	if again, err := parser.NewParser(promQL).ParseExpr(printed); err != nil || again.String() != printed {
		printed = expr // it is printed as another one
	}
	return printed, needs, ""
}

// needsOf returns what an expression without variables reads. The trouble says why
// that is not known.
func needsOf(expr string) (needs []Need, trouble string) {
	needs, _, trouble = needsOfText(&text{out: expr})
	return needs, trouble
}

// needsOfText returns what an expression reads whose variables were substituted, and
// the expression.
func needsOfText(t *text) (needs []Need, e parser.Expr, trouble string) {
	if len(t.out) > maxExprBytes {
		return nil, nil, fmt.Sprintf("it has %d bytes, more than the %d that are read", len(t.out), maxExprBytes)
	}
	e, err := parser.NewParser(promQL).ParseExpr(t.out)
	if err != nil {
		return nil, nil, fmt.Sprintf("it cannot be parsed: %.200s", t.restore(err.Error()))
	}
	r := &reader{text: t}
	r.walk(e, reading{all: true})
	if len(r.needs) > maxNeeds {
		return nil, nil, fmt.Sprintf("it has more than %d selectors", maxNeeds)
	}
	return Sealed(r.needs...), e, ""
}

// A reader gathers the needs of one expression.
type reader struct {
	text  *text
	needs []Need
}

// A reading is what is done with the result of a part of an expression.
type reading struct {
	fn         string   // the function right above
	labels     []string // named above
	all        bool     // every label counts
	aggregated string
	quantile   bool
	absent     bool
	sub        *Need // the subquery above
}

// with returns c where more labels are named. It does not share memory with c.
func (c reading) with(names ...string) reading {
	c.labels = slices.Concat(c.labels, names)
	return c
}

func (r *reader) walk(e parser.Expr, c reading) {
	switch e := e.(type) {
	case *parser.ParenExpr:
		r.walk(e.Expr, c)
	case *parser.UnaryExpr:
		r.walk(e.Expr, c)
	case *parser.StepInvariantExpr:
		r.walk(e.Expr, c)
	case *parser.AggregateExpr:
		r.aggregate(e, c)
	case *parser.BinaryExpr:
		r.binary(e, c)
	case *parser.Call:
		r.call(e, c)
	case *parser.SubqueryExpr:
		r.subquery(e, c)
	case *parser.MatrixSelector:
		if v, ok := e.VectorSelector.(*parser.VectorSelector); ok {
			n := r.need(v, c)
			n.Func, n.Range, n.Step, n.Subquery, n.RangeByName, n.Ranges = c.fn, e.Range, 0, false, "", nil
			r.setRange(&n, e.RangeExpr != nil, posrange.PositionRange{Start: v.PosRange.End, End: e.EndPos})
			r.needs = append(r.needs, n)
		}
	case *parser.VectorSelector:
		n := r.need(e, c)
		if c.fn == "timestamp" {
			n.Func = c.fn
		}
		r.needs = append(r.needs, n)
	}
}

// keepsSeries are the aggregations whose result is some of the series themselves.
var keepsSeries = []parser.ItemType{parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO}

func (r *reader) aggregate(e *parser.AggregateExpr, c reading) {
	if e.Param != nil {
		r.walk(e.Param, reading{sub: c.sub})
	}
	below := c.with(e.Grouping...)
	below.fn = ""
	if !slices.Contains(keepsSeries, e.Op) {
		below.aggregated = e.Op.String()
		if !e.Without {
			// What is named further up can be no other than these, or was made above.
			below.labels, below.all = slices.Clone(e.Grouping), false
		}
	}
	r.walk(e.Expr, below)
}

func (r *reader) binary(e *parser.BinaryExpr, c reading) {
	c.fn = ""
	if m := e.VectorMatching; m != nil && e.LHS.Type() == parser.ValueTypeVector && e.RHS.Type() == parser.ValueTypeVector {
		c = c.with(m.MatchingLabels...).with(m.Include...)
		c.all = c.all || !m.On
	}
	r.walk(e.LHS, c)
	r.walk(e.RHS, c)
}

func (r *reader) call(e *parser.Call, c reading) {
	c.fn = e.Func.Name
	if name, _, found := r.text.variableIn(int(e.PosRange.Start), int(e.PosRange.Start)+len(c.fn)); found {
		c.fn = "$" + name
	}
	switch c.fn {
	case "absent", "absent_over_time":
		c.absent = true
	case "histogram_quantile", "histogram_quantiles", "histogram_fraction":
		c = c.with("le")
		c.quantile = true
	case "label_replace", "label_join", "sort_by_label", "sort_by_label_desc":
		c = c.with(labelArguments(e)...)
	case "info":
		r.info(e, c)
		return
	}
	for _, a := range e.Args {
		r.walk(a, c)
	}
}

// labelArguments returns the arguments of a call that are names of labels.
func labelArguments(e *parser.Call) (names []string) {
	for i, a := range e.Args {
		s, ok := a.(*parser.StringLiteral)
		switch {
		case !ok:
		case i == 2 && strings.HasPrefix(e.Func.Name, "label_"): // what is put in, or between
		case i == 4 && e.Func.Name == "label_replace": // an expression
		default:
			names = append(names, s.Val)
		}
	}
	return names
}

// info reads series of its own: target_info where nothing else is said.
func (r *reader) info(e *parser.Call, c reading) {
	c.all = true // it joins by labels that are configured elsewhere
	r.walk(e.Args[0], c)
	n := Need{AllLabels: true}
	if len(e.Args) > 1 {
		if v, ok := e.Args[1].(*parser.VectorSelector); ok {
			n = r.need(v, c)
		}
	}
	if !n.Variable && !slices.ContainsFunc(n.Matchers, func(m *labels.Matcher) bool { return m.Name == series.MetricName }) {
		n.Matchers = append(n.Matchers, equal(series.MetricName, "target_info"))
	}
	// Which labels are added is no condition for the rest of the result.
	n.Matchers = slices.DeleteFunc(n.Matchers, func(m *labels.Matcher) bool { return m.Name != series.MetricName })
	r.needs = append(r.needs, n)
}

func (r *reader) subquery(e *parser.SubqueryExpr, c reading) {
	sub := &Need{Func: c.fn, Range: e.Range, Step: e.Step, Subquery: true}
	at := e.Expr.PositionRange()
	r.setRange(sub, e.RangeExpr != nil || e.StepExpr != nil, posrange.PositionRange{Start: at.End, End: e.EndPos})
	sub.Ranges = nil // they may be the steps
	c.fn, c.sub = "", sub
	r.walk(e.Expr, c)
}

// setRange notes that a range between two places is not known.
func (r *reader) setRange(n *Need, computed bool, at posrange.PositionRange) {
	name, durations, found := r.text.variableIn(int(at.Start), int(at.End))
	switch {
	case found:
		n.Range, n.Step, n.RangeByName, n.Ranges = 0, 0, name, durations
	case computed:
		n.Range, n.Step, n.RangeByName = 0, 0, ComputedRange
	}
}

// need returns the need of a selector, without its range.
func (r *reader) need(v *parser.VectorSelector, c reading) Need {
	n := Need{
		Labels: slices.Clone(c.labels), AllLabels: c.all, Absent: c.absent,
		Aggregated: c.aggregated, Quantile: c.quantile,
	}
	for _, m := range v.LabelMatchers {
		switch {
		case m == nil:
		case !hasMark(m.Name) && !hasMark(m.Value):
			n.Matchers = append(n.Matchers, m)
		case m.Name == series.MetricName && m.Type == labels.MatchEqual && m.Value != "":
			if p := patternOf(m.Value); p != nil {
				n.Matchers = append(n.Matchers, p)
			}
			n.Variable = true
		default:
			n.Variable = true
			if !hasMark(m.Name) {
				n.Labels = append(n.Labels, m.Name)
			}
		}
	}
	if slices.ContainsFunc(n.Labels, hasMark) {
		n.AllLabels = true
		n.Labels = slices.DeleteFunc(n.Labels, hasMark)
	}
	slices.Sort(n.Labels)
	n.Labels = slices.Compact(n.Labels)
	if c.sub != nil {
		n.Func, n.Range, n.Step, n.Subquery = c.sub.Func, c.sub.Range, c.sub.Step, true
		n.RangeByName, n.Ranges = c.sub.RangeByName, c.sub.Ranges
	}
	return n
}

// patternOf returns the matcher of a metric name that is made of variables in
// part, or nil where it can be any.
func patternOf(name string) *labels.Matcher {
	parts := markPattern.Split(name, -1)
	for i, p := range parts {
		parts[i] = quoteExpression(p)
	}
	expr := strings.Join(parts, ".*")
	if expr == ".*" {
		return nil
	}
	m, err := labels.NewMatcher(labels.MatchRegexp, series.MetricName, expr)
	if err != nil {
		return nil
	}
	return m
}

// shortest returns the least of the ranges that n may have; known is false where
// it can be any.
func (n *Need) shortest() (d time.Duration, known bool) {
	switch {
	case n.RangeByName == "":
		return n.Range, true
	case len(n.Ranges) > 0:
		return slices.Min(n.Ranges), true
	}
	return 0, false
}
