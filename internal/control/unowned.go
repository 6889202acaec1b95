package control

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/inventory"
	"github.com/headgate/headgate/rules"
)

// An UnownedQuery asks which series nobody owns, by the values of some labels.
type UnownedQuery struct {
	Tenant string   // "" for that of senders that name none
	By     []string // none for namespace, job and service
	Limit  int      // of groups; 0 for all
}

// Unowned is what nobody owns of a tenant's forwarded series, as received lately.
type Unowned struct {
	By       []string
	Groups   []UnownedGroup     // most series first
	Rest     int                // groups that are not shown
	Series   inventory.Estimate // of all groups
	Cost     attribution.Micro  // of them, per month at the price of now
	Currency string             // "" where there is no price

	// By the ledger, of this month up to now.
	Recorded bool // else the ledger could not be read, and the rest is 0
	Month    attribution.Micro
	Coverage float64 // the part of the cost that somebody owns
}

// An UnownedGroup are the series that nobody owns with the same values of labels.
type UnownedGroup struct {
	inventory.Group
	Cost  attribution.Micro // per month at the price of now
	Owner *SuggestedOwner   // nil where nothing suggests one
}

// A SuggestedOwner is the team that owns most of the series with one of a group's
// labels.
type SuggestedOwner struct {
	Team   string
	Label  string
	Value  string
	Share  float64 // of the owned series with that label: the team's
	Series int     // how many these are, among those that are kept
	Clause attribution.OwnerConfig
}

const (
	// maxUnownedLabels is by how many labels unowned series can be grouped.
	maxUnownedLabels = 4

	// maxEvidence is how many pairs of a label's value and a team are counted.
	maxEvidence = 100_000

	// leastShare is what makes a team an owner to suggest.
	leastShare = 0.5
)

// evidence counts owned series by label, value and team. It is asked of every series
// that is kept.
type evidence struct {
	by    []string
	teams []map[string]*holders // of each label, by its values
	pairs int
}

// holders are the teams whose series have one value of a label.
type holders struct {
	teams []holder
	index map[string]int // of many teams
}

// fewHolders is how many teams are found faster by looking at all.
const fewHolders = 8

type holder struct {
	team   string
	series int
}

func newEvidence(by []string) *evidence {
	e := &evidence{by: by}
	for range by {
		e.teams = append(e.teams, map[string]*holders{})
	}
	return e
}

// add counts a series of a team.
func (e *evidence) add(ls series.Labels, team string) {
	for i, name := range e.by {
		if value := ls.Get(name); value != "" {
			e.count(i, value, team)
		}
	}
}

func (e *evidence) count(label int, value, team string) {
	h := e.teams[label][value]
	if of := h.find(team); of != nil {
		of.series++
		return
	}
	if e.pairs >= maxEvidence {
		return
	}
	e.pairs++
	if h == nil {
		h = &holders{}
		e.teams[label][value] = h
	}
	h.teams = append(h.teams, holder{team, 1})
	switch n := len(h.teams); {
	case n == fewHolders:
		h.index = map[string]int{}
		for k := range h.teams {
			h.index[h.teams[k].team] = k
		}
	case n > fewHolders:
		h.index[team] = n - 1
	}
}

// find returns the team's entry; nil where there is none.
func (h *holders) find(team string) *holder {
	if h == nil {
		return nil
	}
	if h.index != nil {
		if k, ok := h.index[team]; ok {
			return &h.teams[k]
		}
		return nil
	}
	for k := range h.teams {
		if h.teams[k].team == team {
			return &h.teams[k]
		}
	}
	return nil
}

// owner returns who owns most of the series that have a label in common with those
// of a group: by the label that says it most clearly.
func (e *evidence) owner(values []string) *SuggestedOwner {
	var best *SuggestedOwner
	for i, v := range values {
		all, most, team := 0, 0, ""
		if h := e.teams[i][v]; h != nil {
			for _, of := range h.teams {
				all += of.series
				if of.series > most || of.series == most && of.team < team {
					most, team = of.series, of.team
				}
			}
		}
		share := float64(most) / float64(max(1, all))
		if v == "" || share <= leastShare || best != nil && share <= best.Share {
			continue
		}
		best = &SuggestedOwner{Team: team, Label: e.by[i], Value: v, Share: share, Series: all}
	}
	if best != nil {
		best.Clause = attribution.OwnerConfig{Match: equals(best.Label, best.Value), Team: best.Team}
	}
	return best
}

// equals returns the selector of the series with a label of a value.
func equals(label, value string) string {
	return series.Labels{{Name: label, Value: value}}.String()
}

// Unowned returns the groups of series that nobody owns.
func (c *Control) Unowned(ctx context.Context, q UnownedQuery) (Unowned, error) {
	if err := c.may(auth.ReadCosts); err != nil {
		return Unowned{}, err
	}
	t, _, err := c.profiled(q.Tenant, nil)
	if err != nil {
		return Unowned{}, err
	}
	u := Unowned{By: q.By}
	if len(u.By) == 0 {
		u.By = []string{"namespace", "job", "service"}
	}
	if err := checkLabels(u.By); err != nil {
		return Unowned{}, err
	}
	price := c.monthlyPrice(t)
	u.Currency = price.Currency()
	known := newEvidence(u.By)
	r := c.parts.Profiler.Select(t, &inventory.Query{By: u.By, Match: func(ls series.Labels, v inventory.Verdict) bool {
		if v.Team != attribution.Unowned {
			known.add(ls, v.Team)
			return false
		}
		return v.Action != rules.Drop.String()
	}})
	u.Series, u.Cost = r.Series, micro(price.Of(r.Series.Value, r.PerSecond.Value))
	for _, g := range r.Groups {
		if q.Limit > 0 && len(u.Groups) == q.Limit {
			u.Rest = len(r.Groups) - q.Limit
			break
		}
		u.Groups = append(u.Groups, UnownedGroup{g, micro(price.Of(g.Series.Value, g.PerSecond.Value)), known.owner(g.Values)})
	}
	u.record(ctx, c, attribution.Query{Tenant: t})
	return u, nil
}

// record adds what the ledger says, where it can be read.
func (u *Unowned) record(ctx context.Context, c *Control, q attribution.Query) {
	now := c.now()
	q.From, q.To, q.By = attribution.HourOf(now).Month().From(), soon(now), []attribution.Column{attribution.ByTeam}
	r, err := c.costs(ctx, q)
	if err != nil {
		return
	}
	u.Recorded, u.Coverage = true, r.Coverage
	for _, i := range r.Find(map[attribution.Column]string{attribution.ByTeam: attribution.Unowned}) {
		u.Month += r.Rows[i].Cost
	}
}

func checkLabels(by []string) error {
	if len(by) > maxUnownedLabels {
		return &Invalid{"by", fmt.Sprintf("there are %d labels; name %d at most", len(by), maxUnownedLabels)}
	}
	for i, name := range by {
		if strings.TrimSpace(name) == "" || slices.Contains(by[:i], name) {
			return &Invalid{"by", fmt.Sprintf("%.80q: name each label once", name)}
		}
	}
	return nil
}
