package rules

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// A document is one YAML file being read strictly, with all that is wrong with
// it. It belongs to one goroutine.
type document struct {
	file     string
	lines    []string
	root     *yaml.Node // nil where the file holds nothing
	problems []Problem
}

var (
	// yamlLine finds the line in the text of the YAML reader's errors.
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	// yamlCountsFromZero tells those of them whose lines begin at 0: the parser's,
	// other than the scanner's.
	yamlCountsFromZero = regexp.MustCompile(`^did not find expected (?:'[-\[\],{}]|key|node content|<)`)
)

// readDocument reads the one document of a file. Aliases are refused: they can
// make a small file huge.
func readDocument(file string, data []byte) *document {
	d := &document{file: file, lines: strings.Split(strings.TrimRight(string(data), "\n"), "\n")}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return d
	case err != nil:
		d.syntax(err)
		return d
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		d.report(&second, "a second YAML document begins here; put it into a file of its own")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	if len(doc.Content) == 1 && !isNull(doc.Content[0]) {
		d.root = doc.Content[0]
	}
	return d
}

// syntax reports an error of the YAML parser.
func (d *document) syntax(err error) {
	text := err.Error()
	p := Problem{File: d.file}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		p.Line, _ = strconv.Atoi(m[1])
	}
	if p.Line > 0 && yamlCountsFromZero.MatchString(text) {
		p.Line = min(p.Line+1, len(d.lines))
	}
	p.Text = "the file is not YAML: " + text + "; mend or quote what stands there"
	d.problems = append(d.problems, p)
}

// report notes what is wrong at n.
func (d *document) report(n *yaml.Node, format string, args ...any) {
	d.reportAt(n.Line, n.Column, fmt.Sprintf(format, args...))
}

func (d *document) reportAt(line, col int, text string) {
	d.problems = append(d.problems, Problem{d.file, line, col, text})
}

// pairs calls visit with each key of the mapping n, once, and its value. What is
// no mapping, and keys that are repeated or no words, are reported.
func (d *document) pairs(n *yaml.Node, what string, visit func(key, value *yaml.Node)) {
	if !d.is(n, yaml.MappingNode, what) {
		return
	}
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			d.report(key, "a key is a plain word here; write the keys out")
			continue
		}
		if line, ok := seen[key.Value]; ok {
			d.report(key, "%s is there twice, first on line %d; remove one", quoted(key.Value), line)
			continue
		}
		seen[key.Value] = key.Line
		visit(key, value)
	}
}

// is reports whether n is of the kind, and reports where it is not.
func (d *document) is(n *yaml.Node, kind yaml.Kind, what string) bool {
	if n.Kind == kind {
		return true
	}
	if n.Kind == yaml.AliasNode {
		d.report(n, "the alias *%s cannot be used here; write the value out", n.Value)
		return false
	}
	d.report(n, "%s; this is %s", what, kindOf(n))
	return false
}

// text returns the string that n is; what is none is reported.
func (d *document) text(n *yaml.Node, key string) (string, bool) {
	if !d.is(n, yaml.ScalarNode, key+" is a string") {
		return "", false
	}
	switch tag := n.ShortTag(); {
	case tag == "!!str":
		return n.Value, true
	case tag == "!!timestamp" && n.Style&yaml.TaggedStyle == 0:
		return n.Value, true // YAML takes what looks like a time for one
	case tag == "!!null":
		d.report(n, "%s has no value; give it one or remove the key", key)
	default:
		d.report(n, "%s is a string, this is %s; put it in quotes", key, kindOf(n))
	}
	return "", false
}

// flag returns the truth value that n is; what is none is reported.
func (d *document) flag(n *yaml.Node, key string) bool {
	if !d.is(n, yaml.ScalarNode, key+" is true or false") {
		return false
	}
	if n.ShortTag() != "!!bool" {
		d.report(n, "%s is true or false, this is %s; write true or false without quotes", key, kindOf(n))
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// percent returns the number that n is, of a canary; what is none is reported.
func (d *document) percent(n *yaml.Node) (percent int, broken bool) {
	if !d.is(n, yaml.ScalarNode, "canary is a number") {
		return 0, true
	}
	percent, err := strconv.Atoi(n.Value)
	if err != nil || n.ShortTag() != "!!int" {
		d.report(n, "canary is a number of 1 to 99, this is %s; write it as in canary: 10", kindOf(n))
		return 0, true
	}
	if percent == 0 {
		d.report(n, "canary: 0 takes no family; write 1 to 99, or mode: shadow")
		return 0, true
	}
	return percent, false
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

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
	case "!!null":
		return "empty"
	case "!!str":
		return "a string"
	}
	return "a value of type " + quoted(n.ShortTag())
}

// place returns the line and column of the character that stands offset bytes
// into the value of n.
func (d *document) place(n *yaml.Node, offset int) (line, col int) {
	before := n.Value[:min(offset, len(n.Value))]
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		line = n.Line + 1 + strings.Count(before, "\n")
		if line > len(d.lines) {
			break
		}
		begin := strings.LastIndexByte(before, '\n') + 1
		stripped := leadingBlanks(d.lines[line-1]) - leadingBlanks(n.Value[begin:])
		return line, stripped + 1 + utf8.RuneCountInString(before[begin:])
	case n.Style&yaml.FoldedStyle != 0, n.Line < 1, n.Line > len(d.lines):
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return n.Line, n.Column + 1 + sourceLen(d.rest(n), utf8.RuneCountInString(before), '\\')
	case n.Style&yaml.SingleQuotedStyle != 0:
		return n.Line, n.Column + 1 + sourceLen(d.rest(n), utf8.RuneCountInString(before), '\'')
	default:
		return n.Line, n.Column + utf8.RuneCountInString(before)
	}
	return n.Line, n.Column
}

func leadingBlanks(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }

// rest returns the characters of n's line behind its opening quote.
func (d *document) rest(n *yaml.Node) []rune {
	source := []rune(d.lines[n.Line-1])
	return source[min(n.Column, len(source)):]
}

// sourceLen returns how many characters of a quoted text in source stand for its
// first n characters, where escape begins an escape sequence.
func sourceLen(source []rune, n int, escape rune) int {
	i := 0
	for ; n > 0 && i < len(source); n-- {
		if source[i] != escape {
			i++
			continue
		}
		i += 2
		if escape == '\\' && i <= len(source) {
			switch source[i-1] {
			case 'x':
				i += 2
			case 'u':
				i += 4
			case 'U':
				i += 8
			}
		}
	}
	return min(i, len(source))
}
