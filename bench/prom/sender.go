package prom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"
)

// SenderConfig says where and how a Sender writes.
type SenderConfig struct {
	URL          string
	Version      int           // remote-write 1 or 2
	Shards       int           // fixed: concurrent requests
	BatchSamples int           // per request
	Timeout      time.Duration // of one attempt
}

// A Sender is a Prometheus without its scraper: what is appended goes through
// its database, its write-ahead log and its remote-write queue, and is retried
// as Prometheus retries. It is not safe for concurrent use, but for Settled,
// Backlog and Wait.
type Sender struct {
	db       *tsdb.DB
	remote   *remote.Storage
	store    storage.Storage
	progress *progress
	log      Content
	exemplar map[string][]string
}

// A Sample is what one scrape found of one series: Histogram or Float if set,
// else Value. Exemplar is optional.
type Sample struct {
	Series    labels.Labels
	Value     float64
	Histogram *histogram.Histogram
	Float     *histogram.FloatHistogram
	Exemplar  *exemplar.Exemplar
}

// OpenSender starts a Sender with its data in dir.
func OpenSender(dir string, cfg SenderConfig, log *slog.Logger) (*Sender, error) {
	conf, err := config.Load(cfg.yaml(), log)
	if err != nil {
		return nil, fmt.Errorf("load sender's configuration: %w", err)
	}
	reg := prometheus.NewRegistry()
	db, err := OpenDatabase(filepath.Join(dir, "sender"), 24*time.Hour, log, reg)
	if err != nil {
		return nil, err
	}
	started := func() (int64, error) { return 0, nil }
	rs := remote.NewStorage(log, reg, started, db.Dir(), time.Second, nil, false)
	if err := rs.ApplyConfig(conf); err != nil {
		return nil, errors.Join(fmt.Errorf("apply sender's configuration: %w", err), rs.Close(), db.Close())
	}
	db.SetWriteNotified(rs)
	return &Sender{
		db: db, remote: rs, store: storage.NewFanout(log, db, rs), progress: &progress{gatherer: reg},
		log: make(Content), exemplar: make(map[string][]string),
	}, nil
}

func (c SenderConfig) yaml() string {
	message := "prometheus.WriteRequest"
	if c.Version == 2 {
		message = "io.prometheus.write.v2.Request"
	}
	return strings.TrimSpace(fmt.Sprintf(`
remote_write:
- url: %s
  protobuf_message: %s
  send_exemplars: true
  send_native_histograms: true
  remote_timeout: %s
  metadata_config: {send: false}
  queue_config:
    min_shards: %d
    max_shards: %[4]d
    max_samples_per_send: %d
    batch_send_deadline: 50ms
    min_backoff: 10ms
    max_backoff: 100ms
`, c.URL, message, model.Duration(c.Timeout), c.Shards, c.BatchSamples))
}

// Append appends the samples of one scrape at one timestamp, in milliseconds.
// The remote-write queue ignores what is older than the Sender itself.
func (s *Sender) Append(ctx context.Context, ms int64, scrape []Sample) error {
	app := s.store.Appender(ctx)
	for _, sample := range scrape {
		if err := s.append(app, ms, sample); err != nil {
			return errors.Join(fmt.Errorf("append %s: %w", sample.Series, err), app.Rollback())
		}
	}
	if err := app.Commit(); err != nil {
		return fmt.Errorf("commit scrape: %w", err)
	}
	return nil
}

func (s *Sender) append(app storage.Appender, ms int64, sample Sample) error {
	name := sample.Series.String()
	var point Point
	var err error
	switch {
	case sample.Histogram != nil:
		point = integerPoint(ms, sample.Histogram)
		_, err = app.AppendHistogram(0, sample.Series, ms, sample.Histogram.Copy(), nil)
		s.progress.histograms.Add(1)
	case sample.Float != nil:
		point = floatPoint(ms, sample.Float)
		_, err = app.AppendHistogram(0, sample.Series, ms, nil, sample.Float.Copy())
		s.progress.histograms.Add(1)
	default:
		point = Point{Ms: ms, Bits: math.Float64bits(sample.Value)}
		_, err = app.Append(0, sample.Series, ms, sample.Value)
		s.progress.samples.Add(1)
	}
	if err != nil {
		return err
	}
	s.log[name] = append(s.log[name], point)
	if sample.Exemplar == nil {
		return nil
	}
	if _, err := app.AppendExemplar(0, sample.Series, *sample.Exemplar); err != nil {
		return err
	}
	s.progress.exemplars.Add(1)
	s.exemplar[name] = append(s.exemplar[name], exemplarText(*sample.Exemplar))
	return nil
}

// StaleMarker is the sample that ends a series of floats.
func StaleMarker(series labels.Labels) Sample {
	return Sample{Series: series, Value: math.Float64frombits(value.StaleNaN)}
}

// StaleHistogram is the sample that ends a series of native histograms.
func StaleHistogram(series labels.Labels) Sample {
	return Sample{Series: series, Histogram: &histogram.Histogram{Sum: math.Float64frombits(value.StaleNaN)}}
}

// Log returns everything that was appended: the oracle. It is the Sender's own.
func (s *Sender) Log() Content { return s.log }

// Exemplars returns every exemplar that was appended, by series.
func (s *Sender) Exemplars() map[string][]string { return s.exemplar }

// Backlog is how many samples, histograms and exemplars were appended and have
// not been sent for the first time.
func (s *Sender) Backlog() int { return s.progress.backlog() }

// Settled reports whether every sample was sent and answered for good.
func (s *Sender) Settled() bool { return s.progress.settled() }

// Nudge makes the sender look for what was appended. It is told of each append, but
// not where that comes while it is looking: then it looks again with the next append,
// or when 15 s have passed.
func (s *Sender) Nudge() { s.remote.Notify() }

// Wait returns once the Sender is settled.
func (s *Sender) Wait(ctx context.Context) error {
	return eventually(ctx, "the sender has sent everything", s.Settled)
}

// Refused counts the samples, histograms and exemplars that were answered by
// an error which Prometheus does not retry.
func (s *Sender) Refused() int { return s.progress.refused() }

// Retried counts the samples, histograms and exemplars sent once more.
func (s *Sender) Retried() int { return s.progress.retried() }

// Close stops sending and closes the database.
func (s *Sender) Close() error {
	return errors.Join(s.remote.Close(), s.db.Close())
}
