package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/rules"
)

// A document is one YAML file being decoded strictly. Every mistake becomes a
// problem with its place, and the rest is read nevertheless.
type document struct {
	file     string
	places   map[string]*yaml.Node // of what was read, by path; items are numbered from 1
	problems []rules.Problem
}

// errReported stands for a mistake that is among the problems already.
var errReported = errors.New("reported")

// yamlLine finds the line in the text of the YAML parser's errors.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// decode reads data into v, which keeps what the file does not name.
func (d *document) decode(data []byte, v any) {
	d.places = map[string]*yaml.Node{}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) {
			d.syntax(err)
		}
		return
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		d.report(&second, "a second YAML document begins here; a file holds one")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	d.value("", doc.Content[0], reflect.ValueOf(v).Elem())
}

// syntax reports an error of the YAML parser.
func (d *document) syntax(err error) {
	text := err.Error()
	p := rules.Problem{File: d.file}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		p.Line, _ = strconv.Atoi(m[1])
	}
	p.Text = "the file is not YAML: " + text + "; mend or quote what stands there"
	d.problems = append(d.problems, p)
}

func (d *document) report(n *yaml.Node, format string, args ...any) {
	d.problems = append(d.problems, rules.Problem{File: d.file, Line: n.Line, Col: n.Column, Text: fmt.Sprintf(format, args...)})
}

// reportAt reports what is wrong with the value at path, or with what it would
// be part of.
func (d *document) reportAt(path, text string) {
	d.problems = append(d.problems, d.placed(path, text))
}

// placed returns a problem of the value at path, or of what it would be part of.
func (d *document) placed(path, text string) rules.Problem {
	for ; path != ""; path = path[:max(0, strings.LastIndexByte(path, '.'))] {
		if n := d.places[path]; n != nil {
			return rules.Problem{File: d.file, Line: n.Line, Col: n.Column, Text: text}
		}
	}
	return rules.Problem{File: d.file, Text: text}
}

// An unmarshaler decodes itself by means of a function that decodes into
// anything.
type unmarshaler interface{ UnmarshalYAML(func(any) error) error }

// value decodes n into v.
func (d *document) value(path string, n *yaml.Node, v reflect.Value) {
	d.places[path] = n
	if n.Kind == yaml.AliasNode {
		d.report(n, "the alias *%s cannot be used here; write the value out", n.Value)
		return
	}
	if v.Kind() == reflect.Pointer {
		if empty(n) {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		d.value(path, n, v.Elem())
		return
	}
	if u, ok := v.Addr().Interface().(unmarshaler); ok {
		before := len(d.problems)
		err := u.UnmarshalYAML(func(target any) error {
			d.plain(path, n, reflect.ValueOf(target).Elem())
			if len(d.problems) > before {
				return errReported
			}
			return nil
		})
		if _, isURL := errors.AsType[*url.Error](err); isURL {
			err = errors.New("this is no URL") // the error would show a password in it
		}
		if err != nil && len(d.problems) == before {
			d.report(n, "%s: %v", key(path), err)
		}
		return
	}
	d.plain(path, n, v)
}

// plain decodes n into v, whatever v's own way to decode is.
func (d *document) plain(path string, n *yaml.Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if !d.is(path, n, yaml.MappingNode) {
			return
		}
		if v.NumField() == 1 && v.Field(0).Kind() == reflect.Map { // inline
			d.entries(path, n, v.Field(0))
			return
		}
		d.fields(path, n, v)
	case reflect.Map:
		if d.is(path, n, yaml.MappingNode) {
			d.entries(path, n, v)
		}
	case reflect.Slice:
		if d.is(path, n, yaml.SequenceNode) {
			d.items(path, n, v)
		}
	default:
		d.scalar(path, n, v)
	}
}

// is reports whether n is of the kind; where it is empty there is nothing to read.
func (d *document) is(path string, n *yaml.Node, kind yaml.Kind) bool {
	if n.Kind == kind || empty(n) {
		return n.Kind == kind
	}
	want := "a mapping"
	if kind == yaml.SequenceNode {
		want = "a list"
	}
	d.report(n, "%s is %s, this is %s", key(path), want, kindOf(n))
	return false
}

// pairs calls visit with every key of n, once.
func (d *document) pairs(n *yaml.Node, visit func(key, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.ShortTag() == "!!merge" {
			d.report(k, "a key is a plain word here; write the keys out")
			continue
		}
		if line := seen[k.Value]; line > 0 {
			d.report(k, "%.64q is there twice, first on line %d; remove one", k.Value, line)
			continue
		}
		seen[k.Value] = k.Line
		visit(k, v)
	}
}

// fields decodes a mapping into a struct.
func (d *document) fields(path string, n *yaml.Node, v reflect.Value) {
	known := map[string]reflect.Value{}
	addFields(known, v)
	d.pairs(n, func(k, value *yaml.Node) {
		at := join(path, k.Value)
		field, ok := known[k.Value]
		if !ok {
			d.unknown(k, known)
			return
		}
		d.value(at, value, field)
	})
}

// addFields adds the fields of the struct v by their keys.
func addFields(known map[string]reflect.Value, v reflect.Value) {
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			addFields(known, v.Field(i))
		case name != "" && name != "-":
			known[name] = v.Field(i)
		}
	}
}

func (d *document) unknown(k *yaml.Node, known map[string]reflect.Value) {
	var names []string
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	if near := rules.Nearest(k.Value, names); near != "" {
		d.report(k, "unknown key %.64q; did you mean %s?", k.Value, near)
		return
	}
	d.report(k, "unknown key %.64q; known are %s", k.Value, strings.Join(names, ", "))
}

// entries decodes a mapping into a map.
func (d *document) entries(path string, n *yaml.Node, v reflect.Value) {
	m := reflect.MakeMap(v.Type())
	d.pairs(n, func(k, value *yaml.Node) {
		name := reflect.New(v.Type().Key()).Elem()
		entry := reflect.New(v.Type().Elem()).Elem()
		d.scalar(path, k, name)
		d.value(join(path, k.Value), value, entry)
		m.SetMapIndex(name, entry)
	})
	v.Set(m)
}

// items decodes a list.
func (d *document) items(path string, n *yaml.Node, v reflect.Value) {
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(join(path, strconv.Itoa(i+1)), item, list.Index(i))
	}
	v.Set(list)
}

// scalar decodes what has no parts.
func (d *document) scalar(path string, n *yaml.Node, v reflect.Value) {
	if empty(n) {
		d.report(n, "%s has no value; give it one or remove the key", key(path))
		return
	}
	cut := v.CanInt() && n.ShortTag() == "!!float" // Decode would take 1 of 1.5
	if err := n.Decode(v.Addr().Interface()); err != nil || cut {
		d.report(n, "%s: this is %s, and it wants %s", key(path), kindOf(n), wanted(v.Kind()))
	}
}

func wanted(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.String:
		return "a string"
	}
	return "a value of type " + k.String()
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// kindOf says what n is.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a truth value"
	}
	return "a string"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// key returns the last part of path.
func key(path string) string {
	if path == "" {
		return "the file"
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}
