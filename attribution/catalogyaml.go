package attribution

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A yamlDocument is one document of a file.
type yamlDocument struct {
	root   *yaml.Node
	file   string
	before int // lines of the file before the document
	lines  int // of the document
}

// line returns where n stands in the file.
func (d *yamlDocument) line(n *yaml.Node) int { return d.at(n.Line) }

// at returns which line of the file the document's is. YAML knows line breaks
// that editors do not, so that it may count too many.
func (d *yamlDocument) at(line int) int { return d.before + min(max(line, 1), max(d.lines, 1)) }

var (
	// yamlLine finds the line in the text of the YAML reader's errors.
	yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	// yamlCountsFromZero tells those of them whose lines begin at 0: the parser's,
	// other than the scanner's.
	yamlCountsFromZero = regexp.MustCompile(`^did not find expected (?:'[-\[\],{}]|key|node content|<)`)
)

// documents returns the documents of a file. Each is read by itself, so that one
// that is no YAML does not take the others with it: a line that begins with ---
// begins a document, wherever it stands.
func (b *catalogBuilder) documents(f CatalogFile) []yamlDocument {
	var docs []yamlDocument
	begin, line := 0, 0 // of the document that is being read
	take := func(end int) {
		part := f.Data[begin:end]
		d := yamlDocument{file: f.Name, before: line, lines: bytes.Count(part, []byte("\n"))}
		line += d.lines
		if !bytes.HasSuffix(part, []byte("\n")) {
			d.lines++
		}
		begin = end
		if blank(part) {
			return
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(part, &doc); err != nil {
			text, at := err.Error(), 0
			if m := yamlLine.FindStringSubmatch(text); m != nil {
				text = text[len(m[0]):]
				at, _ = strconv.Atoi(m[1])
			}
			if yamlCountsFromZero.MatchString(text) {
				at++
			}
			b.problems.report(f.Name, d.at(at), "the document is not YAML: %.200s; mend or quote what stands there", text)
			return
		}
		if len(doc.Content) == 1 && !isNull(doc.Content[0]) {
			d.root = doc.Content[0]
			docs = append(docs, d)
		}
	}
	for at := 0; at < len(f.Data); {
		next := len(f.Data)
		if i := bytes.IndexByte(f.Data[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		if rest, ok := bytes.CutPrefix(f.Data[at:next], []byte("---")); ok && (len(rest) == 0 || strings.IndexByte(" \t\r\n", rest[0]) >= 0) {
			take(at)
		}
		at = next
	}
	take(len(f.Data))
	return docs
}

// blank reports whether a part of a file has comments and directives only.
func blank(part []byte) bool {
	for line := range bytes.Lines(part) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && line[0] != '%' && string(line) != "---" {
			return false
		}
	}
	return true
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// field returns the value at a path of keys, or nil.
func field(n *yaml.Node, path ...string) *yaml.Node {
	for _, key := range path {
		n = resolved(n)
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var value *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				value = n.Content[i+1]
				break
			}
		}
		n = value
	}
	return resolved(n)
}

// resolved returns what an alias stands for. Nothing is copied, so that aliases
// cannot make a small file huge.
func resolved(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// text returns the scalar at a path, or "".
func text(n *yaml.Node, path ...string) string {
	if n = field(n, path...); n == nil || n.Kind != yaml.ScalarNode || isNull(n) {
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// texts returns the scalar at a path, or those of the list there.
func texts(n *yaml.Node, path ...string) []string {
	n = field(n, path...)
	if n == nil || n.Kind != yaml.SequenceNode {
		if s := text(n); s != "" {
			return []string{s}
		}
		return nil
	}
	var all []string
	for _, item := range n.Content {
		if s := text(item); s != "" {
			all = append(all, s)
		}
	}
	return all
}
