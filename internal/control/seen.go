package control

import (
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
	"github.com/headgate/headgate/rules/usage/querylog"
)

// A SeenQuery is one that was asked, and how it depends on a metric.
type SeenQuery = querylog.Seen

// maxSeen is how many of them are listed.
const maxSeen = 100

// SeenQueries returns the latest queries that were asked and depend on a metric, and
// where label is not "", on that label of it, and how many more there are. There are
// none where no queries are watched; who does not see every tenant learns only how
// many there are, for queries are not of one tenant.
func (c *Control) SeenQueries(metric, label string) (list []SeenQuery, more int, err error) {
	if err := c.may(auth.ReadTraffic); err != nil {
		return nil, 0, err
	}
	if !c.watches() {
		return nil, 0, nil
	}
	list = c.parts.Asked.SeenFor(metric, label, time.Now())
	if c.mayAll(auth.ReadTraffic) != nil {
		return nil, len(list), nil
	}
	return list[:min(len(list), maxSeen)], max(0, len(list)-maxSeen), nil
}

// watches reports whether queries are watched, and the actor may know of them.
func (c *Control) watches() bool {
	return c.may(auth.ReadTraffic) == nil && c.parts.Asked != nil && c.parts.Asked.Watching()
}

// askedBreaks returns the queries that were asked and that a rule breaks or may
// break.
func (c *Control) askedBreaks(r *rules.Rule, known usage.Known) []Break {
	if !c.watches() {
		return nil
	}
	hidden := c.mayAll(auth.ReadTraffic) != nil
	list := c.parts.Asked.Index().Breaks(r, known)
	for i, b := range list {
		named := *b.Query // it belongs to the index
		list[i].Query = &named
		q, ok := c.parts.Asked.Kept(b.Query.Expr)
		if hidden {
			named.Expr, list[i].Why = "", "it reads, or may read, what the rule removes; who sees every tenant sees how"
		}
		if !ok {
			continue
		}
		if named.Name != "" {
			named.Name += ", "
		}
		named.Name += fmt.Sprintf("asked %s, last at %s", howOften(q.Count), q.Last.UTC().Format(stamp))
	}
	return list
}

// A Watched is how much is known of queries.
type Watched struct {
	Alerts, Records, Panels int             // that are loaded
	Problems                int             // what could not be read, and may use anything
	Grafana                 string          // the address that the links of panels follow; "" where it is not known
	Queries                 querylog.Answer // Since is zero where none are watched
}

// Watched returns what is known of queries at all: what "nothing uses it" is about.
func (c *Control) Watched() (w Watched) {
	if ix, err := c.usage(); err == nil {
		w.Problems, w.Grafana = len(ix.Problems()), c.parts.Usage.grafana()
		for _, q := range ix.Queries() {
			switch q.Kind {
			case usage.Alert:
				w.Alerts++
			case usage.Record:
				w.Records++
			case usage.Dashboard:
				w.Panels++
			}
		}
	}
	if c.watches() {
		w.Queries, _ = c.parts.Asked.Of("", "", time.Now())
	}
	return w
}
