//go:build unix

package main

import (
	"context"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/headgate/headgate/bench/demo/shop"
)

// leading is how many metrics the report shows. What the shop has much of are
// eight: those of blames, both of the pods, which overtake the buckets after
// five minutes, and the shelves.
const leading = 9

// A blame is what the profiler must say of a metric that explodes.
type blame struct {
	metric, label string
	remain        int64 // series without the label
}

// blames are the shop's: one series would remain, and of the histogram's
// buckets one a route.
var blames = []blame{
	{shop.Exploding, "user_id", 1},
	{"checkout_cart_requests_total", "user_id", 1},
	{"search_requests_total", "path", 1},
	{"debug_request_duration_seconds", "request_id", 1},
	{"search_latency_seconds_bucket", "le", 6},
}

// A leader is one of the metrics with the most series, and the label that
// makes the most of them.
type leader struct {
	metric string
	series float64
	label  label // the zero label where none makes any
}

// A label is what the profiler says of a metric's label, a part of the answer
// of GET /api/v1/profile/metric.
type label struct {
	Label         string  `json:"label"`
	Values        float64 `json:"values"`
	SeriesWithout float64 `json:"series_without"`
	Reduction     float64 `json:"reduction"`
}

// leaders asks Headgate for the metrics with the most series.
func (s *stage) leaders(ctx context.Context) ([]leader, error) {
	api := "http://" + s.addr.web + "/api/v1/profile/"
	var page struct {
		Metrics []struct {
			Metric string  `json:"metric"`
			Series float64 `json:"series"`
		} `json:"metrics"`
	}
	if err := getJSON(ctx, api+"metrics?sort=series&limit="+strconv.Itoa(leading), &page); err != nil {
		return nil, err
	}
	var list []leader
	for _, m := range page.Metrics {
		var detail struct {
			Labels []label `json:"labels"`
		}
		if err := getJSON(ctx, api+"metric?"+url.Values{"metric": {m.Metric}}.Encode(), &detail); err != nil {
			return nil, err
		}
		l := leader{metric: m.Metric, series: m.Series}
		for _, of := range detail.Labels {
			if of.Reduction > l.label.Reduction {
				l.label = of
			}
		}
		list = append(list, l)
	}
	return list, nil
}

// profile shows what makes the series that Headgate received. It returns an
// error where a metric that explodes is not among the leading ones, or where it
// is not blamed on its label.
func (s *stage) profile(ctx context.Context) error {
	list, err := s.leaders(ctx)
	if err != nil {
		return fmt.Errorf("ask the profiler: %w", err)
	}
	fmt.Fprintf(s.out, "\nThe metrics with the most series, and the label that makes them:\n\n")
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  metric\tseries\tlabel\tvalues\tseries without it\treduction\t")
	right := 0
	for _, l := range list {
		verdict := ""
		for _, b := range blames {
			switch {
			case b.metric != l.metric:
			case l.label.Label == b.label && rounded(l.label.SeriesWithout) == b.remain:
				verdict = "ok"
				right++
			default:
				verdict = fmt.Sprintf("WRONG: want %s, and %d series without it", b.label, b.remain)
			}
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.metric, grouped(rounded(l.series)),
			l.label.Label, grouped(rounded(l.label.Values)), grouped(rounded(l.label.SeriesWithout)), percent(l.label.Reduction), verdict)
	}
	table.Flush()
	if wrong := len(blames) - right; wrong > 0 {
		return fmt.Errorf("%d of %d metrics that explode do not lead the profile, or not with the label that makes them", wrong, len(blames))
	}
	return nil
}

// rounded returns a count, which the profiler may estimate, as a whole number.
func rounded(n float64) int64 { return int64(math.Round(max(0, n))) }

// percent writes a part of 1. It rounds down: not all series go away.
func percent(part float64) string {
	return strconv.FormatFloat(math.Floor(part*1000)/10, 'f', 1, 64) + " %"
}
