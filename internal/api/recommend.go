package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
)

// A RuleDraft is a rule as files hold it, ready to be posted.
type RuleDraft struct {
	Name     string `json:"name"`
	Tenant   string `json:"tenant"`
	Match    Match  `json:"match"`
	Action   string `json:"action" enum:"drop,downsample"`
	Interval string `json:"interval,omitempty"`
	Mode     string `json:"mode" enum:"shadow"`
	Team     string `json:"team,omitempty"`
	Reason   string `json:"reason"`
}

// A Recommendation is a change that would save money.
type Recommendation struct {
	Kind     string    `json:"kind" enum:"unused,buckets,frequent,slow,duplicate,explosive"`
	Tenant   string    `json:"tenant"`
	Metric   string    `json:"metric" doc:"Empty where it is about many."`
	Label    string    `json:"label" doc:"Empty where it is about none."`
	Text     string    `json:"text" doc:"What was found, and what to do."`
	Loses    string    `json:"loses" doc:"What is gone where the rule is enforced."`
	Rule     RuleDraft `json:"rule" doc:"Ready to be saved, in shadow mode."`
	RuleYAML string    `json:"rule_yaml" doc:"The same as a file holds it."`
	Source   string    `json:"source_yaml" doc:"metric_relabel_configs that do the same in Prometheus; empty where there are none."`
	Warning  string    `json:"source_warning" doc:"Of source_yaml."`
	Preview  Preview   `json:"preview" doc:"Of the rule, enforced."`
}

type recommendInput struct {
	Tenant string `query:"tenant" doc:"The tenant of senders that name none, where absent."`
	Team   string `query:"team" maxLength:"256" doc:"Only for series of this team; its rules act on no others."`
	Limit  int    `query:"limit" minimum:"1" maximum:"40" default:"10"`
}

type recommendOutput struct {
	Body struct {
		Recommendations []Recommendation `json:"recommendations" doc:"What saves the most money first; without prices, the most samples."`
		Notes           []string         `json:"notes" doc:"What is to be known of them, in sentences."`
	}
}

func registerRecommend(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/recommendations", "list-recommendations", "What would save money, each with a ready rule and its preview"),
		func(ctx context.Context, in *recommendInput) (*recommendOutput, error) {
			found, err := c.As(actor(ctx)).Recommend(ctx, control.RecommendQuery{Tenant: in.Tenant, Team: in.Team, Limit: in.Limit})
			if err != nil {
				return nil, problem(err)
			}
			out := &recommendOutput{}
			out.Body.Recommendations, out.Body.Notes = []Recommendation{}, append([]string{}, found.Notes...)
			for i := range found.List {
				out.Body.Recommendations = append(out.Body.Recommendations, newRecommendation(&found.List[i]))
			}
			return out, nil
		})
}

func newRecommendation(r *control.Recommendation) Recommendation {
	s := r.Rule
	return Recommendation{
		Kind: r.Kind, Tenant: string(r.Tenant), Metric: r.Metric, Label: r.Label, Text: r.Text, Loses: r.Loses,
		Rule: RuleDraft{
			Name: s.Name, Tenant: s.Tenant, Match: Match(s.Match), Action: s.Action, Interval: s.Interval, Mode: s.Mode, Team: s.Team, Reason: s.Reason,
		},
		RuleYAML: r.YAML, Source: r.Source, Warning: r.Warning, Preview: newPreview(r.Preview),
	}
}
