package limiter

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/headgate/headgate/internal/series"
)

// A Plan is what a tenant's limit says of one request and its series. It never
// changes, so all series of a request meet the same one, and a retry does as long
// as nothing has moved. Any number of goroutines may read it.
type Plan struct {
	pools     *Pools
	perSecond float64 // 0: no limit
	limited   bool
	hard      bool
	exceeded  bool
	shadow    bool
	since     time.Time
	cuts      []planCut // by pool, while exceeded
}

// A planCut is one pool's part of a Plan, with what it was decided from.
type planCut struct {
	cut    cut
	over   bool
	demand float64 // samples per second, all levels, after rules with when: over_limit
	grant  float64 // of that, besides critical
	share  float64 // guaranteed, samples per second
}

// Pools returns the pools that the plan is for.
func (p *Plan) Pools() *Pools { return p.pools }

// Limited reports whether the tenant has a limit at all. Without one, what Add is
// told of pools and priorities does not matter.
func (p *Plan) Limited() bool { return p.limited }

// Hard reports whether Take can refuse anything.
func (p *Plan) Hard() bool { return p.hard }

// Over reports whether the tenant is over its limit. In a shadow it never is.
func (p *Plan) Over() bool { return p.exceeded && !p.shadow }

// Exceeded is Over, but true in a shadow, too: Admits then says what would be shed.
func (p *Plan) Exceeded() bool { return p.exceeded }

// Shadow reports whether the limit only counts.
func (p *Plan) Shadow() bool { return p.shadow }

// Since returns when the tenant went over its limit.
func (p *Plan) Since() time.Time { return p.since }

// OverLimit reports whether rules with when: over_limit apply to the series of a
// pool: the tenant is over its limit, and the pool over its share.
func (p *Plan) OverLimit(n Pool) bool {
	return p.exceeded && !p.shadow && p.at(n).over
}

// Admits reports whether the series of a family pass. It is the same for all of
// them, and whoever passes goes on passing until a cut is tightened.
func (p *Plan) Admits(n Pool, priority series.Priority, family uint64) bool {
	return p.AdmitsAt(n, priority, PlaceOf(family))
}

// AdmitsAt is Admits for a family whose place is known.
func (p *Plan) AdmitsAt(n Pool, priority series.Priority, at uint16) bool {
	return !p.exceeded || p.at(n).cut.passes(levelOf(priority), uint64(at)<<48)
}

// Fraction returns which part of the families of a pool and priority pass.
func (p *Plan) Fraction(n Pool, priority series.Priority) float64 {
	if !p.exceeded {
		return 1
	}
	return p.at(n).cut.fraction(levelOf(priority))
}

func (p *Plan) at(n Pool) *planCut {
	if int(n) >= len(p.cuts) {
		return &p.cuts[0]
	}
	return &p.cuts[n]
}

// A Decision is what a plan says of one family, and why.
type Decision struct {
	Admitted  bool
	Over      bool // the tenant is over its limit
	Shadow    bool // nothing is shed, Admitted is what would be
	Thins     bool // rules with when: over_limit apply
	Pool      string
	Priority  series.Priority
	Place     float64   // of the family in its priority, 0 to 1
	Threshold float64   // places under it pass
	Demand    float64   // of the pool, samples per second
	Grant     float64   // of that, besides critical
	Share     float64   // what the pool is guaranteed
	Since     time.Time // the tenant is over its limit; zero: it is not
	Reason    string    // a sentence
}

// Explain says what p decides of a family, and why.
func (p *Plan) Explain(n Pool, priority series.Priority, family uint64) Decision {
	d := Decision{
		Admitted: true, Shadow: p.shadow, Pool: p.pools.Name(n), Priority: priority,
		Place: math.Ldexp(float64(place(family)), -64), Threshold: 1,
	}
	switch {
	case p.perSecond == 0:
		d.Reason = "the tenant has no limit of samples per second"
		return d
	case !p.exceeded:
		d.Reason = fmt.Sprintf("the tenant is within its limit of %s samples/s", number(p.perSecond))
		return d
	}
	c, l := p.at(n), levelOf(priority)
	d.Over, d.Since, d.Thins = true, p.since, p.OverLimit(n)
	d.Admitted, d.Threshold = p.Admits(n, priority, family), c.cut.fraction(l)
	d.Demand, d.Grant, d.Share = c.demand, c.grant, c.share
	d.Reason = fmt.Sprintf("the tenant is over its limit of %s samples/s; pool %s is guaranteed %s, and %s",
		number(p.perSecond), d.Pool, number(c.share), d.why(c, l))
	if !d.Admitted && p.shadow {
		d.Reason += "; the limit is in shadow mode, so it passes nevertheless"
	}
	return d
}

func (d *Decision) why(c *planCut, level int) string {
	p := d.Priority.String()
	switch {
	case level == 0:
		return "critical is never shed below the hard limit"
	case level < c.cut.level:
		return "all of priority " + p + " fits"
	case level > c.cut.level, c.cut.under == 0:
		return "nothing of priority " + p + " fits"
	}
	fits := fmt.Sprintf("%s of the families of priority %s fit", percent(d.Threshold), p)
	if d.Admitted {
		return fmt.Sprintf("%s; this one, at %s, is among them", fits, percent(d.Place))
	}
	return fmt.Sprintf("%s; this one, at %s, is not among them", fits, percent(d.Place))
}

// number returns x for people, in three digits.
func number(x float64) string {
	if x >= 100 || x == math.Trunc(x) {
		return strconv.FormatFloat(math.Round(x), 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// percent returns the fraction x for people.
func percent(x float64) string { return strconv.FormatFloat(x*100, 'f', 1, 64) + " %" }
