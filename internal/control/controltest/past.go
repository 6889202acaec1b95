package controltest

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
)

// Remember stores readings of the last 30 days: every metric of a tenant had fewer
// series the longer ago it was, and what is in fresh came a few hours ago.
func (h *Headgate) Remember(t testing.TB, of tenant.ID, fresh ...string) {
	t.Helper()
	page, err := h.Profiler.Metrics(profiler.Query{Tenant: of})
	if err != nil {
		t.Fatal(err)
	}
	now := attribution.HourOf(time.Now())
	var list []store.SeriesReading
	for ago := attribution.Hour(30 * 24); ago > 0; ago -= 3 {
		r := store.SeriesReading{Hour: now - ago, Tenant: of, Top: map[string]store.SeriesCount{}}
		for i, m := range page.Metrics {
			if ago > 6 && slices.Contains(fresh, m.Metric) {
				continue
			}
			wave := 0.02 * math.Sin(float64(ago)/24*2*math.Pi)
			n := store.SeriesCount{
				Series:    int64(m.Series * (1 - float64(i%4)*float64(ago)/2400 + wave)),
				Forwarded: int64(m.SeriesForwarded * (1 - float64(i%4)*float64(ago)/2400 + wave)),
			}
			r.Top[m.Metric] = n
			r.Series += n.Series
			r.Forwarded += n.Forwarded
		}
		r.Metrics = int64(len(r.Top))
		list = append(list, r)
	}
	if err := h.db.NoteSeries(t.Context(), list); err != nil {
		t.Fatal(err)
	}
}
