//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"
)

// settled is how old a sample is when it is surely in the sender's database:
// a scrape may take 4 s.
const settled = 6 * time.Second

// A held is what two Prometheus servers have of one metric: the sender, which
// saw all of it, and the store, behind Headgate.
type held struct {
	sent, stored counted
}

// counted are the series and samples of a metric that a server has.
type counted struct{ series, samples int64 }

// An expectation is what a rule of the example makes of a metric.
type expectation struct {
	rule, metric string
	means        string
	holds        func(held) bool
}

// expectations name a rule or its absence, and what must be true of the store.
var expectations = []expectation{
	{"orders-are-critical", "checkout_orders_total", "kept, every sample", func(h held) bool {
		return h.sent.samples > 0 && h.stored == h.sent
	}},
	{"none", "pod_cpu_seconds_total", "kept, every sample", func(h held) bool {
		return h.sent.samples > 0 && h.stored == h.sent
	}},
	{"drop-request-ids", "debug_request_duration_seconds", "absent", func(h held) bool {
		return h.sent.samples > 0 && h.stored.samples == 0
	}},
	{"thin-warehouse", "warehouse_stock_items", "every series, fewer samples", func(h held) bool {
		return h.stored.series == h.sent.series && h.stored.samples > 0 && h.stored.samples < h.sent.samples
	}},
	{"try-without-user-ids", "checkout_cart_requests_total", "kept: a shadow rule only counts", func(h held) bool {
		return h.sent.samples > 0 && h.stored == h.sent
	}},
}

// report stops the sender, so that all it has is sent, and compares what it has
// with what the store holds; then it shows what ledger, limit, profiler and pages
// make of it. It returns an error where a rule's effect is missing, where a sample
// is unaccounted for, where an explosion is not blamed on its label, or where a
// page does not answer.
func (s *stage) report(ctx context.Context) error {
	at := time.Now().Add(-settled)
	found := make([]held, len(expectations))
	for i, e := range expectations {
		var err error
		if found[i].sent, err = count(ctx, s.addr.sender, e.metric, at); err != nil {
			return fmt.Errorf("ask the sender: %w", err)
		}
	}
	s.stopSender()
	for i, e := range expectations {
		var err error
		if found[i].stored, err = count(ctx, s.addr.store, e.metric, at); err != nil {
			return fmt.Errorf("ask the store: %w", err)
		}
	}
	total, err := s.flow(ctx)
	if err != nil {
		return fmt.Errorf("ask Headgate: %w", err)
	}

	fmt.Fprintf(s.out, "\nWhat the store holds of what was sent, in series/samples up to %s:\n\n", at.UTC().Format(time.TimeOnly+" MST"))
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  rule\tmetric\tsent\tstored\texpected\t")
	wrong := 0
	for i, e := range expectations {
		verdict := "ok"
		if !e.holds(found[i]) {
			verdict = "WRONG"
			wrong++
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\n", e.rule, e.metric, found[i].sent, found[i].stored, e.means, verdict)
	}
	table.Flush()
	fmt.Fprintf(s.out, "\nIn all:  %s\n", total)
	return errors.Join(accounted(total), allHold(wrong), s.ledger(ctx, total), s.limit(ctx), s.profile(ctx), s.pages(ctx))
}

func (c counted) String() string { return grouped(c.series) + "/" + grouped(c.samples) }

func accounted(f flow) error {
	if f.Received == 0 || f.Received != f.outcomes() {
		return fmt.Errorf("received %d samples, and the outcomes account for %d", f.Received, f.outcomes())
	}
	return nil
}

func allHold(wrong int) error {
	if wrong > 0 {
		return fmt.Errorf("%d of %d metrics are not in the store as the rules say", wrong, len(expectations))
	}
	return nil
}

// count asks the Prometheus at address what it has of metric up to a time.
func count(ctx context.Context, address, metric string, at time.Time) (counted, error) {
	var c counted
	var err error
	if c.series, err = query(ctx, address, "count(count_over_time("+metric+"[1d]))", at); err != nil {
		return c, err
	}
	c.samples, err = query(ctx, address, "sum(count_over_time("+metric+"[1d]))", at)
	return c, err
}

// query returns the one value of an instant query, 0 where there is none.
func query(ctx context.Context, address, expr string, at time.Time) (int64, error) {
	params := url.Values{"query": {expr}, "time": {strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)}}
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"` // seconds, and the number as a string
			} `json:"result"`
		} `json:"data"`
	}
	if err := getJSON(ctx, "http://"+address+"/api/v1/query?"+params.Encode(), &answer); err != nil {
		return 0, err
	}
	if len(answer.Data.Result) == 0 {
		return 0, nil
	}
	text, _ := answer.Data.Result[0].Value[1].(string)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("query %s: value %q: %w", expr, text, err)
	}
	return n, nil
}
