package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/headgate/headgate/internal/api"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
)

// The verbs of a plan.
const (
	stepCreate = "create"
	stepUpdate = "update"
	stepMove   = "move"
	stepDelete = "delete"
)

// A ruleStep is one change of a rule in the store.
type ruleStep struct {
	verb     string
	name     string
	spec     rules.Spec // not of stepDelete
	revision int64      // not of stepCreate
	position int        // 0: where it is
	what     string     // for people
	effect   *ruleEffect
}

// A ruleEffect is what a rule does, of what the preview tells.
type ruleEffect struct {
	Series struct {
		Removed float64 `json:"removed"`
		Error   float64 `json:"error"`
	} `json:"series"`
	SamplesPerSecond struct {
		Before  *float64 `json:"before"` // nil: not known yet
		Removed float64  `json:"removed"`
	} `json:"samples_per_second"`
	Breaks []struct {
		Kind    string `json:"kind"`
		Name    string `json:"name"`
		Verdict string `json:"verdict"`
	} `json:"breaks"`
}

// A rulePlan makes the rules of the store those of files.
type rulePlan struct {
	steps []ruleStep
	left  []string // rules of the store that no file has, and that stay
	same  int      // rules that need no step
}

// planRules returns the steps from have, all rules in force, to want. Rules that
// only the store has stay, unless they are to be pruned.
func planRules(want []*rules.Rule, have []api.Rule, prune bool) (*rulePlan, error) {
	p := &rulePlan{}
	files := 0
	stored := map[string]api.Rule{}
	var order []string // of the store, as the steps leave it
	for _, r := range have {
		if r.Source == control.FromFile {
			files++
			if i := slices.IndexFunc(want, func(w *rules.Rule) bool { return w.Name == r.Name }); i >= 0 {
				return nil, fmt.Errorf("rule %s is in %s, line %d, of the gateway's own files: remove it there, or do not push %s, line %d", r.Name, r.File, r.Line, want[i].File, want[i].Line)
			}
			continue
		}
		stored[r.Name] = r
		order = append(order, r.Name)
	}
	wanted := map[string]bool{}
	for _, r := range want {
		wanted[r.Name] = true
	}
	order = slices.DeleteFunc(order, func(name string) bool {
		switch {
		case wanted[name]:
			return false
		case prune:
			p.steps = append(p.steps, ruleStep{verb: stepDelete, name: name, revision: stored[name].Revision, what: "no file has it"})
			return true
		}
		p.left = append(p.left, name)
		return false
	})
	for i, r := range want {
		// A rule stands behind the one before it; the first where the first of the
		// others is.
		least := 0
		if i > 0 {
			least = slices.Index(order, want[i-1].Name) + 1
		} else if least = slices.IndexFunc(order, func(name string) bool { return wanted[name] }); least < 0 {
			least = len(order)
		}
		s := ruleStep{verb: stepCreate, name: r.Name, spec: r.Spec()}
		at := slices.Index(order, r.Name)
		if at >= 0 {
			s.verb, s.revision = stepUpdate, stored[r.Name].Revision
			s.what = control.SpecDifference(specOf(stored[r.Name]), s.spec)
		}
		if at < least || at < 0 || i == 0 && at > least {
			if at >= 0 {
				order = slices.Delete(order, at, at+1)
				if at < least {
					least--
				}
			}
			order = slices.Insert(order, least, r.Name)
			s.position = files + least + 1
		}
		switch {
		case s.verb == stepCreate:
			s.what = fmt.Sprintf("%s %s", s.spec.Action, strings.Join(s.spec.Match, ", "))
		case s.what == "" && s.position > 0:
			s.verb, s.what = stepMove, fmt.Sprintf("from position %d to %d", stored[r.Name].Position, s.position)
		case s.what == "":
			p.same++
			continue
		case s.position > 0:
			s.what += fmt.Sprintf(", position %d to %d", stored[r.Name].Position, s.position)
		}
		p.steps = append(p.steps, s)
	}
	return p, nil
}

// longestCell is how many characters of a text a table shows.
const longestCell = 200

// write writes the plan as a table, or as Markdown.
func (p *rulePlan) write(w io.Writer, format string) error {
	effects := slices.ContainsFunc(p.steps, func(s ruleStep) bool { return s.effect != nil })
	head := []string{"step", "rule", "what"}
	if effects {
		head = append(head, "series", "samples/s", "breaks")
	}
	rows := [][]string{head}
	for _, s := range p.steps {
		row := []string{s.verb, s.name, printable(shorten(s.what, longestCell))}
		if effects {
			row = append(row, s.effect.columns()...)
		}
		rows = append(rows, row)
	}
	if len(p.steps) > 0 {
		if err := writeRows(w, rows, format == "markdown"); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d to change, %d as they are", len(p.steps), p.same)
	if len(p.left) > 0 {
		fmt.Fprintf(w, ", %d in the store alone, left there (--prune deletes them): %s", len(p.left), shorten(strings.Join(p.left, ", "), longestCell))
	}
	_, err := fmt.Fprintln(w)
	return err
}

func writeRows(w io.Writer, rows [][]string, markdown bool) error {
	if !markdown {
		table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		for _, row := range rows {
			fmt.Fprintln(table, strings.Join(row, "\t"))
		}
		return table.Flush()
	}
	for i, row := range rows {
		for j := range row {
			row[j] = markdownCell(row[j])
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(row)))
		}
	}
	return nil
}

// markdownEscapes keep what people wrote from becoming markup.
var markdownEscapes = strings.NewReplacer(`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "@", "&#64;", "#", `\#`, "!", `\!`, "~", `\~`)

func markdownCell(s string) string {
	return markdownEscapes.Replace(strings.Join(strings.Fields(s), " "))
}

// columns returns the effect for a table; dashes where it is not known.
func (e *ruleEffect) columns() []string {
	if e == nil {
		return []string{"-", "-", "-"}
	}
	series := fmt.Sprintf("%.0f", 0-e.Series.Removed)
	if e.Series.Error > 0 {
		series += fmt.Sprintf(" ± %.0f", e.Series.Error)
	}
	samples := fmt.Sprintf("%.4g", 0-e.SamplesPerSecond.Removed)
	if e.SamplesPerSecond.Before == nil && e.SamplesPerSecond.Removed == 0 {
		samples = "unknown yet"
	}
	return []string{series, samples, fmt.Sprint(len(e.Breaks))}
}
