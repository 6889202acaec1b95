package usage

import (
	"fmt"

	"github.com/headgate/headgate/rules"
)

// A Problem is what is wrong with a file, where, and what to do about it. What it
// concerns may break by any rule.
type Problem = rules.Problem

// maxProblems is how many problems of one file are told.
const maxProblems = 100

// A contents is what one file was found to hold.
type contents struct {
	file     string
	kind     Kind // of what cannot be read
	queries  []*Query
	problems []Problem
	more     bool // problems were left out
}

func (c *contents) report(line int, format string, args ...any) {
	switch n := len(c.problems); {
	case n < maxProblems:
		c.problems = append(c.problems, Problem{File: c.file, Line: line, Text: fmt.Sprintf(format, args...)})
	case !c.more:
		c.more = true
		c.problems = append(c.problems, Problem{File: c.file, Line: line, Text: "more is wrong from here on; mend what is above first"})
	}
}

// unread reports a part of the file, or all of it, that cannot be read, and notes
// it as a query of which nothing is known.
func (c *contents) unread(line int, name, trouble, remedy string) {
	c.report(line, "%s; %s", trouble, remedy)
	if n := len(c.queries); n > 0 && c.queries[n-1].Trouble == trouble && c.queries[n-1].Name == name {
		return
	}
	c.queries = append(c.queries, &Query{Kind: c.kind, Name: name, File: c.file, Line: line, Trouble: trouble})
}

// add adds a query; what is not known of it is a problem.
func (c *contents) add(q *Query) {
	if q.Trouble != "" {
		c.report(q.Line, "%s %.80q: %s; until it is mended, every rule may break it", q.Kind, q.Name, q.Trouble)
	}
	c.queries = append(c.queries, q)
}
