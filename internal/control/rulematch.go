package control

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

const (
	// matchedFor is how long a count of series is not made anew, and matchedKept how
	// long it is shown where there is no time for that.
	matchedFor  = 30 * time.Second
	matchedKept = 5 * time.Minute

	// matchedBudget is how long the counts of one answer may take.
	matchedBudget = 150 * time.Millisecond

	// matchedTenants is how many tenants a count looks at. Beyond it, the count is
	// of these alone.
	matchedTenants = 100
)

// Matched is how many active series a rule matches.
type Matched struct {
	Series float64
	Error  float64 // in 95 of 100 cases the truth is within; 0: it is exact
	Known  bool    // false where nothing is profiled
}

// A matchCache holds counts of series by rule. Its zero value is ready; it may be
// used from any goroutine.
type matchCache struct {
	mu     sync.Mutex
	counts map[*rules.Rule]matchCount
	swept  time.Time // when those that are old were let go of
}

type matchCount struct {
	at      time.Time
	matched Matched
}

// MatchedEach returns what Matched does of each rule, as it was within the last five
// minutes. It counts for a moment, those first that were counted longest ago: where
// rules match very many series, some are not known until it is asked again.
func (c *Control) MatchedEach(list []Rule) []Matched { return c.matchedEach(list, matchedBudget) }

func (c *Control) matchedEach(list []Rule, budget time.Duration) []Matched {
	out := make([]Matched, len(list))
	if c.parts.Profiler == nil || c.parts.RuleBook == nil {
		return out
	}
	cache, now := &c.parts.RuleBook.matched, time.Now()
	var due []int // to be counted
	at := make([]time.Time, len(list))
	for i := range list {
		if known, ok := cache.count(list[i].Rule); ok && now.Sub(known.at) < matchedKept {
			out[i], at[i] = known.matched, known.at
		}
		if now.Sub(at[i]) >= matchedFor {
			due = append(due, i)
		}
	}
	slices.SortStableFunc(due, func(a, b int) int { return at[a].Compare(at[b]) })
	for _, i := range due {
		out[i] = c.Matched(list[i].Rule)
		if time.Since(now) >= budget {
			break
		}
	}
	return out
}

// Matched returns how many active series r matches, of its tenant or of all.
func (c *Control) Matched(r *rules.Rule) Matched {
	if c.parts.Profiler == nil || c.parts.RuleBook == nil {
		return Matched{}
	}
	cache := &c.parts.RuleBook.matched
	now := time.Now()
	if known, ok := cache.count(r); ok && now.Sub(known.at) < matchedFor {
		return known.matched
	}
	m := c.countMatched(r)
	cache.keep(r, matchCount{now, m})
	return m
}

// count returns the latest count of a rule.
func (cache *matchCache) count(r *rules.Rule) (matchCount, bool) {
	cache.mu.Lock()
	defer cache.mu.Unlock()
	known, ok := cache.counts[r]
	return known, ok
}

// keep keeps a count of a rule.
func (cache *matchCache) keep(r *rules.Rule, m matchCount) {
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if m.at.Sub(cache.swept) >= matchedKept {
		cache.swept = m.at
		maps.DeleteFunc(cache.counts, func(_ *rules.Rule, old matchCount) bool { return m.at.Sub(old.at) >= matchedKept })
	}
	if cache.counts == nil {
		cache.counts = map[*rules.Rule]matchCount{}
	}
	cache.counts[r] = m
}

// countMatched counts the active series that r matches.
func (c *Control) countMatched(r *rules.Rule) Matched {
	tenants := []tenant.ID{r.Tenant}
	if r.Tenant == "" {
		if tenants = c.parts.Profiler.Tenants(); len(tenants) > matchedTenants {
			tenants = tenants[:matchedTenants]
		}
	}
	q := &inventory.Query{Selectors: r.Match}
	if r.Team != "" && c.parts.Policies != nil {
		owners := c.parts.Policies.Owners()
		q.Match = func(ls series.Labels, _ inventory.Verdict) bool {
			team, _ := owners.Team(ls)
			return team == r.Team
		}
	}
	m := Matched{Known: true}
	variance := 0.0
	for _, t := range tenants {
		of := c.parts.Profiler.Select(t, q).Series
		m.Series += of.Value
		variance += of.Error * of.Error
	}
	m.Error = math.Sqrt(variance)
	return m
}
