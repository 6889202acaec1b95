package usage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
)

// maxDepth is how deep a dashboard may be nested.
const maxDepth = 200

// A node is a value of a JSON document, and where it stands.
type node struct {
	line    int
	object  []member // in order; a key may be there twice
	list    []*node
	text    string // of a string; of a number or truth value as it is written
	isText  bool
	isThing bool // an object
}

type member struct {
	key   string
	value *node
}

// parseJSON reads a document of one value. The line is where an error stands.
func parseJSON(data []byte) (n *node, line int, err error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	p := &jsonParser{dec: json.NewDecoder(bytes.NewReader(data))}
	p.dec.UseNumber()
	for i, c := range data {
		if c == '\n' {
			p.ends = append(p.ends, int64(i))
		}
	}
	n, err = p.value(0)
	if err == nil {
		if _, extra := p.dec.Token(); !errors.Is(extra, io.EOF) {
			err = errors.New("something follows the document")
		}
	}
	if err != nil {
		return nil, p.line(), err
	}
	return n, 0, nil
}

type jsonParser struct {
	dec  *json.Decoder
	ends []int64 // of lines
}

// line returns where the decoder is, from 1.
func (p *jsonParser) line() int {
	at := p.dec.InputOffset()
	return 1 + sort.Search(len(p.ends), func(i int) bool { return p.ends[i] >= at })
}

func (p *jsonParser) token() (json.Token, error) {
	t, err := p.dec.Token()
	if errors.Is(err, io.EOF) {
		err = errors.New("it ends too early")
	}
	return t, err
}

func (p *jsonParser) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested deeper than %d", maxDepth)
	}
	t, err := p.token()
	if err != nil {
		return nil, err
	}
	n := &node{line: p.line()}
	switch t := t.(type) {
	case string:
		n.text, n.isText = t, true
	case json.Number:
		n.text = t.String()
	case bool:
		n.text = strconv.FormatBool(t)
	case json.Delim:
		n.isThing = t == '{'
		for p.dec.More() {
			m := member{}
			if n.isThing {
				key, err := p.token()
				if err != nil {
					return nil, err
				}
				m.key, _ = key.(string)
			}
			if m.value, err = p.value(depth + 1); err != nil {
				return nil, err
			}
			if n.isThing {
				n.object = append(n.object, m)
			} else {
				n.list = append(n.list, m.value)
			}
		}
		if _, err := p.token(); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// get returns what an object has under a key: the last, as in JavaScript; nil
// where there is none.
func (n *node) get(path ...string) *node {
	for _, key := range path {
		if n == nil {
			return nil
		}
		var found *node
		for _, m := range n.object {
			if m.key == key {
				found = m.value
			}
		}
		n = found
	}
	return n
}

// str returns the string at a path, or "".
func (n *node) str(path ...string) string {
	if v := n.get(path...); v != nil && v.isText {
		return v.text
	}
	return ""
}
