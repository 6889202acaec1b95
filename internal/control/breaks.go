package control

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
)

// A Use is a query that depends, or may depend, on a metric.
type Use = usage.Use

// A Break is a query that a rule breaks or may break.
type Break = usage.Break

// UsedBy returns the alerts, recording rules and dashboards that read a metric,
// and where label is not "", those that depend on that label of it.
func (c *Control) UsedBy(metric, label string) ([]Use, error) {
	ix, err := c.usage()
	if c.watches() && errors.Is(err, ErrNotFound) {
		ix, err = usage.NewIndex(nil, nil), nil // what queries ask for is known
	}
	switch {
	case err != nil:
		return nil, err
	case metric == "":
		return nil, &Invalid{"metric", "which one? give its name"}
	}
	return ix.UsedBy(metric, label), nil
}

// UsageProblems returns what of rule files and dashboards could not be read. Until
// it is mended, every rule may break it.
func (c *Control) UsageProblems() ([]usage.Problem, error) {
	ix, err := c.usage()
	if err != nil {
		return nil, err
	}
	return ix.Problems(), nil
}

// Breaks returns the queries that a rule breaks or may break if it is enforced,
// whatever its mode: alerts first, those that were asked last, and of each kind what
// breaks for certain. Where nothing is known of queries there are none. What is known of series makes it
// more certain.
func (c *Control) Breaks(r *rules.Rule) []Break {
	var known usage.Known
	if c.parts.Profiler != nil {
		known = &profiledSeries{profiler: c.parts.Profiler, actor: c, until: time.Now().Add(seenWithin)}
	}
	var list []Break
	if ix, err := c.usage(); err == nil {
		list = ix.Breaks(r, known)
	}
	return append(list, c.askedBreaks(r, known)...)
}

// RuleBreaks returns what the rule called name breaks or may break.
func (c *Control) RuleBreaks(name string) ([]Break, error) {
	if _, err := c.usage(); err != nil && !c.watches() {
		return nil, err
	}
	r, err := c.Rule(name)
	if err != nil {
		return nil, err
	}
	return c.Breaks(r.Rule), nil
}

// KnowsQueries reports whether files of alerts or dashboards are named at all.
// Where none are, that nothing breaks means nothing.
func (c *Control) KnowsQueries() bool {
	_, err := c.usage()
	return err == nil
}

func (c *Control) usage() (*usage.Index, error) {
	if err := c.may(auth.ReadTraffic); err != nil {
		return nil, err
	}
	if c.parts.Usage == nil || !c.parts.Usage.Configured() {
		return nil, &missing{"nothing is known of alerts and dashboards: name their files in usage.rule_files and usage.dashboards, and what queries ask for by usage.query_log"}
	}
	return c.parts.Usage.Index(), nil
}

// What is asked of the profile for one rule.
const (
	seenWithin  = time.Second // all questions together
	seenTenants = 20          // of a rule of every tenant
)

// profiledSeries are the series that were profiled, as the actor may see them.
type profiledSeries struct {
	profiler *profiler.Profiler
	actor    *Control
	until    time.Time
}

// Seen implements usage.Known.
func (s *profiledSeries) Seen(t tenant.ID, all []*labels.Matcher) (count float64, example series.Labels, asked bool) {
	tenants := []tenant.ID{t}
	if t == "" {
		tenants = s.profiler.Tenants()
	}
	if len(tenants) > seenTenants || time.Now().After(s.until) {
		return 0, nil, false
	}
	if slices.ContainsFunc(tenants, func(t tenant.ID) bool { return !s.actor.actor.SeesTenant(t) }) {
		return 0, nil, false
	}
	texts := make([]string, len(all))
	for i, m := range all {
		texts[i] = m.String()
	}
	selector, err := series.ParseSelector("{" + strings.Join(texts, ",") + "}")
	if err != nil {
		return 0, nil, false // it is too long, or matches everything
	}
	for _, t := range tenants {
		r := s.profiler.Select(t, &inventory.Query{Selectors: []*series.Selector{selector}, Examples: 1})
		count += r.Series.Value
		if example == nil && len(r.Examples) > 0 {
			example = r.Examples[0]
		}
	}
	return count, example, true
}
