package attribution

import (
	"cmp"
	"math/big"
	"math/bits"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/tenant"
)

// A Group is what the cells of one row have in common. Only what the report is
// grouped by is set.
type Group struct {
	Day     Hour
	Tenant  tenant.ID
	Team    string
	Service string
	Metric  string
	Rule    string

	meter meter
	price int // number in the tariff, from 1
}

// A meter is what a charge counts.
type meter uint8

const (
	bothMeters meter = iota
	samplesMeter
	seriesMeter
)

// A Row is one row of a report.
type Row struct {
	Group
	Samples     Counts
	SeriesHours uint64
	Cost        Micro       // with Shared
	Shared      Micro       // the row's share of what nobody owns; of unowned rows it is what the others took, below zero
	Saved       Micro       // what rules removed × price
	Adjustment  *Adjustment // set where the row corrects a closed month

	made *draft
}

// text returns the row's value of a column for people; "" where the row is of all.
func (g *Group) text(c Column) string {
	switch c {
	case ByDay:
		return g.Day.String()
	case ByTenant:
		return string(g.Tenant)
	case ByTeam:
		return g.Team
	case ByService:
		return g.Service
	case ByMetric:
		return g.Metric
	}
	return g.Rule
}

// Find returns the numbers of the rows with the given values: one row and, where
// closed months were corrected, those that do it. What the report is not grouped
// by has no value.
func (r *Report) Find(values map[Column]string) []int {
	var found []int
rows:
	for i := range r.Rows {
		for c, v := range values {
			if !r.Groups(c) || r.Rows[i].text(c) != v {
				continue rows
			}
		}
		found = append(found, i)
	}
	return found
}

// DropDrafts lets go of what Explain needs, which is several times the rest.
func (r *Report) DropDrafts() {
	for i := range r.Rows {
		r.Rows[i].made = nil
	}
	r.pots = nil
}

// A Report says what was used and what it cost. The rows' costs are Total
// together, to the micro-unit, and so are their savings Saved.
type Report struct {
	Currency string
	Query
	Rows     []Row // by day first where there are days; then the dearest first
	Total    Micro
	Saved    Micro
	Coverage float64 // the part of Total that somebody owns, from 0 to 1; 1 where nothing costs
	Unpriced Unpriced

	tariff *Tariff
	pots   map[tenant.ID]*pot
}

// Unpriced is what was used in hours without a price. It is in the rows, too, at
// no cost.
type Unpriced struct{ Samples, SeriesHours uint64 }

// A Builder sums cells into a Report. It belongs to one goroutine.
type Builder struct {
	query    Query
	tariff   *Tariff
	drafts   map[Group]*draft
	fixed    []*draft // adjustments
	free     []draft
	owned    [2][]entry // what nobody owns, and what somebody does
	unpriced Unpriced
	err      error

	// The price of the last cell: cells come in runs of one tenant and hour.
	lastTenant tenant.ID
	lastHour   Hour
	lastPrice  int
}

// An entry is what one price applies to; price is its number, or -1.
type entry struct {
	price        int
	spent, saved quantity
}

// NewBuilder returns a Builder of the report that q asks for.
func NewBuilder(q Query, t *Tariff) *Builder {
	return &Builder{query: q, tariff: t, drafts: map[Group]*draft{}, lastHour: -1 << 62}
}

// Add adds a cell. Cells that the query does not cover are left out; sums of
// cells must lie within one month and one price, and within one day where the query
// groups by day.
func (b *Builder) Add(c *Cell) {
	if !b.query.covers(&c.Key) {
		return
	}
	price := b.price(c.Tenant, c.Hour)
	owner := &b.owned[0]
	if c.Team != Unowned {
		owner = &b.owned[1]
	}
	b.check(entryOf(owner, price).spent.add(quantity{c.Samples[Forwarded], c.SeriesHours}))
	g := b.group(&c.Key)
	if !b.query.Groups(ByRule) {
		saved := quantity{}
		for i := range c.Rules {
			b.check(saved.add(c.Rules[i].saved()))
		}
		b.add(g, price, c.Samples, c.SeriesHours, saved)
		return
	}
	rest := c.Samples
	for i := range c.Rules {
		r := &c.Rules[i]
		var removed Counts
		removed[Dropped] = min(r.Dropped, rest[Dropped])
		removed[Downsampled] = min(r.Downsampled, rest[Downsampled])
		rest[Dropped] -= removed[Dropped]
		rest[Downsampled] -= removed[Downsampled]
		of := g
		of.Rule = r.Rule
		b.add(of, price, removed, 0, r.saved())
	}
	b.add(g, price, rest, c.SeriesHours, quantity{})
}

// saved returns what the rule removed and would have been paid for.
func (r *RuleCount) saved() quantity {
	q := quantity{r.Dropped, r.SeriesHours}
	q.add(quantity{samples: r.Downsampled})
	return q
}

// Adjust adds an adjustment, in a row of its own.
func (b *Builder) Adjust(a Adjustment) {
	k := Key{Hour: a.At, Tenant: a.Tenant, Team: a.Team}
	if b.query.Team != "" && b.query.Team != a.Team || !b.query.covers(&k) {
		return
	}
	b.fixed = append(b.fixed, &draft{Group: b.group(&k), adjustment: &a, own: fromMicro(a.Amount)})
}

// group returns the row, or while unowned cost is yet to be shared the part of a
// row, that a cell belongs to.
func (b *Builder) group(k *Key) Group {
	g := Group{}
	shares := b.query.shares()
	if shares && b.query.Team != "" && k.Team != b.query.Team && k.Team != Unowned { // counts as a weight alone
		g.Tenant, g.Team = k.Tenant, k.Team
		return g
	}
	if b.query.Groups(ByDay) {
		g.Day = k.Hour.Day()
	}
	if b.query.Groups(ByTenant) || shares {
		g.Tenant = k.Tenant
	}
	if b.query.Groups(ByTeam) || shares {
		g.Team = k.Team
	}
	if b.query.Groups(ByService) {
		g.Service = k.Service
	}
	if b.query.Groups(ByMetric) {
		g.Metric = k.Metric
	}
	return g
}

func (b *Builder) price(t tenant.ID, h Hour) int {
	if t != b.lastTenant || h != b.lastHour {
		b.lastTenant, b.lastHour, b.lastPrice = t, h, b.tariff.find(t, h)
	}
	return b.lastPrice
}

// add adds to a group, or where charges are told apart, to those of the group.
func (b *Builder) add(g Group, price int, counts Counts, seriesHours uint64, saved quantity) {
	if price < 0 {
		b.check(addTo(&b.unpriced.Samples, counts[Forwarded]))
		b.check(addTo(&b.unpriced.SeriesHours, seriesHours))
	}
	if b.query.Groups(byPrice) {
		g.price = price + 1
	}
	spent := quantity{counts[Forwarded], seriesHours}
	if !b.query.Groups(byMeter) {
		b.book(g, price, counts, seriesHours, spent, saved)
		return
	}
	g.meter = samplesMeter
	b.book(g, price, counts, 0, quantity{samples: spent.samples}, quantity{samples: saved.samples})
	if seriesHours > 0 || saved.seriesHours > 0 {
		g.meter = seriesMeter
		b.book(g, price, Counts{}, seriesHours, quantity{seriesHours: seriesHours}, quantity{seriesHours: saved.seriesHours})
	}
}

func (b *Builder) book(g Group, price int, counts Counts, seriesHours uint64, spent, saved quantity) {
	d := b.drafts[g]
	if d == nil {
		d = b.draft()
		d.Group = g
		b.drafts[g] = d
	}
	b.check(addCounts(&d.counts, &counts))
	b.check(addTo(&d.seriesHours, seriesHours))
	e := entryOf(&d.entries, price)
	b.check(e.spent.add(spent))
	b.check(e.saved.add(saved))
}

// draft returns a new draft. Most have one entry, for which it has room.
func (b *Builder) draft() *draft {
	if len(b.free) == 0 {
		b.free = make([]draft, min(max(16, len(b.drafts)), draftsAtOnce))
	}
	d := &b.free[0]
	b.free = b.free[1:]
	d.entries = d.room[:0]
	return d
}

// draftsAtOnce is how many drafts are made at once, of some 300 bytes each.
const draftsAtOnce = 256

// entryOf returns the entry of a price. There are few.
func entryOf(entries *[]entry, price int) *entry {
	for i := range *entries {
		if e := &(*entries)[i]; e.price == price {
			return e
		}
	}
	*entries = append(*entries, entry{price: price})
	return &(*entries)[len(*entries)-1]
}

// Rows returns how many rows there are so far, or more where unowned cost is yet
// to be shared.
func (b *Builder) Rows() int { return len(b.drafts) + len(b.fixed) }

func (b *Builder) check(fits bool) {
	if !fits && b.err == nil {
		b.err = ErrTooMuch
	}
}

func addTo(n *uint64, v uint64) bool {
	sum, carry := bits.Add64(*n, v, 0)
	*n = sum
	return carry == 0
}

func addCounts(c, d *Counts) bool {
	fits := true
	for o := range c {
		fits = addTo(&c[o], d[o]) && fits
	}
	return fits
}

// Report returns the report of what was added.
func (b *Builder) Report() (*Report, error) {
	if b.err != nil {
		return nil, b.err
	}
	r := &Report{Currency: b.tariff.Currency(), Query: b.query, Unpriced: b.unpriced, tariff: b.tariff}
	drafts := append(make([]*draft, 0, len(b.drafts)+len(b.fixed)), b.fixed...)
	for _, d := range b.drafts {
		if d.adjustment == nil {
			d.own = b.tariff.cost(d.entries)
		}
		drafts = append(drafts, d)
	}
	r.Coverage = b.coverage()
	rows, err := r.draw(drafts)
	if err == nil {
		err = r.round(rows)
	}
	if err != nil {
		return nil, err
	}
	r.sort()
	return r, nil
}

// coverage returns the part of the cost that somebody owns.
func (b *Builder) coverage() float64 {
	nobody, somebody := b.tariff.cost(b.owned[0]), b.tariff.cost(b.owned[1])
	all := nobody.plus(somebody)
	if all == (units{}) {
		return 1
	}
	part, _ := new(big.Rat).SetFrac(somebody.big(), all.big()).Float64()
	return part
}

// cost returns what was spent.
func (t *Tariff) cost(entries []entry) (sum units) {
	for i := range entries {
		if e := &entries[i]; e.price >= 0 {
			sum = sum.plus(t.prices[e.price].cost(e.spent))
		}
	}
	return sum
}

// saved returns what rules saved.
func (t *Tariff) saved(entries []entry) (sum units) {
	for i := range entries {
		if e := &entries[i]; e.price >= 0 && e.saved != (quantity{}) {
			sum = sum.plus(t.prices[e.price].cost(e.saved))
		}
	}
	return sum
}

// compare orders groups by their columns. It is the heart of sorting and compares
// no further than it has to.
func (g *Group) compare(o *Group) int {
	if c := cmp.Compare(g.Day, o.Day); c != 0 {
		return c
	}
	if c := strings.Compare(string(g.Tenant), string(o.Tenant)); c != 0 {
		return c
	}
	if c := strings.Compare(g.Team, o.Team); c != 0 {
		return c
	}
	if c := strings.Compare(g.Service, o.Service); c != 0 {
		return c
	}
	if c := strings.Compare(g.Metric, o.Metric); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(g.Rule, o.Rule), cmp.Compare(g.meter, o.meter), cmp.Compare(g.price, o.price))
}

// sort orders the rows as they are shown. Rows are large, so that each is moved
// once only.
func (r *Report) sort() {
	type place struct {
		day         Hour
		cost, saved Micro
		row         int // that is to stand there; -1 once it does
	}
	order := make([]place, len(r.Rows))
	for i := range r.Rows {
		row := &r.Rows[i]
		order[i] = place{row.Day, row.Cost, row.Saved, i}
	}
	slices.SortFunc(order, func(a, b place) int {
		if c := cmp.Compare(a.day, b.day); c != 0 {
			return c
		}
		if c := cmp.Compare(b.cost, a.cost); c != 0 {
			return c
		}
		if c := cmp.Compare(b.saved, a.saved); c != 0 {
			return c
		}
		return cmp.Or(r.Rows[a.row].Group.compare(&r.Rows[b.row].Group), cmp.Compare(a.row, b.row))
	})
	for i := range order { // each circle of rows that take each other's places
		if order[i].row < 0 {
			continue
		}
		first, at := r.Rows[i], i
		for order[at].row != i {
			from := order[at].row
			r.Rows[at], order[at].row = r.Rows[from], -1
			at = from
		}
		r.Rows[at], order[at].row = first, -1
	}
}
