package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
)

// A Preview is what a rule would do to the series received lately, were it enforced.
type Preview struct {
	Series   PreviewSeries  `json:"series"`
	Samples  PreviewSamples `json:"samples_per_second"`
	Cost     PreviewCost    `json:"cost_per_month_micro"`
	Currency string         `json:"currency" doc:"Of all costs; empty where no price is set."`
	Exact    bool           `json:"exact" doc:"Every series that may be meant is known: nothing is estimated."`
	Replaces bool           `json:"replaces" doc:"The rule stands in place of the one of its name."`

	Tenants     []PreviewTenant `json:"tenants" doc:"With the most removed first; so are teams and metrics."`
	Teams       []PreviewTeam   `json:"teams"`
	Metrics     []PreviewMetric `json:"metrics"`
	TenantsRest PreviewRest     `json:"tenants_rest" doc:"All that are not in the list together; so are teams_rest and metrics_rest."`
	TeamsRest   PreviewRest     `json:"teams_rest"`
	MetricsRest PreviewRest     `json:"metrics_rest"`

	Examples  []string   `json:"examples" doc:"Series that are removed or thinned, else some that match, as PromQL writes them."`
	Torn      []string   `json:"torn_families" doc:"Histograms and summaries of which some series go and others stay: the name, a colon, and which."`
	Conflicts []Conflict `json:"conflicts"`
	Breaks    []Break    `json:"breaks"`
	Notes     []string   `json:"notes" doc:"What else is to be known, in sentences."`
}

// PreviewSeries are series received within the window.
type PreviewSeries struct {
	Before   int64   `json:"before" doc:"Of the tenants that the rule is for, those that no rule drops now."`
	Matched  int64   `json:"matched" doc:"By the rule, whatever comes before it."`
	Removed  int64   `json:"removed" doc:"Dropped, and not now."`
	Error    float64 `json:"error" doc:"The truth is within that of removed in 95 of 100 cases; 0 where it is exact."`
	Thinned  int64   `json:"thinned" doc:"They lose samples and stay."`
	Restored int64   `json:"restored" doc:"Dropped now, and then not."`
	AtMost   int64   `json:"at_most" doc:"Where none was seen to match: how many may nevertheless; then 0 is certain."`
}

// PreviewSamples are rates.
type PreviewSamples struct {
	Before   *float64 `json:"before" doc:"What rules let pass now; null where that is not known yet, so soon after the start. Then what is removed may be more than it says."`
	Removed  float64  `json:"removed"`
	Error    float64  `json:"error" doc:"The truth is within that of removed in 95 of 100 cases; 0 where it is exact."`
	Restored float64  `json:"restored"`
}

// A PreviewCost is money.
type PreviewCost struct {
	Removed int64 `json:"removed" doc:"What is removed, for 730 hours, by the prices of this hour."`
}

// A PreviewPart is what is removed of something.
type PreviewPart struct {
	SeriesRemoved  int64   `json:"series_removed"`
	SeriesError    float64 `json:"series_error" doc:"As error of series."`
	SamplesRemoved float64 `json:"samples_per_second_removed"`
	CostRemoved    int64   `json:"cost_per_month_micro_removed"`
}

// A PreviewTenant is one tenant's part.
type PreviewTenant struct {
	Tenant string `json:"tenant"`
	PreviewPart
}

// A PreviewTeam is one team's part.
type PreviewTeam struct {
	Team string `json:"team"`
	PreviewPart
}

// A PreviewMetric is one metric's part.
type PreviewMetric struct {
	Metric string `json:"metric"`
	PreviewPart
}

// PreviewRest is what is removed of all that a list leaves out.
type PreviewRest struct {
	Count int `json:"count" doc:"How many are left out."`
	PreviewPart
}

// A Conflict is another rule that matches some of the series.
type Conflict struct {
	Rule        string  `json:"rule"`
	Kind        string  `json:"kind" enum:"shadows,shadowed_by" doc:"shadows: the other rule would take the series, and this one comes first. shadowed_by: the other one takes them."`
	Series      int64   `json:"series"`
	SeriesError float64 `json:"series_error"`
}

type previewInput struct{ Body RuleSettings }

type previewOutput struct{ Body Preview }

func registerPreview(a huma.API, c *control.Control) {
	op := operation(http.MethodPost, "/rules/preview", "preview-rule", "What a rule would do to the series received lately; nothing is changed")
	huma.Register(a, op, func(ctx context.Context, in *previewInput) (*previewOutput, error) {
		p, err := c.As(actor(ctx)).Preview(ctx, in.Body.spec(), in.Body.Position)
		if err != nil {
			return nil, problem(err)
		}
		return &previewOutput{newPreview(p)}, nil
	})
}

func newPreview(p control.Preview) Preview {
	out := Preview{
		Series: PreviewSeries{
			Before: whole(p.SeriesBefore), Matched: whole(p.Matched.Value), Removed: whole(p.Removed.Value), Error: errorDigits(p.Removed.Error),
			Thinned: whole(p.Thinned.Value), Restored: whole(p.Restored.Value), AtMost: whole(p.AtMost),
		},
		Samples: PreviewSamples{
			Removed: rateDigits(p.SamplesRemoved.Value),
			Error:   errorDigits(p.SamplesRemoved.Error), Restored: rateDigits(p.SamplesRestored.Value),
		},
		Cost: PreviewCost{int64(p.Cost)}, Currency: p.Currency, Exact: p.Exact, Replaces: p.Replaces,
		Tenants: []PreviewTenant{}, Teams: []PreviewTeam{}, Metrics: []PreviewMetric{},
		TenantsRest: newPreviewRest(p.Tenants), TeamsRest: newPreviewRest(p.Teams), MetricsRest: newPreviewRest(p.Metrics),
		Examples: []string{}, Torn: append([]string{}, p.Torn...), Conflicts: []Conflict{}, Breaks: newBreaks(p.Breaks), Notes: append([]string{}, p.Notes...),
	}
	if p.RatesKnown() {
		before := rateDigits(p.SamplesBefore)
		out.Samples.Before = &before
	}
	for _, r := range p.Tenants.Rows {
		out.Tenants = append(out.Tenants, PreviewTenant{r.Name, newPreviewPart(r)})
	}
	for _, r := range p.Teams.Rows {
		out.Teams = append(out.Teams, PreviewTeam{r.Name, newPreviewPart(r)})
	}
	for _, r := range p.Metrics.Rows {
		out.Metrics = append(out.Metrics, PreviewMetric{r.Name, newPreviewPart(r)})
	}
	for _, ls := range p.Examples {
		out.Examples = append(out.Examples, series.Labels(ls).String())
	}
	for _, x := range p.Conflicts {
		out.Conflicts = append(out.Conflicts, Conflict{x.Rule, x.Kind, whole(x.Series.Value), errorDigits(x.Series.Error)})
	}
	return out
}

func newPreviewPart(r control.PreviewRow) PreviewPart {
	return PreviewPart{whole(r.Series.Value), errorDigits(r.Series.Error), rateDigits(r.Samples.Value), int64(r.Cost)}
}

func newPreviewRest(g control.PreviewGroups) PreviewRest {
	return PreviewRest{g.More, newPreviewPart(g.Rest)}
}
