package control

import "fmt"

// A Breakage is a query that a rule would break.
type Breakage struct {
	Kind    string // alert, record or dashboard
	Name    string
	File    string
	Expr    string
	Verdict string // breaks or may_break
	Why     string
}

// String returns the breakage for people.
func (b Breakage) String() string {
	text := fmt.Sprintf("%s %s", b.Kind, b.Name)
	if b.File != "" {
		text += " in " + b.File
	}
	if b.Why != "" {
		text += ": " + b.Why
	}
	return text
}
