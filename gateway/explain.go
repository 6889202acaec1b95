package gateway

import (
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler/sketch"
	"github.com/headgate/headgate/rules"
)

// An Explanation says why a series is, or is not, forwarded.
type Explanation struct {
	Steps    []ExplainStep
	Action   rules.Action // Keep, Drop or Downsample, as of now
	Rule     string       // that decided it, or empty
	Priority series.Priority
	Team     string
	Pool     string
	Shed     bool   // by a limit, as of now
	Refused  string // why the series can never be stored, or empty

	Decision rules.Decision // what Action and Rule are of

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
	limit := g.engines.Limiter.Look(t, now)
	plan := limit.Plan(now)
	x := set.ExplainOffline(g.engines.Rules.For(t, now), g.engines.Owners(), t, ls, plan)
	if x.Refused == "" {
		explainLimit(&x, limit, plan, ls, now)
	}
	if g.bypassed(now) {
		x.step("limit", "bypass", true, "a bypass is on: every rule and limit is off")
		x.Action, x.Rule, x.Shed, x.Decision = rules.Keep, "", false, rules.Decision{}
	}
	if s := g.states.find(t); s != nil {
		s.remember(ls, &x)
	}
	return x
}

// explainLimit adds what the tenant's limit says of the series.
func explainLimit(x *Explanation, limit *limiter.Tenant, plan *limiter.Plan, ls series.Labels, now time.Time) {
	pool, family := plan.Pools().Of(ls, x.Team), uint64(sketch.Family(ls))
	d := plan.Explain(pool, x.Priority, family)
	x.step("limit", "samples_per_second", d.Over, d.Reason)
	of := limit.ExplainSeries(now, pool, x.Priority, family)
	x.step("limit", "active_series", !of.Admitted, of.Reason)
	x.Shed = x.Action != rules.Drop && !plan.Shadow() && (!d.Admitted || !of.Admitted)
}

// ExplainOffline is Explain for a policy that no gateway runs.
func (s Settings) ExplainOffline(p *rules.Policy, o *attribution.Owners, t tenant.ID, ls series.Labels, plan *limiter.Plan) Explanation {
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
	var why string
	if x.Team, why = o.Explain(ls); x.Team != attribution.Unowned {
		x.step("owner", x.Team, true, why)
	} else {
		x.step("owner", x.Team, false, why)
	}
	family := uint64(sketch.Family(ls))
	for _, st := range p.Trace(ls, x.Team, family) {
		kind := "rule"
		if st.Rule.Action == rules.Prioritize {
			kind = "priority"
		}
		x.step(kind, st.Rule.Name, st.Matched, st.Detail)
	}
	v := rules.Verdict{Family: family}
	p.Evaluate(ls, x.Team, &v)
	pool := plan.Pools().Of(ls, x.Team)
	x.Pool, x.Priority = plan.Pools().Name(pool), plan.Pools().Priority(v.Priority, v.PriorityRule != nil)
	d := v.Within
	if plan.OverLimit(pool) {
		d = v.Over
	}
	x.Action, x.Decision = d.Action, d
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
	case x.Shed:
		x.Outcome = Shed
	case x.Action == rules.Downsample:
		x.Outcome = Downsampled
	}
	if r.tried != unset {
		x.At = time.UnixMilli(r.tried)
	}
}
