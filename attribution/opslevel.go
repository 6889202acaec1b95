package attribution

import (
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// opslevel reads an opslevel.yml, as "Config as Code" of OpsLevel's documentation
// describes it. Its owner is the alias of a team, which stays when the team is
// renamed, and so is what the team is called here.
func (b *catalogBuilder) opslevel(f CatalogFile) {
	for _, d := range b.documents(f) {
		if d.root.Kind != yaml.MappingNode {
			b.problems.report(d.file, d.line(d.root), "an opslevel.yml is a mapping with version and component; remove what stands here")
			continue
		}
		found := false
		for _, key := range []string{"component", "service"} { // OpsLevel's new word and its old one
			n := field(d.root, key)
			if n == nil {
				continue
			}
			found = true
			if n.Kind == yaml.MappingNode {
				b.component(&d, key, n)
			} else if !isNull(n) {
				b.problems.report(d.file, d.line(n), "%s is a mapping with name and owner; write these", key)
			}
		}
		if !found && field(d.root, "repository") == nil {
			b.problems.report(d.file, d.line(d.root), "there is no component in it; write one, with name and owner")
		}
	}
}

func (b *catalogBuilder) component(d *yamlDocument, key string, n *yaml.Node) {
	name, owner := text(n, "name"), text(n, "owner")
	switch {
	case name == "":
		b.problems.report(d.file, d.line(n), "the %s has no name; give it one", key)
	case owner == "":
		b.problems.report(d.file, d.line(n), "%s %.128s has no owner; write the alias of a team", key, name)
	default:
		b.add(CatalogEntry{Team: owner, Entity: key + " " + name, Owner: owner, File: d.file, Line: d.line(n)},
			opslevelNames(n, b.catalog.config.Join.Field))
	}
}

// opslevelNames returns what the join's field holds. By name a component has its
// aliases, too, of which OpsLevel makes one of the name itself.
func opslevelNames(n *yaml.Node, join string) []string {
	key, isTag := strings.CutPrefix(join, "tags.")
	switch {
	case join == "name":
		name := text(n, "name")
		return append([]string{name, alias(name)}, texts(n, "aliases")...)
	case !isTag:
		return texts(n, strings.Split(join, ".")...)
	}
	var values []string
	if tags := field(n, "tags"); tags != nil && tags.Kind == yaml.SequenceNode {
		for _, t := range tags.Content {
			if v := text(t, "value"); text(t, "key") == key && v != "" {
				values = append(values, v)
			}
		}
	}
	return values
}

// alias returns the alias that OpsLevel makes of a name: order_processor of Order
// Processor.
func alias(name string) string {
	words := strings.FieldsFunc(lower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return strings.Join(words, "_")
}
