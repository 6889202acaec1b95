package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/series"
)

// A Step is what one rule had to say about a series.
type Step struct {
	Rule    *Rule
	Matched bool   // its selector and team fit, and it is neither off nor expired
	Decides bool   // it is part of the verdict, within the limit or over it
	Detail  string // why, for people
}

// Trace tries every rule on a series of the given team, in order, and says what
// became of it; family is as in [Verdict]. It agrees with Evaluate, and takes its
// time.
func (p *Policy) Trace(ls series.Labels, team string, family uint64) []Step {
	v := Verdict{Family: family}
	steps := make([]Step, 0, len(p.rules))
	for _, r := range p.rules {
		s := Step{Rule: r}
		if s.Detail = p.refusal(r, ls, team); s.Detail == "" {
			s.Matched = true
			s.Decides, s.Detail = v.step(r)
		}
		steps = append(steps, s)
	}
	return steps
}

// refusal returns why r does not match, or "".
func (p *Policy) refusal(r *Rule, ls series.Labels, team string) string {
	switch r.State(p.from) {
	case StateOff:
		return "its mode is off"
	case StateExpired:
		return "it expired at " + r.Expires.UTC().Format(time.RFC3339)
	}
	if r.Team != "" && r.Team != team {
		return fmt.Sprintf("it acts only on series of team %q, this one is of %q", r.Team, team)
	}
	if r.Matches(ls) {
		return ""
	}
	return mismatch(r, ls)
}

// maxMismatches is how many of a rule's selectors a Step explains.
const maxMismatches = 3

// mismatch says which matcher of each selector of r refused ls.
func mismatch(r *Rule, ls series.Labels) string {
	var b strings.Builder
	for i, sel := range r.Match {
		if i == maxMismatches {
			fmt.Fprintf(&b, "; and %d more selectors do not match", len(r.Match)-i)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		matcher, value, _ := sel.Mismatch(ls)
		if value == "" {
			fmt.Fprintf(&b, "%s refuses a series without that label", matcher)
			continue
		}
		fmt.Fprintf(&b, "%s refuses %q", matcher, value)
	}
	return b.String()
}

// step applies r, which matches, to v, and says what came of it.
func (v *Verdict) step(r *Rule) (decides bool, detail string) {
	switch {
	case r.Action == Prioritize && r.Mode == Shadow:
		return false, "it would set the priority " + r.Priority.String() + "; its mode is shadow"
	case r.Action == Keep && r.Mode == Shadow:
		return false, "it would keep the series; its mode is shadow"
	case r.Action == Prioritize && !v.open(r):
		return false, "an earlier rule set the priority: " + v.PriorityRule.Name
	case !v.open(r):
		by := v.Within.Rule
		if r.When == OverLimit {
			by = v.Over.Rule
		}
		return false, "an earlier rule decided: " + by.Name
	}
	wasOver := v.Over.Rule
	v.apply(r)
	what := r.what()
	if r.Mode == Enforce && r.Spares(v.Family) {
		return false, fmt.Sprintf("it would %s; it is tried on %d %% of families, and this one is not among them", what, r.Canary)
	}
	switch {
	case r.Action == Prioritize:
		return true, what
	case r.Mode == Shadow && r.When == OverLimit:
		return false, "over the limit it would " + what + "; its mode is shadow"
	case r.Mode == Shadow && wasOver != nil:
		return false, "within the limit it would " + what + "; its mode is shadow"
	case r.Mode == Shadow:
		return false, "it would " + what + "; its mode is shadow"
	case r.When == OverLimit:
		return true, "over the limit: " + what
	case wasOver != nil:
		return true, "within the limit: " + what + "; over it an earlier rule decided: " + wasOver.Name
	}
	return true, what
}

// what says what r does, as a verb.
func (r *Rule) what() string {
	switch r.Action {
	case Downsample:
		return "downsample to one sample in " + model.Duration(r.Interval).String()
	case Prioritize:
		return "set the priority " + r.Priority.String()
	}
	return r.Action.String()
}
