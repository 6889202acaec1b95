package control

import (
	"maps"
	"math"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

const (
	// matchedFor is how long a count of series is shown.
	matchedFor = 30 * time.Second

	// matchedBudget is how long the counts of one answer may take.
	matchedBudget = time.Second

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

// MatchedEach returns what Matched does of each rule, as far as it can be had within
// a second; of the others, it is not known.
func (c *Control) MatchedEach(list []Rule) []Matched {
	out := make([]Matched, len(list))
	for i, begun := 0, time.Now(); i < len(list) && time.Since(begun) < matchedBudget; i++ {
		out[i] = c.Matched(list[i].Rule)
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
	cache.mu.Lock()
	known, ok := cache.counts[r]
	cache.mu.Unlock()
	if ok && now.Sub(known.at) < matchedFor {
		return known.matched
	}
	m := c.countMatched(r)
	cache.mu.Lock()
	defer cache.mu.Unlock()
	if now.Sub(cache.swept) >= matchedFor {
		cache.swept = now
		maps.DeleteFunc(cache.counts, func(_ *rules.Rule, old matchCount) bool { return now.Sub(old.at) >= matchedFor })
	}
	if cache.counts == nil {
		cache.counts = map[*rules.Rule]matchCount{}
	}
	cache.counts[r] = matchCount{now, m}
	return m
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
