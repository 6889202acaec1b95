package control

import (
	"context"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

// A limitEffect holds the limit in force and another one against what a tenant sends.
// It belongs to one goroutine.
type limitEffect struct {
	c      *Control
	ctx    context.Context
	tenant tenant.ID
	now    time.Time
	until  time.Time // when it stops to look

	measured bool         // the demand that the new limit is tried on
	sides    [2]limitSide // of the limit in force, and of the new one
	cut      bool         // there was not time for all

	draw     inventory.Draw
	verdict  rules.Verdict
	outcomes []limitOutcome // of the rows of draw
	keys     [2]inventory.GroupKey
}

// A limitSide is one of the two limits, with what it takes of the series.
type limitSide struct {
	demand        *limiter.Demand
	trial         *limiter.Trial
	gone, thinned inventory.Tally
}

// A limitOutcome is what becomes of one series.
type limitOutcome struct {
	team  string
	cell  limitCell // by the new limit
	sides [2]struct {
		gone    bool
		removed float64 // samples per second
	}
}

// A limitCell is a pool and a priority.
type limitCell struct {
	pool     string
	priority series.Priority
}

// The first words of the groups' keys, beside ofTeam.
const ofCell = "cell"

func (c limitCell) key() inventory.GroupKey {
	return inventory.GroupKey{ofCell, c.pool, c.priority.String()}
}

// measure finds the demand that each limit is tried on, and tries them.
func (e *limitEffect) measure(is, new limiter.Limit) error {
	var own *limiter.Demand
	if known := e.c.parts.Limits.limiter.Find(e.tenant); known != nil {
		own, _ = known.Demand(e.now)
	}
	for i, l := range []limiter.Limit{is, new} {
		s := &e.sides[i]
		switch {
		case own != nil && own.Fits(l):
			s.demand, e.measured = own, true
		case i == 1 && e.sides[0].demand.Fits(l):
			s.demand = e.sides[0].demand
		default:
			d, err := e.estimate(l, own)
			if err != nil {
				return err
			}
			s.demand, e.measured = d, false
		}
		var err error
		if s.trial, err = s.demand.Try(l); err != nil {
			return err
		}
	}
	return nil
}

// estimate returns the demand as l divides it, by the series that are known. own is
// what is measured, divided otherwise; nil where nothing is.
func (e *limitEffect) estimate(l limiter.Limit, own *limiter.Demand) (*limiter.Demand, error) {
	d, err := limiter.NewDemand(l)
	if err != nil {
		return nil, err
	}
	var known, unknown inventory.Tally // series whose rate is known, and others
	numbers := map[inventory.GroupKey]limiter.Pool{}
	e.each(func(policy *rules.Policy) {
		add := func(t *inventory.Tally, want bool) {
			e.draw.AddTo(t, 0, func(i int) (inventory.Part, bool) {
				row := &e.draw.Rows[i]
				team, perSecond, ok := e.judge(row, policy)
				pool, cell := e.cellOf(d.Pools(), row, team)
				e.keys[0] = cell.key()
				numbers[e.keys[0]] = pool
				return inventory.Part{PerSecond: perSecond, Groups: e.keys[:1]}, ok && (row.PerSecond > 0) == want
			})
		}
		add(&known, true)
		add(&unknown, false)
	})
	rated := known.Result()
	add := func(g inventory.Group, perSecond float64) {
		key := inventory.GroupKey(g.Values)
		if priority, err := series.ParsePriority(key[2]); err == nil {
			d.Add(numbers[key], priority, perSecond)
		}
	}
	for _, g := range rated.Groups {
		add(g, g.PerSecond.Value)
	}
	sum, ok := e.received(own)
	mean := 1.0 // of a series whose rate is not known: what it comes to is what is received
	if rated.Series.Value > 0 {
		mean = rated.PerSecond.Value / rated.Series.Value
	}
	if ok || rated.Series.Value > 0 {
		for _, g := range unknown.Result().Groups {
			add(g, g.Series.Value*mean)
		}
	}
	if ok {
		d = d.Times(scaled(d.ByPriority(), sum))
	}
	return d, nil
}

// received returns how many samples per second rules let pass.
func (e *limitEffect) received(own *limiter.Demand) (perSecond float64, ok bool) {
	if own != nil {
		return own.PerSecond(), true
	}
	h, err := e.c.FlowHistory(string(e.tenant))
	if err != nil {
		return 0, false
	}
	r, ok := h.PerSecond()
	return r.Forwarded + r.Shed, ok && r.Forwarded+r.Shed > 0
}

// each draws the series of the tenant, metric by metric, as long as there is time.
func (e *limitEffect) each(visit func(*rules.Policy)) {
	if e.c.parts.Profiler == nil {
		return
	}
	policy := e.c.parts.Rules.For(e.tenant, e.now)
	e.c.parts.Profiler.Draw(e.tenant, nil, &e.draw, func(string) bool {
		visit(policy)
		if e.ctx.Err() != nil || time.Now().After(e.until) {
			e.cut = true
		}
		return !e.cut
	})
}

// judge finds the verdict of a series. ok is false where rules of all times drop it:
// it is no demand then. perSecond is what they let pass.
func (e *limitEffect) judge(row *inventory.Drawn, policy *rules.Policy) (team string, perSecond float64, ok bool) {
	if team = row.Verdict.Team; team == "" {
		team = attribution.Unowned
	}
	e.verdict.Family = uint64(row.Family)
	policy.Evaluate(row.Labels, team, &e.verdict)
	return team, passes(e.verdict.Within, row.PerSecond), e.verdict.Within.Action != rules.Drop
}

// cellOf returns the pool and priority of a series that was judged last.
func (e *limitEffect) cellOf(pools *limiter.Pools, row *inventory.Drawn, team string) (limiter.Pool, limitCell) {
	n := pools.Of(row.Labels, team)
	return n, limitCell{pools.Name(n), pools.Priority(e.verdict.Priority, e.verdict.PriorityRule != nil)}
}

// take looks at the series that the limits take, if they take any.
func (e *limitEffect) take() {
	if !e.sides[0].trial.Over && !e.sides[1].trial.Over {
		return
	}
	e.each(func(policy *rules.Policy) {
		e.outcomes = e.outcomes[:0]
		for i := range e.draw.Rows {
			e.outcomes = append(e.outcomes, e.outcome(&e.draw.Rows[i], policy))
		}
		for side := range e.sides {
			e.count(&e.sides[side].gone, side, true)
			e.count(&e.sides[side].thinned, side, false)
		}
	})
}

// outcome returns what becomes of one series.
func (e *limitEffect) outcome(row *inventory.Drawn, policy *rules.Policy) (o limitOutcome) {
	team, perSecond, ok := e.judge(row, policy)
	if o.team = team; !ok {
		return o
	}
	for i := range e.sides {
		s, of := &e.sides[i], &o.sides[i]
		var n limiter.Pool
		n, o.cell = e.cellOf(s.demand.Pools(), row, team)
		if s.trial.OverLimit(n) {
			of.gone = e.verdict.Over.Action == rules.Drop
			of.removed = max(0, perSecond-passes(e.verdict.Over, row.PerSecond))
		}
		if !s.trial.Admits(n, o.cell.priority, uint64(row.Family)) {
			of.gone, of.removed = true, perSecond
		}
	}
	return o
}

// count adds the series that a side takes as a whole to a tally, or those that it thins.
func (e *limitEffect) count(t *inventory.Tally, side int, gone bool) {
	e.draw.AddTo(t, 0, func(i int) (inventory.Part, bool) {
		o := &e.outcomes[i]
		of := &o.sides[side]
		if of.gone != gone || !gone && of.removed == 0 {
			return inventory.Part{}, false
		}
		e.keys = [2]inventory.GroupKey{{ofTeam, o.team}, o.cell.key()}
		return inventory.Part{PerSecond: of.removed, Groups: e.keys[:]}, true
	})
}

// addTo adds what was found to a preview.
func (e *limitEffect) addTo(p *LimitPreview) {
	cells, teams := map[inventory.GroupKey]*LimitSums{}, map[string]*LimitTeam{}
	for i := range e.sides {
		gone := e.sides[i].gone.Result()
		*p.Series.of(i) = gone.Series
		for _, g := range gone.Groups {
			if g.Values[0] == ofCell {
				cell := entry(cells, inventory.GroupKey(g.Values))
				*cell.of(i) = plus(*cell.of(i), g.Series)
				continue
			}
			team := entry(teams, g.Values[1])
			*team.Series.of(i) = plus(*team.Series.of(i), g.Series)
			*team.Samples.of(i) = plus(*team.Samples.of(i), g.PerSecond)
		}
		for _, g := range e.sides[i].thinned.Result().Groups {
			if g.Values[0] == ofTeam {
				team := entry(teams, g.Values[1])
				*team.Samples.of(i) = plus(*team.Samples.of(i), g.PerSecond)
			}
		}
	}
	for name, t := range teams {
		t.Name = name
		p.Teams = append(p.Teams, *t)
	}
	rankTeams(p.Teams)
	if n := len(p.Teams) - limitTeams; n > 0 {
		p.Teams, p.MoreTeams = p.Teams[:limitTeams], n
	}
	e.addParts(p, cells)
}

// entry returns what a map holds under a key, made where there is nothing.
func entry[K comparable, V any](m map[K]*V, key K) *V {
	v := m[key]
	if v == nil {
		v = new(V)
		m[key] = v
	}
	return v
}

// of returns the sum of a side.
func (s *LimitSums) of(side int) *inventory.Estimate {
	if side == 0 {
		return &s.Now
	}
	return &s.Then
}

// addParts adds the pools and priorities that have a demand, as the new limit divides
// them.
func (e *limitEffect) addParts(p *LimitPreview, cells map[inventory.GroupKey]*LimitSums) {
	type shed struct{ perSecond, fraction float64 }
	var shedOf [2]map[limitCell]shed
	for i := range e.sides {
		shedOf[i] = map[limitCell]shed{}
		for _, s := range e.sides[i].trial.Shed {
			shedOf[i][limitCell{s.Pool, s.Priority}] = shed{s.SamplesPerSecond, s.SeriesFraction}
		}
	}
	demand := e.sides[1].demand
	for n := range demand.Pools().Len() {
		pool := limiter.Pool(n)
		for priority := series.Critical; priority >= series.Low; priority-- {
			cell := limitCell{demand.Pools().Name(pool), priority}
			perSecond := demand.Of(pool, priority)
			if perSecond == 0 {
				continue
			}
			part := LimitPart{
				Pool: cell.pool, Priority: priority, Demand: perSecond,
				ShedNow: shedOf[0][cell].perSecond, ShedThen: shedOf[1][cell].perSecond, FractionThen: shedOf[1][cell].fraction,
			}
			if sums := cells[cell.key()]; sums != nil {
				part.Series = *sums
			}
			p.Parts = append(p.Parts, part)
		}
	}
}
