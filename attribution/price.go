package attribution

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/tenant"
)

// hoursPerMonth make a series-month: a series that is active throughout an
// average month of 365 × 24 ÷ 12 hours.
const hoursPerMonth = 730

// A Price is what the upstream costs from an hour on, until a later one of the
// same tenant, as people write it.
type Price struct {
	Tenant                 tenant.ID `yaml:"tenant,omitempty" json:"tenant,omitempty"` // "" for those that have no price of their own
	Currency               string    `yaml:"currency" json:"currency"`                 // ISO 4217, such as USD
	PerMillionSamples      Decimal   `yaml:"per_million_samples" json:"per_million_samples"`
	PerThousandSeriesMonth Decimal   `yaml:"per_thousand_series_month" json:"per_thousand_series_month"` // 1000 series active for 730 hours
	ValidFrom              Hour      `yaml:"valid_from,omitempty" json:"valid_from,omitzero"`            // none: always
}

// PerMonth returns what so many series, active throughout, and samples cost in an
// average month, in whole units of the currency: an estimate.
func (p Price) PerMonth(series, samplesPerSecond float64) float64 {
	return (samplesPerSecond*hoursPerMonth*3600/1_000_000*float64(p.PerMillionSamples) + series/1000*float64(p.PerThousandSeriesMonth)) / 1e12
}

// Prices are written as one mapping or as a list of them.
type Prices []Price

// UnmarshalYAML reads both forms.
func (ps *Prices) UnmarshalYAML(unmarshal func(any) error) error {
	var kind nodeKind
	if err := unmarshal(&kind); err != nil {
		return err
	}
	if yaml.Kind(kind) == yaml.MappingNode {
		var one Price
		err := unmarshal(&one)
		*ps = Prices{one}
		return err
	}
	return unmarshal((*[]Price)(ps))
}

// A nodeKind is what a YAML value is, read before the value itself. A decoder
// that collects problems would not forget a first try that failed.
type nodeKind yaml.Kind

// UnmarshalYAML notes the kind of n.
func (k *nodeKind) UnmarshalYAML(n *yaml.Node) error {
	*k = nodeKind(n.Kind)
	return nil
}

// Validate returns all that is wrong with ps: every price under its number from
// 1 where there are several.
func (ps Prices) Validate() error {
	var errs []error
	type validity struct {
		tenant tenant.ID
		from   Hour
	}
	seen := map[validity]bool{}
	for i, p := range ps {
		report := func(err error) {
			if err != nil && len(ps) > 1 {
				err = fmt.Errorf("number %d: %w", i+1, err)
			}
			if err != nil {
				errs = append(errs, err)
			}
		}
		report(p.checkCurrency())
		if p.Currency != ps[0].Currency && p.checkCurrency() == nil {
			report(fmt.Errorf("currency: %s here and %s in the first price cannot be added up; keep to one", p.Currency, ps[0].Currency))
		}
		if p.Tenant != "" {
			if _, err := tenant.Parse(string(p.Tenant)); err != nil {
				report(fmt.Errorf("tenant: %.64q: %w", p.Tenant, err))
			}
		}
		at := validity{p.Tenant, p.ValidFrom}
		if seen[at] {
			report(errors.New("valid_from: a price of the same tenant before it begins then, too; remove one"))
		}
		seen[at] = true
	}
	return errors.Join(errs...)
}

func (p Price) checkCurrency() error {
	ok := len(p.Currency) == 3
	for i := range len(p.Currency) {
		ok = ok && 'A' <= p.Currency[i] && p.Currency[i] <= 'Z'
	}
	switch {
	case p.Currency == "":
		return errors.New("currency: it is missing; write its code, as in USD")
	case !ok:
		return fmt.Errorf("currency: %.64q is no code of ISO 4217; write three capital letters, as in USD", p.Currency)
	}
	return nil
}

// A Tariff knows the price of every tenant and hour. It is immutable: any number
// of goroutines may use it. The zero value prices nothing.
type Tariff struct {
	prices   []Price
	current  table
	closed   map[Month]table
	currency string
}

// A table holds numbers of prices by tenant, the one that begins last first.
type table map[tenant.ID][]int

// NewTariff returns the tariff of valid prices. For the hours of a closed month
// the prices of its Closing hold, whatever the others say.
func NewTariff(ps Prices, closings ...Closing) (*Tariff, error) {
	if err := ps.Validate(); err != nil {
		return nil, err
	}
	t := &Tariff{closed: make(map[Month]table, len(closings))}
	t.current = t.add(ps)
	for _, c := range closings {
		if err := Prices(c.Prices).Validate(); err != nil {
			return nil, fmt.Errorf("prices of closed month %s: %w", c.Month, err)
		}
		t.closed[c.Month] = t.add(c.Prices)
	}
	for _, p := range t.prices {
		if t.currency == "" {
			t.currency = p.Currency
		}
		if p.Currency != t.currency {
			return nil, fmt.Errorf("prices in %s and, of a closed month, in %s cannot be added up", t.currency, p.Currency)
		}
	}
	return t, nil
}

// add makes a table of ps. Prices that are there already keep their number, so
// that a month closed with today's prices is no other price.
func (t *Tariff) add(ps []Price) table {
	tab := make(table, len(ps))
	for _, p := range ps {
		i := slices.Index(t.prices, p)
		if i < 0 {
			i = len(t.prices)
			t.prices = append(t.prices, p)
		}
		tab[p.Tenant] = append(tab[p.Tenant], i)
	}
	for _, is := range tab {
		sort.Slice(is, func(a, b int) bool { return t.prices[is[a]].ValidFrom > t.prices[is[b]].ValidFrom })
	}
	return tab
}

// Currency returns the currency of all prices, or "" where there is none.
func (t *Tariff) Currency() string { return t.currency }

// At returns the price of an hour of a tenant: the latest of its own that has
// begun, else the latest of those for every tenant, else none.
func (t *Tariff) At(id tenant.ID, h Hour) (Price, bool) {
	i := t.find(id, h)
	if i < 0 {
		return Price{}, false
	}
	return t.prices[i], true
}

// find returns the number of the price, or -1.
func (t *Tariff) find(id tenant.ID, h Hour) int {
	tab := t.current
	if len(t.closed) > 0 {
		if closed, ok := t.closed[h.Month()]; ok {
			tab = closed
		}
	}
	if i := tab.find(t.prices, id, h); i >= 0 || id == "" {
		return i
	}
	return tab.find(t.prices, "", h)
}

func (tab table) find(ps []Price, id tenant.ID, h Hour) int {
	for _, i := range tab[id] {
		if ps[i].ValidFrom <= h {
			return i
		}
	}
	return -1
}

// Changes returns the hours in [from, to) at which a price begins, sorted. Sums
// of cells that are kept for days must not reach over one of them.
func (t *Tariff) Changes(from, to Hour) []Hour {
	var hours []Hour
	for _, p := range t.prices {
		if from <= p.ValidFrom && p.ValidFrom < to {
			hours = append(hours, p.ValidFrom)
		}
	}
	slices.Sort(hours)
	return slices.Compact(hours)
}
