package attribution

import (
	"fmt"
	"strings"
)

// A Problem is what is wrong with one entry of a catalog, where, and what to do
// about it. The entry is skipped; the others are used.
type Problem struct {
	File string
	Line int // from 1; 0 where the file as a whole is meant
	Text string
}

// String returns the problem as "file:line: what, and what to do".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	b.WriteString(p.Text)
	return b.String()
}

// Error returns String, so that a Problem can be an error.
func (p Problem) Error() string { return p.String() }

// maxProblems is how many problems of one file are told. A file of another kind
// has as many as it has lines.
const maxProblems = 100

// problems gathers those of one catalog.
type problems struct {
	list   []Problem
	inFile map[string]int
}

func (ps *problems) report(file string, line int, format string, args ...any) {
	if ps.inFile == nil {
		ps.inFile = map[string]int{}
	}
	ps.inFile[file]++
	switch n := ps.inFile[file]; {
	case n < maxProblems:
		ps.list = append(ps.list, Problem{file, line, fmt.Sprintf(format, args...)})
	case n == maxProblems:
		ps.list = append(ps.list, Problem{file, line, "more is wrong from here on; mend what is above first"})
	}
}
