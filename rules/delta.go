package rules

import (
	"slices"

	"github.com/headgate/headgate/internal/series"
)

// A Delta says which series two policies of one tenant may judge differently.
// It is immutable: any number of goroutines may use it.
type Delta struct {
	all     bool // nothing is known of the older one
	clauses []clause
	index   index
}

// Since returns what changed from old to p. A nil old differs in everything.
func (p *Policy) Since(old *Policy) *Delta {
	if old == nil {
		return &Delta{all: true}
	}
	if old == p {
		return &Delta{}
	}
	d := &Delta{clauses: clausesOf(changed(old.active, p.active))}
	d.index = newIndex(d.clauses)
	return d
}

// Empty reports whether nothing changed.
func (d *Delta) Empty() bool { return !d.all && len(d.clauses) == 0 }

// Touches reports whether the verdict on a series of the given team may differ
// between the two policies, its rules, priority and shadows included. It errs
// only towards true, and does not allocate.
func (d *Delta) Touches(ls series.Labels, team string) bool {
	if d.all {
		return true
	}
	touched := false
	d.index.each(ls, func(cs []int32) bool {
		for _, i := range cs {
			c := &d.clauses[i]
			if (c.rule.Team == "" || c.rule.Team == team) && c.sel.Matches(ls) {
				touched = true
				return false
			}
		}
		return true
	})
	return touched
}

// changed returns the rules without which a and b are the same list: those that
// only one of them has, and those between the first and the last of the others
// that changed places.
func changed(a, b []*Rule) []*Rule {
	inA, inB := setOf(a), setOf(b)
	var out, commonA, commonB []*Rule
	for _, r := range a {
		if inB[r] {
			commonA = append(commonA, r)
		} else {
			out = append(out, r)
		}
	}
	for _, r := range b {
		if inA[r] {
			commonB = append(commonB, r)
		} else {
			out = append(out, r)
		}
	}
	first, last := 0, len(commonA) // a rule stands once in a list: both are as long
	for first < last && commonA[first] == commonB[first] {
		first++
	}
	for last > first && commonA[last-1] == commonB[last-1] {
		last--
	}
	return slices.Concat(out, commonA[first:last])
}

func setOf(rs []*Rule) map[*Rule]bool {
	set := make(map[*Rule]bool, len(rs))
	for _, r := range rs {
		set[r] = true
	}
	return set
}
