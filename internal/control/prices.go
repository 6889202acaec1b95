package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
)

// maxStoredPrices bounds what somebody can make every process hold in memory.
const maxStoredPrices = 5000

// A PriceEntry is one price and where it comes from.
type PriceEntry struct {
	attribution.Price
	Origin
}

// Prices are what the upstream costs: those of the file first.
type Prices struct {
	PolicyStamp
	Entries []PriceEntry
}

// Prices returns what the upstream costs the tenants that the actor may see, and
// where it says so.
func (c *Control) Prices() Prices {
	if c.may(auth.ReadCosts) != nil {
		return Prices{}
	}
	return c.pricesOf(c.parts.Policies.current.Load())
}

func (c *Control) pricesOf(set *policySet) Prices {
	ps := Prices{PolicyStamp: set.stored.stamps[store.PricesPolicy]}
	for i, p := range set.prices {
		if p.Tenant != "" && !c.actor.SeesTenant(p.Tenant) {
			continue
		}
		origin := Origin{Source: FromAPI}
		if i < len(set.file.Config.Prices) {
			origin = set.file.origin()
		}
		ps.Entries = append(ps.Entries, PriceEntry{p, origin})
	}
	return ps
}

// SetPrices makes entries all prices beside those of the file, from now on.
// Entries that are the file's own, as it has them, are left out; those that were
// stored of a tenant that the file names by now stay out of force.
func (c *Control) SetPrices(ctx context.Context, entries []PriceEntry, by Change) (Prices, error) {
	if err := c.mayAll(auth.WritePrices); err != nil {
		return Prices{}, err
	}
	closed, err := c.closedCurrency(ctx)
	if err != nil {
		return Prices{}, err
	}
	if err := c.setPolicy(ctx, store.PricesPolicy, by, draftPrices(entries, closed)); err != nil {
		return Prices{}, err
	}
	return c.Prices(), nil
}

// draftPrices returns the draft that has entries beside the prices of the file.
// closed is the currency of closed months, "" where there is none.
func draftPrices(entries []PriceEntry, closed string) policyDraft {
	return func(set *policySet) (storedPolicies, error) {
		next := set.stored
		next.prices = nil
		for _, p := range set.stored.prices {
			if set.file.namesPrice(p) && p.Currency == set.file.Config.Prices[0].Currency {
				next.prices = append(next.prices, p)
			}
		}
		kept := len(next.prices)
		var number []int // of entries, by that of the price
		for i, e := range entries {
			if slices.Contains(set.file.Config.Prices, e.Price) {
				continue
			}
			place := fmt.Sprintf("prices[%d]", i)
			if e.Source == FromFile || set.file.namesPrice(e.Price) {
				return next, set.file.locked(place, "the price of "+priceOf(e.Price), "prices")
			}
			number = append(number, i)
			next.prices = append(next.prices, e.Price)
		}
		fresh := next.prices[kept:]
		errs := invalidPrices(slices.Concat(set.file.Config.Prices, fresh), len(set.file.Config.Prices), number)
		for i, p := range fresh {
			if len(errs) == 0 && closed != "" && p.Currency != closed {
				errs = append(errs, &Invalid{fmt.Sprintf("prices[%d].currency", number[i]),
					fmt.Sprintf("months that are closed cost %s, and %s cannot be added to it; keep to %s", closed, p.Currency, closed)})
			}
		}
		if n := len(fresh); n > maxStoredPrices {
			errs = append(errs, &Invalid{"prices", fmt.Sprintf("there are %d besides those of files, and %d is the most; remove those that no month needs any more", n, maxStoredPrices)})
		}
		return next, asInvalid(errs)
	}
}

// closedCurrency returns the currency of closed months, or "" where there is none
// or the ledger is not open.
func (c *Control) closedCurrency(ctx context.Context) (string, error) {
	if c.parts.Ledger == nil {
		return "", nil
	}
	ledger := c.parts.Ledger()
	if ledger == nil {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	closings, err := ledger.Closings(ctx)
	if err != nil {
		c.parts.Policies.log.Error("closed months cannot be read", slog.Any("err", err))
		return "", ErrUnavailable
	}
	t, err := attribution.NewTariff(nil, closings...)
	if err != nil {
		return "", nil // the months themselves differ, and no price mends that
	}
	return t.Currency(), nil
}

// invalidPrices puts what is wrong with prices, of which the first are the file's,
// into the words of the API. number gives the others' numbers there.
func invalidPrices(ps attribution.Prices, ofFile int, number []int) []error {
	err := ps.Validate()
	if err == nil {
		return nil
	}
	list := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		list = many.Unwrap()
	}
	var errs []error
	for _, e := range list {
		n, text := 1, e.Error() // a price by itself has no number
		if rest, ok := strings.CutPrefix(text, "number "); ok {
			_, _ = fmt.Sscanf(rest, "%d:", &n)
			_, text, _ = strings.Cut(rest, ": ")
		}
		if n--; n < ofFile {
			continue // the file is right by itself
		}
		errs = append(errs, invalidAt(fmt.Sprintf("prices[%d]", number[n-ofFile]), errors.New(text))...)
	}
	return errs
}

// priceLine is a price in words.
func priceLine(p attribution.Price) policyLine {
	from := "always"
	if p.ValidFrom != 0 {
		from = p.ValidFrom.String()
	}
	return policyLine{
		fmt.Sprintf("the price of %s from %s", priceOf(p), from),
		fmt.Sprintf("%s %s per million samples and %s per thousand series-months", p.Currency, p.PerMillionSamples, p.PerThousandSeriesMonth),
	}
}
