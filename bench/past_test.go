package bench

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
)

// The past of a ledger has every series of the workload in each hour, under its team.
func TestPastOfTheLedger(t *testing.T) {
	spec := Spec{Series: 3000, Seed: 1}
	p, err := newPast(spec)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, time.March, 2, 3, 30, 0, 0, time.UTC)
	url := "sqlite://" + filepath.Join(t.TempDir(), "headgate.db")
	if err := p.write(t.Context(), url, now); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	l := db.Ledger(store.Sketches, func() time.Time { return now })
	hour := attribution.HourOf(now)
	q := attribution.Query{From: hour.Month().Previous().From(), To: hour + 1, By: []attribution.Column{attribution.ByDay, attribution.ByTeam}}
	days, teams := map[attribution.Hour]attribution.Cell{}, map[string]bool{}
	for c, err := range l.Cells(t.Context(), q, nil) {
		if err != nil {
			t.Fatal(err)
		}
		d := days[c.Hour]
		d.Samples.Add(&c.Samples)
		d.SeriesHours += c.SeriesHours
		days[c.Hour] = d
		teams[c.Team] = true
	}
	if len(days) != 28+1+1 || !teams[attribution.Unowned] || !teams["checkout"] {
		t.Errorf("%d days of teams %v", len(days), teams)
	}
	const aDay, anHour = 3000 * 24 * 240, 3000 * 240 // samples, 15 s apart
	for h, d := range days {
		want, hours := uint64(aDay), uint64(1)
		if h == hour.Day() {
			want, hours = 3*anHour, 3
		}
		if d.Samples[attribution.Forwarded] != want || d.SeriesHours < 2990*hours || d.SeriesHours > 3010*hours {
			t.Errorf("%s: %d samples and %d series-hours, want %d and about %d", h, d.Samples[attribution.Forwarded], d.SeriesHours, want, 3000*hours)
		}
	}
}
