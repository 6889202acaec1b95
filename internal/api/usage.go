package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules/usage"
)

// A UsageQuery is an alert, a recording rule or a panel, and what it asks.
type UsageQuery struct {
	Kind string `json:"kind" enum:"alert,record,dashboard,query" doc:"A query is one that was asked."`
	Name string `json:"name" doc:"Of the alert, the recorded metric, or the dashboard and its panel; of a query, how often it was asked."`
	File string `json:"file" doc:"Empty of a query."`
	Line int    `json:"line,omitempty"`
	Expr string `json:"expr"`
	Link string `json:"link,omitempty" doc:"Path of the panel in Grafana."`
}

func newUsageQuery(q *usage.Query) UsageQuery {
	return UsageQuery{Kind: string(q.Kind), Name: q.Name, File: q.File, Line: q.Line, Expr: q.Expr, Link: q.Link}
}

// A Use is a query that depends, or may depend, on a metric.
type Use struct {
	UsageQuery
	How string `json:"how" enum:"name,pattern,result,unknown" doc:"It names the metric, or the label; or the name matches a pattern of the query's; or, of a label, its result carries every label; or the query could not be read, and may use it."`

	Labels []string `json:"labels,omitempty" nullable:"false" doc:"Of the metric, that it depends on by name."`
}

// A Break is a query that a rule breaks or may break.
type Break struct {
	UsageQuery
	Verdict string `json:"verdict" enum:"breaks,may_break"`
	Why     string `json:"why"`
}

func newBreaks(list []control.Break) []Break {
	breaks := make([]Break, len(list))
	for i, b := range list {
		breaks[i] = Break{newUsageQuery(b.Query), b.Verdict.String(), b.Why}
	}
	return breaks
}

// A UsageProblem is what is wrong with a rule file or a dashboard.
type UsageProblem struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Text string `json:"text"`
}

type usageInput struct {
	Metric string `query:"metric" required:"true"`
	Label  string `query:"label" doc:"Only what depends on this label of the metric."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" doc:"The next_cursor of the page before."`
}

type usageOutput struct {
	Body struct {
		Uses       []Use  `json:"uses" doc:"Certain ones first; alerts before recording rules before dashboards."`
		NextCursor string `json:"next_cursor,omitempty"`

		Queries *QueryUse `json:"queries,omitempty" doc:"What queries asked for; absent where none are watched."`
	}
}

type breaksInput struct {
	Rule   string `query:"rule" required:"true" maxLength:"63"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" doc:"The next_cursor of the page before."`
}

type breaksOutput struct {
	Body struct {
		Breaks     []Break `json:"breaks" doc:"Alerts first, and of each kind what breaks for certain."`
		NextCursor string  `json:"next_cursor,omitempty"`
	}
}

type usageProblemsInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" doc:"The next_cursor of the page before."`
}

type usageProblemsOutput struct {
	Body struct {
		Problems   []UsageProblem `json:"problems"`
		NextCursor string         `json:"next_cursor,omitempty"`
	}
}

func registerUsage(a huma.API, c *control.Control) {
	registerAsked(a, c)
	huma.Register(a, operation(http.MethodGet, "/usage", "list-usage", "The alerts, recording rules and dashboards that use a metric"),
		func(ctx context.Context, in *usageInput) (*usageOutput, error) {
			as := c.As(actor(ctx))
			uses, err := as.UsedBy(in.Metric, in.Label)
			if err != nil {
				return nil, problem(err)
			}
			asked, err := as.AskedFor(in.Metric, in.Label)
			if err != nil {
				return nil, problem(err)
			}
			page, next, err := cut(uses, in.Limit, in.Cursor)
			if err != nil {
				return nil, problem(err)
			}
			out := &usageOutput{}
			out.Body.Uses, out.Body.NextCursor, out.Body.Queries = []Use{}, next, newQueryUse(asked)
			for _, u := range page {
				names, _ := u.Query.LabelsOf(in.Metric)
				out.Body.Uses = append(out.Body.Uses, Use{newUsageQuery(u.Query), string(u.How), names})
			}
			if asked == nil {
				return out, nil
			}
			seen, more, err := as.SeenQueries(in.Metric, in.Label)
			if err != nil {
				return nil, problem(err)
			}
			out.Body.Queries.Seen, out.Body.Queries.More = newSeenQueries(seen, in.Metric), more
			return out, nil
		})
	huma.Register(a, operation(http.MethodGet, "/usage/breaks", "list-breaks", "The queries that a rule breaks or may break"),
		func(ctx context.Context, in *breaksInput) (*breaksOutput, error) {
			breaks, err := c.As(actor(ctx)).RuleBreaks(in.Rule)
			if err != nil {
				return nil, problem(err)
			}
			page, next, err := cut(breaks, in.Limit, in.Cursor)
			if err != nil {
				return nil, problem(err)
			}
			out := &breaksOutput{}
			out.Body.Breaks, out.Body.NextCursor = newBreaks(page), next
			return out, nil
		})
	huma.Register(a, operation(http.MethodGet, "/usage/problems", "list-usage-problems", "What of rule files and dashboards could not be read"),
		func(ctx context.Context, in *usageProblemsInput) (*usageProblemsOutput, error) {
			problems, err := c.As(actor(ctx)).UsageProblems()
			if err != nil {
				return nil, problem(err)
			}
			page, next, err := cut(problems, in.Limit, in.Cursor)
			if err != nil {
				return nil, problem(err)
			}
			out := &usageProblemsOutput{}
			out.Body.Problems, out.Body.NextCursor = []UsageProblem{}, next
			for _, p := range page {
				out.Body.Problems = append(out.Body.Problems, UsageProblem{p.File, p.Line, p.Text})
			}
			return out, nil
		})
}

// cut returns one page of a list, and the cursor of the next. Lists that change
// between pages may show something twice or not at all.
func cut[T any](list []T, limit int, cursor string) (page []T, next string, err error) {
	begin := 0
	if cursor != "" {
		b, err := base64.RawURLEncoding.DecodeString(cursor)
		if err == nil {
			begin, err = strconv.Atoi(string(b))
		}
		if err != nil || begin < 0 {
			return nil, "", &control.Invalid{Field: "cursor", Text: "it is none that a page before gave; leave it out to begin anew"}
		}
	}
	list = list[min(begin, len(list)):]
	if len(list) <= limit {
		return list, "", nil
	}
	return list[:limit], base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(begin + limit))), nil
}
