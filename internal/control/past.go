package control

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
)

// A SeriesStore is where the history of series is kept. A [store.DB] is one.
type SeriesStore interface {
	NoteSeries(ctx context.Context, readings []store.SeriesReading) error
	SeriesReading(ctx context.Context, t tenant.ID, from, to attribution.Hour) (store.SeriesReading, error)
	SeriesHistory(ctx context.Context, t tenant.ID, metric string, from attribution.Hour) ([]store.SeriesPoint, []attribution.Hour, error)
	ThinSeries(ctx context.Context, now attribution.Hour) error
}

const (
	// pastTimeout is how long a page waits for what was.
	pastTimeout = 2 * time.Second

	// What was is compared with is at most so much older than it should be.
	daySlack  = attribution.Hour(3)
	weekSlack = attribution.Hour(6)

	// historyDays is how many days of a metric are shown.
	historyDays = 30
)

// A Past is how many series a tenant's metrics had at one time.
type Past struct {
	At      time.Time
	Total   float64 // of all metrics
	top     map[string]store.SeriesCount
	least   float64 // of those in top; the others had at most that
	partial bool    // there were others
}

// A Growth is by how many series a metric has changed since a time.
type Growth struct {
	Known   bool
	Series  float64
	Before  float64 // how many there were; at most, where AtLeast is set
	AtLeast bool    // there were too few then to be remembered
}

// Share returns the growth as a part of what was before; ok is false where there was
// nothing, or it is not known.
func (g Growth) Share() (share float64, ok bool) {
	if !g.Known || g.AtLeast || g.Before == 0 {
		return 0, false
	}
	return g.Series / g.Before, true
}

// Growth returns by how much a metric has grown that has so many series now. p may
// be nil.
func (p *Past) Growth(metric string, series float64) Growth {
	if p == nil {
		return Growth{}
	}
	n, ok := p.top[metric]
	switch before := float64(n.Series); {
	case ok:
		return Growth{Known: true, Series: series - before, Before: before}
	case len(metric) > store.MaxHistoryName:
		return Growth{}
	case !p.partial:
		return Growth{Known: true, Series: series}
	case series > p.least:
		return Growth{Known: true, Series: series - p.least, Before: p.least, AtLeast: true}
	}
	return Growth{}
}

// rank returns what metrics are sorted by.
func (p *Past) rank(metric string, series float64) float64 {
	if g := p.Growth(metric, series); g.Known {
		return g.Series
	}
	return math.Inf(-1)
}

func newPast(r store.SeriesReading) *Past {
	p := &Past{At: r.Hour.Time(), Total: float64(r.Series), top: r.Top, partial: int64(len(r.Top)) < r.Metrics, least: math.Inf(1)}
	for _, n := range r.Top {
		p.least = min(p.least, float64(n.Series))
	}
	return p
}

// seriesStore returns where the history of series is, or nil.
func (c *Control) seriesStore() SeriesStore {
	if c.parts.History == nil {
		return nil
	}
	return c.parts.History()
}

// pasts returns what a tenant's metrics had a day and a week before now; nil where
// that is not known, and why where it could not be read.
func (c *Control) pasts(ctx context.Context, t tenant.ID, now time.Time) (day, week *Past, err error) {
	s := c.seriesStore()
	if s == nil {
		return nil, nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, pastTimeout)
	defer cancel()
	read := func(to, slack attribution.Hour) *Past {
		r, e := s.SeriesReading(ctx, t, to-slack, to)
		switch {
		case errors.Is(e, store.ErrNotFound):
			return nil
		case e != nil:
			err = errUnread
			return nil
		}
		return newPast(r)
	}
	h := attribution.HourOf(now)
	return read(h-24, daySlack), read(h-7*24, weekSlack), err
}

// A SeriesAt is how many series there were within the window that ended at a time.
type SeriesAt struct {
	At                  time.Time
	Received, Forwarded float64
}

// A SeriesHistory is how many series a metric had, as far back as that is known.
type SeriesHistory struct {
	Points []SeriesAt // oldest first
	From   time.Time  // since when the tenant was read; zero where it was not
}

// SeriesHistory returns what is known of a metric in the last 30 days.
func (c *Control) SeriesHistory(ctx context.Context, tenantName, metric string) (SeriesHistory, error) {
	t, _, err := c.profiled(tenantName, nil)
	if err != nil {
		return SeriesHistory{}, err
	}
	s := c.seriesStore()
	if s == nil || len(metric) > store.MaxHistoryName {
		return SeriesHistory{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, pastTimeout)
	defer cancel()
	points, read, err := s.SeriesHistory(ctx, t, metric, attribution.HourOf(c.now())-historyDays*24)
	if err != nil {
		return SeriesHistory{}, errUnread
	}
	var h SeriesHistory
	if len(read) > 0 {
		h.From = read[0].Time()
	}
	for _, p := range points {
		h.Points = append(h.Points, SeriesAt{p.Hour.Time(), float64(p.Series), float64(p.Forwarded)})
	}
	return h, nil
}
