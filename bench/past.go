package bench

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
)

// A past is what a ledger is to hold of the time before a run: of every metric of
// every team the series of one hour.
type past struct {
	deltas []attribution.Delta // their hours are none
}

const (
	// maxPastCells is attribution.ledger.max_cells: a gateway records no more in an hour.
	maxPastCells = 50_000

	// defaultTenant is whose samples are that name no tenant.
	defaultTenant tenant.ID = "default"
)

// newPast returns what an hour of the workload brings, owned as Headgate's
// configuration has it. Of too many cells those of the most series are taken.
func newPast(spec Spec) (*past, error) {
	p := newPopulation(spec.Series, spec.Metrics, spec.Seed)
	type counted struct {
		series uint64
		sketch attribution.Sketch
	}
	cells := map[attribution.Key]*counted{}
	for i := range p.series {
		s := &p.series[i]
		k := attribution.Key{Tenant: defaultTenant, Team: s.team(), Metric: s.Metric}
		c := cells[k]
		if c == nil {
			c = &counted{sketch: store.Sketches.New()}
			cells[k] = c
		}
		c.series++
		c.sketch.Insert(xxh3.Hash(s.Labels))
	}
	keys := slices.SortedFunc(maps.Keys(cells), func(a, b attribution.Key) int {
		return cmp.Or(cmp.Compare(cells[b].series, cells[a].series), cmp.Compare(a.Team, b.Team), cmp.Compare(a.Metric, b.Metric))
	})
	keys = keys[:min(len(keys), maxPastCells)]
	slices.SortFunc(keys, func(a, b attribution.Key) int {
		return cmp.Or(cmp.Compare(a.Team, b.Team), cmp.Compare(a.Metric, b.Metric))
	})
	out := &past{}
	for _, k := range keys {
		c := cells[k]
		sketch, err := c.sketch.AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		out.deltas = append(out.deltas, attribution.Delta{Key: k, Samples: attribution.Counts{attribution.Forwarded: c.series * uint64(time.Hour/Interval)}, Series: sketch})
	}
	return out, nil
}

// team is whose the series is by the owners of Headgate's configuration.
func (s *Series) team() string {
	labels := s.Decode()
	for i := 0; i < len(labels); i += 2 {
		if labels[i] == "namespace" {
			for _, d := range domains {
				if strings.HasPrefix(labels[i+1], d+"-") {
					return d
				}
			}
		}
	}
	return attribution.Unowned
}

// write stores the month before now and the one under way: of days that are over all
// in one of their hours, which is what their sums come to, and of today every hour.
func (p *past) write(ctx context.Context, url string, now time.Time) error {
	db, err := store.Open(ctx, url, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer db.Close()
	clock := func() time.Time { return now }
	l := db.Ledger(store.Sketches, clock)
	hour := attribution.HourOf(now)
	sequence := uint64(0)
	for h := hour.Month().Previous().From(); h < hour; {
		times, next := uint64(24), h+24
		if h >= hour.Day() {
			times, next = 1, h+1
		}
		b := &attribution.Batch{Writer: "past", Deltas: slices.Clone(p.deltas)}
		for i := range b.Deltas {
			d := &b.Deltas[i]
			d.Hour = h
			d.Samples[attribution.Forwarded] *= times
		}
		sequence++
		b.Sequence = sequence
		if err := l.Commit(ctx, b); err != nil {
			return fmt.Errorf("write the ledger's past: %w", err)
		}
		h = next
	}
	const unsettled = 6 // hours
	return l.Settle(ctx, hour-unsettled)
}
