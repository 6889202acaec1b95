//go:build unix

package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"
)

const (
	// flushed is how long the ledger may take to store what was received: it does so
	// every five seconds.
	flushed = 20 * time.Second

	askAgain = 500 * time.Millisecond
)

// ledger shows what the teams would pay. It returns an error where the ledger's
// samples are not those that Headgate received, after its last flush, or where a
// cost report has others.
func (s *stage) ledger(ctx context.Context, total flow) error {
	from := s.begun.UTC().Truncate(time.Hour)
	to := time.Now().UTC().Truncate(time.Hour).Add(time.Hour)
	recorded, err := s.recorded(ctx, from, total)
	if err != nil {
		return fmt.Errorf("ask the ledger: %w", err)
	}
	verdict := "ok"
	if recorded != total {
		verdict = "WRONG"
	}
	fmt.Fprintf(s.out, "Ledger:  %s   %s\n", recorded, verdict)
	if recorded != total {
		return fmt.Errorf("the ledger has %d samples received and %d forwarded, Headgate %d and %d",
			recorded.Received, recorded.Forwarded, total.Received, total.Forwarded)
	}
	return s.costs(ctx, from, to, total)
}

// recorded asks for the ledger's flow until it is want, or time is over.
func (s *stage) recorded(ctx context.Context, from time.Time, want flow) (f flow, err error) {
	address := s.page("/api/v1/flow?" + url.Values{"from": {from.Format(time.RFC3339)}}.Encode())
	tick := time.NewTicker(askAgain)
	defer tick.Stop()
	patience := time.NewTimer(flushed)
	defer patience.Stop()
	for {
		if err = getJSON(ctx, address, &f); err != nil || f == want {
			return f, err
		}
		select {
		case <-tick.C:
		case <-patience.C:
			return f, nil
		case <-ctx.Done():
			return f, ctx.Err()
		}
	}
}

// A teamCost is what a team would pay, a row of GET /api/v1/costs.
type teamCost struct {
	Team        string `json:"team"`
	Samples     int64  `json:"samples"`
	SeriesHours int64  `json:"series_hours"`
	Cost        int64  `json:"cost_micro"`
	Saved       int64  `json:"saved_micro"`
}

// costs shows the cost report of a time by team.
func (s *stage) costs(ctx context.Context, from, to time.Time, want flow) error {
	var report struct {
		Currency string     `json:"currency"`
		Total    int64      `json:"total_micro"`
		Rows     []teamCost `json:"rows"`
	}
	params := url.Values{"by": {"team"}, "from": {from.Format(time.RFC3339)}, "to": {to.Format(time.RFC3339)}}
	if err := getJSON(ctx, s.page("/api/v1/costs?"+params.Encode()), &report); err != nil {
		return fmt.Errorf("ask for costs: %w", err)
	}
	fmt.Fprintf(s.out, "\nWhat it costs so far, in %s; what nobody owns is shared:\n\n", report.Currency)
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  team\tsamples\tseries-hours\tcost\tsaved by rules\t")
	var sum teamCost
	for _, r := range report.Rows {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t\n", r.Team, grouped(r.Samples), grouped(r.SeriesHours), micro(r.Cost), micro(r.Saved))
		sum.Samples += r.Samples
		sum.Cost += r.Cost
	}
	table.Flush()
	if sum.Samples != want.Forwarded || sum.Cost != report.Total {
		return fmt.Errorf("the teams' costs are of %d samples and sum to %d millionths, want %d samples and %d",
			sum.Samples, sum.Cost, want.Forwarded, report.Total)
	}
	return nil
}

// micro writes millionths of a currency.
func micro(n int64) string { return strconv.FormatFloat(float64(n)/1e6, 'f', 6, 64) }
