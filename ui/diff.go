package ui

import (
	"encoding/json"
	"strings"

	"github.com/headgate/headgate/rules"
)

// A diffLine is a line of what changed: Sign is + for one that came, - for one that
// went, and a space for one that stayed.
type diffLine struct{ Sign, Text string }

// diffDepth is how many lines are compared each with each. What is longer is shown
// as gone and come as a whole.
const diffDepth = 400

// diff returns what to do to a text to make it another, line by line.
func diff(before, after string) []diffLine {
	a, b := lines(before), lines(after)
	var out, tail []diffLine
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		out = append(out, diffLine{" ", a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append(tail, diffLine{" ", a[len(a)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) <= diffDepth && len(b) <= diffDepth {
		out = append(out, longest(a, b)...)
	} else {
		out = append(append(out, signed("-", a)...), signed("+", b)...)
	}
	for i := len(tail) - 1; i >= 0; i-- {
		out = append(out, tail[i])
	}
	return out
}

// longest compares line by line, and keeps as many as can be kept.
func longest(a, b []string) (out []diffLine) {
	kept := make([][]int, len(a)+1) // of what follows a line of a and one of b
	for i := range kept {
		kept[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				kept[i][j] = kept[i+1][j+1] + 1
			} else {
				kept[i][j] = max(kept[i+1][j], kept[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			out = append(out, diffLine{" ", a[i]})
			i, j = i+1, j+1
		case kept[i+1][j] >= kept[i][j+1]:
			out = append(out, diffLine{"-", a[i]})
			i++
		default:
			out = append(out, diffLine{"+", b[j]})
			j++
		}
	}
	return append(append(out, signed("-", a[i:])...), signed("+", b[j:])...)
}

func signed(sign string, list []string) (out []diffLine) {
	for _, text := range list {
		out = append(out, diffLine{sign, text})
	}
	return out
}

func lines(text string) []string {
	if text = strings.TrimSuffix(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// documentText returns a rule of the store as a file has it; what this version does
// not understand stays as it is, "" is none.
func documentText(document json.RawMessage) string {
	if len(document) == 0 {
		return ""
	}
	var s rules.Spec
	if err := json.Unmarshal(document, &s); err != nil {
		return shown(string(document))
	}
	return yamlOf(s)
}
