package usage

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/rules"
)

// A Verdict says what a rule does to a query.
type Verdict uint8

// The verdicts, worst last.
const (
	Safe Verdict = iota
	MayBreak
	Breaks
)

var verdictWords = []string{"safe", "may_break", "breaks"}

// String returns the verdict's word in API and pages.
func (v Verdict) String() string { return verdictWords[v] }

// Known is what is known of the series that arrive. It makes verdicts more
// certain, never milder than "may break": a series that was not seen may come.
type Known interface {
	// Seen says how many series of the tenant, "" being all, satisfy all the
	// matchers, and names one. asked is false where that is not known.
	Seen(t tenant.ID, all []*labels.Matcher) (count float64, example series.Labels, asked bool)
}

// maxQuestions is how often Known is asked for one rule.
const maxQuestions = 200

// A judge judges one rule.
type judge struct {
	rule      *rules.Rule
	byName    map[string][]*series.Selector // those that name their metrics
	patterns  []*series.Selector            // the others
	decider   *decider
	known     Known // nil where nothing is known
	questions int   // still allowed
}

func newJudge(r *rules.Rule, known Known, es *expressions) *judge {
	j := &judge{rule: r, byName: map[string][]*series.Selector{}, known: known, questions: maxQuestions, decider: newDecider(es)}
	for _, s := range r.Match {
		if s.Names() == nil {
			j.patterns = append(j.patterns, s)
			continue
		}
		for _, n := range s.Names() {
			j.byName[n] = append(j.byName[n], s)
		}
	}
	return j
}

// removes reports whether the rule removes samples at all. Prioritizing decides
// who goes first where a limit is passed, which limits decide about.
func (j *judge) removes() bool {
	return j.rule.Action == rules.Drop || j.rule.Action == rules.Downsample
}

// Judge says what the rule does to the query if it is enforced, whatever its mode,
// and whatever other rules do; why is a sentence, "" where it is safe.
func Judge(r *rules.Rule, q *Query, known Known) (v Verdict, why string) {
	return newJudge(r, known, new(expressions)).query(q)
}

func (j *judge) query(q *Query) (worst Verdict, why string) {
	if !j.removes() {
		return Safe, ""
	}
	for i := range q.Needs {
		if v, w := j.need(&q.Needs[i]); v > worst {
			worst, why = v, w
		}
		if worst == Breaks && q.Vague {
			worst = MayBreak
		}
		if worst == Breaks {
			return worst, why
		}
	}
	if q.Trouble != "" && worst == Safe {
		return MayBreak, "what it reads is not known: " + q.Trouble
	}
	return worst, why
}

func (j *judge) need(n *Need) (worst Verdict, why string) {
	consider := func(list []*series.Selector) {
		for _, s := range list {
			if worst == Breaks {
				return
			}
			if v, w := j.selector(s, n); v > worst {
				worst, why = v, w
			}
		}
	}
	names := n.Names()
	for _, name := range names {
		consider(j.byName[name])
	}
	if names == nil {
		for _, s := range j.rule.Match {
			if s.Names() != nil {
				consider([]*series.Selector{s})
			}
		}
	}
	consider(j.patterns)
	return worst, why
}

// selector judges what one selector of the rule does to a need.
func (j *judge) selector(s *series.Selector, n *Need) (Verdict, string) {
	meets := j.decider.meet(s.Matchers(), n.Matchers)
	if meets == no {
		return Safe, ""
	}
	whole := meets == yes && j.decider.covers(s.Matchers(), n.Matchers)
	v, effect := j.effect(s, n, whole)
	if v == Safe {
		return Safe, ""
	}
	byPattern := n.Names() == nil
	if byPattern && n.Exists {
		v = MayBreak // other metrics may have what is listed
	}
	if j.rule.When == rules.OverLimit {
		effect += ", while the tenant is over its limit"
	}
	if count, example, asked := j.seen(s, n); asked {
		switch {
		case count > 0:
			return v, fmt.Sprintf("%s; %.0f known series are concerned, such as %.300s", effect, max(count, 1), example)
		case whole && !byPattern:
			return v, effect + "; none is known at present"
		}
		return MayBreak, effect + "; none of the known series is concerned, but one that comes would be"
	}
	switch {
	case meets == perhaps:
		return MayBreak, effect + ", if a series can match both: their patterns do not tell"
	case j.rule.Team != "":
		return MayBreak, fmt.Sprintf("%s, where its series belong to team %.80q", effect, j.rule.Team)
	case byPattern && !whole:
		return MayBreak, effect + ", where there are such series: it reads metrics by pattern"
	}
	return v, effect
}

// seen asks what is known of series that both the selector and the need match.
func (j *judge) seen(s *series.Selector, n *Need) (count float64, example series.Labels, asked bool) {
	if j.known == nil || j.questions == 0 || j.rule.Team != "" {
		return 0, nil, false
	}
	j.questions--
	return j.known.Seen(j.rule.Tenant, slices.Concat(s.Matchers(), n.Matchers))
}

// effect says what becomes of a need whose series the selector matches in part, or
// as a whole.
func (j *judge) effect(s *series.Selector, n *Need, whole bool) (Verdict, string) {
	if j.rule.Action == rules.Drop {
		return Breaks, dropped(s, n, whole)
	}
	if n.Quantile && !n.Exists && !whole && slices.ContainsFunc(s.Matchers(), func(m *labels.Matcher) bool { return m.Name == labels.BucketLabel }) {
		return Breaks, fmt.Sprintf("some buckets of %s are thinned and others are not: quantiles of buckets of different times are wrong", n.what())
	}
	return thinned(n, j.rule.Interval)
}

// what says in a few words which series the need is about.
func (n *Need) what() string {
	if len(n.Matchers) == 0 {
		return "any series, by a variable"
	}
	return fmt.Sprintf("%.300s", n.Selector())
}

// dropped says what dropping does to a need.
func dropped(s *series.Selector, n *Need, whole bool) string {
	selector := n.what()
	switch {
	case whole && n.Absent:
		return fmt.Sprintf("every series of %s is dropped: it finds them missing forever", selector)
	case whole && n.Exists:
		return fmt.Sprintf("every series of %s is dropped: its list is empty", selector)
	case whole:
		return fmt.Sprintf("every series of %s is dropped: it finds nothing", selector)
	}
	part := fmt.Sprintf("it reads %s, of which those that match %.300s are dropped", selector, s)
	switch {
	case n.Absent:
		return part + ": it may find them missing"
	case n.Exists:
		return part + ": its list becomes shorter"
	case n.Quantile:
		return part + ": quantiles of what is left may be wrong"
	case n.Aggregated != "":
		return fmt.Sprintf("%s: its %s changes without a word", part, n.Aggregated)
	}
	return part
}

// Seen by Prometheus in one look back from the time of evaluation.
const lookback = 5 * time.Minute

// thinned says what a need makes of one sample in each interval.
func thinned(n *Need, interval time.Duration) (Verdict, string) {
	if n.Exists {
		return Safe, ""
	}
	selector := n.what()
	if n.Func == "timestamp" {
		return MayBreak, fmt.Sprintf("the newest sample of %s becomes up to %s older, and timestamp() shows it", selector, words(interval))
	}
	// The newest sample is up to an interval and a scrape old.
	if n.Func == "" || n.Subquery {
		switch {
		case interval >= lookback:
			return Breaks, fmt.Sprintf("a sample of %s every %s is beyond the lookback of %s: it finds gaps", selector, words(interval), words(lookback))
		case interval > rules.MaxInterval:
			return MayBreak, fmt.Sprintf("a sample of %s every %s leaves less than a minute of the lookback of %s: a late scrape makes a gap", selector, words(interval), words(lookback))
		case n.Func == "":
			return Safe, ""
		}
	}
	return classOf(n.Func).thinned(n, selector, interval)
}

// words writes a duration as PromQL does.
func words(d time.Duration) string { return model.Duration(d).String() }
