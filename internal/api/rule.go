package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
)

// A Rule is a rule as files hold it, and what is known of it besides.
type Rule struct {
	Name      string `json:"name"`
	Tenant    string `json:"tenant,omitempty" doc:"Every tenant where absent."`
	Match     Match  `json:"match"`
	Action    string `json:"action" enum:"keep,drop,downsample,prioritize"`
	Interval  string `json:"interval,omitempty"`
	AllowGaps bool   `json:"allow_gaps,omitempty"`
	Priority  string `json:"priority,omitempty"`
	When      string `json:"when" enum:"always,over_limit"`
	Mode      string `json:"mode" enum:"enforce,shadow,off"`
	Expires   string `json:"expires,omitempty" format:"date-time"`
	Team      string `json:"team,omitempty"`
	Reason    string `json:"reason,omitempty"`

	Source                  string  `json:"source" enum:"file"`
	File                    string  `json:"file,omitempty"`
	Line                    int     `json:"line,omitempty"`
	Position                int     `json:"position" doc:"In the order of precedence, from 1."`
	State                   string  `json:"state" enum:"active,expired,off,shadow"`
	RemovedSamplesPerSecond float64 `json:"removed_samples_per_second" doc:"Over the last minute; of a shadow rule: what it would remove."`
}

// A Match is one PromQL series selector, or a list of them, any of which may match.
type Match rules.Selectors

// MarshalJSON implements json.Marshaler.
func (m Match) MarshalJSON() ([]byte, error) { return rules.Selectors(m).MarshalJSON() }

// Schema implements huma.SchemaProvider.
func (Match) Schema(huma.Registry) *huma.Schema {
	selector := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{
		Description: "One PromQL series selector, or a list of them, any of which may match.",
		OneOf:       []*huma.Schema{selector, {Type: huma.TypeArray, Items: selector}},
	}
}

func newRule(r control.Rule) Rule {
	s := r.Rule.Spec()
	return Rule{
		Name: s.Name, Tenant: s.Tenant, Match: Match(s.Match), Action: s.Action, Interval: s.Interval, AllowGaps: s.AllowGaps,
		Priority: s.Priority, When: r.Rule.When.String(), Mode: r.Rule.Mode.String(), Expires: s.Expires, Team: s.Team, Reason: s.Reason,
		Source: "file", File: r.Rule.File, Line: r.Rule.Line,
		Position: r.Position, State: string(r.State), RemovedSamplesPerSecond: r.RemovedSamplesPerSecond,
	}
}

type rulesOutput struct {
	Body struct {
		Rules []Rule `json:"rules"`
	}
}

type ruleInput struct {
	Name string `path:"name" maxLength:"63"`
}

type ruleOutput struct{ Body Rule }

func registerRules(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/rules", "list-rules", "The rules, in the order of their precedence"),
		func(ctx context.Context, _ *struct{}) (*rulesOutput, error) {
			out := &rulesOutput{}
			out.Body.Rules = []Rule{}
			for _, r := range c.As(actor(ctx)).List() {
				out.Body.Rules = append(out.Body.Rules, newRule(r))
			}
			return out, nil
		})
	huma.Register(a, operation(http.MethodGet, "/rules/{name}", "get-rule", "One rule"),
		func(ctx context.Context, in *ruleInput) (*ruleOutput, error) {
			r, err := c.As(actor(ctx)).Rule(in.Name)
			if err != nil {
				return nil, problem(err)
			}
			return &ruleOutput{newRule(r)}, nil
		})
}
