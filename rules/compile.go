package rules

import (
	"math/bits"
	"time"

	"github.com/headgate/headgate/internal/series"
)

// A Policy is what the rules say to one tenant, from the moment it was compiled
// until one of them expires. It is immutable: any number of goroutines may use it.
type Policy struct {
	rules  []*Rule   // all of the tenant's, in order
	active []*Rule   // those neither off nor expired
	from   time.Time // when it was compiled
	until  time.Time // when the next of active expires; zero: never

	clauses []clause // of the active rules that can show in a verdict
	index   index

	canary bool // one of active is tried on a part of families

	thinsAlways, thinsOver time.Duration // longest intervals of thinning in force
}

// compile returns the policy of rs, the rules of one tenant in order, at now.
func compile(rs []*Rule, now time.Time) *Policy {
	p := &Policy{rules: rs, from: now}
	var judging []*Rule
	for _, r := range rs {
		state := r.State(now)
		if state != StateActive && state != StateShadow {
			continue
		}
		p.active = append(p.active, r)
		p.canary = p.canary || state == StateActive && r.Canary > 0
		if state == StateActive && r.Action == Downsample {
			longest := &p.thinsAlways
			if r.When == OverLimit {
				longest = &p.thinsOver
			}
			*longest = max(*longest, r.Interval)
		}
		if !r.Expires.IsZero() && (p.until.IsZero() || r.Expires.Before(p.until)) {
			p.until = r.Expires
		}
		// A shadow can only remove: keeping and prioritizing leave no trace in it.
		if state == StateActive || r.Action == Drop || r.Action == Downsample {
			judging = append(judging, r)
		}
	}
	p.clauses = clausesOf(judging)
	p.index = newIndex(p.clauses)
	return p
}

// Rules returns the tenant's rules in order, those that are off or expired
// included. The caller must not change the slice.
func (p *Policy) Rules() []*Rule { return p.rules }

// Thinning returns the longest intervals at which rules thin: those of all times,
// and those with when: over_limit. It is 0 where there is none.
func (p *Policy) Thinning() (always, overLimit time.Duration) { return p.thinsAlways, p.thinsOver }

// Canary reports whether a rule acts on a part of families alone, so that verdicts
// depend on a series' family.
func (p *Policy) Canary() bool { return p.canary }

// A Decision is what happens to a series' samples and the rule that says so.
type Decision struct {
	Action Action // Keep, Drop or Downsample
	Rule   *Rule  // nil: kept because nothing matched
}

// A Verdict is what a policy says of one series. Its zero value is ready for
// [Policy.Evaluate], which overwrites it and reuses its memory; it belongs to
// one goroutine.
type Verdict struct {
	// Family is a hash of the series' family, for rules that are tried on a part of
	// them. It is read by [Policy.Evaluate], not set; where it is 0, they act.
	Family uint64

	Within Decision // while the tenant is within its limit
	Over   Decision // while it is over

	Priority     series.Priority
	PriorityRule *Rule // nil: no rule set it

	// Shadows are the shadow rules that would remove samples were they enforced in
	// their place, in order. Within the limit those of them count whose When is
	// Always, over it the first OverShadows.
	Shadows     []*Rule
	OverShadows int

	spill []uint64 // scratch of policies with very many clauses
}

// stackWords is how many words of candidate bits fit on the stack: 1024 clauses.
const stackWords = 16

// Evaluate sets v to the verdict on a series of the given team. It does not
// allocate in the long run, and v keeps nothing of ls.
func (p *Policy) Evaluate(ls series.Labels, team string, v *Verdict) {
	v.Within, v.Over = Decision{}, Decision{}
	v.Priority, v.PriorityRule = series.Default, nil
	v.Shadows, v.OverShadows = v.Shadows[:0], 0

	var stack [stackWords]uint64
	candidates := stack[:]
	if words := (len(p.clauses) + 63) / 64; words <= stackWords {
		candidates = candidates[:words]
	} else {
		if cap(v.spill) < words {
			v.spill = make([]uint64, words)
		}
		candidates = v.spill[:words]
		clear(candidates)
	}
	p.index.each(ls, func(cs []int32) bool {
		for _, c := range cs {
			candidates[c>>6] |= 1 << (c & 63)
		}
		return true
	})
	for w, word := range candidates {
		for ; word != 0; word &= word - 1 {
			c := &p.clauses[w<<6+bits.TrailingZeros64(word)]
			if v.open(c.rule) && (c.rule.Team == "" || c.rule.Team == team) && c.sel.Matches(ls) {
				v.apply(c.rule)
			}
		}
	}
}

// open reports whether r could still change v.
func (v *Verdict) open(r *Rule) bool {
	switch {
	case r.Action == Prioritize:
		return v.PriorityRule == nil
	case r.When == OverLimit:
		return v.Over.Rule == nil
	}
	// What decides within the limit decides over it too, unless that was decided
	// before.
	return v.Within.Rule == nil
}

// apply makes r, which matches and is open, part of v.
func (v *Verdict) apply(r *Rule) {
	switch {
	case r.Action == Prioritize:
		v.Priority, v.PriorityRule = r.Priority, r
	case r.Mode == Shadow || r.Spares(v.Family):
		if n := len(v.Shadows); n > 0 && v.Shadows[n-1] == r {
			return // another of its selectors
		}
		v.Shadows = append(v.Shadows, r)
		if v.Over.Rule == nil {
			v.OverShadows = len(v.Shadows)
		}
	default:
		d := Decision{r.Action, r}
		if v.Over.Rule == nil {
			v.Over = d
		}
		if r.When == Always {
			v.Within = d
		}
	}
}
