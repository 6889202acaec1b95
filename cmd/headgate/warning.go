package main

import (
	"fmt"
	"time"

	"github.com/headgate/headgate/rules"
)

// senderTimeout is how long Prometheus waits for an answer, where nobody set its
// remote_timeout.
const senderTimeout = 30 * time.Second

// A warning is what a configuration may be meant otherwise by, and is no mistake.
type warning struct {
	path string // of what is meant
	text string
}

// warnings returns what of the configuration a careful operator would like to know.
func (l *loaded) warnings(now time.Time) []rules.Problem {
	c := l.config
	var list []warning
	warn := func(when bool, path, format string, args ...any) {
		if when {
			list = append(list, warning{path, fmt.Sprintf(format, args...)})
		}
	}
	a, u := c.Attribution, c.Usage
	warn(time.Duration(c.Gateway.Upstream.Timeout) >= senderTimeout, "gateway.upstream.timeout",
		"senders wait for %s unless their remote_timeout says otherwise, and then send again what is still under way; keep it below that", senderTimeout)
	warn(len(c.Gateway.Credentials) == 0 && len(c.Limits.Tenants) > 0, "limits.tenants",
		"any sender may name any tenant, as there are no gateway.credentials: whoever is over a limit can take another name")
	warn(len(a.Budgets) > 0 && len(a.Prices) == 0, "attribution.budgets",
		"nothing is spent of them while nothing has a price: set attribution.prices, or PUT /api/v1/prices")
	warn(len(u.QueryLog) == 0 && (len(u.RuleFiles) > 0 || len(u.Dashboards) > 0), "usage",
		"what people and programs ask for is not watched: that a query of a metric was not seen means nothing, and what only they read is recommended to be dropped; name Prometheus' query logs as query_log, or POST /api/v1/usage/queries")
	var problems []rules.Problem
	for _, w := range list {
		problems = append(problems, c.file.placed(w.path, "warning: "+w.text))
	}
	owned := len(a.Owners) > 0 || len(a.Catalogs) > 0
	for _, r := range l.rules {
		of := func(format string, args ...any) {
			problems = append(problems, rules.Problem{File: r.File, Line: r.Line, Text: fmt.Sprintf("warning: rule %q: ", r.Name) + fmt.Sprintf(format, args...)})
		}
		if r.State(now) == rules.StateExpired {
			of("it has expired on %s and does nothing; remove it, or give it another end", r.Expires.UTC().Format(time.RFC3339))
		}
		if r.Team != "" && !owned {
			of("it acts on series of the team %q alone, and nothing here says who owns series; set attribution.owners, or PUT /api/v1/owners", r.Team)
		}
	}
	return problems
}
