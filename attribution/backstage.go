package attribution

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An entity is one document of a Backstage catalog, as "Descriptor Format of
// Catalog Entities" of its documentation describes them.
type entity struct {
	yamlDocument
	ref  ref
	name string // as written
}

// A ref names an entity. Backstage compares them without case; a ref is in lower
// case.
type ref struct{ kind, namespace, name string }

func (r ref) String() string { return r.kind + ":" + r.namespace + "/" + r.name }

// A reference is how one entity names another.
type reference struct {
	ref
	written    string // the name, as written
	namespaced bool   // the namespace is written, too; else it is that of who refers
}

// parseReference reads [kind:][namespace/]name.
func parseReference(s, kind, namespace string) reference {
	r := reference{ref: ref{lower(kind), namespace, ""}, written: strings.TrimSpace(s)}
	if k, rest, ok := strings.Cut(r.written, ":"); ok {
		r.kind, r.written = lower(strings.TrimSpace(k)), strings.TrimSpace(rest)
	}
	if ns, rest, ok := strings.Cut(r.written, "/"); ok {
		r.namespace, r.written, r.namespaced = lower(strings.TrimSpace(ns)), strings.TrimSpace(rest), true
	}
	r.name = lower(r.written)
	return r
}

// owned are the kinds of entities that series can belong to. Where several have
// the name that a label says, the first kind decides: a metric's service is a
// component before it is the system that the component is named after.
var owned = []string{"component", "resource", "system", "domain", "api"}

// backstageName is what Backstage accepts as a name, and rejects the templates
// of names that lie about where scaffolding is kept.
var backstageName = regexp.MustCompile(`^[a-zA-Z0-9]+([-_.][a-zA-Z0-9]+)*$`)

// An entities holds all of a catalog, and who belongs to which group.
type entities struct {
	*catalogBuilder
	byRef  map[ref]*entity
	order  []*entity
	groups map[ref][]reference // of users
}

// backstage reads all files, because an entity's owner may stand in any of them.
func (b *catalogBuilder) backstage(files []CatalogFile) {
	es := &entities{catalogBuilder: b, byRef: map[ref]*entity{}, groups: map[ref][]reference{}}
	for _, f := range files {
		for _, d := range b.documents(f) {
			es.read(d)
		}
	}
	for _, e := range es.order {
		es.members(e)
	}
	for _, e := range es.order {
		if rank := slices.Index(owned, e.ref.kind); rank >= 0 {
			es.own(e, rank)
		}
	}
}

// read notes one entity.
func (es *entities) read(d yamlDocument) {
	if !strings.HasPrefix(text(d.root, "apiVersion"), "backstage.io/") {
		if d.root.Kind != yaml.MappingNode {
			es.problems.report(d.file, d.line(d.root), "an entity is a mapping with apiVersion, kind and metadata; remove what stands here")
		}
		return // of something else, such as Kubernetes
	}
	kind, name, namespace := text(d.root, "kind"), text(d.root, "metadata", "name"), text(d.root, "metadata", "namespace")
	switch {
	case kind == "":
		es.problems.report(d.file, d.line(d.root), "the entity has no kind; write one, such as Component")
		return
	case name == "":
		es.problems.report(d.file, d.line(d.root), "the %.64s has no metadata.name; give it one", kind)
		return
	case len(name) > 63 || !backstageName.MatchString(name):
		es.problems.report(d.file, d.line(field(d.root, "metadata", "name")),
			"the %.64s's name %.64q is none that Backstage takes; write up to 63 letters and digits, with single -, _ or . between", kind, name)
		return
	}
	e := &entity{d, ref{lower(kind), cmp.Or(lower(namespace), "default"), lower(name)}, name}
	if first := es.byRef[e.ref]; first != nil {
		es.problems.report(d.file, d.line(d.root), "%s is there already, at %s:%d; remove one of them", e.ref, first.file, first.line(first.root))
		return
	}
	es.byRef[e.ref] = e
	es.order = append(es.order, e)
}

// members notes who belongs to a group, by the group's word or the user's.
func (es *entities) members(e *entity) {
	switch e.ref.kind {
	case "group":
		self := reference{e.ref, e.name, true}
		t := es.team(es.teamOf(self))
		t.Title = cmp.Or(text(e.root, "spec", "profile", "displayName"), text(e.root, "metadata", "title"))
		t.Email = text(e.root, "spec", "profile", "email")
		for _, s := range texts(e.root, "spec", "members") {
			es.join(parseReference(s, "user", e.ref.namespace), self)
		}
	case "user":
		for _, s := range texts(e.root, "spec", "memberOf") {
			es.join(reference{e.ref, e.name, true}, parseReference(s, "group", e.ref.namespace))
		}
	}
}

func (es *entities) join(user, group reference) {
	u := user.ref
	if e := es.find(user); e != nil {
		u, user.written = e.ref, e.name
	}
	t := es.team(es.teamOf(group))
	t.Members = append(t.Members, user.written)
	es.groups[u] = append(es.groups[u], group)
}

// find returns the entity that r names, or nil: in the namespace of who refers to
// it, and where it names none, in the default one.
func (es *entities) find(r reference) *entity {
	e := es.byRef[r.ref]
	if e == nil && !r.namespaced {
		e = es.byRef[ref{r.kind, "default", r.name}]
	}
	return e
}

// teamOf returns what the team of a group is called: its name, and in another
// namespace than the default one, namespace/name. A group that is not in the
// catalog is called as who refers to it calls it: many keep their groups
// elsewhere.
func (es *entities) teamOf(r reference) string {
	namespace, name := r.namespace, r.written
	if e := es.find(r); e != nil {
		namespace, name = e.ref.namespace, e.name
	} else if !r.namespaced {
		namespace = "default"
	}
	if namespace != "default" {
		name = namespace + "/" + name
	}
	return name
}

// own adds an entity to the catalog, if its owner can be told.
func (es *entities) own(e *entity, rank int) {
	entry := CatalogEntry{Entity: e.ref.kind + " " + e.name, File: e.file, Line: e.line(e.root), rank: rank}
	if e.ref.namespace != "default" {
		entry.Entity = e.ref.kind + " " + e.ref.namespace + "/" + e.name
	}
	if err := es.resolve(e, &entry); err != nil {
		es.problems.report(e.file, e.line(e.root), "%s: %v", entry.Entity, err)
		return
	}
	es.add(entry, es.names(e))
}

// names returns what the join's field holds. Below labels and annotations a key
// may have dots of its own.
func (es *entities) names(e *entity) []string {
	path := strings.Split(es.catalog.config.Join.Field, ".")
	if len(path) > 3 && path[0] == "metadata" && (path[1] == "labels" || path[1] == "annotations") {
		path = []string{path[0], path[1], strings.Join(path[2:], ".")}
	}
	return texts(e.root, path...)
}

// owner returns the entity that says who owns e: e itself, or where it does not,
// the component, system or domain that it is part of.
func (es *entities) owner(e *entity) *entity {
	for range 5 { // deeper than any catalog; parts may go round in circles
		if n := field(e.root, "spec", "owner"); n != nil && !isNull(n) {
			return e
		}
		var whole *entity
		for _, part := range [][2]string{{"subcomponentOf", "component"}, {"system", "system"}, {"domain", "domain"}} {
			if s := text(e.root, "spec", part[0]); s != "" && whole == nil {
				whole = es.find(parseReference(s, part[1], e.ref.namespace))
			}
		}
		if whole == nil {
			break
		}
		e = whole
	}
	return nil
}

// resolve sets the team of e's entry, and how it was found.
func (es *entities) resolve(e *entity, entry *CatalogEntry) error {
	at := es.owner(e)
	if at == nil {
		return errors.New("nobody owns it, nor what it is part of; write spec.owner")
	}
	var via []string
	if at != e {
		via = append(via, "owner of "+at.ref.String())
	}
	entry.Owner = written(field(at.root, "spec", "owner"))
	owner := parseReference(entry.Owner, "group", at.ref.namespace)
	switch {
	case owner.name == "":
		return errors.New("its owner has no name; write that of a group")
	case owner.kind == "user":
		user := owner.ref
		if u := es.find(owner); u != nil {
			user = u.ref
		}
		groups := es.groups[user]
		if len(groups) == 0 {
			return fmt.Errorf("its owner %.128s is in no group that the catalog knows; make a group the owner", entry.Owner)
		}
		owner = groups[0]
		for _, g := range groups { // a team rather than all of the company
			if e := es.find(g); e != nil && text(e.root, "spec", "type") == "team" {
				owner = g
				break
			}
		}
		via = append(via, "group of "+user.String())
	case owner.kind != "group":
		return fmt.Errorf("its owner %.128s is a %.64s; an owner is a group or a user", entry.Owner, owner.kind)
	}
	entry.Team, entry.Via = es.teamOf(owner), strings.Join(via, ", ")
	return nil
}

// written returns a reference as text, a compound one, too.
func written(n *yaml.Node) string {
	if n.Kind != yaml.MappingNode {
		return text(n)
	}
	s := text(n, "name")
	if ns := text(n, "namespace"); ns != "" {
		s = ns + "/" + s
	}
	if kind := text(n, "kind"); kind != "" {
		s = kind + ":" + s
	}
	return s
}
