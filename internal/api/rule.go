package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
)

type rulesInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" maxLength:"150" doc:"The next_cursor of the page before."`
}

type rulesOutput struct {
	Body struct {
		Rules      []Rule `json:"rules" doc:"In the order of their precedence."`
		NextCursor string `json:"next_cursor"`
	}
}

type ruleInput struct {
	Name string `path:"name" maxLength:"63"`
}

type ruleOutput struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Rule
}

// A DryRun is whether a change is only tried.
type DryRun struct {
	DryRun bool `query:"dry_run" doc:"Check everything, answer what would be, and change nothing."`
}

type createRuleInput struct {
	DryRun
	Body RuleSettings
}

type saveRuleInput struct {
	Change
	DryRun
	Name string `path:"name" maxLength:"63"`
	Body RuleSettings
}

type deleteRuleInput struct {
	Change
	DryRun
	Name   string `path:"name" maxLength:"63"`
	Reason string `query:"reason" maxLength:"1024" doc:"Why, for the history."`
}

type revertRuleInput struct {
	Change
	DryRun
	Name string `path:"name" maxLength:"63"`
	Body RuleRevert
}

type ruleHistoryInput struct {
	Name   string `path:"name" maxLength:"63"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
	Cursor string `query:"cursor" maxLength:"20" doc:"The next_cursor of the page before."`
}

type ruleHistoryOutput struct {
	Body struct {
		History    []RuleRevision `json:"history" doc:"Newest first."`
		NextCursor string         `json:"next_cursor"`
	}
}

// answerRule returns r as the answer to a question about it, or to a change.
func answerRule(c *control.Control, r control.Rule, err error) (*ruleOutput, error) {
	if err != nil {
		return nil, problem(err)
	}
	out := &ruleOutput{Status: http.StatusOK, Body: newRule(r, c.Matched(r.Rule))}
	if r.Revision > 0 {
		out.ETag = etag(r.Revision)
	}
	return out, nil
}

func registerRules(a huma.API, c *control.Control) {
	registerRulesRead(a, c)
	create := operation(http.MethodPost, "/rules", "create-rule", "Make a rule, in force at once")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a, create, func(ctx context.Context, in *createRuleInput) (*ruleOutput, error) {
		as := c.As(actor(ctx))
		r, err := as.CreateRule(ctx, in.Body.spec(), in.Body.change(Change{}, in.DryRun))
		out, err := answerRule(as, r, err)
		switch {
		case err != nil:
		case in.DryRun.DryRun:
			out.Status = http.StatusOK
		default:
			out.Status, out.Location = http.StatusCreated, Prefix+"/rules/"+r.Rule.Name
		}
		return out, err
	})
	huma.Register(a, operation(http.MethodPut, "/rules/{name}", "save-rule", "Change what a rule says, in force at once"),
		func(ctx context.Context, in *saveRuleInput) (*ruleOutput, error) {
			if in.Body.Name == "" {
				in.Body.Name = in.Name
			}
			if in.Body.Name != in.Name {
				return nil, problem(&control.Invalid{Field: "name", Text: "it is not that of the path: a rule keeps its name; make another one and delete this"})
			}
			as := c.As(actor(ctx))
			r, err := as.SaveRule(ctx, in.Body.spec(), in.Body.change(in.Change, in.DryRun))
			return answerRule(as, r, err)
		})
	remove := operation(http.MethodDelete, "/rules/{name}", "delete-rule", "End a rule; its history stays")
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(a, remove, func(ctx context.Context, in *deleteRuleInput) (*struct{}, error) {
		err := c.As(actor(ctx)).DeleteRule(ctx, in.Name, control.RuleChange{Change: in.change(), Reason: in.Reason, DryRun: in.DryRun.DryRun})
		if err != nil {
			return nil, problem(err)
		}
		return nil, nil
	})
	huma.Register(a, operation(http.MethodPost, "/rules/{name}/revert", "revert-rule", "Make a rule say again what it said after one of its revisions"),
		func(ctx context.Context, in *revertRuleInput) (*ruleOutput, error) {
			as := c.As(actor(ctx))
			r, err := as.RevertRule(ctx, in.Name, in.Body.Revision, control.RuleChange{
				Change: in.change(), Reason: in.Body.Reason, Override: in.Body.Override, DryRun: in.DryRun.DryRun,
			})
			return answerRule(as, r, err)
		})
}

func registerRulesRead(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/rules", "list-rules", "The rules, in the order of their precedence"),
		func(ctx context.Context, in *rulesInput) (*rulesOutput, error) {
			as := c.As(actor(ctx))
			page, err := as.RulesPage(control.RulesQuery{Limit: in.Limit, Cursor: in.Cursor})
			if err != nil {
				return nil, problem(err)
			}
			out := &rulesOutput{}
			out.Body.Rules, out.Body.NextCursor = []Rule{}, page.Next
			matched := as.MatchedEach(page.Rules)
			for i, r := range page.Rules {
				out.Body.Rules = append(out.Body.Rules, newRule(r, matched[i]))
			}
			return out, nil
		})
	huma.Register(a, operation(http.MethodGet, "/rules/{name}", "get-rule", "One rule"),
		func(ctx context.Context, in *ruleInput) (*ruleOutput, error) {
			as := c.As(actor(ctx))
			r, err := as.Rule(in.Name)
			return answerRule(as, r, err)
		})
	huma.Register(a, operation(http.MethodGet, "/rules/{name}/history", "get-rule-history", "What became of a rule, deleted ones included"),
		func(ctx context.Context, in *ruleHistoryInput) (*ruleHistoryOutput, error) {
			page, err := c.As(actor(ctx)).RuleHistory(ctx, in.Name, in.Limit, in.Cursor)
			if err != nil {
				return nil, problem(err)
			}
			out := &ruleHistoryOutput{}
			out.Body.History, out.Body.NextCursor = []RuleRevision{}, page.Next
			for _, r := range page.History {
				out.Body.History = append(out.Body.History, newRuleRevision(r))
			}
			return out, nil
		})
}

// change returns what the settings and the rest of a request say for control.
func (s *RuleSettings) change(of Change, dry DryRun) control.RuleChange {
	return control.RuleChange{
		Change: of.change(), Reason: strings.TrimSpace(s.ChangeReason), DryRun: dry.DryRun, Override: s.Override, Position: s.Position,
	}
}
