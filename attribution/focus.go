package attribution

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"slices"
	"strconv"
	"time"
)

// FocusVersion is the version of the FinOps Open Cost and Usage Specification
// that WriteFocus follows.
const FocusVersion = "1.2"

// FocusNames are who takes part in what an export describes. Who has none is
// called Headgate.
type FocusNames struct {
	Provider  string // of the store that samples are forwarded to
	Publisher string // of the service
	Issuer    string // of invoices
}

// Focus returns the query whose report WriteFocus writes: by day, tenant and
// team, and by service and metric where q is; each charge of one meter and one
// price. What nobody owns is kept: version 1.2 has no columns for shared cost,
// and a charge is to be its quantity times its price.
func (q Query) Focus() Query {
	by := []Column{ByDay, ByTenant, ByTeam}
	for _, c := range []Column{ByService, ByMetric} {
		if q.Groups(c) {
			by = append(by, c)
		}
	}
	q.By, q.Shared = append(by, byMeter, byPrice), Keep
	return q
}

// focusColumns are the columns of an export: the mandatory ones of the
// specification, then conditional and recommended ones that apply, then our own.
var focusColumns = []string{
	"BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
	"ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart",
	"ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit",
	"ProviderName", "PublisherName", "ServiceCategory", "ServiceName",
	"ChargeFrequency", "ConsumedQuantity", "ConsumedUnit", "ContractedUnitPrice", "ListUnitPrice", "PricingCategory",
	"ResourceId", "ResourceName", "ResourceType", "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceId",
	"SubAccountId", "SubAccountName", "Tags", "x_FocusVersion",
}

// focusTime is how the specification writes times.
const focusTime = "2006-01-02T15:04:05Z"

// ErrNoPrice says that there is no price, and so no currency to write charges in.
var ErrNoPrice = errors.New("there is no price, and so nothing to charge; set attribution.prices")

// WriteFocus writes the charges of a report that Query.Focus asked for as CSV,
// one by one: the tenant is the billing account, the team the sub account. A null
// is an empty cell. Text is defused as WriteCSV does.
func (r *Report) WriteFocus(w io.Writer, names FocusNames) error {
	if r.Currency == "" {
		return ErrNoPrice
	}
	c := csv.NewWriter(w)
	if err := c.Write(focusColumns); err != nil {
		return err
	}
	record := make([]string, len(focusColumns))
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.charged() == 0 && row.Cost == 0 {
			continue // what was removed is no charge
		}
		cells := row.focus(r, names)
		for j, column := range focusColumns {
			record[j] = cells[column]
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// charged returns how much of its meter a charge is for.
func (r *Row) charged() uint64 {
	if r.meter == seriesMeter {
		return r.SeriesHours
	}
	return r.Samples[Forwarded]
}

// focus returns the cells of a charge that are not null.
func (r *Row) focus(report *Report, names FocusNames) map[string]string {
	name := func(s string) string {
		if s == "" {
			s = "Headgate"
		}
		return defuse(s)
	}
	month := r.Day.Month()
	cost := formatFixed(int64(r.Cost), microDigits, 0)
	cells := map[string]string{
		"BilledCost": cost, "ContractedCost": cost, "EffectiveCost": cost, "ListCost": cost,
		"BillingAccountId":   defuse(string(r.Tenant)),
		"BillingAccountName": defuse(string(r.Tenant)),
		"BillingCurrency":    report.Currency,
		"BillingPeriodStart": month.From().Time().Format(focusTime),
		"BillingPeriodEnd":   month.To().Time().Format(focusTime),
		"ChargePeriodStart":  r.Day.Time().Format(focusTime),
		"ChargePeriodEnd":    r.Day.Time().Add(24 * time.Hour).Format(focusTime),
		"ProviderName":       name(names.Provider),
		"PublisherName":      name(names.Publisher),
		"InvoiceIssuerName":  name(names.Issuer),
		"ServiceCategory":    "Management and Governance",
		"ServiceSubcategory": "Observability",
		"ServiceName":        "Metrics",
		"SubAccountId":       defuse(r.Team),
		"SubAccountName":     defuse(r.Team),
		"x_FocusVersion":     FocusVersion,
	}
	if a := r.Adjustment; a != nil {
		cells["ChargeCategory"], cells["ChargeClass"], cells["ChargeFrequency"] = "Adjustment", "Correction", "One-Time"
		cells["ChargeDescription"] = defuse("Correction of " + a.Of.String() + ": " + a.Reason)
		return cells
	}
	cells["ChargeCategory"], cells["ChargeFrequency"], cells["PricingCategory"] = "Usage", "Usage-Based", "Standard"
	price, since := Price{}, "none"
	if r.price > 0 {
		price = report.tariff.prices[r.price-1]
		since = string(price.Tenant) + "/" + price.ValidFrom.String()
	}
	unit := price.PerMillionSamples
	if r.meter == seriesMeter {
		unit = price.PerThousandSeriesMonth
		cells["ChargeDescription"], cells["SkuId"], cells["SkuMeter"] = "Series active, by the hour", "series", "Active Series"
		cells["ConsumedUnit"], cells["PricingUnit"] = "Series-Hours", "1000 Series-Months"
		cells["PricingQuantity"] = quotient(r.SeriesHours, 1000*hoursPerMonth)
	} else {
		cells["ChargeDescription"], cells["SkuId"], cells["SkuMeter"] = "Samples forwarded", "samples", "Samples Forwarded"
		cells["ConsumedUnit"], cells["PricingUnit"] = "Samples", "1000000 Samples"
		cells["PricingQuantity"] = quotient(r.Samples[Forwarded], 1_000_000)
	}
	cells["ConsumedQuantity"] = strconv.FormatUint(r.charged(), 10)
	cells["ListUnitPrice"], cells["ContractedUnitPrice"] = unit.String(), unit.String()
	cells["SkuPriceId"] = defuse(cells["SkuId"] + "/" + since)
	tags := map[string]string{"team": r.Team, "tenant": string(r.Tenant)}
	if slices.Contains(report.By, ByService) {
		tags["service"] = r.Service
	}
	if slices.Contains(report.By, ByMetric) {
		cells["ResourceId"], cells["ResourceName"], cells["ResourceType"] = defuse(r.Metric), defuse(r.Metric), "Metric"
	}
	text, _ := json.Marshal(tags) // of strings: it does not fail
	cells["Tags"] = string(text)
	return cells
}

// quotient returns n/d as a decimal number of up to twelve digits.
func quotient(n uint64, d int64) string {
	r := new(big.Rat).SetFrac(new(big.Int).SetUint64(n), big.NewInt(d))
	return trimmed(r.FloatString(12))
}
