package control

import (
	"context"
	"log/slog"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
)

const (
	// historyEvery is how often it is looked whether an hour has ended.
	historyEvery = time.Minute

	// historyTimeout is how long the store may take for a reading.
	historyTimeout = 30 * time.Second

	// maxHistoryMetrics is how many metrics of a tenant have a history of their own,
	// maxHistoryRows how many of all tenants; each tenant has room for one at least.
	maxHistoryMetrics = 1000
	maxHistoryRows    = 5000
)

// KeepHistory notes at the end of every hour how many series each tenant and its
// largest metrics have, until ctx is done. While the store takes nothing it is tried
// again, as long as the next hour has not ended.
func (c *Control) KeepHistory(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(historyEvery)
	defer tick.Stop()
	noted := attribution.HourOf(c.now())
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		h := attribution.HourOf(c.now())
		if h == noted {
			continue
		}
		switch err := c.NoteSeries(ctx, h); {
		case err == nil:
			noted, failing = h, false
		case !failing && ctx.Err() == nil:
			failing = true
			log.Warn("the history of series is not kept: it is tried again", slog.Any("err", err))
		}
	}
}

// NoteSeries stores how many series there are as a reading of the hour h, which
// begins now, and deletes readings that are too old.
func (c *Control) NoteSeries(ctx context.Context, h attribution.Hour) error {
	s := c.seriesStore()
	if s == nil || c.parts.Profiler == nil {
		return nil
	}
	readings, err := readSeries(c.parts.Profiler, h)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	if len(readings) > 0 {
		if err := s.NoteSeries(ctx, readings); err != nil {
			return err
		}
	}
	return s.ThinSeries(ctx, h)
}

// readSeries reads how many series each tenant has now, and its largest metrics.
func readSeries(p *profiler.Profiler, h attribution.Hour) ([]store.SeriesReading, error) {
	tenants := p.Tenants()
	each := max(1, min(maxHistoryMetrics, maxHistoryRows/max(1, len(tenants))))
	var list []store.SeriesReading
	for _, t := range tenants {
		r, err := readTenant(p, t, each)
		if err != nil {
			return nil, err
		}
		if r.Hour = h; r.Series > 0 {
			list = append(list, r)
		}
	}
	return list, nil
}

func readTenant(p *profiler.Profiler, t tenant.ID, most int) (store.SeriesReading, error) {
	page, err := p.Metrics(profiler.Query{Tenant: t, Limit: most})
	if err != nil {
		return store.SeriesReading{}, err
	}
	count := func(series, forwarded float64) store.SeriesCount {
		return store.SeriesCount{Series: rounded(series), Forwarded: rounded(forwarded)}
	}
	r := store.SeriesReading{
		Tenant: t, Metrics: int64(page.TotalActive), SeriesCount: count(page.TotalSeries, page.TotalForwarded), Top: map[string]store.SeriesCount{},
	}
	for _, m := range page.Metrics {
		if m.Series > 0 {
			r.Top[m.Metric] = count(m.Series, m.SeriesForwarded)
		}
	}
	return r, nil
}

// rounded returns an estimate of a count as a whole number.
func rounded(f float64) int64 { return int64(f + 0.5) }
