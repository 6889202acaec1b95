package rules

import (
	"fmt"
	"strings"
)

// A Problem is what is wrong with a file, where, and what to do about it.
type Problem struct {
	File string
	Line int // from 1; 0 where the file as a whole is meant
	Col  int // in characters, from 1; 0 where the line as a whole is meant
	Text string
}

// String returns the problem as "file:line:col: what, and what to do".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Col > 0 {
			fmt.Fprintf(&b, ":%d", p.Col)
		}
	}
	b.WriteString(": ")
	b.WriteString(p.Text)
	return b.String()
}

// Error returns String, so that a Problem can be an error.
func (p Problem) Error() string { return p.String() }
