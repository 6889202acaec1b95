package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"
)

// flushDeadline is how long the end waits for samples to be sent, as in
// Prometheus.
const flushDeadline = time.Minute

// A scraper scrapes the targets of a configuration into a database and sends
// what it finds by remote-write.
type scraper struct {
	manager *scrape.Manager
	remote  *remote.Storage
	ended   chan error // the manager's end
}

// ready is a scrape manager that is always ready, for the metadata it holds.
type ready struct{ manager *scrape.Manager }

func (r *ready) Get() (*scrape.Manager, error) {
	if r.manager == nil {
		return nil, errors.New("scrape manager is not ready")
	}
	return r.manager, nil
}

// newScraper starts scraping and sending.
func newScraper(conf *config.Config, db *tsdb.DB, log *slog.Logger, reg prometheus.Registerer) (*scraper, error) {
	groups, err := staticTargets(conf)
	if err != nil {
		return nil, err
	}
	metadata := &ready{}
	rs := remote.NewStorage(log, reg, db.StartTime, db.Dir(), flushDeadline, metadata, false)
	db.SetWriteNotified(rs)
	manager, err := scrape.NewManager(&scrape.Options{}, log, nil, storage.NewFanout(log, db, rs), nil, reg)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make scrape manager: %w", err), rs.Close())
	}
	metadata.manager = manager
	if err := errors.Join(rs.ApplyConfig(conf), manager.ApplyConfig(conf)); err != nil {
		return nil, errors.Join(fmt.Errorf("apply configuration: %w", err), rs.Close())
	}
	s := &scraper{manager: manager, remote: rs, ended: make(chan error, 1)}
	targets := make(chan map[string][]*targetgroup.Group, 1)
	targets <- groups
	go func() { s.ended <- manager.Run(targets) }()
	return s, nil
}

// close ends scraping, then sending once everything was sent or the deadline
// is over.
func (s *scraper) close() error {
	s.manager.Stop()
	return s.remote.Close()
}

// staticTargets are the targets that the configuration names by job.
func staticTargets(conf *config.Config) (map[string][]*targetgroup.Group, error) {
	scrapes, err := conf.GetScrapeConfigs()
	if err != nil {
		return nil, fmt.Errorf("read scrape_configs: %w", err)
	}
	groups := make(map[string][]*targetgroup.Group, len(scrapes))
	for _, sc := range scrapes {
		for _, d := range sc.ServiceDiscoveryConfigs {
			static, ok := d.(discovery.StaticConfig)
			if !ok {
				return nil, fmt.Errorf("job %s: only static_configs are known here, not %s", sc.JobName, d.Name())
			}
			groups[sc.JobName] = append(groups[sc.JobName], static...)
		}
	}
	return groups, nil
}
