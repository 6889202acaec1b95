package rules

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// verdicts returns the section want as the rules say it.
func (t *transcript) verdicts() []byte {
	p := compile(tenantRules(t.rules, t.tenant), t.clock)
	rows := make([][]string, len(t.asks))
	var v Verdict
	for i, a := range t.asks {
		p.Evaluate(a.labels, a.team, &v)
		rows[i] = append([]string{a.text}, v.columns(a.over)...)
	}
	var width [3]int
	for _, row := range rows {
		for i := range width {
			width[i] = max(width[i], utf8.RuneCountInString(row[i]))
		}
	}
	var b bytes.Buffer
	for _, row := range rows {
		for i, cell := range row {
			b.WriteString(cell)
			if i == len(row)-1 {
				break
			}
			b.WriteString("  ")
			if i < len(width) {
				b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)))
			}
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// columns returns what a line of want says of v: the action and the rule, and
// more where there is more to say.
func (v *Verdict) columns(over bool) []string {
	d, shadows := v.Within, make([]string, 0, len(v.Shadows))
	if over {
		d = v.Over
	}
	for i, r := range v.Shadows {
		if over && i < v.OverShadows || !over && r.When == Always {
			shadows = append(shadows, r.Name)
		}
	}
	rule := "-"
	if d.Rule != nil {
		rule = d.Rule.Name
	}
	cells := []string{d.Action.String(), rule}
	if v.PriorityRule != nil {
		cells = append(cells, fmt.Sprintf("priority=%s:%s", v.Priority, v.PriorityRule.Name))
	}
	if len(shadows) > 0 {
		cells = append(cells, "shadow="+strings.Join(shadows, ","))
	}
	return cells
}

// contentLines returns the lines that say something, their runs of blanks outside
// of quotes made one, so that a change of width is no difference.
func contentLines(data []byte) []string {
	var out []string
	for _, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' {
			out = append(out, squeeze(line))
		}
	}
	return out
}

// squeeze makes each run of blanks of line one blank, save those within quotes.
func squeeze(line string) string {
	var b strings.Builder
	inQuotes, escaped, blank := false, false, false
	for _, r := range line {
		isBlank := !inQuotes && (r == ' ' || r == '\t')
		if isBlank && blank {
			continue
		}
		blank = isBlank
		if r == '"' && !escaped {
			inQuotes = !inQuotes
		}
		escaped = inQuotes && r == '\\' && !escaped
		b.WriteRune(r)
	}
	return b.String()
}

// diffLines returns the lines in which want and got differ; a line of one stands
// for the same series as the line of the other at the same place.
func diffLines(want, got []string) string {
	var b strings.Builder
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(want):
			fmt.Fprintf(&b, "+%s\n", got[i])
		case i >= len(got):
			fmt.Fprintf(&b, "-%s\n", want[i])
		case want[i] != got[i]:
			fmt.Fprintf(&b, "-%s\n+%s\n", want[i], got[i])
		}
	}
	return b.String()
}
