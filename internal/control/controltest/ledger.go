package controltest

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
)

// Noon is what the clock of costs of a Paying shows: in the midst of a month.
var Noon = time.Date(2026, 11, 21, 12, 30, 0, 0, time.UTC)

func (c *Config) clock() func() time.Time {
	if c.Now.IsZero() {
		return time.Now
	}
	return func() time.Time { return c.Now }
}

// newLedger returns a ledger in a SQLite file that goes with the test.
func newLedger(t testing.TB, now func() time.Time) *store.Ledger {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "headgate.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Ledger(store.Sketches, now)
}

func (h *Headgate) ledger() attribution.Store {
	if h.Ledger == nil {
		return nil
	}
	return h.Ledger
}

// A Use is what one hour of a day brought of one team's metric.
type Use struct {
	Day                         string // as in 2026-11-21
	Tenant                      tenant.ID
	Team, Service, Metric, Rule string
	Forwarded, Dropped          uint64 // samples
	Series                      int
}

// Record adds uses to the ledger.
func (h *Headgate) Record(t testing.TB, sequence uint64, list ...Use) {
	t.Helper()
	var deltas []attribution.Delta
	for _, u := range list {
		hour, err := attribution.ParseHour(u.Day)
		if err != nil {
			t.Fatal(err)
		}
		d := attribution.Delta{
			Key:     attribution.Key{Hour: hour, Tenant: u.Tenant, Team: u.Team, Service: u.Service, Metric: u.Metric},
			Samples: attribution.Counts{attribution.Forwarded: u.Forwarded, attribution.Dropped: u.Dropped},
		}
		if u.Dropped > 0 {
			d.Rules = []attribution.RuleDelta{{Rule: u.Rule, Dropped: u.Dropped}}
		}
		if u.Series > 0 {
			sketch := store.Sketches.New()
			for i := range uint64(u.Series) {
				sketch.Insert((i + 1) * 0x9e3779b97f4a7c15)
			}
			if d.Series, err = sketch.AppendBinary(nil); err != nil {
				t.Fatal(err)
			}
		}
		deltas = append(deltas, d)
	}
	slices.SortFunc(deltas, func(a, b attribution.Delta) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	if err := h.Ledger.Commit(t.Context(), &attribution.Batch{Writer: "controltest", Sequence: sequence, Deltas: deltas}); err != nil {
		t.Fatal(err)
	}
}
