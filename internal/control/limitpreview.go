package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler/inventory"
)

// A LimitPreview is what a limit would do to what a tenant sends now, beside what the
// limit in force does to it.
type LimitPreview struct {
	Tenant tenant.ID

	// Demand goes on, and either limit has settled. Now is of the limit in force.
	Now, Then *limiter.Trial
	Measured  bool // by pool and priority; else those are estimated from the inventory
	Peak      *LimitPeak
	Parts     []LimitPart   // pools and priorities with a demand, the most important first
	Series    LimitSums     // shed, of those received within the window
	Teams     []LimitTeam   // of which something is shed or thinned, the most first
	MoreTeams int           // that are not named
	Active    []LimitActive // the tenant's, then those of pools that have or get a limit of their own

	Currency string            // "" where there is no price, or the actor may not know it
	Saves    attribution.Micro // in a month, beside the limit in force; negative: it costs more

	Suggestions []LimitSuggestion
	Notes       []string // what else is to be known, in sentences
}

// A LimitPeak is the minute of the last hour with the most demand.
type LimitPeak struct {
	At        time.Time
	PerSecond float64
	Known     time.Duration  // how far back it was looked
	Then      *limiter.Trial // of the new limit, if that demand went on
}

// A LimitPart is one pool and priority, in samples per second.
type LimitPart struct {
	Pool         string
	Priority     series.Priority
	Demand       float64
	ShedNow      float64
	ShedThen     float64
	FractionThen float64   // of its families
	Series       LimitSums // shed
}

// LimitSums are sums over series that the limit in force takes, and that the new one
// would.
type LimitSums struct{ Now, Then inventory.Estimate }

// A LimitTeam is what one team loses.
type LimitTeam struct {
	Name    string
	Series  LimitSums // shed
	Samples LimitSums // per second, shed or thinned
}

// A LimitSuggestion is what a limit may be, and why.
type LimitSuggestion struct {
	Field string // samples_per_second or active_series
	Value int64
	Why   string // how it was computed
}

const limitTeams = 20 // that are named

// PreviewLimit says what l would do, were it the limit of a tenant. Nothing is changed.
func (c *Control) PreviewLimit(ctx context.Context, tenantName string, l limiter.Limit) (LimitPreview, error) {
	t, err := c.tenantNamed(auth.ReadTraffic, tenantName)
	if err != nil {
		return LimitPreview{}, err
	}
	if err := invalidLimit(l.Validate()); err != nil {
		return LimitPreview{}, err
	}
	if err := c.parts.Limits.current.Load().checkWindow(&l); err != nil {
		return LimitPreview{}, err
	}
	if l.Burst == 0 {
		l.Burst = limiter.Duration(limiter.DefaultBurst)
	}
	select {
	case c.previews <- struct{}{}:
		defer func() { <-c.previews }()
	case <-ctx.Done():
		return LimitPreview{}, ctx.Err()
	}
	return c.previewLimit(ctx, t, l)
}

// previewLimit is PreviewLimit of a valid limit.
func (c *Control) previewLimit(ctx context.Context, t tenant.ID, l limiter.Limit) (LimitPreview, error) {
	now := time.Now()
	current := c.limitOf(t)
	e := &limitEffect{c: c, ctx: ctx, tenant: t, now: now, until: now.Add(previewTime)}
	if err := e.measure(current.Status.Limit, l); err != nil {
		return LimitPreview{}, err
	}
	p := LimitPreview{Tenant: t, Now: e.sides[0].trial, Then: e.sides[1].trial, Measured: e.measured}
	if err := c.addPeak(&p, e); err != nil {
		return LimitPreview{}, err
	}
	e.take()
	if err := ctx.Err(); err != nil {
		return LimitPreview{}, err
	}
	e.addTo(&p)
	p.Active = c.limitActive(current, l)
	c.priceLimit(&p)
	p.Suggestions = suggestLimits(&p, current)
	p.Notes = c.limitNotes(&p, e, current)
	return p, nil
}

// addPeak adds what the limit would do to the most that was seen.
func (c *Control) addPeak(p *LimitPreview, e *limitEffect) error {
	demand := e.sides[1].demand
	peak, ok := c.limiterPeak(e.tenant, e.now)
	if !ok {
		var perSecond float64
		if peak, perSecond, ok = c.flowPeak(e.tenant); !ok {
			return nil
		}
		demand = demand.Times(scaled(demand.ByPriority(), perSecond))
		peak.PerSecond = perSecond
	} else {
		demand = demand.Times(peak.byPriority)
	}
	then, err := demand.Try(p.Then.Limit)
	if err != nil {
		return err
	}
	peak.Then = then
	p.Peak = &peak.LimitPeak
	return nil
}

// A seenPeak is a peak, by priority where that is known.
type seenPeak struct {
	LimitPeak
	byPriority [4]float64
}

// limiterPeak returns the peak that the limiter has recorded.
func (c *Control) limiterPeak(t tenant.ID, now time.Time) (seenPeak, bool) {
	known := c.parts.Limits.limiter.Find(t)
	if known == nil {
		return seenPeak{}, false
	}
	history := known.History(now, maxHistory)
	peak, ok := limiter.PeakOf(history)
	if !ok {
		return seenPeak{}, false
	}
	first := slices.IndexFunc(history, func(s limiter.Second) bool { return s.Demand != [4]uint32{} })
	ago := func(second int) time.Duration { return time.Duration(len(history)-second) * time.Second }
	return seenPeak{LimitPeak{At: now.Add(-ago(peak.Second)), PerSecond: peak.PerSecond(), Known: ago(first)}, peak.ByPriority}, true
}

// flowPeak returns the peak of what rules let pass, where the limiter records nothing.
func (c *Control) flowPeak(t tenant.ID) (peak seenPeak, perSecond float64, ok bool) {
	h, err := c.FlowHistory(string(t))
	if err != nil {
		return peak, 0, false
	}
	width := min(int(rateWindow/h.Step), len(h.Steps))
	seconds := h.Step.Seconds() * float64(width)
	sum := uint64(0)
	for i := range h.Steps {
		sum += h.Steps[i].Forwarded + h.Steps[i].Shed
		if i >= width {
			sum -= h.Steps[i-width].Forwarded + h.Steps[i-width].Shed
		}
		if mean := float64(sum) / seconds; i >= width-1 && mean > perSecond {
			perSecond = mean
			peak.At = h.From.Add(time.Duration(max(0, i-width+1)) * h.Step)
		}
	}
	peak.Known = time.Duration(len(h.Steps)) * h.Step
	return peak, perSecond, perSecond > 0
}

// scaled returns demand by priority with another sum. Where it is of nothing, all of
// it is of the default priority.
func scaled(byPriority [4]float64, sum float64) [4]float64 {
	total := byPriority[0] + byPriority[1] + byPriority[2] + byPriority[3]
	if total == 0 {
		return [4]float64{2: sum}
	}
	for i := range byPriority {
		byPriority[i] *= sum / total
	}
	return byPriority
}

// priceLimit adds what is saved, by the prices of this hour.
func (c *Control) priceLimit(p *LimitPreview) {
	price := c.monthlyPrice(p.Tenant)
	if c.may(auth.ReadCosts) != nil || price.Currency() == "" {
		return
	}
	p.Currency = price.Currency()
	now := 0.0
	if !p.Now.Shadow() { // in which nothing is taken
		now = price.Of(p.Series.Now.Value, p.Now.Removes())
	}
	p.Saves = micro(price.Of(p.Series.Then.Value, p.Then.Removes()) - now)
}

// suggestLimits returns limits that would let pass what was seen.
func suggestLimits(p *LimitPreview, current Limit) (list []LimitSuggestion) {
	switch s := current.Suggestion; {
	case s.SamplesPerSecond > 0:
		list = append(list, LimitSuggestion{"samples_per_second", s.SamplesPerSecond, fmt.Sprintf(
			"a fifth above %.4g samples/s, which 99 of 100 of the %d minutes with any demand in the last seven days kept within", s.P99, s.Minutes)})
	case p.Peak != nil:
		list = append(list, LimitSuggestion{"samples_per_second", limiter.WithHeadroom(p.Peak.PerSecond), fmt.Sprintf(
			"a fifth above %.4g samples/s, the highest minute of the last %s", p.Peak.PerSecond, p.Peak.Known)})
	}
	if a := p.Active[0]; a.Series > 0 {
		low := limiter.RefusedFrom(1000, series.Low)
		list = append(list, LimitSuggestion{"active_series", limiter.WithHeadroom(a.Series * 1000 / float64(low)), fmt.Sprintf(
			"room for a fifth more than the %.0f active series before new ones of priority low are refused, from %d %% of the limit on", a.Series, low/10)})
	}
	return list
}

// limitNotes says what is to be known of a preview besides its figures.
func (c *Control) limitNotes(p *LimitPreview, e *limitEffect, current Limit) []string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	limit, then := p.Then.Limit, p.Then
	if limit.Mode == limiter.Shadow && limit.Limits() {
		note("In mode shadow nothing is shed: the figures are what would be, were it enforced.")
	}
	if current.Shadow && limit.Mode != limiter.Shadow {
		note("The limit in force is in mode shadow and sheds nothing: what it would shed now begins to be shed.")
	}
	switch {
	case limit.SamplesPerSecond == 0 && limit.HardSamplesPerSecond == 0:
		note("There is no limit of samples per second: nothing is shed.")
	case then.Refused > 0:
		note("Critical is hit, too: %.4g samples/s pass the hard limit, and requests beyond it are refused as a whole with 429.", then.Refused)
	case then.Over:
		note("Critical is not touched.")
	}
	if critical := e.sides[1].demand.ByPriority()[0]; limit.SamplesPerSecond > 0 && critical > float64(limit.SamplesPerSecond) {
		note("Critical alone is more than the limit: it passes nevertheless, and nothing else does.")
	}
	if then.Over && !p.Now.Over {
		note("Until its burst of %s is used up, everything passes.", limit.Burst)
	}
	if !p.Measured && then.Demand > 0 {
		note("Which pools and priorities the demand is of is estimated from the series of the last hour: they are measured once the limit is set.")
	}
	switch {
	case then.Demand == 0 && p.Peak == nil:
		note("Nothing is known of what the tenant sends: it has sent nothing lately.")
	case p.Peak == nil:
		note("No history of the last hour is kept of this tenant.")
	}
	if c.parts.Profiler == nil {
		note("Nothing is profiled, so it is not known whose series are shed.")
	}
	if e.cut {
		note("There was not time for all metrics: series and teams are counted too low.")
	}
	switch a := p.Active[0]; {
	case limit.LimitsSeries() && !a.Counted:
		note("Active series begin to be counted with the limit, and each is new when it first comes: what does not fit is refused as it comes, whatever it was before.")
	case a.LimitThen > 0 && a.Series > float64(a.LimitThen):
		note("More series are active than the limit allows: those that are stay until they end, and only new ones are refused.")
	}
	if p.Currency == "" && c.may(auth.ReadCosts) == nil {
		note("No price is set, so nothing has a cost.")
	}
	if c.parts.Gateway != nil && c.Bypass() != nil {
		note("A bypass is on: until it ends no limit does anything.")
	}
	return notes
}

// rankTeams sorts teams by what they would lose.
func rankTeams(list []LimitTeam) {
	slices.SortFunc(list, func(a, b LimitTeam) int {
		return cmp.Or(cmp.Compare(b.Samples.Then.Value, a.Samples.Then.Value), cmp.Compare(b.Series.Then.Value, a.Series.Then.Value),
			cmp.Compare(b.Samples.Now.Value, a.Samples.Now.Value), cmp.Compare(a.Name, b.Name))
	})
}
