package gateway

import (
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/rules"
)

// An Explanation says why a series is, or is not, forwarded.
type Explanation struct {
	Steps    []ExplainStep
	Action   rules.Action // Keep, Drop or Downsample, as of now
	Rule     string       // that decided it, or empty
	Priority series.Priority
	Team     string
	Refused  string // why the series can never be stored, or empty

	Seen    bool      // the series has a record
	Outcome Outcome   // of its samples by now; meaningful if Seen
	At      time.Time // its newest sample that was forwarded or attempted; zero where there is none
}

// An ExplainStep is one thing that was looked at, in order.
type ExplainStep struct {
	Step    string // tenant, owner, rule, priority or limit
	Name    string
	Matched bool
	Detail  string
}

// Explain evaluates the current policy on a series of a tenant, and adds what is
// remembered of it.
func (g *Gateway) Explain(t tenant.ID, ls series.Labels) Explanation {
	set, now := g.settings.Load(), time.Now()
	over := g.engines.Pressure.Over(t, now)
	x := set.ExplainOffline(g.engines.Rules.For(t, now), t, ls, over)
	if over {
		x.step("limit", string(t), true, "the tenant is over its limit")
	} else {
		x.step("limit", string(t), false, "the tenant is within its limit")
	}
	if g.bypassed(now) {
		x.step("limit", "bypass", true, "a bypass is on: every rule and limit is off")
		x.Action, x.Rule = rules.Keep, ""
	}
	if s := g.states.find(t); s != nil {
		s.remember(ls, &x)
	}
	return x
}

// ExplainOffline is Explain for a policy that no gateway runs.
func (s Settings) ExplainOffline(p *rules.Policy, t tenant.ID, ls series.Labels, over bool) Explanation {
	x := Explanation{}
	upstream := "the upstream"
	if _, own := s.Config.TenantUpstreams[t]; own {
		upstream = "an upstream of its own"
	}
	x.step("tenant", string(t), true, "forwarded to "+upstream)
	if err := remotewrite.CheckLabels(ls, s.Config.limits()); err != nil {
		x.Refused = err.Error()
		x.step("rule", "", false, "no rule is asked: "+x.Refused)
		return x
	}
	var clause int
	x.Team, clause = s.Owners.Team(ls)
	if clause >= 0 {
		x.step("owner", x.Team, true, fmt.Sprintf("clause %d: %s", clause+1, s.Owners.Clauses()[clause]))
	} else {
		x.step("owner", x.Team, false, "no clause of attribution.owners decides")
	}
	for _, st := range p.Trace(ls, x.Team) {
		kind := "rule"
		if st.Rule.Action == rules.Prioritize {
			kind = "priority"
		}
		x.step(kind, st.Rule.Name, st.Matched, st.Detail)
	}
	var v rules.Verdict
	p.Evaluate(ls, x.Team, &v)
	d := v.Within
	if over {
		d = v.Over
	}
	x.Action, x.Priority = d.Action, v.Priority
	if d.Rule != nil {
		x.Rule = d.Rule.Name
	}
	return x
}

func (x *Explanation) step(step, name string, matched bool, detail string) {
	x.Steps = append(x.Steps, ExplainStep{step, name, matched, detail})
}

// remember adds what the record of the series holds.
func (s *state) remember(ls series.Labels, x *Explanation) {
	k := s.hasher.key(remotewrite.AppendIdentity(nil, ls))
	s.mu.Lock()
	defer s.mu.Unlock()
	var r record
	if rec := s.table.find(k); rec != 0 {
		r = *s.table.at(rec)
	} else if !s.spilled || !s.spill.get(k, &r) {
		return
	}
	x.Seen = true
	switch {
	case x.Refused != "":
		x.Outcome = Rejected
	case x.Action == rules.Drop:
		x.Outcome = Dropped
	case x.Action == rules.Downsample:
		x.Outcome = Downsampled
	}
	if r.tried != unset {
		x.At = time.UnixMilli(r.tried)
	}
}
