package control

import (
	"fmt"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
)

// A CostQuery says which costs are meant, as people write it.
type CostQuery struct {
	From, To string // days, or full hours in RFC 3339; "" for this month up to now
	Month    string // as in 2026-11, in place of both
	By       string // columns as in team,metric; "" for the total alone
	Shared   string // keep, even or proportional; "" for what is in force

	// Of these alone; "" is all.
	Tenant, Team, Service, Metric string
}

// maxSpan is how long a time a report may be of.
const maxSpan = 3 * 366 * 24

// query parses q.
func (c *Control) query(q CostQuery, now time.Time) (attribution.Query, error) {
	var out attribution.Query
	t, err := c.tenantOrAll(auth.ReadCosts, q.Tenant)
	if err != nil {
		return out, err
	}
	out = attribution.Query{Shared: c.parts.Policies.Shared(), Tenant: t, Team: q.Team, Service: q.Service, Metric: q.Metric}
	if out.From, out.To, err = q.span(now); err != nil {
		return out, err
	}
	if q.By != "" {
		if out.By, err = attribution.ParseColumns(q.By); err != nil {
			return out, &Invalid{"by", err.Error()}
		}
	}
	if q.Shared != "" {
		out.Shared = attribution.Sharing(q.Shared)
		if err := out.Shared.Validate(); err != nil {
			return out, &Invalid{"shared", err.Error()}
		}
	}
	return out, nil
}

// span returns the hours that q is about.
func (q *CostQuery) span(now time.Time) (from, to attribution.Hour, err error) {
	if q.Month != "" {
		if q.From != "" || q.To != "" {
			return 0, 0, &Invalid{"month", "it is beside from or to; leave it out, or them"}
		}
		m, err := parseMonth(q.Month, now)
		if err != nil {
			return 0, 0, err
		}
		return m.From(), min(m.To(), soon(now)), nil
	}
	to = soon(now)
	from = attribution.HourOf(now).Month().From()
	if q.To != "" {
		if to, err = attribution.ParseHour(q.To); err != nil {
			return 0, 0, &Invalid{"to", err.Error()}
		}
		from = (to - 1).Month().From()
	}
	if q.From != "" {
		if from, err = attribution.ParseHour(q.From); err != nil {
			return 0, 0, &Invalid{"from", err.Error()}
		}
	}
	return from, to, checkSpan(from, to, now)
}

func checkSpan(from, to attribution.Hour, now time.Time) error {
	switch {
	case from < 0:
		return &Invalid{"from", "it is before 1970; choose a later one"}
	case from >= soon(now):
		return &Invalid{"from", fmt.Sprintf("%s is yet to come; choose an earlier one", from)}
	case from >= to:
		return &Invalid{"to", fmt.Sprintf("%s is not after from, which is %s", to, from)}
	case to-from > maxSpan:
		return &Invalid{"from", fmt.Sprintf("%s is %d days before to; a report is of %d days at most", from, (to-from)/24, maxSpan/24)}
	}
	return nil
}

// soon returns the hour after the one that runs.
func soon(now time.Time) attribution.Hour { return attribution.HourOf(now) + 1 }

// parseMonth reads a month that has begun; "" is that of now.
func parseMonth(text string, now time.Time) (attribution.Month, error) {
	current := attribution.HourOf(now).Month()
	if text == "" {
		return current, nil
	}
	m, err := attribution.ParseMonth(text)
	switch {
	case err != nil:
		return m, &Invalid{"month", err.Error()}
	case m.From() < 0:
		return m, &Invalid{"month", "it is before 1970; choose a later one"}
	case m.From() > current.From():
		return m, &Invalid{"month", fmt.Sprintf("%s is yet to come; choose an earlier one", m)}
	}
	return m, nil
}
