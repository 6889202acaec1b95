package main

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/profiler"
)

// openProfiler returns a profiler that knows what it knew when it was last saved,
// or nil where the configuration turns it off.
func openProfiler(cfg profiler.Config, notify func(gateway.Event), log *slog.Logger, reg prometheus.Registerer) (*profiler.Profiler, error) {
	if cfg.MemoryLimitBytes == 0 {
		return nil, nil
	}
	tell := func(x profiler.Explosion) {
		log.Warn("a metric explodes", slog.String("tenant", string(x.Tenant)), slog.String("metric", x.Metric), slog.String("what", x.String()))
		notify(gateway.Event{At: time.Now(), Kind: "explosion", Tenant: x.Tenant, Team: x.Team, Text: x.String()})
	}
	p, err := profiler.New(cfg, time.Now(), tell, log)
	if err != nil {
		return nil, err
	}
	if err := p.Load(); err != nil {
		return nil, err
	}
	f := promauto.With(reg)
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "headgate_profiler_bytes",
		Help: "Memory that profiles hold (limit: profiler.memory_limit_bytes).",
	}, func() float64 { return float64(p.Bytes()) })
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "headgate_profiler_last_save_timestamp_seconds",
		Help: "When what is known was saved last; 0 where it never was.",
	}, func() float64 { return float64(p.Saved()) })
	return p, nil
}
