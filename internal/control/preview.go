package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
)

const (
	// previewTime is how long a preview looks. What it did not come to by then is
	// left out, and said to be.
	previewTime = 5 * time.Second

	// maxPreviews is how many previews run at once. Others wait.
	maxPreviews = 2

	previewRows     = 20 // teams, metrics and tenants that are named
	previewExamples = 10
)

// A Preview is what a rule would do to the series that were received lately, beside
// the other rules, were it enforced.
type Preview struct {
	Rule     *rules.Rule
	Replaces bool // the rule of its name; else it stands behind all others
	Exact    bool // every series that may be meant is known

	SeriesBefore float64 // received within the window, of all tenants it is for, and not dropped
	Matched      inventory.Estimate
	Removed      inventory.Estimate // series dropped that were not
	Thinned      inventory.Estimate // series that lose samples and stay
	Restored     inventory.Estimate // series no longer dropped
	AtMost       float64            // series matched, where none was seen

	SamplesBefore   float64 // per second, that pass by rules
	SamplesRemoved  inventory.Estimate
	SamplesRestored inventory.Estimate

	Currency string // "" where there is no price
	Cost     attribution.Micro

	Tenants, Teams, Metrics PreviewGroups

	Examples  []series.Labels // of what is removed or thinned, else of what matches
	Torn      []string        // families of which some series go and others stay
	Conflicts []Conflict
	Breaks    []Break
	Notes     []string // what else is to be known, in sentences
}

// RatesKnown reports whether it is known how many samples pass: right after the start
// it is not.
func (p *Preview) RatesKnown() bool { return p.SamplesBefore > 0 || p.SeriesBefore == 0 }

// PreviewGroups are the parts of what is removed, the greatest first.
type PreviewGroups struct {
	Rows []PreviewRow
	Rest PreviewRow // of those that have no row
	More int        // how many those are
}

// A PreviewRow is one tenant's, team's or metric's part of what is removed.
type PreviewRow struct {
	Name    string
	Series  inventory.Estimate
	Samples inventory.Estimate // per second
	Cost    attribution.Micro  // per month
}

// The kinds of a Conflict.
const (
	Shadows    = "shadows"     // the other rule would take series that this one takes first
	ShadowedBy = "shadowed_by" // the other rule takes series that this one matches, too
)

// A Conflict is another rule that matches some of the series, so that one of the two
// does not come to them.
type Conflict struct {
	Rule   string
	Kind   string
	Series inventory.Estimate
}

// Preview says what the rule that s describes would do at a position in the order of
// precedence, from 1; 0: where the rule of its name stands, or behind all others.
func (c *Control) Preview(ctx context.Context, s rules.Spec, position int) (Preview, error) {
	if err := c.may(auth.ReadTraffic); err != nil {
		return Preview{}, err
	}
	if c.parts.Profiler == nil {
		return Preview{}, &missing{unprofiled}
	}
	if s.Name == "" {
		s.Name = c.freeName("preview")
	}
	r, errs := s.Rule()
	if len(errs) > 0 {
		var all []error
		for _, e := range errs {
			field := e.Field
			if field == "match" && len(s.Match) > 1 {
				field = fmt.Sprintf("match[%d]", e.Item)
			}
			all = append(all, &Invalid{field, e.Text})
		}
		return Preview{}, errors.Join(all...)
	}
	if r.Tenant != "" {
		if err := c.mayIn(auth.ReadTraffic, r.Tenant); err != nil {
			return Preview{}, err
		}
	}
	return c.preview(ctx, r, position, c.passingOf, &sheet{})
}

// freeName returns a name that no rule has, which begins with name.
func (c *Control) freeName(name string) string {
	taken := map[string]bool{}
	for _, r := range c.parts.Rules.Rules() {
		taken[r.Name] = true
	}
	name = name[:min(len(name), rules.MaxNameBytes-6)]
	free := name
	for i := 2; taken[free]; i++ {
		free = fmt.Sprintf("%s-%d", name, i)
	}
	return free
}

// preview is Preview of a valid rule, which does not change. passing says what of a
// tenant passes now.
func (c *Control) preview(ctx context.Context, r *rules.Rule, position int, passing func(context.Context, tenant.ID) inventory.Result, on *sheet) (Preview, error) {
	select {
	case c.previews <- struct{}{}:
		defer func() { <-c.previews }()
	case <-ctx.Done():
		return Preview{}, ctx.Err()
	}
	now := time.Now()
	e, err := newEffect(c.parts.Rules.Rules(), r, position, on)
	if err != nil {
		return Preview{}, err
	}
	e.ctx, e.profiler, e.until, e.now = ctx, c.parts.Profiler, now.Add(previewTime), now
	e.passing = func(t tenant.ID) inventory.Result { return passing(ctx, t) }
	tenants, hidden := c.meant(r)
	for i, t := range tenants {
		e.tenant(t)
		if e.late() {
			e.skipped += len(tenants) - 1 - i
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return Preview{}, err
	}
	p := e.preview()
	p.Breaks = c.Breaks(e.rule)
	if p.Breaks == nil {
		p.Breaks = []Break{}
	}
	more := cutAsked(&p.Breaks)
	c.price(&p, e)
	p.Notes = append(c.previewNotes(r, &p, e, len(tenants), hidden), p.Notes...)
	if more > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%d more queries that were asked break, or may.", more))
	}
	return p, nil
}

// cutAsked leaves maxSeen of the queries that were asked, which come last, and
// returns how many more there were.
func cutAsked(list *[]Break) (more int) {
	i := slices.IndexFunc(*list, func(b Break) bool { return b.Query.Kind == usage.Asked })
	if i < 0 {
		return 0
	}
	more = max(0, len(*list)-i-maxSeen)
	*list = (*list)[:len(*list)-more]
	return more
}

// meant returns the profiled tenants that r is for and that the actor may ask about,
// and how many of them it may not.
func (c *Control) meant(r *rules.Rule) (list []tenant.ID, hidden int) {
	if r.Tenant != "" {
		return []tenant.ID{r.Tenant}, 0
	}
	for _, t := range c.parts.Profiler.Tenants() {
		if c.actor.SeesTenant(t) {
			list = append(list, t)
		} else {
			hidden++
		}
	}
	return list, hidden
}

// price adds what is removed costs in a month, by the prices of this hour.
func (c *Control) price(p *Preview, e *effect) {
	p.Currency = c.monthlyPrice(p.Rule.Tenant).Currency()
	prices := map[tenant.ID]MonthlyPrice{}
	of := func(rows map[groupOf]*PreviewRow) {
		for k, r := range rows {
			price, ok := prices[k.tenant]
			if !ok {
				price = c.monthlyPrice(k.tenant)
				prices[k.tenant] = price
			}
			p.Currency = cmp.Or(p.Currency, price.Currency())
			r.Cost = micro(price.Of(r.Series.Value, r.Samples.Value))
		}
	}
	of(e.tenants)
	of(e.teams)
	of(e.metrics)
	for _, r := range e.tenants {
		p.Cost += r.Cost
	}
	p.Tenants, p.Teams, p.Metrics = ranked(e.tenants), ranked(e.teams), ranked(e.metrics)
}

// ranked adds up the rows of one name and returns the greatest.
func ranked(rows map[groupOf]*PreviewRow) PreviewGroups {
	byName := map[string]*PreviewRow{}
	for k, r := range rows {
		sum := byName[k.name]
		if sum == nil {
			sum = &PreviewRow{Name: k.name}
			byName[k.name] = sum
		}
		sum.add(r)
	}
	var g PreviewGroups
	for _, r := range byName {
		g.Rows = append(g.Rows, *r)
	}
	slices.SortFunc(g.Rows, func(a, b PreviewRow) int {
		return cmp.Or(cmp.Compare(b.Cost, a.Cost), cmp.Compare(b.Series.Value, a.Series.Value),
			cmp.Compare(b.Samples.Value, a.Samples.Value), cmp.Compare(a.Name, b.Name))
	})
	if len(g.Rows) > previewRows {
		g.More = len(g.Rows) - previewRows
		for i := range g.Rows[previewRows:] {
			g.Rest.add(&g.Rows[previewRows+i])
		}
		g.Rows = g.Rows[:previewRows]
	}
	return g
}

func (r *PreviewRow) add(o *PreviewRow) {
	r.Series, r.Samples = plus(r.Series, o.Series), plus(r.Samples, o.Samples)
	r.Cost += o.Cost
}

// previewNotes says what is to be known of a preview besides its figures.
func (c *Control) previewNotes(r *rules.Rule, p *Preview, e *effect, tenants, hidden int) []string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	switch state := r.State(e.now); state {
	case rules.StateShadow, rules.StateOff, rules.StateExpired:
		note("The rule is %s and changes nothing: the figures are those of enforcing it.", map[rules.State]string{
			rules.StateShadow: "in shadow mode", rules.StateOff: "off", rules.StateExpired: "expired"}[state])
	}
	if r.Canary > 0 {
		note("The rule acts on %d %% of families, and so do the figures.", r.Canary)
	}
	if r.When == rules.OverLimit {
		note("The rule applies only while a tenant is over its limit, and the figures to such a time.")
	}
	if r.Tenant == "" {
		note("The rule is for every tenant: %d were looked at.", tenants-e.skipped)
	}
	if hidden > 0 {
		note("%d more tenants, about which you may not ask, were not looked at.", hidden)
	}
	if e.skipped > 0 || e.cut {
		note("There was time for %d of %d tenants, not for all metrics of the last: what the rule does elsewhere is not in the figures.", tenants-e.skipped, tenants)
	}
	switch {
	case p.Matched.Value == 0 && p.AtMost > 0:
		note("None of the series received within the last %s was seen to match. Not all are known: up to %.0f may match nevertheless.", model.Duration(c.parts.Profiler.Clock().Window()), p.AtMost)
	case p.Matched.Value == 0:
		note("None of the series received within the last %s matches.", model.Duration(c.parts.Profiler.Clock().Window()))
	case r.Action == rules.Prioritize:
		note("A priority removes nothing by itself: it decides what is shed first while the tenant is over its limit.")
	case r.Action == rules.Keep:
		note("A rule that keeps removes nothing: it protects series from the rules behind it.")
	case p.Removed.Value == 0 && p.SamplesRemoved.Value == 0 && p.SamplesRestored.Value == 0 && p.Restored.Value == 0:
		note("Nothing changes: other rules come first, or the samples are no closer than the interval.")
	}
	if !p.RatesKnown() {
		note("How many samples per second pass is not known yet, as it is so soon after the start: what the rule removes of them, and its cost, may be more than the figures say.")
	}
	if p.Currency == "" {
		note("No price is set, so nothing has a cost.")
	}
	switch {
	case c.KnowsQueries():
	case c.watches():
		note("No rule files or dashboards are loaded: what the rule would break is known of the queries that were watched alone.")
	default:
		note("No rule files or dashboards are loaded, so it is not known what the rule would break.")
	}
	if c.parts.Gateway != nil && c.Bypass() != nil {
		note("A bypass is on: until it ends no rule does anything.")
	}
	return notes
}
