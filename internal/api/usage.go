package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules/usage"
)

// A UsageQuery is an alert, a recording rule or a panel, and what it asks.
type UsageQuery struct {
	Kind string `json:"kind" enum:"alert,record,dashboard"`
	Name string `json:"name" doc:"Of the alert, the recorded metric, or the dashboard and its panel."`
	File string `json:"file"`
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

// A QueryUse is what is known of queries for a metric, or a label of it.
type QueryUse struct {
	Since  time.Time `json:"since" doc:"Queries are watched since then."`
	Count  uint64    `json:"count" doc:"How often it was asked for; 0: not seen."`
	Last   time.Time `json:"last,omitzero"`
	How    string    `json:"how,omitempty" enum:"name,pattern,result,unknown" doc:"As of uses; the most certain way."`
	Others uint64    `json:"others,omitempty" doc:"How often names were asked for that there is no room for: it may be among them."`
	Text   string    `json:"text"`
}

// AskedQueries are queries that were asked of the store.
type AskedQueries struct {
	Queries []AskedQuery `json:"queries" minItems:"1" maxItems:"1000"`
}

// An AskedQuery is one of them.
type AskedQuery struct {
	Expr  string    `json:"expr" minLength:"1" maxLength:"32768" doc:"PromQL."`
	At    time.Time `json:"at" required:"false" doc:"When it was asked last; now where absent."`
	Count int64     `json:"count" required:"false" minimum:"1" maximum:"1000000000" doc:"How often; 1 where absent."`
}

type askedInput struct{ Body AskedQueries }

type askedOutput struct {
	Body struct {
		Taken  int `json:"taken"`
		Unread int `json:"unread" doc:"Of them, those that cannot be parsed: the words in them count as names that may be asked for."`
	}
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
				out.Body.Uses = append(out.Body.Uses, Use{newUsageQuery(u.Query), string(u.How)})
			}
			return out, nil
		})
	note := operation(http.MethodPost, "/usage/queries", "note-queries", "Say which queries were asked of the store, where there is no query log to read")
	note.DefaultStatus = http.StatusOK
	huma.Register(a, note, func(ctx context.Context, in *askedInput) (*askedOutput, error) {
		list := make([]control.AskedQuery, len(in.Body.Queries))
		for i, q := range in.Body.Queries {
			list[i] = control.AskedQuery(q)
		}
		unread, err := c.As(actor(ctx)).NoteQueries(list)
		if err != nil {
			return nil, problem(err)
		}
		out := &askedOutput{}
		out.Body.Taken, out.Body.Unread = len(list), unread
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

func newQueryUse(a *control.Asked) *QueryUse {
	if a == nil {
		return nil
	}
	return &QueryUse{Since: a.Since.UTC(), Count: a.Count, Last: a.Last.UTC(), How: string(a.How), Others: a.Others.Count, Text: a.Text}
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
