package attribution

import (
	"maps"
	"math/big"
	"slices"

	"github.com/headgate/headgate/internal/tenant"
)

// A pot is what the teams of a tenant weigh when they share what nobody owns.
type pot struct {
	teams   []string
	weights []*big.Int
	sum     *big.Int
}

// A draft is a row before it is rounded. All money is in units.
type draft struct {
	Group
	counts      Counts
	seriesHours uint64
	entries     []entry
	adjustment  *Adjustment
	number      int
	own         *big.Int               // what its own use costs, or what the adjustment says
	shares      map[tenant.ID]*big.Int // what it pays of the unowned cost of tenants
	given       map[*draft]*big.Int    // of an unowned row: what other rows pay of it; own is what is left, 0
}

// draw makes the rows of accounts, which are in order. What a team pays of unowned
// cost is in the row that names the day, the tenant and the team alone: were it
// told apart by the metrics that nobody owns, every team would have a row of each.
func (r *Report) draw(accounts []*account) ([]*draft, error) {
	fits := true
	rows := make([]*draft, 0, len(accounts))
	byGroup := make(map[Group]*draft, len(accounts))
	row := func(g Group, team string) *draft {
		g.Team = team
		if !r.Groups(ByTenant) {
			g.Tenant = ""
		}
		if !r.Groups(ByTeam) {
			g.Team = ""
		}
		d := byGroup[g]
		if d == nil {
			d = &draft{Group: g, own: new(big.Int), number: len(rows)}
			byGroup[g] = d
			rows = append(rows, d)
		}
		return d
	}
	costs := make([]*big.Int, len(accounts))
	for i, a := range accounts {
		costs[i] = r.tariff.cost(a.entries)
	}
	if r.shares() {
		r.pots = pots(accounts, costs, r.Shared)
	}
	for i, a := range accounts {
		pot := r.pots[a.Tenant]
		switch {
		case a.adjustment != nil:
			rows = append(rows, &draft{Group: a.Group, adjustment: a.adjustment, own: fromMicro(a.adjustment.Amount), number: len(rows)})
		case pot != nil && a.Team == Unowned:
			var unowned *draft
			if r.Team == "" {
				unowned = row(a.Group, Unowned)
				fits = unowned.add(a, new(big.Int)) && fits
			}
			for j, units := range split(costs[i], pot.weights) {
				if r.Team != "" && r.Team != pot.teams[j] || units.Sign() == 0 {
					continue
				}
				payer := row(Group{Day: a.Day, Tenant: a.Tenant}, pot.teams[j])
				addUnits(&payer.shares, a.Tenant, units)
				if unowned != nil {
					addUnits(&unowned.given, payer, units)
				}
			}
		case r.Team == "" || r.Team == a.Team || !r.shares():
			fits = row(a.Group, a.Team).add(a, costs[i]) && fits
		}
	}
	if !fits {
		return nil, ErrTooMuch
	}
	return rows, nil
}

func addUnits[K comparable](sums *map[K]*big.Int, key K, units *big.Int) {
	if *sums == nil {
		*sums = map[K]*big.Int{}
	}
	if (*sums)[key] == nil {
		(*sums)[key] = new(big.Int)
	}
	(*sums)[key].Add((*sums)[key], units)
}

// add adds an account whose own cost is units, and reports whether the sums fit.
func (d *draft) add(a *account, units *big.Int) bool {
	fits := addCounts(&d.counts, &a.counts)
	fits = addTo(&d.seriesHours, a.seriesHours) && fits
	for i := range a.entries {
		e := entryOf(&d.entries, a.entries[i].price)
		fits = e.spent.add(a.entries[i].spent) && fits
		fits = e.saved.add(a.entries[i].saved) && fits
	}
	d.own.Add(d.own, units)
	return fits
}

// pots returns the teams of every tenant that has some, and what they weigh: as
// much as they cost, or alike where none costs anything.
func pots(accounts []*account, costs []*big.Int, s Sharing) map[tenant.ID]*pot {
	byTenant := map[tenant.ID]map[string]*big.Int{}
	for i, a := range accounts {
		if a.Team == Unowned || a.adjustment != nil {
			continue
		}
		teams := byTenant[a.Tenant]
		if teams == nil {
			teams = map[string]*big.Int{}
			byTenant[a.Tenant] = teams
		}
		if teams[a.Team] == nil {
			teams[a.Team] = new(big.Int)
		}
		teams[a.Team].Add(teams[a.Team], costs[i])
	}
	ps := make(map[tenant.ID]*pot, len(byTenant))
	for t, teams := range byTenant {
		p := &pot{}
		for team := range teams {
			p.teams = append(p.teams, team)
		}
		slices.Sort(p.teams)
		for _, team := range p.teams {
			p.weights = append(p.weights, teams[team])
		}
		p.sum = total(p.weights)
		if s == Even || p.sum.Sign() == 0 {
			for i := range p.weights {
				p.weights[i] = big.NewInt(1)
			}
			p.sum = big.NewInt(int64(len(p.weights)))
		}
		ps[t] = p
	}
	return ps
}

// round makes the report's rows of drafts. The total is rounded once. What rows
// use and what nobody owns share it; what nobody owns is then shared in turn, so
// that its parts are that row's amount together.
func (r *Report) round(rows []*draft) error {
	exact, saved := make([]*big.Int, 0, 2*len(rows)), make([]*big.Int, 0, len(rows))
	for _, d := range rows {
		exact = append(exact, d.own)
		if r.Team != "" {
			exact = append(exact, totalOf(d.shares))
		} else {
			exact = append(exact, totalOf(d.given))
		}
		saved = append(saved, r.tariff.saved(d.entries))
	}
	var parts, savings []Micro
	var err error
	if r.Total, parts, err = roundAll(exact); err != nil {
		return err
	}
	if r.Saved, savings, err = roundAll(saved); err != nil {
		return err
	}
	r.Rows = make([]Row, len(rows))
	for i, d := range rows {
		r.Rows[i] = Row{Group: d.Group, Samples: d.counts, SeriesHours: d.seriesHours, Cost: parts[2*i], Saved: savings[i],
			Adjustment: d.adjustment, made: d}
	}
	for i, d := range rows {
		part := parts[2*i+1]
		if r.Team != "" {
			r.Rows[i].pay(part)
		}
		if len(d.given) == 0 {
			continue
		}
		payers := slices.SortedFunc(maps.Keys(d.given), func(a, b *draft) int { return a.number - b.number })
		units := make([]*big.Int, len(payers))
		for j, p := range payers {
			units[j] = d.given[p]
		}
		paid, err := apportion(part, units)
		if err != nil {
			return err
		}
		for j, p := range payers {
			r.Rows[p.number].pay(paid[j])
		}
		r.Rows[i].Shared -= part
	}
	return nil
}

// pay adds a share of what nobody owns.
func (r *Row) pay(m Micro) {
	r.Cost += m
	r.Shared += m
}

func totalOf[K comparable](units map[K]*big.Int) *big.Int {
	sum := new(big.Int)
	for _, u := range units {
		sum.Add(sum, u)
	}
	return sum
}
