package control

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
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

	// leastShare is what makes a team an owner to suggest.
	leastShare = 0.5
)

// evidence is who owns series, by label and value.
type evidence struct {
	by    []string
	teams []map[string][]holder // of each label, by its values
}

type holder struct {
	team   string
	series int
}

// evidenceOf returns what the series that are kept of t say of labels.
func (c *Control) evidenceOf(t tenant.ID, by []string) *evidence {
	e := &evidence{by: by}
	for range by {
		e.teams = append(e.teams, map[string][]holder{})
	}
	c.parts.Profiler.Holders(t, by, attribution.Unowned).Each(func(of inventory.Holding, rows int) {
		e.teams[of.Label][of.Value] = append(e.teams[of.Label][of.Value], holder{of.Team, rows})
	})
	return e
}

// owner returns who owns most of the series that have a label in common with those
// of a group: by the label that says it most clearly.
func (e *evidence) owner(values []string) *SuggestedOwner {
	var best *SuggestedOwner
	for i, v := range values {
		all, most, team := 0, 0, ""
		for _, of := range e.teams[i][v] {
			all += of.series
			if of.series > most || of.series == most && of.team < team {
				most, team = of.series, of.team
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
	drop := rules.Drop.String()
	r := c.parts.Profiler.Select(t, &inventory.Query{By: u.By, Verdict: func(v inventory.Verdict) bool {
		return v.Team == attribution.Unowned && v.Action != drop
	}})
	var known *evidence
	if len(r.Groups) > 0 {
		known = c.evidenceOf(t, u.By)
	}
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
