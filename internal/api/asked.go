package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/control"
)

// A QueryUse is what is known of queries for a metric, or a label of it.
type QueryUse struct {
	Since  time.Time `json:"since" doc:"Queries are watched since then."`
	Count  uint64    `json:"count" doc:"How often it was asked for; 0: not seen."`
	Last   time.Time `json:"last,omitzero"`
	How    string    `json:"how,omitempty" enum:"name,pattern,result,unknown" doc:"As of uses; the most certain way."`
	Others uint64    `json:"others,omitempty" doc:"How often names were asked for that there is no room for: it may be among them."`
	Text   string    `json:"text"`

	Logged uint64       `json:"logged" doc:"Queries of any metric that were read in query logs."`
	Told   uint64       `json:"told" doc:"Queries of any metric that were told by API."`
	Step   string       `json:"step,omitempty" doc:"The smallest step of results."`
	Ranges []QueryRange `json:"ranges,omitempty" nullable:"false" doc:"What functions read of the metric, each the shortest: a rule that thins may leave too few samples."`
	Seen   []SeenQuery  `json:"seen,omitempty" nullable:"false" doc:"The latest queries, for those who see every tenant."`
	More   int          `json:"more,omitempty" doc:"How many more queries there are."`
}

// A QueryRange is the shortest range that a function was asked to read of a metric.
type QueryRange struct {
	Func     string `json:"func,omitempty" doc:"Absent of queries that could not be parsed."`
	Range    string `json:"range,omitempty" doc:"Absent where it is not known."`
	Step     string `json:"step,omitempty" doc:"Of a subquery."`
	Subquery bool   `json:"subquery,omitempty"`
	Unknown  bool   `json:"unknown,omitempty" doc:"It may be any other range, too."`
}

// A SeenQuery is a query that was asked.
type SeenQuery struct {
	Expr   string    `json:"expr" doc:"As PromQL is printed."`
	Count  uint64    `json:"count"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	By     []string  `json:"by,omitempty" nullable:"false" doc:"Who asked it, the first few: addresses and rule groups of a query log, or what was told."`
	Step   string    `json:"step,omitempty" doc:"The smallest step of its results."`
	How    string    `json:"how" enum:"name,pattern,result,unknown"`
	Labels []string  `json:"labels,omitempty" nullable:"false" doc:"Of the metric, that it depends on by name."`
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
	By    string    `json:"by" required:"false" maxLength:"100" doc:"Who asked it."`
	Step  string    `json:"step" required:"false" maxLength:"20" doc:"Of its results, such as 15s; absent where it was asked for one time."`
}

type askedInput struct{ Body AskedQueries }

type askedOutput struct {
	Body struct {
		Taken  int `json:"taken"`
		Unread int `json:"unread" doc:"Of them, those that cannot be parsed: the words in them count as names that may be asked for."`
	}
}

func registerAsked(a huma.API, c *control.Control) {
	note := operation(http.MethodPost, "/usage/queries", "note-queries", "Say which queries were asked of the store, where there is no query log to read")
	note.DefaultStatus = http.StatusOK
	huma.Register(a, note, func(ctx context.Context, in *askedInput) (*askedOutput, error) {
		list := make([]control.AskedQuery, len(in.Body.Queries))
		for i, q := range in.Body.Queries {
			step, err := parseStep(q.Step)
			if err != nil {
				return nil, problem(&control.Invalid{Field: fmt.Sprintf("queries[%d].step", i), Text: err.Error() + "; write it as 15s"})
			}
			list[i] = control.AskedQuery{Expr: q.Expr, At: q.At, Count: q.Count, By: q.By, Step: step}
		}
		unread, err := c.As(actor(ctx)).NoteQueries(list)
		if err != nil {
			return nil, problem(err)
		}
		out := &askedOutput{}
		out.Body.Taken, out.Body.Unread = len(list), unread
		return out, nil
	})
}

func newQueryUse(a *control.Asked) *QueryUse {
	if a == nil {
		return nil
	}
	u := &QueryUse{
		Since: a.Since.UTC(), Count: a.Count, Last: a.Last.UTC(), How: string(a.How), Others: a.Others.Count, Text: a.Text,
		Logged: a.Logged, Told: a.Told, Step: stepText(a.Step),
	}
	for _, r := range a.Ranges {
		u.Ranges = append(u.Ranges, QueryRange{r.Func, stepText(r.Range), stepText(r.Step), r.Subquery, r.Unknown})
	}
	return u
}

func newSeenQueries(list []control.SeenQuery, metric string) (seen []SeenQuery) {
	for _, q := range list {
		names, _ := q.Use.Query.LabelsOf(metric)
		seen = append(seen, SeenQuery{
			Expr: q.Use.Query.Expr, Count: q.Count, First: q.First.UTC(), Last: q.Last.UTC(), By: q.By,
			Step: stepText(q.Step), How: string(q.Use.How), Labels: names,
		})
	}
	return seen
}

// stepText writes a duration as PromQL does; 0 is none.
func stepText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return model.Duration(d).String()
}

func parseStep(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := model.ParseDuration(s)
	return time.Duration(d), err
}
