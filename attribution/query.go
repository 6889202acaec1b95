package attribution

import (
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/tenant"
)

// A Column is what the rows of a report are grouped by.
type Column string

// The columns.
const (
	ByDay     Column = "day" // of UTC
	ByTenant  Column = "tenant"
	ByTeam    Column = "team"
	ByService Column = "service"
	ByMetric  Column = "metric"
	ByRule    Column = "rule" // rows of rules hold what they removed; the row without one, all the rest

	byMeter Column = "meter" // what is counted: a charge of FOCUS
	byPrice Column = "price" // so that a charge has one unit price
)

// Columns are those that may be asked for, in the order in which they are shown.
var Columns = []Column{ByDay, ByTenant, ByTeam, ByService, ByMetric, ByRule}

// ParseColumns reads a list such as team,metric.
func ParseColumns(s string) ([]Column, error) {
	var by []Column
	for _, word := range strings.Split(s, ",") {
		c := Column(strings.TrimSpace(word))
		switch {
		case !slices.Contains(Columns, c):
			return nil, fmt.Errorf("%.64q is nothing that costs are grouped by; there are day, tenant, team, service, metric and rule", string(c))
		case slices.Contains(by, c):
			return nil, fmt.Errorf("%s is there twice; remove one", c)
		}
		by = append(by, c)
	}
	return by, nil
}

// A Sharing says who pays for what nobody owns.
type Sharing string

// The ways to share.
const (
	Keep         Sharing = "keep"         // it stays with the team unowned
	Even         Sharing = "even"         // every team of the tenant pays the same
	Proportional Sharing = "proportional" // every team of the tenant pays in proportion to its own cost
)

// Validate says what is wrong with s.
func (s Sharing) Validate() error {
	switch s {
	case Keep, Even, Proportional:
		return nil
	}
	return fmt.Errorf("%.64q is none of keep, even, proportional", string(s))
}

// A Query says which costs are meant, and how they are grouped.
type Query struct {
	From, To Hour // [From, To)
	By       []Column
	Shared   Sharing // "" is Keep

	// Of these alone; "" is all.
	Tenant          tenant.ID
	Team            string
	Service, Metric string
}

// Groups reports whether rows are told apart by c.
func (q *Query) Groups(c Column) bool { return slices.Contains(q.By, c) }

// shares reports whether it makes a difference to rows how unowned cost is shared.
func (q *Query) shares() bool {
	return (q.Shared == Even || q.Shared == Proportional) && (q.Groups(ByTeam) || q.Team != "") && q.Team != Unowned
}

// covers reports whether the cell is one of those meant. A query for one team
// covers the others of the tenant, too, where they share what nobody owns.
func (q *Query) covers(k *Key) bool {
	return q.From <= k.Hour && k.Hour < q.To &&
		(q.Tenant == "" || q.Tenant == k.Tenant) &&
		(q.Team == "" || q.Team == k.Team || q.shares()) &&
		(q.Service == "" || q.Service == k.Service) &&
		(q.Metric == "" || q.Metric == k.Metric)
}
