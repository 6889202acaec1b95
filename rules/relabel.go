package rules

import (
	"fmt"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// relabelKeys are the keys of one relabel config, those we use and those that
// belong to actions we report.
var relabelKeys = []string{
	"source_labels", "separator", "regex", "action", "target_label", "replacement", "modulus",
}

// ImportRelabel turns Prometheus' relabelling into rules: the drop and keep steps
// of data become drop rules that remove exactly the same series. data is a list
// of relabel configs, a mapping with write_relabel_configs or
// metric_relabel_configs, or a whole prometheus.yml, of which the remote_write
// sections count. Every step that has no equal rule is a problem that says why
// and what to do; the rules of the others are returned nevertheless.
func ImportRelabel(name string, data []byte) ([]*Rule, []Problem) {
	d := readDocument(name, data)
	if d.root == nil {
		if len(d.problems) == 0 {
			d.problems = append(d.problems, Problem{File: name, Text: "the file is empty; give a list of relabel configs or a prometheus.yml"})
		}
		return nil, d.problems
	}
	imp := relabelImport{document: d, prefix: importPrefix(name)}
	imp.file(d.root)
	return imp.rules, d.problems
}

// importPrefix makes the beginning of the rules' names from the file's.
func importPrefix(file string) string {
	base := strings.ToLower(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	var b strings.Builder
	for i := 0; i < len(base) && b.Len() < 40; i++ {
		if c := base[i]; 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			b.WriteByte(c)
		} else if b.Len() > 0 {
			b.WriteByte('-')
		}
	}
	return strings.TrimLeft(strings.Trim(b.String(), "-")+"-relabel-", "-")
}

// A relabelImport is one import under way.
type relabelImport struct {
	*document
	prefix string
	rules  []*Rule
	count  int // relabel configs seen
}

// file finds the lists of relabel configs in n.
func (imp *relabelImport) file(n *yaml.Node) {
	if n.Kind == yaml.SequenceNode {
		imp.list(n)
		return
	}
	found := false
	imp.pairs(n, "relabel configs are a list, or a mapping with write_relabel_configs", func(key, value *yaml.Node) {
		switch key.Value {
		case "write_relabel_configs", "metric_relabel_configs":
			found = true
			imp.list(value)
		case "remote_write":
			found = true
			imp.remoteWrites(value)
		}
	})
	if !found && n.Kind == yaml.MappingNode {
		imp.report(n, "there is neither remote_write nor write_relabel_configs nor metric_relabel_configs; give a file that has one of them, or a list of relabel configs")
	}
}

// remoteWrites finds the relabel configs of each remote_write section.
func (imp *relabelImport) remoteWrites(n *yaml.Node) {
	if isNull(n) || !imp.is(n, yaml.SequenceNode, "remote_write is a list") {
		return
	}
	firstLine := 0
	for _, section := range n.Content {
		imp.pairs(section, "a remote_write section is a mapping", func(key, value *yaml.Node) {
			if key.Value != "write_relabel_configs" {
				return
			}
			if firstLine > 0 {
				imp.report(key, "another remote_write section, on line %d, has relabel configs too, and a rule cannot tell them apart; keep the rules of the section that writes to Headgate", firstLine)
			} else {
				firstLine = key.Line
			}
			imp.list(value)
		})
	}
}

// list turns one chain of relabel configs into rules.
func (imp *relabelImport) list(n *yaml.Node) {
	if isNull(n) || !imp.is(n, yaml.SequenceNode, "relabel configs are a list") {
		return
	}
	changes := labelChanges{}
	for _, item := range n.Content {
		imp.count++
		step, ok := imp.step(item)
		if !ok {
			continue
		}
		if r := imp.rule(step, changes); r != nil {
			imp.rules = append(imp.rules, r)
		}
		changes.note(step)
	}
}

// step reads the relabel config n with Prometheus' defaults.
func (imp *relabelImport) step(n *yaml.Node) (relabelStep, bool) {
	s := relabelStep{node: n, action: "replace", separator: ";", regex: "(.*)"}
	before := len(imp.problems)
	scalar := func(value *yaml.Node, key string, field *string) {
		if imp.is(value, yaml.ScalarNode, key+" is a string") {
			*field = value.Value
		}
	}
	imp.pairs(n, "a relabel config is a mapping", func(key, value *yaml.Node) {
		switch key.Value {
		case "source_labels":
			if isNull(value) || !imp.is(value, yaml.SequenceNode, "source_labels is a list") {
				return
			}
			for _, item := range value.Content {
				var label string
				scalar(item, "a source label", &label)
				s.sources = append(s.sources, label)
			}
		case "separator":
			scalar(value, key.Value, &s.separator)
		case "regex":
			scalar(value, key.Value, &s.regex)
			if isNull(value) {
				imp.report(value, "regex has no value; give it one or remove the key")
			}
		case "action":
			scalar(value, key.Value, &s.action)
			s.action = strings.ToLower(s.action)
		case "target_label":
			scalar(value, key.Value, &s.target)
		case "replacement", "modulus":
		default:
			imp.unknown(key, relabelKeys)
		}
	})
	return s, len(imp.problems) == before
}

// rule returns the rule that drops what s drops, or nil and reports why there is
// none.
func (imp *relabelImport) rule(s relabelStep, changes labelChanges) *Rule {
	if s.action != "drop" && s.action != "keep" {
		imp.report(s.node, "%s", inexpressible(s.action))
		return nil
	}
	if line, label := changes.before(s.sources); line > 0 {
		imp.report(s.node, "action %s reads the label %s, which the step on line %d may have changed, and rules see series as they arrive; leave both steps in Prometheus", s.action, quoted(label), line)
		return nil
	}
	match, why := s.selectors()
	if why != "" {
		imp.report(s.node, "action %s has no equal rule: %s", s.action, why)
		return nil
	}
	spec := Spec{
		Name:   fmt.Sprintf("%s%d", imp.prefix, imp.count),
		Match:  match,
		Action: Drop.String(),
		Reason: fmt.Sprintf("action: %s of %s, line %d", s.action, filepath.Base(imp.document.file), s.node.Line),
	}
	r, errs := spec.Rule()
	for _, e := range errs {
		imp.report(s.node, "action %s has no equal rule: %v", s.action, e)
	}
	return r
}
