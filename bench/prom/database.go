package prom

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// OpenDatabase opens a time series database in dir that keeps data for the
// given time, and exemplars.
func OpenDatabase(dir string, retention time.Duration, log *slog.Logger, reg prometheus.Registerer) (*tsdb.DB, error) {
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration = retention.Milliseconds()
	opts.EnableExemplarStorage = true
	opts.MaxExemplars = 100_000
	db, err := tsdb.Open(dir, log, reg, opts, tsdb.NewDBStats())
	if err != nil {
		return nil, fmt.Errorf("open database in %s: %w", dir, err)
	}
	return db, nil
}

// readAll returns every sample that db holds.
func readAll(ctx context.Context, db *tsdb.DB) (_ Content, err error) {
	q, err := db.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		return nil, fmt.Errorf("open querier: %w", err)
	}
	defer func() { err = errors.Join(err, q.Close()) }()

	content := make(Content)
	set := q.Select(ctx, true, nil, labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+"))
	for set.Next() {
		points, err := readSeries(set.At().Iterator(nil))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", set.At().Labels(), err)
		}
		if len(points) > 0 {
			content[set.At().Labels().String()] = points
		}
	}
	return content, set.Err()
}

func readSeries(it chunkenc.Iterator) ([]Point, error) {
	var points []Point
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		switch kind {
		case chunkenc.ValFloat:
			ms, v := it.At()
			points = append(points, Point{Ms: ms, Bits: math.Float64bits(v)})
		case chunkenc.ValHistogram:
			ms, h := it.AtHistogram(nil)
			points = append(points, integerPoint(ms, h))
		case chunkenc.ValFloatHistogram:
			ms, h := it.AtFloatHistogram(nil)
			points = append(points, floatPoint(ms, h))
		}
	}
	return points, it.Err()
}

// readExemplars returns every exemplar that db holds, by series.
func readExemplars(ctx context.Context, db *tsdb.DB) (map[string][]string, error) {
	q, err := db.ExemplarQuerier(ctx)
	if err != nil {
		return nil, fmt.Errorf("open exemplar querier: %w", err)
	}
	all := []*labels.Matcher{labels.MustNewMatcher(labels.MatchRegexp, model.MetricNameLabel, ".+")}
	results, err := q.Select(math.MinInt64/2, math.MaxInt64/2, all)
	if err != nil {
		return nil, fmt.Errorf("select exemplars: %w", err)
	}
	out := make(map[string][]string, len(results))
	for _, r := range results {
		for _, e := range r.Exemplars {
			out[r.SeriesLabels.String()] = append(out[r.SeriesLabels.String()], exemplarText(e))
		}
	}
	return out, nil
}
