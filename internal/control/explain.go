package control

import (
	"time"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
)

// An Explanation says why a series is, or is not, forwarded.
type Explanation struct {
	Steps    []ExplainStep
	Action   string // keep, drop or downsample
	Rule     string // that decided it, or ""
	Priority string
	Team     string
	Pool     string    // of the tenant's limit
	Shed     bool      // a limit does not let it pass, as of now
	Refused  string    // why the series can never be stored, or ""
	Outcome  string    // of its samples by now; "" where the series is not known
	At       time.Time // its newest sample forwarded or attempted; zero where there is none
}

// An ExplainStep is one thing that was looked at.
type ExplainStep = gateway.ExplainStep

// Explain says what the policy in force makes of a series, written as PromQL
// writes one, and what is remembered of it. Without a tenant it is that of
// senders that name none.
func (c *Control) Explain(tenantName, seriesText string) (Explanation, error) {
	t, err := c.tenantOrDefault(auth.ReadTraffic, tenantName)
	if err != nil {
		return Explanation{}, err
	}
	ls, err := ParseSeries(seriesText)
	if err != nil {
		return Explanation{}, err
	}
	return Explained(c.parts.Gateway.Explain(t, ls)), nil
}

// ParseSeries parses the series that Explain is asked about.
func ParseSeries(text string) (series.Labels, error) {
	if text == "" {
		return nil, &Invalid{"series", `which one? write it as in up{job="api"}`}
	}
	ls, err := series.ParseLabels(text)
	if err != nil {
		return nil, &Invalid{"series", err.Error() + `; write it as in up{job="api"}`}
	}
	return ls, nil
}

// Explained puts a gateway's explanation into the words of the API.
func Explained(x gateway.Explanation) Explanation {
	e := Explanation{
		Steps: x.Steps, Action: x.Action.String(), Rule: x.Rule,
		Priority: x.Priority.String(), Team: x.Team, Pool: x.Pool, Shed: x.Shed, Refused: x.Refused,
	}
	if x.Seen {
		e.Outcome, e.At = x.Outcome.String(), x.At
	}
	return e
}
