package control

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
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

	Sighting  profiler.Sighting // what the profile knows of it; zero where nothing is profiled
	Profiled  bool
	PerSecond float64           // samples received
	Passing   float64           // of them, what rules and limits let pass
	Cost      attribution.Micro // of that, and of the series where anything passes, for an average month
	Currency  string            // "" where there is no price
	Notes     []string          // what is to be known of these figures, in sentences
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
	x := c.parts.Gateway.Explain(t, ls)
	e := Explained(x)
	c.measure(&e, x, t, ls)
	return e, nil
}

// measure adds what the series has cost, and when it was seen.
func (c *Control) measure(e *Explanation, x gateway.Explanation, t tenant.ID, ls series.Labels) {
	note := func(format string, args ...any) { e.Notes = append(e.Notes, fmt.Sprintf(format, args...)) }
	if c.parts.Profiler == nil {
		note("Nothing is profiled, so the series' rate is not known.")
		return
	}
	s := c.parts.Profiler.Find(t, ls)
	e.Sighting, e.Profiled, e.PerSecond = s, true, s.PerSecond
	window := c.parts.Profiler.Clock().Window()
	switch {
	case s.Known && !s.Active:
		note("The series is no longer received: it was last between %s and %s. Its rate and cost are those that it had.",
			s.Last.UTC().Format(time.RFC3339), s.Last.Add(s.Within).UTC().Format(time.RFC3339))
	case !s.Known && s.Certain:
		e.PerSecond = 0
		note("The series was not received within the last %s.", model.Duration(window))
		return
	case !s.Known:
		note("The series is one of many of its metric, of which only a sample is kept: its rate is the mean of theirs, and whether it is still received is not known.")
	}
	if s.Known && s.Mean {
		note("The time between its samples is not known yet: its rate is the mean of its metric's series.")
	}
	if !x.Shed && x.Refused == "" {
		e.Passing = passes(x.Decision, e.PerSecond)
	}
	price := c.monthlyPrice(t)
	if e.Currency = price.Currency(); e.Currency == "" {
		note("No price is set, so nothing has a cost.")
		return
	}
	if e.Passing > 0 {
		e.Cost = micro(price.Of(1, e.Passing))
	}
}

// ParseSeries parses the series that Explain is asked about, as PromQL writes it or
// as a JSON object of its labels.
func ParseSeries(text string) (series.Labels, error) {
	if text == "" {
		return nil, &Invalid{"series", `which one? write it as in up{job="api"}`}
	}
	if json.Valid([]byte(text)) {
		return parseObject(text)
	}
	ls, err := series.ParseLabels(text)
	if err != nil {
		return nil, &Invalid{"series", err.Error() + `; write it as in up{job="api"}`}
	}
	return ls, nil
}

// parseObject parses a JSON object of labels. An empty value is an absent label.
func parseObject(text string) (series.Labels, error) {
	invalid := func(why string) error {
		return &Invalid{"series", why + `; write JSON as in {"__name__":"up","job":"api"}`}
	}
	if len(text) > maxSeriesBytes || !utf8.ValidString(text) {
		return nil, invalid(fmt.Sprintf("a series is at most %d bytes of UTF-8", maxSeriesBytes))
	}
	d := json.NewDecoder(strings.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, invalid("this is JSON, but no object of labels")
	}
	var ls series.Labels
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, invalid(err.Error())
		}
		value, err := d.Token()
		if err != nil {
			return nil, invalid(err.Error())
		}
		v, ok := value.(string)
		if !ok {
			return nil, invalid(fmt.Sprintf("the value of label %.80q is no string", name))
		}
		if ls.Get(name.(string)) != "" {
			return nil, invalid(fmt.Sprintf("label %.80q is there twice", name))
		}
		if v != "" {
			ls = append(ls, series.Label{Name: name.(string), Value: v})
		}
	}
	if len(ls) == 0 {
		return nil, invalid("a series needs at least one label")
	}
	ls.Sort()
	return ls, nil
}

// maxSeriesBytes is how long a series may be as people write it.
const maxSeriesBytes = 1 << 16

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
