package control

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

const (
	recommendTime = 10 * time.Second // for all previews of one answer
	findTime      = 5 * time.Second  // to find what to preview

	looked        = 100 // metrics with the most series, and as many with the most samples
	tried         = 40  // recommendations that are previewed
	leastSeries   = 10  // that a recommendation is about
	replicaParts  = 0.9 // of the series of a pair have to come twice
	leastReplicas = 0.02
)

// What a Recommendation is about.
const (
	Unused    = "unused"    // nothing that is known uses the metric
	Buckets   = "buckets"   // nothing that is known uses the buckets of the histogram
	Frequent  = "frequent"  // samples come closer than most need them
	Slow      = "slow"      // a gauge that seldom changes
	Duplicate = "duplicate" // a pair of servers sends everything twice
	Explosive = "explosive" // a label makes the series
)

// A Recommendation is a change that would save money.
type Recommendation struct {
	Kind    string
	Tenant  tenant.ID
	Metric  string // "" where it is about many
	Label   string // "" where it is about none
	Text    string // what was found, and what the rule does
	Loses   string // what is gone then
	Rule    rules.Spec
	YAML    string // the rule as a file holds it
	Source  string // metric_relabel_configs that do the same where the series come from; "" where there are none
	Warning string // of Source
	Preview Preview

	rough float64 // what it may save, by which candidates are chosen
}

// A RecommendQuery says what recommendations are to be about.
type RecommendQuery struct {
	Tenant string // "" for that of senders that name none
	Team   string // "" for all
	Limit  int    // 0 for 10
}

// Recommendations are changes that would save money, with the most first.
type Recommendations struct {
	At    time.Time // when they were found
	List  []Recommendation
	Notes []string // what is to be known of them, in sentences
}

// Recommend returns what would save the most of a tenant's money. A rule that breaks
// or may break a query that is known is never among it.
func (c *Control) Recommend(ctx context.Context, q RecommendQuery) (Recommendations, error) {
	t, _, err := c.profiled(q.Tenant, nil)
	if err != nil {
		return Recommendations{}, err
	}
	return recently(ctx, c, "recommend", q, t, few, func() (Recommendations, error) { return c.recommend(ctx, t, q) })
}

func (c *Control) recommend(ctx context.Context, t tenant.ID, q RecommendQuery) (Recommendations, error) {
	f := finder{c: c, tenant: t, team: q.Team, names: map[string]bool{}, at: time.Now()}
	for _, r := range c.parts.Rules.Rules() {
		f.names[r.Name] = true
	}
	if err := f.find(ctx); err != nil {
		return Recommendations{}, err
	}
	slices.SortStableFunc(f.list, func(a, b Recommendation) int { return cmp.Compare(b.rough, a.rough) })
	out := Recommendations{At: f.at, Notes: f.notes()}
	if f.unseen > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("There was time to look at %d of %d metrics.", len(f.rows)-f.unseen, len(f.rows)))
	}
	passing := c.passingOf(ctx, t) // of all rules, which are of this tenant
	f.passing = func(context.Context, tenant.ID) inventory.Result { return passing }
	ctx, cancel := context.WithTimeout(ctx, recommendTime)
	defer cancel()
	for i, r := range f.list[:min(len(f.list), tried)] {
		ok, err := f.try(ctx, &r)
		if ctx.Err() != nil {
			out.Notes = append(out.Notes, fmt.Sprintf("There was time to preview %d of %d candidates.", i, len(f.list)))
			break
		}
		if err != nil {
			return Recommendations{}, err
		}
		if ok {
			out.List = append(out.List, r)
		}
	}
	slices.SortStableFunc(out.List, func(a, b Recommendation) int {
		return cmp.Or(cmp.Compare(b.Preview.Cost, a.Preview.Cost), cmp.Compare(b.Preview.SamplesRemoved.Value, a.Preview.SamplesRemoved.Value),
			cmp.Compare(b.Preview.Removed.Value, a.Preview.Removed.Value))
	})
	out.List = out.List[:min(len(out.List), cmp.Or(q.Limit, 10))]
	return out, nil
}

// A finder looks for recommendations of one tenant.
type finder struct {
	c      *Control
	tenant tenant.ID
	team   string
	names  map[string]bool // of rules
	rows   []profiler.MetricRow
	list   []Recommendation
	unseen int // of rows: there was no time for them

	sheet   sheet
	at      time.Time // when it looks
	passing func(context.Context, tenant.ID) inventory.Result
}

// find lists candidates.
func (f *finder) find(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	seen := map[string]bool{}
	for _, sort := range []string{profiler.BySeries, profiler.BySamples} {
		page, err := f.c.parts.Profiler.Metrics(profiler.Query{Tenant: f.tenant, Sort: sort, Limit: looked})
		if err != nil {
			return err
		}
		for _, r := range page.Metrics {
			if !seen[r.Metric] && r.Metric != profiler.Overflow && r.Series >= leastSeries {
				f.rows = append(f.rows, r)
			}
			seen[r.Metric] = true
		}
	}
	pairs := map[string]*pair{}
	for i := range f.rows {
		if ctx.Err() != nil {
			f.unseen = len(f.rows) - i
			break
		}
		r := &f.rows[i]
		d, ok := f.c.parts.Profiler.Metric(f.tenant, r.Metric)
		if !ok {
			continue
		}
		f.unused(r)
		if p := f.pace(r.Metric); !f.slow(r, p, &d.Movement) {
			f.frequent(r, p, &d.Movement)
		}
		for j := range d.Labels {
			f.explosive(r, &d.Labels[j])
			notePair(pairs, r, &d.Labels[j])
		}
	}
	for label, p := range pairs {
		f.duplicate(label, p)
	}
	return nil
}

// used reports whether a query that is known uses, or may use, the metric or that
// label of it, or queries asked for it.
func (f *finder) used(metric, label string) bool {
	if f.c.askedFor(metric, label).used() {
		return true
	}
	uses, err := f.c.UsedBy(metric, label)
	return err == nil && len(uses) > 0
}

// notes says what is not known.
func (f *finder) notes() []string {
	if f.c.KnowsQueries() {
		return nil
	}
	if any, enough := f.c.watchesQueries(); enough {
		return []string{"No rule files or dashboards are loaded: what uses a series is known of the queries that were watched alone."}
	} else if any {
		return []string{"No rule files or dashboards are loaded, and queries are watched for less than " + span(watchedEnough) +
			": metrics that nothing uses are not recommended to be dropped yet. Every rule is in shadow mode, which changes nothing and counts."}
	}
	return []string{"No rule files, dashboards or query logs are loaded, so it is not known what uses a series: metrics that nothing uses are not recommended to be dropped, " +
		"and of each rule below check what needs the series. Every rule is in shadow mode, which changes nothing and counts."}
}

// try adds the preview of r's rule, and reports whether it saves anything and breaks
// nothing.
func (f *finder) try(ctx context.Context, r *Recommendation) (ok bool, err error) {
	rule, errs := r.Rule.Rule()
	if len(errs) > 0 { // a name that does not fit into a selector
		return false, nil
	}
	if r.Preview, err = f.c.preview(ctx, rule, 0, f.passing, &f.sheet); err != nil {
		return false, err
	}
	p := &r.Preview
	if len(p.Breaks) > 0 || p.Removed.Value == 0 && p.SamplesRemoved.Value == 0 || len(p.Torn) > 0 && r.Kind != Buckets {
		return false, nil
	}
	text, err := yaml.Marshal(map[string]any{"rules": []rules.Spec{r.Rule}})
	r.YAML = string(text)
	return true, err
}

// add lists a candidate. Its rule is tried in shadow mode first.
func (f *finder) add(r Recommendation) {
	r.Tenant = f.tenant
	r.Rule.Name = f.name(r.Rule.Action, cmp.Or(r.Metric, r.Label))
	r.Rule.Tenant, r.Rule.Team, r.Rule.Mode = string(f.tenant), f.team, rules.Shadow.String()
	r.Rule.Reason = r.Text
	if len(r.Rule.Reason) > rules.MaxReasonBytes {
		r.Rule.Reason = "as recommended"
	}
	f.list = append(f.list, r)
}

// name returns a name for a rule that no other has.
func (f *finder) name(action, about string) string {
	const room = 5 // for a dash and a number
	base := []byte(action + "-")
	for i := 0; i < len(about) && len(base) < rules.MaxNameBytes-room; i++ {
		switch c := about[i] | 0x20; {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			base = append(base, c)
		case base[len(base)-1] != '-':
			base = append(base, '-')
		}
	}
	name := strings.TrimRight(string(base), "-")
	for i := 2; f.names[name]; i++ {
		name = strings.TrimRight(string(base), "-") + "-" + strconv.Itoa(i)
	}
	f.names[name] = true
	return name
}

// selector returns the selector of series whose labels have these values.
func selector(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 3 {
		if i > 0 {
			b.WriteByte(',')
		}
		name := pairs[i]
		if name != series.MetricName && !classicName(name) {
			name = strconv.Quote(name)
		}
		b.WriteString(name + pairs[i+1] + strconv.Quote(pairs[i+2]))
	}
	return "{" + b.String() + "}"
}

// classicName reports whether PromQL writes a label name without quotes.
func classicName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c|0x20 < 'a' || 'z' < c|0x20) && (i == 0 || c < '0' || '9' < c) {
			return false
		}
	}
	return name != ""
}
