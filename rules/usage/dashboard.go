package usage

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
)

// otherSources are data sources whose queries are not PromQL. Whatever is none of
// them is read as PromQL.
var otherSources = []string{
	"loki", "tempo", "elasticsearch", "opensearch", "grafana-opensearch-datasource", "graphite", "influxdb", "cloudwatch",
	"mysql", "postgres", "grafana-postgresql-datasource", "mssql", "jaeger", "zipkin", "parca", "grafana-pyroscope-datasource",
	"testdata", "grafana-testdata-datasource", "stackdriver", "grafana-azure-monitor-datasource", "opentsdb",
	"alertmanager", "__expr__", "yesoreyeram-infinity-datasource", "grafana-clickhouse-datasource",
}

// ReadDashboard reads the queries of a Grafana dashboard: of panels wherever they
// stand, of annotations, and of variables.
func ReadDashboard(name string, data []byte) ([]*Query, []Problem) {
	c := &contents{file: name, kind: Dashboard}
	root, line, err := parseJSON(data)
	switch {
	case err != nil:
		c.unread(line, name, fmt.Sprintf("the file is not JSON: %.200s", err), "export the dashboard again")
		return c.queries, c.problems
	case !root.isThing:
		c.unread(0, name, "the file is no dashboard", "name files of dashboards only")
		return c.queries, c.problems
	}
	b := &board{contents: c, variables: map[string]variable{}}
	top := root
	for _, key := range []string{"dashboard", "spec"} { // as the API and Kubernetes wrap it
		if inner := root.get(key); inner != nil && inner.isThing {
			top = inner
		}
	}
	b.title = firstOf(top.str("title"), name)
	b.uid = firstOf(top.str("uid"), root.str("metadata", "name"))
	b.top = top
	b.readVariables(root)
	b.walk(root, spot{})
	return c.queries, c.problems
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// A board is a dashboard being read.
type board struct {
	*contents
	title, uid string
	top        *node
	variables  map[string]variable
}

// A spot is what surrounds a part of a dashboard.
type spot struct {
	panel  string // its title, or the name of a variable or an annotation
	id     string // of the panel
	source string // type of the data source, "" where it is not told
}

// variableKinds are the variables that offer no more values than the file names.
var variableKinds = []string{"custom", "interval", "constant", "CustomVariable", "IntervalVariable", "ConstantVariable"}

// readVariables notes the variables of a dashboard, wherever they stand.
func (b *board) readVariables(n *node) {
	name, kind := n.str("name"), firstOf(n.str("type"), n.str("kind"))
	options := n.get("options")
	if spec := n.get("spec"); name == "" && spec != nil {
		name, options = spec.str("name"), spec.get("options")
		n = spec
	}
	if name != "" && slices.Contains(variableKinds, kind) {
		v := newVariable(offered(n.str("query"), options))
		_, twice := b.variables[name]
		if auto := n.get("auto"); twice || auto != nil && auto.text == "true" {
			v = variable{}
		}
		b.variables[name] = v
	} else if name != "" && kind == "textbox" {
		b.variables[name] = variable{numbers: newVariable([]string{n.str("query")}).numbers}
	}
	for _, m := range n.object {
		b.readVariables(m.value)
	}
	for _, item := range n.list {
		b.readVariables(item)
	}
}

// offered returns the values of a variable: those that its query lists, each with
// or without a name for people, or else its options.
func offered(query string, options *node) (values []string) {
	if query == "" && options != nil {
		for _, o := range options.list {
			values = append(values, o.str("value"))
		}
		return values
	}
	for v := range strings.SplitSeq(query, ",") {
		if _, named, ok := strings.Cut(v, " : "); ok {
			v = named
		}
		values = append(values, strings.TrimSpace(v))
	}
	return values
}

// walk reads the queries in n and below.
func (b *board) walk(n *node, at spot) {
	if n.isThing {
		at = b.inside(n, at)
		if !slices.Contains(otherSources, at.source) {
			b.expressions(n, at)
		}
	}
	for _, m := range n.object {
		b.walk(m.value, at)
	}
	for _, item := range n.list {
		b.walk(item, at)
	}
}

// inside returns the spot of what n holds.
func (b *board) inside(n *node, at spot) spot {
	if source := n.get("datasource"); source != nil {
		at.source = source.str("type") // "" where it is told by name or variable
	}
	switch kind := n.str("kind"); {
	case kind == "DataQuery":
		at.source = n.str("group")
	case slices.Contains(otherSources, kind):
		at.source = kind
	}
	if n == b.top || n.get("schemaVersion") != nil {
		return at
	}
	if n.str("kind") == "Panel" {
		return at.named(n.get("spec"))
	}
	for _, key := range []string{"targets", "panels", "gridPos"} {
		if n.get(key) != nil {
			return at.named(n)
		}
	}
	if name := n.str("name"); name != "" && at.panel == "" {
		at.panel = name
		if n.str("type") == "query" {
			at.panel = "$" + name
		}
	}
	return at
}

// named returns at in the panel n.
func (at spot) named(n *node) spot {
	if title := n.str("title"); title != "" {
		at.panel, at.id = title, ""
	}
	if id := n.get("id"); id != nil && !id.isText {
		at.id = id.text
	}
	return at
}

// expressions reads the queries that n itself holds.
func (b *board) expressions(n *node, at spot) {
	isVariable := n.str("type") == "query" && n.get("name") != nil
	for _, m := range n.object {
		text := m.value.text
		if !m.value.isText || strings.TrimSpace(text) == "" {
			continue
		}
		switch {
		case m.key == "expr":
			needs, trouble := needsOfTemplate(text, b.variables)
			b.query(m.value.line, text, needs, trouble, at)
		case m.key == "query" || m.key == "definition":
			needs, trouble, ok := b.listQuery(text)
			switch {
			case ok:
				b.query(m.value.line, text, needs, trouble, at)
			case isVariable && m.key == "query":
				needs, trouble := needsOfTemplate(text, b.variables)
				for i := range needs {
					needs[i].Exists, needs[i].AllLabels = true, true
				}
				b.query(m.value.line, text, needs, trouble, at)
			}
		}
	}
}

func (b *board) query(line int, expr string, needs []Need, trouble string, at spot) {
	name := b.title
	if at.panel != "" {
		name += " / " + at.panel
	}
	if n := len(b.queries); n > 0 && b.queries[n-1].Expr == expr && b.queries[n-1].Name == name {
		return // a variable has its query twice
	}
	if len(b.queries) >= maxQueries {
		b.unread(line, b.file, fmt.Sprintf("the file has more than %d queries", maxQueries), "split it")
		return
	}
	q := &Query{Kind: Dashboard, Name: name, File: b.file, Line: line, Expr: expr, Needs: needs, Trouble: trouble}
	if b.uid != "" {
		q.Link = "/d/" + url.PathEscape(b.uid)
		if _, err := strconv.ParseUint(at.id, 10, 63); err == nil {
			q.Link += "?viewPanel=" + at.id
		}
	}
	b.add(q)
}

// The functions that list values for variables.
var (
	labelValuesCall = regexp.MustCompile(`(?s)^\s*label_values\(\s*(?:(.+),)?\s*("?)([^",]+?)("?)\s*\)\s*$`)
	labelNamesCall  = regexp.MustCompile(`(?s)^\s*label_names\(\s*(.*?)\s*\)\s*$`)
	metricsCall     = regexp.MustCompile(`(?s)^\s*metrics\((.*)\)\s*$`)
	queryResultCall = regexp.MustCompile(`(?s)^\s*query_result\((.*)\)\s*$`)
)

// listQuery returns what the query of a variable reads; ok is false where it is
// none of the functions for that.
func (b *board) listQuery(text string) (needs []Need, trouble string, ok bool) {
	if len(text) > maxExprBytes {
		return nil, "it is too long", strings.HasPrefix(strings.TrimSpace(text), "label_values(")
	}
	if m := queryResultCall.FindStringSubmatch(text); m != nil {
		needs, trouble = needsOfTemplate(m[1], b.variables)
		return needs, trouble, true
	}
	var selector, label string
	switch {
	case labelValuesCall.MatchString(text):
		m := labelValuesCall.FindStringSubmatch(text)
		selector, label = strings.TrimSpace(m[1]), m[3]
	case labelNamesCall.MatchString(text):
		selector = labelNamesCall.FindStringSubmatch(text)[1]
	case metricsCall.MatchString(text):
		expr := metricsCall.FindStringSubmatch(text)[1]
		n := Need{Exists: true, AllLabels: true}
		if m, err := labels.NewMatcher(labels.MatchRegexp, series.MetricName, ".*(?:"+expr+").*"); err == nil && variablesIn(expr) == 0 {
			n.Matchers = []*labels.Matcher{m}
		} else {
			n.Variable = true
		}
		return Sealed(n), "", true
	default:
		return nil, "", false
	}
	if selector == "" {
		n := Need{Exists: true, AllLabels: true}
		if label != "" && variablesIn(label) == 0 {
			n = Need{Exists: true, Labels: []string{label}, Matchers: []*labels.Matcher{{Type: labels.MatchNotEqual, Name: label}}}
		}
		return Sealed(n), "", true
	}
	needs, trouble = needsOfTemplate(selector, b.variables)
	for i := range needs {
		n := &needs[i]
		n.Exists, n.AllLabels = true, label == "" || variablesIn(label) > 0
		if !n.AllLabels {
			n.Labels = []string{label}
		}
	}
	return needs, trouble, true
}

// variablesIn returns how many variables a text has.
func variablesIn(s string) (n int) {
	for i := range len(s) {
		if variableAt(s[i:]) != nil {
			n++
		}
	}
	return n
}
