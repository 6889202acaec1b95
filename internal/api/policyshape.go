package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/tenant"
)

// PolicySource says where an entry of a policy comes from.
type PolicySource struct {
	Source string `json:"source,omitempty" enum:"file,api" doc:"An entry of a file may be sent as it is, and is left out; it is changed in the file."`
	File   string `json:"file,omitempty"`
}

// PolicyOrigin says who set all that files do not name, and when.
type PolicyOrigin struct {
	Revision  int64     `json:"revision" required:"false" doc:"The ETag; 0 where nobody set anything by API."`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	UpdatedBy string    `json:"updated_by,omitempty"`
}

// OwnerSettings are a clause as files hold it: match and team, or label.
type OwnerSettings struct {
	Match string `json:"match,omitempty" doc:"A PromQL series selector."`
	Team  string `json:"team,omitempty"`
	Label string `json:"label,omitempty" doc:"The team is this label's value."`
	PolicySource
}

// OwnersSettings are all clauses.
type OwnersSettings struct {
	Owners   []OwnerSettings `json:"owners" nullable:"false" doc:"The first that decides is the series' team: those of files first."`
	Catalogs []OwnerCatalog  `json:"catalogs" required:"false" doc:"Asked after all clauses, in order. They are changed in the file alone."`
	PolicyOrigin
}

// An OwnerCatalog is a catalog that the configuration file names.
type OwnerCatalog struct {
	Type  string   `json:"type" enum:"backstage,opslevel,csv"`
	Files []string `json:"files"`
	Join  struct {
		Label string `json:"label"`
		Field string `json:"field"`
	} `json:"join"`
	Names int `json:"names" doc:"How many values of the label it knows."`
	Teams int `json:"teams" doc:"How many teams it knows."`
	PolicySource
}

// A CatalogProblem is an entry of a catalog that is skipped.
type CatalogProblem struct {
	File string `json:"file"`
	Line int    `json:"line" doc:"From 1; 0 where the file as a whole is meant."`
	Text string `json:"text"`
}

// A Number is a decimal number, exactly as it is written.
type Number string

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(n))
	}
	*n = Number(data)
	return nil
}

// Schema implements huma.SchemaProvider.
func (Number) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A decimal number of 0 or more, or one in quotes; it is taken exactly as it is written.",
		OneOf:       []*huma.Schema{{Type: huma.TypeNumber}, {Type: huma.TypeString}},
	}
}

// PriceSettings are a price as files hold it.
type PriceSettings struct {
	Tenant                 string `json:"tenant,omitempty" doc:"Absent: of every tenant that has no price of its own."`
	Currency               string `json:"currency" doc:"ISO 4217; all prices have the same." example:"USD"`
	PerMillionSamples      Number `json:"per_million_samples" required:"false"`
	PerThousandSeriesMonth Number `json:"per_thousand_series_month" required:"false" doc:"Of 1000 series that are active for 730 hours."`
	ValidFrom              string `json:"valid_from,omitempty" doc:"A day, or a full hour in RFC 3339; until a later price of the same tenant. Absent: always." example:"2026-01-01"`
	PolicySource
}

// PricesSettings are all prices.
type PricesSettings struct {
	Prices []PriceSettings `json:"prices" nullable:"false"`
	PolicyOrigin
}

// BudgetSettings are a budget as files hold it.
type BudgetSettings struct {
	Month Number `json:"month" doc:"What may be spent in a calendar month of UTC, in the currency of prices."`
	PolicySource
}

// BudgetsSettings are all budgets.
type BudgetsSettings struct {
	Budgets map[string]BudgetSettings `json:"budgets" doc:"By team, or as tenant:NAME by tenant."`
	PolicyOrigin
}

func newPolicyOrigin(s control.PolicyStamp) PolicyOrigin {
	return PolicyOrigin{s.Revision, s.UpdatedAt, s.UpdatedBy}
}

func newOwners(o control.Owners) OwnersSettings {
	out := OwnersSettings{Owners: []OwnerSettings{}, Catalogs: []OwnerCatalog{}, PolicyOrigin: newPolicyOrigin(o.PolicyStamp)}
	for _, e := range o.Entries {
		out.Owners = append(out.Owners, OwnerSettings{e.Match, e.Team, e.Label, PolicySource(e.Origin)})
	}
	for _, c := range o.Catalogs {
		is := c.Config()
		catalog := OwnerCatalog{
			Type: is.Type, Files: is.Files, Names: c.Len(), Teams: len(c.Teams()), PolicySource: PolicySource{control.FromFile, o.File},
		}
		catalog.Join.Label, catalog.Join.Field = is.Join.Label, is.Join.Field
		out.Catalogs = append(out.Catalogs, catalog)
	}
	return out
}

func (s *OwnersSettings) entries() []control.OwnerEntry {
	entries := make([]control.OwnerEntry, len(s.Owners))
	for i, o := range s.Owners {
		entries[i] = control.OwnerEntry{OwnerConfig: attribution.OwnerConfig{Match: o.Match, Team: o.Team, Label: o.Label}, Origin: control.Origin(o.PolicySource)}
	}
	return entries
}

func newPrices(ps control.Prices) PricesSettings {
	out := PricesSettings{Prices: []PriceSettings{}, PolicyOrigin: newPolicyOrigin(ps.PolicyStamp)}
	for _, e := range ps.Entries {
		p := PriceSettings{
			Tenant: string(e.Tenant), Currency: e.Currency, PerMillionSamples: Number(e.PerMillionSamples.String()),
			PerThousandSeriesMonth: Number(e.PerThousandSeriesMonth.String()), PolicySource: PolicySource(e.Origin),
		}
		if e.ValidFrom != 0 {
			p.ValidFrom = e.ValidFrom.Time().Format(time.RFC3339)
		}
		out.Prices = append(out.Prices, p)
	}
	return out
}

// entries returns what s says, or all that is no number and no time.
func (s *PricesSettings) entries() ([]control.PriceEntry, error) {
	entries := make([]control.PriceEntry, len(s.Prices))
	var errs []error
	for i, p := range s.Prices {
		place := func(field string, err error) {
			if err != nil {
				errs = append(errs, &control.Invalid{Field: fmt.Sprintf("prices[%d].%s", i, field), Text: err.Error()})
			}
		}
		e := &entries[i]
		e.Tenant, e.Currency, e.Origin = tenant.ID(p.Tenant), p.Currency, control.Origin(p.PolicySource)
		var err error
		e.PerMillionSamples, err = p.PerMillionSamples.decimal()
		place("per_million_samples", err)
		e.PerThousandSeriesMonth, err = p.PerThousandSeriesMonth.decimal()
		place("per_thousand_series_month", err)
		if p.ValidFrom != "" {
			e.ValidFrom, err = attribution.ParseHour(p.ValidFrom)
			place("valid_from", err)
		}
	}
	return entries, someOf(errs)
}

func (n Number) decimal() (attribution.Decimal, error) {
	if n == "" {
		return 0, nil
	}
	return attribution.ParseDecimal(string(n))
}

func newBudgets(bs control.Budgets) BudgetsSettings {
	out := BudgetsSettings{Budgets: map[string]BudgetSettings{}, PolicyOrigin: newPolicyOrigin(bs.PolicyStamp)}
	for key, e := range bs.Entries {
		month, _ := e.Month.MarshalJSON() // there is no error
		out.Budgets[key] = BudgetSettings{Number(month), PolicySource(e.Origin)}
	}
	return out
}

// entries returns what s says, or all that is no amount of money.
func (s *BudgetsSettings) entries() (map[string]control.BudgetEntry, error) {
	entries := make(map[string]control.BudgetEntry, len(s.Budgets))
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(s.Budgets)) {
		b := s.Budgets[key]
		amount, err := attribution.ParseMicro(string(b.Month))
		if err != nil {
			errs = append(errs, &control.Invalid{Field: fmt.Sprintf("budgets.%.64s.month", key), Text: err.Error()})
		}
		entries[key] = control.BudgetEntry{BudgetConfig: attribution.BudgetConfig{Month: attribution.Amount{Micro: amount}}, Origin: control.Origin(b.PolicySource)}
	}
	return entries, someOf(errs)
}

// maxDetails is how many mistakes of one request are told.
const maxDetails = 100

// someOf returns errs as one error, nil where there are none.
func someOf(errs []error) error { return errors.Join(errs[:min(maxDetails, len(errs))]...) }
