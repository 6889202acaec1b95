package attribution

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/tenant"
)

func TestReportAsJSON(t *testing.T) {
	a := Adjustment{At: 1000, Of: Month{1969, 12}, Tenant: "shop", Team: "checkout", Amount: -1, Reason: "credit"}
	r := build(t, Query{To: 2000, By: []Column{ByTeam}, Shared: Even}, exampleTariff(t), exampleCells()[1:3], a)
	var b bytes.Buffer
	if err := r.WriteJSON(&b, 2, "a note"); err != nil {
		t.Fatal(err)
	}
	want := `{"currency":"USD","from":"1970-01-01T00:00:00Z","to":"1970-03-25T08:00:00Z","by":["team"],"shared":"even","coverage":0.3333333333333333,"unpriced_samples":0,"saved_micro":300000,"total_micro":299999,"rest_rows":1,"rest_micro":-1,"notes":["a note"],"rows":[` +
		`{"team":"search","samples":1000000,"series_hours":0,"dropped":0,"downsampled":3000000,"shed":0,"rejected":0,"failed":0,"cost_micro":300000,"shared_micro":200000,"saved_micro":300000},` +
		`{"team":"unowned","samples":2000000,"series_hours":0,"dropped":0,"downsampled":0,"shed":0,"rejected":0,"failed":0,"cost_micro":0,"shared_micro":-200000,"saved_micro":0}]}` + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	if !json.Valid(b.Bytes()) {
		t.Error("it is no JSON")
	}
	b.Reset()
	if err := r.WriteJSON(&b, 0); err != nil {
		t.Fatal(err)
	}
	last := `,"cost_micro":-1,"shared_micro":0,"saved_micro":0,"adjusts":"1969-12","reason":"credit"}]}` + "\n"
	if text := b.String(); !json.Valid(b.Bytes()) || !strings.HasSuffix(text, last) || !strings.Contains(text, `"rest_rows":0,"rest_micro":0,"notes":[],`) {
		t.Errorf("all rows are\n%s\nwant the last one, too", text)
	}
}

func TestReportAsCSV(t *testing.T) {
	cells := exampleCells()[:2]
	cells[1].Team = "=cmd|' /C calc'!A0"
	r := build(t, Query{To: 2000, By: []Column{ByDay, ByTeam}}, exampleTariff(t), cells,
		Adjustment{At: 1000, Of: Month{1969, 12}, Tenant: "shop", Team: "@sum", Amount: -500_000, Reason: "credit, twice"})
	var b bytes.Buffer
	if err := r.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	want := `day,team,samples,series_hours,dropped,downsampled,shed,rejected,failed,cost,shared,saved,currency,note
1970-02-11,checkout,3000000,730000,10000000,0,0,0,0,5.30,0.00,1.40,USD,
1970-02-11,'=cmd|' /C calc'!A0,1000000,0,0,3000000,0,0,0,0.10,0.00,0.30,USD,
1970-02-11,'@sum,0,0,0,0,0,0,0,-0.50,0.00,0.00,USD,"adjustment of 1969-12: credit, twice"
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("CSV (-want +got):\n%s", diff)
	}
}

func TestFormulasAreDefused(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "up": "up", "a=b": "a=b", "'up": "'up",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "\nx": "'\nx", "＝1": "'＝1", "\xff=": "\ufffd=",
	} {
		if got := defuse(s); got != want {
			t.Errorf("defuse(%q) = %q, want %q", s, got, want)
		}
	}
}

func TestExportsReportWhenNobodyReads(t *testing.T) {
	r := build(t, Query{To: 2000}.Focus(), exampleTariff(t), exampleCells())
	gone := errors.New("gone")
	for _, write := range []func() error{
		func() error { return r.WriteJSON(failing{gone}, 0) },
		func() error { return r.WriteCSV(failing{gone}) },
		func() error { return r.WriteFocus(failing{gone}, FocusNames{}) },
	} {
		if err := write(); !errors.Is(err, gone) {
			t.Errorf("error %v, want %v", err, gone)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// A focusRule is what version 1.2 of FOCUS asks of a column.
type focusRule struct {
	mandatory bool // the column must be there
	null      bool // its cells may be null
	format    *regexp.Regexp
	allowed   []string
}

var (
	focusDecimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	focusDate    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	focusText    = regexp.MustCompile(`(?s)^.+$`)
	focusUnit    = regexp.MustCompile(`^([1-9][0-9]* )?[A-Z][a-z]+(-[A-Z][a-z]+)?$`)
)

// focusRules are taken from the requirements model of the specification
// (github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, specification).
var focusRules = map[string]focusRule{
	"BilledCost":         {true, false, focusDecimal, nil},
	"BillingAccountId":   {true, false, focusText, nil},
	"BillingAccountName": {true, true, focusText, nil},
	"BillingCurrency":    {true, false, regexp.MustCompile(`^[A-Z]{3}$`), nil},
	"BillingPeriodEnd":   {true, false, focusDate, nil},
	"BillingPeriodStart": {true, false, focusDate, nil},
	"ChargeCategory":     {true, false, focusText, []string{"Usage", "Purchase", "Tax", "Credit", "Adjustment"}},
	"ChargeClass":        {true, true, focusText, []string{"Correction"}},
	"ChargeDescription":  {true, true, focusText, nil},
	"ChargePeriodEnd":    {true, false, focusDate, nil},
	"ChargePeriodStart":  {true, false, focusDate, nil},
	"ContractedCost":     {true, false, focusDecimal, nil},
	"EffectiveCost":      {true, false, focusDecimal, nil},
	"InvoiceIssuerName":  {true, false, focusText, nil},
	"ListCost":           {true, false, focusDecimal, nil},
	"PricingQuantity":    {true, true, focusDecimal, nil},
	"PricingUnit":        {true, true, focusUnit, nil},
	"ProviderName":       {true, false, focusText, nil},
	"PublisherName":      {true, false, focusText, nil},
	"ServiceCategory":    {true, false, focusText, []string{"Management and Governance"}},
	"ServiceName":        {true, false, focusText, nil},

	"ChargeFrequency":     {false, false, focusText, []string{"One-Time", "Recurring", "Usage-Based"}},
	"ConsumedQuantity":    {false, true, focusDecimal, nil},
	"ConsumedUnit":        {false, true, focusUnit, nil},
	"ContractedUnitPrice": {false, true, focusDecimal, nil},
	"ListUnitPrice":       {false, true, focusDecimal, nil},
	"PricingCategory":     {false, true, focusText, []string{"Standard", "Dynamic", "Committed", "Other"}},
	"ResourceId":          {false, true, focusText, nil},
	"ResourceName":        {false, true, focusText, nil},
	"ResourceType":        {false, true, focusText, nil},
	"ServiceSubcategory":  {false, false, focusText, []string{"Observability"}},
	"SkuId":               {false, true, focusText, nil},
	"SkuMeter":            {false, true, focusText, nil},
	"SkuPriceId":          {false, true, focusText, nil},
	"SubAccountId":        {false, true, focusText, nil},
	"SubAccountName":      {false, true, focusText, nil},
	"Tags":                {false, true, focusText, nil},
}

// checkFocus returns what is wrong with an export, and its charges.
func checkFocus(text []byte) (charges []map[string]string, err error) {
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	header := records[0]
	for name, rule := range focusRules {
		if rule.mandatory && !slices.Contains(header, name) {
			return nil, fmt.Errorf("column %s is missing", name)
		}
	}
	for _, record := range records[1:] {
		c := map[string]string{}
		for i, v := range record {
			c[header[i]] = v
		}
		for _, name := range header {
			rule, known := focusRules[name]
			switch v := c[name]; {
			case strings.HasPrefix(name, "x_"):
			case !known:
				return nil, fmt.Errorf("column %s is none of FOCUS; its name must begin with x_", name)
			case v == "" && !rule.null:
				return nil, fmt.Errorf("%s is null in %v", name, c)
			case v == "":
			case !rule.format.MatchString(v):
				return nil, fmt.Errorf("%s is %q", name, v)
			case rule.allowed != nil && !slices.Contains(rule.allowed, v):
				return nil, fmt.Errorf("%s is %q, none of %v", name, v, rule.allowed)
			}
		}
		if err := checkCharge(c); err != nil {
			return nil, fmt.Errorf("%w in %v", err, c)
		}
		charges = append(charges, c)
	}
	return charges, nil
}

// checkCharge returns what does not fit together in a charge.
func checkCharge(c map[string]string) error {
	date := func(name string) time.Time {
		at, _ := time.Parse(time.RFC3339, c[name])
		return at
	}
	if date("ChargePeriodStart").Before(date("BillingPeriodStart")) || date("ChargePeriodEnd").After(date("BillingPeriodEnd")) ||
		!date("ChargePeriodStart").Before(date("ChargePeriodEnd")) {
		return errors.New("the charge period is not within the billing period")
	}
	if c["ChargeCategory"] == "Usage" && c["ChargeClass"] == "" {
		for _, name := range []string{"PricingQuantity", "PricingUnit", "PricingCategory", "ListUnitPrice", "SkuId", "SkuPriceId", "ConsumedQuantity", "ConsumedUnit"} {
			if c[name] == "" {
				return fmt.Errorf("%s is null", name)
			}
		}
		// What a charge costs is its quantity times its price, but for the last
		// micro-unit, with which charges add up.
		for price, cost := range map[string]string{"ListUnitPrice": "ListCost", "ContractedUnitPrice": "ContractedCost"} {
			d := new(big.Rat).Mul(rat(c[price]), rat(c["PricingQuantity"]))
			d.Sub(d, rat(c[cost]))
			// A quantity is rounded to twelve digits, for which a price of a million may
			// be off by half a micro-unit.
			if d.Abs(d).Cmp(big.NewRat(15, 10_000_000)) > 0 {
				return fmt.Errorf("%s × PricingQuantity is not %s", price, cost)
			}
		}
	}
	if c["Tags"] != "" && json.Unmarshal([]byte(c["Tags"]), &map[string]string{}) != nil {
		return errors.New("Tags are no JSON object")
	}
	return nil
}

func rat(s string) *big.Rat {
	r, _ := new(big.Rat).SetString(s)
	return r
}

func TestFocusOfTheExample(t *testing.T) {
	a := Adjustment{At: 1000, Of: Month{1969, 12}, Tenant: "shop", Team: "checkout", Amount: -500_000, Reason: "credit"}
	r := build(t, Query{To: 2000, By: []Column{ByMetric}, Shared: Even}.Focus(), exampleTariff(t), exampleCells(), a)
	var b bytes.Buffer
	if err := r.WriteFocus(&b, FocusNames{Issuer: "Example Inc."}); err != nil {
		t.Fatal(err)
	}
	charges, err := checkFocus(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range charges {
		got = append(got, strings.Join([]string{c["SubAccountId"], c["ResourceId"], c["ChargeCategory"], c["PricingQuantity"], c["PricingUnit"], c["ListUnitPrice"], c["BilledCost"]}, " | "))
		if c["InvoiceIssuerName"] != "Example Inc." || c["ProviderName"] != "Headgate" || c["x_FocusVersion"] != "1.2" {
			t.Errorf("names %q, %q, version %q", c["InvoiceIssuerName"], c["ProviderName"], c["x_FocusVersion"])
		}
	}
	want := []string{
		"checkout | up | Usage | 1 | 1000 Series-Months | 5 | 5",
		"unowned | up | Usage | 5 | 1000000 Samples | 0.1 | 0.5",
		"checkout | up | Usage | 3 | 1000000 Samples | 0.1 | 0.3",
		"unowned | go_goroutines | Usage | 2 | 1000000 Samples | 0.1 | 0.2",
		"search | up | Usage | 1 | 1000000 Samples | 0.1 | 0.1",
		"checkout | go_goroutines | Usage | 1 | 1000000 Samples | 0.1 | 0.1",
		"checkout |  | Adjustment |  |  |  | -0.5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("charges (-want +got):\n%s", diff)
	}
}

func TestFocusIsValidAndAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorkload(t, 1e12, 1_000_000e12)
		for i := range w.cells {
			w.cells[i].Team += rapid.SampledFrom([]string{"", "=", "\n", `"`}).Draw(t, "hostile")
			w.cells[i].Metric = rapid.SampledFrom([]string{"", "=1+1", "a,b", "ü"}).Draw(t, "metric")
			w.cells[i].Tenant = tenant.ID(rapid.SampledFrom([]string{"a", "b", "-c"}).Draw(t, "tenant"))
		}
		q := Query{To: 100, By: []Column{ByMetric, ByService}}.Focus()
		r := build(t, q, w.tariff, w.cells)
		var b bytes.Buffer
		switch err := r.WriteFocus(&b, FocusNames{}); {
		case r.Currency == "" && errors.Is(err, ErrNoPrice):
			return
		case err != nil:
			t.Fatal(err)
		}
		charges, err := checkFocus(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		sum := new(big.Rat)
		for _, c := range charges {
			sum.Add(sum, rat(c["BilledCost"]))
		}
		if want := big.NewRat(int64(r.Total), 1_000_000); sum.Cmp(want) != 0 {
			t.Fatalf("charges add up to %s, the total is %s", sum.FloatString(6), r.Total)
		}
	})
}
