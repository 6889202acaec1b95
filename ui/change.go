package ui

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// A changeView is one value that a change changed.
type changeView struct {
	Path          string // of the value in the document
	Before, After string
	Was, Is       bool // there was one before, there is one since
}

// maxChanges is how many values of a change are shown.
const maxChanges = 100

// newChanges returns what differs between two JSON documents, by path. What was
// left out for its length is said.
func newChanges(before, after json.RawMessage) (list []changeView, cut string) {
	byPath := map[string]*changeView{}
	leaves(before, func(path, value string) { byPath[path] = &changeView{Path: path, Before: value, Was: true} })
	leaves(after, func(path, value string) {
		c := byPath[path]
		if c == nil {
			c = &changeView{Path: path}
			byPath[path] = c
		}
		c.After, c.Is = value, true
	})
	n := 0
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		c := byPath[path]
		if c.Was == c.Is && c.Before == c.After {
			continue
		}
		if n++; n <= maxChanges {
			c.Path, c.Before, c.After = short(c.Path), short(c.Before), short(c.After)
			list = append(list, *c)
		}
	}
	if n > maxChanges {
		cut = plural(n-maxChanges, "more value") + " changed; the API has all of them."
	}
	return list, cut
}

// leaves calls add with every value of a document that holds no others, and its
// path. A text that is no JSON is one value.
func leaves(document json.RawMessage, add func(path, value string)) {
	if len(document) == 0 {
		return
	}
	var v any
	if err := json.Unmarshal(document, &v); err != nil {
		add("", string(document))
		return
	}
	walk("", v, add)
}

func walk(path string, v any, add func(path, value string)) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			at := key
			if path != "" {
				at = path + "." + key
			}
			walk(at, v[key], add)
		}
	case []any:
		for i, item := range v {
			walk(path+"["+strconv.Itoa(i)+"]", item, add)
		}
	case float64:
		add(path, number(v))
	default:
		add(path, fmt.Sprint(v))
	}
}
