package attribution

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/internal/tenant"
)

func mustHour(tb testing.TB, s string) Hour {
	tb.Helper()
	h, err := ParseHour(s)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

func mustDecimal(tb testing.TB, s string) Decimal {
	tb.Helper()
	d, err := ParseDecimal(s)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func mustTariff(tb testing.TB, ps []Price, closings ...Closing) *Tariff {
	tb.Helper()
	t, err := NewTariff(ps, closings...)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestDecimalsAreReadExactly(t *testing.T) {
	tests := []struct {
		text, want string
		n          int64
	}{
		{"0", "0", 0},
		{"0.10", "0.1", 100_000_000_000},
		{"5.00", "5", 5_000_000_000_000},
		{"0.000000000001", "0.000000000001", 1},
		{"0.1000000000000000000000000", "0.1", 100_000_000_000},
		{"007", "7", 7_000_000_000_000},
		{"1e-7", "0.0000001", 100_000},
		{"1.5E3", "1500", 1_500_000_000_000_000},
		{"120e-1", "12", 12_000_000_000_000},
		{"9223372.036854775807", "9223372.036854775807", 1<<63 - 1},
	}
	for _, tt := range tests {
		d, err := ParseDecimal(tt.text)
		if err != nil || int64(d) != tt.n || d.String() != tt.want {
			t.Errorf("ParseDecimal(%q) = %d (%s), %v; want %d (%s)", tt.text, int64(d), d, err, tt.n, tt.want)
		}
	}
}

func TestWhatIsNoDecimalIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "is no decimal number",
		".":                    "is no decimal number",
		".5":                   "is no decimal number",
		"5.":                   "is no decimal number",
		"0.1.2":                "is no decimal number",
		"1_000":                "is no decimal number",
		"1,5":                  "is no decimal number",
		"0x10":                 "is no decimal number",
		"1/3":                  "is no decimal number",
		".inf":                 "is no decimal number",
		"NaN":                  "is no decimal number",
		"+1":                   "is no decimal number",
		" 1":                   "is no decimal number",
		"1e":                   "is no decimal number",
		"1e1000000000":         "is no decimal number",
		"-0.10":                "it is negative",
		"0.0000000000001":      "more than 12 digits",
		"1e-13":                "more than 12 digits",
		"9223372.036854775808": "too large; the greatest is 9223372.036854775807",
		"1e99":                 "too large",
	} {
		if d, err := ParseDecimal(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseDecimal(%q) = %s, %v; want an error with %q", text, d, err, want)
		}
	}
}

func TestDecimalsSurviveEveryForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Decimal(rapid.Int64Min(0).Draw(t, "d"))
		if again, err := ParseDecimal(d.String()); err != nil || again != d {
			t.Fatalf("%s became %s, %v", d, again, err)
		}
		p := Price{Currency: "USD", PerMillionSamples: d, ValidFrom: Hour(rapid.Int64Range(0, 1<<20).Draw(t, "hour"))}
		var fromJSON, fromYAML Price
		text, err := json.Marshal(p)
		if err == nil {
			err = json.Unmarshal(text, &fromJSON)
		}
		if err != nil || fromJSON != p {
			t.Fatalf("%+v became %+v in JSON %s, %v", p, fromJSON, text, err)
		}
		text, err = yaml.Marshal(p)
		if err == nil {
			err = yaml.Unmarshal(text, &fromYAML)
		}
		if err != nil || fromYAML != p {
			t.Fatalf("%+v became %+v in YAML %s, %v", p, fromYAML, text, err)
		}
	})
}

func TestMoneyIsWrittenWithCents(t *testing.T) {
	for m, want := range map[Micro]string{
		0: "0.00", 1: "0.000001", 1_200_000_000: "1200.00", 1_250_000: "1.25", -500_000: "-0.50", -1 << 63: "-9223372036854.775808",
	} {
		if got := m.String(); got != want {
			t.Errorf("%d is written %s, want %s", int64(m), got, want)
		}
	}
}

func TestPricesAreOneMappingOrAList(t *testing.T) {
	want := Prices{{Currency: "USD", PerMillionSamples: mustDecimal(t, "0.1"), PerThousandSeriesMonth: mustDecimal(t, "5"), ValidFrom: mustHour(t, "2026-01-01")}}
	second := Price{Tenant: "payments", Currency: "USD", PerMillionSamples: mustDecimal(t, "0.08"), ValidFrom: mustHour(t, "2026-03-01T12:00:00Z")}
	tests := []struct {
		name, text string
		want       Prices
	}{
		{"a mapping", `prices: {currency: USD, per_million_samples: 0.10, per_thousand_series_month: 5.00, valid_from: 2026-01-01}`, want},
		{"a list", "prices:\n  - {currency: USD, per_million_samples: '0.10', per_thousand_series_month: 5, valid_from: '2026-01-01'}\n" +
			"  - {tenant: payments, currency: USD, per_million_samples: 8e-2, valid_from: 2026-03-01T12:00:00Z}", append(want, second)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c Config
			if err := yaml.Unmarshal([]byte(tt.text), &c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, c.Prices); diff != "" {
				t.Errorf("prices (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWrongPricesAreNamed(t *testing.T) {
	ps := Prices{
		{Currency: "USD"},
		{},
		{Currency: "usd", Tenant: "a"},
		{Currency: "EUR", Tenant: "b"},
		{Currency: "USD", Tenant: "a/b"},
		{Currency: "USD"},
		{Currency: "USD", Tenant: "fine"},
	}
	err := ps.Validate()
	if err == nil {
		t.Fatal("wrong prices were accepted")
	}
	for _, want := range []string{
		"number 2: currency: it is missing",
		`number 3: currency: "usd" is no code of ISO 4217`,
		"number 4: currency: EUR here and USD in the first price",
		`number 5: tenant: "a/b": tenant ID has`,
		"number 6: valid_from: a price of the same tenant before it",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "number 7") || strings.Contains(err.Error(), "number 1:") {
		t.Errorf("the error names a price that is right:\n%v", err)
	}
	if err := (Prices{{}}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "currency: ") {
		t.Errorf("of a single price the error is %v, want no number", err)
	}
}

func TestThePriceOfAnHour(t *testing.T) {
	jan, mar := mustHour(t, "2026-01-01"), mustHour(t, "2026-03-01T12:00:00Z")
	tariff := mustTariff(t, []Price{
		{Currency: "USD", PerMillionSamples: 1, ValidFrom: jan},
		{Currency: "USD", PerMillionSamples: 2, ValidFrom: mar},
		{Tenant: "own", Currency: "USD", PerMillionSamples: 3, ValidFrom: mar},
	}, Closing{Month: Month{2026, time.February}, Prices: []Price{{Currency: "USD", PerMillionSamples: 9}}})
	tests := []struct {
		name   string
		tenant tenant.ID
		hour   Hour
		want   Decimal // -1: none
	}{
		{"before the first there is none", "a", jan - 1, -1},
		{"it holds from its first hour on", "a", jan, 1},
		{"until the hour before the next", "a", mar - 1, 1},
		{"the next holds from its own", "a", mar, 2},
		{"a tenant's own goes before that of all", "own", mar, 3},
		{"before it begins, that of all holds", "own", mar - 1, 1},
		{"a closed month keeps its prices", "own", mustHour(t, "2026-02-11"), 9},
		{"nobody has the price of all", "", mar, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, ok := tariff.At(tt.tenant, tt.hour)
			if got := p.PerMillionSamples; ok != (tt.want >= 0) || ok && got != tt.want {
				t.Errorf("price %d, %v; want %d", got, ok, tt.want)
			}
		})
	}
	if diff := cmp.Diff([]Hour{mar}, tariff.Changes(jan+1, mar+1)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestTariffRefusesTwoCurrencies(t *testing.T) {
	_, err := NewTariff([]Price{{Currency: "USD"}}, Closing{Prices: []Price{{Currency: "EUR"}}})
	if err == nil || !strings.Contains(err.Error(), "USD and, of a closed month, in EUR") {
		t.Errorf("error %v", err)
	}
}

func TestHoursAndMonths(t *testing.T) {
	if h := HourOf(time.Unix(-1, 0)); h != -1 || h.Day() != -24 {
		t.Errorf("the second before 1970 lies in hour %d of day %d, want -1, -24", h, h.Day())
	}
	for text, want := range map[string]string{
		"2026-01-01T00:30:00Z":      "lies within an hour",
		"2026-01-01T00:00:00+05:30": "lies within an hour",
		"yesterday":                 "is no time",
	} {
		if h, err := ParseHour(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseHour(%q) = %s, %v; want an error with %q", text, h, err, want)
		}
	}
	m, err := ParseMonth("2026-12")
	if err != nil {
		t.Fatal(err)
	}
	if m.To() != m.Next().From() || m.To()-m.From() != 31*24 || m.Next().String() != "2027-01" || m.Previous().String() != "2026-11" {
		t.Errorf("month %s: from %s to %s, then %s, before %s", m, m.From(), m.To(), m.Next(), m.Previous())
	}
	if got, want := m.ClosesAt(), time.Date(2027, 1, 3, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("it closes at %s, want %s", got, want)
	}
	if got := (m.To() - 1).Month(); got != m {
		t.Errorf("its last hour lies in %s", got)
	}
}
