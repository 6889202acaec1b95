package control

import (
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/rules/usage/querylog"
)

const (
	// MaxAskedQueries is how many queries may be told at once.
	MaxAskedQueries = 1000

	maxAskedCount = 1_000_000_000

	// watchedEnough is for how long queries have to be watched before it means
	// something, by itself, that none asked for a metric.
	watchedEnough = 7 * 24 * time.Hour
)

// An Asked is what is known of queries for a metric, or a label of it.
type Asked struct {
	querylog.Answer
	Text string // a sentence
}

// AskedFor returns what queries asked for of a metric, and where label is not "", of
// that label of it; nil where no queries are watched.
func (c *Control) AskedFor(metric, label string) (*Asked, error) {
	if err := c.may(auth.ReadTraffic); err != nil {
		return nil, err
	}
	return c.askedFor(metric, label), nil
}

func (c *Control) askedFor(metric, label string) *Asked {
	if c.parts.Asked == nil {
		return nil
	}
	now := time.Now()
	a, ok := c.parts.Asked.Of(metric, label, now)
	if !ok {
		return nil
	}
	out := &Asked{Answer: a}
	switch watched := span(now.Sub(a.Since)); {
	case a.Count > 0:
		out.Text = fmt.Sprintf("Asked by queries %s in %s, last at %s.", howOften(a.Count), watched, a.Last.UTC().Format(stamp))
	case a.Others.Count > 0:
		out.Text = fmt.Sprintf("Not known: in %s queries asked for more names than there is room for, and it may be among them.", watched)
	default:
		out.Text = fmt.Sprintf("Not seen in %s: queries are watched since %s, %s.", watched, a.Since.UTC().Format(stamp), watchedText(a))
	}
	return out
}

// stamp is how times stand in sentences.
const stamp = "2006-01-02 15:04 UTC"

func howOften(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// watchedText says where the queries came from that were watched.
func watchedText(a querylog.Answer) string {
	switch {
	case a.Logged+a.Told == 0:
		return "of which none has come"
	case a.Told == 0:
		return fmt.Sprintf("%d of query logs", a.Logged)
	case a.Logged == 0:
		return fmt.Sprintf("%d that were told by API", a.Told)
	}
	return fmt.Sprintf("%d of query logs and %d that were told by API", a.Logged, a.Told)
}

// used reports whether it was asked for, or may have been.
func (a *Asked) used() bool { return a != nil && (a.Count > 0 || a.Others.Count > 0) }

// span says a duration as people do, rounded down.
func span(d time.Duration) string {
	n, unit := int(d/(24*time.Hour)), "day"
	switch {
	case n >= 2:
	case d >= time.Hour:
		n, unit = int(d/time.Hour), "hour"
	default:
		n, unit = int(max(0, d)/time.Minute), "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}

// watchesQueries reports whether queries are watched, and for long enough to say
// what none asks for.
func (c *Control) watchesQueries() (any, enough bool) {
	a := c.askedFor("", "")
	return a != nil, a != nil && time.Since(a.Since) >= watchedEnough
}

// An AskedQuery is a query that somebody asked of the store.
type AskedQuery struct {
	Expr  string
	At    time.Time     // the last time; zero: now
	Count int64         // how often; 0: once
	By    string        // who asked it; "" where that is not known
	Step  time.Duration // of its results; 0 where it was asked for one time
}

// NoteQueries takes queries that were asked of the store, and returns how many of
// them could not be parsed.
func (c *Control) NoteQueries(list []AskedQuery) (unread int, err error) {
	if err := c.mayAll(auth.WriteUsage); err != nil {
		return 0, err
	}
	e := c.parts.Asked
	switch {
	case e == nil:
		return 0, &missing{"queries are not watched here"}
	case len(list) > MaxAskedQueries:
		return 0, &Invalid{"queries", fmt.Sprintf("there are %d, and %d is the most at once; send them in parts", len(list), MaxAskedQueries)}
	}
	now := time.Now()
	for i, q := range list {
		switch place := fmt.Sprintf("queries[%d]", i); {
		case q.Expr == "":
			return 0, &Invalid{place + ".expr", "it is empty; give the PromQL expression that was asked"}
		case q.Count < 0 || q.Count > maxAskedCount:
			return 0, &Invalid{place + ".count", fmt.Sprintf("it is not between 1 and %d; leave it out for 1", maxAskedCount)}
		case q.Step < 0:
			return 0, &Invalid{place + ".step", "it is below 0; leave it out where the query was for one time"}
		case q.At.After(now.Add(time.Hour)):
			return 0, &Invalid{place + ".at", "it is more than an hour ahead; leave it out for now, or set the clock that made it"}
		}
	}
	if !e.Watching() {
		e.Watch(now)
	}
	for _, q := range list {
		at := q.At
		if at.IsZero() || at.After(now) {
			at = now
		}
		if !e.Note(q.Expr, at, uint64(max(1, q.Count)), querylog.Source{By: q.By, Step: q.Step}) {
			unread++
		}
	}
	return unread, nil
}
