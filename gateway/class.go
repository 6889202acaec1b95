package gateway

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/rules"
)

const (
	maxClasses = 1 << 18 // of all tenants together, some 400 bytes each
	maxMetrics = 100_000 // per tenant; further metrics are counted as overflow

	// overflow is the name under which counts stand whose own name does not fit.
	overflow = "__overflow__"
)

// A class is what many series share: metric, team and verdict. Records name
// their class by number; counts are kept by class and summed when asked for.
type class struct {
	metric, team string
	service      string // where the ledger is kept by service, too
	verdict      rules.Verdict
	pool         limiter.Pool
	priority     series.Priority
	refusal      *refusal // why the series can never be stored; then there is no verdict

	counts  Counts // since the class exists
	counted uint64 // samples received that the profiler knows of

	page, due uint32 // of the tenant's dues, and where on it the class is

	// The totals of the rules that decide it, within the limit and over it, and
	// of its shadow rules in their order.
	within, over *ruleTotal
	shadows      []*ruleTotal
}

// A ruleTotal is what a rule did to a tenant's samples since the state exists.
// The empty name stands for samples that no rule decided.
type ruleTotal struct {
	name   string
	counts Counts // of samples that it decided
	would  uint64 // samples that it would have removed, in shadow mode
}

// A refusal is the reason for which a series is never stored.
type refusal struct{ reason, text string }

// needsJudge reports whether series of c need more than to be passed on, under a
// plan and with a bypass or without.
func (c *class) needsJudge(p *limiter.Plan, bypass bool) bool {
	switch {
	case c.refusal != nil:
		return true
	case bypass:
		return false
	case p.Exceeded() && p.Fraction(c.pool, c.priority) < 1:
		return true
	}
	d, shadows := c.verdict.Within, c.verdict.Shadows
	if p.OverLimit(c.pool) {
		d, shadows = c.verdict.Over, shadows[:c.verdict.OverShadows]
	} else {
		shadows = slices.DeleteFunc(slices.Clone(shadows), func(r *rules.Rule) bool { return r.When != rules.Always })
	}
	return d.Action != rules.Keep || len(shadows) > 0
}

// classes are the classes of one tenant. The tenant's lock guards them.
type classes struct {
	budget  *budget // classes that all tenants may still make
	taken   int64   // of it
	list    []*class
	judged  []bool        // whether each class needs a judge, apart: all that every sample reads of it
	plan    *limiter.Plan // for which judged holds
	bypass  bool          // and for which
	byName  map[string]uint32
	metrics map[string]string // names in use, so that classes share one copy
	rules   map[*rules.Rule]uint32
	totals  map[string]*ruleTotal
	scratch []byte
}

// under gets the classes ready for requests with that plan and bypass. Plans change
// once a second at most.
func (cs *classes) under(p *limiter.Plan, bypass bool) {
	if p == cs.plan && bypass == cs.bypass {
		return
	}
	cs.plan, cs.bypass = p, bypass
	for i, c := range cs.list {
		cs.judged[i] = c.needsJudge(p, bypass)
	}
}

// intern returns the number of the class of a series, making it where it is new.
// Strings may point into a request: what is kept is copied.
func (cs *classes) intern(u *understood) uint32 {
	metric, team, service, v := u.metric, u.team, u.service, &u.verdict
	if cs.byName == nil {
		cs.byName, cs.metrics = map[string]uint32{}, map[string]string{}
		cs.rules, cs.totals = map[*rules.Rule]uint32{}, map[string]*ruleTotal{}
	}
	if _, ok := cs.metrics[metric]; !ok && len(cs.metrics) >= maxMetrics {
		metric = overflow
	}
	k := cs.name(metric, team, service, u)
	i, ok := cs.byName[string(k)]
	if !ok {
		if cs.budget.take(1) {
			cs.taken++
		} else { // classes of the overflow differ by their verdicts alone, and those are few
			metric, team, service = overflow, overflow, ""
			k = cs.name(metric, team, service, u)
			i, ok = cs.byName[string(k)]
		}
	}
	if ok {
		return i
	}
	c := &class{metric: cs.metric(metric), team: strings.Clone(team), service: strings.Clone(service), pool: u.pool, priority: u.priority}
	if u.refused != nil {
		c.refusal = &refusal{u.refused.reason, ""}
	} else {
		c.verdict = rules.Verdict{
			Within: v.Within, Over: v.Over, Priority: v.Priority, PriorityRule: v.PriorityRule,
			Shadows: slices.Clone(v.Shadows), OverShadows: v.OverShadows,
		}
		for _, r := range v.Shadows {
			c.shadows = append(c.shadows, cs.total(r))
		}
	}
	c.within, c.over = cs.total(c.verdict.Within.Rule), cs.total(c.verdict.Over.Rule)
	i = uint32(len(cs.list))
	cs.byName[string(k)] = i
	cs.list = append(cs.list, c)
	cs.judged = append(cs.judged, c.needsJudge(cs.plan, cs.bypass))
	return i
}

// name builds the key under which a class is found again.
func (cs *classes) name(metric, team, service string, u *understood) []byte {
	v := &u.verdict
	b := binary.AppendUvarint(cs.scratch[:0], uint64(len(metric)))
	b = append(b, metric...)
	b = binary.AppendUvarint(b, uint64(len(team)))
	b = append(b, team...)
	b = binary.AppendUvarint(b, uint64(len(service)))
	b = append(b, service...)
	if u.refused != nil {
		cs.scratch = append(b, u.refused.reason...)
		return cs.scratch
	}
	b = append(b, 0, byte(v.Within.Action), byte(v.Over.Action), byte(u.priority), byte(u.pool))
	b = binary.AppendUvarint(b, uint64(v.OverShadows))
	b = cs.appendRule(b, v.Within.Rule)
	b = cs.appendRule(b, v.Over.Rule)
	b = cs.appendRule(b, v.PriorityRule)
	for _, r := range v.Shadows {
		b = cs.appendRule(b, r)
	}
	cs.scratch = b
	return b
}

func (cs *classes) appendRule(b []byte, r *rules.Rule) []byte {
	if r == nil {
		return binary.LittleEndian.AppendUint32(b, 0)
	}
	n, ok := cs.rules[r]
	if !ok {
		n = uint32(len(cs.rules) + 1)
		cs.rules[r] = n
	}
	return binary.LittleEndian.AppendUint32(b, n)
}

// total returns the total of r, or of no rule. Rules of one name share theirs, so
// that editing a rule does not reset its counter.
func (cs *classes) total(r *rules.Rule) *ruleTotal {
	name := ""
	if r != nil {
		name = r.Name
	}
	t := cs.totals[name]
	if t == nil {
		t = &ruleTotal{name: name}
		cs.totals[name] = t
	}
	return t
}

func (cs *classes) metric(name string) string {
	if s, ok := cs.metrics[name]; ok {
		return s
	}
	s := strings.Clone(name)
	cs.metrics[s] = s
	return s
}
