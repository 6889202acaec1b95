package rules

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// specKeys are the keys of a rule, in the order in which people write them.
var specKeys = []string{
	"name", "tenant", "match", "action", "interval", "allow_gaps",
	"priority", "when", "mode", "canary", "expires", "team", "reason",
}

// ParseFile reads the rules of one YAML file, in order, or all that is wrong with
// it: where there is a problem, there are no rules. Two rules of one name are one
// such problem; across files it is [LoadFiles] that notices.
func ParseFile(name string, data []byte) ([]*Rule, []Problem) {
	d := readDocument(name, data)
	var rs []*Rule
	if d.root != nil {
		d.pairs(d.root, "a rule file is a mapping with the key rules", func(key, value *yaml.Node) {
			switch {
			case key.Value != "rules":
				d.unknown(key, []string{"rules"})
			case isNull(value):
			case d.is(value, yaml.SequenceNode, "rules is a list"):
				for _, n := range value.Content {
					if r := d.rule(n); r != nil {
						rs = append(rs, r)
					}
				}
			}
		})
	}
	d.problems = append(d.problems, repeated(rs)...)
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, func(a, b Problem) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Col - b.Col
		})
		return nil, d.problems
	}
	return rs, nil
}

// unknown reports a key that is none of known, and returns the one it was most
// likely meant to be, or "".
func (d *document) unknown(key *yaml.Node, known []string) string {
	near := Nearest(key.Value, known)
	if near != "" {
		d.report(key, "unknown key %s; did you mean %s?", quoted(key.Value), near)
	} else {
		d.report(key, "unknown key %s; known are %s", quoted(key.Value), strings.Join(known, ", "))
	}
	return near
}

// rule returns the rule that n describes, or nil and reports why not.
func (d *document) rule(n *yaml.Node) *Rule {
	var s Spec
	broken := map[string]bool{} // fields reported already
	at := map[string]*yaml.Node{}
	set := func(value *yaml.Node, key string, field *string) {
		text, ok := d.text(value, key)
		if ok && text == "" && key != "reason" {
			d.report(value, "%s is empty; give it a value or remove the key", key)
			ok = false
		}
		*field, broken[key] = text, !ok
	}
	before := len(d.problems)
	d.pairs(n, "a rule is a mapping with name, match and action", func(key, value *yaml.Node) {
		at[key.Value] = value
		switch key.Value {
		case "name":
			set(value, "name", &s.Name)
		case "tenant":
			set(value, "tenant", &s.Tenant)
		case "match":
			s.Match = d.selectors(value)
			broken["match"] = len(s.Match) == 0
		case "action":
			set(value, "action", &s.Action)
		case "interval":
			if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!int" {
				d.report(value, "interval: %s lacks its unit; write it as in 60s", quoted(value.Value))
				broken["interval"] = true
				return
			}
			set(value, "interval", &s.Interval)
		case "allow_gaps":
			s.AllowGaps = d.flag(value, "allow_gaps")
		case "priority":
			set(value, "priority", &s.Priority)
		case "when":
			set(value, "when", &s.When)
		case "mode":
			set(value, "mode", &s.Mode)
		case "canary":
			s.Canary, broken["canary"] = d.percent(value)
		case "expires":
			set(value, "expires", &s.Expires)
		case "team":
			set(value, "team", &s.Team)
		case "reason":
			set(value, "reason", &s.Reason)
		default:
			broken[d.unknown(key, specKeys)] = true
		}
	})
	if n.Kind != yaml.MappingNode {
		return nil
	}
	r, errs := s.Rule()
	for _, e := range errs {
		switch value := at[e.Field]; {
		case broken[e.Field]:
		case value == nil:
			d.reportMissing(n, e)
		case e.Field == "match":
			d.reportSelector(value, e)
		default:
			d.report(value, "%s", e.Error())
		}
	}
	if r == nil || len(d.problems) > before {
		return nil
	}
	r.File, r.Line = d.file, n.Line
	return r
}

// reportMissing reports what e says of a field that rule n lacks.
func (d *document) reportMissing(n *yaml.Node, e FieldError) {
	if e.Field == "name" {
		d.report(n, "name: is missing; every rule has one of its own, of a-z, 0-9 and -")
		return
	}
	d.report(n, "%s", e.Error())
}

// reportSelector reports what e says of a selector at its place.
func (d *document) reportSelector(value *yaml.Node, e FieldError) {
	if value.Kind == yaml.SequenceNode && e.Item < len(value.Content) && len(value.Content) <= MaxSelectorList {
		value = value.Content[e.Item]
	}
	line, col := value.Line, value.Column
	if value.Kind == yaml.ScalarNode {
		line, col = d.place(value, e.Offset)
	}
	d.reportAt(line, col, e.Error())
}

// selectors returns the texts of match; nil where one of them is none.
func (d *document) selectors(n *yaml.Node) Selectors {
	if n.Kind == yaml.MappingNode {
		d.report(n, `match: without quotes YAML reads a selector as a mapping; write it in single quotes, as in '{__name__=~"debug_.*"}'`)
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		if text, ok := d.text(n, "match"); ok {
			return Selectors{text}
		}
		return nil
	}
	if len(n.Content) == 0 {
		d.report(n, `match is an empty list; write a selector such as {__name__=~"debug_.*"}`)
	}
	list, ok := make(Selectors, 0, len(n.Content)), true
	for _, item := range n.Content {
		text, isText := d.text(item, "a selector")
		list, ok = append(list, text), ok && isText
	}
	if !ok {
		return nil
	}
	return list
}

// repeated returns a problem for every rule whose name an earlier one has.
func repeated(rs []*Rule) []Problem {
	first := make(map[string]*Rule, len(rs))
	var ps []Problem
	for _, r := range rs {
		f, again := first[r.Name]
		if !again {
			first[r.Name] = r
			continue
		}
		ps = append(ps, Problem{File: r.File, Line: r.Line, Text: fmt.Sprintf(
			"name: the rule %s is there already, at %s; rename one of them", r.Name, f.place())})
	}
	return ps
}

// FormatFile returns the rules as a file that ParseFile reads.
func FormatFile(rs []*Rule) ([]byte, error) {
	file := struct {
		Rules []Spec `yaml:"rules"`
	}{Rules: make([]Spec, len(rs))}
	for i, r := range rs {
		file.Rules[i] = r.Spec()
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(file); err != nil {
		return nil, fmt.Errorf("write %d rules: %w", len(rs), err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write %d rules: %w", len(rs), err)
	}
	return b.Bytes(), nil
}
