package control

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

// An effect is what a rule changes: every series that it may touch is judged with it
// and without it. It belongs to one goroutine.
type effect struct {
	ctx      context.Context
	profiler *profiler.Profiler
	until    time.Time // when it stops to look
	now      time.Time

	rule     *rules.Rule        // as it would be enforced
	replaced *rules.Rule        // the rule of its name; nil where there is none
	match    []*series.Selector // of both
	judged   *judged

	present, others, future *rules.Engine // with the rules as they are, without the rule, with it

	passing func(tenant.ID) inventory.Result // what of a tenant passes now
	before  inventory.Result                 // that, summed over tenants
	*sheet
	torn       []string
	exact, cut bool
	skipped    int // tenants

	tenants, teams, metrics map[groupOf]*PreviewRow

	verdicts [3]rules.Verdict
	keys     [3]inventory.GroupKey
}

// A sheet is the memory that an effect is found in: one after the other may use it.
type sheet struct {
	draw                             inventory.Draw
	outcomes                         []outcome // of the rows of draw
	matched, gone, thinned, restored inventory.Tally
}

// clean makes a sheet ready for the next effect.
func (s *sheet) clean() {
	for _, t := range []*inventory.Tally{&s.matched, &s.gone, &s.thinned, &s.restored} {
		t.Reset()
	}
}

// A groupOf is a part of a tenant's series.
type groupOf struct {
	tenant tenant.ID
	name   string
}

// An outcome is what becomes of one series.
type outcome struct {
	team                            string
	matched, gone, thinned, returns bool
	was, is                         rules.Decision
	samples                         float64 // removed per second, less those that return
	conflict                        Conflict
}

// pass finds how many samples are removed of so many per second.
func (o *outcome) pass(perSecond float64) {
	o.samples = passes(o.was, perSecond) - passes(o.is, perSecond)
}

// newEffect returns the effect of r among the rules in force, which is taken as
// enforced: at a position among them, from 1, or where it is 0 in place of the rule
// of its name, or behind all others. It is found on a sheet.
func newEffect(list []*rules.Rule, r *rules.Rule, position int, on *sheet) (*effect, error) {
	on.clean()
	enforced := *r
	enforced.Mode, enforced.Expires = rules.Enforce, time.Time{}
	e := &effect{
		sheet: on, rule: &enforced, match: slices.Clone(r.Match), exact: true,
		present: rules.NewEngine(), others: rules.NewEngine(), future: rules.NewEngine(),
		tenants: map[groupOf]*PreviewRow{}, teams: map[groupOf]*PreviewRow{}, metrics: map[groupOf]*PreviewRow{},
	}
	others := slices.Clone(list)
	at := slices.IndexFunc(list, func(o *rules.Rule) bool { return o.Name == r.Name })
	if at >= 0 {
		e.replaced = list[at]
		e.match = append(e.match, e.replaced.Match...)
		others = slices.Delete(others, at, at+1)
	} else {
		at = len(list)
	}
	if position > 0 {
		files := 0
		for _, o := range others {
			if o.File != "" {
				files++
			}
		}
		at = min(max(position-1, files), len(others))
	}
	future := slices.Insert(slices.Clone(others), at, e.rule)
	for engine, list := range map[*rules.Engine][]*rules.Rule{e.present: list, e.others: others, e.future: future} {
		if err := engine.Load(list); err != nil {
			return nil, err
		}
	}
	e.judged = newJudged(list, future)
	return e, nil
}

// late reports whether there is no time left to look, and notes it.
func (e *effect) late() bool {
	if e.ctx.Err() != nil || time.Now().After(e.until) {
		e.cut = true
	}
	return e.cut
}

// tenant looks at the series of one tenant.
func (e *effect) tenant(t tenant.ID) {
	r := e.passing(t)
	e.before.Series, e.before.PerSecond = plus(e.before.Series, r.Series), plus(e.before.PerSecond, r.PerSecond)
	touched := e.rule.For(t) || e.replaced != nil && e.replaced.For(t)
	if !touched {
		return
	}
	present, others, future := e.present.For(t, e.now), e.others.For(t, e.now), e.future.For(t, e.now)
	families := map[string]int{}
	e.draw.Names, e.draw.Rates, e.draw.Each, e.draw.Alone = e.judged.names, e.judged.rates, e.judged.canary, 2*previewExamples
	e.judged.forget() // teams and rules of another tenant
	e.profiler.Draw(t, e.match, &e.draw, func(string) bool {
		e.exact = e.exact && e.draw.Exact()
		e.judge(present, others, future)
		e.count(t, families)
		return !e.late()
	})
	e.tear(t, families, func() { e.judge(present, others, future) })
}

// passingOf returns what of a tenant passes by the verdicts that its series were
// received with last.
func (c *Control) passingOf(ctx context.Context, t tenant.ID) inventory.Result {
	r, err := recently(ctx, c, "passing", t, t, few, func() (inventory.Result, error) {
		return c.parts.Profiler.Select(t, &inventory.Query{Passes: passing(c.parts.Rules.For(t, time.Now()))}), nil
	})
	if err != nil { // nobody waits for it any more
		return inventory.Result{}
	}
	return r
}

// judge finds the outcomes of the rows that are drawn.
func (e *effect) judge(present, others, future *rules.Policy) {
	e.outcomes = e.outcomes[:0]
	for i := range e.draw.Rows {
		row := &e.draw.Rows[i]
		e.outcomes = append(e.outcomes, e.judged.outcome(row, e.draw.Epoch, func() outcome { return e.outcome(row, present, others, future) }))
	}
}

// outcome judges one series by the rules as they are and as they would be.
func (e *effect) outcome(row *inventory.Drawn, present, others, future *rules.Policy) outcome {
	o := outcome{team: row.Verdict.Team}
	if o.team == "" {
		o.team = attribution.Unowned
	}
	o.matched = (e.rule.Team == "" || e.rule.Team == o.team) && e.rule.Matches(row.Labels)
	if !o.matched && e.replaced == nil {
		return o
	}
	for i := range e.verdicts {
		e.verdicts[i].Family = uint64(row.Family)
	}
	present.Evaluate(row.Labels, o.team, &e.verdicts[0])
	future.Evaluate(row.Labels, o.team, &e.verdicts[1])
	was, is := e.decision(&e.verdicts[0]), e.decision(&e.verdicts[1])
	o.was, o.is = was, is
	o.pass(row.PerSecond)
	switch wasGone, isGone := was.Action == rules.Drop, is.Action == rules.Drop; {
	case isGone && !wasGone:
		o.gone = true
	case wasGone && !isGone:
		o.returns = true
	case o.samples > 0:
		o.thinned = true
	case o.samples < 0:
		o.returns = true
	}
	if !o.matched || e.rule.Spares(uint64(row.Family)) { // what a canary spares is nobody's but the others'
		return o
	}
	without := &e.verdicts[0]
	if e.replaced != nil {
		without = &e.verdicts[2]
		others.Evaluate(row.Labels, o.team, without)
	}
	decides, other := e.decider(&e.verdicts[1]), e.decider(without)
	switch {
	case decides == nil || other == nil:
	case decides.Name != e.rule.Name:
		o.conflict = Conflict{Rule: decides.Name, Kind: ShadowedBy}
	default:
		o.conflict = Conflict{Rule: other.Name, Kind: Shadows}
	}
	return o
}

// decision returns what v decides in the state that the rule is for.
func (e *effect) decision(v *rules.Verdict) rules.Decision {
	if e.rule.When == rules.OverLimit {
		return v.Over
	}
	return v.Within
}

// decider returns the rule that decides what the previewed one is about.
func (e *effect) decider(v *rules.Verdict) *rules.Rule {
	if e.rule.Action == rules.Prioritize {
		return v.PriorityRule
	}
	return e.decision(v).Rule
}

// passes returns how many of so many samples per second a decision lets pass. Thinning
// lets one of each interval pass, and all where they are no closer.
func passes(d rules.Decision, perSecond float64) float64 {
	switch d.Action {
	case rules.Drop:
		return 0
	case rules.Downsample:
		return min(perSecond, 1/d.Rule.Interval.Seconds())
	}
	return perSecond
}

// The first words of the groups' keys.
const (
	ofTenant   = "tenant"
	ofTeam     = "team"
	ofMetric   = "metric"
	ofConflict = "conflict"
)

// count adds the outcomes of a metric of t to the tallies.
func (e *effect) count(t tenant.ID, families map[string]int) {
	removed := func(tally *inventory.Tally, want func(*outcome) bool) {
		e.draw.AddTo(tally, previewExamples, func(i int) (inventory.Part, bool) {
			o, row := &e.outcomes[i], &e.draw.Rows[i]
			if !want(o) {
				return inventory.Part{}, false
			}
			metric := row.Labels.Metric()
			if base, ok := familyOf(metric, row); ok && len(families) < maxFamilies {
				families[base] += row.Series
			}
			e.keys = [3]inventory.GroupKey{{ofTenant, string(t)}, {ofTeam, string(t), o.team}, {ofMetric, string(t), metric}}
			return inventory.Part{PerSecond: o.samples, Groups: e.keys[:]}, true
		})
	}
	e.draw.AddTo(&e.matched, previewExamples, func(i int) (inventory.Part, bool) {
		o := &e.outcomes[i]
		p := inventory.Part{PerSecond: e.draw.Rows[i].PerSecond}
		if o.conflict.Rule != "" {
			e.keys[0] = inventory.GroupKey{ofConflict, o.conflict.Kind, o.conflict.Rule}
			p.Groups = e.keys[:1]
		}
		return p, o.matched
	})
	removed(&e.gone, func(o *outcome) bool { return o.gone })
	removed(&e.thinned, func(o *outcome) bool { return o.thinned })
	e.draw.AddTo(&e.restored, 0, func(i int) (inventory.Part, bool) {
		return inventory.Part{PerSecond: -e.outcomes[i].samples}, e.outcomes[i].returns
	})
}

// preview returns what was counted, without tenants, teams and metrics.
func (e *effect) preview() Preview {
	matched, gone, thinned, restored := e.matched.Result(), e.gone.Result(), e.thinned.Result(), e.restored.Result()
	p := Preview{
		Rule: e.rule, Replaces: e.replaced != nil, Exact: e.exact && !e.cut,
		SeriesBefore: e.before.Series.Value, Matched: matched.Series, AtMost: matched.AtMost,
		Removed: gone.Series, Thinned: thinned.Series, Restored: restored.Series,
		SamplesBefore: e.before.PerSecond.Value, SamplesRemoved: plus(gone.PerSecond, thinned.PerSecond), SamplesRestored: restored.PerSecond,
		Torn: e.torn,
	}
	// What the rule cannot do is no uncertainty.
	if e.replaced == nil {
		switch e.rule.Action {
		case rules.Drop:
			p.Thinned, p.SamplesRemoved = inventory.Estimate{}, gone.PerSecond
		case rules.Downsample:
			p.Removed, p.SamplesRemoved = inventory.Estimate{}, thinned.PerSecond
		default:
			p.Removed, p.Thinned, p.SamplesRemoved = inventory.Estimate{}, inventory.Estimate{}, inventory.Estimate{}
		}
		p.Restored, p.SamplesRestored = inventory.Estimate{}, inventory.Estimate{}
	}
	e.groups(gone.Groups, true)
	e.groups(thinned.Groups, false)
	for _, list := range [][]series.Labels{gone.Examples, thinned.Examples, matched.Examples} {
		if p.Examples = list; len(list) > 0 {
			break
		}
	}
	for _, g := range matched.Groups {
		p.Conflicts = append(p.Conflicts, Conflict{Rule: g.Values[2], Kind: g.Values[1], Series: g.Series})
	}
	return p
}

// groups adds what was counted by tenant, team and metric; series says whether those
// series are removed as a whole.
func (e *effect) groups(list []inventory.Group, series bool) {
	kinds := map[string]map[groupOf]*PreviewRow{ofTenant: e.tenants, ofTeam: e.teams, ofMetric: e.metrics}
	for _, g := range list {
		k := groupOf{tenant.ID(g.Values[1]), g.Values[2]}
		if g.Values[0] == ofTenant {
			k.name = g.Values[1]
		}
		rows := kinds[g.Values[0]]
		if rows[k] == nil {
			rows[k] = &PreviewRow{Name: k.name}
		}
		one := PreviewRow{Samples: g.PerSecond}
		if series {
			one.Series = g.Series
		}
		rows[k].add(&one)
	}
}

// plus adds independent estimates.
func plus(a, b inventory.Estimate) inventory.Estimate {
	return inventory.Estimate{Value: a.Value + b.Value, Error: math.Hypot(a.Error, b.Error)}
}
