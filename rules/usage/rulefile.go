package usage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxQueries is how many queries of one file are read.
const maxQueries = 20000

// yamlLine finds the line in the text of the YAML parser's errors.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// ReadRuleFile reads the alerting and recording rules of a Prometheus rule file,
// or of PrometheusRule objects.
func ReadRuleFile(name string, data []byte) ([]*Query, []Problem) {
	c := &contents{file: name, kind: Alert}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	groups := 0
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line, text := 0, err.Error()
			if m := yamlLine.FindStringSubmatch(text); m != nil {
				text = text[len(m[0]):]
				line, _ = strconv.Atoi(m[1])
			}
			c.unread(line, name, fmt.Sprintf("the file is not YAML: %.200s", text), "mend or quote what stands there")
			break
		}
		if len(doc.Content) == 1 {
			groups += c.groups(resolve(doc.Content[0]))
		}
	}
	if groups == 0 && len(c.problems) == 0 && len(bytes.TrimSpace(data)) > 0 {
		c.unread(0, name, "the file has no groups of rules", "name files of rules only")
	}
	return c.queries, c.problems
}

// groups reads the groups of a document, and of the objects of a list. It returns
// how many keys called groups it found.
func (c *contents) groups(root *yaml.Node) (found int) {
	if kind := value(root, "kind"); kind != nil && kind.Value == "List" {
		for _, item := range items(value(root, "items")) {
			if value(item, "kind") == nil || value(item, "kind").Value != "List" {
				found += c.groups(item)
			}
		}
		return found
	}
	list := value(root, "groups")
	if list == nil {
		list = value(value(root, "spec"), "groups")
	}
	if list == nil {
		return 0
	}
	if list.Kind != yaml.SequenceNode && !isNull(list) {
		c.unread(list.Line, c.file, "groups is no list", "write it as in Prometheus")
	}
	for _, g := range items(list) {
		rs := value(g, "rules")
		if rs != nil && rs.Kind != yaml.SequenceNode && !isNull(rs) || g.Kind != yaml.MappingNode {
			c.unread(g.Line, c.file, "a group has no list of rules", "write it as in Prometheus")
		}
		for _, r := range items(rs) {
			if len(c.queries) >= maxQueries {
				c.unread(r.Line, c.file, fmt.Sprintf("the file has more than %d rules", maxQueries), "split it")
				return 1
			}
			c.rule(g, r)
		}
	}
	return 1
}

// rule reads one rule of a group.
func (c *contents) rule(group, n *yaml.Node) {
	q := &Query{File: c.file, Line: n.Line}
	alert, record, expr := value(n, "alert"), value(n, "record"), value(n, "expr")
	switch {
	case scalar(alert) != "" && record == nil:
		q.Kind, q.Name = Alert, scalar(alert)
	case scalar(record) != "" && alert == nil:
		q.Kind, q.Name = Record, scalar(record)
	default:
		c.unread(n.Line, c.file, "a rule has neither alert nor record, or both", "give it one of them")
		return
	}
	set := map[string]string{}
	for _, from := range []*yaml.Node{value(group, "labels"), value(n, "labels")} {
		if from == nil || from.Kind != yaml.MappingNode {
			continue
		}
		for i := 0; i+1 < len(from.Content); i += 2 {
			if v := scalar(resolve(from.Content[i+1])); !strings.Contains(v, "{{") {
				set[from.Content[i].Value] = v
			} else {
				delete(set, from.Content[i].Value)
			}
		}
	}
	q.makes = produced(q.Kind, q.Name, set)
	if q.Expr = scalar(expr); strings.TrimSpace(q.Expr) == "" {
		q.Trouble = "it has no expression"
	} else {
		q.Needs, q.Trouble = needsOf(q.Expr)
	}
	c.add(q)
}

// resolve returns what an alias stands for. Nothing is copied: every list is read
// where it stands, so that the number of rules read is bounded.
func resolve(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// value returns what a mapping has under a key, or nil.
func value(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return resolve(n.Content[i+1])
		}
	}
	return nil
}

// items returns the items of a list.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	list := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		list[i] = resolve(item)
	}
	return list
}

// scalar returns the text of a scalar, or "".
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || isNull(n) {
		return ""
	}
	return n.Value
}
