package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
)

// An Explanation says why a series is, or is not, forwarded.
type Explanation struct {
	Steps   []ExplainStep `json:"steps"`
	Verdict Verdict       `json:"verdict"`
	Last    *Last         `json:"last" doc:"null where the series is not known"`

	SamplesPerSecond  float64   `json:"samples_per_second" doc:"Received; of a series that is no longer received, what it had. The notes say where it is an estimate."`
	SamplesPassing    float64   `json:"samples_per_second_passing" doc:"Of them, what rules and limits let pass."`
	CostPerMonthMicro int64     `json:"cost_per_month_micro" doc:"Of what passes, for 730 hours, by the price of this hour."`
	Currency          string    `json:"currency" doc:"Empty where no price is set."`
	Sighting          *Sighting `json:"sighting" doc:"What the profile knows of the series; null where it knows nothing."`
	Notes             []string  `json:"notes" doc:"What is to be known of these figures, in sentences."`
}

// A Sighting says when a series was received. Times are known to a part of the
// profiler's window.
type Sighting struct {
	Active        bool      `json:"active" doc:"It was received within the window."`
	FirstSeen     time.Time `json:"first_seen" doc:"At the earliest."`
	LastSeenFrom  time.Time `json:"last_seen_from" doc:"It was received last then at the earliest,"`
	LastSeenUntil time.Time `json:"last_seen_until" doc:"and then at the latest; never later than now."`
}

// An ExplainStep is one thing that was looked at, in order.
type ExplainStep struct {
	Step    string `json:"step" enum:"tenant,owner,rule,priority,limit"`
	Name    string `json:"name"`
	Matched bool   `json:"matched"`
	Detail  string `json:"detail"`
}

// A Verdict is what the policy in force says of the series.
type Verdict struct {
	Action   string `json:"action" enum:"keep,drop,downsample"`
	Rule     string `json:"rule" doc:"Empty where no rule decides."`
	Priority string `json:"priority" enum:"critical,high,default,low"`
	Team     string `json:"team"`
	Pool     string `json:"pool,omitempty" doc:"Of the tenant's limit; absent where the series can never be stored."`
	Shed     bool   `json:"shed,omitempty" doc:"A limit does not let the series pass, as of now; the steps say which and why."`
	Refused  string `json:"refused,omitempty" doc:"Why the series can never be stored."`
}

// Last is what became of the series' samples by now.
type Last struct {
	Outcome string    `json:"outcome"`
	At      time.Time `json:"at,omitzero" doc:"The newest sample that was forwarded or attempted."`
}

// NewExplanation returns x as the API shows it.
func NewExplanation(x control.Explanation) Explanation {
	out := Explanation{
		Steps:   make([]ExplainStep, len(x.Steps)),
		Verdict: Verdict{Action: x.Action, Rule: x.Rule, Priority: x.Priority, Team: x.Team, Pool: x.Pool, Shed: x.Shed, Refused: x.Refused},
	}
	out.SamplesPerSecond, out.SamplesPassing = rateDigits(x.PerSecond), rateDigits(x.Passing)
	out.CostPerMonthMicro, out.Currency, out.Notes = int64(x.Cost), x.Currency, append([]string{}, x.Notes...)
	if s := x.Sighting; s.Known {
		until := s.Last.Add(s.Within)
		if now := time.Now(); until.After(now) {
			until = now
		}
		out.Sighting = &Sighting{s.Active, s.First.UTC(), s.Last.UTC(), until.UTC()}
	}
	for i, s := range x.Steps {
		out.Steps[i] = ExplainStep(s)
	}
	if x.Outcome != "" {
		out.Last = &Last{Outcome: x.Outcome, At: x.At.UTC()}
	}
	return out
}

type explainInput struct {
	Tenant string `query:"tenant" doc:"The tenant of senders that name none, where absent."`
	Series string `query:"series" required:"true" doc:"As PromQL writes it, up{job=\"api\"}, or as a JSON object of its labels."`
}

type explainOutput struct{ Body Explanation }

func registerExplain(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/explain", "explain", "Why a series is forwarded or not"),
		func(ctx context.Context, in *explainInput) (*explainOutput, error) {
			x, err := c.As(actor(ctx)).Explain(in.Tenant, in.Series)
			if err != nil {
				return nil, problem(err)
			}
			return &explainOutput{NewExplanation(x)}, nil
		})
}
