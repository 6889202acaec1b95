package attribution

import (
	"cmp"
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

// A draft is a row before it is rounded, or where unowned cost is yet to be shared,
// a part of one.
type draft struct {
	Group
	counts      Counts
	seriesHours uint64
	entries     []entry // by price
	adjustment  *Adjustment
	number      int
	own         units               // what its own use costs, or what the adjustment says
	shares      map[tenant.ID]units // what it pays of the unowned cost of tenants
	given       map[*draft]units    // of an unowned row: what other rows pay of it; own is what is left, 0

	room [1]entry
}

// draw makes the rows of drafts, each of another group but for adjustments. What a
// team pays of unowned cost is in the row that names the day, the tenant and the team
// alone: were it told apart by the metrics that nobody owns, every team would have a
// row of each.
func (r *Report) draw(drafts []*draft) ([]*draft, error) {
	for i, d := range drafts {
		d.number = i
	}
	if !r.shares() { // each is a row
		return drafts, nil
	}
	slices.SortFunc(drafts, func(a, b *draft) int { return cmp.Or(a.Group.compare(&b.Group), cmp.Compare(a.number, b.number)) })
	r.pots = pots(drafts, r.Shared)
	rows := rowDrafts{report: r, rows: make([]*draft, 0, len(drafts)), byGroup: map[Group]*draft{}, fits: true}
	for _, d := range drafts {
		rows.merge = rows.merge || !r.Groups(ByTenant) && d.Tenant != drafts[0].Tenant
	}
	for _, d := range drafts {
		pot := r.pots[d.Tenant]
		switch {
		case d.adjustment != nil:
			rows.append(d)
		case pot != nil && d.Team == Unowned:
			day, of, own := d.Day, d.Tenant, d.own
			d.own = units{}
			var unowned *draft
			if r.Team == "" {
				unowned = rows.add(d)
			}
			for j, share := range split(own, pot.weights) {
				if r.Team != "" && r.Team != pot.teams[j] || share == (units{}) {
					continue
				}
				payer := rows.of(Group{Day: day, Tenant: of, Team: pot.teams[j]})
				addUnits(&payer.shares, of, share)
				if unowned != nil {
					addUnits(&unowned.given, payer, share)
				}
			}
		case r.Team == "" || r.Team == d.Team:
			rows.add(d)
		}
	}
	if !rows.fits {
		return nil, ErrTooMuch
	}
	return rows.rows, nil
}

// rowDrafts are the rows that drafts are put together to.
type rowDrafts struct {
	report  *Report
	merge   bool // drafts of several groups may be one row
	rows    []*draft
	byGroup map[Group]*draft // those that others may be put to
	fits    bool
}

func (rs *rowDrafts) append(d *draft) {
	d.number = len(rs.rows)
	rs.rows = append(rs.rows, d)
}

// group returns that of the row which drafts of g belong to.
func (rs *rowDrafts) group(g Group) Group {
	if !rs.report.Groups(ByTenant) {
		g.Tenant = ""
	}
	if !rs.report.Groups(ByTeam) {
		g.Team = ""
	}
	return g
}

// of returns the row that drafts of g belong to.
func (rs *rowDrafts) of(g Group) *draft {
	g = rs.group(g)
	d := rs.byGroup[g]
	if d == nil {
		d = &draft{Group: g}
		rs.byGroup[g] = d
		rs.append(d)
	}
	return d
}

// add adds d to its row, which it becomes where it is the first. A row that pays for
// what nobody owns names a day, a tenant and a team alone.
func (rs *rowDrafts) add(d *draft) *draft {
	g := rs.group(d.Group)
	if rs.merge || g == (Group{Day: g.Day, Tenant: g.Tenant, Team: g.Team}) {
		if row := rs.byGroup[g]; row != nil {
			rs.fits = row.add(d) && rs.fits
			return row
		}
		rs.byGroup[g] = d
	}
	d.Group = g
	rs.append(d)
	return d
}

func addUnits[K comparable](sums *map[K]units, key K, more units) {
	if *sums == nil {
		*sums = map[K]units{}
	}
	(*sums)[key] = (*sums)[key].plus(more)
}

// add adds a part, and reports whether the sums fit.
func (d *draft) add(a *draft) bool {
	fits := addCounts(&d.counts, &a.counts)
	fits = addTo(&d.seriesHours, a.seriesHours) && fits
	if d.entries == nil {
		d.entries = d.room[:0]
	}
	for i := range a.entries {
		e := entryOf(&d.entries, a.entries[i].price)
		fits = e.spent.add(a.entries[i].spent) && fits
		fits = e.saved.add(a.entries[i].saved) && fits
	}
	d.own = d.own.plus(a.own)
	return fits
}

// pots returns the teams of every tenant that has some, and what they weigh: as
// much as they cost, or alike where none costs anything.
func pots(drafts []*draft, s Sharing) map[tenant.ID]*pot {
	byTenant := map[tenant.ID]map[string]units{}
	for _, d := range drafts {
		if d.Team == Unowned || d.adjustment != nil {
			continue
		}
		teams := byTenant[d.Tenant]
		if teams == nil {
			teams = map[string]units{}
			byTenant[d.Tenant] = teams
		}
		teams[d.Team] = teams[d.Team].plus(d.own)
	}
	ps := make(map[tenant.ID]*pot, len(byTenant))
	for t, teams := range byTenant {
		p := &pot{sum: new(big.Int)}
		for team := range teams {
			p.teams = append(p.teams, team)
		}
		slices.Sort(p.teams)
		for _, team := range p.teams {
			w := teams[team].big()
			p.weights, p.sum = append(p.weights, w), p.sum.Add(p.sum, w)
		}
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
	exact, saved := make([]units, 0, 2*len(rows)), make([]units, 0, len(rows))
	for _, d := range rows {
		exact = append(exact, d.own)
		if r.Team != "" {
			exact = append(exact, totalOf(d.shares))
		} else {
			exact = append(exact, totalOf(d.given))
		}
		saved = append(saved, r.tariff.saved(d.entries))
	}
	order := func(i, j int) int { return cmp.Or(rows[i].Group.compare(&rows[j].Group), cmp.Compare(i, j)) }
	if r.shares() { // they are in order
		order = cmp.Compare[int]
	}
	var parts, savings []Micro
	var err error
	if r.Total, parts, err = roundAll(exact, func(i, j int) int { return cmp.Or(order(i/2, j/2), cmp.Compare(i, j)) }); err != nil {
		return err
	}
	if r.Saved, savings, err = roundAll(saved, order); err != nil {
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
		given := make([]units, len(payers))
		for j, p := range payers {
			given[j] = d.given[p]
		}
		paid, err := apportion(part, given, cmp.Compare[int])
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

func totalOf[K comparable](of map[K]units) (sum units) {
	for _, u := range of {
		sum = sum.plus(u)
	}
	return sum
}
