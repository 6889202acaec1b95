package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/tenant"
)

// MaxHistoryName is how long the name of a metric may be, in bytes, to have a
// history of its own.
const MaxHistoryName = 256

// How long readings of series are kept, in hours: every hour's, then every sixth,
// then one of a day.
const (
	hourlyFor  = 2 * 24
	sixthFor   = 9 * 24
	dailyFor   = 35 * 24
	sixthHours = 6
	dayHours   = 24
)

// SeriesCount is how many series there were, and how many of them were forwarded.
type SeriesCount struct{ Series, Forwarded int64 }

// A SeriesReading is how many series a tenant had within the window that ended with
// an hour.
type SeriesReading struct {
	Hour    attribution.Hour
	Tenant  tenant.ID
	Metrics int64 // that had some
	SeriesCount
	Top map[string]SeriesCount // of the metrics with the most
}

// A SeriesPoint is what a metric, or a tenant, had within the window that ended with
// an hour.
type SeriesPoint struct {
	Hour attribution.Hour
	SeriesCount
}

var (
	seriesReadings = sumTable{"series_readings", []string{"hour", "tenant"}, []string{"metrics", "series", "forwarded"}}
	seriesHistory  = sumTable{"series_history", []string{"hour", "tenant", "metric"}, []string{"series", "forwarded"}}
)

// greatest returns the end of a statement that stores rows, or raises what is stored
// to what they have: processes that share a store see some of the same series, and
// to add them up would count those twice.
func (t *sumTable) greatest() string {
	sets := make([]string, len(t.sums))
	for i, c := range t.sums {
		sets[i] = fmt.Sprintf("%s = CASE WHEN excluded.%s > %s.%s THEN excluded.%s ELSE %s.%s END", c, c, t.name, c, c, t.name, c)
	}
	return fmt.Sprintf(" ON CONFLICT (%s) DO UPDATE SET %s", strings.Join(t.key, ", "), strings.Join(sets, ", "))
}

// NoteSeries stores readings, all or none. Of metrics whose names are longer than
// MaxHistoryName nothing but their part of the whole is kept. It may be repeated, and
// of what several processes note of an hour the greatest stays.
func (db *DB) NoteSeries(ctx context.Context, readings []SeriesReading) error {
	type row struct {
		hour   attribution.Hour
		tenant string
		metric string
		SeriesCount
	}
	var rows []row
	readings = slices.Clone(readings)
	// In one order, so that processes that store at once wait for each other.
	slices.SortFunc(readings, func(a, b SeriesReading) int {
		return cmp.Or(cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Tenant, b.Tenant))
	})
	for _, r := range readings {
		named := make(map[string]SeriesCount, len(r.Top))
		for metric, n := range r.Top {
			if len(metric) > MaxHistoryName {
				continue
			}
			metric = tidyText(metric, MaxHistoryName)
			named[metric] = SeriesCount{max(n.Series, named[metric].Series), max(n.Forwarded, named[metric].Forwarded)}
		}
		for metric, n := range named {
			rows = append(rows, row{r.Hour, string(tenantText(r.Tenant)), metric, n})
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.metric, b.metric))
	})
	err := db.tx(ctx, func(tx *sql.Tx) error {
		atOnce := db.engine.rowsAtOnce()
		err := insert(ctx, tx, atOnce, readings, 5, seriesReadings.into()+"VALUES ", seriesReadings.greatest(), func(args []any, r *SeriesReading) []any {
			return append(args, int64(r.Hour), string(tenantText(r.Tenant)), r.Metrics, r.Series, r.Forwarded)
		})
		if err != nil {
			return err
		}
		return insert(ctx, tx, atOnce, rows, 5, seriesHistory.into()+"VALUES ", seriesHistory.greatest(), func(args []any, r *row) []any {
			return append(args, int64(r.hour), r.tenant, r.metric, r.Series, r.Forwarded)
		})
	})
	if err != nil {
		return fmt.Errorf("note the series of %d tenants: %w", len(readings), err)
	}
	return nil
}

// SeriesReading returns the latest reading of a tenant from one hour to another,
// both included, or [ErrNotFound].
func (db *DB) SeriesReading(ctx context.Context, t tenant.ID, from, to attribution.Hour) (SeriesReading, error) {
	r := SeriesReading{Tenant: t, Top: map[string]SeriesCount{}}
	found := false
	err := db.query(ctx, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&r.Hour, &r.Metrics, &r.Series, &r.Forwarded)
	}, `
		SELECT hour, metrics, series, forwarded FROM series_readings
		WHERE tenant = $1 AND hour >= $2 AND hour <= $3 ORDER BY hour DESC LIMIT 1`, string(tenantText(t)), int64(from), int64(to))
	if err == nil && !found {
		return SeriesReading{}, ErrNotFound
	}
	if err == nil {
		err = db.query(ctx, func(rows *sql.Rows) error {
			var metric string
			var n SeriesCount
			err := rows.Scan(&metric, &n.Series, &n.Forwarded)
			r.Top[metric] = n
			return err
		}, "SELECT metric, series, forwarded FROM series_history WHERE hour = $1 AND tenant = $2", int64(r.Hour), string(tenantText(t)))
	}
	if err != nil {
		return SeriesReading{}, fmt.Errorf("read the series of tenant %s: %w", t, err)
	}
	return r, nil
}

// SeriesHistory returns what is kept of a metric in the hours since from, oldest
// first, and beside it the hours in which the tenant was read.
func (db *DB) SeriesHistory(ctx context.Context, t tenant.ID, metric string, from attribution.Hour) (points []SeriesPoint, read []attribution.Hour, err error) {
	err = db.query(ctx, func(rows *sql.Rows) error {
		var p SeriesPoint
		var n [2]sql.Null[int64]
		if err := rows.Scan(&p.Hour, &n[0], &n[1]); err != nil {
			return err
		}
		read = append(read, p.Hour)
		if p.SeriesCount = (SeriesCount{n[0].V, n[1].V}); n[0].Valid {
			points = append(points, p)
		}
		return nil
	}, `
		SELECT r.hour, h.series, h.forwarded FROM series_readings r
		LEFT JOIN series_history h ON h.hour = r.hour AND h.tenant = r.tenant AND h.metric = $2
		WHERE r.tenant = $1 AND r.hour >= $3 ORDER BY r.hour`, string(tenantText(t)), tidyText(metric, MaxHistoryName), int64(from))
	if err != nil {
		return nil, nil, fmt.Errorf("read the history of a metric of tenant %s: %w", t, err)
	}
	return points, read, nil
}

// ThinSeries deletes readings that are too old to be kept: those of every hour after
// two days, but every sixth, those after nine days, but one of a day, and all after
// 35 days.
func (db *DB) ThinSeries(ctx context.Context, now attribution.Hour) error {
	err := db.tx(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{seriesHistory.name, seriesReadings.name} {
			for _, of := range []struct {
				before attribution.Hour
				but    int64
			}{{now - hourlyFor, sixthHours}, {now - sixthFor, dayHours}} {
				_, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE hour < $1 AND hour % $2 <> 0", int64(of.before), of.but)
				if err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE hour < $1", int64(now-dailyFor)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("thin the history of series: %w", err)
	}
	return nil
}
